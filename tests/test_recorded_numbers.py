"""What is made of pictures of numbers is what it was when that was recorded: each cut, each candidate, each answer.

A change that is meant, of the code or of the shipped network: look at what differs, then `python
tests/test_recorded_numbers.py` records what is now (recorded_numbers.json).
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "cgi-bin"), str(HERE.parent)]  # as pytest does, for who runs this file itself

import numpy as np  # noqa: E402
import pytest  # noqa: E402

import pictures  # noqa: E402
import reading  # noqa: E402
from reading import classifier  # noqa: E402
from reading.numbers import number, path  # noqa: E402
from reading.numbers.lattice import Row  # noqa: E402
from reading.preprocessing import preprocess  # noqa: E402

RECORDED = HERE / "recorded_numbers.json"
Strokes = list[list[tuple[float, float]]]


# --- the pictures -----------------------------------------------------------------------------------


def moved(strokes: Strokes, right: float = 0, down: float = 0, size: float = 1, slant: float = 0) -> Strokes:
    """Strokes in another place, of another size, and slanted."""
    return [[(size * (x - slant * y) + right, size * y + down) for x, y in stroke] for stroke in strokes]


def beyond(strokes: Strokes) -> float:
    """What lies to the right of strokes."""
    return max(x for stroke in strokes for x, _ in stroke) + 30


EIGHT: Strokes = [[(150, 140), (105, 95), (140, 50), (185, 95), (95, 190), (140, 235), (190, 190), (135, 130)]]
POINT, MINUS = [[(0.0, 225.0), (4.0, 228.0)]], [[(45.0, 140.0), (110.0, 142.0)]]
SEVEN = pictures.written("7")
DRAWN: dict[str, Strokes] = {
    **{f"42, {gap} apart": pictures.written("42", gap) for gap in (60, 20, 0, -10, -24, -40, -60)},
    **{f"{text}, touching": pictures.written(text, -24) for text in ("00", "10", "77", "47", "70", "22", "01", "74")},
    "2704": pictures.written("2704"),
    "2704, the middle touching": pictures.written("2704", 20, -24, 20),
    "00420, all touching": pictures.written("00420", -16, -26, -24, -22),
    "uneven": pictures.written("2")
    + moved(pictures.written("4"), 150, 60, 0.7)
    + moved(pictures.written("0"), 260, 20),
    "slanted": moved(pictures.written("4207", 5), 60, 0, 1, 0.25),
    "small": moved(pictures.written("1742"), 10, 10, 0.25),
    "large": moved(pictures.written("24"), 0, 0, 4),
    "7.4": SEVEN + moved(POINT, beyond(SEVEN)) + moved(pictures.written("4"), beyond(SEVEN)),
    "-27": MINUS + moved(pictures.written("27"), 110),
    "two rows": pictures.written("42") + moved(pictures.written("70"), 0, 280),
    "three rows, one below the other": [
        stroke for row, text in enumerate("274") for stroke in moved(pictures.written(text), 20 * row, 260 * row)
    ],
    "digits above each other's ends": pictures.written("7") + moved(pictures.written("2"), 95, 30),
    "a crossed seven and a four in two strokes": [*SEVEN, [(70, 150), (170, 145)], *moved(pictures.written("4"), 150)],
    "a five whose cap is apart": [
        [(140, 60), (135, 120), (190, 150), (180, 210), (120, 220)],
        *moved(pictures.written("1"), 120),
        [(165, 60), (215, 58)],
    ],
}
FOUR, TWO = pictures.written("4"), pictures.written("2")
BY_PEN: dict[str, tuple[int, Strokes]] = {  # the width of the pen, and what it wrote
    "10.42 with a thin pen": (
        6,
        [*pictures.written("10", 30), *moved(POINT, 250), *moved(pictures.written("42", 30), 240)],
    ),
    "-71 with a thin pen": (6, [*moved(MINUS, -20, -10), *moved(pictures.written("71"), 100)]),
    "204, touching, with a thin pen": (8, pictures.written("204", -22)),
    "270, touching, with a thick pen": (34, moved(pictures.written("270", -16), 20, 0, 1.2)),
    "88, touching twice": (14, [*EIGHT, *moved(EIGHT, 92)]),
    "00, across each other": (12, pictures.written("00", -60)),
    "80, touching, slanted": (16, [*moved(EIGHT, 60, 0, 1, 0.3), *moved(pictures.written("0"), 150, 6, 1, 0.3)]),
    "tiny": (3, moved(pictures.written("4702", 5), 5, 5, 0.12)),
    "tiny and touching": (4, moved(pictures.written("042", -28), 5, 5, 0.15)),
    "twice as large": (44, moved(pictures.written("072", -18), 0, 0, 2.3)),
    "a dot too high for a point": (20, [*SEVEN, *moved(POINT, beyond(SEVEN), -60), *moved(FOUR, beyond(SEVEN))]),
    "a comma": (14, [*SEVEN, [(215, 220), (205, 250)], *moved(FOUR, 190)]),
    "a minus that is long": (12, [[(20, 150), (185, 143)], *moved(TWO, 180)]),
    "a stroke between digits": (12, [*TWO, [(200, 142), (260, 142)], *moved(FOUR, 240)]),
    "a minus, a point and two rows": (
        10,
        [*MINUS, *moved(SEVEN, 110), *moved(POINT, 280), *moved(TWO, 260), *moved(pictures.written("10"), 90, 262)],
    ),
    "rows of two sizes that are near": (12, [*pictures.written("40"), *moved(pictures.written("2710"), 20, 225, 0.5)]),
    "a four whose stem is written last": (12, [FOUR[0], *moved(TWO, 170), FOUR[1]]),
    "strokes across each other": (12, [*moved(SEVEN, 0), *moved(TWO, 62, 4), *moved(FOUR, 150, -6)]),
    "eleven": (20, pictures.written("1111111", 8)),
    "a nought in parts": (10, [[(140, 50), (85, 110), (95, 205)], [(120, 232), (185, 200), (190, 90), (160, 52)]]),
}
KNOWN = ("2704", "42, -24 apart", "77, touching", "uneven", "7.4", "two rows", "a five whose cap is apart", "slanted")
KNOWN += ("10.42 with a thin pen", "88, touching twice", "00, across each other", "a four whose stem is written last")
KNOWN += ("strokes across each other", "tiny and touching", "a minus, a point and two rows", "twice as large")


FILES = {name: pictures.encoded(pictures.drawn(strokes)) for name, strokes in DRAWN.items()}
FILES |= {name: pictures.encoded(pictures.drawn(strokes, pen)) for name, (pen, strokes) in BY_PEN.items()}
DRAWN |= {name: strokes for name, (_, strokes) in BY_PEN.items()}
FILES |= {f"{name}, strokes known": pictures.with_strokes(FILES[name], DRAWN[name]) for name in KNOWN}


# --- what is made of them ---------------------------------------------------------------------------


def numbers(values: Any) -> list[float]:
    return [round(float(value), 2) for value in values]


class Undecided(classifier.Model):
    """A model for which nothing is easy to read, so that all is cut that can be."""

    def __init__(self) -> None:
        """Load nothing."""

    def outputs(self, pictures: np.ndarray) -> np.ndarray:
        """Say of all pictures that they may be any digit."""
        return np.full((len(pictures), 10), 0.1, np.float32)


def lattices(rows: list[Row]) -> list[dict[str, Any]]:
    """The pieces and candidates of each row, as they are recorded."""
    return [
        {
            "pieces": [numbers([one.left, one.top, one.width, one.height, one.ink.sum()]) for one in row.pieces],
            "candidates": [
                [one.first, one.last, one.units, one.sign, *numbers([one.ink.ink.sum(), *one.geometry])]
                for one in row.candidates
            ],
        }
        for row in rows
    ]


def costs(rows: list[Row]) -> dict[str, Any]:
    """What candidates cost if the model says the same of each, and all rows as one; and which are whole pieces."""
    said = np.array([0.3, *[0.05] * 9, 0.25])
    units = [np.array([one.units for one in row.candidates]) for row in rows]
    of_model = [path.cost_of_digit(np.tile(said, (len(each), 1)), each) for each in units]
    one = path.cost_of_one(rows, said, 1)
    return {
        "costs": [numbers(path.geometry(row) + paid) for row, paid in zip(rows, of_model, strict=True)],
        "one": [] if one == np.inf else numbers([one]),
        "whole": [[-1 if one.piece is None else one.piece for one in row.candidates] for row in rows],
    }


def outcome(file: bytes) -> dict[str, Any]:
    """What reading makes of a picture, as it is recorded."""
    found = reading.read(file)
    digits = found.number.digits if found.number else []
    answer = {"text": found.number.text if found.number else "", "digit": found.digit, "unsure": found.unsure}
    answer |= {"digits": [[one.digit, round(one.confidence, 2), one.unsure, *one.box] for one in digits]}
    writing = preprocess(file, "number").writing
    assert writing is not None
    rows = [row for row, _ in number.lattices(writing, Undecided())]
    return {**answer, "rows": lattices(rows), **costs(rows), "forced": forced(file)}


def forced(file: bytes) -> list[Any]:
    """What is read if a picture has to be a number."""
    found = reading.read(file, how="number").number
    return [found.rows, [one.unsure for one in found.digits]] if found else []


def flat(value: Any) -> list[float]:
    """All numbers in what was recorded, in their order."""
    if isinstance(value, dict):
        return flat(list(value.values()))
    if isinstance(value, list):
        return [number for each in value for number in flat(each)]
    return [] if isinstance(value, str) else [float(value)]


def words(value: Any) -> Any:
    """The same without its numbers."""
    if isinstance(value, dict):
        return {name: words(each) for name, each in value.items()}
    return [words(each) for each in value] if isinstance(value, list) else value if isinstance(value, str) else 0


@pytest.mark.parametrize("name", FILES)
def test_a_number_is_taken_apart_and_read_as_it_was_when_that_was_recorded(name: str) -> None:
    recorded, now = json.loads(RECORDED.read_text())[name], json.loads(json.dumps(outcome(FILES[name])))
    assert words(now) == words(recorded)
    # Other versions of Pillow round otherwise, and a pixel more or less changes its neighbours' sums a little.
    assert flat(now) == pytest.approx(flat(recorded), rel=0.01, abs=0.021)


def test_each_recorded_number_is_looked_at() -> None:
    assert list(json.loads(RECORDED.read_text())) == list(FILES)


if __name__ == "__main__":
    each = (f"{json.dumps(name)}: {json.dumps(outcome(file))}" for name, file in FILES.items())
    RECORDED.write_text("{\n" + ",\n".join(each) + "\n}\n")
