"""Why a model answered as it did: what spoke for a digit and what against it, and a look inside the CNN.

    explain.evidence(model, picture, 4)    # float32 (28, 28): an occlusion map, where the ink spoke for a four
    explain.layers(model, picture)         # the CNN's feature maps, layer by layer

Both take a picture as `preprocess` returns it. Only asked for on demand: plain scoring never imports this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reading import cards, classifier, engines
from reading.errors import BrokenModel, NotADigit
from reading.normalising import SIDE

if TYPE_CHECKING:
    from reading.arrays import Bools, Float

PATCH = 4  # pixels a side of what is blanked at a time: a little more than a stroke is wide
STRIDE = 2  # pixels from one patch to the next


class Layer(NamedTuple):
    """The feature maps of one convolution."""

    name: str
    note: str  # a sentence on how to read the maps
    maps: Float  # float32 (channels, h, w), 0 to 1, the layer's brightest spot is 1


def evidence(model: classifier.Model, picture: Float, digit: int) -> Float:
    """How much the digit's score falls where the picture is blanked: float32 (28, 28), -1..1.

    Positive spoke for the digit, negative against it. Patches are blanked one at a time and scored in one batch;
    each pixel has the mean over the patches that cover it. (Occlusion: Zeiler and Fergus, "Visualizing and
    understanding convolutional networks", 2014.) Raises NotADigit for a digit that is none.
    """
    if digit not in range(10):
        raise NotADigit("Only digits from 0 to 9 can be explained.")
    covers = _patches()
    covers = covers[(covers & (picture > 0)).any((1, 2))]  # blanking paper changes nothing
    scores = model.score(np.concatenate([picture[None], np.where(covers, 0, picture)])).data[:, digit]
    fall = scores[0] - scores[1:]
    covered = np.maximum(covers.sum(0), 1)
    mean: Float = (np.einsum("p,pyx->yx", fall, covers) / covered).astype(np.float32)
    return mean


def _patches() -> Bools:
    """Squares of PATCH pixels, STRIDE apart, that cover the picture: bool (n, 28, 28)."""
    starts = np.arange(0, SIDE - PATCH + 1, STRIDE)
    along = (np.arange(SIDE) >= starts[:, None]) & (np.arange(SIDE) < starts[:, None] + PATCH)
    return (along[:, None, :, None] & along[None, :, None, :]).reshape(-1, SIDE, SIDE)


def layers(model: classifier.Model, picture: Float) -> list[Layer]:
    """The feature maps of a picture float32 (28, 28), input side first; none if the model has no weights for numpy.

    Raises NoModel, BrokenModel.
    """
    if not cards.has_weights(model.card):
        return []
    notes, maps = model.card.get("layers", []), engines.network(model.card).maps(picture)
    if len(maps) != len(notes):
        name = model.card["name"]
        raise BrokenModel(
            f"The card {name}.json describes {len(notes)} of {len(maps)} layers. {cards.train_again(name)}"
        )
    return [_layer(note, one) for note, one in zip(notes, maps, strict=True)]


def _layer(note: dict[str, Any], maps: Float) -> Layer:
    brightest = max(float(maps.max()), 1e-6)
    return Layer(note["name"], note["note"], np.clip(maps / brightest, 0, 1).transpose(2, 0, 1))
