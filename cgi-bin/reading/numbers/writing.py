"""What may be a number: ink with its strokes, kept until it is known whether a picture is surely one digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from reading.parts import INKED, bounding_box, label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Bools, Bytes, Float

SIDE = 560  # pixels: ink whose longer side is longer is averaged down to less
NARROW = 0.7  # width to height: what is no wider, and has nothing side by side, is surely one digit
DIGIT_WIDE = 1.2  # the same, if the model is sure, too
TALL = 0.35  # of the ink's height: of parts that are higher, none stands above another in one digit
UPRIGHT = 0.7  # of the ink's height: beside an empty column, what is higher is a digit
BAND = 0.5  # of the highest band's height: of bands that are higher, one digit has one alone

Span = tuple[float, float]  # where something begins and ends


class Shape(NamedTuple):
    """What a picture looks like at a glance."""

    wide: float  # the ink's width to its height
    stacked: bool  # its parts and strokes lie above or across each other, not side by side or in rows

    def is_one(self, widest: float) -> bool:
        """Whether this is surely one digit, if one is no wider than that, as a share of its height."""
        return self.stacked and self.wide <= widest


class Writing(NamedTuple):
    """Ink, cropped and without specks."""

    ink: Bytes  # (h, w), 0 paper to 255 ink
    strokes: list[Float]  # (n, 2) points x, y each, in pixels of `ink`; none if they are not known
    left: float  # of the first column, in pixels of the picture sent
    top: float
    step: float  # pixels of the picture sent for one of `ink`
    shape: Shape
    forced: bool  # to be read as a number, even if it has one digit


def writing(
    ink: Float, place: tuple[float, float, float], strokes: Sequence[Float], shape: Shape, forced: bool
) -> Writing:
    """Keep float (h, w) ink, and strokes (k, 2) in its pixels.

    `place` is the left and top of its first pixel and the side of a pixel, in pixels of the picture sent.
    """
    factor = -(-max(ink.shape) // SIDE)
    levels = Image.fromarray(np.rint(ink * 255).astype(np.uint8)).reduce(factor)
    left, top, step = place[0], place[1], place[2] * factor
    return Writing(np.asarray(levels), [stroke / factor for stroke in strokes], left, top, step, shape, forced)


def shape_of(ink: Float, picture: Float, strokes: Sequence[Float]) -> Shape:
    """The shape of cropped ink float (h, w), of its normalised picture (28, 28), and of its strokes if known."""
    top, bottom, left, right = bounding_box(picture)
    labels, count = label(picture >= INKED)
    masks = [labels == number for number in range(1, count + 1)] if count > 1 else []
    beside = [_span(mask.any(0)) for mask in masks]
    above = [span for span in (_span(mask.any(1)) for mask in masks) if span[1] - span[0] > TALL * (bottom - top)]
    written = [(float(x.min()), float(x.max())) for x in (stroke[:, 0] for stroke in strokes)]
    inked = ink >= INKED
    whole = _is_one_band(inked) and not _is_parted(inked)
    stacked = _overlap(beside) and _overlap(above) and _overlap(written) and whole
    return Shape((right - left) / (bottom - top), stacked)


def _is_one_band(inked: Bools) -> bool:
    """Whether no empty rows of pixels part ink (h, w) in several bands, as they do digits below each other."""
    rows = np.flatnonzero(inked.any(1))
    if len(rows) == len(inked):  # nearly every picture of one digit
        return True
    heights = np.diff(np.flatnonzero(np.diff(rows, prepend=-np.inf, append=np.inf) > 1))
    return bool(np.count_nonzero(heights > BAND * heights.max()) == 1)


def _is_parted(inked: Bools) -> bool:
    """Whether ink (h, w) has empty columns of pixels with something high on both sides, as two ones have."""
    columns = np.flatnonzero(inked.any(0))
    if len(columns) == inked.shape[1]:  # nearly every picture of one digit
        return False
    gaps = np.flatnonzero(np.diff(columns) > 1)
    sides = inked[:, : columns[gaps[0]] + 1], inked[:, columns[gaps[-1] + 1] :]
    spans = [_span(np.asarray(side.any(1))) for side in sides]
    return all(bottom - top > UPRIGHT * len(inked) for top, bottom in spans)


def _span(inked: Bools) -> Span:
    places = np.flatnonzero(inked)
    return float(places[0]), float(places[-1]) + 1


def _overlap(spans: Sequence[Span]) -> bool:
    """Whether each of these stretches shares half of its length with the longest one."""
    low, high = max(spans, key=lambda span: span[1] - span[0], default=(0.0, 0.0))
    return all(min(right, high) - max(left, low) >= (right - left) / 2 for left, right in spans)
