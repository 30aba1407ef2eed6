"""Fit the weights with which `reading.numbers` finds the best path to numbers whose cuts are known.

The likelihood of the right paths is made as large as can be, with a penalty that keeps each weight near its last value
(`reading/numbers/path.py` names the method). Numbers are put together from train strokes: never from those that figures
are taken on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from cores import on_all_cores
from made_numbers import Drawing
from pen_digits import painted

from reading import classifier
from reading.numbers import path, verifier
from reading.numbers.lattice import Row
from reading.numbers.number import heard, lattices
from reading.numbers.pieces import Piece
from reading.numbers.writing import Writing
from reading.preprocessing import preprocess

PURE = 0.6  # of a digit's own ink is in its candidate, less what is there of others, else it is not cut well enough
WRONG = 1e6  # what a candidate costs that is on no right path
STEPS, RATE, PENALTY = 150, 0.08, 1.0
ANY_SIGN = {"single", "touching"}
POSITIVE = [at for at, name in enumerate(path.TERMS) if name not in ANY_SIGN]


class Read(NamedTuple):
    """The lattice of a drawing, and its digits in pixels of that."""

    writing: Writing
    row: Row
    digits: list[list[np.ndarray]]  # the strokes of each
    pen: float  # its width
    shape: tuple[int, int]  # (h, w) of the ink
    label: str


class Sample(NamedTuple):
    """A lattice whose right paths are known: where a cut is not clear, there are several."""

    row: Row  # its candidates have no ink
    terms: np.ndarray  # (candidates, len(TERMS))
    right: np.ndarray  # (candidates,) which of them are on a right path


def samples(drawings: Sequence[Drawing], model: classifier.Model) -> list[Sample]:
    """The numbers of which a path is right, from strokes and from pixels in turn."""
    jobs = [(drawing, at % 2 == 0, model.card["name"]) for at, drawing in enumerate(drawings)]
    return [one for one in on_all_cores(_of_drawing, jobs, "numbers") if one]


def _of_drawing(job: tuple[Drawing, bool, str]) -> Sample | None:
    drawing, with_strokes, name = job
    model = classifier.load(name)
    read = read_row(drawing, model, with_strokes)
    return read and _sample(read, model)


def read_row(drawing: Drawing, model: classifier.Model, with_strokes: bool) -> Read | None:
    """The lattice of a drawing; None if it is not one row, or a part of it is taken for a sign."""
    writing = preprocess(drawing.png(with_strokes), "number").writing
    rows = lattices(writing, model) if writing else []
    if not writing or len(rows) != 1 or any(one.sign for one in rows[0][0].pieces):
        return None
    row = rows[0][0]
    corner = np.array([writing.left, writing.top])
    digits = [[(stroke - corner) / writing.step for stroke in digit] for digit in drawing.digits]
    height, width = writing.ink.shape
    return Read(writing, row, digits, drawing.pen / writing.step, (height, width), drawing.label)


def _sample(read: Read, model: classifier.Model) -> Sample | None:
    inks = [one.ink for one in read.row.candidates]
    outputs = heard(inks, read.writing, model)
    is_read = outputs[:, :10].argmax(1)[:, None] == [int(digit) for digit in read.label]
    right = ((purity(read) > PURE) & is_read).any(1)
    if np.isinf(path.best(read.row, np.where(right, 0.0, np.inf)).cost):
        return None
    whole = verifier.whole(inks, read.row.around, read.row.height)
    inkless = read.row._replace(pieces=[], candidates=[one._replace(parts=[]) for one in read.row.candidates])
    return Sample(inkless, path.terms(read.row, outputs, whole), right)


def purity(read: Read) -> np.ndarray:
    """How much of what each digit alone has is in a candidate, less the most that it has of another: (n, digits)."""
    covers = np.stack([1 - painted(digit, read.pen, read.shape[::-1]) / 255 for digit in read.digits])
    others = [np.delete(covers, at, 0).max(0, initial=0) for at in range(len(covers))]
    alone = np.maximum(covers - others, 0)
    return np.array([_purity(one.ink, alone) for one in read.row.candidates])


def _purity(piece: Piece, alone: np.ndarray) -> np.ndarray:
    box = slice(piece.top, piece.bottom), slice(piece.left, piece.right)
    shares = (alone[:, box[0], box[1]] * piece.ink).sum((1, 2)) / np.maximum(alone.sum((1, 2)), 1e-6)
    return np.array([share - np.delete(shares, at).max(initial=0) for at, share in enumerate(shares)])


def fitted(known: Sequence[Sample]) -> dict[str, float]:
    """The weights that make the right paths likeliest, by Adam (Kingma and Ba, 2015)."""
    start = np.array([path.WEIGHTS[name] for name in path.TERMS])
    weights, mean, square = start.copy(), np.zeros(len(start)), np.zeros(len(start))
    for step in range(1, STEPS + 1):
        slope = PENALTY * (weights - start)
        for one in known:
            cost = one.terms @ weights
            slope += (shares(one.row, np.where(one.right, cost, WRONG)) - shares(one.row, cost)) @ one.terms
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights -= RATE * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
        weights[POSITIVE] = np.maximum(weights[POSITIVE], 0)
    return dict(zip(path.TERMS, weights.round(2).tolist(), strict=True))


def likelihood(one: Sample, weights: np.ndarray) -> float:
    """The logarithm of how likely the right paths are, all together."""
    cost = one.terms @ weights
    right, every = (_ahead(one.row, each)[-1] for each in (np.where(one.right, cost, WRONG), cost))
    return float(right - every)


def shares(row: Row, cost: np.ndarray) -> np.ndarray:
    """The probability that each candidate (n,) is on the path, by forward and backward sums."""
    ahead, back = _ahead(row, cost), np.full(row.places, -np.inf)
    back[-1] = 0
    for at in sorted(range(len(cost)), key=lambda at: -row.candidates[at].last):
        one = row.candidates[at]
        back[one.first] = np.logaddexp(back[one.first], back[one.last] - cost[at])
    ends = [ahead[one.first] + back[one.last] for one in row.candidates]
    probable: np.ndarray = np.exp(np.array(ends) - cost - ahead[-1])
    return probable


def _ahead(row: Row, cost: np.ndarray) -> np.ndarray:
    """The logarithm of the sum over all ways to each place of exp(-cost): (places,)."""
    ahead = np.full(row.places, -np.inf)
    ahead[0] = 0
    for at in sorted(range(len(cost)), key=lambda at: row.candidates[at].last):
        one = row.candidates[at]
        ahead[one.last] = np.logaddexp(ahead[one.last], ahead[one.first] - cost[at])
    return ahead
