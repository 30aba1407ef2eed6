"""The best path through a lattice: which candidates, side by side, are the digits of a row.

A path costs the sum over its candidates of a cost that is linear in what the model and the geometry say of each. It
is a semi-Markov conditional random field (Sarawagi and Cohen, "Semi-Markov conditional random fields for information
extraction", 2004), in which exp(-cost), over the sum of all paths', is a path's probability. So the few weights can
be fitted to numbers whose cuts are known: `benchmarks/whole_numbers.py --fit` does that and prints such weights
(`docs/accuracy.md` says why it does not print those in use).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading.numbers.lattice import GEOMETRY, MOST_UNITS, Row
from reading.numbers.rows import are_apart, are_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Float, Ints

LEAST = 1e-6  # a probability below counts as this one
LEAST_WHOLE = 0.01  # the same, of what the verifier says, which is surer than it is right
TERMS = ("digit", "units", "doubt", "whole", "single", *GEOMETRY)  # what a candidate's cost is made of
WEIGHTS = {  # in the order of TERMS
    "digit": 4.52,  # -log of its best digit's score
    "units": 0.84,  # the same, for each unit after its first
    "doubt": 0.86,  # -log of the score that it is a digit at all
    "whole": 0.53,  # -log of how likely it is a whole digit, by its ink and what is around it
    "single": -0.23,  # 1: what each candidate costs
    "high": 2.51,
    "level": 6.6,
    "wide": 0.0,
    "split": 3.87,
    "late": 2.0,
    "touching": -0.98,
    "unlikely": 0.56,
    "meets": 0.0,
    "near": 0.49,
}
_WEIGHTS = np.array(list(WEIGHTS.values()))
FACTOR = 3  # a path is doubted if the next best is likelier than one in so many of its own probability
# What a picture costs less that is read as one digit. More makes pairs of train digits that touch one digit, and less
# single ones numbers: `benchmarks/whole_numbers.py --part train` counts both.
FAVOUR = 0.5
WIDE = 7.0  # what all ink as one digit costs for each of its heights that it is wider than BROAD
BROAD = 1.5  # width to height


class Path(NamedTuple):
    """A way through a row."""

    chosen: list[int]  # numbers of the candidates, from left to right
    cost: float
    margin: float  # how much more the next best path costs
    other: list[int]  # the candidates of that path; none if there is only one path

    @property
    def doubted(self) -> set[int]:
        """The candidates of the best path that the next best has not, if that is more than a third as likely."""
        return set(self.chosen) - set(self.other) if self.margin < np.log(FACTOR) else set()


def geometry(row: Row) -> Float:
    """What the geometry of each candidate costs: (candidates,), the least that it can cost in all."""
    weighed: Float = np.array([one.geometry for one in row.candidates]) @ _WEIGHTS[5:] + WEIGHTS["single"]
    return np.where([bool(one.sign) for one in row.candidates], 0, weighed)


def said(outputs: Float, units: Ints) -> Float:
    """The terms that come from a model's outputs (n, 10 or 11), for candidates of so many units (n,): (n, 3)."""
    is_digit = np.clip(1 - outputs[:, 10:].sum(1), LEAST, 1)
    cost = -np.log(np.clip(outputs[:, :10].max(1) / is_digit, LEAST, 1))
    return np.stack([cost, cost * (units - 1), -np.log(is_digit)], 1)


def _surprise(whole: Float) -> Float:
    """The term that comes from what the verifier says of candidates (n,): (n,)."""
    surprise: Float = -np.log(np.clip(whole, LEAST_WHOLE, 1))
    return surprise


def terms(row: Row, outputs: Float, whole: Float) -> Float:
    """What the cost of each candidate is made of, in the order of TERMS: (n, 14).

    It is measured, and said by a model, outputs (n, 10 or 11), and by the verifier, (n,).
    """
    units = np.array([one.units for one in row.candidates])
    measured = np.array([[1.0, *one.geometry] for one in row.candidates])
    return np.concatenate([said(outputs, units), _surprise(whole)[:, None], measured], 1)


def cost_of_digit(outputs: Float, units: Ints) -> Float:
    """What candidates of so many units (n,) cost for what a model's outputs (n, 10 or 11) say of them: (n,)."""
    cost: Float = said(outputs, units) @ _WEIGHTS[:3]
    return cost


def cost_of_whole(whole: Float) -> Float:
    """What candidates cost for what the verifier says of them (n,): (n,)."""
    return WEIGHTS["whole"] * _surprise(whole)


def cost_of_one(rows: Sequence[Row], outputs: Float, whole: float) -> float:
    """What it costs to read all rows as one digit, of which a model's outputs are (10,) or (11,): no sign is in it."""
    every = [piece for row in rows for piece in row.pieces]
    if any(one.sign for one in every) or are_apart([row.pieces for row in rows]) or are_beside(every):
        return np.inf
    units = sum(row.units for row in rows)
    width = max(one.right for one in every) - min(one.left for one in every)
    height = max(one.bottom for one in every) - min(one.top for one in every)
    wide = WEIGHTS["single"] + WIDE * max(0.0, width / height - BROAD)
    said = cost_of_digit(outputs[None], np.array([min(units, MOST_UNITS)])) + cost_of_whole(np.array([whole]))
    return said.item() + wide - FAVOUR


def through(row: Row, cost: Float) -> Float:
    """What the best path through each candidate costs, if these cost (n,): (n,)."""
    ahead, back = [np.inf] * row.places, [np.inf] * row.places
    ahead[0] = back[-1] = 0
    by_end = sorted(zip(row.candidates, cost.tolist(), strict=True), key=lambda each: each[0].last)
    for one, paid in by_end:
        ahead[one.last] = min(ahead[one.last], ahead[one.first] + paid)
    for one, paid in reversed(by_end):
        back[one.first] = min(back[one.first], back[one.last] + paid)
    ends = [ahead[one.first] + back[one.last] for one in row.candidates]
    least: Float = np.array(ends) + cost
    return least


def best(row: Row, cost: Float) -> Path:
    """The path that costs least (Viterbi), and how much more the next one costs; candidates cost (n,)."""
    ways: list[list[tuple[float, list[int]]]] = [[(0.0, [])], *([] for _ in range(row.places - 1))]
    for end in range(1, row.places):
        ending = [at for at, one in enumerate(row.candidates) if one.last == end]
        longer = [
            (spent + float(cost[at]), [*chosen, at])
            for at in ending
            for spent, chosen in ways[row.candidates[at].first]
        ]
        ways[end] = sorted(longer)[:2]
    (spent, chosen), (next_best, other) = [*ways[-1], (np.inf, []), (np.inf, [])][:2]
    return Path(chosen, spent, next_best - spent if spent < np.inf else np.inf, other)
