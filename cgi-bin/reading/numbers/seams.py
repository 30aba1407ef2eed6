"""Seams: ways from the top to the bottom of a piece that cut through little ink, where two digits may touch.

A seam moves at most one column a row, as in Avidan and Shamir, "Seam carving for content-aware image resizing"
(2007): it is the cheapest of all such ways through a given column at middle height, found by dynamic programming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reading.arrays import Float, Ints

DEEPEST = 2.2  # widths of the pen: a seam through more ink is none; through a nought it takes two
SIDEWAYS = 0.02  # what a step to the side costs, as ink
_STEPS = np.array([0, -1, 1])


def seams(ink: Float, pen: float, least: float) -> tuple[list[Ints], list[float]]:
    """The cheapest seams through ink (h, w) with at least so much ink between any two of them, as each row's column.

    The columns are (h, 1) each; with them how many widths of the pen, which is in pixels, each seam goes through.
    """
    ways, cost = _seams(ink)
    columns = _cheapest(cost / pen, _ink_before(ink, ways), least, float(ink.sum()))
    return [ways[:, column, None] for column in columns], (cost[columns] / pen).tolist()


def _seams(ink: Float) -> tuple[Ints, Float]:
    """The cheapest seam through each column at middle height of (h, w): its columns (h, w), and its ink (w,)."""
    middle = len(ink) // 2
    upper, lower = _ways(ink[: middle + 1]), _ways(ink[middle:][::-1])
    return np.concatenate([upper[1][:-1], lower[1][::-1]]), upper[0] + lower[0] - ink[middle]


def _ways(ink: Float) -> tuple[Float, Ints]:
    """The cost of the cheapest way from the first row of (h, w) to each column of the last, and its columns (h, w)."""
    cost, steps = ink[0], np.zeros(ink.shape, np.intp)
    padded = np.full(ink.shape[1] + 2, np.inf, np.float32)
    for row in range(1, len(ink)):
        padded[1:-1] = cost
        three = np.stack([padded[1:-1], padded[:-2] + SIDEWAYS, padded[2:] + SIDEWAYS])
        steps[row] = _STEPS[three.argmin(0)]
        cost = three.min(0) + ink[row]
    ways = np.empty_like(steps)
    ways[-1] = np.arange(ink.shape[1])
    for row in range(len(ink) - 1, 0, -1):
        ways[row - 1] = ways[row] + steps[row, ways[row]]
    return cost, ways


def _ink_before(ink: Float, seams: Ints) -> Float:
    """How much ink is to the left of each seam: (h, w) and (h, seams) to (seams,)."""
    before = np.zeros((ink.shape[0], ink.shape[1] + 1), np.float32)
    np.cumsum(ink, 1, out=before[:, 1:])
    summed: Float = np.take_along_axis(before, seams, 1).sum(0)
    return summed


def _cheapest(cost: Float, before: Float, least: float, whole: float) -> list[int]:
    """The columns of the cheapest seams with at least so much ink between any two of them."""
    found: list[int] = []
    amounts = [0.0, whole]
    for column in np.argsort(cost, kind="stable").tolist():
        if cost[column] > DEEPEST:
            break
        if all(abs(before[column] - other) >= least for other in amounts):
            found.append(column)
            amounts.append(float(before[column]))
    return found
