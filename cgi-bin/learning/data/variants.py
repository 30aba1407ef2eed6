"""What `fetch.py` makes of MNIST: shifted and turned variants of the training images, and samples as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from learning.data.mnist import Mnist
from learning.replacing import replacing
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Bytes


SHIFTS = [(-1, 0), (1, 0), (0, -1), (0, 1)]  # pixels down, pixels right
STEEPEST = 15.0  # degrees; turned further, a 7 begins to look like a 1
TURNS = 2  # turned variants of each training image


def with_variants(mnist: Mnist, shift: bool, rotate: bool, seed: int) -> Mnist:
    """Return the data set with variants of the training images after these, in the same order."""
    kinds = [mnist.X_train]
    if shift:
        kinds += [shifted(mnist.X_train, *way) for way in SHIFTS]
    if rotate:
        rng = np.random.default_rng(seed)
        kinds += [turned(mnist.X_train, rng) for _ in range(TURNS)]
    X, y = np.concatenate(kinds), np.tile(mnist.y_train, len(kinds))
    return mnist._replace(X_train=X, y_train=y, copies=len(kinds) * mnist.copies)


def shifted(pictures: Bytes, down: int, right: int) -> Bytes:
    """Return uint8 (n, 28, 28) moved by whole pixels, at most 1 each way; paper comes in at the edge."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
    return padded[:, 1 - down : 29 - down, 1 - right : 29 - right]


def turned(pictures: Bytes, rng: np.random.Generator) -> Bytes:
    """Return uint8 (n, 28, 28), each turned about its centre by a random angle, with bilinear interpolation."""
    angles = rng.uniform(-STEEPEST, STEEPEST, len(pictures))
    each = tqdm(zip(pictures, angles, strict=True), "turning", len(pictures), unit="image", disable=None)
    how = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(picture).rotate(angle, how)) for picture, angle in each])


def write_samples(mnist: Mnist, count: int, folder: Path, seed: int) -> int:
    """Write test images, chosen at random, as `LABEL-NUMBER.png` with the number in the test set; return how many.

    They are 8-bit grey as in MNIST, white ink on black. Raises BadSetting if there are not so many, or if the folder
    can't be written, or has something else of that name.
    """

    if count > len(mnist.y_test):
        raise BadSetting(f"--samples {count} is more than the {len(mnist.y_test):,} test images there are.")
    rows = np.random.default_rng(seed).permutation(len(mnist.y_test))[:count]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            with replacing(folder / f"{mnist.y_test[row]}-{row:05d}.png") as part:
                Image.fromarray(mnist.X_test[row]).save(part, "PNG")
    except OSError as error:
        raise BadSetting(f"Can't write samples to {folder}: {error.strerror or error}.") from error
    return len(rows)
