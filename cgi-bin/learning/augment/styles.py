"""National styles: what other schools than MNIST's writers' add to a digit, or write otherwise.

Strokes are line segments, float32 (n, SEGMENTS, 4) of x0, y0, x1, y1; absent ones are NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from learning.augment.coordinates import POINTS, SEGMENTS, chain

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


Stroke: TypeAlias = "tuple[float, ...]"  # x0, y0, x1, y1
Style: TypeAlias = "Callable[[Float, np.random.Generator], list[Stroke]]"


def draw_styles(points: Float, labels: Ints, rng: np.random.Generator) -> Float:
    """Strokes that other schools than MNIST's writers' add to a digit, for float32 (n, POINTS, 2) skeletons.

    Each keeps the digit legible as itself: a slash or bar through zero, or an end that runs past its start, a flag
    and a foot on one, a bar through seven or a serif at its start, four closed at the top, nine with a hooked tail.
    """
    segments = np.full((len(points), SEGMENTS, 4), np.nan, np.float32)
    for digit, draw in STYLES.items():
        for i in np.flatnonzero(labels == digit):
            strokes = draw(points[i], rng)
            if strokes:
                segments[i, : len(strokes)] = strokes
    return segments


def _zero(p: Float, rng: np.random.Generator) -> list[Stroke]:
    centre, size = (p.min(0) + p.max(0)) / 2, (p.max(0) - p.min(0)) / 2
    strokes: list[Stroke] = []
    if rng.random() < 0.5:
        strokes.append(_slash(centre, size, rng))
    if rng.random() < 0.2:  # the end of the stroke runs past its start, into the zero or out of it
        start = p[rng.integers(POINTS)]
        outward = (start - centre) / max(np.hypot(*(start - centre)), 1)
        along = rng.choice([-1, 1]) * outward[::-1] * (1, -1) + rng.uniform(-0.9, 0.5) * outward
        strokes.append((*start, *(start + along * size.max() * rng.uniform(0.2, 0.7))))
    return strokes


def redraw_zero(points: Float, rng: np.random.Generator) -> Float:
    """A zero that does not close, or runs past its start: float32 (SEGMENTS, 4), from a zero's (POINTS, 2) points.

    Its points, in the order of their angle, are a way round that may begin anywhere and end too early, too late,
    inside or outside.
    """
    centre = (points.min(0) + points.max(0)) / 2
    spokes = (points - centre)[np.argsort(np.arctan2(*(points - centre).T))]
    begin, long = rng.integers(POINTS), POINTS * rng.uniform(0.84, 1.2)
    way = begin + np.linspace(0, long, SEGMENTS).astype(int)
    further = np.linspace(1, np.exp(rng.normal(0, 0.2)), SEGMENTS)[:, None]
    segments = np.full((SEGMENTS, 4), np.nan, np.float32)
    segments[:-1] = chain(centre + spokes[way % POINTS] * further)
    if rng.random() < 0.3:
        segments[-1] = _slash(centre, np.abs(spokes).max(0), rng)
    return segments


def redraw_nine(points: Float, rng: np.random.Generator) -> Float:
    """A nine with a flat loop: float32 (SEGMENTS, 4), one stroke, from a nine's (POINTS, 2) points.

    Its loop is pressed towards a line, level or rising to the right, which makes it look like a seven.
    """
    bottom, height = points[points[:, 1].argmax()], np.ptp(points[:, 1])
    upper = points[points[:, 1] <= points[:, 1].min() + 0.5 * height]
    centre = upper.mean(0)
    spokes = (upper - centre)[np.argsort(np.arctan2(*(upper - centre).T))]
    rise = np.radians(rng.uniform(-10, 70))
    across = np.array([np.sin(rise), np.cos(rise)])
    flatness = rng.uniform(0.2, 0.7)  # flatter, it would be a seven or a one
    spokes = spokes - flatness * (spokes @ across)[:, None] * across
    begin = (spokes[:, 0] - rng.uniform(0, 1) * spokes[:, 1]).argmax()  # the right or upper right
    way = begin - np.linspace(0, len(spokes) * rng.uniform(0.85, 1.1), SEGMENTS - 1).astype(int)
    start, *loop = centre + spokes[way % len(spokes)]
    middle = (start + bottom) / 2 + rng.normal(0, 0.06, 2) * height
    return chain(np.array([*loop[::-1], start, middle, bottom])).astype(np.float32)


def _slash(centre: Float, size: Float, rng: np.random.Generator) -> Stroke:
    angle = rng.choice([rng.uniform(25, 88), rng.uniform(-75, -25), rng.uniform(-12, 12)], p=[0.82, 0.08, 0.1])
    reach = rng.uniform(0.6, 1.5) * np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
    along = reach * np.hypot(*size) / np.sqrt(2)
    shift = rng.normal(0, 0.8, 2)
    return (*(centre + shift - along), *(centre + shift + along))


def _one(p: Float, rng: np.random.Generator) -> list[Stroke]:
    if rng.random() < 0.15:
        return []
    top, bottom = p[p[:, 1].argmin()], p[p[:, 1].argmax()]
    height = bottom[1] - top[1]
    foot = rng.random() < 0.35
    strokes = _flag(top, height, foot, rng) if rng.random() < 0.9 else []
    if foot:
        left, right = height * rng.uniform(0.1, 0.5, 2)
        tilt = rng.normal(0, 0.08) * height
        strokes.append((bottom[0] - left, bottom[1] + tilt, bottom[0] + right, bottom[1] - tilt))
    elif rng.random() < 0.35:  # the upstroke to the next letter
        right, up = height * rng.uniform((0.1, 0), (0.3, 0.35))
        strokes.append((*bottom, bottom[0] + right, bottom[1] - up))
    return strokes


def _flag(top: Float, height: float, foot: bool, rng: np.random.Generator) -> list[Stroke]:
    # A flag may be as long as the stem, as long as it falls: only a level one makes a seven. A short one may be level.
    long = rng.random() < 0.45
    angle = np.radians(rng.uniform(20, 50 if long else 78))  # from upright
    length = height * (rng.uniform(0.45, 0.75 if foot else 1.0) if long else rng.uniform(0.12, 0.35))
    tip = top + length * np.array([-np.sin(angle), np.cos(angle)])
    middle = (top + tip) / 2 + rng.normal(0, 0.06, 2) * length
    return [(*top, *middle), (*middle, *tip)]


def _four(p: Float, rng: np.random.Generator) -> list[Stroke]:
    if rng.random() < 0.6:
        return []
    upper = p[p[:, 1] <= p[:, 1].min() + 0.5 * np.ptp(p[:, 1])]
    left, right = upper[(upper[:, 1] + upper[:, 0]).argmin()], upper[(upper[:, 1] - upper[:, 0]).argmin()]
    if right[0] - left[0] > 0.4 * np.ptp(p[:, 1]):  # a lid on a wide four would make it a nine
        return []
    return [(*left, *right)]


def _seven(p: Float, rng: np.random.Generator) -> list[Stroke]:
    strokes: list[Stroke] = []
    height = np.ptp(p[:, 1])
    if rng.random() < 0.5:
        level = p[:, 1].min() + height * rng.uniform(0.4, 0.62)
        stem = p[np.abs(p[:, 1] - level).argmin()]
        left, right = height * rng.uniform(0.12, 0.38, 2)
        tilt = rng.normal(0, 0.08) * height
        strokes.append((stem[0] - left, stem[1] + tilt, stem[0] + right, stem[1] - tilt))
    if rng.random() < 0.2:
        upper = p[p[:, 1] <= p[:, 1].min() + 0.35 * height]
        start = upper[upper[:, 0].argmin()]
        strokes.append((*start, start[0] + rng.normal(0, 0.5), start[1] + height * rng.uniform(0.07, 0.22)))
    return strokes


def _nine(p: Float, rng: np.random.Generator) -> list[Stroke]:
    if rng.random() < 0.65:
        return []
    end, height = p[p[:, 1].argmax()], np.ptp(p[:, 1])
    reach = height * rng.uniform(0.12, 0.42)
    turn = np.array([end[0] - 0.5 * reach, end[1] + 0.12 * reach])
    return [(*end, *turn), (*turn, end[0] - reach, end[1] - reach * rng.uniform(0.0, 0.5))]


def overhang(points: Float) -> float:
    """How far a seven's (POINTS, 2) points reach from the line of its stem at the top, as a share of its length."""
    bottom = points[points[:, 1].argmax()]
    upper = points[points[:, 1] <= points[:, 1].min() + 0.4 * np.ptp(points[:, 1])]
    corner, start = upper[(upper[:, 0] - upper[:, 1]).argmax()], upper[upper[:, 0].argmin()]
    stem = corner - bottom
    return float(abs((start - corner) @ (stem[1], -stem[0])) / max(stem @ stem, 1e-6))


STYLES: dict[int, Style] = {
    0: _zero,
    1: _one,
    4: _four,
    7: _seven,
    9: _nine,
}
