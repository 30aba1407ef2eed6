"""MNIST's normalisation: ink is cropped, scaled and centred as the makers of MNIST did with every picture.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), section III A:
the longer side is scaled to 20 pixels, the aspect ratio kept, grey levels left by the antialiasing, and the centre of
mass put in the middle of 28x28. What is said of MNIST here was measured on its 60,000 training pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading.parts import bounding_box, pen_width, without_specks

if TYPE_CHECKING:
    from reading.arrays import Array, Float

SIDE = 28  # pixels a side of the picture that the models read
BOX = 20  # pixels of its longer side that the digit fills
CENTRE = 14.5  # where the centre of mass goes, in pixels from the edge: MNIST's mean is 14.00 in indices, so + 0.5
PEN = 1.8  # pixels: a thinner pen is broadened to this; one in ten of MNIST's digits has a thinner one


def normalise(ink: Array, steps: list[str] | None = None) -> Float:
    """Crop, scale and centre ink as MNIST does: float (h, w), 0 paper to 1 ink -> float32 (28, 28).

    `steps` gets a clause in plain English for each thing that was done. Raises NoInk.
    """
    steps = [] if steps is None else steps
    return fitted(cropped(np.asarray(ink, np.float32), steps)[0], steps)


def fitted(ink: Float, steps: list[str]) -> Float:
    """Scale and centre ink that is cropped already and has no specks; the rest of `normalise`."""
    step = max(ink.shape) / BOX  # pixels of the drawing for one of ours
    steps.append(f"scaled the longer side to {BOX} pixels")
    pen = pen_width(ink) / step
    spread = max(1.0, 1.0 + PEN - pen)
    if spread > 1.2:
        steps.append("broadened the thin strokes")
    steps.append("put its centre of mass in the middle")
    gain = spread / min(pen, 1.0) if spread > 1 else 1.0
    picture: Float = np.clip(gain * _resampled(ink, step, spread), 0, 1).astype(np.float32)
    return picture


def cropped(ink: Float, steps: list[str]) -> tuple[Float, tuple[int, int]]:
    """Ink without specks, and without the paper around it; its first column and row. Raises NoInk."""
    ink = without_specks(ink, steps)
    top, bottom, left, right = bounding_box(ink)
    steps.append(f"cropped to the ink, {right - left} by {bottom - top} pixels")
    return ink[top:bottom, left:right], (left, top)


def is_normalised(ink: Float) -> bool:
    """Whether ink (h, w) is a picture that MNIST has or could have: right size, right box, mass in the middle."""
    if ink.shape != (SIDE, SIDE):
        return False
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    away = max(abs(centre - CENTRE) for centre in _centre(ink))
    return bool(BOX - 1 <= longer <= BOX + 2 and away <= 0.6)  # MNIST is within 20 and 0.5, our own a little over


def _centre(ink: Float) -> tuple[float, float]:
    """Centre of mass, rows then columns, in pixels from the edge (the first pixel's middle is 0.5)."""
    rows, columns = ink.sum(1, dtype=np.float64), ink.sum(0, dtype=np.float64)
    total = rows.sum()
    return (
        float(rows @ np.arange(len(rows)) / total) + 0.5,
        float(columns @ np.arange(len(columns)) / total) + 0.5,
    )


def _resampled(ink: Float, step: float, spread: float) -> Float:
    """Ink (h, w) as (28, 28) means over windows `spread` times `step` pixels wide, its centre of mass in the middle."""
    rows, columns = (_windows(side, centre, step, spread) for side, centre in zip(ink.shape, _centre(ink), strict=True))
    picture: Float = _means(_means(ink, *rows).T, *columns).T
    return picture


def _windows(side: int, centre: float, step: float, spread: float) -> tuple[Array, Array]:
    """Where each of our 28 pixels begins and ends along a side of the drawing, `centre` being in the middle.

    Each is `step` pixels from the next and `spread` times as wide: 1 is plain area-averaging. The digit never
    leaves the 28, however far its centre of mass is from its middle.
    """
    start = min(max(centre - CENTRE * step, side - SIDE * step), 0.0)
    middle = start + (np.arange(SIDE) + 0.5) * step
    return middle - spread * step / 2, middle + spread * step / 2


def _means(values: Float, low: Array, high: Array) -> Float:
    """Means over the rows from low to high, fractions of a row counted as such, paper beyond the ends.

    float32 (h, w), float (n,), float (n,) -> float32 (n, w). By running sums of the rows between these ends, which
    take half the time of running sums of all rows. A product of matrices would wait for the threads of numpy's BLAS,
    on a busy machine ten times as long.
    """
    ends = np.clip(np.concatenate((low, high)), 0, len(values))
    rows = np.minimum(ends.astype(np.intp), len(values) - 1)
    starts, places = np.unique(rows, return_inverse=True)
    sums = np.zeros((len(starts), values.shape[1]), np.float32)
    np.cumsum(np.add.reduceat(values, starts)[:-1], axis=0, out=sums[1:])
    up_to = sums[places] + (ends - rows).astype(np.float32)[:, None] * values[rows]
    means: Float = (up_to[len(low) :] - up_to[: len(low)]) / (high - low).astype(np.float32)[:, None]
    return means
