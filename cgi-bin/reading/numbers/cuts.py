"""Cuts: where a piece of ink may be taken apart into digits that touch, and how likely each is the right place.

`necks.py` and `seams.py` find cuts. A logistic regression says from the shape of both sides how likely a cut is;
`benchmarks/whole_numbers.py --fit-cuts` fits it to touching train digits and prints `SHAPE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from reading.numbers import necks, seams
from reading.numbers.pieces import Piece
from reading.parts import INKED, bounding_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Bools, Float

WIDE = 0.5  # of the row's height: what is narrower holds one digit
COARSE = 48  # pixels of the row's height with which cuts are looked for, up to twice as many
LEAST = 0.4  # the ink of a part, as a share of what a straight stroke of the row's height has
MOST_WAYS = 32  # through necks, of which the two sides are looked at
UNLIKELY = 6.0  # -log of the probability from which on a cut is none
ASTRAY = 0.15  # of the least ink: so much may be to the left of one cut, and to the right of the next one

SHAPE = {  # what is measured of a cut, and its weight
    "one": -13.86,  # 1
    "crossed": -1.52,  # widths of the pen that it goes through
    "longest": 0.59,  # the same, in one go
    "turn": 0.95,  # radians by which the outline turns into the ink where it begins and ends, the least of them
    "twice": 1.05,  # 1 if it goes through two necks
    "upright": 0.59,  # 1 if it is upright, 0 if it is level
    "shared": -1.98,  # columns that both sides have, in heights of the piece
    "lower": 9.13,  # height of the lower side, as a share of the piece's
    "low": 3.57,  # how much less than 0.6 that is
    "apart": 1.4,  # from one side's centre of mass to the other's, in heights
    "less": 5.6,  # ink of the side with less, as in LEAST, up to 1
    "seam": -1.1,  # 1 if it is a seam
}
_SHAPE = np.array(list(SHAPE.values()))


class Cut(NamedTuple):
    """A way to take a piece apart."""

    left: Bools  # (h, w): what is to the left of it
    shape: Float  # as in SHAPE
    before: float  # the ink to the left of it, in pixels

    @property
    def cost(self) -> float:
        """-log of how likely it is right."""
        return float(np.logaddexp(0, -self.shape @ _SHAPE))


def cut(piece: Piece, height: float, pen: float) -> list[Piece]:
    """The parts of a piece between its cuts, from left to right; itself if it has none.

    `height` of the row and width of the pen are in pixels.
    """
    if piece.sign or piece.width < WIDE * height:
        return [piece]
    factor = max(1, int(height / COARSE))
    small = np.asarray(Image.fromarray(piece.ink).reduce(factor)) if factor > 1 else piece.ink
    least = LEAST * height * pen / factor**2
    chosen = _likeliest(small, possible(small, pen / factor, least), least)
    if not chosen:
        return [piece]
    right = np.sum([~one.left for one in chosen], 0)  # of how many cuts each cell is to the right
    side = np.repeat(np.repeat(right, factor, 0), factor, 1)[: piece.height, : piece.width]
    costs = [piece.cut, *(one.cost for one in chosen)]
    parts = [_part(piece, side == number) for number in range(len(costs))]
    return [part._replace(cut=cost) for part, cost in zip(parts, costs, strict=True) if part]


def possible(ink: Float, pen: float, least: float) -> list[Cut]:
    """All cuts through ink (h, w) that leave `least` on either side; the pen's width is in pixels."""
    mask = ink >= 0.5
    ways = necks.ways(mask, pen)[:MOST_WAYS]
    columns, crossed = seams.seams(ink, pen, least)
    left = [*(necks.sides(way, ink.shape) for way in ways), *(np.arange(ink.shape[1]) < column for column in columns)]
    if not left:
        return []
    of_ways = [_of_way(way) for way in ways] + [[each, each, 0.0, 0.0, 1.0, 1.0] for each in crossed]
    return _cuts(ink, np.stack(left), np.array(of_ways), pen, least)


def _of_way(way: necks.Way) -> list[float]:
    """What is measured of a way itself: crossed, longest, turn, twice, upright, seam."""
    lengths = [neck.crossed for neck in way.necks]
    turn, upright = min(neck.turn for neck in way.necks), np.mean([neck.upright for neck in way.necks])
    return [sum(lengths), max(lengths), turn, len(lengths) - 1.0, float(upright), 0.0]


def _cuts(ink: Float, sides: Bools, of_ways: Float, pen: float, least: float) -> list[Cut]:
    """The cuts with these sides (n, h, w) that leave enough ink on both, with what is measured of them."""
    columns, weight = np.arange(ink.shape[1]), ink.sum()
    before = np.tensordot(sides, ink, 2)
    enough = np.minimum(before, weight - before) >= least
    sides, before, of_ways = sides[enough], before[enough], of_ways[enough]
    moment = (sides * ink).sum(1) @ columns
    centre, other = moment / before, ((ink.sum(0) @ columns) - moment) / (weight - before)
    sides = np.where((centre > other)[:, None, None], ~sides, sides)
    before = np.where(centre > other, weight - before, before)
    inked: Bools = ink >= INKED
    high, ends = _extents(np.logical_and(sides, inked))
    other_high, other_ends = _extents(np.logical_and(~sides, inked))
    lower = np.minimum(high, other_high) / len(ink)
    shared = np.minimum(ends[1], other_ends[1]) - np.maximum(ends[0], other_ends[0])
    less = np.minimum(1, np.minimum(before, weight - before) / (len(ink) * pen))
    both = [np.maximum(0, shared) / len(ink), lower, np.maximum(0, 0.6 - lower), abs(centre - other) / len(ink), less]
    shapes = np.stack([np.ones(len(sides)), *of_ways.T[:5], *both, of_ways[:, 5]], 1)
    return [Cut(side, shape, float(ink)) for side, shape, ink in zip(sides, shapes, before, strict=True)]


def _extents(masks: Bools) -> tuple[Float, tuple[Float, Float]]:
    """How high what is in each mask (n, h, w) is, and its first column and the one after its last one: (n,) each."""
    rows: Bools = np.logical_or.reduce(masks, 2)
    columns: Bools = np.logical_or.reduce(masks, 1)
    high = rows.shape[1] - rows.argmax(1) - rows[:, ::-1].argmax(1)
    return high.astype(float), (columns.argmax(1), columns.shape[1] - columns[:, ::-1].argmax(1))


def _likeliest(ink: Float, found: Sequence[Cut], least: float) -> list[Cut]:
    """The likeliest cuts, from left to right, with at least so much ink between any two of them."""
    chosen: list[Cut] = []
    for one in sorted(found, key=lambda each: each.cost):
        if one.cost < UNLIKELY and all(_are_apart(ink, one, other, least) for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=_before)


def _before(one: Cut) -> float:
    return one.before


def _are_apart(ink: Float, one: Cut, other: Cut, least: float) -> bool:
    """Whether one of two cuts is to the left of the other one, with enough ink between them."""
    first, last = sorted((one, other), key=_before)
    return last.before - first.before >= least and float(ink[first.left & ~last.left].sum()) <= ASTRAY * least


def _part(piece: Piece, mask: Bools) -> Piece | None:
    """What of a piece is masked, cropped; None if that is no ink."""
    ink = np.where(mask, piece.ink, 0)
    if not (ink >= INKED).any():
        return None
    top, bottom, left, right = bounding_box(ink)
    return Piece(ink[top:bottom, left:right], piece.top + top, piece.left + left, piece.order)
