"""Training of the trajectory network (`reading/trajectory.py`), on pen strokes alone; `train.py -M trajectory` asks.

strokes -> trajectories, varied anew each epoch -> convolutions in TFLearn -> one file, checked, in `models/`
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from learning.augment.not_digits import NOT_A_DIGIT
from learning.augment.trajectories import Trajectories, as_written
from learning.cnn.fitting import Fitting
from learning.cnn.held_back import held_writers
from learning.data.strokes import StrokeDigits, facts
from learning.errors import BadDataset, TrainingFailed
from learning.publishing import check_folder, digest, reserved, saving
from learning.replacing import replacing
from model import CLASSES
from reading.trajectory import FILE, KERNEL, NUMBERS, STEPS, parsed

if TYPE_CHECKING:
    from reading.arrays import Float, Ints

CHANNELS = (48, 64, 96)  # of its convolutions, all but the last one pooled; a third more or less reads no better
EPOCHS, BATCH = 60, 128
RATE = 0.002  # of Adam at the beginning
KEPT = 0.6  # share of the last features that is kept in training
AGREEMENT = 0.01  # the most that a score of the saved network, whose weights are rounded, may differ from TFLearn's
NONE = "A trajectory network learns from pen strokes alone; get them with: python cgi-bin/fetch.py --strokes"


def train(strokes: StrokeDigits, seed: int, folder: Path) -> dict[str, Any]:
    """Train, check, and replace the network in `folder`; returns what its file says of it.

    One writer in twenty is held back, to tell how well the others' digits are read. Raises BadDataset without strokes,
    BadSetting if the folder can't be written to, TrainingFailed if what is to be saved doesn't do as what was trained.
    """
    if not len(strokes.labels):
        raise BadDataset(NONE)
    check_folder(folder, FILE)
    with reserved(folder):
        held = held_writers(strokes, seed)
        mine = np.flatnonzero(~held)
        fitting = Fitting(_layers, seed)
        learn(fitting, Trajectories([strokes.strokes[at] for at in mine], strokes.labels[mine]), seed)
        asked = [strokes.strokes[at] for at in np.flatnonzero(held)], strokes.labels[held]
        card = facts(strokes) | {"held_back": _judged(fitting, *asked)} | {"seed": seed, "epochs": EPOCHS}
        return save(fitting, card, folder)


def learn(fitting: Fitting, trajectories: Trajectories, seed: int) -> None:
    """Go through all of them EPOCHS times."""
    rng = np.random.default_rng(seed)
    first = trajectories.epoch(rng)
    fitting.learn(_batches(trajectories, first, rng), EPOCHS * max(1, len(first[1]) // BATCH), RATE)


def _batches(
    trajectories: Trajectories, epoch: tuple[Float, Ints], rng: np.random.Generator
) -> Iterator[tuple[Float, Ints]]:
    """Batches without end; the last digits of an epoch, too few for another batch, are left out."""
    while True:
        seen, labels = epoch
        for at in range(0, max(1, len(labels) - BATCH + 1), BATCH):
            yield seen[at : at + BATCH], labels[at : at + BATCH]
        epoch = trajectories.epoch(rng)


def _layers(tflearn: Any) -> Any:
    net = tflearn.input_data([None, STEPS, NUMBERS])
    for at, channels in enumerate(CHANNELS):
        net = tflearn.conv_1d(net, channels, KERNEL, activation="relu", scope=f"conv{at}")
        net = tflearn.max_pool_1d(net, 2) if at < len(CHANNELS) - 1 else net
    net = tflearn.dropout(tflearn.flatten(net), KEPT)
    return tflearn.fully_connected(net, CLASSES, activation="softmax", scope="out")


def _judged(fitting: Fitting, digits: list[list[Float]], labels: Ints) -> dict[str, Any]:
    """How many digits were held back, and how well they are read as they were written, 0 where there are none."""
    scores = fitting.score(as_written(digits)) if digits else np.zeros((0, CLASSES))
    right = scores[:, :NOT_A_DIGIT].argmax(1) == labels
    return {"digits": len(labels), "accuracy": round(float(right.sum()) / max(1, len(labels)), 4)}


def save(fitting: Fitting, card: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write the file that `reading/trajectory.py` reads, once it is checked; returns the JSON at its beginning."""
    weights = b"".join(value.astype("<f2").tobytes() for value in fitting.values().values())
    packages = {name: version(name) for name in ("tensorflow", "tflearn", "numpy")}
    card = {"channels": CHANNELS, "sha256": digest(weights)} | card | {"trained": time.strftime("%Y-%m-%d")}
    card |= {"versions": {"python": platform.python_version()} | packages}
    data = json.dumps(card).encode() + b"\n" + weights
    check_agreement(fitting, data)
    with saving("the trajectory network", folder, "The old one stays."), replacing(folder / FILE) as part:
        part.write_bytes(data)
    return card


def check_agreement(fitting: Fitting, data: bytes) -> None:
    """Raise TrainingFailed unless what is to be saved scores noise as TFLearn does."""
    noise = np.random.default_rng(0).uniform(-1, 1, (100, STEPS, NUMBERS)).astype(np.float32)
    apart = float(np.abs(parsed(data).score(noise) - fitting.score(noise)).max())
    if not apart < AGREEMENT:  # so that NaN fails, too
        raise TrainingFailed(f"The saved network scores up to {apart:.1e} apart from TFLearn; the old one stays.")
