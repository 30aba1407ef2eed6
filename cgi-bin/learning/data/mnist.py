"""What MNIST is: its four files with their checksums, and the data set in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from learning.errors import BadDataset

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints


TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
# Of the uncompressed files. The training images are those whose published MD5 is
# 6bbc9ace898e44ae57da46a324031adb.
SHA256: Mapping[str, str] = {
    TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class Mnist(NamedTuple):
    """The data set, read-only: `X_*` uint8 (n, 28, 28), ink 255 on paper 0; `y_*` uint8 (n,) in 0..9."""

    X_train: Bytes
    y_train: Bytes
    X_test: Bytes
    y_test: Bytes
    source: str  # the folder or address that it was read from
    sha256: dict[str, str]  # of each uncompressed file
    copies: int = 1  # pictures made of each training image; row r is of image r % (n // copies)


def without_variants(mnist: Mnist) -> Mnist:
    """Return the data set with the training images only, without what `fetch.py` made of them."""
    originals = len(mnist.y_train) // mnist.copies
    return mnist._replace(X_train=mnist.X_train[:originals], y_train=mnist.y_train[:originals], copies=1)


def check_labels(y: Ints, least: int = 10) -> None:
    """Raise BadDataset unless there are enough training images of each digit to learn from."""
    counts = np.bincount(y, minlength=10)
    if counts.min() < least:
        digit = int(counts.argmin())
        raise BadDataset(f"There are {counts[digit]} training images of the digit {digit}; it takes at least {least}.")


def overlap(mnist: Mnist) -> dict[str, int]:
    """How many test images are, to the pixel, also training images."""
    seen = {picture.tobytes() for picture in mnist.X_train}
    return {"test_images_also_in_training": sum(picture.tobytes() in seen for picture in mnist.X_test)}
