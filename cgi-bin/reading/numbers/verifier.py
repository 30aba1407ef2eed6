"""The verifier: how likely a candidate is one digit, all of it and nothing else, from its ink and the ink around it.

Half of a digit often looks like another digit, and only what is next to it tells (Oliveira et al., "Automatic
recognition of handwritten numerical strings: a recognition and verification strategy", 2002). It is a small
convolutional network of its own, for all models, and runs in numpy alone as `convnet.py` does.
`benchmarks/whole_numbers.py --fit-verifier` trains it on train strokes, and writes `verifier.npz`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from reading.convnet import Layer, convolution, pool, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Float
    from reading.numbers.pieces import Piece

FILE = Path(__file__).with_name("verifier.npz")
FINE = 12  # cells for the row's height
HIGH, WIDE = 20, 28  # cells of a view
PART = 64  # views at once: bounds the memory


class Network(NamedTuple):
    """Convolutions, of which all but the last are pooled, and a fully connected layer."""

    layers: list[Layer]
    kernel: Float  # float32 (features, 2), of the fully connected layer
    bias: Float  # float32 (2,)

    def whole(self, seen: Float) -> Float:
        """The probability (n,) that views (n, HIGH, WIDE, 2) show whole digits."""
        for layer in self.layers:
            seen = convolution(seen, layer)
            if layer.pooled:
                seen = pool(seen)
        probable: Float = softmax(seen.reshape(len(seen), -1) @ self.kernel + self.bias)[:, 1]
        return probable


@cache
def load() -> Network:
    """The network in the file, read once."""
    with np.load(FILE) as file:
        values = {name: file[name].astype(np.float32) for name in file.files}
    count = sum(name.endswith("/W") for name in values) - 1
    layers = [
        Layer(values[f"conv{at}/W"], values[f"conv{at}/b"], same=True, pooled=at < count - 1) for at in range(count)
    ]
    return Network(layers, values["out/W"], values["out/b"])


def whole(candidates: Sequence[Piece], around: Piece, height: float) -> Float:
    """How likely each candidate is one whole digit: float (n,), 0 to 1.

    `around` is all ink of their row, which is `height` pixels high.
    """
    parts = (candidates[at : at + PART] for at in range(0, len(candidates), PART))
    return np.concatenate([load().whole(views(part, around, height)) for part in parts])


def views(candidates: Sequence[Piece], around: Piece, height: float) -> Float:
    """What is seen of candidates: float32 (n, HIGH, WIDE, 2), their own ink, and all other ink around them."""
    step = height / FINE
    margin = int(np.ceil(WIDE * step))
    canvas = Image.fromarray(np.pad(around.ink, margin))
    made = np.empty((len(candidates), HIGH, WIDE, 2), np.float32)
    for view, one in zip(made, candidates, strict=True):
        left = one.left + one.width / 2 - WIDE * step / 2
        top = one.top + one.height / 2 - HIGH * step / 2
        own = Image.new("F", (int(WIDE * step) + 1, int(HIGH * step) + 1))
        own.paste(Image.fromarray(one.ink), (round(one.left - left), round(one.top - top)))
        view[..., 0] = _cells(own, 0, 0, step)
        every = _cells(canvas, left - around.left + margin, top - around.top + margin, step)
        view[..., 1] = np.maximum(every - view[..., 0], 0)
    return made


def _cells(ink: Image.Image, left: float, top: float, step: float) -> Float:
    """Ink averaged in HIGH rows of WIDE square cells, whose sides are `step` pixels: float32 (HIGH, WIDE)."""
    box = (left, top, left + WIDE * step, top + HIGH * step)
    return np.asarray(ink.resize((WIDE, HIGH), Image.Resampling.BOX, box))
