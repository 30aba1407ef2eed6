"""Receptive fields: which pixels of the picture a place on a feature map depends on.

    field = fields.of(tower)[-1]             # of the last layer
    field.start + field.step * row           # the first row of pixels that a row of its maps depends on
    field.size                               # and how many rows it depends on

(Araujo et al., "Computing receptive fields of convolutional neural networks", 2019.)
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

from reading.convnet import POOLED_FROM, POOLED_STEP

if TYPE_CHECKING:
    from reading.convnet import Layer, Tower


class Field(NamedTuple):
    """The receptive fields of a layer in pixels, the same down and across."""

    size: int  # pixels a side
    step: int  # from the field of one place to that of the next
    start: int  # where the first field begins; below 0 where a border of zeros is added

    def after(self, side: int, border: int, step: int = 1) -> Field:
        """The fields of what windows of so many values a side, `step` apart, make of values with these fields."""
        return Field(self.size + (side - 1) * self.step, self.step * step, self.start - border * self.step)


def of(tower: Tower) -> list[Field]:
    """The receptive fields of each layer's feature maps, before they are pooled."""
    field, channels, found = Field(1, 1, 0), 1, []
    for layer in tower.layers:
        field = field.after(side(layer, channels), border(layer, channels))
        found.append(field)
        if layer.pooled:
            field = field.after(POOLED_FROM, 0, POOLED_STEP)
        channels = len(layer.bias)
    return found


def side(layer: Layer, channels: int) -> int:
    """Values a side of a layer's windows, of inputs with so many channels: 3 for a 3x3 convolution."""
    return isqrt(len(layer.kernel) // channels)


def border(layer: Layer, channels: int) -> int:
    """Zeros that a layer adds on each side of inputs with so many channels."""
    return side(layer, channels) // 2 if layer.same else 0
