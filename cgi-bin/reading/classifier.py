"""The trained models: load one, score pictures. Knows nothing of HTTP or training.

    model = classifier.load("cnn")
    scores = model.score(pictures)    # float32 (n, 28, 28), 0 paper to 1 ink
    scores.data                       # float32 (n, 10), rows sum to 1
    scores.unsure                     # bool (n,): better not believed

A model is a card and a file (`cards.py`), which an engine runs (`engines.py`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading import cards, engines
from reading.cards import DEFAULT, DIGITS, Card, train_again
from reading.errors import BrokenModel, NoModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Array, Bools, Float
    from reading.engines import Run
    from reading.trajectory import Network

BATCH = 250  # pictures scored at once: bounds the memory, and more is no faster


class Scores(NamedTuple):
    """What a model says of n pictures."""

    data: Float  # (n, 10), 0..1, index is the digit, rows sum to 1
    unsure: Bools  # (n,)


class Model:
    """A loaded model; may be shared between threads."""

    trajectory: Network | None = None  # reads the strokes, where they are known

    def __init__(self, card: Card, run: Run, trajectory: Network | None = None) -> None:
        self.card, self.run, self.trajectory, self._lock = card, run, trajectory, threading.Lock()

    def score(self, pictures: Array) -> Scores:
        """Score float32 (n, 28, 28) pictures, 0 paper to 1 ink.

        Raises BrokenModel if the answer makes no sense.
        """
        return self.judged(self.outputs(pictures))

    def outputs(self, pictures: Array) -> Float:
        """What the model itself says of float32 (n, 28, 28) pictures: (n, 10), or (n, 11), the last "not a digit".

        Raises BrokenModel if the answer makes no sense.
        """
        pictures = np.asarray(pictures, np.float32)
        with self._lock:  # LiteRT's interpreter keeps one set of tensors
            parts = [self.run(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
        raw = np.concatenate(parts) if parts else np.zeros((0, DIGITS), np.float32)
        if raw.shape[1] not in (DIGITS, DIGITS + 1) or not np.isfinite(raw).all():
            raise BrokenModel(f"The model {self.card['name']!r} gives no ten scores. {train_again(self.card['name'])}")
        return raw

    def heard(self, pictures: Array, written: Sequence[Sequence[Float]]) -> Float:
        """`outputs`, joined with what the trajectory network says of the strokes of each picture, none if not known.

        Raises BrokenModel if the answer makes no sense.
        """
        outputs = self.outputs(pictures)
        return self.trajectory.heard(outputs, written) if self.trajectory else outputs

    def judged(self, raw: Float) -> Scores:
        """Split off the eleventh score, "not a digit", and apply the card's rule of doubt."""
        digits = raw[:, :DIGITS].astype(np.float32)
        data = digits / np.maximum(digits.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        rule = self.card["unsure"]
        unsure = data.max(1, initial=0) < rule["confidence"]
        if "foreign" in rule and raw.shape[1] > DIGITS:
            unsure |= raw[:, DIGITS] > rule["foreign"]
        return Scores(data, unsure)


def load(name: str = DEFAULT) -> Model:
    """The model of that name, kept for the next call unless its files have changed since.

    Raises UnknownModel, NoModel, BrokenModel, MissingPackage.
    """
    kept = _kept.get(name)
    if kept and kept[0] == cards.stamp(name):
        return kept[1]
    cards.check_known(name)
    _kept[name] = _read(name)
    return _kept[name][1]


def _read(name: str) -> tuple[object, Model]:
    """The model as its files have it, and their stamp; read once more if they were replaced meanwhile."""
    stamp = cards.stamp(name)
    try:
        card = cards.read(name)
        return stamp, Model(card, engines.run_of(card), _trajectory(card))
    except (NoModel, BrokenModel):
        if cards.stamp(name) == stamp:
            raise
    return _read(name)


def _trajectory(card: Card) -> Network | None:
    """The trajectory network for the default model, if there is one. Raises BrokenModel.

    Not for one that was taught a person's own hand: the network knows nothing of it, and would gainsay it.
    """
    if card["name"] != DEFAULT or "extra" in card:
        return None
    from reading import trajectory

    return trajectory.load()


_kept: dict[str, tuple[object, Model]] = {}
