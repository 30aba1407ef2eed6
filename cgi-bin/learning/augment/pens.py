"""Pens: a skeleton and line segments drawn with a pen of any even width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.augment.coordinates import FAR, PAD, SEGMENTS, Skeletons
from learning.augment.geometry import bend, distance_to_segments, fit, proportion, sample, sources

if TYPE_CHECKING:
    from reading.arrays import Bools, Float


PENS = (0.55, 5.0)  # pixels: the thinnest and the widest pen, when the digit fills the box


def draw(skeletons: Skeletons, matrix: Float, segments: Float, plain: Bools, rng: np.random.Generator) -> Float:
    """Draw skeletons and segments with pens of any width: float32 (n, 28, 28), 0 paper to 1 ink.

    `matrix` (n, 2, 2) turns and slants each; `segments` is (n, SEGMENTS, 4). Where `plain` (n,), the segments alone
    are drawn.
    """
    n = len(matrix)
    pen = widths(n, rng)
    matrix, scale, centre = fit(matrix, _outline(skeletons.points, segments, plain), pen)
    matrix *= rng.uniform(0.94, 1.06, (n, 1, 1)).astype(np.float32)
    bent = bend(n, 0.9, rng) + proportion(n, (2, 3), rng)
    at = sources(matrix, centre, rng.uniform(-1.1, 1.1, (n, 2)).astype(np.float32), bent)
    distance = _distance(skeletons.fields, segments, plain, at) * scale[:, None, None]
    return painted(distance, pen, rng)


def widths(n: int, rng: np.random.Generator) -> Float:
    """Widths of n pens in pixels, float32 (n,): evenly spread in their square roots, so that thin ones are common."""
    return rng.uniform(PENS[0] ** 0.5, PENS[1] ** 0.5, n).astype(np.float32) ** 2


def painted(distance: Float, pen: Float, rng: np.random.Generator) -> Float:
    """Drawings with pens of width (n,), of pixels at a distance (n, 28, 28) from the path; some are soft or faint."""
    soft = np.maximum(rng.uniform(-0.3, 1.3, len(pen)), 0.5).astype(np.float32)
    return _darken(ink(distance, pen, soft), rng)


def _outline(points: Float, segments: Float, plain: Bools) -> Float:
    """What of each drawing has to fit into the box: (n, p, 2) points, NaN where absent."""
    ends = segments.reshape(len(segments), 2 * SEGMENTS, 2)
    middles = (ends[:, ::2] + ends[:, 1::2]) / 2
    return np.concatenate([np.where(plain[:, None, None], np.nan, points), ends, middles], 1)


def _distance(fields: Float, segments: Float, plain: Bools, at: Float) -> Float:
    """Distance of (n, 28, 28, 2) points to the nearest stroke, in pixels: (n, 28, 28)."""
    distance = sample(fields.astype(np.float32), at + PAD)
    distance[plain] = FAR
    return np.minimum(distance, distance_to_segments(at, segments))


def ink(distance: Float, pen: Float, soft: Float) -> Float:
    """How much of each pixel a pen of width (n,) pixels covers at a distance (n, 28, 28) from its path: 0..1.

    Seen through a box of twice `soft` (n,) pixels: 0.5 is a sharp picture, more is a smaller one enlarged.
    """
    half, soft = pen[:, None, None] / 2, soft[:, None, None]
    return np.clip((np.minimum(half, distance + soft) - np.maximum(-half, distance - soft)) / (2 * soft), 0, 1)


def _darken(drawings: Float, rng: np.random.Generator) -> Float:
    """Half of (n, 28, 28) drawings as they are, half, and all faint ones, with their grey stretched to full ink."""
    peak = drawings.max((1, 2), keepdims=True)
    return np.where((rng.random(peak.shape) < 0.5) | (peak < 0.5), drawings / np.maximum(peak, 0.3), drawings)
