"""How often what is no digit is marked unsure: 300 letters, shapes, scribbles and pairs of digits; prints a table.

    python benchmarks/nondigits.py
    python benchmarks/nondigits.py --model svm --sheet believed.png

All are strokes made here, in code, with a hand's variations, and drawn under the condition "casual" of
`drawn.py`. Capital letters that look like a digit are left out: B (8), D, O and Q (0), G (6), I (1), S (5), Z (2).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "cgi-bin"), str(ROOT / "benchmarks")]

import drawn  # noqa: E402
import numpy as np  # noqa: E402
from pen_digits import Digit  # noqa: E402

from reading import cards, classifier  # noqa: E402
from reading.errors import Problem  # noqa: E402
from reading.preprocessing import Preprocessed  # noqa: E402

SEED = 300
Points = list[tuple[float, float]]


class Drawing(NamedTuple):
    """Something that is no digit."""

    kind: str  # a row of the table
    name: str
    strokes: list[np.ndarray]  # each float (n, 2), x to the right, y down


def _arc(x: float, y: float, wide: float, high: float, start: float, stop: float) -> Points:
    """Part of an ellipse about (x, y), from one angle to another: degrees, 0 to the right, 90 down."""
    angles = np.radians(np.linspace(start, stop, 24))
    return [(x + wide * math.cos(angle), y + high * math.sin(angle)) for angle in angles]


# Each in a box about 1 by 1, y down.
LETTERS: dict[str, list[Points]] = {
    "A": [[(0, 1), (0.45, 0), (0.9, 1)], [(0.2, 0.62), (0.72, 0.62)]],
    "C": [_arc(0.5, 0.5, 0.45, 0.5, -50, -310)],
    "E": [[(0.75, 0), (0, 0), (0, 1), (0.8, 1)], [(0, 0.48), (0.65, 0.48)]],
    "F": [[(0.75, 0), (0, 0), (0, 1)], [(0, 0.48), (0.6, 0.48)]],
    "H": [[(0, 0), (0, 1)], [(0.75, 0), (0.75, 1)], [(0, 0.5), (0.75, 0.5)]],
    "J": [[(0.6, 0), (0.6, 0.7), *_arc(0.3, 0.7, 0.3, 0.3, 0, 170)]],
    "K": [[(0, 0), (0, 1)], [(0.7, 0), (0, 0.55)], [(0.2, 0.42), (0.75, 1)]],
    "L": [[(0, 0), (0, 1), (0.65, 1)]],
    "M": [[(0, 1), (0.08, 0), (0.5, 0.7), (0.92, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (0.75, 1), (0.75, 0)]],
    "P": [[(0, 1), (0, 0), (0.3, 0), *_arc(0.3, 0.26, 0.35, 0.26, -90, 90), (0, 0.52)]],
    "R": [[(0, 1), (0, 0), (0.3, 0), *_arc(0.3, 0.25, 0.35, 0.25, -90, 90), (0, 0.5)], [(0.25, 0.5), (0.7, 1)]],
    "T": [[(0, 0), (0.9, 0)], [(0.45, 0), (0.45, 1)]],
    "U": [[(0, 0), (0, 0.6), *_arc(0.38, 0.6, 0.38, 0.4, 180, 0), (0.76, 0)]],
    "V": [[(0, 0), (0.42, 1), (0.84, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.25), (0.75, 1), (1, 0)]],
    "X": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
    "Y": [[(0, 0), (0.4, 0.5)], [(0.8, 0), (0.4, 0.5), (0.4, 1)]],
}
SHAPES: dict[str, list[Points]] = {
    "triangle": [[(0.5, 0), (1, 0.9), (0, 0.9), (0.5, 0)]],
    "square": [[(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]],
    "star": [[(0.2, 1), (0.5, 0), (0.8, 1), (0, 0.36), (1, 0.36), (0.2, 1)]],
    "heart": [[(0.5, 0.95), *_arc(0.25, 0.3, 0.25, 0.28, 150, 360), *_arc(0.75, 0.3, 0.25, 0.28, 180, 390),
               (0.5, 0.95)]],
    "plus": [[(0.5, 0), (0.5, 1)], [(0, 0.5), (1, 0.5)]],
    "tick": [[(0, 0.6), (0.3, 1), (1, 0)]],
    "arrow": [[(0, 0.5), (1, 0.5)], [(0.65, 0.2), (1, 0.5), (0.65, 0.8)]],
    "face": [_arc(0.5, 0.5, 0.5, 0.5, 0, 360), _arc(0.33, 0.38, 0.04, 0.05, 0, 360),
             _arc(0.67, 0.38, 0.04, 0.05, 0, 360), _arc(0.5, 0.55, 0.25, 0.22, 20, 160)],
    "house": [[(0, 1), (0, 0.45), (0.5, 0), (1, 0.45), (1, 1), (0, 1)]],
    "hash": [[(0.33, 0), (0.27, 1)], [(0.73, 0), (0.67, 1)], [(0, 0.33), (1, 0.33)], [(0, 0.67), (1, 0.67)]],
}  # fmt: skip
DIGITS: list[list[Points]] = [
    [_arc(0.35, 0.5, 0.35, 0.5, -90, 270)],
    [[(0.1, 0.25), (0.4, 0), (0.4, 1)]],
    [[*_arc(0.33, 0.28, 0.33, 0.28, -170, 35), (0, 1), (0.7, 1)]],
    [[*_arc(0.3, 0.25, 0.32, 0.25, -150, 90), *_arc(0.3, 0.74, 0.36, 0.26, -90, 150)]],
    [[(0.45, 0), (0, 0.65), (0.7, 0.65)], [(0.5, 0.35), (0.5, 1)]],
    [[(0.65, 0), (0.12, 0), (0.05, 0.45), *_arc(0.3, 0.68, 0.34, 0.32, -115, 140)]],
    [[(0.5, 0), (0.12, 0.45), *_arc(0.33, 0.7, 0.33, 0.3, 190, -170)]],
    [[(0, 0), (0.65, 0), (0.25, 1)]],
    [[*_arc(0.35, 0.25, 0.28, 0.25, 90, 450), *_arc(0.35, 0.75, 0.34, 0.25, -90, 270)]],
    [[*_arc(0.33, 0.3, 0.33, 0.3, 0, -360), (0.6, 1)]],
]


def drawings() -> list[Drawing]:
    """The 300: the same ones every time."""
    rng = np.random.default_rng(SEED)
    return [
        *(Drawing("capital letter", name, _by_hand(LETTERS[name], rng)) for name in list(LETTERS) * 7),
        *(Drawing("shape", name, _by_hand(SHAPES[name], rng)) for name in list(SHAPES) * 6),
        *(Drawing("scribble", "scribble", _scribble(rng)) for _ in range(54)),
        *(Drawing("two digits", "".join(map(str, pair)), _pair(pair, rng)) for pair in rng.integers(0, 10, (60, 2))),
    ]


def _by_hand(strokes: list[Points], rng: np.random.Generator) -> list[np.ndarray]:
    """Vary a drawing as hands do: slant, proportions, a slow wobble, and corners a little off."""
    slant, turn = rng.normal(0, 0.12), rng.normal(0, 0.08)
    wide = rng.uniform(0.75, 1.25)
    matrix = np.array([[wide, turn], [-slant - turn, 1]])
    phase = rng.uniform(0, 2 * np.pi, 4)
    varied = []
    for stroke in strokes:
        corners = np.asarray(stroke, float)
        corners = corners + rng.normal(0, 0.03 if len(corners) < 12 else 0.006, corners.shape)
        points = _dense(corners)
        wobble = np.sin(5 * points[:, ::-1] + phase[:2]) + np.sin(9 * points + phase[2:])
        varied.append((points + 0.015 * wobble) @ matrix)
    return varied


def _dense(corners: np.ndarray) -> np.ndarray:
    """Points along straight lines between the corners, 0.02 apart."""
    lengths = np.hypot(*np.diff(corners, axis=0).T)
    along = np.concatenate([[0], np.cumsum(np.maximum(lengths, 1e-9))])
    at = np.linspace(0, along[-1], max(2, int(along[-1] / 0.02)))
    return np.stack([np.interp(at, along, corners[:, axis]) for axis in (0, 1)], 1)


def _scribble(rng: np.random.Generator) -> list[np.ndarray]:
    """One line back and forth, or round and round, without a plan."""
    time = np.linspace(0, 1, 240)[:, None]
    waves = rng.integers(3, 9, (3, 2))
    size = rng.uniform(0.15, 0.4, (3, 2))
    phase = rng.uniform(0, 2 * np.pi, (3, 2))
    drift = time * rng.uniform(-0.8, 0.8, 2)
    return [drift + sum(size[i] * np.sin(2 * np.pi * waves[i] * time + phase[i]) for i in range(3))]


def _pair(pair: Sequence[int], rng: np.random.Generator) -> list[np.ndarray]:
    """Two digits side by side, not touching."""
    left, right = (_by_hand(DIGITS[digit], rng) for digit in pair)
    gap = max(stroke[:, 0].max() for stroke in left) - min(stroke[:, 0].min() for stroke in right)
    move = np.array([gap + rng.uniform(0.15, 0.4), rng.normal(0, 0.05)])
    return [*left, *(stroke + move for stroke in right)]


def read(every: Sequence[Drawing]) -> list[Preprocessed]:
    """Drawings as the models read them."""
    return drawn.pictures([Digit(-1, one.strokes) for one in every], ["casual"])["casual"]


# --- the command ---


def figures(kinds: Sequence[str], unsure: np.ndarray) -> str:
    """Share marked unsure: one row a kind, and all together."""
    groups = {kind: np.array([one == kind for one in kinds]) for kind in dict.fromkeys(kinds)}
    groups["all"] = np.full(len(kinds), True)
    rows = [[name, str(group.sum()), drawn.share(unsure[group])] for name, group in groups.items()]
    return drawn.table(["", "drawings", "marked unsure"], rows)


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    said = (__doc__ or "").partition("\n")[0]
    result = argparse.ArgumentParser(prog="nondigits.py", description=said)
    result.add_argument("--model", default=cards.DEFAULT, help="name of the model (default: %(default)s)")
    result.add_argument("--sheet", type=Path, metavar="OUT.png", help="save a contact sheet of those believed")
    return result


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    model = classifier.load(options.model)
    every = drawings()
    pictures = read(every)
    result = drawn.judge(model, pictures, np.full(len(every), -1))
    print(f"Model {model.card['name']}, what is no digit:\n\n{figures([one.kind for one in every], result.unsure)}")
    believed = np.flatnonzero(~result.unsure)
    print("Believed:", ", ".join(f"{every[at].name} as {result.answers[at]}" for at in believed) or "none")
    if options.sheet:
        cells = [
            (drawn.in_bytes(pictures[at].picture), f"{every[at].name[:5]} as {result.answers[at]}") for at in believed
        ]
        drawn.contact_sheet(cells).save(options.sheet)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        run(options)
    except Problem as problem:
        print(f"nondigits.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
