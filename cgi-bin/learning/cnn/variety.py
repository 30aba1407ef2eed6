"""The process that prepares the pictures of the next epoch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from typing import TYPE_CHECKING

from learning.augment.epoch import Augmenter
from learning.cnn.held_back import Pupil
from learning.cnn.settings import Settings
from learning.signals import ignore_interrupt

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints


LEAST = 19  # the lowest priority


class Variety:
    """A process of its own that prepares the next epoch's pictures while the network learns from this one's."""

    def __init__(self, pupil: Pupil, settings: Settings) -> None:
        self.settings = settings
        self.pool = get_context("spawn").Pool(1, _prepare, [pupil.augmenter()])

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
        wanted = ([self.settings.seed, epoch], self.settings.drawn, self.settings.foreign, self.settings.drawings)
        return self.pool.apply_async(_pictures_of, wanted)


_augmenter: Augmenter  # of the process that Variety starts


# The threads that learn wait for the slowest of them: where this process shares a processor with one of them, all take
# up to 1.7 times as long. So it takes what they leave.
def _prepare(augmenter: Augmenter) -> None:
    from threadpoolctl import threadpool_limits

    global _augmenter
    threadpool_limits(1)  # the threads of numpy's BLAS would keep their priority, and wait by spinning
    os.nice(LEAST)
    ignore_interrupt()
    _augmenter = augmenter


def _pictures_of(seed: list[int], drawn: float, foreign: float, drawings: int) -> tuple[Bytes, Ints]:
    return _augmenter.epoch(seed, drawn, foreign, drawings)
