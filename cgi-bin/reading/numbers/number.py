"""Numbers read: the best path through the rows of a writing, or that it is one digit after all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading.errors import TooManyDigits
from reading.numbers import cuts, path, pieces, verifier
from reading.numbers.lattice import GEOMETRY, MOST_DIGITS, TOO_MANY, Row, lattice, lines, picture
from reading.numbers.pieces import together
from reading.parts import pen_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Float
    from reading.classifier import Model
    from reading.numbers.pieces import Piece
    from reading.numbers.writing import Writing

MOST_SCORED = 128  # candidates of a picture that the model scores, the most promising ones
AT_ONCE = 16  # of them; what it says of the first ones rules most others out
MOST_VERIFIED = 256  # candidates of a row that the verifier is asked about before
TOUCHING = GEOMETRY.index("touching")
MOST_CUTS = 64  # of all pieces of a picture: bounds the time
# A sure number may be so doubtful, all its digits together, as a share of how doubtful a sure digit may be: each of its
# digits may be wrong. Chosen on numbers put together from train digits (`benchmarks/whole_numbers.py --part train`):
# with 1 more of the sure ones are wrong; with a quarter fewer are, but a tenth fewer numbers are sure.
DOUBT = 0.5
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

    rows: list[str]  # the digits of each row, also "-", "." and ","; "2026", "-3.14"
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
    """A row while it is read: what its candidates cost, as far as networks were asked about them."""

    def __init__(self, row: Row, outputs: Float) -> None:
        self.row = row
        self.cost = path.geometry(row)  # (candidates,) what is known of it
        signs = np.array([bool(one.sign) for one in row.candidates])
        self.verified = signs  # which of them the verifier was asked about; nobody is about signs
        self.heard = signs.copy()  # which the model was asked about
        self.outputs: dict[int, Float] = {}  # what it said
        pieces = {at: one.piece for at, one in enumerate(row.candidates) if one.piece is not None and not one.sign}
        self.hear(list(pieces), outputs[list(pieces.values())])

    def verify(self, asked: list[int]) -> None:
        """Ask the verifier about these candidates."""
        if asked:
            inks = [self.row.candidates[at].ink for at in asked]
            self.cost[asked] += path.cost_of_whole(verifier.whole(inks, self.row.around, self.row.height))
            self.verified[asked] = True

    def hear(self, asked: list[int], outputs: Float) -> None:
        """Take in what the model says of these candidates."""
        self.verify([at for at in asked if not self.verified[at]])
        self.cost[asked] += path.cost_of_digit(outputs, np.array([self.row.candidates[at].units for at in asked]))
        self.outputs.update(zip(asked, outputs, strict=True))
        self.heard[asked] = True

    def open(self) -> list[tuple[float, int]]:
        """The candidates that may yet be on the best path or the next best one, and how much less they might cost.

        What is not known of a candidate costs nothing.
        """
        most = self.best().cost + np.log(path.FACTOR)
        least = path.through(self.row, self.cost)
        less = least - most if most < np.inf else least
        return [(float(less[at]), at) for at in np.flatnonzero(~self.heard & (least <= most)).tolist()]

    def best(self) -> path.Path:
        """The best path through what the model was asked about."""
        return path.best(self.row, np.where(self.heard, self.cost, np.inf))


def read(writing: Writing, model: Model, whole: Float) -> Number | None:
    """Read a number; None if it is one digit, of which the model's outputs are `whole` (10,) or (11,).

    Raises TooManyDigits, BrokenModel.
    """
    rows = [_Reading(*each) for each in lattices(writing, model)]
    if not rows:
        return None
    _search(rows, writing, model)
    paths = [one.best() for one in rows]
    if writing.forced:
        if any(one.cost == np.inf for one in paths):
            raise TooManyDigits(TOO_MANY)
        return _number(writing, model, rows, paths, close=False)
    if sum(len(one.chosen) for one in paths) == 1:
        return None
    lattice_rows = [one.row for one in rows]
    more = path.cost_of_one(lattice_rows, whole, _is_whole(lattice_rows)) - sum(one.cost for one in paths)
    # Where neither one digit nor a number is possible, `more` is no number at all, and not 0 or more.
    return _number(writing, model, rows, paths, bool(more < np.log(path.FACTOR))) if more >= 0 else None


def _search(rows: list[_Reading], writing: Writing, model: Model) -> None:
    """Ask about the most promising candidates, some at a time, until no other one may be on the best path."""
    for one in rows:
        one.verify([at for _, at in sorted(one.open())[:MOST_VERIFIED] if not one.verified[at]])
    for scored in range(0, MOST_SCORED, AT_ONCE):
        every = sorted(((less, at, one) for one in rows for less, at in one.open()), key=_first)
        promising = every[: min(AT_ONCE, MOST_SCORED - scored)]
        if not promising:
            return
        _score([(one, at) for _, at, one in promising], writing, model)


def _first(promising: tuple[float, int, _Reading]) -> float:
    return promising[0]


def _is_whole(rows: list[Row]) -> float:
    """How likely all ink is one whole digit."""
    every = together([row.around for row in rows])
    return float(verifier.whole([every], every, rows[0].height if len(rows) == 1 else every.height)[0])


def _score(asked: list[tuple[_Reading, int]], writing: Writing, model: Model) -> None:
    """Ask the model about these candidates, in one batch."""
    outputs = heard([one.row.candidates[at].ink for one, at in asked], writing, model)
    for (one, at), said in zip(asked, outputs, strict=True):
        one.hear([at], said[None])


def heard(inks: Sequence[Piece], writing: Writing, model: Model) -> Float:
    """What the model says of ink, float (n, 10 or 11), also of the strokes that left it, where it has whole ones."""
    written = [[writing.strokes[at] for at in ink.order] if ink.whole else [] for ink in inks]
    return model.heard(np.stack([picture(ink) for ink in inks]), written)


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
    said = [heard(line.pieces, writing, model) for line in every]
    easy = [path.cost_of_digit(outputs, np.ones(len(outputs), int)) < EASY for outputs in said]
    hard = sum(int(np.count_nonzero(~each)) for each in easy)
    most = min(cuts.MOST_CUTS, MOST_CUTS // max(1, hard))
    rows = [lattice(line, pen, each.tolist(), most) for line, each in zip(every, easy, strict=True)]
    return list(zip(rows, said, strict=True))


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
    return Number(texts, _doubted_together(digits, 1 - DOUBT * (1 - model.card["unsure"]["confidence"])))


def _doubted_together(digits: list[NumberDigit], least: float) -> list[NumberDigit]:
    """The digits, the least certain one unsure where all of them together are less certain than `least`."""
    if not digits or np.prod([one.confidence for one in digits]) >= least:
        return digits
    lowest = min(range(len(digits)), key=lambda at: digits[at].confidence)
    return [one._replace(unsure=one.unsure or at == lowest) for at, one in enumerate(digits)]


def _parted(row: Row, chosen: list[int]) -> set[int]:
    """Those of the chosen candidates that a cut parts from the next one.

    A cut in the wrong place often leaves two parts that look like digits, of which the model is sure.
    """
    cut = [bool(row.candidates[at].geometry[TOUCHING]) for at in chosen]
    return {at for at, left, right in zip(chosen, cut, [*cut[1:], False], strict=True) if left or right}


def _digit(writing: Writing, model: Model, read: _Reading, at: int, doubted: bool) -> NumberDigit | str:
    """The candidate of that number as a digit, or as its sign."""
    chosen = read.row.candidates[at]
    if chosen.sign:
        return chosen.sign
    ink = chosen.ink
    judged = model.judged(read.outputs[at][None])
    scores = [round(score, 6) for score in judged.data[0].tolist()]
    digit = max(range(len(scores)), key=scores.__getitem__)
    unsure = doubted or bool(judged.unsure[0])
    return NumberDigit(digit, scores[digit], unsure, scores, picture(ink), _box(writing, ink))


def _box(writing: Writing, ink: Piece) -> tuple[int, int, int, int]:
    """Where ink is in the picture that was sent: left, top, width, height in its pixels."""
    left, top, width, height = (side * writing.step for side in (ink.left, ink.top, ink.width, ink.height))
    return round(writing.left + left), round(writing.top + top), round(width), round(height)
