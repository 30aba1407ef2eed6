"""Teach the shipped CNN how one person writes: `train.py --extra drawings.csv`, a file that the page exports.

The network goes on learning for a minute from these drawings, each repeated, among digits of MNIST so that it does not
forget them. Whether that helps is measured by cross-validation: every drawing is read once by a network that has not
seen it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from learning.augment.epoch import Augmenter
from learning.cnn import drawings
from learning.cnn.card import evaluate
from learning.cnn.export import FILES, publish
from learning.cnn.training import Training
from learning.cnn.weights import checkpoint_path
from learning.data.mnist import Mnist
from learning.publishing import check_folder, recover, reserved
from model import Inference
from reading.cards import Card, incoming
from reading.errors import BrokenModel, NoModel

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float, Ints


@dataclass(frozen=True)
class Lesson:
    """How to learn from a handful of drawings."""

    repeat: int = 20  # times that each drawing is seen an epoch
    company: int = 6000  # digits of MNIST among them
    epochs: int = 3
    batch_size: int = 128
    learning_rate: float = 0.0002  # a tenth of the one that the network was trained with
    folds: int = 5
    seed: int = 1


def teach(mnist: Mnist, path: Path, lesson: Lesson, models: Path, folder: Path) -> Card:
    """Teach the CNN in `models` the drawings in a CSV file and write the taught one to `folder`.

    Returns its card, whose "extra" says how many of the drawings were read rightly before, and after by
    cross-validation. Raises BadDataset, BadSetting, NoModel, BrokenModel, TrainingFailed.
    """
    check_folder(folder, FILES)
    with reserved(folder):
        recover("cnn", folder)
        return _teach(mnist, path, lesson, models, folder)


def _teach(mnist: Mnist, path: Path, lesson: Lesson, models: Path, folder: Path) -> Card:
    pictures, labels = drawings.read(path)
    card, weights = shipped(models)
    network = Inference(card["temperature"])
    network.set(weights)
    extra = {"drawings": len(labels), "right_before": _right(network, pictures, labels), "repeat": lesson.repeat}
    extra["right_after"] = cross_validate(network, weights, mnist, pictures, labels, lesson)
    network.set(learn(weights, mnist, pictures, labels, lesson))
    card |= {"extra": extra} | evaluate(network, mnist.X_test, mnist.y_test)
    publish(network, card, folder)
    return card


def shipped(models: Path) -> tuple[Card, dict[str, Float]]:
    """The card and the folded weights of the model to go on from. Raises NoModel, BrokenModel, BadSetting."""
    if Path(incoming(str(models), "cnn")).is_dir():  # a training was cut short while it replaced that model
        with reserved(models):
            recover("cnn", models)
    try:
        card = json.loads((models / "cnn.json").read_text())
    except OSError as error:
        raise NoModel(f"There is no trained CNN in {models} to teach; run: python cgi-bin/train.py") from error
    except ValueError as error:
        raise BrokenModel("The card cnn.json is damaged. Train it again: python cgi-bin/train.py") from error
    path = checkpoint_path(models, card)
    network = Inference()
    network.load(path)
    return card, network.get()


def cross_validate(
    network: Inference, weights: dict[str, Float], mnist: Mnist, X: Bytes, y: Ints, lesson: Lesson
) -> int:
    """How many drawings are read rightly by networks that learnt from the others only."""
    fold = np.random.default_rng(lesson.seed).permutation(len(y)) % min(lesson.folds, len(y))
    right = 0
    for number in tqdm(range(fold.max() + 1), "cross-validation", unit="fold", disable=None):
        network.set(learn(weights, mnist, X[fold != number], y[fold != number], lesson))
        right += _right(network, X[fold == number], y[fold == number])
    return right


def learn(weights: dict[str, Float], mnist: Mnist, X: Bytes, y: Ints, lesson: Lesson) -> dict[str, Float]:
    """Go on from folded weights with repeated drawings among digits of MNIST; returns the new weights."""
    rng = np.random.default_rng(lesson.seed)
    company = rng.permutation(len(mnist.y_train))[: lesson.company]
    X = np.concatenate([mnist.X_train[company], np.repeat(X, lesson.repeat, 0)])
    augmenter = Augmenter(X, np.concatenate([mnist.y_train[company], np.repeat(y, lesson.repeat)]))
    training = Training(lesson.seed, folded=True)
    training.set(weights)
    for epoch in range(lesson.epochs):
        pictures, labels = augmenter.epoch([lesson.seed, epoch], drawn=0.3, foreign=0.08)
        for at in range(0, len(labels), lesson.batch_size):
            part = slice(at, at + lesson.batch_size)
            training.learn(pictures[part], labels[part], lesson.learning_rate)
    return training.get()


def _right(network: Inference, pictures: Bytes, labels: Ints) -> int:
    return int((network.score(pictures.astype(np.float32) / 255)[:, :10].argmax(1) == labels).sum())
