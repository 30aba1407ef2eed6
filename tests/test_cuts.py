"""Where digits that touch are taken apart: outlines, necks between their corners, seams, and which cut is likeliest."""

import numpy as np
import pytest

import pictures
import reading
from reading.numbers import cuts, necks, outlines
from reading.numbers.pieces import Piece, of_parts
from reading.parts import pen_width

RING = np.zeros((12, 14), bool)
RING[2:10, 2:12] = True
RING[4:8, 5:9] = False
DUMBBELL = np.zeros((40, 70), bool)  # two squares that a bridge joins
DUMBBELL[5:35, 5:30] = DUMBBELL[5:35, 40:65] = DUMBBELL[17:23, 30:40] = True


def test_an_outline_goes_around_ink_and_another_one_around_each_hole() -> None:
    around, hole = sorted(outlines.outlines(RING), key=outlines.area, reverse=True)
    assert (outlines.area(around), outlines.area(hole)) == (80, -16)
    assert (len(around), len(hole)) == (36, 16)
    assert sorted({x for x, _ in around.tolist()}) == list(range(2, 13))


def test_pixels_that_meet_at_a_corner_have_one_outline() -> None:
    assert [len(one) for one in outlines.outlines(np.eye(4, dtype=bool))] == [16]


def test_no_ink_has_no_outline_and_no_way_through() -> None:
    assert outlines.outlines(np.zeros((5, 5), bool)) == []
    assert necks.ways(np.zeros((5, 5), bool), 3) == []


@pytest.mark.parametrize(("reach", "expected"), [(0, 0), (1, 1 / 3), (9, 1 / 3)])
def test_a_short_outline_is_smoothed_over_less_than_all_of_it(reach: int, expected: float) -> None:
    (pixel,) = outlines.outlines(np.ones((1, 1), bool))
    smooth = outlines.smoothed(pixel, reach)
    assert smooth == pytest.approx(np.where(pixel == 0, expected, 1 - expected))


def test_an_outline_turns_into_the_ink_at_the_corners_of_a_bridge() -> None:
    (around,) = outlines.outlines(DUMBBELL)
    turned = outlines.turns(outlines.smoothed(around, 2), 5)
    sharp = {tuple(each) for each in around[turned > 1.2].tolist()}
    assert {(30, 17), (30, 23), (40, 17), (40, 23)} <= sharp
    assert all(30 <= x <= 40 for x, _ in sharp)


def test_the_shortest_neck_takes_two_squares_apart() -> None:
    way = necks.ways(DUMBBELL, 6)[0]
    (neck,) = way.necks
    assert (neck.hole, neck.crossed, neck.upright) == (0, pytest.approx(1, abs=0.2), pytest.approx(1, abs=0.1))
    side = necks.sides(way, DUMBBELL.shape) & DUMBBELL
    assert min(side.sum(), DUMBBELL.sum() - side.sum()) == pytest.approx(750, abs=60)


def test_two_necks_take_apart_what_touches_twice() -> None:
    twice = DUMBBELL.copy()
    twice[5:11, 30:40] = twice[29:35, 30:40] = True
    twice[17:23, 30:40] = False
    sides = [necks.sides(way, twice.shape) for way in necks.ways(twice, 6) if len(way.necks) == 2]
    assert any(
        (side ^ (np.arange(70) < 35))[twice].mean() < 0.1 or (side ^ (np.arange(70) > 35))[twice].mean() < 0.1
        for side in sides
    )


def test_a_pattern_has_no_necks() -> None:
    assert necks.ways(np.indices((200, 200)).sum(0) % 4 < 2, 2) == []


@pytest.mark.parametrize(("tail", "found"), [(2886, True), (2887, False)])
def test_outlines_of_more_than_six_thousand_steps_are_a_pattern(tail: int, found: bool) -> None:
    ink = np.pad(DUMBBELL, ((0, 0), (0, tail - 5)))
    ink[17:23, 65 : 65 + tail] = True
    assert sum(len(one) for one in outlines.outlines(ink)) == 228 + 2 * tail
    assert bool(necks.ways(ink, 6)) is found


def test_of_many_corners_the_sharpest_ones_are_looked_at() -> None:
    ink = np.pad(DUMBBELL, ((0, 0), (600, 0)))
    ink[5:35, 10:610] = True
    ink[5:7, 20:600:14] = ink[5:7, 21:600:14] = ink[5:7, 22:600:14] = False  # 42 notches
    (neck,) = necks.ways(ink, 6)[0].necks
    assert (neck.crossed, neck.upright) == (pytest.approx(1, abs=0.2), pytest.approx(1, abs=0.1))


def gaps(depth: int) -> np.ndarray:
    """A plate with a notch above and one below, with so much ink between them."""
    ink = np.ones((depth + 40, 100), bool)
    for row in range(20):
        half = (20 - row) * 3 // 4 or 1
        ink[[row, -1 - row], 50 - half : 50 + half] = False
    return ink


@pytest.mark.parametrize(("pen", "lengths"), [(5.8, []), (6, [6.8])])
def test_from_corner_to_corner_a_neck_has_at_most_seven_pens(pen: float, lengths: list[float]) -> None:
    found = [[neck.crossed for neck in way.necks] for way in necks.ways(gaps(40), pen)]
    assert found == [pytest.approx([one], abs=0.02) for one in lengths]


@pytest.mark.parametrize(("pen", "found"), [(9, False), (9.5, True)])
def test_from_a_corner_across_the_pen_a_neck_has_at_most_three(pen: float, found: bool) -> None:
    step = np.ones((40, 80), bool)
    step[:10, :30] = False
    assert any(neck.crossed > 2.5 for way in necks.ways(step, pen) for neck in way.necks) is found


@pytest.mark.parametrize(("pen", "area", "found"), [(4, 4, False), (4, 5, True), (4.2, 5, False), (4.2, 6, True)])
def test_a_hole_that_is_smaller_than_a_pen_is_none(pen: float, area: int, found: bool) -> None:
    ink = DUMBBELL.copy()
    ink[16:24, 30:40] = True
    ink[19, 33 : 33 + area] = False
    assert any(neck.hole for way in necks.ways(ink, pen) for neck in way.necks) is found


@pytest.mark.parametrize("other", [0, 0.5])
def test_a_cut_leaves_enough_ink_on_either_side(other: float) -> None:
    ink = DUMBBELL.astype(np.float32)
    ink[5:9, 5:9] = other

    def found(least: float) -> list[float]:
        return [one.before for one in cuts.possible(ink, 6, least) if not one.shape[-1]]

    every = found(1)
    assert len(every) > 1
    for before in every:
        least = min(before, float(ink.sum()) - before)
        assert before in found(least)
        assert before not in found(least + 0.01)


@pytest.mark.parametrize("right", [False, True])
def test_what_is_narrower_than_a_third_of_a_row_is_not_cut(right: bool) -> None:
    ink = DUMBBELL[:, ::-1] if right else DUMBBELL
    piece = Piece(ink.astype(np.float32), 0, 0)
    assert cuts.parts(piece, 200, 6).last > 1
    for parts in (cuts.parts(piece, 201, 6), cuts.parts(piece._replace(sign="-"), 40, 6), cuts.whole(piece)):
        assert (parts.spans(), parts.units(0, 1)) == ([(0, 1)], 1)
    assert cuts.whole(piece).part(0, 1) is piece


@pytest.mark.parametrize(("text", "gap"), [("42", -24), ("20", -30)])
def test_the_likeliest_cut_is_where_two_digits_touch(text: str, gap: int) -> None:
    piece, parts = cut_apart(text, gap)
    right = [part for at in range(1, parts.last) if (part := parts.part(at, parts.last))]
    first = max(x for stroke in pictures.written(text[0]) for x, _ in stroke) + 10
    likeliest = min(right, key=lambda part: part.cut)
    assert likeliest.left == pytest.approx(first + gap, abs=20)
    assert parts.part(0, 1).cut == piece.cut == -1  # type: ignore[union-attr]


def cut_apart(text: str, gap: int, most: int = cuts.MOST_CUTS) -> tuple[Piece, cuts.Parts]:
    """Digits that touch, as one piece, and what so many cuts make of it."""
    ink = 1 - np.asarray(pictures.number(text, gap), np.float32) / 255
    (piece,) = of_parts(ink) or []
    return piece, cuts.parts(piece, piece.height, pen_width(ink), most)


def test_each_cut_leaves_all_ink_of_a_piece_on_its_two_sides() -> None:
    piece, parts = cut_apart("42", -24)
    assert parts.part(0, parts.last) is piece
    for at in range(1, parts.last):
        sides = [parts.part(0, at), parts.part(at, parts.last)]
        inks = [float(side.ink.sum()) for side in sides if side]
        assert sum(inks) == pytest.approx(float(piece.ink.sum()), rel=0.02)


@pytest.mark.parametrize("height", [480, 700])
def test_a_low_piece_of_a_high_row_is_cut_in_parts_of_its_own_size(height: int) -> None:
    ink = np.zeros((61, 700), np.float32)
    ink[:, :300] = ink[:, 400:] = ink[22:39] = 1
    parts = cuts.parts(Piece(ink, 0, 0), height, 18)
    assert parts.last > 1
    for at in range(1, parts.last):
        inks = [float(side.ink.sum()) for side in (parts.part(0, at), parts.part(at, parts.last)) if side]
        assert sum(inks) == pytest.approx(float(ink.sum()))


def test_between_two_cuts_there_is_what_is_right_of_one_and_left_of_the_other() -> None:
    piece, parts = cut_apart("427", -24)
    inner = [(first, last) for first, last in parts.spans() if first and last < parts.last]
    assert inner
    for first, last in inner:
        part, left, right = parts.part(first, last), parts.part(0, first), parts.part(last, parts.last)
        assert part
        assert left
        assert right
        inks = [float(one.ink.sum()) for one in (left, part, right)]
        assert sum(inks) == pytest.approx(float(piece.ink.sum()), rel=0.1)


def test_cuts_that_cross_each_other_are_kept_but_have_no_part_between_them() -> None:
    _, parts = cut_apart("20", -30)
    pairs = {(first, last) for first in range(1, parts.last) for last in range(first + 1, parts.last)}
    assert pairs - set(parts.spans())
    edges = {(0, at) for at in range(1, parts.last + 1)} | {(at, parts.last) for at in range(parts.last)}
    assert edges <= set(parts.spans())


def test_a_piece_counts_as_many_units_as_the_likeliest_cuts_part_it_in() -> None:
    _, parts = cut_apart("42", -24, most=1)
    assert parts.last == 2
    assert [parts.units(*span) for span in ((0, 1), (1, 2), (0, 2))] == [1, 1, 2]


@pytest.mark.parametrize(("text", "gap"), [("42", -24), ("20", -30), ("70", -40), ("00", -14)])
def test_digits_that_touch_are_read(text: str, gap: int) -> None:
    found = reading.read(pictures.encoded(pictures.number(text, gap)))
    assert found.number is not None
    assert found.number.text == text


@pytest.mark.parametrize(("gap", "unsure"), [(20, [False, False, False]), (-24, [True, True, True])])
def test_digits_that_a_cut_parts_are_unsure(gap: int, unsure: list[bool]) -> None:
    found = reading.read(pictures.encoded(pictures.number("427", gap)))
    assert found.number is not None
    assert (found.number.text, [one.unsure for one in found.number.digits]) == ("427", unsure)
