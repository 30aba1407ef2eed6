"""What the scikit-learn models see of a picture: digits set upright, and where ink begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from reading import deskew

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


SIDE = 28
# Where a neighbour lies, in rows and columns: a filter answers where that one has more ink than its opposite.
DIRECTIONS = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
WINDOW, STRIDE = 7, 3  # pixels


class Deskew(TransformerMixin, BaseEstimator):
    """Set digits upright: float32 (n, 784) in 0..1, ink 1, to the same; see `deskew.deskew`."""

    def fit(self, X: Float, y: Ints | None = None) -> Deskew:
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that there is nothing to learn."""
        return True

    def transform(self, X: Float) -> Float:
        """Return the upright pictures, float32 (n, 784)."""
        return deskew.deskew(X.reshape(-1, SIDE, SIDE)).reshape(len(X), -1)


class Gradients(TransformerMixin, BaseEstimator):
    """Directed edges, averaged over windows: float32 (n, 784) in 0..1 to float32 (n, 512) in 0..1.

    A plain form of the histogram of oriented gradients (N. Dalal, B. Triggs 2005, "Histograms of Oriented
    Gradients for Human Detection"). Pixels are rounded to 1/255 and filters add and subtract them whole, so
    the sums are exact and a tree decides in ONNX as it does here, to the last bit.
    """

    def fit(self, X: Float, y: Ints | None = None) -> Gradients:
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that there is nothing to learn."""
        return True

    def transform(self, X: Float) -> Float:
        """Return the averages, by direction, then row and column of the window."""
        batches = np.array_split(X, max(1, len(X) // deskew.BATCH))
        return np.concatenate([_gradients(batch) for batch in batches])


def _gradients(X: Float) -> Float:
    pixels = np.rint(X.reshape(-1, SIDE, SIDE) * np.float32(255))
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    there = {(r, c): padded[:, 1 + r : 29 + r, 1 + c : 29 + c] for r in (-1, 0, 1) for c in (-1, 0, 1)}
    edges = np.stack([np.maximum(there[r, c] - there[-r, -c], 0) for r, c in DIRECTIONS], axis=1)
    sums = _pooled(_pooled(edges).swapaxes(2, 3)).swapaxes(2, 3)
    means: Float = (sums / np.float32(255 * WINDOW**2)).reshape(len(X), -1)
    return means


def _pooled(edges: Float) -> Float:
    """Return the sums over windows of the last axis: (n, 8, rows, 28) to (n, 8, rows, windows)."""
    # One product of two matrices; numpy is ten times slower at many small ones.
    sums: Float = (edges.reshape(-1, SIDE) @ _windows().T).reshape(*edges.shape[:-1], -1)
    return sums


def _windows() -> Float:
    """Return float32 (windows, 28): 1 where a window of one dimension has a pixel."""
    starts = np.arange(0, SIDE - WINDOW + 1, STRIDE)[:, None]
    pixels = np.arange(SIDE)
    return ((pixels >= starts) & (pixels < starts + WINDOW)).astype(np.float32)
