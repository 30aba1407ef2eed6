"""A scikit-learn model at work: the upright picture, its ink gradients, and what the model makes of them.

    classical.at_work(model, picture, 7)    # what `?explain=network` tells of it, in the form of `inspection.network`

Such a model has no layers. What speaks for a digit is found by occlusion: each square of the upright picture is blanked
in turn, and the picture scored again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading import engines, gradients, telling
from reading.in_json import PLACES, Facts, in_bytes, rounded

if TYPE_CHECKING:
    from reading.arrays import Bools, Float
    from reading.classifier import Model

SQUARE = 4  # pixels a side of what is blanked at a time
VOTES = "votes"  # the name of what a forest's trees vote for
FIELD = {"size": gradients.WINDOW + 2, "step": gradients.STRIDE, "start": -1}  # a filter looks one pixel further


def at_work(model: Model, picture: Float, digit: int) -> Facts:
    """A model at work on a picture float32 (28, 28), 0 paper to 1 ink; {} where the model is none of scikit-learn's."""
    run = model.run
    if not isinstance(run, engines.Onnx):
        return {}
    seen = run.seen(picture[None])[0]
    told = run.told(_blanked(seen))
    scores = told.pop(list(told)[-1])
    parts = [{"name": name, "data": rounded(each[0]), "says": telling.best(each[0])} for name, each in told.items()]
    says, sums = _words(model, scores[0], parts)
    return {
        "digit": digit,
        "seen": in_bytes(seen, 1.0),
        "columns": [_gradients(seen)],
        "evidence": np.round(_fall(seen, scores[:, digit]), 4).tolist(),
        "shares": rounded(scores[0]),
        "parts": parts,
        "says": says,
        "sum": sums,
    }


def _inked(picture: Float) -> Bools:
    """Which squares of a picture have ink: bool (7, 7)."""
    side = len(picture) // SQUARE
    inked: Bools = picture.reshape(side, SQUARE, side, SQUARE).max((1, 3)) > 0
    return inked


def _blanked(picture: Float) -> Float:
    """A picture, and after it the same without one of its squares: float32 (n, 28, 28); blanking paper is left out."""
    pictures = [picture]
    for row, column in np.argwhere(_inked(picture)) * SQUARE:
        pictures.append(picture.copy())
        pictures[-1][row : row + SQUARE, column : column + SQUARE] = 0
    return np.stack(pictures)


def _fall(picture: Float, scores: Float) -> Float:
    """How much a score falls where each square is blanked: float32 (7, 7); `scores` (n,) are those of `_blanked`."""
    inked = _inked(picture)
    fall = np.zeros(inked.shape, np.float32)
    fall[inked] = scores[0] - scores[1:]
    return fall


def _gradients(picture: Float) -> Facts:
    """The ink gradients, as a layer of eight maps."""
    maps = gradients.of(picture[None])[0]
    top = max(float(maps.max()), 1e-6)
    channels, height, width = maps.shape
    note = "It is the mean, over a window of 7 × 7 pixels, of how much more ink a pixel has on that side than opposite."
    return {
        "name": "ink gradients",
        "note": note,
        "height": height,
        "width": width,
        "channels": channels,
        "field": FIELD,
        "top": round(top, PLACES),
        "shown": list(range(channels)),
        "says": [
            telling.brightest(f"more ink {way}", each) for way, each in zip(gradients.DIRECTIONS, maps, strict=True)
        ],
        "maps": in_bytes(maps, top),
    }


def _words(model: Model, scores: Float, parts: list[Facts]) -> tuple[str, str]:
    """What the model and its parts conclude, and what it does, in sentences."""
    says = f"This model sees the picture upright, as ink gradients. It says {telling.best(scores)}."
    names = {VOTES: "the votes of its trees"}
    each = ", ".join(f"{names.get(part['name'], part['name'])}: {part['says']}" for part in parts)
    does = "; ".join(model.card.get("architecture", []))
    return says + (f" Before that, {each}." if each else ""), f"What it does: {does}."
