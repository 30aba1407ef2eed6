"""The CNN in TFLearn: what it is, its inference graph, its checkpoint and its export.

    network(training=True)   with batch normalisation and dropout, trained by `train.py`
    network(training=False)  the same layers with the normalisation folded into the convolutions

Batch normalisation and dropout are switched by `tf.cond`, which the converters refuse; so the trained weights
are folded (`fold`), loaded into the second graph (`Inference`), and that one is saved as the checkpoint in `models/`
and exported to LiteRT. `learning/cnn/training.py` runs the first one. Only training imports this module: what is
served is run by LiteRT, or by numpy alone (`reading/convnet.py`).
"""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reading.deskew import STEEPEST
from reading.engines import silent_stderr

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float

# TensorFlow tells pages that concern nobody who trains: from its C++ parts only what is fatal, from Python errors.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel(logging.ERROR)

CLASSES = 11  # ten digits and, last, "not a digit"
# Networks side by side whose logits are averaged, an ensemble in one file, and how each sees the picture (`_views`).
# Other views are wrong about other digits, so that one network each is better than as many that see the same.
TOWERS = ("as it is", "upright")
# One row a convolution, all 3x3 with ReLU: channels, padding, and whether pooling to half the size follows. Pooling
# right after the first one makes all that follows four times cheaper, and costs no accuracy.
LAYERS = [
    (32, "same", True),
    (64, "same", False),
    (96, "same", True),
    (128, "same", False),
    (128, "valid", False),
]
EPSILON = 1e-5  # of batch normalisation, TFLearn's own default
PART = 500  # pictures scored at once: bounds the memory
FRESH = 0.1  # what a batch counts in the moving averages of batch normalisation, TFLearn's own default


def import_tflearn() -> Any:
    """TFLearn 0.5.0 on today's TensorFlow, with the two names put back that it misses there.

    `tensorflow.python.util.nest.is_sequence` is now `is_nested`, `PIL.Image.ANTIALIAS` is now `LANCZOS`.
    """
    import PIL.Image

    with silent_stderr():  # what C++ code tells before it knows its log level
        from tensorflow.python.util import nest

    nest.is_sequence = getattr(nest, "is_sequence", nest.is_nested)
    if not hasattr(PIL.Image, "ANTIALIAS"):
        PIL.Image.ANTIALIAS = PIL.Image.LANCZOS  # type: ignore[attr-defined]
    import tflearn

    return tflearn


class Network(NamedTuple):
    """The tensors of one graph: float32, n pictures."""

    # Any: TensorFlow has no types.
    picture: Any  # (n, 28, 28, 1) in 0..1, ink is 1
    towers: list[Any]  # logits (n, CLASSES) of each tower
    logits: Any  # (n, CLASSES), their mean


def network(training: bool, dropout: float = 0.0) -> Network:
    """Define the network in the default graph.

    `training` adds batch normalisation, and dropout of that share of the last features.
    """
    tflearn = import_tflearn()
    picture = tflearn.input_data([None, 28, 28, 1], name="picture")
    views = _views(picture)
    logits = [_tower(tflearn, views[view], f"tower{i}", training, dropout) for i, view in enumerate(TOWERS)]
    return Network(picture, logits, sum(logits) / len(logits))


def _views(picture: Any) -> dict[str, Any]:
    """What the towers may look at: part of the graph, so that whoever runs the network need not know of it."""
    return {"as it is": picture, "upright": upright(picture)}


def upright(picture: Any) -> Any:
    """Each picture, float32 (n, 28, 28, 1), with its ink in the middle and upright: `deskew.py` as part of the graph.

    Row i and column j are, by bilinear interpolation, row y and column x of the picture, where
    y = middle_y + i - 13.5  and  x = middle_x + j - 13.5 + slant * (i - 13.5).
    """
    import tensorflow.compat.v1 as tf

    ink, pixels = picture[..., 0], tf.range(28.0)
    middle_x, middle_y, slant = _moments(tf, ink, pixels)
    away = pixels - 13.5
    rows = tf.matmul(_nearness(tf, middle_y + away, pixels), ink)
    x = (middle_x + away)[:, None] + (slant * away)[..., None]
    return tf.reduce_sum(_nearness(tf, x, pixels) * rows[:, :, None], 3)[..., None]


def _moments(tf: Any, ink: Any, pixels: Any) -> tuple[Any, Any, Any]:
    """Middle of (n, 28, 28) ink across and down, and its slant, (n, 1) each; zeros without ink."""
    mass = tf.reduce_sum(ink, [1, 2])[:, None] + 1e-6
    across, down = tf.reduce_sum(ink, 1) / mass, tf.reduce_sum(ink, 2) / mass
    middle_x, middle_y = (tf.reduce_sum(part * pixels, 1, keepdims=True) for part in (across, down))
    x, y = pixels - middle_x, pixels - middle_y
    variance = tf.reduce_sum(down * y**2, 1, keepdims=True)
    covariance = tf.reduce_sum(tf.reduce_sum(ink * x[:, None], 2) * y, 1, keepdims=True) / mass
    return middle_x, middle_y, tf.clip_by_value(covariance / tf.maximum(variance, 0.5), -STEEPEST, STEEPEST)


def _nearness(tf: Any, at: Any, pixels: Any) -> Any:
    """Weights of bilinear interpolation: how much each pixel of a line of 28 counts at (...,) points, (..., 28)."""
    return tf.nn.relu(1 - tf.abs(at[..., None] - pixels))


def _tower(tflearn: Any, picture: Any, name: str, training: bool, dropout: float) -> Any:
    net = picture
    for i, (channels, padding, pooled) in enumerate(LAYERS):
        net = _convolution(tflearn, net, channels, padding, f"{name}_conv{i}", training)
        if pooled:
            net = pool(tflearn, net)
    net = tflearn.flatten(net)
    if training:
        net = tflearn.dropout(net, 1 - dropout)  # TFLearn asks for the share to keep
    return tflearn.fully_connected(net, CLASSES, scope=f"{name}_out")


def pool(tflearn: Any, net: Any) -> Any:
    """Half the height and width: the greatest of each 2x2 window, then the mean of each four of those.

    Antialiased (Zhang, "Making convolutional networks shift-invariant again", 2019): what 2x2 max pooling alone makes
    of a stroke depends on whether it lies in an odd or an even column.
    """
    return tflearn.avg_pool_2d(tflearn.max_pool_2d(net, 2, strides=1), 2)


def _convolution(tflearn: Any, net: Any, channels: int, padding: str, scope: str, training: bool) -> Any:
    net = tflearn.conv_2d(net, channels, 3, padding=padding, bias=not training, scope=scope)
    if training:
        net = _normalize(tflearn, net, f"{scope}_norm")
    return tflearn.relu(net)


def _normalize(tflearn: Any, net: Any, scope: str) -> Any:
    """Batch normalisation (Ioffe and Szegedy, 2015) with TFLearn's variables and switch, in one operation.

    `tflearn.batch_normalization` is made of ten, each of which goes through the whole feature map again.
    """
    import tensorflow.compat.v1 as tf

    with tf.variable_scope(scope):
        made = partial(tflearn.variables.variable, shape=[net.shape[-1]])
        beta, gamma = made("beta", initializer="zeros"), made("gamma", initializer=tf.ones_initializer())
        mean = made("moving_mean", initializer="zeros", trainable=False)
        variance = made("moving_variance", initializer=tf.ones_initializer(), trainable=False)

    def learning() -> Any:
        normal, *seen = tf.nn.fused_batch_norm(net, gamma, beta, epsilon=EPSILON)
        moved = [old.assign_add((new - old) * FRESH) for old, new in zip((mean, variance), seen, strict=True)]
        with tf.control_dependencies(moved):
            return tf.identity(normal)

    def reading() -> Any:
        return tf.nn.fused_batch_norm(net, gamma, beta, mean, variance, epsilon=EPSILON, is_training=False)[0]

    return tf.cond(tflearn.get_training_mode(), learning, reading)


def as_input(pictures: Bytes) -> Float:
    """uint8 (n, 28, 28) of 0..255 as the network's float32 (n, 28, 28, 1) of 0..1."""
    return pictures[..., None].astype(np.float32) / 255


def fold(weights: dict[str, Float]) -> dict[str, Float]:
    """Weights of the inference graph from those of the training graph: normalisation becomes scale and bias.

    gamma * (conv(x) - mean) / sqrt(variance + EPSILON) + beta  =  conv(x) with weights W * s and bias beta - mean * s,
    s = gamma / sqrt(variance + EPSILON); s acts on W's last axis, the output channels.
    """
    folded = {name: value for name, value in weights.items() if "_out/" in name}
    for name in (name[:-2] for name in weights if name.endswith("/W") and "_conv" in name):
        norm = {part: weights[f"{name}_norm/{part}"] for part in ("beta", "gamma", "moving_mean", "moving_variance")}
        scale = norm["gamma"] / np.sqrt(norm["moving_variance"] + EPSILON)
        folded[f"{name}/W"] = weights[f"{name}/W"] * scale
        folded[f"{name}/b"] = norm["beta"] - norm["moving_mean"] * scale
    return folded


class Inference:
    """The inference graph in a session of its own: probabilities at a temperature, checkpoint, export."""

    def __init__(self, temperature: float = 1.0) -> None:
        self.tflearn = import_tflearn()
        import tensorflow.compat.v1 as tf

        self.tf, self.graph = tf, tf.Graph()
        with self.graph.as_default():
            self.network = network(training=False)
            self.probabilities = self.tflearn.activation(self.network.logits / temperature, "softmax")
            self.dnn = self.tflearn.DNN(self.probabilities)

    def set(self, folded: dict[str, Float]) -> None:
        """Take the weights that `fold` made."""
        with self.graph.as_default():
            for variable in self.tf.trainable_variables():
                variable.load(folded[variable.op.name], self.dnn.session)

    def get(self) -> dict[str, Float]:
        """The folded weights by name."""
        with self.graph.as_default():
            variables = self.tf.trainable_variables()
        return dict(zip([v.op.name for v in variables], self.dnn.session.run(variables), strict=True))

    def parameters(self) -> int:
        """How many numbers were learnt."""
        with self.graph.as_default():
            return sum(int(np.prod(v.shape)) for v in self.tf.trainable_variables())

    def load(self, checkpoint: Path | str) -> None:
        """Read a TFLearn checkpoint (the path without its endings)."""
        with self.graph.as_default():
            self.dnn.load(str(checkpoint), weights_only=True, verbose=False)

    def save(self, checkpoint: Path) -> None:
        """Write a TFLearn checkpoint: three files that begin with this path."""
        with self.graph.as_default():
            self.dnn.save(str(checkpoint))

    def score(self, pictures: Float) -> Float:
        """Score float32 (n, 28, 28) pictures of 0..1: float32 (n, CLASSES) probabilities."""
        parts = (pictures[at : at + PART, ..., None] for at in range(0, len(pictures), PART))
        return np.concatenate([np.asarray(self.dnn.predict(part), np.float32) for part in parts])

    def export(self) -> bytes:
        """The network for LiteRT: float32 (n, 28, 28, 1) in, (n, CLASSES) probabilities out."""
        given, got = [self.network.picture], [self.probabilities]
        exported: bytes = self.tf.lite.TFLiteConverter.from_session(self.dnn.session, given, got).convert()
        return exported
