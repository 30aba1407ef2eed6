"""Skeletons: the middle line of every digit, and the distance to it. scipy and scikit-image make them."""

from __future__ import annotations

from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from learning.augment.coordinates import FAR, PAD, POINTS, Skeletons
from learning.signals import ignore_interrupt

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float


ZOOM = 3  # a skeleton is sought in a picture this much larger, to know it to a third of a pixel


def skeletonize(pictures: Bytes) -> Skeletons:
    """Find the skeletons of uint8 (n, 28, 28) pictures, on every processor core.

    Thinning is Zhang and Suen's (1984) as in scikit-image, the distance the exact Euclidean one of scipy.
    """
    parts = [pictures[at : at + 1000] for at in range(0, len(pictures), 1000)]
    if len(parts) == 1:
        return _skeletonize_part(pictures)
    with get_context("spawn").Pool(initializer=ignore_interrupt) as pool:
        done = list(tqdm(pool.imap(_skeletonize_part, parts), "skeletons", len(parts), leave=False, disable=None))
    return Skeletons(*(np.concatenate(arrays) for arrays in zip(*done, strict=True)))


def _skeletonize_part(pictures: Bytes) -> Skeletons:
    fields, points = zip(*(_skeleton(picture) for picture in pictures), strict=True)
    return Skeletons(np.stack(fields), np.stack(points))


def _skeleton(picture: Bytes) -> tuple[Float, Float]:
    from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom
    from skimage.morphology import skeletonize as thin

    large = zoom(np.pad(picture, PAD).astype(np.float32) / 255, ZOOM, order=1, grid_mode=True, mode="grid-constant")
    bones = thin(gaussian_filter(large, 0.3 * ZOOM) > 0.45)
    if not bones.any():  # a stroke too faint to leave one: its darkest point stands for it
        bones[np.unravel_index(large.argmax(), large.shape)] = True
    field = distance_transform_edt(~bones)[ZOOM // 2 :: ZOOM, ZOOM // 2 :: ZOOM] / ZOOM
    y, x = np.nonzero(bones)
    chosen = np.linspace(0, len(x) - 1, POINTS).astype(int)
    at = np.stack([x[chosen], y[chosen]], axis=1) / ZOOM - PAD - 0.5 + 0.5 / ZOOM
    return np.minimum(field, FAR).astype(np.float16), at.astype(np.float32)
