"""MNIST's own grey values, mildly changed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from learning.augment.coordinates import PAD, SIDE
from learning.augment.geometry import bend, matrices, sample, sources

if TYPE_CHECKING:
    from reading.arrays import Float


# Interpolation softens a scan. A network that has only seen soft scans takes sharp ones, as all of MNIST's are, for
# drawings. So a share of the scans is not interpolated, and the others are on a finer grid, which softens them less.
SHARP = 0.33
FINER = 3  # times the pixels, a side, by cubic splines


def move(pictures: Float, rng: np.random.Generator) -> Float:
    """Padded float32 (n, 36, 36) pictures shifted by up to a pixel each way: float32 (n, 28, 28), the same values."""
    everywhere = np.lib.stride_tricks.sliding_window_view(pictures, (SIDE, SIDE), axis=(1, 2))
    x, y = rng.integers(PAD - 1, PAD + 2, (2, len(pictures)))
    moved: Float = everywhere[np.arange(len(pictures)), y, x]
    return moved


def warp(pictures: Float, rng: np.random.Generator) -> Float:
    """Padded float32 (n, 36, 36) pictures turned, zoomed, shifted and bent at random: float32 (n, 28, 28), 0..1."""
    n = len(pictures)
    matrix = matrices(n, 12, 0.15, 0.15, rng) * rng.uniform(0.9, 1.08, (n, 1, 1)).astype(np.float32)
    middle = np.full((n, 2), (SIDE - 1) / 2, np.float32)
    at = sources(matrix, middle, rng.uniform(-1.5, 1.5, (n, 2)).astype(np.float32), bend(n, 0.9, rng))
    finer = _finer()
    made = sample(finer @ pictures @ finer.T, (at + PAD + 0.5) * FINER - 0.5)
    return np.clip(made, 0, 1)  # splines swing beyond the values at both sides of an edge


@cache
def _finer() -> Float:
    """The weights of cubic splines that make FINER rows of each row of a padded picture: float32 (108, 36)."""
    from scipy.ndimage import zoom

    each = np.eye(SIDE + 2 * PAD, dtype=np.float32)
    weights: Float = zoom(each, (FINER, 1), order=3, grid_mode=True, mode="grid-constant")
    return weights
