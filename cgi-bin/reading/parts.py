"""Connected parts of ink: their numbers, the box around the ink, the width of the pen, and specks."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from reading.errors import NoInk

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints

INKED = 0.25  # a pixel with less ink than this is no part of the digit's box
MANY = 8  # parts, or pieces of a row on average: no digit has more, without noise
NOISE = 0.06  # of the largest part's ink: what has less is noise, if there is any


def bounding_box(ink: Float) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is inked, in pixels; the ends are exclusive. Raises NoInk."""
    inked = ink >= INKED
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    if not len(rows):
        raise NoInk("There is nothing drawn on the picture. Draw a digit.")
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def pen_width(ink: Float) -> float:
    """Mean width of the strokes in pixels: twice the area over the outline, which is exact for a long bar."""
    inked = _bordered(ink >= 0.5)
    outline = np.count_nonzero(inked[1:] != inked[:-1]) + np.count_nonzero(inked[:, 1:] != inked[:, :-1])
    if not outline:  # faint throughout
        return 1.0
    return (
        2 * float(np.count_nonzero(inked)) / (float(outline) * np.pi / 4)
    )  # steps count pi/4 too much, over all directions


def without_specks(ink: Float, steps: list[str]) -> Float:
    """Blank what is much smaller than a dot of the same pen: dust, a stray pixel. float32 (h, w) to the same."""
    if _is_noisy(ink):
        return _without_noise(ink, steps)
    top, bottom, left, right = bounding_box(ink)
    factor = -(-max(bottom - top, right - left) // 96)  # cells of so many pixels a side, for speed
    labels, count = label(_cells(ink, factor, np.maximum) >= INKED)
    if count < 2:
        return ink
    if count > MANY:
        return _without_noise(ink, steps)
    mass = _masses(labels, _cells(ink, factor, np.add), count)
    return _kept(ink, labels, _no_specks(mass, pen_width(ink[top:bottom, left:right])), factor, steps)


def _is_noisy(ink: Float) -> bool:
    """Whether there are so many specks, as a threshold leaves them on noise, that they seem connected from afar."""
    inked = ink >= INKED
    return bool(np.count_nonzero(inked[:, 1:] > inked[:, :-1]) > MANY * len(ink))


def _without_noise(ink: Float, steps: list[str]) -> Float:
    """Blank what is much smaller than the largest part, in cells small enough to tell specks apart."""
    factor = -(-max(ink.shape) // 400)
    sums = _cells(ink, factor, np.add)
    labels, count = label(sums >= INKED * factor**2)
    mass = _masses(labels, sums, count)
    keep: Bools = mass >= NOISE * mass[1:].max(initial=0)
    keep[0] = False
    return _kept(ink, labels, keep, factor, steps)


def _masses(labels: Ints, ink: Float, count: int) -> Float:
    """How much ink each part has, (parts + 1,); number 0 is the paper."""
    return np.bincount(labels.ravel(), ink.ravel(), count + 1).astype(np.float64)


def _kept(ink: Float, labels: Ints, keep: Bools, factor: int, steps: list[str]) -> Float:
    """Only the parts to keep, bool (parts + 1,), of labels that number cells of some pixels a side."""
    if keep[1:].all():
        return ink
    steps.append("left out specks")
    mask = np.repeat(np.repeat(grown(keep[labels]), factor, 0), factor, 1)
    return np.where(mask[: ink.shape[0], : ink.shape[1]], ink, 0)


def _no_specks(mass: Float, pen: float) -> Bools:
    """Which parts are large enough to have been drawn, from their mass (parts + 1,); number 0 is the paper."""
    dot = (0.5 * pen) ** 2
    keep: Bools = mass >= min(max(dot, 0.002 * mass.sum()), mass[1:].max())
    keep[0] = False
    return keep


def _cells(ink: Float, factor: int, combine: np.ufunc) -> Float:
    """Sum or maximum over cells of factor x factor pixels, the last ones filled up with paper."""
    height, width = (-(-side // factor) * factor for side in ink.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    # Slices of every factor-th row, then column, are combined many times faster than axes of a few each.
    rows = reduce(combine, [padded[at::factor] for at in range(factor)])
    return reduce(combine, [rows[:, at::factor] for at in range(factor)])


def label(mask: Bools) -> tuple[Ints, int]:
    """Number the connected parts (eight neighbours) from 1: bool (h, w) -> int (h, w), and how many.

    Runs of pixels in a row take the part of those they touch in the row above, and parts that meet in a run are joined
    by union-find (Rosenfeld and Pfaltz, 1966).
    """
    starts, stops, width = _runs(mask)
    if _is_one(starts, stops, width):  # as most digits are
        return mask.astype(np.intp), min(len(starts), 1)
    rows = starts // width
    numbers = _joined(rows.tolist(), (starts - rows * width).tolist(), (stops - rows * width).tolist())
    count = max(numbers)
    if count == 1:
        return mask.astype(np.intp), 1
    labels = np.zeros(mask.shape, np.intp)
    labels[mask] = np.repeat(numbers, stops - starts)
    return labels, count


def _is_one(starts: Ints, stops: Ints, width: int) -> bool:
    """Whether all runs but the first touch one in the row above: then they are one part. It may be one even so."""
    nearest = np.searchsorted(starts, stops - width, "right") - 1  # the last run that begins in time to be touched
    touched = (nearest >= 0) & (stops[np.maximum(nearest, 0)] >= starts - width)
    return bool(np.count_nonzero(touched) >= len(starts) - 1)


def _joined(rows: list[int], starts: list[int], stops: list[int]) -> list[int]:
    """For each run the number of its part, from 1."""
    parts, parent = list[int](), list[int]()  # the part of each run so far; those of parts that have met
    last = 0  # the first run that may touch this one from the row above
    for row, start, stop in zip(rows, starts, stops, strict=True):
        while rows[last] < row - 1 or (rows[last] < row and stops[last] < start):
            last += 1
        above, new = last, len(parent)
        part = new
        while rows[above] < row and starts[above] <= stop:
            found = _root(parent, parts[above])
            if found < part < new:
                parent[part] = found
            elif part < found:
                parent[found] = part
            part = found if found < part else part
            above += 1
        if part == new:
            parent.append(new)
        parts.append(part)
    return _numbered(parts, [_root(parent, part) for part in range(len(parent))])


def _numbered(parts: list[int], roots: list[int]) -> list[int]:
    """Number parts from 1, in the order of their first runs; `roots` says which part each one belongs to."""
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots), 1)}
    of_part = [numbers[root] for root in roots]
    return [of_part[part] for part in parts]


def _runs(mask: Bools) -> tuple[Ints, Ints, int]:
    """Horizontal runs of True in reading order, their first places and those after their last, and a row's places.

    A place is a column, counted on from row to row; each row has one more than the mask, for a run's end.
    """
    padded = _bordered(mask)[1:-1]
    edges = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    return edges[::2], edges[1::2], mask.shape[1] + 1


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _bordered(mask: Bools) -> Bools:
    """A mask with a border of one pixel that is not in it: bool (h, w) -> bool (h + 2, w + 2).

    What `np.pad` does, in a tenth of its time.
    """
    bordered = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), bool)
    bordered[1:-1, 1:-1] = mask
    return bordered


def grown(mask: Bools) -> Bools:
    """A mask and its eight neighbours: bool (h, w) to the same."""
    padded = _bordered(mask)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
