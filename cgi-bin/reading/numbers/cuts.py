"""Cuts: where a piece of ink may be taken apart into digits that touch, and how likely each is the right place.

Of several cuts that cross each other all are kept: which one is right is seen when the parts are read (`lattice.py`).
`necks.py` and `seams.py` find cuts. A logistic regression says from the shape of both sides how likely a cut is;
`benchmarks/whole_numbers.py --fit-cuts` fits it to touching train digits and prints `SHAPE`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from reading.numbers import necks, seams
from reading.numbers.pieces import Piece
from reading.parts import INKED, bounding_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Bools, Float, Ints

WIDE = 0.35  # of the row's height: what is narrower holds one digit
COARSE = 48  # pixels of the row's height with which cuts are looked for, up to twice as many
LEAST = 0.4  # the ink of a part, as a share of what a straight stroke of the row's height has
MOST_WAYS = 64  # through necks, of which the two sides are looked at
UNLIKELY = 8.0  # -log of the probability from which on a cut is none
MOST_CUTS = 16  # of a piece, the likeliest ones
SAME = 0.4  # of the least ink: cuts with no more between them are one
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


class Parts:
    """What cuts make of a piece: the parts between any two of them, of which one is to the left of the other.

    The cuts are numbered from left to right; 0 is the piece's left edge, and `last` its right one.
    """

    def __init__(self, piece: Piece, cuts: Sequence[Cut], ink: Float, least: float, factor: int) -> None:
        """`ink` (h, w) is the piece as it was cut, so much smaller; no part of it has less than `least`."""
        self.last = len(cuts) + 1
        self._piece, self._cuts, self._least, self._factor = piece, cuts, least, factor
        left = np.stack([np.zeros(ink.shape, bool), *(one.left for one in cuts), np.ones(ink.shape, bool)])
        inked = (left * ink).reshape(len(left), -1)
        self._before = inked.sum(1)
        self._astray = inked @ ~left.reshape(len(left), -1).T  # to the left of one cut and to the right of another
        self._chain = self._likeliest()

    def _likeliest(self) -> Ints:
        """The likeliest cuts of which each is to the left of the next one."""
        chosen: list[int] = []
        for at in sorted(range(1, self.last), key=lambda number: self._cuts[number - 1].cost):
            if all(self._are_apart(*sorted((at, other))) for other in chosen):
                chosen.append(at)
        return np.array(chosen, int)

    def _are_apart(self, first: int, last: int) -> bool:
        if first == 0 or last == self.last:
            return True
        between = self._before[last] - self._before[first]
        return bool(between >= self._least and self._astray[first, last] <= ASTRAY * self._least)

    def spans(self) -> list[tuple[int, int]]:
        """The pairs of cuts that have a part between them, the whole piece among them."""
        return [each for each in combinations(range(self.last + 1), 2) if self._are_apart(*each)]

    def units(self, first: int, last: int) -> int:
        """As how many digits at most the ink between two cuts counts: as the likeliest cuts part it."""
        low, high = self._before[first] + self._least / 2, self._before[last] - self._least / 2
        inside = self._before[self._chain]
        return 1 + int(np.count_nonzero((low < inside) & (inside < high)))

    def part(self, first: int, last: int) -> Piece | None:
        """The ink between two cuts; None if there is hardly any."""
        if (first, last) == (0, self.last):
            return self._piece
        mask = np.ones(self._piece.ink.shape, bool)
        if first:
            mask &= ~self._left_of(first)
        if last < self.last:
            mask &= self._left_of(last)
        part = _part(self._piece, mask)
        return part and (part._replace(cut=self._cuts[first - 1].cost) if first else part)

    def _left_of(self, cut: int) -> Bools:
        """What is to the left of a cut, as large as the piece itself."""
        large = np.repeat(np.repeat(self._cuts[cut - 1].left, self._factor, 0), self._factor, 1)
        return large[: self._piece.height, : self._piece.width]


def whole(piece: Piece) -> Parts:
    """A piece that is not cut."""
    return Parts(piece, [], piece.ink, 0, 1)


def parts(piece: Piece, height: float, pen: float, most: int = MOST_CUTS) -> Parts:
    """What so many cuts make of a piece; `height` of the row and width of the pen are in pixels."""
    if piece.sign or piece.width < WIDE * height:
        return whole(piece)
    factor = max(1, int(height / COARSE))
    small = np.asarray(Image.fromarray(piece.ink).reduce(factor)) if factor > 1 else piece.ink
    least = LEAST * height * pen / factor**2
    found = _different(small, possible(small, pen / factor, least), least, most)
    return Parts(piece, found, small, least, factor)


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


def _different(ink: Float, found: Sequence[Cut], least: float, most: int) -> list[Cut]:
    """So many of the likeliest cuts, from left to right, no two of them nearly the same."""
    chosen: list[Cut] = []
    for one in sorted(found, key=lambda each: each.cost):
        if one.cost >= UNLIKELY or len(chosen) == most:
            break
        if all(float(ink[one.left ^ other.left].sum()) > SAME * least for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=_before)


def _before(one: Cut) -> float:
    return one.before


def _part(piece: Piece, mask: Bools) -> Piece | None:
    """What of a piece is masked, cropped; None if that is no ink."""
    ink = np.where(mask, piece.ink, 0)
    if not (ink >= INKED).any():
        return None
    top, bottom, left, right = bounding_box(ink)
    return Piece(ink[top:bottom, left:right], piece.top + top, piece.left + left, piece.order, whole=False)
