"""Rows and signs of a number, by hand: each exactly at its bound and one pixel beyond, at several places."""

import numpy as np
import pytest

from reading.numbers import rows, signs
from reading.numbers.pieces import Piece

PLACES = [(0, 0), (1, 3), (38, 57), (101, 200)]  # where the upper left corner is: right, down


def block(left: float, top: float, width: int, height: int, level: float = 1, order: tuple[int, ...] = ()) -> Piece:
    """A rectangle of ink."""
    return Piece(np.full((height, width), level, np.float32), int(top), int(left), order)


def moved(row: list[Piece], right: int, down: int) -> list[Piece]:
    return [one._replace(left=one.left + right, top=one.top + down) for one in row]


# --- signs ------------------------------------------------------------------------------------------

HIGH, PEN = 100.0, 10.0
DIGIT, NEXT = block(0, 0, 60, 100), block(200, 0, 60, 100)  # their middle is at 50
DOT, BAR = block(120, 85, 10, 10), block(10, 45, 50, 10)


def sign(one: Piece, *others: Piece, high: float = HIGH, pen: float = PEN, at: tuple[int, int] = (0, 0)) -> str:
    """What a piece is in a row with others."""
    return signs.marked(moved([*others[:1], one, *others[1:]], *at), high, pen)[min(len(others), 1)].sign


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(
    ("dot", "found"),
    [
        (block(120, 77, 22, 22), "."),
        (block(120, 77, 23, 10), ""),
        (block(120, 77, 10, 23), ""),
        (block(120, 70, 10, 10), ""),  # its middle is a quarter of the height below that of the digits
        (block(120, 70, 10, 11), "."),
        (block(120, 15, 10, 10), ""),
        (block(120, 200, 10, 10), "."),
    ],
)
def test_a_point_is_small_and_low(dot: Piece, found: str, at: tuple[int, int]) -> None:
    assert sign(dot, DIGIT, NEXT, at=at) == found


@pytest.mark.parametrize(("side", "found"), [(12, "."), (13, "")])
def test_a_point_is_an_eighth_of_the_height_if_the_pen_is_thin(side: int, found: str) -> None:
    assert sign(block(120, 85, side, 10), DIGIT, NEXT, pen=5) == found
    assert sign(block(120, 80, 10, side), DIGIT, NEXT, pen=5) == found


@pytest.mark.parametrize(("high", "found"), [(44, ""), (45, ".")])
def test_where_the_pen_is_as_wide_as_half_a_digit_nothing_is_a_point(high: int, found: str) -> None:
    assert sign(DOT._replace(top=40), block(0, 0, 30, high), block(200, 0, 30, high), high=high) == found


COMMA = block(120, 78, 20, 45)


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(
    ("comma", "found"),
    [
        (COMMA, ","),
        (block(120, 78, 20, 46), ""),
        (block(120, 78, 44, 45), ","),
        (block(120, 78, 45, 45), ""),
        (block(120, 68, 20, 44), ""),  # its middle is two fifths of the height below that of the digits
        (block(120, 68, 20, 45), ","),
        (block(120, 77, 10, 23), ""),
        (block(120, 79, 10, 23), ","),
        (block(120, 79, 10, 22), "."),  # no longer than a dot
        (block(120, -40, 20, 45), ""),
    ],
)
def test_a_comma_hangs_below_the_digits(comma: Piece, found: str, at: tuple[int, int]) -> None:
    assert sign(comma, DIGIT, NEXT, at=at) == found


@pytest.mark.parametrize(("right", "found"), [(80, ","), (81, "")])
def test_a_comma_is_beside_the_digits(right: int, found: str) -> None:
    over = block(right - 60, 0, 60, 70)  # its last columns are above those of the comma
    assert sign(COMMA._replace(left=70), over, NEXT) == found
    assert sign(COMMA._replace(left=70), block(-99, 0, 60, 100), over._replace(left=160 - right)) == found


def test_a_comma_is_between_digits() -> None:
    assert sign(COMMA, DIGIT) == sign(COMMA, NEXT) == ""


@pytest.mark.parametrize(("left", "found"), [(140, ""), (141, ",")])
def test_in_the_box_of_a_comma_is_no_other_ink(left: int, found: str) -> None:
    assert sign(COMMA, DIGIT, NEXT._replace(left=left)) == found


@pytest.mark.parametrize("at", PLACES)
def test_a_point_is_between_digits(at: tuple[int, int]) -> None:
    before, after = block(-100, 0, 60, 100), block(-200, 0, 60, 100)
    assert sign(DOT._replace(left=-130), before, NEXT, at=(at[0] + 200, at[1])) == ""
    assert sign(DOT._replace(left=-130), before, after, at=(at[0] + 200, at[1])) == "."
    assert [sign(DOT, one, at=at) for one in (DIGIT, NEXT)] == ["", ""]


def ring(left: int, width: int) -> Piece:
    """Ink in the upper half alone, of the height of a digit."""
    ink = np.zeros((100, width), np.float32)
    ink[:50] = ink[99, -1:] = 1
    return Piece(ink, 0, left)


@pytest.mark.parametrize(
    ("left", "width", "found"),
    [(100, 50, ""), (100, 51, ""), (100, 49, "."), (101, 48, ""), (20, 40, "."), (101, 90, "")],
)
def test_what_is_before_a_sign_has_its_middle_there(left: int, width: int, found: str) -> None:
    assert sign(block(120, 80, 10, 10), ring(left, width), NEXT) == found


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(
    ("bar", "found"),
    [
        (block(20, 40, 40, 20), "-"),
        (block(20, 40, 39, 20), ""),
        (block(20, 40, 41, 21), ""),
        (block(20, 48, 15, 5), "-"),
        (block(20, 48, 14, 5), ""),
        (block(20, 48, 90, 5), "-"),
        (block(20, 48, 91, 5), ""),
        (block(20, 70, 50, 10), ""),
        (block(20, 70, 50, 9), "-"),
        (block(20, 20, 50, 10), ""),
        (block(20, 20, 50, 11), "-"),
    ],
)
def test_a_minus_is_level_and_at_middle_height(bar: Piece, found: str, at: tuple[int, int]) -> None:
    assert signs.marked(moved([bar, NEXT], *at), HIGH, PEN)[0].sign == found
    assert signs.marked(moved([NEXT, bar], *at), HIGH, PEN)[1].sign == found  # in whatever order they are
    assert signs.marked(moved([bar, DIGIT._replace(left=-70), NEXT], at[0] + 70, at[1]), HIGH, PEN)[0].sign == ""
    assert signs.marked(moved([bar._replace(left=300), DIGIT], *at), HIGH, PEN)[0].sign == ""


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_signs_grow_with_their_row(scale: int) -> None:
    def large(one: Piece) -> Piece:
        return block(scale * one.left, scale * one.top, scale * one.width, scale * one.height)

    row = [large(one) for one in (BAR, DIGIT._replace(left=70), block(150, 78, 22, 22), NEXT)]
    assert [one.sign for one in signs.marked(row, scale * HIGH, scale * PEN)] == ["-", "", ".", ""]
    assert all(one.sign == "" for one in signs.marked(row, 10 * scale * HIGH / 8, scale * 1.0)[2:])


@pytest.mark.parametrize(("high", "found"), [(50, "."), (51, "")])
def test_only_what_is_higher_than_half_a_row_tells_where_its_middle_is(high: int, found: str) -> None:
    below = block(300, 200, 60, high)
    assert sign(DOT, DIGIT, below) == found
    assert sign(DOT, DIGIT, NEXT, below, below._replace(left=400)) == found
    assert sign(DOT, DIGIT, NEXT, *(block(left, 120, 5, 5) for left in (300, 320, 340, 360))) == "."


def test_a_piece_alone_is_no_sign() -> None:
    assert signs.marked([DIGIT], HIGH, PEN)[0].sign == ""
    (found,) = signs.marked([DIGIT], HIGH, PEN)
    assert found.ink is DIGIT.ink


# DOT's box goes from 120, 85 to 130, 95; a twentieth of a row and a pixel around it is no other ink.
NEAR = [(114, 90, False), (113, 90, True), (136, 90, False), (137, 90, True)]
NEAR += [(125, 79, False), (125, 78, True), (125, 101, False), (125, 102, True)]
NEAR += [(114, 79, False), (113, 78, True), (136, 101, False), (137, 102, True), (122, 87, False), (125, 400, True)]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(("x", "y", "clear"), NEAR)
def test_around_a_sign_is_paper(x: int, y: int, clear: bool, at: tuple[int, int]) -> None:
    expected = "." if clear else ""
    assert sign(DOT, DIGIT, NEXT, block(x, y, 1, 1), at=at) == expected
    around = np.zeros((40, 40), np.float32)  # the same speck in the middle of a piece that has no other ink
    around[20, 20] = signs.INKED
    assert sign(DOT, DIGIT, NEXT, Piece(around, y - 20, x - 20), at=at) == expected
    assert sign(DOT, DIGIT, NEXT, Piece(around * 0.99, y - 20, x - 20), at=at) == "."


@pytest.mark.parametrize(
    "far", [block(140, 85, 2, 10), block(108, 85, 2, 10), block(120, 110, 10, 2), block(120, 60, 10, 2)]
)
def test_ink_farther_away_leaves_a_sign_alone(far: Piece) -> None:
    assert sign(DOT, DIGIT, NEXT, far) == "."


@pytest.mark.parametrize(
    ("x", "y", "clear"),
    [
        *[(135, 80, False), (136, 80, True), (114, 80, False), (113, 80, True)],
        *[(125, 69, False), (125, 68, True), (125, 90, False), (125, 91, True)],
    ],
)
def test_around_a_sign_are_whole_pixels(x: int, y: int, clear: bool) -> None:
    row = [block(0, 0, 60, 90), block(120, 75, 10, 10), block(200, 0, 60, 90), block(x, y, 1, 1)]
    assert (signs.marked(row, 90, PEN)[1].sign == ".") is clear  # 5.4 pixels


# --- rows -------------------------------------------------------------------------------------------


def found_rows(*row: Piece) -> list[list[int]]:
    """The numbers of the pieces in each row."""
    order = {id(one.ink): at for at, one in enumerate(row)}
    return [[order[id(one.ink)] for one in each] for each in rows.rows(row)]


@pytest.mark.parametrize(("low", "found"), [(65, [[0], [1]]), (64, [[0, 1]])])
def test_pieces_that_share_a_third_of_their_rows_are_one_row(low: int, found: list[list[int]]) -> None:
    assert sorted(map(sorted, found_rows(block(0, 0, 50, 100), block(100, low, 50, 100)))) == found
    assert sorted(map(sorted, found_rows(block(0, 7, 50, 100), block(100, low + 7, 50, 120)))) == found
    turned = found_rows(block(0, low + 3, 50, 100), block(100, 3, 50, 100))
    assert sorted(map(sorted, turned)) == found


@pytest.mark.parametrize("down", [0, 1, 30])
@pytest.mark.parametrize(
    ("piece", "found"),
    [
        (block(0, 400, 9, 45), [[0, 1], [2, 3], [4]]),  # as high as a row
        (block(0, 400, 9, 44), [[0, 1], [2, 3, 4]]),
        (block(0, 145, 9, 9), [[0, 1, 4], [2, 3]]),  # the middles of the rows are at 50 and 250
        (block(0, 144, 9, 11), [[0, 1, 4], [2, 3]]),
        (block(0, 146, 9, 10), [[0, 1], [2, 3, 4]]),
        (block(0, 20, 9, 9), [[0, 1, 4], [2, 3]]),
        (block(0, 290, 9, 9), [[0, 1], [2, 3, 4]]),
    ],
)
def test_a_small_piece_is_in_the_nearest_row(piece: Piece, found: list[list[int]], down: int) -> None:
    row = [block(0, 0, 50, 100), block(90, 0, 50, 100), block(0, 200, 50, 100), block(90, 200, 50, 100), piece]
    assert [sorted(each) for each in found_rows(*moved(row, 0, down))] == found


def test_rows_are_in_order_from_the_top() -> None:
    lower, upper, middle = block(0, 400, 50, 100), block(10, 0, 50, 100), block(70, 170, 60, 90)
    assert found_rows(lower, upper, middle) == [[1], [2], [0]]
    assert found_rows(lower, middle, upper, block(70, 420, 50, 90)) == [[2], [1], [3, 0]]


def test_where_a_row_is_tells_the_mean_of_its_pieces() -> None:
    upper = [block(0, 0, 50, 100), block(60, 30, 50, 100), block(120, 60, 50, 100)]  # their middle is at 80
    lower = [block(0, 260, 50, 100)]  # at 310: half-way is 195
    assert found_rows(*upper, *lower, block(0, 189, 9, 10))[0][-1] == 4
    assert found_rows(*upper, *lower, block(0, 191, 9, 10))[1][-1] == 4


def eights(*order: int, right: int = 0, down: int = 50) -> list[Piece]:
    """Two eights side by side, of two loops each, which are 50 high, in the order in which these are written."""
    places = [(0, 0), (right, down), (100, 0), (100 + right, down)]
    return [block(left, top, 40, 50, order=(at,)) for (left, top), at in zip(places, order, strict=True)]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(
    ("order", "rows"), [((0, 1, 2, 3), 1), ((1, 0, 2, 3), 1), ((3, 2, 1, 0), 1), ((0, 2, 1, 3), 2), ((0, 1, 2, 4), 2)]
)
def test_loops_written_in_turn_are_one_row_of_eights(order: tuple[int, ...], rows: int, at: tuple[int, int]) -> None:
    loops = moved(eights(*order), *at)
    assert len(found_rows(*loops)) == len(found_rows(*loops[::-1])) == rows
    assert len(found_rows(*(one._replace(order=()) for one in loops))) == 2


@pytest.mark.parametrize(
    ("right", "down", "rows"),
    [(19, 50, 1), (20, 50, 2), (-19, 50, 1), (-20, 50, 2), (0, 32, 1), (0, 62, 1), (0, 63, 2)],
)
def test_loops_of_eights_are_close_and_above_each_other(right: int, down: int, rows: int) -> None:
    assert len(found_rows(*eights(0, 1, 2, 3, right=right, down=down))) == rows


def test_loops_of_eights_come_in_pairs() -> None:
    loops = eights(0, 1, 2, 3)
    assert len(found_rows(*loops[:2])) == 2  # a five below a three, too, may be written like this
    assert len(found_rows(*loops[:3])) == 2
    assert len(found_rows(*loops, block(200, 0, 40, 50, order=(4,)))) == 2
    assert len(found_rows(*loops, block(0, 200, 40, 50, order=(4,)), block(100, 200, 40, 50, order=(5,)))) == 3
    assert found_rows(*loops, block(150, 90, 9, 9, order=(4,))) == [[0, 1, 2, 3, 4]]


def test_the_height_of_a_row_is_that_of_its_digits() -> None:
    def high(*heights: int) -> float:
        return rows.height([block(20 * at, 0, 9, each) for at, each in enumerate(heights)])

    assert high(100, 45, 44, 3) == 72.5
    assert high(100, 44, 44) == 100
    assert high(80, 90, 100) == 90


def test_a_point_lies_low_beside_eights_in_two_loops() -> None:
    loops = moved(eights(0, 1, 2, 3), 200, 0)  # their middle is at 50, though no loop's is there
    assert signs.marked([block(160, 85, 10, 10), DIGIT, *loops], HIGH, PEN)[0].sign == "."
    assert signs.marked([block(160, 70, 10, 10), DIGIT, *loops], HIGH, PEN)[0].sign == ""
    assert signs.marked([block(160, 85, 10, 10), *eights(0, 1, 2, 3)[:2], *loops], 104, PEN)[0].sign == "."


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(("right", "alone", "among"), [(0, 100, 96), (24, 100, 96), (25, 52, 56), (40, 52, 56)])
def test_the_loops_of_an_eight_are_as_high_as_it_is(
    right: int, alone: float, among: float, at: tuple[int, int]
) -> None:
    upper, lower = block(0, 0, 40, 52), block(right, 48, 30, 52)  # they share half of 30 columns if it is 25
    digits = [block(80, 0, 30, 60), block(120, 0, 30, 96)]
    assert rows.height(moved([upper, lower], *at)) == rows.height(moved([lower, upper], *at)) == alone
    assert rows.height(moved([upper, lower, *digits], *at)) == among


def test_a_gap_is_measured_in_heights_of_the_smaller_row() -> None:
    above, below = [block(0, 0, 50, 100), block(60, 10, 50, 100)], [block(0, 130, 50, 80), block(60, 140, 50, 80)]
    assert rows.gap(above, below) == rows.gap(moved(above, 3, 9), moved(below, 3, 9)) == 0.25
    assert rows.gap([block(0, 0, 50, 40)], [block(0, 50, 50, 80)]) == 0.25
    assert not rows.are_apart([above, below])
    assert rows.are_apart([above, moved(below, 0, 1)])
    assert not rows.are_apart([above, moved(below, 0, -40)])
    assert not rows.are_apart([above])
    assert rows.are_apart([above, moved(below, 0, -30), moved(below, 0, 50)])


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("high", [100, 200])
def test_parts_side_by_side_with_a_gap_of_nearly_half_their_height_are_not_one_digit(
    high: int, at: tuple[int, int]
) -> None:
    left, right = block(0, 0, 30, high), block(30 + 45 * high // 100, 9, 30, high - 20)
    assert rows.gap_beside(moved([left, right], *at)) == rows.gap_beside(moved([right, left], *at)) == 0.45
    assert not rows.are_beside(moved([left, right], *at))
    assert rows.are_beside(moved([left, *moved([right], 1, 0)], *at))
    between = block(40, 50, 21, 21 * high // 100)
    assert not rows.are_beside(moved([left, *moved([right], 1, 0), between], *at))


def test_the_height_of_all_parts_counts() -> None:
    upper, lower = block(0, 0, 30, 50), block(75, 50, 30, 50)
    assert rows.gap_beside([upper, lower]) == 0.45


@pytest.mark.parametrize(("side", "gap"), [(20, 0), (21, 0.6)])
def test_a_speck_tells_nothing_of_gaps(side: int, gap: float) -> None:
    digit = block(0, 0, 60, 100)
    assert rows.gap_beside([digit, block(120, 50, side, 3)]) == rows.gap_beside([digit, block(120, 50, 3, side)]) == gap


def test_parts_that_overlap_have_no_gap() -> None:
    wide, narrow, last = block(0, 0, 90, 100), block(10, 0, 10, 90), block(100, 0, 20, 80)
    assert rows.gap_beside([wide, narrow]) == rows.gap_beside([wide]) == 0
    assert rows.gap_beside([last, narrow, wide]) == 0.1
