"""Each way to cut shapes is what it was when that was recorded: outlines, necks, seams, what is measured of them.

The shapes are made by arithmetic alone, so that they are the same with any Pillow. After a change that is meant, look
at what differs; then `PYTHONPATH=cgi-bin python tests/test_recorded_cuts.py` records what is now (recorded_cuts.json).
"""

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import pictures
from reading.numbers import cuts, necks, outlines, seams
from reading.numbers.pieces import Piece
from test_recorded_numbers import EIGHT, HERE, Strokes, flat, moved, numbers, words

RECORDED = HERE / "recorded_cuts.json"


def inked(strokes: Strokes, size: float, pen: float) -> np.ndarray:
    """Strokes drawn so much smaller, with a round pen so many pixels wide, grey at its edges: float32 (h, w)."""
    placed = [size * np.array(stroke) for stroke in strokes]
    right, foot = np.concatenate(placed).max(0) + pen
    y, x = np.mgrid[: int(foot), : int(right)]
    away = np.full(y.shape, np.inf)
    for stroke in placed:
        for (x0, y0), (x1, y1) in pairwise(stroke.tolist()):
            long = (x1 - x0) ** 2 + (y1 - y0) ** 2
            along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / long, 0, 1)
            away = np.minimum(away, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    ink: np.ndarray = np.clip(pen / 2 + 0.5 - away, 0, 1).round(2).astype(np.float32)
    return ink[:, ink.max(0) > 0][ink.max(1) > 0]


def plate() -> np.ndarray:
    """Ten holes of several sizes in a plate, each near an edge, or the next one."""
    ink = np.ones((50, 210), np.float32)
    for at, (left, high) in enumerate(zip(range(5, 200, 20), (9, 12, 20, 15, 25, 30, 18, 11, 22, 27), strict=True)):
        ink[5 + 2 * (at % 3) : 5 + 2 * (at % 3) + high, left : left + 12 + at % 4] = 0
    return ink


def joined_twice() -> np.ndarray:
    """Two squares with a bridge in which there is a hole that is just large enough to count."""
    ink = np.zeros((40, 70), np.float32)
    ink[5:35, 5:30] = ink[4:31, 39:65] = ink[16:23, 30:39] = 1
    ink[18:20, 33:35] = 0
    return ink


SHAPES: dict[str, tuple[np.ndarray, float]] = {  # and the width of the pen, in pixels
    "42": (inked(pictures.written("42", -24), 0.3, 5.3), 5.3),
    "20, thick": (inked(pictures.written("20", -30), 0.3, 8.7), 8.7),
    "00": (inked(pictures.written("00", -31), 0.3, 5.1), 5.1),
    "88": (inked([*EIGHT, *moved(EIGHT, 92, 7)], 0.3, 4.6), 4.6),
    "80, slanted": (
        inked([*moved(EIGHT, 60, 0, 1, 0.3), *moved(pictures.written("0"), 152, 6, 1, 0.3)], 0.35, 5.7),
        5.7,
    ),
    "274, thin": (inked(pictures.written("274", -22), 0.25, 2.9), 2.9),
    "7, alone": (inked(pictures.written("7"), 0.4, 6.3), 6.3),
    "47, a pixel wide": (inked(pictures.written("47", -22), 0.15, 1.3), 1.2),
    "a small hole": (joined_twice(), 3.6),
    "a plate with ten holes": (plate(), 5.2),
}


def outcome(ink: np.ndarray, pen: float) -> dict[str, Any]:
    """What is found in a shape, as it is recorded."""
    mask, least = ink >= 0.5, 0.4 * len(ink) * pen
    ways = necks.ways(mask, pen)
    columns, crossed = seams.seams(ink, pen, least)
    around = outlines.outlines(mask)
    parts = cuts.parts(Piece(ink, 3, 5), len(ink), pen)
    turned = [outlines.turns(outlines.smoothed(each, 2), 4) for each in around]
    return {
        "outlines": [
            numbers([len(each), outlines.area(each), np.abs(turn).sum(), np.sin(turn).max(), np.sin(turn).min()])
            for each, turn in zip(around, turned, strict=True)
        ],
        "ways": [[numbers([way.cost, len(way.outline)]), *(numbers(neck) for neck in way.necks)] for way in ways[:24]],
        "all ways": len(ways),
        "seams": [numbers([cost, *each[::7, 0]]) for each, cost in zip(columns, crossed, strict=True)],
        "cuts": [numbers([*each.shape[1:], each.before, each.cost]) for each in cuts.possible(ink, pen, least)[::2]],
        "parts": [
            [*span, parts.units(*span), *numbers([one.left, one.top, one.width, one.height, one.ink.sum(), one.cut])]
            for span in parts.spans()[::5]
            if (one := parts.part(*span))
        ],
    }


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_cut_as_it_was_when_that_was_recorded(name: str) -> None:
    recorded, now = json.loads(RECORDED.read_text())[name], json.loads(json.dumps(outcome(*SHAPES[name])))
    assert words(now) == words(recorded)
    for part in recorded:  # other versions of Pillow may fill polygons otherwise
        few = 0.01 if part in ("cuts", "parts") else 0.001
        assert flat(now[part]) == pytest.approx(flat(recorded[part]), rel=few, abs=0.021)


def test_each_recorded_shape_is_looked_at() -> None:
    assert list(json.loads(RECORDED.read_text())) == list(SHAPES)


if __name__ == "__main__":
    each = (f"{json.dumps(name)}: {json.dumps(outcome(*shape))}" for name, shape in SHAPES.items())
    RECORDED.write_text("{\n" + ",\n".join(each) + "\n}\n")
