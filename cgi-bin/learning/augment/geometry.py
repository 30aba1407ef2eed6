"""Geometry: random maps and shifts, where each pixel comes from, and distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.augment.coordinates import BOX, FAR, SIDE

if TYPE_CHECKING:
    from reading.arrays import Float


def spline_weights(at: Float, count: int) -> Float:
    """Cubic B-spline weights of `count` control values along the 28 pixels, at places (...,): float32 (..., count)."""
    place = 0.5 + at * ((count - 2) / (SIDE - 1))
    t = np.abs(place[..., None] - np.arange(count, dtype=np.float32))
    return np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6).astype(np.float32)


BASIS = spline_weights(np.arange(SIDE, dtype=np.float32), 6)


def bend(n: int, most: float, rng: np.random.Generator) -> Float:
    """Elastic distortion (after Simard et al., 2003), float32 (n, 28, 28, 2): a smooth shift of each pixel.

    Control values on a 6x6 grid, normal with a deviation drawn between 0 and `most` pixels for each picture.
    """
    control = rng.standard_normal((n, 6, 6, 2), np.float32) * rng.uniform(0, most, (n, 1, 1, 1)).astype(np.float32)
    shifts: Float = np.einsum("ya,nabc,xb->nyxc", BASIS, control, BASIS, optimize=True)
    return shifts


def proportion(n: int, most: tuple[float, float], rng: np.random.Generator) -> Float:
    """A slow shift of the middle against both ends, float32 (n, 28, 28, 2), by up to `most` pixels in x and y.

    Some write a nine with a small loop and a long stem, others the other way round.
    """
    wave = np.cos(np.pi * np.clip((np.arange(SIDE) - (SIDE - 1) / 2) / BOX, -0.5, 0.5))
    x, y = (rng.uniform(-much, much, (n, 1, 1)) for much in most)
    return np.stack(np.broadcast_arrays(x * wave, y * wave[:, None]), -1).astype(np.float32)


def matrices(n: int, turn: float, slant: float, stretch: float, rng: np.random.Generator) -> Float:
    """Random float32 (n, 2, 2) maps of x, y: turned by up to `turn` degrees, slanted, stretched, area kept."""
    angle = np.radians(rng.uniform(-turn, turn, n))
    shear, aspect = rng.uniform(-slant, slant, n), np.exp(rng.uniform(-stretch, stretch, n) / 2)
    c, s = np.cos(angle), np.sin(angle)
    rows = [[c * aspect, (c * shear - s) / aspect], [s * aspect, (s * shear + c) / aspect]]
    maps: Float = np.array(rows).transpose(2, 0, 1).astype(np.float32)
    return maps


def fit(matrix: Float, points: Float, pen: Float) -> tuple[Float, Float, Float]:
    """Scale float32 (n, 2, 2) maps so that (n, p, 2) points, NaN where absent, drawn with pens fill MNIST's box.

    Returns the maps, the scale (n,) and the mass centre (n, 2) of the points before the map.
    """
    moved = np.einsum("nij,npj->npi", matrix, points)
    extent = (np.nanmax(moved, 1) - np.nanmin(moved, 1)).max(1)
    scale = (BOX - pen) / np.maximum(extent, 4)
    return matrix * scale[:, None, None], scale, np.nanmean(points, 1)


def sources(matrix: Float, centre: Float, shift: Float, bent: Float) -> Float:
    """Where each of the 28x28 output pixels comes from: float32 (n, 28, 28, 2) of x, y."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    out = np.stack([x, y], -1) - (SIDE - 1) / 2 - shift[:, None, None] + bent
    at: Float = np.einsum("nij,nyxj->nyxi", np.linalg.inv(matrix), out) + centre[:, None, None]
    return at


def sample(images: Float, at: Float) -> Float:
    """Bilinear values of (n, h, w) images at (n, 28, 28, 2) points x, y, clamped to the border; float32."""
    n, h, w = images.shape
    at = np.clip(at, 0, np.array([w, h], np.float32) - 1.001)
    corner = at.astype(np.int32)
    fx, fy = np.moveaxis(at - corner, -1, 0)
    flat = images.reshape(-1)
    first = corner[..., 1] * w + corner[..., 0] + (np.arange(n, dtype=np.int32) * (h * w))[:, None, None]
    upper = flat[first] * (1 - fx) + flat[first + 1] * fx
    values: Float = upper * (1 - fy) + (flat[first + w] * (1 - fx) + flat[first + w + 1] * fx) * fy
    return values


def distance_to_segments(at: Float, segments: Float) -> Float:
    """Distance of (n, 28, 28, 2) points to the nearest of (n, s, 4) segments, FAR where there are none."""
    nearest = np.full(at.shape[:3], FAR, np.float32)
    for s in range(segments.shape[1]):
        have = np.flatnonzero(~np.isnan(segments[:, s, 0]))
        if have.size:
            start, end = segments[have, s, :2], segments[have, s, 2:]
            along = (end - start)[:, None, None]
            offset = at[have] - start[:, None, None]
            t = np.clip((offset * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6), 0, 1)
            nearest[have] = np.minimum(nearest[have], np.hypot(*np.moveaxis(offset - t[..., None] * along, -1, 0)))
    return nearest
