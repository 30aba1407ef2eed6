"""The pictures that a scikit-learn model learns from, and those that it is reported on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from learning.data.mnist import Mnist, check_labels
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float, Ints


VALIDATION = 0.1  # share of the training images that --validation keeps for itself


class Pictures(NamedTuple):
    """Pictures with their labels; shifted or turned variants follow the first `originals` rows."""

    X: Float  # float32 (n, 784) in 0..1, ink 1
    y: Ints  # int64 (n,) in 0..9
    originals: int


def pictures_of(mnist: Mnist, chosen: argparse.Namespace) -> tuple[Pictures, Pictures | None]:
    """Return the pictures to train on and, with --validation, those to report on; the latter are originals only."""
    labels, originals = mnist.y_train, len(mnist.y_train) // mnist.copies
    rows: Ints = np.arange(originals)
    held = np.zeros(0, int)
    if chosen.subset:
        rows = _subset(rows, chosen)
    check_labels(labels[rows])
    if chosen.validation:
        rows, held = train_test_split(rows, test_size=VALIDATION, stratify=labels[rows], random_state=chosen.seed)
        check_labels(labels[rows])
    everything = np.concatenate([rows + copy * originals for copy in range(mnist.copies)])
    return _pick(mnist, everything, len(rows)), _pick(mnist, held, len(held)) if len(held) else None


def _subset(rows: Ints, chosen: argparse.Namespace) -> Ints:
    if chosen.subset > len(rows):
        raise BadSetting(f"--subset {chosen.subset} is more than the {len(rows):,} training images there are.")
    return np.sort(np.random.default_rng(chosen.seed).choice(rows, chosen.subset, replace=False))


def _pick(mnist: Mnist, rows: Ints, originals: int) -> Pictures:
    return Pictures(flat(mnist.X_train[rows]), mnist.y_train[rows].astype(np.int64), originals)


def flat(pictures: Bytes) -> Float:
    """Pictures uint8 (n, 28, 28) as float32 (n, 784) in 0..1."""
    rows: Float = pictures.reshape(len(pictures), -1) / np.float32(255)
    return rows
