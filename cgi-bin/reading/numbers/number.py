"""Numbers read: the best path through the rows of a writing, or that it is one digit after all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading.errors import TooManyDigits
from reading.numbers import path, pieces
from reading.numbers.lattice import GEOMETRY, MOST_DIGITS, TOO_MANY, Line, Row, lattice, lines, picture
from reading.parts import pen_width

if TYPE_CHECKING:
    from reading.arrays import Float
    from reading.classifier import Model
    from reading.numbers.pieces import Piece
    from reading.numbers.writing import Writing

MOST_SCORED = 128  # candidates that are scored at once, the most promising ones
TOUCHING = GEOMETRY.index("touching")
EASY = 0.5  # a piece that costs less as one digit is not cut: two would cost more


class NumberDigit(NamedTuple):
    """A digit of a number."""

    digit: int  # the one with the highest score
    confidence: float  # its score, 0..1
    unsure: bool
    scores: list[float]  # ten, 0..1, index is the digit
    picture: Float  # float32 (28, 28), 0 paper to 1 ink, as the model read it
    box: tuple[int, int, int, int]  # left, top, width, height in pixels of the picture sent


class Number(NamedTuple):
    """What a model reads in a picture of several digits."""

    rows: list[str]  # the digits of each row, also "-" and "."; "2026", "-3.14"
    digits: list[NumberDigit]  # of all rows, from left to right and from the top to the bottom

    @property
    def text(self) -> str:
        """The rows in one line."""
        return " ".join(self.rows)

    @property
    def several(self) -> bool:
        """Whether it is more than one digit alone."""
        return len(self.text) > 1

    @property
    def unsure(self) -> bool:
        """Whether one of its digits is unsure."""
        return any(one.unsure for one in self.digits)


class _Reading:
    """A row while it is read: what its candidates cost, as far as the model was asked about them."""

    def __init__(self, row: Row, outputs: Float) -> None:
        self.row, self.geometry = row, path.geometry(row)
        self.outputs = {  # of each candidate that the model was asked about
            at: outputs[one.piece] for at, one in enumerate(row.candidates) if one.piece is not None and not one.sign
        }

    def open(self) -> list[tuple[float, int]]:
        """The candidates that may yet be on the best path or the next best one, and how much less they might cost."""
        most = self.best().cost + np.log(path.FACTOR)
        least = path.through(self.row, self._costs(unknown=0))
        return [
            (float(least[at] - most) if most < np.inf else float(least[at]), at)
            for at, one in enumerate(self.row.candidates)
            if least[at] <= most and at not in self.outputs and not one.sign
        ]

    def _costs(self, unknown: float) -> Float:
        """What each candidate costs: (n,), on top of its geometry `unknown` if the model was not asked about it."""
        costs = np.where([bool(one.sign) for one in self.row.candidates], self.geometry, self.geometry + unknown)
        for at, outputs in self.outputs.items():
            units = self.row.candidates[at].last - self.row.candidates[at].first
            costs[at] = self.geometry[at] + path.cost_of_digit(outputs[None], np.array([units])).item()
        return costs

    def best(self) -> path.Path:
        """The best path through what the model was asked about."""
        return path.best(self.row, self._costs(unknown=np.inf))


def read(writing: Writing, model: Model, whole: Float) -> Number | None:
    """Read a number; None if it is one digit, of which the model's outputs are `whole` (10,) or (11,).

    Raises TooManyDigits, BrokenModel.
    """
    rows = [_Reading(*each) for each in lattices(writing, model)]
    if not rows:
        return None
    doubtful = sorted(((less, at, one) for one in rows for less, at in one.open()), key=lambda each: each[0])
    _score([(one, at) for _, at, one in doubtful[:MOST_SCORED]], model)
    paths = [one.best() for one in rows]
    if writing.forced and any(one.cost == np.inf for one in paths):
        raise TooManyDigits(TOO_MANY)
    more = path.cost_of_one([one.row for one in rows], whole) - sum(one.cost for one in paths)
    # Where neither one digit nor a number is possible, `more` is no number at all, and not 0 or more.
    if not writing.forced and (not more >= 0 or sum(len(one.chosen) for one in paths) == 1):
        return None
    return _number(writing, model, rows, paths, not writing.forced and bool(more < np.log(path.FACTOR)))


def _score(asked: list[tuple[_Reading, int]], model: Model) -> None:
    """Ask the model about these candidates, in one batch."""
    if asked:
        pictures = np.stack([picture(one.row.ink(one.row.candidates[at])) for one, at in asked])
        for (one, at), outputs in zip(asked, model.outputs(pictures), strict=True):
            one.outputs[at] = outputs


def lattices(writing: Writing, model: Model) -> list[tuple[Row, Float]]:
    """The lattices of a writing's rows, with what the model says of their pieces: float (pieces, 10 or 11) each.

    None if the ink is not that of digits. Raises TooManyDigits, BrokenModel.
    """
    ink = writing.ink.astype(np.float32) / 255
    found = pieces.of_strokes(ink, writing.strokes) if writing.strokes else None
    found, pen = found or pieces.of_parts(ink), pen_width(ink)
    every = lines(found, pen) if found else []
    if not every and writing.forced:
        raise TooManyDigits(TOO_MANY)
    return [_lattice(line, pen, model) for line in every]


def _lattice(line: Line, pen: float, model: Model) -> tuple[Row, Float]:
    outputs = model.outputs(np.stack([picture(one) for one in line.pieces]))
    easy = path.cost_of_digit(outputs, np.ones(len(outputs), int)) < EASY
    return lattice(line, pen, easy.tolist()), outputs


def _number(writing: Writing, model: Model, rows: list[_Reading], paths: list[path.Path], close: bool) -> Number:
    """The digits of all rows, unsure if a `close` second is one digit. Raises TooManyDigits."""
    texts, digits = [], []
    for row, way in zip(rows, paths, strict=True):
        doubted = way.doubted | _parted(row.row, way.chosen)
        read = [_digit(writing, model, row, at, close or at in doubted) for at in way.chosen]
        texts.append("".join(str(one.digit) if isinstance(one, NumberDigit) else one for one in read))
        digits += [one for one in read if isinstance(one, NumberDigit)]
    if len(digits) > MOST_DIGITS:
        raise TooManyDigits(TOO_MANY)
    return Number(texts, digits)


def _parted(row: Row, chosen: list[int]) -> set[int]:
    """Those of the chosen candidates that a cut parts from the next one.

    A cut in the wrong place often leaves two parts that look like digits, of which the model is sure.
    """
    cut = [bool(row.candidates[at].geometry[TOUCHING]) for at in chosen]
    return {at for at, left, right in zip(chosen, cut, [*cut[1:], False], strict=True) if left or right}


def _digit(writing: Writing, model: Model, read: _Reading, at: int, doubted: bool) -> NumberDigit | str:
    """The candidate of that number as a digit, or as "-" or "."."""
    chosen = read.row.candidates[at]
    if chosen.sign:
        return chosen.sign
    ink = read.row.ink(chosen)
    judged = model.judged(read.outputs[at][None])
    scores = [round(score, 6) for score in judged.data[0].tolist()]
    digit = max(range(len(scores)), key=scores.__getitem__)
    unsure = doubted or bool(judged.unsure[0])
    return NumberDigit(digit, scores[digit], unsure, scores, picture(ink), _box(writing, ink))


def _box(writing: Writing, ink: Piece) -> tuple[int, int, int, int]:
    """Where ink is in the picture that was sent: left, top, width, height in its pixels."""
    left, top, width, height = (side * writing.step for side in (ink.left, ink.top, ink.width, ink.height))
    return round(writing.left + left), round(writing.top + top), round(width), round(height)
