"""How the towers of the CNN see a picture: as it is, or upright; bilinear interpolation in numpy.

    VIEWS["upright"](pictures)    # float32 (n, 28, 28), 0 paper to 1 ink, to the same shape, type and range

Networks that see different views are wrong about different digits, so that their mean is better than each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading.deskew import STEEPEST

if TYPE_CHECKING:
    from reading.arrays import Float

SIDE = 28  # pixels a side of a picture


def as_it_is(pictures: Float) -> Float:
    """The same pictures."""
    return pictures


def upright(pictures: Float) -> Float:
    """Each picture with the centre of its ink in the middle, and sheared so that its ink stands upright."""
    middle_x, middle_y, slant = _moments(pictures)
    away = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    down, across = away[:, None], away[None, :]
    return sample(pictures, middle_y + down, middle_x + across + slant * down)


VIEWS = {"as it is": as_it_is, "upright": upright}


def _moments(pictures: Float) -> tuple[Float, Float, Float]:
    """Centre of the ink, column and row, and its slant in columns a row, float32 (n, 1, 1) each; zeros without ink.

    The slant is the covariance of column and row over the variance of row, weighted by ink.
    """
    place = np.arange(SIDE, dtype=np.float32)
    mass = pictures.sum((1, 2))[:, None] + np.float32(1e-6)
    middle_x, middle_y = (pictures.sum(axis) @ place[:, None] / mass for axis in (1, 2))
    x, y = place - middle_x, place - middle_y
    variance = (pictures.sum(2) / mass * y**2).sum(1)
    covariance = ((pictures @ x[..., None])[..., 0] / mass * y).sum(1)
    slant = (covariance / np.maximum(variance, 0.5)).clip(-STEEPEST, STEEPEST)
    return middle_x[..., None], middle_y[..., None], slant[:, None, None]


def sample(pictures: Float, y: Float, x: Float) -> Float:
    """Pictures float32 (n, 28, 28) at rows y and columns x, which may lie between pixels; 0 outside.

    y and x can be broadcast to (n, 28, 28). The value of a point is the mean of the four pixels around it, each of
    which counts the more the nearer it is.
    """
    framed = np.pad(pictures, ((0, 0), (1, 2), (1, 2)))  # so that the four pixels of each point are there
    y, x = y.clip(-1, SIDE) + 1, x.clip(-1, SIDE) + 1
    row, column = np.floor(y), np.floor(x)
    below, right = y - row, x - column
    width = framed.shape[2]
    first = (row * width + column).astype(np.intp).reshape(len(pictures), -1)
    flat = framed.reshape(len(pictures), -1)

    def pixel(step: int) -> Float:
        return np.take_along_axis(flat, first + step, 1).reshape(pictures.shape)

    upper = pixel(0) * (1 - right) + pixel(1) * right
    lower = pixel(width) * (1 - right) + pixel(width + 1) * right
    found: Float = upper * (1 - below) + lower * below
    return found
