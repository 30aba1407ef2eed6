"""Why a model answered as it did: what spoke for a digit and what against it.

    explain.evidence(model, picture, 4)    # float32 (28, 28): an occlusion map, where the ink spoke for a four

It takes a picture as `preprocess` returns it. Only asked for on demand: plain scoring never imports this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading.errors import NotADigit
from reading.normalising import SIDE

if TYPE_CHECKING:
    from reading import classifier
    from reading.arrays import Bools, Float

PATCH = 4  # pixels a side of what is blanked at a time: a little more than a stroke is wide
STRIDE = 2  # pixels from one patch to the next


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
