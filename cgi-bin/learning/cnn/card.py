"""The CNN's card: what it is, what it learnt from, and how well it reads."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

import model
from learning.cnn.settings import Settings
from learning.data.mnist import Mnist, overlap
from learning.data.strokes import StrokeDigits, facts
from learning.figures import on_test_set
from model import Inference
from reading.cards import Card

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints

PACKAGES = ("tensorflow", "tflearn", "numpy", "scipy", "scikit-image")  # whose versions the card states


def describe(network: Inference, mnist: Mnist, strokes: StrokeDigits, settings: Settings) -> Card:
    """The part of the card that doesn't depend on how well the network did."""
    return {
        "name": "cnn",
        "title": "Convolutional network",
        "architecture": architecture(),
        "parameters": network.parameters(),
        "dataset": {"source": "MNIST", "train_images": len(mnist.y_train), "sha256": mnist.sha256} | overlap(mnist),
        "strokes": facts(strokes),
        **asdict(settings),
        "trained": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }


def architecture() -> list[str]:
    """What the network is made of, for people to read."""
    return [
        *(
            f"convolution 3x3, {channels} channels, {padding}, ReLU{', pooling 2x2, antialiased' if pooled else ''}"
            for channels, padding, pooled in model.LAYERS
        ),
        f"fully connected, {model.CLASSES} outputs, the last for what is no digit",
        f"{len(model.TOWERS)} such networks side by side, which see the picture: {', '.join(model.TOWERS)}; "
        "logits averaged, softmax",
    ]


def evaluate(network: Inference, X_test: Bytes, y_test: Ints) -> Card:
    """Accuracy and calibration of the ten scores on uint8 (n, 28, 28) pictures."""
    scores = network.score(X_test.astype(np.float32) / 255)[:, :10]
    return on_test_set(scores / scores.sum(1, keepdims=True), y_test)


def layer_notes() -> list[dict[str, str]]:
    """What each feature map shows, for the page."""
    return [{"name": f"convolution {i + 1}", "note": note} for i, note in enumerate(NOTES[: len(model.LAYERS)])]


NOTES = [
    "Edges and bits of stroke: each small picture lights up where one direction of ink begins or ends.",
    "Strokes: thick lines, gaps between lines, and the paper around them, at half the detail.",
    "Bends, ends and crossings begin to stand apart from straight lines.",
    "Parts of digits: an arc open to one side, a corner, a closed loop; bright where such a part is.",
    "Groups of parts, where the digit as a whole is now only five pixels wide.",
    "What the answer is made from: which parts are there, and roughly where.",
]
