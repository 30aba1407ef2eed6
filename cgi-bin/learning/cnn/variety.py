"""The process that prepares the pictures of the next epoch."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from typing import TYPE_CHECKING

from learning.augment.epoch import Augmenter
from learning.cnn.settings import Settings
from learning.signals import ignore_interrupt

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints


class Variety:
    """A process of its own that prepares the next epoch's pictures while the network learns from this one's."""

    def __init__(self, X: Bytes, y: Ints, settings: Settings) -> None:
        self.settings = settings
        self.pool = get_context("spawn").Pool(1, _prepare, [Augmenter(X, y)])

    def __enter__(self) -> Variety:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.terminate()
        self.pool.join()

    def epochs(self, first: int) -> Iterator[tuple[Bytes, Ints]]:
        """The pictures and labels of each epoch from `first` on."""
        self.coming = self._ask(first)
        for epoch in range(first, self.settings.epochs):
            pictures, labels = self.coming.get()
            self.coming = self._ask(epoch + 1)
            yield pictures, labels

    def last(self) -> Bytes:
        """The pictures of one epoch more, which nothing is learnt from."""
        return self.coming.get()[0]

    def _ask(self, epoch: int) -> AsyncResult[tuple[Bytes, Ints]]:
        wanted = ([self.settings.seed, epoch], self.settings.drawn, self.settings.foreign)
        return self.pool.apply_async(_pictures_of, wanted)


_augmenter: Augmenter  # of the process that Variety starts


def _prepare(augmenter: Augmenter) -> None:
    global _augmenter
    ignore_interrupt()
    _augmenter = augmenter


def _pictures_of(seed: list[int], drawn: float, foreign: float) -> tuple[Bytes, Ints]:
    return _augmenter.epoch(seed, drawn, foreign)
