"""The same training with several seeds: how much of an accuracy is luck."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from learning.data.mnist import Mnist
    from learning.data.strokes import StrokeDigits


class Run(NamedTuple):
    """What a training with one seed gave."""

    seed: int
    accuracy: float  # on the test images, 0..1
    seconds: float


def trained(mnist: Mnist, strokes: StrokeDigits, chosen: argparse.Namespace) -> Run:
    """Train as `chosen` says, with its seed; the model itself is not kept. Raises what training raises."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        accuracy = _accuracy(mnist, strokes, chosen, Path(name))
    return Run(chosen.seed, accuracy, time.perf_counter() - started)


def _accuracy(mnist: Mnist, strokes: StrokeDigits, chosen: argparse.Namespace, folder: Path) -> float:
    """Train into a folder; the accuracy on the test images."""
    if chosen.model == "cnn":
        from learning.cnn import run as cnn

        settings = replace(chosen.settings, seed=chosen.seed)
        return float(cnn.train(mnist, strokes, settings, folder, folder / "work", resume=False)["accuracy"])
    from learning.classical import run as classical

    alone = argparse.Namespace(**vars(chosen) | {"outpath": folder, "validation": False, "verbose": False})
    return float(classical.train(mnist, strokes, alone).card["accuracy"])


def row(run: Run) -> str:
    """Return the line of the table on one seed."""
    return f"seed {run.seed:>10}  {run.accuracy:.2%}  {run.seconds:8.1f} s"


def last_row(runs: list[Run]) -> str:
    """Return the line on all: mean, and sample standard deviation."""
    accuracies = [run.accuracy for run in runs]
    deviation = stdev(accuracies) if len(runs) > 1 else 0.0
    return f"mean of {len(runs):>7}  {mean(accuracies):.2%} +- {deviation:.2%}"
