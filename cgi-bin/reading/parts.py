"""Connected parts of ink: their numbers, the box around the ink, the width of the pen, and specks."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from reading.errors import NoInk

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints

Run = tuple[int, int, int]  # row, first column, column after the last

INKED = 0.25  # a pixel with less ink than this is no part of the digit's box


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
    top, bottom, left, right = bounding_box(ink)
    factor = -(-max(bottom - top, right - left) // 96)  # cells of so many pixels a side, for speed
    labels, count = label(_cells(ink, factor, np.maximum) >= INKED)
    if count < 2:
        return ink
    mass = np.bincount(labels.ravel(), _cells(ink, factor, np.add).ravel(), count + 1).astype(np.float64)
    keep = _no_specks(mass, pen_width(ink[top:bottom, left:right]))
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

    Runs of pixels in a row are joined with those of the row above by union-find (Rosenfeld and Pfaltz, 1966).
    """
    runs = _runs(mask)
    roots = _joined(runs)
    names = {root: name for name, root in enumerate(dict.fromkeys(roots), 1)}
    labels = np.zeros(mask.shape, np.intp)
    for (row, start, stop), root in zip(runs, roots, strict=True):
        labels[row, start:stop] = names[root]
    return labels, len(names)


def _joined(runs: list[Run]) -> list[int]:
    """For each run the number of the run that stands for its part."""
    parent = list(range(len(runs)))
    above: list[int] = []  # numbers of the runs in the row above, and in this row
    here: list[int] = []
    for number, (row, start, stop) in enumerate(runs):
        if here and runs[here[0]][0] != row:
            above, here = (here if runs[here[0]][0] == row - 1 else []), []
        for other in above:
            if runs[other][1] <= stop and start <= runs[other][2]:
                parent[_root(parent, other)] = _root(parent, number)
        here.append(number)
    return [_root(parent, number) for number in range(len(runs))]


def _runs(mask: Bools) -> list[Run]:
    """Horizontal runs of True as (row, start, stop), in reading order."""
    padded = _bordered(mask)[1:-1]
    before, after = padded[:, :-1], padded[:, 1:]
    rows, starts = np.nonzero(after > before)
    stops = np.nonzero(before > after)[1]
    return list(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


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
