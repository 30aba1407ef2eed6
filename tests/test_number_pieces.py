"""Pieces of ink, by hand: parts and strokes, what touches, what is joined, each at its bound and one pixel beyond."""

import numpy as np
import pytest

from reading.numbers import pieces
from reading.numbers.pieces import Piece
from test_number_rows import PLACES, block, moved


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(
    ("other", "touching"),
    [
        (block(19, 14, 5, 5), True),
        (block(20, 14, 5, 5), False),
        (block(19, 15, 5, 5), False),
        (block(6, 2, 5, 4), True),
        (block(5, 2, 5, 4), False),
        (block(6, 1, 5, 4), False),
        (block(12, 8, 2, 2), True),
        (block(0, 0, 50, 50), True),
        (block(40, 40, 50, 50), False),
        (block(12, 40, 2, 2), False),
        (block(40, 8, 2, 2), False),
        (block(12, 8, 2, 2, 0.25), True),
        (block(12, 8, 2, 2, 0.24), False),
    ],
)
def test_pieces_touch_where_both_have_ink(other: Piece, touching: bool, at: tuple[int, int]) -> None:
    one, other = moved([block(10, 5, 10, 10), other], *at)
    assert one.touches(other) is other.touches(one) is touching


def test_pieces_whose_ink_is_at_other_places_do_not_touch() -> None:
    upper = np.zeros((10, 10), np.float32)
    upper[:5] = 1
    assert not Piece(upper, 0, 0).touches(Piece(upper[::-1].copy(), 0, 0))
    assert Piece(upper, 0, 0).touches(Piece(upper[::-1].copy(), -1, 0))
    assert not Piece(upper.T.copy(), 0, 0).touches(Piece(upper.T[:, ::-1].copy(), 0, 0))
    assert Piece(upper.T.copy(), 0, 0).touches(Piece(upper.T[:, ::-1].copy(), 0, -1))


def bars(runs: int, rest: int = 0) -> np.ndarray:
    """A picture with 100 bars of so many rows, the last of them with `rest` more."""
    ink = np.zeros((runs + rest, 201), np.float32)
    ink[:runs, 1::2] = 1
    ink[:, 199] = 1
    return ink


def test_a_pattern_has_too_many_runs() -> None:
    assert len(pieces.of_parts(bars(200)) or []) == 100
    assert pieces.of_parts(bars(200, 1)) is None


@pytest.mark.parametrize(("count", "found"), [(160, 160), (161, 0)])
def test_there_are_at_most_so_many_pieces(count: int, found: int) -> None:
    ink = np.zeros((3, 2 * count), np.float32)
    ink[1, ::2] = 1
    assert len(pieces.of_parts(ink) or []) == found


def test_a_piece_is_its_own_ink_alone() -> None:
    ink = np.zeros((9, 12), np.float32)
    ink[2:5, 3], ink[4, 4:6], ink[2, 6:9], ink[7, 1] = 0.5, 0.25, 1, 0.24
    first, other = pieces.of_parts(ink) or []
    assert (first.top, first.left, first.bottom, first.right) == (2, 3, 5, 6)
    assert first.ink.tolist() == [[0.5, 0, 0], [0.5, 0, 0], [0.5, 0.25, 0.25]]
    assert (other.top, other.left, other.ink.tolist()) == (2, 6, [[1, 1, 1]])
    assert (first.order, first.sign, first.cut) == ((), "", -1)


BAR_INK = np.zeros((40, 400), np.float32)
BAR_INK[15:25, 20:380] = 1
ALONG = np.array([[25.0, 20.0], [375.0, 20.0]])


def points(on: int, off: int) -> np.ndarray:
    """A stroke along the bar with so many points, and points beside it."""
    return np.array([*np.linspace((25, 20), (375, 20), on).tolist(), *[[200.0, 27.0]] * off])


@pytest.mark.parametrize(("off", "found"), [(0, True), (1, True), (2, False)])
def test_nearly_all_points_of_strokes_are_on_ink(off: int, found: bool) -> None:
    assert bool(pieces.of_strokes(BAR_INK, [points(25 - off, off)])) is found


@pytest.mark.parametrize(("rest", "found"), [(150, True), (151, False)])
def test_strokes_cover_nearly_all_ink(rest: int, found: bool) -> None:
    ink = BAR_INK.copy()
    ink[2, 40 : 40 + rest] = 1  # 150 of 3,750 pixels: a twenty-fifth
    assert bool(pieces.of_strokes(ink, [ALONG])) is found


def test_each_stroke_has_the_ink_that_it_covers() -> None:
    ink = np.zeros((80, 200), np.float32)
    ink[10:20, 10:90] = ink[50:60, 100:190] = 1
    strokes = [np.array([[105.0, 55.0], [185.0, 55.0]]), np.array([[15.0, 15.0], [85.0, 15.0]])]
    found = pieces.of_strokes(ink, strokes) or []
    assert [(one.left, one.top, one.right, one.bottom) for one in found] == [(100, 50, 190, 60), (10, 10, 90, 20)]
    assert [one.order for one in found] == [(0,), (1,)]
    assert pieces.of_strokes(ink, strokes[:1]) is None
    beside = [*strokes, np.array([[150.0, 20.0]])]  # one of five points: too many
    assert pieces.of_strokes(ink, beside) is None
    often = [np.concatenate([np.linspace(*one, 25) for one in strokes]), np.array([[-40.0, 20.0]])]
    assert [one.order for one in pieces.of_strokes(ink, often) or []] == [(0,)]


def test_points_beyond_a_picture_count_as_on_its_edge() -> None:
    ink = np.zeros((40, 60), np.float32)
    ink[15:25] = 1
    stroke = np.array([[-30.0, 20.0], [90.0, 20.0]])
    assert [one.width for one in pieces.of_strokes(ink, [stroke]) or []] == [60]
    upright = pieces.of_strokes(np.ascontiguousarray(ink.T), [stroke[:, ::-1]]) or []
    assert [one.height for one in upright] == [60]


@pytest.mark.parametrize(("margin", "found"), [(1, True), (2, False)])
@pytest.mark.parametrize("turned", range(4))
def test_points_beyond_a_picture_are_on_ink_if_its_edge_is(turned: int, margin: int, found: bool) -> None:
    ink = np.zeros((40, 300), np.float32)
    ink[15:25, margin:] = 1
    along = [*np.linspace((20, 20), (290, 20), 23).tolist(), [-5.0, 20.0], [-9.0, 20.0]]
    x, y = np.array(along).T
    ways = [np.stack([x, y], 1), np.stack([y, 299 - x], 1), np.stack([299 - x, 39 - y], 1), np.stack([39 - y, x], 1)]
    stroke = ways[turned]
    assert bool(pieces.of_strokes(np.ascontiguousarray(np.rot90(ink, turned)), [stroke])) is found


@pytest.mark.parametrize(("x", "y"), [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_dot_covers_what_a_pen_leaves_around_it(x: int, y: int) -> None:
    ink = np.zeros((100, 400), np.float32)
    ink[15:25, 20:380] = 1
    ink[65:76, 195:206] = 1
    ink[70 + 7 * y, 200 + 7 * x] = ink[70 + 12 * y, 200 + 12 * x] = 1
    along, dot = pieces.of_strokes(ink, [ALONG, np.array([[200.0, 70.0]])]) or []
    assert (along.left, along.top, along.right, along.bottom, along.order) == (20, 15, 380, 25, (0,))
    assert (dot.left, dot.top) == (195 + min(0, 2 * x), 65 + min(0, 2 * y))
    assert (dot.width, dot.height, dot.order) == (11 + 2 * abs(x), 11 + 2 * abs(y), (1,))


def test_pieces_together_have_the_ink_of_all() -> None:
    one = Piece(np.array([[0.5, 0.25]], np.float32), 4, 3, (2,), cut=1.5)
    other = Piece(np.array([[1.0], [0.5]], np.float32), 3, 4, (0, 5))
    found = pieces.together([one, other])
    assert (found.top, found.left, found.order, found.sign, found.cut) == (3, 3, (0, 2, 5), "", 1.5)
    assert found.ink.tolist() == [[0, 1], [0.5, 0.5]]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize(("left", "apart"), [(20, True), (19, False), (-20, True), (-19, False)])
def test_pieces_that_share_most_columns_are_joined(left: int, apart: bool, at: tuple[int, int]) -> None:
    wide = pieces.joined(moved([block(50, 0, 100, 20), block(50 + left, 40, 100, 20)], *at))
    assert len(wide) == 1 + apart
    narrow = block(130 if left > 0 else 30, 40, 50, 20)
    assert len(pieces.joined(moved([block(50, 0, 100, 20), narrow], *at))) == 2


def test_a_sign_is_not_joined_and_all_are_in_order_from_the_left() -> None:
    above, below = block(50, 0, 40, 20), block(50, 40, 40, 20)
    point, wide = block(60, 80, 9, 9)._replace(sign="."), block(20, 0, 40, 60)
    found = pieces.joined([point, above, below, wide])
    assert [(one.left, one.sign) for one in found] == [(20, ""), (60, "."), (50, "")]
    over = block(0, 0, 100, 9)._replace(sign="-")
    assert [one.left for one in pieces.joined([over, block(20, 40, 20, 9)])] == [20, 0]


def test_pieces_are_linked_through_others() -> None:
    chain = [block(at, 0, 1, 1) for at in (0, 20, 10, 40, 31)]
    found = pieces.grouped(chain, lambda one, other: abs(one.left - other.left) <= 10)
    assert [sorted(one.left for one in group) for group in found] == [[0, 10, 20], [31, 40]]
