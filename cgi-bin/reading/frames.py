"""What a digit may be put in or beside: frames, panels, axes, lines along the edge. What lies inside is meant.

All this is told by shape, on a coarse mask of the ink: a frame goes all round something else and has straight sides or
is a circle; a panel is a filled rectangle; axes are two thin lines at a right angle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading.parts import grown, label

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints

CELLS = 144  # cells of the longer side of a mask
LEAST = 0.3  # of the sides of a frame or panel that what is inside has, and that it has of the picture
STRAIGHT = 0.6  # of a side that is straight to SLACK; of a circle's it is 0.2
SLACK = 0.03  # of the width or height
ROUND = 0.04  # of its radius: how much the outline of a circle may vary
LONG = 0.9  # of a side of the picture that a line along it has
UPRIGHT = 0.9  # the cosine of how far from upright a stroke may be that is a one, 25 degrees
THIN = 0.03  # of its length: a line of axes, or along the edge
INSIDE, ON_PANEL = "took what is inside the frame", "took what is on the panel"
NO_LINES = "left out a line along the edge"


class Part(NamedTuple):
    """One connected part of a mask."""

    number: int
    top: int
    bottom: int  # exclusive, as right
    left: int
    right: int

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.bottom - self.top, self.right - self.left

    def is_in(self, other: Part) -> bool:
        """Whether it is within the other's box."""
        rows = other.top <= self.top and self.bottom <= other.bottom
        return rows and other.left <= self.left and self.right <= other.right


class Found(NamedTuple):
    """What was found around or beside something else."""

    said: str  # what was done, in plain English
    meant: Bools  # (h, w): the cells of the panel but for its rim, or of what else is meant

    @property
    def is_panel(self) -> bool:
        """Whether it is a panel, which has a level of its own."""
        return self.said == ON_PANEL


def find(mask: Bools) -> Found | None:
    """The outermost panel, frame or axes on a mask, bool (h, w), that is large enough; None if there is none."""
    if not _may_hold(mask):
        return None
    labels, count = label(mask)
    if count == 1 and mask.sum() < 0.5 * math.prod(_extent(mask)):  # no panel
        return None
    parts = _parts(labels, count)
    if lines := _lines(parts, mask.shape):
        return Found(NO_LINES, ~grown(np.isin(labels, lines)))
    for part in sorted(parts, key=lambda one: -max(one.sides)):
        if min(part.sides) < LEAST * max(mask.shape):
            continue
        box = slice(part.top, part.bottom), slice(part.left, part.right)
        outline = labels[box] == part.number
        if _is_panel(outline):
            surface = np.zeros(mask.shape, bool)
            surface[box] = _surface(outline)
            return Found(ON_PANEL, _shrunk(surface))
        within = [other.number for other in parts if other.number != part.number and other.is_in(part)]
        meant = np.isin(labels, within)
        if within and _is_around(outline, meant[box]):
            return Found(INSIDE, grown(meant))
    return None


def _may_hold(mask: Bools) -> bool:
    """Whether there may be anything of that at all: for most drawings this is quickly denied."""
    heights, widths = np.count_nonzero(mask, 0), np.count_nonzero(mask, 1)  # of what each column and row has
    least, margin = LEAST * max(mask.shape), _margin(mask.shape)
    long_rows, long_columns = (np.count_nonzero(long > 0.8 * least) for long in (widths, heights))
    crossed = _crossed(mask), _crossed(mask.T)
    is_frame = min(crossed) > 0 and max(crossed) > 0.2 * least
    is_panel = min(long_rows, long_columns) > 0.4 * least
    is_axes = min(heights.max(), widths.max()) > 1.6 * least and _is_late(widths) and not _is_late(heights)
    is_line = any(
        max(long[:margin].max(), long[-margin:].max()) > LONG * len(other)
        for long, other in ((widths, heights), (heights, widths))
    )
    return bool(is_frame or is_panel or is_axes or is_line)


def _is_late(counts: Ints) -> bool:
    """Whether the highest of some counts is beyond the middle of those that are not 0, or in it."""
    found = np.flatnonzero(counts)
    return bool(2 * int(counts.argmax()) >= found[0] + found[-1])


def _margin(shape: tuple[int, ...]) -> int:
    """How near to the edge of a mask a line along it is, and how thick it is, at most."""
    return max(2, round(THIN * max(shape)))


def _lines(parts: list[Part], shape: tuple[int, ...]) -> list[int]:
    """The numbers of parts that are straight lines along the edge, if there is more than these."""
    lines = [part.number for part in parts if _is_line(part, shape)]
    others = [max(part.sides) for part in parts if part.number not in lines]
    return lines if max(others, default=0) > LEAST * min(shape) else []


def _is_line(part: Part, shape: tuple[int, ...]) -> bool:
    """Whether a part is a straight line along the edge of a mask."""
    (height, width), margin = part.sides, _margin(shape)
    is_level = height <= margin and width > LONG * shape[1]
    is_upright = width <= margin and height > LONG * shape[0]
    away = min(part.top, shape[0] - part.bottom) if is_level else min(part.left, shape[1] - part.right)
    return (is_level or is_upright) and away <= margin


def _crossed(mask: Bools) -> int:
    """How many rows are in three pieces or more, as those of a frame with something inside."""
    starts = mask[:, 1:] & ~mask[:, :-1]
    return int(np.count_nonzero(np.count_nonzero(starts, axis=1) + mask[:, 0] > 2))


def _parts(labels: Ints, count: int) -> list[Part]:
    """The box of each part."""
    rows, columns = np.nonzero(labels)
    numbers = labels[rows, columns]
    low, high = np.full((2, count + 1), labels.size), np.zeros((2, count + 1), int)
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(low[axis], numbers, places)
        np.maximum.at(high[axis], numbers, places + 1)
    return [Part(n, low[0, n], high[0, n], low[1, n], high[1, n]) for n in range(1, count + 1)]


def _is_panel(outline: Bools) -> bool:
    """Whether a part is a filled rectangle, whatever is left out in it; its corners may be round."""
    core = outline[_core(outline)]
    if min(core.shape) < LEAST * max(outline.shape) or core.mean() < 0.5:
        return False
    rim = max(1, min(core.shape) // 24)
    borders = (core[:rim], core[-rim:], core[:, :rim].T, core[:, -rim:].T)
    is_filled = all(_middle(border).mean() > 0.97 for border in borders)
    return is_filled and all(_straightness(depths) > STRAIGHT for depths in _depths(outline))


def _core(outline: Bools) -> tuple[slice, slice]:
    """The rows and columns of a part without what stands out of it, as the ticks of a plot do."""
    height, width = outline.shape
    top, bottom, left, right = (float(np.median(depths)) for depths in _depths(outline))
    rows = slice(round(top * height), round((1 - bottom) * height))
    return rows, slice(round(left * width), round((1 - right) * width))


def _middle(border: Bools) -> Bools:
    """Along a border, (rim, length), the part between its corners."""
    corner = border.shape[1] // 6
    return border[:, corner:-corner] if corner else border


def _surface(outline: Bools) -> Bools:
    """A panel without what stands out of it, with all that is on it: bool (h, w) to the same."""
    core, surface = _core(outline), np.zeros(outline.shape, bool)
    surface[core] = outline[core] | _enclosed(outline[core])
    return surface


def _shrunk(mask: Bools) -> Bools:
    """A mask without the cells at its edge: bool (h, w) to the same."""
    outside = np.pad(~mask, 1, constant_values=True)
    return ~grown(outside)[1:-1, 1:-1]


def is_block(ink: Bools, panel: Bools) -> bool:
    """Whether what is on a panel is a filled rectangle that may be the room in a zero with corners."""
    (height, width), (high, wide) = _extent(ink), _extent(panel)
    is_room = wide < 0.8 * high or height * width > 0.18 * high * wide
    return bool(is_room and ink.sum() > 0.9 * height * width)


def _is_around(outline: Bools, meant: Bools) -> bool:
    """Whether an outline is a frame around what is meant, or the axes of it."""
    return _is_frame(outline, meant) or _is_axes(outline, meant)


def _is_frame(outline: Bools, meant: Bools) -> bool:
    """Whether an outline, bool (h, w), goes all round what is meant, and is a rectangle or a circle."""
    around = _enclosed(outline)
    if (meant & around).sum() < 0.9 * meant.sum() or not _is_large(meant, around):
        return False
    return all(_straightness(depths) > STRAIGHT for depths in _depths(outline)) or _is_circle(outline, meant)


def _enclosed(outline: Bools) -> Bools:
    """The cells that have the outline on all four sides of them."""
    seen = np.logical_or.accumulate
    above, left = seen(outline, 0), seen(outline, 1)
    below, right = seen(outline[::-1], 0)[::-1], seen(outline[:, ::-1], 1)[:, ::-1]
    return np.asarray(above & left & below & right & ~outline)


def _is_large(meant: Bools, around: Bools) -> bool:
    """Whether what is meant is no dot, for the room that it has."""
    return max(_extent(meant)) >= LEAST * min(_extent(around))


def _extent(mask: Bools) -> tuple[int, int]:
    """Height and width of what is in a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1) if len(rows) else (0, 0)


def _depths(outline: Bools) -> list[Float]:
    """How far the outline is from the top, bottom, left and right of its box, as shares of its height or width."""
    height, width = outline.shape
    return [
        outline.argmax(0) / height,
        outline[::-1].argmax(0) / height,
        outline.argmax(1) / width,
        outline[:, ::-1].argmax(1) / width,
    ]


def _straightness(depths: Float) -> float:
    """The share of a side that is straight, but for a cell or SLACK."""
    slack = max(SLACK, 1.5 / len(depths))
    return float((np.abs(depths - np.median(depths)) <= slack).mean())


def _is_circle(outline: Bools, meant: Bools) -> bool:
    """Whether an outline is a circle around something smaller that is no mark in a zero."""
    height, width = outline.shape
    if not 0.85 < width / height < 1.18 or not 0.33 < max(_extent(meant)) / height < 0.8 or _is_slash(meant):
        return False
    top, bottom, left, right = _depths(outline)
    along, down = (np.arange(width) + 0.5) / width - 0.5, (np.arange(height) + 0.5) / height - 0.5
    radii = [np.hypot(0.5 - side, at) for side, at in ((top, along), (bottom, along), (left, down), (right, down))]
    every = np.concatenate(radii)
    return bool(every.std() < ROUND * every.mean())


def _is_slash(meant: Bools) -> bool:
    """Whether something is one straight stroke that is not upright, as zeros have and no digit is."""
    rows, columns = np.nonzero(meant)
    spread, axes = np.linalg.eigh(np.cov(rows, columns))  # the smaller variance first
    return bool(spread[0] < 0.08 * spread[1] and abs(axes[0, 1]) < UPRIGHT)


def _is_axes(outline: Bools, meant: Bools) -> bool:
    """Whether an outline is two thin straight lines, one on the left and one below, as a plot has them."""
    _, bottom, left, _ = _depths(outline)
    thin = outline.mean() < 3 * THIN
    return (
        thin
        and _straightness(bottom) > 0.9
        and _straightness(left) > 0.9
        and max(_extent(meant)) > LEAST * min(outline.shape)
    )
