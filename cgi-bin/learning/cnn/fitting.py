"""A small network in TFLearn, in a graph of its own, and what it learns by: Adam, at a rate that falls to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from model import import_tflearn

if TYPE_CHECKING:
    from reading.arrays import Float, Ints

PART = 1000  # examples that are scored at once


class Fitting:
    """The network, whose last layer has a softmax, while it learns."""

    def __init__(self, layers: Callable[[Any], Any], seed: int) -> None:
        """`layers` makes them all, given TFLearn, and returns the last one."""
        self.tflearn = import_tflearn()
        import tensorflow.compat.v1 as tf

        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(seed)
            self.tflearn.init_graph(seed=seed)
            self.rate = tf.Variable(0.0, trainable=False, name="learning_rate")
            optimizer = tf.train.AdamOptimizer(self.rate)
            last = layers(self.tflearn)
            self.classes = int(last.shape[-1])
            head = self.tflearn.regression(last, optimizer=lambda _: (optimizer, None), metric=None)
            self.dnn = self.tflearn.DNN(head, tensorboard_verbose=0)
            self.weights = tf.trainable_variables()

    def learn(self, batches: Iterable[tuple[Float, Ints]], steps: int, rate: float) -> None:
        """Take so many steps, a batch of examples and labels (n,) each, at a rate that falls along a cosine."""
        with self.graph.as_default():
            progress = tqdm(range(steps), unit="step", leave=False, disable=None)
            for step, (seen, labels) in zip(progress, batches, strict=False):
                self.rate.load(rate * (0.5 + 0.5 * np.cos(np.pi * step / steps)), self.dnn.session)
                self.dnn.fit_batch(seen, np.eye(self.classes)[labels])

    def score(self, seen: Float) -> Float:
        """Probabilities (n, classes) of n examples."""
        parts = (seen[at : at + PART] for at in range(0, len(seen), PART))
        return np.concatenate([np.asarray(self.dnn.predict(part)) for part in parts])

    def values(self) -> dict[str, Float]:
        """The weights by name, float32, in the order in which the layers were made; kernels are (inputs, outputs)."""
        with self.graph.as_default():
            values = zip([each.op.name for each in self.weights], self.dnn.session.run(self.weights), strict=True)
        return {name: value.reshape(-1, value.shape[-1]) if name.endswith("W") else value for name, value in values}
