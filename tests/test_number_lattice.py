"""The lines of a number and the lattice of each: what its candidates are and what is measured of them, by hand."""

import numpy as np
import pytest

from reading.errors import TooManyDigits
from reading.numbers import lattice
from reading.numbers.lattice import Line, Row
from reading.numbers.pieces import Piece


def block(left: int, top: int, width: int, height: int, *order: int, cut: float = -1, sign: str = "") -> Piece:
    """A rectangle of ink."""
    return Piece(np.ones((height, width), np.float32), top, left, order, sign, cut)


def row_of(*pieces: Piece, high: float = 100, pen: float = 10) -> Row:
    """The lattice of pieces that are not to be cut."""
    return lattice.lattice(Line(list(pieces), high), pen, [True] * len(pieces))


def measured(*pieces: Piece, first: int = 0, last: int = 1, high: float = 100) -> dict[str, float]:
    """What is measured of the candidate of these pieces, without what is 0."""
    row = row_of(*pieces, high=high)
    (geometry,) = (one.geometry for one in row.candidates if (one.first, one.last) == (first, last))
    return {name: value for name, value in zip(lattice.GEOMETRY, geometry, strict=True) if value}


# --- lines ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("high", "wide", "count"), [(8, 384, 1), (7, 10, 0), (8, 385, 0), (7, 385, 0), (9, 385, 1)])
def test_what_is_too_low_or_too_long_for_digits_is_no_line(high: int, wide: int, count: int) -> None:
    assert len(lattice.lines([block(3, 5, wide, high)], 2)) == count
    assert len(lattice.lines([block(3, 5, wide, high), block(3, 100, 10, 10)], 2)) == 2 * count


def test_a_line_has_its_pieces_from_the_left_and_its_height() -> None:
    (line,) = lattice.lines([block(90, 0, 20, 40), block(0, 0, 20, 50), block(95, 45, 14, 9)], 5)
    assert ([one.left for one in line.pieces], line.height) == ([0, 90], 45)


@pytest.mark.parametrize("rows", [1, 2])
def test_twice_as_many_pieces_as_digits_are_too_many(rows: int) -> None:
    pieces = [block(30 * at, 100 * row, 10, 20) for at in range(64 // rows) for row in range(rows)]
    assert sum(len(line.pieces) for line in lattice.lines(pieces, 5)) == 64
    with pytest.raises(TooManyDigits, match="more than 32 digits"):
        lattice.lines([*pieces, block(-30, 0, 10, 20)], 5)


# --- candidates -------------------------------------------------------------------------------------


def test_candidates_are_up_to_five_units_side_by_side() -> None:
    row = row_of(*(block(20 * at, 0, 10, 100) for at in range(7)))
    spans = [(one.first, one.last) for one in row.candidates]
    assert spans == [(first, last) for first in range(7) for last in range(first + 1, min(first + 5, 7) + 1)]
    assert [one.piece for one in row.candidates if one.piece is not None] == list(range(7))
    assert all((one.piece == one.first) is (one.last == one.first + 1) for one in row.candidates)
    assert (row.candidates[1].ink.left, row.candidates[1].ink.right) == (0, 30)


@pytest.mark.parametrize(("wide", "spans"), [(169, [(0, 1), (0, 2), (1, 2)]), (170, [(0, 1), (1, 2)])])
def test_a_candidate_of_several_units_is_not_wide(wide: int, spans: list[tuple[int, int]]) -> None:
    row = row_of(block(7, 0, wide - 60, 100), block(7 + wide - 20, 0, 20, 100))
    assert [(one.first, one.last) for one in row.candidates] == spans
    inside = row_of(block(7, 0, wide, 100), block(30, 0, 20, 100))
    assert [(one.first, one.last) for one in inside.candidates] == spans


@pytest.mark.parametrize(("gap", "count"), [(45, 3), (46, 2)])
def test_parts_far_apart_are_no_candidate(gap: int, count: int) -> None:
    assert len(row_of(block(7, 0, 30, 100), block(37 + gap, 20, 30, 60), high=70).candidates) == count


@pytest.mark.parametrize(("wide", "units"), [(169, [5]), (170, [])])
def test_all_of_a_piece_no_wider_than_a_digit_may_be_one_however_it_might_be_cut(wide: int, units: list[int]) -> None:
    comb = np.zeros((100, wide), np.float32)
    comb[45:55] = comb[:, np.arange(wide) % 30 < 10] = 1  # it could be six ones
    row = lattice.lattice(Line([Piece(comb, 0, 7)], 100), 10, [False])
    assert row.units > lattice.MOST_UNITS
    assert [one.units for one in row.candidates if one.piece == 0] == units


def test_a_sign_is_a_candidate_alone() -> None:
    row = row_of(block(0, 0, 20, 100), block(30, 90, 9, 9, sign="."), block(50, 0, 20, 100))
    assert [(one.first, one.last, one.sign) for one in row.candidates] == [(0, 1, ""), (1, 2, "."), (2, 3, "")]


# --- their geometry ---------------------------------------------------------------------------------


def test_a_digit_like_its_neighbours_costs_nothing() -> None:
    assert measured(block(0, 0, 50, 100), block(80, 0, 50, 100), first=1, last=2) == {}


def test_height_and_level_are_squares() -> None:
    digits = [block(200 * at, 0, 50, 100) for at in range(1, 4)]
    assert measured(block(0, 25, 20, 50), *digits) == {"high": pytest.approx(np.log(2) ** 2)}
    assert measured(block(0, 0, 20, 50), *digits) == pytest.approx({"high": np.log(2) ** 2, "level": 0.0625})
    assert measured(block(0, 50, 50, 100), *digits) == {"level": 0.25}
    assert measured(block(0, -3, 50, 200), *digits) == pytest.approx({"high": np.log(2) ** 2, "level": 0.47**2})


@pytest.mark.parametrize(("high", "level"), [(30, {}), (31, {"level": 0.25})])
def test_small_units_say_nothing_of_where_a_row_is(high: int, level: dict[str, float]) -> None:
    small = [block(80, 150 - high // 2, 50, high) for _ in range(2)]
    digit = block(0, 0, 50, 100)
    found = measured(digit, *small, block(300, 100, 50, 100)) if high == 31 else measured(digit, *small)
    assert found.keys() == level.keys()


def test_the_middle_of_a_row_is_the_median_of_its_units() -> None:
    assert measured(block(0, 0, 50, 101), block(100, 1, 50, 101), high=101) == pytest.approx(
        {"level": (0.5 / 101) ** 2}
    )
    three = [block(0, 0, 50, 101), block(100, 8, 50, 101), block(200, 90, 50, 101)]
    assert measured(*three, high=101) == pytest.approx({"level": (8 / 101) ** 2})
    one = measured(block(0, 1, 50, 100), block(100, 0, 50, 103), high=100)
    assert one["level"] == pytest.approx(0.0025**2)


def test_stairs_of_ink_that_count_as_one_high_digit_have_a_middle() -> None:
    stairs = [block(20 * at, 18 * at, 90, 30) for at in range(6)]  # each above the next but one
    (line,) = lattice.lines(stairs, 5)
    assert line.height == 102
    expected = {"high": np.log(3.4) ** 2, "level": (45 / 102) ** 2, "wide": 60 / 102}
    assert measured(*line.pieces, high=102) == pytest.approx(expected)


def test_width_is_what_is_wider_than_high_and_gaps_are_summed() -> None:
    assert measured(block(0, 0, 100, 100)) == {}
    assert measured(block(9, 0, 125, 100)) == {"wide": 0.25}
    apart = [block(3, 0, 10, 100), block(28, 0, 25, 100), block(78, 0, 75, 100)]
    assert measured(*apart, last=2) == {"split": pytest.approx(0.15)}
    assert measured(*apart, last=3) == pytest.approx({"split": 0.4, "wide": 0.5})
    over = [block(0, 0, 60, 100), block(50, 0, 10, 100), block(70, 0, 20, 100)]
    assert measured(*over, last=3) == {"split": pytest.approx(0.1)}


@pytest.mark.parametrize(
    ("orders", "late"),
    [
        ([(), ()], False),
        ([(3,), ()], False),
        ([(3,), (4,)], False),
        ([(4,), (3,)], False),
        ([(0,), (2,)], True),
        ([(2,), (0,)], True),
        ([(0,), (6,)], True),
        ([(5, 6), (4,)], False),
        ([(5, 7), (4,)], True),
        ([(300, 310), (303,)], True),
    ],
)
def test_strokes_written_in_one_go_are_not_late(orders: list[tuple[int, ...]], late: bool) -> None:
    pieces = [block(30 * at, 0, 20, 100, *order) for at, order in enumerate(orders)]
    assert ("late" in measured(*pieces, last=2)) is late


@pytest.mark.parametrize(("cut", "found"), [(0.0, {"touching": 1}), (0.75, {"touching": 1, "unlikely": 0.75})])
def test_a_cut_on_the_left_of_a_candidate_counts(cut: float, found: dict[str, float]) -> None:
    touching = block(50, 0, 50, 100, 1, cut=cut)
    assert measured(block(0, 0, 51, 100, 0), touching, first=1, last=2) == found
    assert measured(touching._replace(cut=-1), block(100, 0, 20, 100, cut=cut), last=1) == {}


def test_strokes_that_touch_across_a_gap_meet() -> None:
    near = {"near": pytest.approx(0.1)}
    left, long = block(0, 0, 20, 100, 0), block(0, 50, 95, 10, 0)
    middle, right = block(40, 0, 20, 100, 1), block(90, 0, 20, 100, 2)
    assert measured(left, middle, right, first=2, last=3) == {}
    assert measured(long, middle, right, first=2, last=3)["meets"] == 1
    assert measured(left, long, middle, right, first=3, last=4)["meets"] == 1
    assert "meets" not in measured(long, left, middle, right, first=3, last=4)
    assert "meets" not in measured(long._replace(order=()), middle, right, first=2, last=3)
    assert "meets" not in measured(long, middle, right._replace(order=()), first=2, last=3)
    assert "meets" not in measured(long, middle, right._replace(cut=0.5), first=2, last=3)
    assert "meets" not in measured(long, middle, right._replace(cut=0), first=2, last=3)
    assert measured(left, block(30, 0, 20, 100, 1), first=1, last=2) == near


def test_the_first_two_units_of_a_candidate_may_meet_what_is_before_it() -> None:
    long = block(0, 50, 75, 10, 0)
    units = [block(20, 0, 10, 100, 1), block(40, 0, 10, 100, 2), block(70, 0, 10, 100, 3)]
    others = [one._replace(order=()) for one in units]
    assert measured(long, *units, first=1, last=3)["meets"] == 1
    assert measured(long, others[0], *units[1:], first=1, last=4)["meets"] == 1
    assert "meets" not in measured(long, *others[:2], units[2], first=1, last=4)


@pytest.mark.parametrize(("gap", "near"), [(20, 0), (15, 0.05), (0, 0.2), (-30, 0.5), (-40, 0.6), (-60, 0.6)])
def test_a_narrow_gap_before_a_candidate_is_near(gap: int, near: float) -> None:
    left, right = block(0, 0, 100, 100), block(100 + gap, 0, 100, 100)
    assert measured(left, right, first=1, last=2) == ({"near": pytest.approx(near)} if near else {})
    assert measured(block(-500, 0, 30, 100), left, right, first=2, last=3).get("near", 0) == pytest.approx(near)
    assert measured(left, right, first=0) == {}
