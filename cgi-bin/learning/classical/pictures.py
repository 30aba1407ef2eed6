"""The pictures that a scikit-learn model learns from, and those that it is reported on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from learning.augment.handwriting import neatly
from learning.augment.strokes import polylines
from learning.data.mnist import Mnist, check_labels
from learning.data.strokes import StrokeDigits
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float, Ints


DRAWN = 2  # times that each digit of pen strokes is drawn
VALIDATION = 0.1  # share of the training images that --validation keeps for itself


class Pictures(NamedTuple):
    """Pictures with their labels; shifted or turned variants, and drawn strokes, follow the first `originals` rows."""

    X: Float  # float32 (n, 784) in 0..1, ink 1
    y: Ints  # int64 (n,) in 0..9
    originals: int
    drawn: int = 0  # how many pictures of pen strokes are the last rows


def pictures_of(mnist: Mnist, strokes: StrokeDigits, chosen: argparse.Namespace) -> tuple[Pictures, Pictures | None]:
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
    training = with_drawings(_pick(mnist, everything, len(rows)), strokes, chosen.seed)
    return training, _pick(mnist, held, len(held)) if len(held) else None


def with_drawings(pictures: Pictures, strokes: StrokeDigits, seed: int) -> Pictures:
    """The pictures, and behind them each digit of pen strokes DRAWN times, each time with another pen."""
    count = DRAWN * len(strokes.labels)
    if not count:
        return pictures
    paths, rng = polylines(strokes.strokes), np.random.default_rng(seed)
    drawings = np.concatenate([neatly(paths, rng) for _ in range(DRAWN)]).reshape(count, -1)
    X = np.concatenate([pictures.X, drawings])
    return Pictures(X, np.concatenate([pictures.y, *[strokes.labels] * DRAWN]), pictures.originals, count)


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
