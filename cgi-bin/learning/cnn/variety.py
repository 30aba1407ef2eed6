"""The process that prepares the pictures that the network learns from next."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from typing import TYPE_CHECKING

import numpy as np

from learning.augment.epoch import Augmenter, chunks
from learning.cnn.held_back import Pupil
from learning.cnn.settings import Settings
from learning.signals import ignore_interrupt

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints


LEAST = 19  # the lowest priority
AHEAD = 60  # chunks that are prepared before they are learnt from


class Variety:
    """A process of its own that prepares pictures while the network learns from those before.

    It does so chunk by chunk: learning begins with the first one, and not when a whole epoch is there.
    """

    def __init__(self, pupil: Pupil, settings: Settings) -> None:
        self.settings, augmenter = settings, pupil.augmenter()
        self.size = augmenter.size(settings.drawings)  # pictures an epoch
        self.pool = get_context("spawn").Pool(1, _prepare, [augmenter])

    def __enter__(self) -> Variety:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.terminate()
        self.pool.join()

    def epochs(self, first: int) -> Iterator[Iterator[tuple[Bytes, Ints]]]:
        """For each epoch from `first` on, without an end, its chunks: pictures and labels."""
        numbers = ((epoch, number) for epoch in count(first) for number in range(chunks(self.size)))
        coming: deque[AsyncResult[tuple[Bytes, Ints]]] = deque()

        def next_chunk() -> tuple[Bytes, Ints]:
            while len(coming) <= AHEAD:
                coming.append(self._ask(*next(numbers)))
            return coming.popleft().get()

        while True:
            yield (next_chunk() for _ in range(chunks(self.size)))

    def _ask(self, epoch: int, number: int) -> AsyncResult[tuple[Bytes, Ints]]:
        mixture = self.settings.drawn, self.settings.foreign, self.settings.drawings
        return self.pool.apply_async(_augmented, (number, [self.settings.seed, epoch], *mixture))


def batches(parts: Iterable[tuple[Bytes, Ints]], size: int) -> Iterator[tuple[Bytes, Ints]]:
    """Pictures and labels in batches of `size` each; what is left at the end is dropped, if it is not all there is."""
    pictures, labels, given = np.empty((0, 28, 28), np.uint8), np.empty(0, np.int64), 0
    for more in parts:
        pictures, labels = np.concatenate([pictures, more[0]]), np.concatenate([labels, more[1]])
        while len(labels) >= size:
            yield pictures[:size], labels[:size]
            pictures, labels, given = pictures[size:], labels[size:], given + 1
    if not given:
        yield pictures, labels


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


def _augmented(number: int, seed: list[int], drawn: float, foreign: float, drawings: int) -> tuple[Bytes, Ints]:
    return _augmenter.chunk(number, seed, drawn, foreign, drawings)
