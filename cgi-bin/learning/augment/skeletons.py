"""Skeletons: the middle line of every digit, and the distance to it. scipy and scikit-image make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.augment.coordinates import FAR, PAD, POINTS, SIDE, Skeletons
from learning.augment.parallel import in_parts

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float


ZOOM = 3  # a skeleton is sought in a picture this much larger, to know it to a third of a pixel


def skeletonize(pictures: Bytes) -> Skeletons:
    """Find the skeletons of uint8 (n, 28, 28) pictures, on every processor core.

    Thinning is Zhang and Suen's (1984) as in scikit-image, the distance the exact Euclidean one of scipy.
    """
    done = in_parts(_skeletonize_part, pictures, "skeletons")
    return Skeletons(*(np.concatenate(arrays) for arrays in zip(*done, strict=True)))


def _skeletonize_part(pictures: Bytes) -> Skeletons:
    large, soft = (weights @ pictures @ weights.T for weights in _weights())
    fields, points = zip(*map(_skeleton, large, soft), strict=True)
    return Skeletons(np.stack(fields), np.stack(points))


def _weights() -> tuple[Float, Float]:
    """What makes a picture large, and what makes it large and soft: float32 (36 * ZOOM, 28), for rows as for columns.

    Interpolation and blur act on rows and columns alike, and are linear: so all pictures' are one matrix product each.
    """
    from scipy.ndimage import gaussian_filter1d, zoom

    padded = np.pad(np.eye(SIDE, dtype=np.float32), ((PAD, PAD), (0, 0))) / np.sqrt(np.float32(255))
    large: Float = zoom(padded, (ZOOM, 1), order=1, grid_mode=True, mode="grid-constant")
    return large, gaussian_filter1d(large, 0.3 * ZOOM, axis=0)


def _skeleton(large: Float, soft: Float) -> tuple[Float, Float]:
    from scipy.ndimage import distance_transform_edt
    from skimage.morphology import skeletonize as thin

    bones = thin(soft > 0.45)
    if not bones.any():  # a stroke too faint to leave one: its darkest point stands for it
        bones[np.unravel_index(large.argmax(), large.shape)] = True
    field = distance_transform_edt(~bones)[ZOOM // 2 :: ZOOM, ZOOM // 2 :: ZOOM] / ZOOM
    y, x = np.nonzero(bones)
    chosen = np.linspace(0, len(x) - 1, POINTS).astype(int)
    at = np.stack([x[chosen], y[chosen]], axis=1) / ZOOM - PAD - 0.5 + 0.5 / ZOOM
    return np.minimum(field, FAR).astype(np.float16), at.astype(np.float32)
