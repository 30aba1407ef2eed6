"""One training run of the CNN, from MNIST and pen strokes to the files in `models/`; `train.py` is its command line.

    augmented pictures -> epochs, each with a checkpoint -> mean of the last weights -> folded network
    -> temperature and doubt from held-back digits -> test set, once -> export, check, replace

Some training images, and some writers of strokes, are held back: the network never learns from them, and whatever is
chosen is chosen on them. The test set is looked at once, at the end. Nothing depends on its result but the accuracy in
the card.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from learning.cnn.calibration import best_temperature, doubt
from learning.cnn.card import describe, evaluate
from learning.cnn.checkpoint import Progress
from learning.cnn.epochs import CURVE, Run
from learning.cnn.export import FILES, publish
from learning.cnn.held_back import Held, hold_back
from learning.cnn.settings import Settings
from learning.data.mnist import Mnist, check_labels
from learning.data.strokes import StrokeDigits
from learning.publishing import check_folder, reserved
from model import Inference, fold
from reading.cards import Card


def train(mnist: Mnist, strokes: StrokeDigits, settings: Settings, folder: Path, work: Path, resume: bool) -> Card:
    """Train, check, and replace the model in `folder`; checkpoints and learning curve go to `work`.

    Returns the card. Raises BadSetting if a folder can't be written to or another training has it, there is nothing to
    resume or no bfloat16, BadDataset if a digit is missing, TrainingFailed if the exported network doesn't do as the
    trained one or can't be saved. Until the very end `folder` is left as it was.
    """
    check_folder(folder, FILES)
    check_folder(work, CURVE)
    with reserved(folder, work):
        return _train(mnist, strokes, settings, folder, work, resume)


def _train(mnist: Mnist, strokes: StrokeDigits, settings: Settings, folder: Path, work: Path, resume: bool) -> Card:
    pupil, held = hold_back(mnist, strokes, settings)
    check_labels(pupil.y)
    run = Run(settings, work, resume)
    run.learn(pupil, held)
    network, facts = finish(run, held)
    card = facts | describe(network, mnist, strokes, settings) | time_of(run.progress)
    card |= evaluate(network, mnist.X_test, mnist.y_test)
    publish(network, card, folder)
    return card


def time_of(progress: Progress) -> Card:
    """How long the training took; if it refined the weights of another run, which, and the time of both."""
    before = progress.refined
    seconds = round(progress.seconds) + before.get("seconds", 0)
    return {"fit_seconds": seconds} | ({"refined_from": before} if before else {})


def finish(run: Run, held: Held) -> tuple[Inference, Card]:
    """The inference network, calibrated, with its doubt fitted on held-back digits; and these facts for the card."""
    temperature = round(best_temperature(run.training.logits(held.pictures)[:, :10], held.labels), 4)  # as in the card
    network = Inference(temperature)
    network.set(fold(run.training.get()))
    digits = network.score(held.pictures.astype(np.float32) / 255)
    right = digits[:, :10].argmax(1) == held.labels
    facts = {"temperature": temperature, "unsure": doubt(digits, run.settings.doubted)}
    scans = len(held.scan_labels)
    facts["on_held_back"] = {"accuracy": float(right[:scans].mean()), "accuracy_drawn": float(right[scans:].mean())}
    return network, facts
