"""Where ink begins and ends: what the scikit-learn models see of a picture, with numpy alone.

    of(pictures)    # float32 (n, 28, 28), 0 paper to 1 ink, to float32 (n, 8, 8, 8): direction, row, column

A plain form of the histogram of oriented gradients (N. Dalal, B. Triggs 2005, "Histograms of Oriented Gradients for
Human Detection").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reading.arrays import Float

SIDE = 28
# Where a neighbour lies, in rows and columns: a filter answers where that one has more ink than its opposite.
DIRECTIONS = {
    "right": (0, 1),
    "below right": (1, 1),
    "below": (1, 0),
    "below left": (1, -1),
    "left": (0, -1),
    "above left": (-1, -1),
    "above": (-1, 0),
    "above right": (-1, 1),
}
WINDOW, STRIDE = 7, 3  # pixels


def of(pictures: Float) -> Float:
    """Directed edges averaged over windows: float32 (n, directions, rows, columns), 0..1.

    Pixels are rounded to 1/255 and filters add and subtract them whole, so that the sums are exact: a tree decides in
    ONNX as it does here, to the last bit.
    """
    pixels = np.rint(pictures * np.float32(255))
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    there = {(r, c): padded[:, 1 + r : 29 + r, 1 + c : 29 + c] for r in (-1, 0, 1) for c in (-1, 0, 1)}
    edges = np.stack([np.maximum(there[r, c] - there[-r, -c], 0) for r, c in DIRECTIONS.values()], axis=1)
    sums = _pooled(_pooled(edges).swapaxes(2, 3)).swapaxes(2, 3)
    means: Float = sums / np.float32(255 * WINDOW**2)
    return means


def _pooled(edges: Float) -> Float:
    """The sums over windows of the last axis: (n, 8, rows, 28) to (n, 8, rows, windows)."""
    # One product of two matrices; numpy is ten times slower at many small ones.
    sums: Float = (edges.reshape(-1, SIDE) @ _windows().T).reshape(*edges.shape[:-1], -1)
    return sums


def _windows() -> Float:
    """float32 (windows, 28): 1 where a window of one dimension has a pixel."""
    starts = np.arange(0, SIDE - WINDOW + 1, STRIDE)[:, None]
    pixels = np.arange(SIDE)
    return ((pixels >= starts) & (pixels < starts + WINDOW)).astype(np.float32)
