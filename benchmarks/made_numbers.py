"""Numbers to measure and fit with: as people wrote them, and put together from one writer's digits.

A made number has its digits side by side on one line, at gaps from wide to touching, all random choices from one seed.
It is drawn as the page draws: black strokes on white paper, which the PNG file holds, too.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "cgi-bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from pen_digits import painted, png  # noqa: E402

from learning.errors import BadDataset  # noqa: E402

GAPS = {"wide": (0.3, 0.6), "normal": (0.1, 0.3), "narrow": (0.05, 0.1)}  # of the height, between the ink of two digits
TOUCHING = "touching"  # the right digit is moved to the left until its ink meets that of the left one
LENGTHS = (2, 3, 4, 5, 6)
PENS = (0.05, 0.15)  # width of the pen, of a digit's height
FILLED = (0.5, 0.9)  # how much of the canvas a number fills, in the direction that is scarce
WIDE, SQUARE = (560, 280), (280, 280)  # width and height of a canvas in pixels
SEED = 2026  # of all that is chosen at random


class Written(NamedTuple):
    """Digits as they were written."""

    writer: str
    label: str  # "7", "0123"
    strokes: list[np.ndarray]  # (n, 2) points x, y, y down, any unit


class Drawing(NamedTuple):
    """A number as a picture."""

    label: str
    gap: str  # of GAPS, or TOUCHING; "" for one that a person wrote
    digits: list[list[np.ndarray]]  # the strokes of each digit in pixels; all in one list if it is not known whose
    pen: float  # its width in pixels
    size: tuple[int, int]  # width and height in pixels

    @property
    def strokes(self) -> list[np.ndarray]:
        """All strokes, in the order of writing."""
        return [stroke for digit in self.digits for stroke in digit]

    def png(self, with_strokes: bool) -> bytes:
        """The picture as a PNG file, if wanted with its strokes, which are rounded to hundredths of a pixel."""
        return png(painted(self.strokes, self.pen, self.size), self.strokes if with_strokes else ())


def written(path: Path) -> list[Written]:
    """The digits or numbers of a .jsonl.gz file. Raises BadDataset."""
    try:
        with gzip.open(path, "rt") as lines:
            records = [json.loads(line) for line in lines]
        return [
            Written(one["writer"], str(one["label"]), [np.array(stroke, float) for stroke in one["strokes"] if stroke])
            for one in records
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDataset(f"The strokes in {path} can't be read: {error}.") from error


def as_written(number: Written) -> Drawing:
    """A number as it was written: it fills 85 % of a square canvas; a pen of 4 pixels, 8 if it is short."""
    pen = 4.0 if len(number.label) > 5 else 8.0
    return _placed(number.label, "", [number.strokes], pen, SQUARE, 0.85)


def alone(digit: Written, rng: np.random.Generator) -> Drawing:
    """One digit, at any size."""
    return _placed(digit.label, "", [digit.strokes], float(rng.uniform(8, 24)), SQUARE, float(rng.uniform(0.3, 0.9)))


def made(
    digits: Sequence[Written], count: int, rng: np.random.Generator, gaps: Sequence[str], lengths: Sequence[int]
) -> Iterator[Drawing]:
    """Put so many numbers together, each from the digits of one writer; gaps in turn, lengths at random.

    None at all if no writer has ten digits.
    """
    of_writer = defaultdict(list)
    for digit in digits:
        of_writer[digit.writer].append(digit)
    enough = [own for own in of_writer.values() if len(own) >= 10]
    for at in range(count if enough else 0):
        own = enough[rng.integers(len(enough))]
        chosen = [own[each] for each in rng.integers(len(own), size=rng.choice(np.array(lengths)))]
        yield _made(chosen, gaps[at % len(gaps)], rng)


def _made(chosen: Sequence[Written], gap: str, rng: np.random.Generator) -> Drawing:
    pen = float(rng.uniform(*PENS))
    row = [_unit(chosen[0], rng)]
    for digit in chosen[1:]:
        row.append(_beside(row, _unit(digit, rng), gap, pen, rng))
    span = np.ptp(np.concatenate([stroke for one in row for stroke in one]), axis=0) + pen
    filled = float(rng.uniform(*FILLED))
    pixels = pen * filled * float((np.array(WIDE) / span).min())
    return _placed("".join(one.label for one in chosen), gap, row, max(pixels, 2.0), WIDE, filled)


def _unit(digit: Written, rng: np.random.Generator) -> list[np.ndarray]:
    """A digit's strokes, about 1 high, on a line that is about straight."""
    every = np.concatenate(digit.strokes)
    low, high = every.min(0), every.max(0)
    scale = rng.normal(1, 0.07) / max(high[1] - low[1], (high[0] - low[0]) / 1.6, 1e-6)
    middle = np.array([low[0], (low[1] + high[1]) / 2])
    return [(stroke - middle) * scale + [0, rng.normal(0, 0.03)] for stroke in digit.strokes]


def _beside(
    row: Sequence[Sequence[np.ndarray]], digit: list[np.ndarray], gap: str, pen: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """The digit moved to the right of a row of them."""
    right = max(float(stroke[:, 0].max()) for one in row for stroke in one) + pen
    if gap == TOUCHING:
        place = _meeting(_dense(row[-1]), _dense(digit), right, pen * float(rng.uniform(0.8, 1)))
    else:
        place = right + float(rng.uniform(*GAPS[gap]))
    return [stroke + np.array([place, 0]) for stroke in digit]


def _meeting(left: np.ndarray, right: np.ndarray, start: float, near: float) -> float:
    """How far to the right the points `right` are when they first come that near to the points `left`, from `start`."""
    for place in np.arange(start, float(left[:, 0].min()), -0.01):
        if ((left[:, None] - right - [place, 0]) ** 2).sum(-1).min() < near**2:
            return float(place)
    return float(left[:, 0].min())


def _dense(strokes: Sequence[np.ndarray], step: float = 0.02) -> np.ndarray:
    """Points along strokes, none farther than `step` from the next one: (n, 2)."""
    found = [stroke[:1] for stroke in strokes]
    for stroke in strokes:
        for start, end in pairwise(stroke):
            count = int(np.hypot(*(end - start)) / step) + 1
            found.append(start + (end - start) * np.arange(1, count + 1)[:, None] / count)
    return np.concatenate(found)


def _placed(
    label: str, gap: str, digits: list[list[np.ndarray]], pen: float, size: tuple[int, int], filled: float
) -> Drawing:
    """Digits scaled to fill that share of the canvas, in its middle."""
    every = np.concatenate([stroke for digit in digits for stroke in digit])
    low, high = every.min(0), every.max(0)
    scale = float(((np.array(size) * filled - pen) / np.maximum(high - low, 1e-6)).min())
    corner = np.array(size) / 2 - scale * (low + high) / 2
    return Drawing(label, gap, [[stroke * scale + corner for stroke in digit] for digit in digits], pen, size)
