"""Fit the weights with which `reading.numbers` finds the best path to numbers whose cuts are known.

The likelihood of the right paths is made as large as can be, with a penalty that keeps each weight near its last value
(`reading/numbers/path.py` names the method). Numbers are put together from train strokes: never from those that figures
are taken on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from made_numbers import Drawing, painted

from reading.classifier import Model
from reading.numbers import path
from reading.numbers.lattice import Row, picture
from reading.numbers.number import lattices
from reading.preprocessing import preprocess

PURE = 0.6  # of a unit's ink at least is of one digit, else the number is not cut well enough to learn from
STEPS, RATE, PENALTY = 150, 0.08, 1.0
POSITIVE = [path.TERMS.index(name) for name in ("high", "level", "wide", "split", "late", "unlikely", "meets", "near")]


class Sample(NamedTuple):
    """A lattice whose right path is known."""

    row: Row
    terms: np.ndarray  # (candidates, len(TERMS))
    right: list[int]  # the candidates of the right path


def samples(drawings: Sequence[Drawing], model: Model) -> Iterator[Sample]:
    """The numbers of which a path is right, from strokes and from pixels in turn."""
    for at, drawing in enumerate(drawings):
        sample = _sample(drawing, model, with_strokes=at % 2 == 0)
        if sample:
            yield sample


def _sample(drawing: Drawing, model: Model, with_strokes: bool) -> Sample | None:
    writing = preprocess(drawing.png(with_strokes), "number").writing
    rows = lattices(writing, model) if writing else []
    if not writing or len(rows) != 1:
        return None
    units, candidates = rows[0][0]
    row = Row(units, [one for one in candidates if not one.sign])
    corner = np.array([writing.left, writing.top])
    moved = [[(stroke - corner) / writing.step for stroke in digit] for digit in drawing.digits]
    right = _right(row, moved, drawing.pen / writing.step, writing.ink.shape)
    if right is None:
        return None
    outputs = model.outputs(np.stack([picture(row.ink(one)) for one in row.candidates]))
    return Sample(row, path.terms(row, outputs), right)


def _right(row: Row, digits: Sequence[list[np.ndarray]], pen: float, shape: tuple[int, ...]) -> list[int] | None:
    """The candidates that are the digits; None if the units are not cut where the digits meet."""
    covers = [1 - painted(digit, pen, (shape[1], shape[0])) / 255 for digit in digits]
    shares = np.array(
        [
            [(cover[one.top : one.bottom, one.left : one.right] * one.ink).sum() / one.ink.sum() for cover in covers]
            for one in row.units
        ]
    )
    owners = shares.argmax(1).tolist()
    if owners != sorted(owners) or len(set(owners)) < len(digits) or shares.max(1).min() < PURE:
        return None
    ends = np.cumsum([0, *Counter(owners).values()]).tolist()
    numbers = {(one.first, one.last): at for at, one in enumerate(row.candidates)}
    found = [numbers.get(each, -1) for each in pairwise(ends)]
    return None if -1 in found else found


def fitted(known: Sequence[Sample]) -> dict[str, float]:
    """The weights that make the right paths likeliest, by Adam (Kingma and Ba, 2015)."""
    start = np.array([path.WEIGHTS[name] for name in path.TERMS])
    weights, mean, square = start.copy(), np.zeros(len(start)), np.zeros(len(start))
    for step in range(1, STEPS + 1):
        slope = PENALTY * (weights - start)
        for one in known:
            slope += one.terms[one.right].sum(0) - shares(one.row, one.terms @ weights) @ one.terms
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights -= RATE * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
        weights[POSITIVE] = np.maximum(weights[POSITIVE], 0)
    return dict(zip(path.TERMS, weights.round(2).tolist(), strict=True))


def shares(row: Row, cost: np.ndarray) -> np.ndarray:
    """The probability that each candidate (n,) is on the path, by forward and backward sums."""
    ahead, back = np.full(len(row.units) + 1, -np.inf), np.full(len(row.units) + 1, -np.inf)
    ahead[0] = back[-1] = 0
    by_end = sorted(range(len(cost)), key=lambda at: row.candidates[at].last)
    for at in by_end:
        one = row.candidates[at]
        ahead[one.last] = np.logaddexp(ahead[one.last], ahead[one.first] - cost[at])
    for at in reversed(by_end):
        one = row.candidates[at]
        back[one.first] = np.logaddexp(back[one.first], back[one.last] - cost[at])
    ends = [ahead[one.first] + back[one.last] for one in row.candidates]
    probable: np.ndarray = np.exp(np.array(ends) - cost - ahead[-1])
    return probable
