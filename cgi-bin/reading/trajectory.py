"""The trajectory network: it reads a digit from the way of the pen, where its strokes are known, beside the picture.

    network = trajectory.load()                           # None where there is none
    network.score(np.stack([steps(strokes), ...]))        # float32 (n, 11)

In which order and direction a digit was written tells apart what looks alike: a nine whose loop stays open from a
three, a seven with a loop at its foot from a two. Pictures and trajectories are misread in different digits, so that
both together are right more often than either (Alimoglu and Alpaydin, "Combining multiple representations and
classifiers for pen-based handwritten digit recognition", 1997). `train.py -M trajectory` trains it.
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading import cards
from reading.convnet import softmax
from reading.errors import BrokenModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reading.arrays import Float, Ints

FILE = cards.TRAJECTORY
DAMAGED = f"The file {FILE} is damaged. {cards.train_again('trajectory')}"
STEPS = 32  # line segments of a digit
MOST_STROKES = 8  # of a digit; what has more is read from its picture alone
KERNEL = 5  # steps that a convolution sees at a time
NUMBERS = 6  # that tell of a step, as `told` has them
ASTRAY = 0.01  # how often a trajectory tells nothing: written in an order that nobody else writes in, or touched up


class Layer(NamedTuple):
    """A convolution along the steps, with ReLU."""

    kernel: Float  # float32 (KERNEL * numbers in, numbers out)
    bias: Float  # float32 (numbers out,)


class Network(NamedTuple):
    """Convolutions, of which all but the last are pooled, and a fully connected layer; threads may share it."""

    layers: list[Layer]
    kernel: Float  # float32 (features, 11)
    bias: Float  # float32 (11,)

    def score(self, seen: Float) -> Float:
        """Probabilities float32 (n, 11), the last of what is no digit, of trajectories float32 (n, STEPS, NUMBERS)."""
        for at, layer in enumerate(self.layers):
            seen = _convolution(seen, layer)
            if at < len(self.layers) - 1:
                seen = np.maximum(seen[:, ::2], seen[:, 1::2])
        probable: Float = softmax(seen.reshape(len(seen), -1) @ self.kernel + self.bias)
        return probable

    def reads(self, strokes: Sequence[Float]) -> bool:
        """Whether the way of the pen is known, and may be that of a digit."""
        return 0 < len(strokes) <= MOST_STROKES

    def heard(self, outputs: Float, written: Sequence[Sequence[Float]]) -> Float:
        """Outputs (n, 11) of a model, joined with what this says of those of n pictures whose strokes it reads.

        `written` has the strokes of each picture, (k, 2) points in any unit, x, y down; none where they are not known.
        """
        known = [at for at, strokes in enumerate(written) if self.reads(strokes)]
        if not known or outputs.shape[1] != len(self.bias):
            return outputs
        both: Float = outputs.copy()
        both[known] = joined(outputs[known], self.score(np.stack([steps(written[at]) for at in known])))
        return both


def _convolution(seen: Float, layer: Layer) -> Float:
    """(n, steps, numbers in) -> (n, steps, numbers out), with zeros before the first step and after the last one."""
    n, steps, _ = seen.shape
    around = np.pad(seen, ((0, 0), (KERNEL // 2, KERNEL // 2), (0, 0)))
    windows = np.concatenate([around[:, at : at + steps] for at in range(KERNEL)], 2)
    sums: Float = windows.reshape(n * steps, -1) @ layer.kernel + layer.bias
    np.maximum(sums, 0, out=sums)
    return sums.reshape(n, steps, len(layer.bias))


def joined(picture: Float, way: Float) -> Float:
    """What picture and trajectory say together: probabilities (n, 11) of both, averaged as logits are.

    That is their geometric mean. A trajectory alone rules nothing out (ASTRAY).
    """
    together = np.sqrt(picture * ((1 - ASTRAY) * way + ASTRAY / way.shape[1]))
    return np.asarray(together / together.sum(1, keepdims=True), np.float32)


# --- what the network sees ---


def steps(strokes: Sequence[Float]) -> Float:
    """What the network sees of a digit: float32 (STEPS, NUMBERS), of strokes (k, 2) in any unit, x, y down."""
    segments, number = even(strokes)
    seen: Float = told(segments[None], number[None])[0]
    return seen


def even(strokes: Sequence[Float]) -> tuple[Float, Ints]:
    """Strokes (k, 2) as STEPS segments about as long as each other: float (STEPS, 2, 2), and which stroke (STEPS,).

    Of more strokes than STEPS the first ones.
    """
    strokes = strokes[:STEPS]
    along = [_way(points) for points in strokes]
    length = np.array([way[-1] for way in along])
    share = length / max(length.sum(), 1e-9)
    parts = np.maximum(1, (share * (STEPS - len(strokes))).astype(int))  # none will have fewer
    for _ in range(STEPS - parts.sum()):
        parts[(length / parts).argmax()] += 1
    ends = [_at(*each) for each in zip(strokes, along, parts, strict=True)]
    segments: Float = np.concatenate([np.stack([each[:-1], each[1:]], 1) for each in ends])
    return segments, np.repeat(range(len(parts)), parts)


def _way(points: Float) -> Float:
    """How far each of (k, 2) points is from the first one, along the line: float (k,)."""
    return np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])


def _at(points: Float, way: Float, parts: int) -> Float:
    """The ends of so many equal parts of a line through (k, 2) points: float (parts + 1, 2)."""
    places = np.linspace(0, way[-1], parts + 1)
    return np.stack([np.interp(places, way, points[:, axis]) for axis in (0, 1)], 1)


def told(segments: Float, stroke: Ints) -> Float:
    """What tells of each step of n digits: float32 (n, STEPS, NUMBERS).

    Of (n, STEPS, 2, 2) segments its middle x and y, -1..1 along the digit's longer side, its direction as a unit
    vector, and its length; of the stroke's number (n, STEPS) whether a stroke begins here.
    """
    low, high = segments.min((1, 2)), segments.max((1, 2))
    longer = np.maximum((high - low).max(1), 1e-6)[:, None, None]
    middle = (segments.mean(2) - ((low + high) / 2)[:, None]) * 2 / longer
    along = (segments[:, :, 1] - segments[:, :, 0]) / longer
    length = np.hypot(along[..., 0], along[..., 1])[..., None]
    begins = np.diff(stroke, axis=1, prepend=-1)[..., None] != 0
    every: Float = np.concatenate([middle, along / np.maximum(length, 1e-4), 8 * length, begins], 2, dtype=np.float32)
    return every


# --- where the weights come from ---


def load() -> Network | None:
    """The network in the folder of the models; None where there is none. Raises BrokenModel."""
    try:
        with open(f"{cards.MODELS}/{FILE}", "rb") as file:
            return parsed(file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BrokenModel(f"The file {FILE} can't be read: {error.strerror}.") from error


def parsed(data: bytes) -> Network:
    """The network in the bytes of its file: a line of JSON, and weights float16, little endian. Raises BrokenModel.

    Layer by layer from the first one: kernel, bias. The JSON has "channels" of the convolutions, "sha256" of the
    weights, and what the network learnt from.
    """
    head, _, weights = data.partition(b"\n")
    try:
        facts = json.loads(head)
        if hashlib.sha256(weights).hexdigest() != facts["sha256"]:
            raise BrokenModel(DAMAGED)
        *layers, last = _layers(weights, [NUMBERS, *facts["channels"]])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BrokenModel(DAMAGED) from error
    return Network(layers, *last)


def _layers(weights: bytes, sizes: Sequence[int]) -> Iterator[Layer]:
    """The convolutions between so many numbers a step, and the fully connected layer. Raises ValueError."""
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError
    shapes = [(KERNEL * before, after) for before, after in pairwise(sizes)]
    shapes.append((STEPS // 2 ** (len(shapes) - 1) * sizes[-1], cards.DIGITS + 1))
    ends = np.cumsum([(rows * columns, columns) for rows, columns in shapes])
    values = np.frombuffer(weights, "<f2", ends[-1]).astype(np.float32)
    every = np.split(values, ends[:-1])
    for shape, kernel, bias in zip(shapes, every[::2], every[1::2], strict=True):
        yield Layer(kernel.reshape(shape), bias)
