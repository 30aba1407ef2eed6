"""Digits known as pen strokes, drawn anew each time: exactly, with a pen of any width, turned, slanted and bent.

    paths = polylines([[stroke, ...], ...])          # each digit as SEGMENTS line segments
    draw(paths, matrices, rng)                       # float32 (n, 28, 28), 0 paper to 1 ink

Corners of the strokes stay corners; long lines are cut into shorter ones, so that they can bend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from learning.augment.coordinates import BOX, SIDE
from learning.augment.geometry import spline_weights
from learning.augment.parallel import in_parts
from learning.augment.pens import painted, widths

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


SEGMENTS = 32  # of each digit: with fewer, curves get corners that one sees
STROKES = 5  # of a digit that move on their own; further ones move with the fifth
TOLERANCE = 0.008  # of the longer side: what a line segment may leave of the curve
CHUNK = 50  # pictures drawn at a time: small enough for the processor's cache
CORNERS = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).reshape(-1, 2).astype(np.float32)


class Paths(NamedTuple):
    """Digits as line segments, the middle of each digit at 0 and its longer side 1."""

    segments: Float  # float32 (n, SEGMENTS, 2, 2): start and end of each, x and y, y down
    stroke: Ints  # int8 (n, SEGMENTS): which stroke each belongs to, 0 to STROKES - 1

    def of(self, chosen: Ints) -> Paths:
        """The digits with these numbers."""
        return Paths(self.segments[chosen], self.stroke[chosen])


def polylines(digits: Sequence[Sequence[Float]]) -> Paths:
    """Make SEGMENTS line segments of each digit, a list of strokes (k, 2) in any unit; many on every processor core."""
    done = in_parts(_polylines, digits, "strokes")
    return Paths(*(np.concatenate(arrays) for arrays in zip(*done, strict=True)))


def _polylines(digits: Sequence[Sequence[Float]]) -> Paths:
    segments = np.empty((len(digits), SEGMENTS, 2, 2), np.float32)
    stroke = np.empty((len(digits), SEGMENTS), np.int8)
    for i, strokes in enumerate(digits):
        segments[i], stroke[i] = _polyline(unit([np.asarray(points, float).reshape(-1, 2) for points in strokes]))
    return Paths(segments, stroke)


def unit(strokes: list[Float]) -> list[Float]:
    """The same strokes with their middle at 0 and the longer side 1; a point stays a point."""
    every = np.concatenate(strokes)
    low, high = every.min(0), every.max(0)
    longer = float((high - low).max()) or 1.0
    return [(points - (low + high) / 2) / longer for points in strokes]


def _polyline(strokes: list[Float]) -> tuple[Float, Ints]:
    tolerance, strokes = TOLERANCE, strokes[:SEGMENTS]
    corners = [simplified(points, tolerance) for points in strokes]
    while sum(max(len(points) - 1, 1) for points in corners) > SEGMENTS:
        tolerance *= 1.5
        corners = [simplified(points, tolerance) for points in strokes]
    pieces = [np.stack([points[:-1], points[1:]], 1) if len(points) > 1 else points[[[0, 0]]] for points in corners]
    number = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    return _cut(np.concatenate(pieces), np.minimum(number, STROKES - 1))


def simplified(points: Float, tolerance: float) -> Float:
    """The corners of a line that follows points (k, 2) to within `tolerance` (Douglas and Peucker, 1973)."""
    from skimage.measure import approximate_polygon

    return approximate_polygon(points, tolerance) if len(points) > 2 else points


def _cut(segments: Float, stroke: Ints) -> tuple[Float, Ints]:
    """Cut the longest segments into equal parts until there are SEGMENTS."""
    length = np.hypot(*(segments[:, 1] - segments[:, 0]).T)
    parts = np.ones(len(segments), int)
    while parts.sum() < SEGMENTS:
        parts[(length / parts).argmax()] += 1
    which = np.repeat(np.arange(len(segments)), parts)
    place = np.concatenate([np.arange(count) for count in parts]) / parts[which]
    start, along = segments[which, 0], segments[which, 1] - segments[which, 0]
    begin, end = (start + along * share[:, None] for share in (place, place + 1 / parts[which]))
    return np.stack([begin, end], 1), stroke[which]


def draw(paths: Paths, matrix: Float, loose: float, rng: np.random.Generator) -> Float:
    """Draw each digit with a pen of any width: float32 (n, 28, 28), 0 paper to 1 ink.

    `matrix` (n, 2, 2) turns and slants each; `loose` is how far, in shares of its size, a stroke strays on its own.
    """
    pen = widths(len(matrix), rng)
    segments = varied(paths, matrix, loose, pen, rng)
    distance = np.empty((len(matrix), SIDE * SIDE), np.float32)
    for at in range(0, len(matrix), CHUNK):
        distance[at : at + CHUNK] = distances(segments[at : at + CHUNK])
    return painted(distance.reshape(-1, SIDE, SIDE), pen, rng)


def varied(paths: Paths, matrix: Float, loose: float, pen: Float, rng: np.random.Generator) -> Float:
    """The segments of each digit turned and slanted by `matrix`, strayed, placed for pens (n,), and bent, in pixels.

    float32 (n, s, 2, 2), as `Paths` has them.
    """
    n, count = paths.stroke.shape
    points = _strayed(paths, loose, rng).reshape(n, 2 * count, 2)
    points = _placed(np.einsum("nij,npj->npi", matrix, points), pen, rng)
    points += _bent(points, 1.2, rng)
    return points.reshape(n, count, 2, 2)


def _strayed(paths: Paths, loose: float, rng: np.random.Generator) -> Float:
    """The segments, each stroke of them moved and scaled a little on its own."""
    n = len(paths.segments)
    rows = np.arange(n)[:, None]
    shift = rng.normal(0, loose, (n, STROKES, 2)).astype(np.float32)
    size = np.exp(rng.normal(0, loose, (n, STROKES))).astype(np.float32)
    shift[:, 0], size[:, 0] = 0, 1
    moved: Float = paths.segments * size[rows, paths.stroke][..., None, None]
    return moved + shift[rows, paths.stroke][:, :, None]


def _placed(points: Float, pen: Float, rng: np.random.Generator) -> Float:
    """Points (n, p, 2) scaled so that, drawn with pens (n,), they fill MNIST's box, their mass in its middle."""
    low, high = points.min(1), points.max(1)
    scale = (BOX - pen) / np.maximum((high - low).max(1), 0.2) * rng.uniform(0.94, 1.06, len(pen))
    start, end = points[:, ::2], points[:, 1::2]
    weight = np.hypot(*np.moveaxis(end - start, -1, 0))[..., None] + np.float32(1e-4)
    centre = ((start + end) / 2 * weight).sum(1) / weight.sum(1)
    shift = (SIDE - 1) / 2 + rng.uniform(-1.1, 1.1, (len(pen), 2))
    placed: Float = ((points - centre[:, None]) * scale[:, None, None] + shift[:, None]).astype(np.float32)
    return placed


def _bent(points: Float, most: float, rng: np.random.Generator) -> Float:
    """How far a smooth random distortion (`geometry.bend`) moves each of (n, p, 2) points, in pixels."""
    n, count = len(points), 6
    size = rng.uniform(0, most, (n, 1, 1, 1)).astype(np.float32)
    control = rng.standard_normal((n, count, count, 2), np.float32) * size
    across, down = (spline_weights(points[..., axis], count) for axis in (0, 1))
    rows = np.einsum("npa,nabc->npbc", down, control, optimize=True)
    moved: Float = np.einsum("npb,npbc->npc", across, rows)
    return moved


def distances(segments: Float) -> Float:
    """From each pixel to the nearest of float32 (n, s, 2, 2) segments, in pixels: float32 (n, 28 * 28).

    `geometry.distance_to_segments` asks from points that lie anywhere; from the pixels themselves, matrix products do
    the same several times faster.
    """
    start, along = segments[:, :, 0], segments[:, :, 1] - segments[:, :, 0]
    square = np.maximum((along**2).sum(-1), np.float32(1e-6))[:, None]
    # of the point p and the segment from a along d, t is the share of d that is nearest to p
    dot = CORNERS @ along.transpose(0, 2, 1) - (start * along).sum(-1)[:, None]
    t = np.clip(dot / square, 0, 1)
    apart = -2 * (CORNERS @ start.transpose(0, 2, 1)) + (start**2).sum(-1)[:, None]
    apart += t * (t * square - 2 * dot)
    nearest = apart.min(2) + (CORNERS**2).sum(1)
    distance: Float = np.sqrt(np.maximum(nearest, 0))
    return distance
