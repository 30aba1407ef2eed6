"""Arrays as the JSON of an answer holds them: short."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from reading.arrays import Float

PLACES = 6  # decimals of a number

Facts = dict[str, Any]  # what the JSON of an answer holds


def rounded(numbers: Float) -> list[float]:
    """Numbers (n,) to PLACES decimals."""
    return [round(number, PLACES) for number in numbers.tolist()]


def in_bytes(maps: Float, top: float) -> str:
    """Values 0..top as bytes 0..255, row by row, in base64."""
    return base64.b64encode(np.rint(maps * np.float32(255 / top)).astype(np.uint8).tobytes()).decode()
