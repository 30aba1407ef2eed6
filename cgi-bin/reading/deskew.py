"""Set slanting digits upright, with numpy alone, so that training and serving share the very same step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reading.arrays import Array, Float, Ints

BATCH = 1000  # pictures at a time, so that the arrays between stay at a few MB
STEEPEST = 1.0  # pixels sideways a row; a slant beyond 45 degrees is no handwriting


def deskew(pictures: Array) -> Float:
    """Shear pictures (n, 28, 28), ink high on paper 0, so that their ink stands upright; return float32.

    The slant is the covariance of column and row over the variance of row, weighted by ink: the line through the
    centre of mass that fits the ink best. Rows are moved sideways about that centre, with linear interpolation,
    and nothing is moved up or down, so a picture that was shifted stays shifted. Values keep their range. (The
    method is folklore; LeCun et al. 1998, "Gradient-based learning applied to document recognition", use it for
    the deslanted MNIST of their table of classifiers.)
    """
    pictures = np.asarray(pictures)
    upright = np.empty(pictures.shape, np.float32)
    for start in range(0, len(pictures), BATCH):
        upright[start : start + BATCH] = _shear(pictures[start : start + BATCH].astype(np.float32))
    return upright


def _shear(pictures: Float) -> Float:
    """Return pictures float32 (n, h, w) with row r read from `slant * (r - centre)` pixels further right."""
    height, width = pictures.shape[1:]
    slant, centre = _slant(pictures)
    move = slant[:, None] * (np.arange(height, dtype=np.float32) - centre[:, None])
    whole = np.floor(move)
    part = (move - whole)[:, :, None]
    columns = np.arange(width) + whole.astype(np.intp)[:, :, None]
    sheared: Float = (1 - part) * _pick(pictures, columns) + part * _pick(pictures, columns + 1)
    return sheared


def _pick(pictures: Float, columns: Ints) -> Float:
    """Return the pixels at `columns` (n, h, w) of each row; paper beyond the edge."""
    width = pictures.shape[2]
    inside = (columns >= 0) & (columns < width)
    picked: Float = np.take_along_axis(pictures, columns.clip(0, width - 1), axis=2) * inside
    return picked


def _slant(pictures: Float) -> tuple[Float, Float]:
    """Return for each picture the slant, in columns a row, and the row of the centre of mass; 0 without ink."""
    rows, columns = np.indices(pictures.shape[1:], dtype=np.float32)
    flat = pictures.reshape(len(pictures), -1)
    mass = np.maximum(flat.sum(1), np.finfo(np.float32).tiny)
    row, column = flat @ rows.ravel() / mass, flat @ columns.ravel() / mass
    down, across = rows.ravel() - row[:, None], columns.ravel() - column[:, None]
    variance = (flat * down**2).sum(1) / mass
    covariance = (flat * down * across).sum(1) / mass
    # A level stroke has next to no height to take a slant from.
    slant = np.where(variance > 0.5, covariance / np.maximum(variance, 0.5), 0)
    return slant.clip(-STEEPEST, STEEPEST).astype(np.float32), row.astype(np.float32)
