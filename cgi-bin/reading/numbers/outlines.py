"""Outlines of ink: closed ways around each part and each hole, and how sharply they turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints

# Steps to the right, down, left and up, and where the pixel on either hand is from the corner where a step begins.
_X, _Y = np.array([1, 0, -1, 0]), np.array([0, 1, 0, -1])
_RIGHT = ((0, 0), (0, -1), (-1, -1), (-1, 0))
_LEFT = ((-1, 0), (0, 0), (0, -1), (-1, -1))


def outlines(mask: Bools) -> list[Ints]:
    """The outlines of a mask (h, w): (n, 2) corners x, y of its pixels, one a step; ink is on the right hand.

    Ink that touches at a corner is one part. Around a hole the area is negative.
    """
    at, following = _steps(mask)
    seen, found = [False] * len(following), []
    for start in range(len(following)):
        way = []
        step = start
        while not seen[step]:
            seen[step] = True
            way.append(step)
            step = following[step]
        if way:
            found.append(at[way])
    return found


def _steps(mask: Bools) -> tuple[Ints, list[int]]:
    """Each step along ink: where it begins, (n, 2) x, y, and the number of the step after it."""
    padded = np.zeros((mask.shape[0] + 4, mask.shape[1] + 4), bool)
    padded[2:-2, 2:-2] = mask
    height, width = padded.shape[0] - 1, padded.shape[1] - 1
    right, left = (
        np.stack([padded[1 + y : height + y, 1 + x : width + x] for y, x in hand]) for hand in (_RIGHT, _LEFT)
    )
    is_step = right & ~left
    way, y, x = np.nonzero(is_step)
    numbers = np.zeros(is_step.shape, np.intp)
    numbers[way, y, x] = np.arange(len(way))
    end_y, end_x = y + _Y[way], x + _X[way]
    turned = np.where(left[way, end_y, end_x], way - 1, np.where(right[way, end_y, end_x], way, way + 1)) % 4
    return np.stack([x, y], 1) - 1, numbers[turned, end_y, end_x].tolist()


def area(outline: Ints) -> float:
    """What an outline goes around, in pixels; negative if that is a hole."""
    x, y = outline[:, 0].astype(float), outline[:, 1].astype(float)
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def smoothed(outline: Ints, reach: int) -> Float:
    """Each point (n, 2) as the mean of itself and so many points on either side."""
    reach = min(reach, (len(outline) - 1) // 2)
    around = np.concatenate([outline[len(outline) - reach :], outline, outline[:reach]]).astype(float)
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(around, 0)])
    means: Float = (sums[2 * reach + 1 :] - sums[: len(outline)]) / (2 * reach + 1)
    return means


def turns(points: Float, reach: int) -> Float:
    """How far an outline (n, 2) turns into the ink at each point, -pi to pi, as seen from so many points away."""
    before, after = points - np.roll(points, reach, 0), np.roll(points, -reach, 0) - points
    crossed = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turn: Float = -np.arctan2(crossed, (before * after).sum(1))
    return turn
