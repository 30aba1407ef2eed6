"""How often drawings like those of the page's gallery are read as what they are; prints a table.

    python benchmarks/gallery.py            # --drawings 50 for a first look
    python benchmarks/gallery.py --write    # and put the figures onto the page

Each sample of static/draw/samples.js is drawn with other pens, sizes, places, slants and bends, all random choices from
one seed, and goes the way that a drawing on the page goes. The page shows what the default model reads.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "cgi-bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from drawn import judge, table  # noqa: E402
from pen_digits import drawing as drawn_on_page  # noqa: E402

from reading import cards, classifier  # noqa: E402
from reading.errors import Problem  # noqa: E402
from reading.preprocessing import preprocess  # noqa: E402

SAMPLES = ROOT / "static/draw/samples.js"
READ = ROOT / "static/draw/read.js"  # where the page has the figures
SEED = 2026
DRAWINGS = 100  # of each sample
SLANT = 0.4  # at most, either way: columns a row
BEND = 5.0  # deviation of how far each point strays, in hundredths of the paper
STEP = 1 / 2.8  # points nearer than this, in hundredths of the paper, are left out, as the page does


class Sample(NamedTuple):
    """A digit of the gallery."""

    digit: int
    style: str  # how and where it is written so
    strokes: list[np.ndarray]  # (n, 2) points x, y in hundredths of the paper, between which the page draws curves


def samples() -> list[Sample]:
    """The gallery as the page has it."""
    found = re.findall(r'^  \[(\d), "(.*)", "([\d |]+)"\],$', SAMPLES.read_text("utf-8"), re.M)
    return [Sample(int(digit), style, [_points(each) for each in text.split("|")]) for digit, style, text in found]


def _points(text: str) -> np.ndarray:
    return np.array(text.split(), float).reshape(-1, 2)


def drawing(sample: Sample, rng: np.random.Generator) -> bytes:
    """A sample as another hand may draw it, as a PNG file."""
    slant = rng.uniform(-SLANT, SLANT)
    strokes = []
    for points in sample.strokes:
        places, which = np.unique(points, axis=0, return_inverse=True)  # what is one corner stays one
        strayed = (places + rng.normal(0, BEND, places.shape))[which.ravel()]
        strokes.append(curve(strayed + slant * np.outer(50 - strayed[:, 1], [1, 0])))
    return drawn_on_page(strokes, "casual", rng)


def curve(points: np.ndarray) -> np.ndarray:
    """Points along the line that the page draws: curves from midpoint to midpoint (static/draw/geometry.js)."""
    kept = [points[0]]
    kept += [point for point in points[1:] if np.hypot(*(point - kept[-1])) >= STEP]
    corners = np.array([*kept[:-1], points[-1]] if len(kept) > 1 else kept)
    ends = np.concatenate([corners[:1], (corners[:-1] + corners[1:]) / 2, corners[-1:]])
    share = np.linspace(0, 1, 8)[:, None, None]
    along = (1 - share) ** 2 * ends[:-1] + 2 * share * (1 - share) * corners + share**2 * ends[1:]
    return np.concatenate(along.swapaxes(0, 1))


def read(sample: Sample, count: int, model: classifier.Model, seed: Sequence[int]) -> int:
    """How many of so many drawings are read as what they are."""
    rng = np.random.default_rng(seed)
    seen = [preprocess(drawing(sample, rng)) for _ in range(count)]
    return int(judge(model, seen, np.full(count, sample.digit)).right.sum())


def counts(count: int, model: classifier.Model) -> list[int]:
    """The same of each sample."""
    return [read(sample, count, model, [SEED, number]) for number, sample in enumerate(samples())]


def on_page() -> tuple[int, list[int]]:
    """Of how many drawings, and how many of each sample's, the page says that they are read."""
    text = READ.read_text("utf-8")
    drawn, found = re.search(r"DRAWN = (\d+);", text), re.search(r"READ = \[([^\]]*)\];", text)
    if not drawn or not found:
        raise ValueError(f"{READ} does not have the form that gallery.py writes")
    return int(drawn[1]), [int(each) for each in found[1].split(",") if each.strip()]


def module(drawn: int, found: Sequence[int]) -> str:
    """The page's file of figures."""
    return (
        "// How many drawings like each sample are read right; `python benchmarks/gallery.py --write` writes this file."
        f"\n\nexport const DRAWN = {drawn};\nexport const READ = [{', '.join(map(str, found))}];\n"
    )


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    said = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="gallery.py", description=said)
    parser.add_argument("--model", default=cards.DEFAULT, help="name of the model (default: %(default)s)")
    parser.add_argument("--drawings", type=int, default=DRAWINGS, metavar="N", help="of each (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write the figures to static/draw/read.js")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _arguments(arguments)
    try:
        found = counts(options.drawings, classifier.load(options.model))
    except Problem as problem:
        print(f"gallery.py: {problem}", file=sys.stderr)
        return 1
    rows = [
        [f"{sample.digit} {sample.style}".strip(), str(right)] for sample, right in zip(samples(), found, strict=True)
    ]
    print(table(["sample", f"of {options.drawings} read right"], rows))
    print(f"All: {100 * sum(found) / len(found) / options.drawings:.2f} %")
    if options.write:
        READ.write_text(module(options.drawings, found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
