"""What a training run learns from, and what it holds back to choose on: images, and all that some people wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from learning.augment.epoch import Augmenter
from learning.augment.handwriting import Handwriting, neatly
from learning.cnn.settings import Settings
from learning.data.mnist import Mnist
from learning.data.strokes import StrokeDigits
from learning.data.writers import hand
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Bools, Bytes, Ints

WRITERS = 20  # one writer of so many is held back


class Pupil(NamedTuple):
    """What is learnt from."""

    X: Bytes  # images of MNIST, uint8 (n, 28, 28)
    y: Ints  # (n,) of 0..9
    pens: Handwriting  # pen strokes; there may be none

    def augmenter(self) -> Augmenter:
        """What makes the pictures of each epoch of them."""
        return Augmenter(self.X, self.y, self.pens)


class Held(NamedTuple):
    """What is held back, as pictures: uint8 (n, 28, 28) and labels (n,) each."""

    scans: Bytes
    scan_labels: Ints
    drawings: Bytes
    drawing_labels: Ints

    @property
    def pictures(self) -> Bytes:
        """All of them."""
        return np.concatenate([self.scans, self.drawings])

    @property
    def labels(self) -> Ints:
        """The labels of all."""
        return np.concatenate([self.scan_labels, self.drawing_labels])


def hold_back(mnist: Mnist, strokes: StrokeDigits, settings: Settings) -> tuple[Pupil, Held]:
    """Part what to learn from and what to choose on. Raises BadSetting if MNIST has too few images."""
    kept, held = split(len(mnist.y_train), settings)
    mine = held_writers(strokes, settings.seed)
    pupil = Pupil(mnist.X_train[kept], mnist.y_train[kept], handwriting(strokes, ~mine))
    scans, labels = mnist.X_train[held], mnist.y_train[held].astype(np.int64)
    drawings, drawn = _drawn(scans, labels, handwriting(strokes, mine), settings.seed)
    return pupil, Held(scans, labels, drawings, drawn)


def split(count: int, settings: Settings) -> tuple[Ints, Ints]:
    """Indices of the images to learn from, and of those held back."""
    if settings.held_back >= count:
        raise BadSetting(f"{settings.held_back:,} images can't be held back of {count:,}.")
    order = np.random.default_rng(settings.seed).permutation(count)
    return order[settings.held_back :], order[: settings.held_back]


def held_writers(strokes: StrokeDigits, seed: int) -> Bools:
    """Which digits are by the writers that are held back, one of WRITERS: bool (n,)."""
    hands = np.array([hand(name) for name in strokes.writers], str)
    writers = np.unique(hands)
    chosen = np.random.default_rng(seed).permutation(len(writers))[: len(writers) // WRITERS]
    return np.isin(hands, writers[chosen])


def handwriting(strokes: StrokeDigits, which: Bools) -> Handwriting:
    """Some of the digits, ready to be drawn."""
    chosen = np.flatnonzero(which)
    return Handwriting.of([strokes.strokes[i] for i in chosen], strokes.labels[chosen])


def _drawn(scans: Bytes, labels: Ints, pens: Handwriting, seed: int) -> tuple[Bytes, Ints]:
    """Drawings of what is held back: strokes as the page would have them; without any, MNIST's skeletons with a pen."""
    if not len(pens.labels):
        return Augmenter(scans, labels).epoch([seed], drawn=1.0, foreign=0.0)
    pictures = neatly(pens.paths, np.random.default_rng(seed))
    return (pictures * 255 + 0.5).astype(np.uint8), pens.labels
