"""Lines of ruled or squared paper and of form boxes: thin, about straight, and from one end of the ink to the other.

A line may slope and bend a little, as on a photo: it is the way across the ink, found by dynamic programming, that
has most of it. Where a stroke crosses a line, the stroke is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading.parts import grown

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints

STRIPS = 24  # into which the ink is divided along a line; from each to the next a line rises by a pixel in so many
SLOPE = 8  # columns
WHOLE = 0.85  # of the strips that a line is seen in
PART = 0.5  # the same, once it is known that there are lines: one may leave the picture, or lie along a stroke
SEEN = 0.6  # of a strip's columns that a line has ink in
THIN = 0.025  # of the ink's shorter side, or two pixels: a line is no thicker, on average
CROSSING = 1.6  # times a line's thickness: what is higher, is a stroke that crosses it
MOST = 64  # lines either way
LEVEL, EACH, ALL = 3, 2, 5  # ruled paper has so many lines, squared paper so many either way and so many in all
LEFT = 0.02  # of the ink must be left, else it was no paper
NO_RULES = "left out the lines of the paper"


class Line(NamedTuple):
    """A level line."""

    rows: Ints  # (w,): its row in each column
    thick: float  # pixels


def rules(mask: Bools) -> Bools | None:
    """Which pixels of a mask of ink (h, w) are lines of the paper; None if it has none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = mask[box]
    if not _may_be_ruled(inside):
        return None
    level, upright = _clear(inside), _clear(inside.T)
    if not _is_paper(len(level), len(upright)):
        return None
    thick = float(np.median([line.thick for line in [*level, *upright]]))
    level, upright = ([line._replace(thick=thick) for line in _lines(one, PART)] for one in (inside, inside.T))
    found = np.zeros_like(inside)
    for _ in range(2):  # where two lines cross, both are seen only once all around is gone
        left = inside & ~found
        found |= _pixels(left, level) | _pixels(left.T, upright).T
    if (inside & ~found).sum() < LEFT * inside.sum():
        return None
    every = np.zeros_like(mask)
    every[box] = found
    return every


def rubbed(lines: Bools, inked: Bools) -> Bools:
    """What to blank so that lines are gone: they and their soft edges, but no other ink: bool (h, w) all."""
    return grown(lines) & (lines | ~inked)


def _is_paper(level: int, upright: int) -> bool:
    """Whether so many lines are those of paper or of boxes, rather than strokes of a digit."""
    if min(level, upright) >= EACH:
        return level + upright >= ALL
    return max(level, upright) >= LEVEL and not min(level, upright)


def _may_be_ruled(mask: Bools) -> bool:
    """Whether nearly every column has ink in two places, or is all ink, and many have only thin ink.

    For most drawings this is quickly denied.
    """
    starts = np.count_nonzero(mask[1:] & ~mask[:-1], axis=0) + mask[0]
    if ((starts >= EACH) | mask.all(0)).mean() <= WHOLE:
        return False
    return bool(
        np.quantile(np.count_nonzero(mask, 0) / np.maximum(starts, 1), 0.25) <= CROSSING * _thinnest(mask.shape)
    )


def _thinnest(shape: tuple[int, ...]) -> float:
    """How thick a line is at most."""
    return max(2.0, THIN * min(shape))


def _clear(mask: Bools) -> list[Line]:
    """The level lines that are thin and bend no more than an arc does."""
    return [line for line in _lines(mask, WHOLE) if line.thick <= _thinnest(mask.shape) and _is_smooth(line.rows)]


def _is_smooth(rows: Ints) -> bool:
    along = np.linspace(-1, 1, len(rows))
    away = rows - np.polyval(np.polyfit(along, rows, 2), along)
    return float(away.std()) <= 1


def _lines(mask: Bools, share: float) -> list[Line]:
    """The level lines of a mask that are seen in that share of it, the clearest first; strokes may be among them."""
    if min(mask.shape) < STRIPS:
        return []
    width, step = mask.shape[1] / STRIPS, max(1, round(mask.shape[1] / STRIPS / SLOPE))
    starts = (np.arange(STRIPS) * width).astype(int)
    seen = np.add.reduceat(mask, starts, 1, dtype=np.float32) / np.diff([*starts, mask.shape[1]])
    seen = np.minimum(1, seen + _beside(seen, 1) / 2)  # a line that slopes is in two rows of a strip
    found: list[Line] = []
    high, columns = _runs(mask), np.arange(mask.shape[1])
    while len(found) < MOST:
        way = _best(np.where(seen > SEEN, seen, 0), step)
        if (seen[way, np.arange(STRIPS)] > SEEN).mean() < share:
            break
        rows = np.interp(columns, starts + width / 2, way).round().astype(int)
        found.append(Line(rows, _thickness(high[_near(mask, rows), columns])))
        margin = round(min(max(2.0, found[-1].thick), _thinnest(mask.shape)))
        for strip, row in enumerate(way.tolist()):
            seen[max(row - margin, 0) : row + margin + 1, strip] = 0
    return found


def _beside(values: Float, step: int) -> Float:
    """The larger of the values `step` rows above and below: (h, n) to the same."""
    padded = np.pad(values, ((step, step), (0, 0)))
    larger: Float = np.maximum(padded[: len(values)], padded[2 * step :])
    return larger


def _best(seen: Float, step: int) -> Ints:
    """The way from the first strip to the last, in each of which it has a row, on which most is seen: (strips,)."""
    total, froms = seen[:, 0], []
    for strip in range(1, seen.shape[1]):
        padded = np.pad(total, step)
        near = np.stack([padded[at : at + len(total)] - abs(at - step) / 100 for at in range(2 * step + 1)])
        froms.append(near.argmax(0) - step)
        total = near.max(0) + seen[:, strip]
    row = int(total.argmax())
    way = [row]
    for each in reversed(froms):
        row = min(max(row + int(each[row]), 0), len(seen) - 1)
        way.append(row)
    return np.array(way[::-1])


def _thickness(high: Ints) -> float:
    """How thick a line is whose ink is that high in each column: the median over those in which it has ink."""
    return float(np.median(high[high > 0])) if high.any() else np.inf


def _near(mask: Bools, rows: Ints) -> Ints:
    """These rows, or the one above or below, where only that has ink."""
    columns = np.arange(len(rows))
    found: Ints = rows.copy()
    for step in (-1, 1):
        moved: Ints = np.clip(rows + step, 0, len(mask) - 1)
        other = ~mask[found, columns] & mask[moved, columns]
        found[other] = moved[other]
    return found


def _runs(mask: Bools) -> Ints:
    """How many pixels above and below each other have ink where a pixel has, from one end to the other; 0 on paper."""
    ends = np.pad(mask, ((1, 1), (0, 0)))
    steps = np.diff(ends.T.astype(np.int8), axis=1)
    _, first = np.nonzero(steps > 0)
    last = np.nonzero(steps < 0)[1]
    found: Ints = np.zeros(mask.T.shape, np.intp)
    np.put(found, np.flatnonzero(mask.T), np.repeat(last - first, last - first))
    back: Ints = found.T
    return back


def _pixels(mask: Bools, lines: list[Line]) -> Bools:
    """The pixels of these lines, but where a stroke crosses one."""
    found = np.zeros(mask.shape, bool)
    if not lines:
        return found
    high, columns = _runs(mask), np.arange(mask.shape[1])
    for line in lines:
        rows = _near(mask, line.rows)
        own = mask[rows, columns] & (high[rows, columns] <= CROSSING * line.thick + 1)
        found[rows[own], columns[own]] = True
    for _ in range(round(CROSSING * max(line.thick for line in lines)) + 1):
        spread = found.copy()
        spread[1:] |= found[:-1]
        spread[:-1] |= found[1:]
        found = spread & mask
    return found
