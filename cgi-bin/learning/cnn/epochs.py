"""The epochs of a training run: each learns, is noted, and leaves a checkpoint."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from learning.cnn import checkpoint, training
from learning.cnn.checkpoint import GO_ON, Progress
from learning.cnn.held_back import Held, Pupil
from learning.cnn.settings import Settings
from learning.cnn.variety import Variety, batches
from learning.publishing import saving
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints

    Chunks = Iterator[tuple[Bytes, Ints]]


CURVE = "learning-curve.png"  # its name in the work folder
FIRST = 40  # seconds of learning after which the time left is told for the first time
SETTLE = 59  # batches, of SEVERAL ones each, that batch normalisation sees once the weights are averaged
SEVERAL = 4


class Forecast:
    """Says once, before the first epoch is over, how long the whole run will take."""

    def __init__(self, epochs: int) -> None:
        self.epochs, self.since, self.is_said = epochs, (0.0, -1.0), False

    def __call__(self, done: float, now: float) -> None:
        """Take note that `done` epochs, with a fraction, are done at the time `now` in seconds."""
        if self.since[1] < 0:
            self.since = now, done
        seconds, more = now - self.since[0], done - self.since[1]
        if not self.is_said and seconds >= FIRST and more > 0:
            self.is_said = True
            tqdm.write(f"about {(self.epochs - done) * seconds / more / 60:.0f} minutes left", file=sys.stdout)


class Run:
    """The epochs of a run, from the first or from where a checkpoint stands."""

    def __init__(self, settings: Settings, work: Path, resume: bool) -> None:
        if settings.fast and not training.has_bfloat16():
            raise BadSetting("This processor does not compute in bfloat16, as --fast would; train with --no-fast.")
        self.settings, self.work, self.foretell = settings, work, Forecast(settings.epochs)
        self.training = training.Training(settings.seed, fast=settings.fast, dropout=settings.dropout)
        if resume:
            self.progress = checkpoint.take_up(work, self.training, settings)
        else:
            self.progress = checkpoint.begin_with(work, self.training) if settings.refined else Progress()

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.progress.history)

    def learn(self, pupil: Pupil, held: Held) -> None:
        """Learn epoch by epoch, each with a checkpoint."""
        started = time.time()
        with Variety(pupil, self.settings) as variety:
            epochs = variety.epochs(self.epoch)
            while self.epoch < self.settings.epochs:
                loss = self._learn_epoch(next(epochs), variety.size)
                accuracy = float((self.training.logits(held.pictures)[:, :10].argmax(1) == held.labels).mean())
                now = time.time()
                self._note(loss, accuracy, now - started)
                started = now
            self._average(next(epochs))

    # The mean of the weights at the end of the last epochs generalises better than any one of them (stochastic
    # weight averaging, Izmailov et al., 2018).
    def _average(self, chunks: Chunks) -> None:
        count = self.settings.last
        self.training.set({name: total / count for name, total in self.progress.sum.items()})
        more = islice(batches(chunks, self.settings.batch_size * SEVERAL), SETTLE)
        self.training.settle(pictures for pictures, _ in more)

    def _learn_epoch(self, chunks: Chunks, count: int) -> float:
        steps, losses = max(count // self.settings.batch_size, 1), []
        title = f"epoch {self.epoch + 1}/{self.settings.epochs}"
        bar = tqdm(batches(chunks, self.settings.batch_size), title, steps, unit="step", leave=False, disable=None)
        for step, (pictures, labels) in enumerate(bar):
            losses.append(self.training.learn(pictures, labels, self._rate(self.epoch + step / steps)))
            self.foretell(self.epoch + step / steps, time.time())
        return float(np.mean(losses))

    def _rate(self, epoch: float) -> float:
        """Learning rate: up during the first half epoch, then down to nothing along a cosine."""
        falling = 0.5 + 0.5 * np.cos(np.pi * epoch / self.settings.epochs)
        return float(self.settings.learning_rate * min(1.0, 0.01 + 2 * epoch) * falling)

    def _note(self, loss: float, accuracy: float, seconds: float) -> None:
        from learning.plots import learning_curve  # matplotlib takes long to import

        now = self.progress
        now.seconds += seconds
        now.history.append({"epoch": self.epoch + 1, "loss": round(loss, 5), "val_accuracy": accuracy})
        if self.epoch > self.settings.epochs - self.settings.last:
            now.sum = {name: now.sum.get(name, 0) + value for name, value in self.training.get().items()}
        self._keep()
        with saving("the learning curve", self.work, GO_ON):
            learning_curve(now.history, self.work / CURVE)
        left = (self.settings.epochs - self.epoch) * now.seconds / self.epoch / 60
        print(f"epoch {self.epoch}: loss {loss:.4f}, held back {accuracy:.2%}, {left:.0f} minutes left", flush=True)

    def _keep(self) -> None:
        checkpoint.keep(self.work, self.training, self.settings, self.progress)
