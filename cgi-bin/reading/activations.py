"""A tower of the CNN at work on one picture: what it sees, makes of it layer by layer, and concludes.

    passed = activations.forward(model, picture, 0)    # the first tower's forward pass of a picture float32 (28, 28)
    passed.maps                                        # its feature maps
    activations.contributions(passed, 4)               # what each channel of its last layer adds to its output for 4
    activations.cell(passed, 2, 17, 5, 6)              # how one value of a feature map came about

It takes the model's exported weights (`convnet`), and nothing of the network's shape is known here. Only asked for on
demand: plain scoring never imports this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from reading import convnet, engines, fields
from reading.errors import NoSuchPart

if TYPE_CHECKING:
    from reading import classifier
    from reading.arrays import Float, Ints
    from reading.convnet import Layer, Network, Tower


class Forward(NamedTuple):
    """A tower's forward pass of one picture."""

    number: int  # of the tower
    tower: Tower
    seen: Float  # float32 (28, 28): the picture in the tower's view
    maps: list[Float]  # of each layer: float32 (h, w, channels), from 0 up
    logits: Float  # float32 (classes,): its outputs


class Cell(NamedTuple):
    """How one value of a feature map came about: values times weights, summed, with the bias; then ReLU."""

    window: Float  # float32 (side, side, channels): the layer's inputs there; 0 beyond the edge
    weights: Float  # float32 (side, side, channels)
    sums: Float  # float32 (channels,): what each channel of the inputs adds
    bias: float
    value: float  # on the map: all sums and the bias, or 0 where that is negative


def forward(model: classifier.Model, picture: Float, number: int) -> Forward:
    """Run a tower of the CNN on a picture float32 (28, 28), 0 paper to 1 ink.

    Raises NoSuchPart, NoModel, BrokenModel.
    """
    towers = _network(model).towers
    check(number, len(towers), "tower", "The network")
    tower = towers[number]
    seen = tower.view(picture[None])
    maps = list(tower.maps(seen))
    outputs = tower.features(maps[-1]) @ tower.kernel + tower.bias
    return Forward(number, tower, seen[0], [layer[0] for layer in maps], outputs[0])


def logits(model: classifier.Model, picture: Float) -> list[Float]:
    """The outputs of each tower for a picture float32 (28, 28): float32 (classes,). Raises NoModel, BrokenModel."""
    return [tower.logits(tower.view(picture[None]))[0] for tower in _network(model).towers]


def contributions(passed: Forward, output: int) -> Float:
    """What each channel of the tower's last layer adds to one of its outputs: float32 (channels,).

    The sum over the channel's places of feature times weight; with the bias, they sum to the output.
    """
    last, head = passed.maps[-1], passed.tower
    products: Float = head.features(last[None])[0] * head.kernel[:, output]
    summed: Float = products.reshape(-1, last.shape[-1]).sum(0)
    return summed


def check(number: int, count: int, what: str, whole: str) -> None:
    """Raise NoSuchPart unless 0 <= number < count."""
    if not 0 <= number < count:
        raise NoSuchPart(f"{whole} has {count} {what}s, counted from 0: there is no {what} {number}.")


def strongest(maps: Float) -> Ints:
    """The channels of feature maps (h, w, channels), that with the brightest spot first."""
    return np.argsort(-maps.max((0, 1)), kind="stable")


def cell(passed: Forward, layer: int, channel: int, row: int, column: int) -> Cell:
    """How the value of a feature map at a row and column came about. Raises NoSuchPart."""
    check(layer, len(passed.maps), "layer", "A tower")
    maps, made = passed.maps[layer], passed.tower.layers[layer]
    height, width, channels = maps.shape
    check(channel, channels, "map", "This layer")
    check(row, height, "row", "A map of this layer")
    check(column, width, "column", "A map of this layer")
    window = _window(_inputs(passed, layer), made, row, column)
    weights = made.kernel[:, channel].reshape(window.shape)
    sums = (window * weights).sum((0, 1))
    return Cell(window, weights, sums, float(made.bias[channel]), float(maps[row, column, channel]))


def _inputs(passed: Forward, layer: int) -> Float:
    """What a layer takes in: float32 (h, w, channels)."""
    if layer == 0:
        return passed.seen[..., None]
    before = passed.maps[layer - 1]
    return convnet.pool(before[None])[0] if passed.tower.layers[layer - 1].pooled else before


def _window(inputs: Float, layer: Layer, row: int, column: int) -> Float:
    """What of a layer's inputs goes into a place of its maps: float32 (side, side, channels); 0 beyond the edge."""
    channels = inputs.shape[-1]
    side, border = fields.side(layer, channels), fields.border(layer, channels)
    framed = np.pad(inputs, ((border, border), (border, border), (0, 0)))
    return framed[row : row + side, column : column + side]


def _network(model: classifier.Model) -> Network:
    """The model's network in numpy, kept for as long as the model is."""
    if model not in _kept:
        _kept[model] = engines.network(model.card)
    return _kept[model]


_kept: WeakKeyDictionary[classifier.Model, Network] = WeakKeyDictionary()
