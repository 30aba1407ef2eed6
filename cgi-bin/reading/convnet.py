"""The convolutional network in numpy alone: it answers where LiteRT is not installed, and shows its layers.

    network = convnet.build(card, weights)    # the model's card, and the bytes of the file of weights that it names
    network.score(pictures)                   # float32 (n, 28, 28), 0 paper to 1 ink -> probabilities (n, 11)

A picture goes through several towers side by side. A tower is a small convolutional network that sees the picture in
its own view. The outputs of all towers (logits) are averaged, and softmax makes probabilities of them. The card says
what the network is made of and where in the file each tensor lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reading.views import VIEWS

if TYPE_CHECKING:
    from reading.arrays import Float

POOLED_FROM, POOLED_STEP = 3, 2  # values a side that one after `pool` comes from, and from there to those of the next
PART = 8  # pictures at once: their windows, 5 MB at most, stay near the processor, and memory is bounded


class Layer(NamedTuple):
    """A 3x3 convolution with ReLU, and pooling."""

    kernel: Float  # float32 (3 * 3 * channels in, channels out)
    bias: Float  # float32 (channels out,)
    same: bool  # whether a border of zeros keeps height and width as they are
    pooled: bool  # whether pooling to half the height and width follows


class Tower(NamedTuple):
    """One of the networks side by side."""

    view: Callable[[Float], Float]  # how it sees pictures (n, 28, 28)
    layers: list[Layer]
    kernel: Float  # float32 (features, classes), of the fully connected layer
    bias: Float  # float32 (classes,)

    def maps(self, seen: Float) -> Iterator[Float]:
        """The feature maps after each convolution, (n, h, w, channels), of pictures (n, 28, 28) in this view."""
        net = seen[..., None]
        for layer in self.layers:
            net = convolution(net, layer)
            yield net
            if layer.pooled:
                net = pool(net)

    def logits(self, seen: Float) -> Float:
        """The outputs (n, classes) for pictures (n, 28, 28) in this view."""
        *_, last = self.maps(seen)
        logits: Float = self.features(last) @ self.kernel + self.bias
        return logits

    def features(self, last: Float) -> Float:
        """What the fully connected layer takes in, (n, features), of the last layer's maps, which are not pooled."""
        return last.reshape(len(last), -1)


class Network(NamedTuple):
    """Towers side by side; may be shared between threads."""

    towers: list[Tower]
    temperature: float  # calibrates the probabilities (Guo et al., "On calibration of modern neural networks", 2017)

    def score(self, pictures: Float) -> Float:
        """Probabilities float32 (n, classes), rows sum to 1, of pictures float32 (n, 28, 28), n > 0."""
        parts = (pictures[start : start + PART] for start in range(0, len(pictures), PART))
        return np.concatenate([softmax(self._logits(part) / np.float32(self.temperature)) for part in parts])

    def _logits(self, pictures: Float) -> Float:
        seen = {view: view(pictures) for view in {tower.view for tower in self.towers}}
        logits: Float = np.mean([tower.logits(seen[tower.view]) for tower in self.towers], axis=0)
        return logits


# --- what layers do ---


def convolution(net: Float, layer: Layer) -> Float:
    """3x3 convolution and ReLU: (n, h, w, channels in) -> (n, h - 2, w - 2, channels out); h and w with `same`.

    Each window of 3x3 pixels is copied to a row of a matrix; then one matrix product is the whole convolution
    (Chellapilla et al., "High performance convolutional neural networks for document processing", 2006).
    """
    if layer.same:
        net = _framed(net)
    found = windows(net)
    n, h, w = found.shape[:3]
    sums: Float = found.reshape(n * h * w, len(layer.kernel)) @ layer.kernel
    sums += layer.bias
    np.maximum(sums, 0, out=sums)
    return sums.reshape(n, h, w, -1)


def windows(net: Float) -> Float:
    """All 3x3 windows of (n, h, w, c), as a view (n, h - 2, w - 2, 3, 3 * c): nothing is copied.

    Pixels side by side are side by side in memory, too: a row of a window is one run of 3 * c numbers.
    """
    net = np.ascontiguousarray(net)
    n, h, w, c = net.shape
    picture, row, pixel, _ = net.strides  # bytes from one to the next
    shape, steps = (n, h - 2, w - 2, 3, 3 * c), (picture, row, pixel, row, net.itemsize)
    found: Float = np.ndarray(shape, net.dtype, net, 0, steps)
    return found


def _framed(net: Float) -> Float:
    """(n, h, w, c) with a border of zeros: (n, h + 2, w + 2, c)."""
    n, h, w, c = net.shape
    framed = np.zeros((n, h + 2, w + 2, c), net.dtype)
    framed[:, 1:-1, 1:-1] = net
    return framed


def pool(net: Float) -> Float:
    """Half of an even height and width: the greatest of each 2x2 window, then the mean of each four of those.

    Antialiased (Zhang, "Making convolutional networks shift-invariant again", 2019). The windows overlap; at the right
    and lower edge a window is cut off.
    """
    tall = net.copy()
    np.maximum(net[:, :-1], net[:, 1:], out=tall[:, :-1])
    wide = tall.copy()
    np.maximum(tall[:, :, :-1], tall[:, :, 1:], out=wide[:, :, :-1])
    rows = wide[:, ::2] + wide[:, 1::2]
    means: Float = (rows[:, :, ::2] + rows[:, :, 1::2]) / 4
    return means


def softmax(logits: Float) -> Float:
    """Probabilities (n, classes), rows sum to 1, of logits (n, classes)."""
    powers: Float = np.exp(logits - logits.max(1, keepdims=True))
    powers /= powers.sum(1, keepdims=True)
    return powers


# --- where the weights come from ---


def build(card: dict[str, Any], weights: bytes) -> Network:
    """The network that the card describes, with weights float32, little endian.

    Raises KeyError, TypeError or ValueError if card and weights don't fit together.
    """
    towers = enumerate(card["network"]["towers"])
    return Network([_tower(card, weights, f"tower{i}", view) for i, view in towers], float(card["temperature"]))


def _tower(card: dict[str, Any], weights: bytes, name: str, view: str) -> Tower:
    def tensor(part: str, *shape: int) -> Float:
        offset = card["weights"]["offsets"][f"{name}_{part}"]
        return np.frombuffer(weights, "<f4", int(np.prod(shape)), offset).astype(np.float32).reshape(shape)

    layers, before = [], 1
    for i, layer in enumerate(card["network"]["layers"]):
        after, same = layer["channels"], {"same": True, "valid": False}[layer["padding"]]
        kernel, bias = tensor(f"conv{i}/W", 9 * before, after), tensor(f"conv{i}/b", after)
        layers.append(Layer(kernel, bias, same, layer["pooled"]))
        before = after
    features, classes = card["network"]["features"], card["network"]["classes"]
    return Tower(VIEWS[view], layers, tensor("out/W", features, classes), tensor("out/b", classes))
