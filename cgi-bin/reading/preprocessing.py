"""Any picture of a digit, turned into the 28x28 picture that MNIST would have made of it.

    done = preprocess(open("five.jpg", "rb").read())
    done.picture    # float32 (28, 28), 0 paper to 1 ink
    done.steps      # ["turned dark ink on light into light on dark", "cropped to ...", ...]

decode (`decoding.py`) -> tell ink from paper (`ink.py`, `photo.py`), without frames (`frames.py`) and the paper's lines
(`ruled.py`) -> leave out specks (`parts.py`) -> crop, scale and centre (`normalising.py`). Pure functions: no model, no
file, no network.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from reading.decoding import decode, longer_side
from reading.ink import ink_of
from reading.normalising import cropped, fitted, is_normalised
from reading.numbers.strokes import lie_on, placed, strokes_in
from reading.numbers.writing import NARROW, Writing, shape_of, writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Array, Float


class Preprocessed(NamedTuple):
    """A picture as the models take it."""

    picture: Float  # (28, 28), 0 paper to 1 ink
    steps: list[str]  # what was done to get there, one clause in plain English each
    writing: Writing | None = None  # of a picture that is not surely one digit
    strokes: Sequence[Float] = ()  # of the pen that left the ink, (k, 2) points, in its pixels; none if not known


def preprocess(data: bytes, how: str = "auto") -> Preprocessed:
    """Decode a picture file and normalise the digit on it as MNIST's are.

    `how` is one of `ways.WAYS`: what may be a number is kept unless it is to be read as "one" digit.
    Raises NotAPicture, FormatNotAllowed, PictureTooLarge, OutOfLimits (all before or while decoding) and NoInk.
    """
    steps: list[str] = []
    image = decode(data, steps)
    sheet = ink_of(image, steps)
    if is_normalised(sheet.ink) and how != "number":
        return Preprocessed(sheet.ink, [*steps, "left as it is: it already has MNIST's size and place"])
    ink, (left, top) = cropped(sheet.ink, steps)
    picture = fitted(ink, steps)
    written = [np.array(points, float) for points in strokes_in(data)]
    shape = shape_of(ink, picture, written) if how != "one" else None
    is_one = shape is None or (how == "auto" and shape.is_one(NARROW))
    if is_one and not written:  # nearly every picture that is sent alone: nobody asks where its ink lies
        return Preprocessed(picture, steps)
    scale = longer_side(data) / max(image.size)
    place = (sheet.left + sheet.step * left) * scale, (sheet.top + sheet.step * top) * scale, sheet.step * scale
    strokes = placed(written, place)
    number = writing(ink, place, strokes, shape, how == "number") if shape and not is_one else None
    return Preprocessed(picture, steps, number, strokes if lie_on(ink, strokes) else ())


def to_png(picture: Array) -> bytes:
    """Write float (28, 28), ink 1, as MNIST is shown: 8-bit grey PNG, white ink on black."""
    file = io.BytesIO()
    levels = np.clip(np.rint(np.asarray(picture) * 255), 0, 255).astype(np.uint8)
    file.name = "seen.png"  # its ending is enough; asked for a format, Pillow would load five coders, which takes 10 ms
    Image.fromarray(levels).save(file)
    return file.getvalue()
