"""One training run of the CNN, from MNIST to the files in `models/`; `train.py` is its command line.

    augmented pictures -> epochs, each with a checkpoint -> mean of the last weights -> folded network
    -> temperature and doubt from held-back digits -> test set, once -> export, check, replace

Some training images are held back: the network never learns from them, and whatever is chosen is chosen on them. The
test set is looked at once, at the end. Nothing depends on its result but the accuracy in the card.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from learning.augment.epoch import Augmenter
from learning.cnn.calibration import best_temperature, doubt
from learning.cnn.card import describe, evaluate
from learning.cnn.epochs import CURVE, Run
from learning.cnn.export import FILES, publish
from learning.cnn.settings import Settings
from learning.data.mnist import Mnist, check_labels
from learning.publishing import check_folder, reserved
from model import Inference, fold
from reading.cards import Card
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints


def train(mnist: Mnist, settings: Settings, folder: Path, work: Path, resume: bool) -> Card:
    """Train, check, and replace the model in `folder`; checkpoints and learning curve go to `work`.

    Returns the card. Raises BadSetting if a folder can't be written to or another training has it, there is nothing to
    resume or no bfloat16, BadDataset if a digit is missing, TrainingFailed if the exported network doesn't do as the
    trained one or can't be saved. Until the very end `folder` is left as it was.
    """
    check_folder(folder, FILES)
    check_folder(work, CURVE)
    with reserved(folder, work):
        return _train(mnist, settings, folder, work, resume)


def _train(mnist: Mnist, settings: Settings, folder: Path, work: Path, resume: bool) -> Card:
    kept, held = split(len(mnist.y_train), settings)
    check_labels(mnist.y_train[kept])
    run = Run(settings, work, resume)
    run.learn(mnist.X_train[kept], mnist.y_train[kept], mnist.X_train[held], mnist.y_train[held])
    network, facts = finish(run, mnist.X_train[held], mnist.y_train[held])
    card = facts | describe(network, mnist, settings) | {"fit_seconds": round(run.progress.seconds)}
    card |= evaluate(network, mnist.X_test, mnist.y_test)
    publish(network, card, folder)
    return card


def split(count: int, settings: Settings) -> tuple[Ints, Ints]:
    """Indices of the images to learn from, and of those held back."""
    if settings.held_back >= count:
        raise BadSetting(f"{settings.held_back:,} images can't be held back of {count:,}.")
    order = np.random.default_rng(settings.seed).permutation(count)
    return order[settings.held_back :], order[: settings.held_back]


def finish(run: Run, X_held: Bytes, y_held: Ints) -> tuple[Inference, Card]:
    """The inference network, calibrated, with its doubt fitted on held-back digits; and these facts for the card."""
    temperature = round(best_temperature(run.training.logits(X_held)[:, :10], y_held), 4)  # as the card has it
    network = Inference(temperature)
    network.set(fold(run.training.get()))
    drawn, labels = Augmenter(X_held, y_held).epoch([run.settings.seed], drawn=1.0, foreign=0.0)
    digits = network.score(np.concatenate([X_held, drawn]).astype(np.float32) / 255)
    facts = {"temperature": temperature, "unsure": doubt(digits, run.settings.doubted)}
    facts["on_held_back"] = {
        "accuracy": float((digits[: len(y_held), :10].argmax(1) == y_held).mean()),
        "accuracy_drawn": float((digits[len(y_held) :, :10].argmax(1) == labels).mean()),
    }
    return network, facts
