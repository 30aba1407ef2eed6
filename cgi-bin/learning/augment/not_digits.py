"""What is no digit: scrawls, unfinished fours, and two digits side by side. They teach the eleventh output to doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.augment.coordinates import BOX, SEGMENTS, SIDE, chain
from learning.augment.geometry import sample

if TYPE_CHECKING:
    from reading.arrays import Float


NOT_A_DIGIT = 10  # the label of what is no digit


def draw_scrawl(rng: np.random.Generator) -> Float:
    """One drawing that is no digit, as float32 (SEGMENTS, 4) line segments in a box of 20 pixels.

    Sticks between random corners, right angles, closed shapes with corners, stars, waves, scribbles, and discs and
    blocks filled with hatching. No letter is drawn on purpose: whether letters are doubted is measured, not taught.
    """
    kinds = [_sticks, _corner, _polygon, _star, _wave, _scribble, _hatching]
    kind = kinds[rng.choice(len(kinds), p=[0.35, 0.06, 0.1, 0.1, 0.12, 0.22, 0.05])]
    strokes = kind(rng)[:SEGMENTS]
    segments = np.full((SEGMENTS, 4), np.nan, np.float32)
    segments[: len(strokes)] = strokes
    return segments * BOX + (SIDE - BOX) / 2 - 0.5


def unfinish_four(p: Float, rng: np.random.Generator) -> Float:
    """The first stroke of an open four: float32 (SEGMENTS, 4) segments, from a four's (POINTS, 2) points.

    The page asks while a person is still drawing: the best guess is 4 then, and the answer not to be believed.
    """
    upper = p[p[:, 1] <= p[:, 1].min() + 0.75 * np.ptp(p[:, 1])]
    start, corner = upper[upper.sum(1).argmin()], upper[(2 * upper[:, 0] - upper[:, 1]).argmin()]
    level = p[np.abs(p[:, 1] - corner[1]) <= 0.2 * np.ptp(p[:, 1])]
    end = level[level[:, 0].argmax()]
    t = np.linspace(0, 1, SEGMENTS + 1)[:, None]
    sharp = np.where(t < 0.5, start + 2 * t * (corner - start), corner + (2 * t - 1) * (end - corner))
    rounded = (1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end
    return chain(sharp + rng.uniform(0, 1) * (rounded - sharp)).astype(np.float32)


def _sticks(rng: np.random.Generator) -> Float:
    grid = np.array([(x, y) for y in (0, 0.5, 1) for x in (0, 0.5, 1)]) * (rng.uniform(0.5, 1), 1)
    count = rng.integers(3, 6)
    ends = grid[np.stack([rng.permutation(9)[:2] for _ in range(count)])] + rng.normal(0, 0.03, (count, 2, 2))
    return ends.reshape(count, 4)


def _corner(rng: np.random.Generator) -> Float:
    side = rng.integers(0, 2)  # the angle is at the lower left or the lower right
    corners = np.array([(side, 0), (side, 1), (1 - side, 1)]) * (rng.uniform(0.4, 1), 1) + rng.normal(0, 0.06, (3, 2))
    return chain(corners)


def _polygon(rng: np.random.Generator) -> Float:
    count = rng.integers(3, 6)
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 6.3) + rng.normal(0, 0.12, count)
    corners = 0.5 + 0.5 * np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.6, 1, 2)
    return chain(corners[[*range(count), 0]])


def _star(rng: np.random.Generator) -> Float:
    count = rng.integers(3, 5) if rng.random() < 0.6 else 5
    angles = np.linspace(0, np.pi, count, endpoint=False) + rng.uniform(0, 3.2) + rng.normal(0, 0.1, count)
    arms = np.stack([np.cos(angles), np.sin(angles)], 1) / 2 * rng.uniform(0.7, 1, (count, 1))
    return np.concatenate([0.5 - arms, 0.5 + arms], axis=1)


def _wave(rng: np.random.Generator) -> Float:
    t = np.linspace(0, 1, SEGMENTS + 1)
    high = rng.uniform(0.15, 0.5) * np.sin(2 * np.pi * (t * rng.uniform(1.2, 2.5) + rng.random()))
    corners = np.stack([t, 0.5 + high], 1)
    return chain(corners if rng.random() < 0.5 else corners[:, ::-1])


def _scribble(rng: np.random.Generator) -> Float:
    return chain(rng.random((SEGMENTS + 1, 2)) * rng.uniform(0.5, 1, 2))


def _hatching(rng: np.random.Generator) -> Float:
    t = np.linspace(-1, 1, SEGMENTS + 1)
    high = np.maximum(np.sqrt(1 - t**2), 0.15) if rng.random() < 0.7 else 1  # a disc or a block
    corners = np.stack([t, (-1.0) ** np.arange(SEGMENTS + 1) * high], 1)
    return chain(0.5 + corners / 2 * rng.uniform(0.5, 1, 2))


def side_by_side(left: Float, right: Float, rng: np.random.Generator) -> Float:
    """Two (n, 28, 28) pictures in one, each half as wide, at a random distance."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    both = np.zeros_like(left)
    for pictures, side in ((left, -1), (right, 1)):
        n = len(pictures)
        squeeze, away = rng.uniform(1.5, 2.1, (n, 1, 1)), rng.uniform(4.3, 6.2, (n, 1, 1))
        middle = (SIDE - 1) / 2
        at_x = (x - middle - side * away) * squeeze + middle
        at_y = (y - middle) * rng.uniform(0.95, 1.6, (n, 1, 1)) + middle
        padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
        both = np.maximum(both, sample(padded, np.stack([at_x, at_y], -1).astype(np.float32) + 1))
    return both
