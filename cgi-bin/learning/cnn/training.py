"""The training graph of the CNN in a session of its own; `model.py` says what the network is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from learning.cnn import muon
from model import CLASSES, PART, TOWERS, as_input, import_tflearn, network

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float, Ints


class Training:
    """The training graph in a session of its own; with `folded`, the inference graph, made to learn on.

    With `fast`, convolutions compute in bfloat16; the weights, and what is added to them, stay float32. `dropout` is
    the share of the last features that is dropped; the inference graph drops none.
    """

    def __init__(self, seed: int, folded: bool = False, fast: bool = False, dropout: float = 0.0) -> None:
        self.tflearn = import_tflearn()
        import tensorflow.compat.v1 as tf

        self.tf, self.graph = tf, tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(seed)
            self.tflearn.init_graph(seed=seed)
            options = tf.get_collection(tf.GraphKeys.GRAPH_CONFIG)[0].graph_options.rewrite_options
            options.auto_mixed_precision_onednn_bfloat16 = options.ON if fast else options.OFF
            self.network = network(not folded, dropout)
            self.rate = tf.Variable(0.0, trainable=False, name="learning_rate")
            head = self._regression(normalised=not folded)
            self.dnn = self.tflearn.DNN(head, tensorboard_verbose=0)
            self.weights = [v for v in tf.global_variables() if _is_weight(v)]

    def _regression(self, normalised: bool) -> Any:
        def loss(_: Any, labels: Any) -> Any:  # each tower learns on its own
            cost = self.tf.nn.softmax_cross_entropy_with_logits
            return self.tf.add_n([self.tf.reduce_mean(cost(labels=labels, logits=t)) for t in self.network.towers])

        optimizer = muon.optimizer(self.rate, normalised)
        probabilities = self.tflearn.activation(self.network.logits, "softmax")
        return self.tflearn.regression(probabilities, optimizer=lambda _: (optimizer, None), loss=loss, metric=None)

    def learn(self, pictures: Bytes, labels: Ints, rate: float) -> float:
        """One step on uint8 (n, 28, 28) pictures and int (n,) labels of 0..10; returns the loss of a tower."""
        with self.graph.as_default():
            self.rate.load(rate, self.dnn.session)
            return float(self.dnn.fit_batch(as_input(pictures), np.eye(CLASSES)[labels])) / len(TOWERS)

    def get(self) -> dict[str, Float]:
        """All weights and moving averages by name."""
        return dict(zip([v.op.name for v in self.weights], self.dnn.session.run(self.weights), strict=True))

    def set(self, values: dict[str, Float]) -> None:
        """Put back what `get` returned."""
        for variable in self.weights:
            variable.load(values[variable.op.name], self.dnn.session)

    def save(self, checkpoint: Path) -> None:
        """Write a TFLearn checkpoint, the optimiser's memory included: three files that begin with this path."""
        with self.graph.as_default():
            self.dnn.save(str(checkpoint))

    def load(self, checkpoint: Path) -> None:
        """Read what `save` wrote."""
        with self.graph.as_default():
            self.dnn.load(str(checkpoint), verbose=False)

    def settle(self, batches: Iterable[Bytes]) -> None:
        """Let batch normalisation see uint8 (n, 28, 28) batches again, as averaged weights need new statistics."""
        with self.graph.as_default():
            self.tflearn.is_training(True, session=self.dnn.session)
            for pictures in batches:
                self.dnn.session.run(self.network.logits, {self.network.picture: as_input(pictures)})
            self.tflearn.is_training(False, session=self.dnn.session)

    def logits(self, pictures: Bytes) -> Float:
        """Score uint8 (n, 28, 28) pictures: float32 (n, CLASSES) logits, dropout off."""
        parts = (pictures[at : at + PART] for at in range(0, len(pictures), PART))
        run = self.dnn.session.run
        return np.concatenate([run(self.network.logits, {self.network.picture: as_input(p)}) for p in parts])


def has_bfloat16() -> bool:
    """Whether Linux says that the processor computes in bfloat16. TensorFlow would emulate it, slowly, or fail."""
    try:
        return bool({"avx512_bf16", "amx_bf16"} & set(Path("/proc/cpuinfo").read_text().split()))
    except OSError:
        return False


def _is_weight(variable: Any) -> bool:
    """Whether a variable is part of a tower: not the optimiser's memory, nor TFLearn's own switch."""
    name = variable.op.name
    return name.startswith("tower") and "Adam" not in name and not name.endswith("is_training")
