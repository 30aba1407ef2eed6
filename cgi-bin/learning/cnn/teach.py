"""Teach the shipped CNN somebody's own hand: `train.py --extra drawings.csv`.

The file is what the page exports: the format of Kaggle's digit competition, a row a drawing, `label,pixel0,...,
pixel783`, the label 0..9 and the pixels 0..255, ink 255. The network goes on learning for a minute from these
drawings, each repeated, among digits of MNIST so that it does not forget them. Whether that helps is measured
by cross-validation: every drawing is read once by a network that has not seen it.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from learning.augment.epoch import Augmenter
from learning.cnn.weights import checkpoint_path
from learning.data.dataset import Mnist
from reading.errors import BadDataset, BrokenModel, NoModel

COLUMNS = ["label", *(f"pixel{i}" for i in range(784))]


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


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a CSV file of labelled drawings: uint8 (n, 28, 28) and int64 (n,). Raises BadDataset."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{path} can't be read as CSV: {error}") from error
    except ValueError as error:  # no header to unpack
        raise BadDataset(f"{path} is empty.") from error
    if header != COLUMNS:
        raise BadDataset(f"{path} should begin with the line label,pixel0,...,pixel783, as the page exports it.")
    numbers = np.array([_row(path, line, row) for line, row in enumerate(rows, 2)], np.int64).reshape(-1, 785)
    if len(numbers) < 2:
        raise BadDataset(
            f"{path} has {len(numbers)} drawings; at least two are needed to learn from one and test another."
        )
    return numbers[:, 1:].astype(np.uint8).reshape(-1, 28, 28), numbers[:, 0]


def _row(path: Path, line: int, row: list[str]) -> list[int]:
    if len(row) != 785 or not all(text.isdecimal() for text in row):
        raise BadDataset(f"{path}, line {line}: 785 whole numbers are expected.")
    numbers = [int(text) for text in row]
    if numbers[0] > 9 or max(numbers[1:]) > 255:
        raise BadDataset(f"{path}, line {line}: a label is 0 to 9, a pixel 0 to 255.")
    return numbers


def teach(mnist: Mnist, path: Path, lesson: Lesson, models: Path, folder: Path) -> dict[str, Any]:
    """Teach the CNN in `models` the drawings in a CSV file and write the taught one to `folder`.

    Returns its card, whose "extra" says how many of the drawings were read rightly before, and after by
    cross-validation. Raises BadDataset, BadSetting, NoModel, BrokenModel, TrainingFailed.
    """
    from learning.cnn import run as training
    from model import Inference

    training.check_folder(folder)
    pictures, labels = read(path)
    card, weights = shipped(models)
    network = Inference(card["temperature"])
    network.set(weights)
    extra = {"drawings": len(labels), "right_before": _right(network, pictures, labels), "repeat": lesson.repeat}
    extra["right_after"] = cross_validate(network, weights, mnist, pictures, labels, lesson)
    network.set(learn(weights, mnist, pictures, labels, lesson))
    card |= {"extra": extra} | training.evaluate(network, mnist.X_test, mnist.y_test)
    training.publish(network, card, folder)
    return card


def shipped(models: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The card and the folded weights of the model to go on from. Raises NoModel, BrokenModel."""
    from model import Inference

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
    network: Any, weights: dict[str, np.ndarray], mnist: Mnist, X: np.ndarray, y: np.ndarray, lesson: Lesson
) -> int:
    """How many drawings are read rightly by networks that learnt from the others only."""
    fold = np.random.default_rng(lesson.seed).permutation(len(y)) % min(lesson.folds, len(y))
    right = 0
    for number in tqdm(range(fold.max() + 1), "cross-validation", unit="fold", disable=None):
        network.set(learn(weights, mnist, X[fold != number], y[fold != number], lesson))
        right += _right(network, X[fold == number], y[fold == number])
    return right


def learn(
    weights: dict[str, np.ndarray], mnist: Mnist, X: np.ndarray, y: np.ndarray, lesson: Lesson
) -> dict[str, np.ndarray]:
    """Go on from folded weights with repeated drawings among digits of MNIST; returns the new weights."""
    from model import Training

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


def _right(network: Any, pictures: np.ndarray, labels: np.ndarray) -> int:
    return int((network.score(pictures.astype(np.float32) / 255)[:, :10].argmax(1) == labels).sum())
