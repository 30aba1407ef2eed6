"""Whatever a picture shows and its strokes say, numbers are read within bounds of time and memory."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

import bounded
import pictures
from bounded import Taken

SECONDS = 2 * 0.5  # twice what is promised, for a machine that is busy
MEGABYTES = 150
NUMBER = pictures.encoded(pictures.number("2704"))
AT = np.mgrid[:600, :600]


def specks() -> np.ndarray:
    paper = np.full((600, 600), 255)
    for x, y in np.random.default_rng(0).integers(0, 597, (10_000, 2)):
        paper[y : y + 2, x : x + 2] = 0
    return paper


def crossword() -> np.ndarray:
    lines = np.where((AT[0] % 40 < 2) | (AT[1] % 40 < 2), 0, 255)
    for row, column in 40 * np.random.default_rng(0).integers(0, 15, (60, 2)):
        lines[row : row + 40, column : column + 40] = 0
    return lines


def text(height: int = 45) -> np.ndarray:
    page = Image.new("L", (600, 600), 255)
    for row in range(height):
        ImageDraw.Draw(page).text((5, 5 + 13 * row), "31415 926535 8979 323846 26433 83279 5028841 971", fill=0)
    return np.asarray(page)


def scribble() -> np.ndarray:
    """Large loops in a row, which all touch."""
    page = Image.new("L", (600, 200), 255)
    along = np.linspace(0, 1, 2000)
    loops = np.stack([40 + 520 * along + 40 * np.sin(120 * along), 100 + 80 * np.cos(75 * along)], 1)
    ImageDraw.Draw(page).line([(x, y) for x, y in loops.tolist()], fill=0, width=6)
    return np.asarray(page)


PATTERNS = {
    "10,000 specks": specks(),
    "crossword": crossword(),
    "a page of text": text(),
    "a line of text": text(1),
    "hatching": np.where(AT[0] % 4 < 1, 0, 255),
    "slanting hatching": np.where((AT[0] + AT[1]) % 8 < 3, 0, 255),
    "squared paper": np.where((AT[0] % 30 < 2) | (AT[1] % 30 < 2), 0, 255),
    "a barcode": np.where((AT[1] * AT[1] // 600 % 13 < 5) & (AT[0] > 200) & (AT[0] < 400), 0, 255),
    "a comb": np.where((AT[0] < 6) | ((AT[1] % 12 < 4) & (AT[0] < 100)), 0, 255),
    "a long line": np.where(np.mgrid[:40, :4000][0] == 20, 0, 255),
    "a scribble": scribble(),
    "noise": np.random.default_rng(0).integers(0, 2, (600, 600)) * 255,
}
STROKES: dict[str, object] = {
    "256 strokes across": [[[1, 2], [630, 200]]] * 256,
    "one stroke of 5,000 points": [[[at % 600, at % 280] for at in range(5000)]],
    "10,000 strokes": [[[at % 600, 100]] for at in range(10_000)],
    "a million points": [[[1, 2]] * 1_000_000],
    "NaN": [[[float("nan"), 1]]],
    "1e308": [[[1e308, -1e308]]],
    "none": [],
    "those of another picture": pictures.written("10"),
    "lists in lists": json.loads("[" * 900 + "]" * 900),
}
PICTURES = {name: pictures.encoded(Image.fromarray(pattern.astype(np.uint8))) for name, pattern in PATTERNS.items()}
WITH_STROKES = {name: pictures.with_strokes(NUMBER, strokes) for name, strokes in STROKES.items()}


@pytest.fixture(scope="module")
def found() -> dict[str, Taken]:
    """What each picture took, read both ways."""
    asked = {f"{name}, {how}": (how, file) for name, file in PICTURES.items() for how in ("auto", "number")}
    return bounded.taken(asked | {name: ("auto", file) for name, file in WITH_STROKES.items()})


@pytest.mark.parametrize("how", ["auto", "number"])
@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_answered_with_doubt_or_refused_within_bounds(
    name: str, how: str, found: dict[str, Taken]
) -> None:
    taken = found[f"{name}, {how}"]
    assert taken.unsure
    assert taken.seconds < SECONDS
    assert taken.megabytes < MEGABYTES


@pytest.mark.parametrize("name", STROKES)
def test_any_strokes_are_read_or_left_alone_within_bounds(name: str, found: dict[str, Taken]) -> None:
    taken = found[name]
    assert taken.said == "2704"
    assert taken.seconds < SECONDS
    assert taken.megabytes < MEGABYTES
