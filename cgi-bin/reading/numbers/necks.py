"""Necks: where a straight cut from one corner of an outline to another takes ink apart, as where two digits touch.

A neck begins at a corner that turns into the ink, and ends near another one, or across the pen. From the outline
around all ink to itself one neck is a cut; to a hole it takes two of them, as where digits touch at two places.
(Casey and Lecolinet, "A survey of methods and strategies in character segmentation", 1996, section 3.1.2, name
those who cut at such corners.)
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from reading.numbers.outlines import area, outlines, smoothed, turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reading.arrays import Bools, Float, Ints

DEEPEST, LONGEST = 3.0, 7.0  # widths of the pen that a neck has at most; the second if both ends are corners
SHARP, SHARPEST = 0.4, 1.5  # radians: a corner turns so far; more counts as this
MOST_STEPS = 6000  # of all outlines: what has more is a pattern
MOST_CORNERS = 64
MOST_HOLES = 8
MOST_NECKS = 6  # of a hole, the best ones
MOST_ENDS = 5  # of the necks that begin at one corner
INSIDE = np.linspace(0.15, 0.85, 7)  # places along a neck, of which nearly all are ink


class Neck(NamedTuple):
    """A cut through ink from one outline to another."""

    begin: int  # number of its point on the outline around all ink
    end: int  # number of its point on its other outline
    hole: int  # number of that outline; 0 is the one around all ink
    crossed: float  # its length in widths of the pen
    turn: float  # radians, of the end that turns less
    upright: float  # 1 if it is upright, 0 if it is level
    cost: float  # of several, the one that costs less is rather taken


class Way(NamedTuple):
    """One neck or two that take ink apart."""

    necks: tuple[Neck, ...]
    outline: Ints  # (n, 2) x, y around what is on one side of it

    @property
    def cost(self) -> float:
        """Of several, the one that costs less is rather taken."""
        return sum(neck.cost for neck in self.necks) + 0.6 * (len(self.necks) - 1)


class _Points(NamedTuple):
    """The points of all outlines, that around all ink first."""

    place: Float  # (n, 2) x, y
    turn: Float  # (n,)
    owner: Ints  # (n,) number of its outline
    number: Ints  # (n,) its number on that


def ways(mask: Bools, pen: float) -> list[Way]:
    """The ways through necks that take a mask (h, w) apart, the likeliest first; the pen's width is in pixels."""
    loops = _loops(mask, pen)
    if not loops:
        return []
    found = _necks(mask, loops, pen)
    single = [_single(loops[0], neck) for neck in found if not neck.hole]
    return sorted([*single, *_double(loops, found, pen)], key=lambda way: way.cost)


def sides(way: Way, shape: tuple[int, ...]) -> Bools:
    """What is on one side of a way: bool of that shape."""
    paper = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(paper).polygon([(x - 0.5, y - 0.5) for x, y in way.outline.tolist()], "white")
    return np.asarray(paper, bool)


def _loops(mask: Bools, pen: float) -> list[Ints]:
    """The longest outline, and those of the largest holes; none if there are too many steps."""
    found = outlines(mask)
    if not found or sum(map(len, found)) > MOST_STEPS:
        return []
    around = max(found, key=area)
    areas = [(area(one), at) for at, one in enumerate(found)]
    holes = [found[at] for size, at in sorted(areas) if size < -0.3 * pen**2]
    return [around, *holes[:MOST_HOLES]]


def _points(loops: list[Ints], pen: float) -> _Points:
    places = [smoothed(loop, max(1, round(0.35 * pen))) for loop in loops]
    turned = [turns(place, min(_reach(pen), len(place) // 3)) for place in places]
    owners = np.repeat(np.arange(len(loops)), [len(loop) for loop in loops])
    return _Points(np.concatenate(places), np.concatenate(turned), owners, np.concatenate([*map(_numbers, loops)]))


def _numbers(loop: Ints) -> Ints:
    return np.arange(len(loop))


def _reach(pen: float) -> int:
    """From so many points away it is seen how an outline turns."""
    return max(2, round(0.9 * pen))


def _corners(points: _Points, pen: float) -> list[int]:
    """The sharpest corners: points where an outline turns more than within reach of them."""
    found: list[int] = []
    reach = _reach(pen)
    for owner in range(int(points.owner.max()) + 1):
        own = np.flatnonzero(points.owner == owner)
        turn = points.turn[own]
        most = np.max([np.roll(turn, step) for step in range(-reach, reach + 1)], 0)
        found += own[(turn >= most) & (turn > SHARP)].tolist()
    return sorted(found, key=lambda at: -points.turn[at])[:MOST_CORNERS]


def _necks(mask: Bools, loops: list[Ints], pen: float) -> list[Neck]:
    points = _points(loops, pen)
    found = {}
    for corner in _corners(points, pen):
        for other in _ends(mask, points, corner, len(loops[0]), pen):
            begin, end = sorted((corner, other))  # the outline around all ink has the lowest numbers
            found[begin, end] = _neck(points, begin, end, pen)
    return list(found.values())


def _ends(mask: Bools, points: _Points, corner: int, around: int, pen: float) -> list[int]:
    """The points where the best necks from a corner end."""
    far = np.hypot(*(points.place - points.place[corner]).T)
    along = np.abs(points.number - points.number[corner])
    own = np.minimum(along, around - along) > 3 * pen  # on the outline around all ink: not only around a bend
    outside = points.owner == 0
    reached = np.where(outside, own, True) if outside[corner] else outside
    others = np.flatnonzero(reached & (far < np.where(points.turn > SHARP, LONGEST, DEEPEST) * pen))
    others = others[_is_inside(mask, points.place[corner], points.place[others])]
    return _best(points, others, far[others] / pen, pen)


def _best(points: _Points, others: Ints, crossed: Float, pen: float) -> list[int]:
    """Of points to which necks of that length lead, the best ones that are apart."""
    costs = _length_cost(crossed) - np.clip(points.turn[others], 0, SHARPEST) / 2
    found: list[int] = []
    while len(others) and len(found) < MOST_ENDS:
        best = int(others[costs.argmin()])
        found.append(best)
        apart = np.hypot(*(points.place[others] - points.place[best]).T) > 1.2 * pen
        others, costs = others[apart], costs[apart]
    return found


def _length_cost(crossed: Float) -> Float:
    """What a neck's length costs: a long one, where digits lie side by side, hardly more than one of two pens."""
    cost: Float = np.minimum(crossed, 2 + 0.2 * crossed)
    return cost


def _is_inside(mask: Bools, begin: Float, ends: Float) -> Bools:
    """Whether nearly all of the way from a point (2,) to each of these (n, 2) is ink: (n,)."""
    places = begin + (ends - begin)[:, None] * INSIDE[:, None]
    x, y = np.minimum(places.astype(int), np.array(mask.shape[::-1]) - 1).T
    inside: Bools = mask[y, x].mean(0) > 0.8
    return inside


def _neck(points: _Points, begin: int, end: int, pen: float) -> Neck:
    x, y = np.abs(points.place[end] - points.place[begin]).tolist()
    crossed, turned = np.hypot(x, y), np.clip(points.turn[[begin, end]], -1, SHARPEST)
    cost = float(_length_cost(crossed / pen) - np.maximum(turned, 0).sum() / 2)
    numbers = int(points.number[begin]), int(points.number[end]), int(points.owner[end])
    return Neck(*numbers, float(crossed / pen), float(turned.min()), float(y / max(crossed, 1e-6)), cost)


def _single(around: Ints, neck: Neck) -> Way:
    return Way((neck,), around[neck.begin : neck.end + 1])


def _double(loops: list[Ints], necks: list[Neck], pen: float) -> Iterator[Way]:
    """The ways through two necks that lead to the same hole."""
    for number, hole in enumerate(loops[1:], 1):
        own = sorted((neck for neck in necks if neck.hole == number), key=lambda neck: neck.cost)[:MOST_NECKS]
        for pair in combinations(own, 2):
            first, last = sorted(pair, key=lambda neck: neck.begin)
            if last.begin - first.begin > 2 * pen and np.hypot(*(hole[first.end] - hole[last.end])) > pen / 2:
                back = np.roll(hole, -last.end, 0)[: (first.end - last.end) % len(hole) + 1]
                yield Way((first, last), np.concatenate([loops[0][first.begin : last.begin + 1], back]))
