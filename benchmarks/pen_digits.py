"""Real pen digits: the corpus of strokes, and how they are drawn on a canvas like the page's, in six ways."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "cgi-bin"))

import numpy as np  # noqa: E402
from PIL import Image, ImageDraw, PngImagePlugin  # noqa: E402

from learning.data.strokes import read  # noqa: E402
from learning.errors import BadDataset  # noqa: E402

CORPORA = [
    ROOT.parent / "shared" / "strokes" / name for name in ("unipen-digits-dev.jsonl.gz", "pendigits-dev.jsonl.gz")
]
WHERE = (
    "They are digits of UNIPEN Train-R01/V07, benchmark 1a (Zenodo, doi 10.5281/zenodo.1195803) and of Pen-Based "
    "Recognition of Handwritten Digits (UCI, doi 10.24432/C5MG6K); fetch.py --strokes gets both. One JSON object a "
    'line: {"writer": "name", "label": 9, "strokes": [[[x, y], ...], ...]}, y down. Name such files with --strokes.'
)
CANVAS = 280  # pixels a side
OVERSAMPLING = 3  # drawn this much larger, then averaged down

One = TypeVar("One")
Strokes = Sequence[np.ndarray | Sequence[Sequence[float]]]


class Condition(NamedTuple):
    """How a digit is drawn; each pair is a range of equally likely values."""

    pen: tuple[float, float]  # width in pixels
    side: tuple[float, float]  # longer side of the digit as a share of the canvas
    centred: bool  # else anywhere that fits
    turn: tuple[float, float] = (0, 0)  # degrees, either way


CONDITIONS = {
    "neat": Condition((16, 16), (0.70, 0.70), centred=True),
    "casual": Condition((12, 24), (0.25, 0.85), centred=False),
    "thin": Condition((6, 6), (0.60, 0.80), centred=False),
    "thick": Condition((32, 32), (0.60, 0.80), centred=False),
    "small": Condition((10, 10), (0.15, 0.25), centred=False),
    "tilted": Condition((16, 16), (0.70, 0.70), centred=True, turn=(10, 20)),
}


class Digit(NamedTuple):
    """One digit of the corpus."""

    label: int
    strokes: Strokes  # [[[x, y], ...], ...], y down, any unit


def digits(path: Path, limit: int | None = None) -> list[Digit]:
    """Read digits from a .jsonl or .jsonl.gz file; `limit` takes that many, spread over the file.

    Raises BadDataset.
    """
    try:
        found = read(path)
    except BadDataset as error:
        raise BadDataset(f"{error} {WHERE}") from error
    every = [Digit(int(label), written) for label, written in zip(found.labels, found.strokes, strict=True)]
    return some(every, limit)


def some(every: list[One], limit: int | None) -> list[One]:
    """So many of them, evenly spread; all without a limit."""
    return every if limit is None or limit >= len(every) else [every[at * len(every) // limit] for at in range(limit)]


def render(strokes: Strokes, condition: str, rng: np.random.Generator) -> np.ndarray:
    """Draw strokes with round caps and joins, black on white: uint8 (280, 280)."""
    return painted(*_placed(strokes, condition, rng))


def drawing(strokes: Strokes, condition: str, rng: np.random.Generator) -> bytes:
    """The same as the PNG file that the page sends, in which the strokes are, too."""
    placed, pen = _placed(strokes, condition, rng)
    return png(painted(placed, pen), placed)


def painted(strokes: Sequence[np.ndarray], pen: float, size: tuple[int, int] = (CANVAS, CANVAS)) -> np.ndarray:
    """Strokes in pixels with round caps and joins, black on white paper of that width and height: uint8 (h, w)."""
    paper = Image.new("L", (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), 255)
    draw, width = ImageDraw.Draw(paper), pen * OVERSAMPLING
    for stroke in strokes:
        points = [(x, y) for x, y in (stroke * OVERSAMPLING).tolist()]
        if len(points) > 1:
            draw.line(points, fill=0, width=round(width))
        for x, y in points:  # a disc at every point makes both the caps and the joins round
            draw.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=0)
    return np.asarray(paper.reduce(OVERSAMPLING))


def _placed(strokes: Strokes, condition: str, rng: np.random.Generator) -> tuple[list[np.ndarray], float]:
    """The strokes turned, scaled and moved onto the canvas, and the width of the pen, both in its pixels."""
    how = CONDITIONS[condition]
    pen = rng.uniform(*how.pen)
    points = [np.asarray(stroke, float).reshape(-1, 2) for stroke in strokes]
    every = np.concatenate(points)
    longer = float(np.ptp(every, axis=0).max()) or 1.0
    turn = math.radians(rng.uniform(*how.turn)) * rng.choice([-1, 1])
    scale = rng.uniform(*how.side) * CANVAS / longer
    matrix = scale * np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    every = every @ matrix
    low, high = every.min(0), every.max(0)
    room = CANVAS - pen - (high - low)
    share = np.full(2, 0.5) if how.centred else rng.uniform(size=2)
    return [stroke @ matrix - low + pen / 2 + room * share for stroke in points], pen


def png(picture: np.ndarray, strokes: Sequence[np.ndarray] = ()) -> bytes:
    """Encode uint8 (h, w) as a PNG file, as a canvas does; with strokes as the page writes them, in its pixels."""
    file, info = io.BytesIO(), PngImagePlugin.PngInfo()
    if strokes:
        kept = [stroke.round(2).tolist() for stroke in strokes]
        info.add_text("strokes", json.dumps({"size": picture.shape[::-1], "strokes": kept}))
    Image.fromarray(picture).save(file, "PNG", pnginfo=info, compress_level=1)
    return file.getvalue()
