"""Trajectories to learn from: digits as the way of the pen, varied as their pictures are, and written in other orders.

steps, labels = Trajectories(strokes, labels).epoch(rng)    # float32 (n, STEPS, NUMBERS), int64 (n,) of 0..10
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from learning.augment import hands, handwriting, strokes
from learning.augment.geometry import matrices
from learning.augment.handwriting import Handwriting, alike
from learning.augment.strokes import Paths, unit
from reading.trajectory import even, told

if TYPE_CHECKING:
    from reading.arrays import Float, Ints

INVENTED = 0.08  # of the digits: so many in invented hands are written besides
FOREIGN = 0.08  # of the digits: so many are spoilt, and no digit any more
# Of the digits: so many have a stroke turned round, or their strokes in another order. Who draws with a mouse, or
# draws what is unusual to them, writes in orders that no writer of the corpora has.
REORDERED = 0.5
LIFTED = 0.15  # of the digits: so many are written with the pen lifted once more, as a touch screen often thinks
TOUCHED = 0.1  # of the digits: a part of so many is drawn once more at the end
OFF = 0.7  # pixels by which such a part misses its place
PEN = np.float32(2)  # pixels: without a pen, digits are placed as for a fine one


def paths(digits: Sequence[Sequence[Float]]) -> Paths:
    """Each digit as STEPS segments, its middle at 0 and its longer side 1."""
    segments, stroke = zip(*(even(unit(list(one))) for one in digits), strict=True)
    return Paths(np.stack(segments).astype(np.float32), np.minimum(stroke, strokes.STROKES - 1).astype(np.int8))


class Trajectories:
    """Makes the trajectories of each epoch."""

    def __init__(self, digits: Sequence[Sequence[Float]], labels: Ints) -> None:
        """Digits as their strokes, (k, 2) points in any unit, y down, and labels (n,) of 0..9."""
        every = paths(digits)
        self.pens = Handwriting(every, labels.astype(np.int64), alike(every, labels))

    def epoch(self, rng: np.random.Generator) -> tuple[Float, Ints]:
        """Each digit once, some of them spoilt, and invented ones, in a new order."""
        count = len(self.pens.labels)
        kinds = [(kind, labels) for _, kind, labels in self.pens.written(np.arange(count), FOREIGN, rng)]
        whole, *spoilt = [(kind, labels) for kind, labels in kinds if len(labels)]
        written = [whole, *((_again(kind), labels) for kind, labels in spoilt)]
        made = [(_varied(kind, handwriting.TURNED, rng), labels) for kind, labels in written]
        invented, labels = hands.write(int(INVENTED * count), rng)
        made.append((_varied(paths(invented), handwriting.HARDLY_TURNED, rng), labels))
        order = rng.permutation(sum(len(labels) for _, labels in made))
        return np.concatenate([seen for seen, _ in made])[order], np.concatenate([labels for _, labels in made])[order]


def as_written(digits: Sequence[Sequence[Float]]) -> Float:
    """Digits that are not varied: float32 (n, STEPS, NUMBERS)."""
    return told(*paths(digits))


def _varied(written: Paths, turned: tuple[float, float, float], rng: np.random.Generator) -> Float:
    n = len(written.stroke)
    pens = np.full(n, PEN)
    segments = strokes.varied(written, matrices(n, *turned, rng), handwriting.LOOSE, pens, rng)
    stroke = written.stroke.astype(int)
    for share, change in ((TOUCHED, touched_up), (LIFTED, lifted), (REORDERED, reordered)):
        for i in np.flatnonzero(rng.random(n) < share):
            segments[i], stroke[i] = change(segments[i], stroke[i], rng)
    return told(segments, stroke)


def touched_up(segments: Float, stroke: Ints, rng: np.random.Generator) -> tuple[Float, Ints]:
    """A digit's segments (s, 2, 2), and which stroke each belongs to (s,), with a part of a stroke drawn once more."""
    first, count = rng.integers(len(segments)), rng.integers(3, 9)
    again = segments[first : first + count][stroke[first : first + count] == stroke[first]] + rng.normal(0, OFF, 2)
    return even([_line(segments[stroke == number]) for number in np.unique(stroke)] + [_line(again)])


def lifted(segments: Float, stroke: Ints, rng: np.random.Generator) -> tuple[Float, Ints]:
    """The same with one stroke in two, or, by chance, as it was."""
    return segments, stroke + (np.arange(len(stroke)) >= rng.integers(len(stroke))) * (stroke.max() + 1)


def reordered(segments: Float, stroke: Ints, rng: np.random.Generator) -> tuple[Float, Ints]:
    """A digit's segments (s, 2, 2) with one stroke turned round, or with its strokes in another order, as likely.

    `stroke` (s,) is which stroke each belongs to; returns it, too, as it is then.
    """
    every = [segments[stroke == number] for number in np.unique(stroke)]
    if len(every) > 1 and rng.random() < 0.5:
        every = [every[at] for at in rng.permutation(len(every))]
    else:
        at = rng.integers(len(every))
        every[at] = every[at][::-1, ::-1]
    return np.concatenate(every), np.repeat(np.arange(len(every)), [len(one) for one in every])


def _again(spoilt: Paths) -> Paths:
    """Spoilt digits, of which some segments are there twice, or which have too many, as STEPS segments again."""
    return paths([_strokes(segments) for segments in spoilt.segments])


def _strokes(segments: Float) -> list[Float]:
    """The strokes (k, 2) that segments (s, 2, 2) are of; those that are there twice count once."""
    _, first = np.unique(segments.reshape(-1, 4), axis=0, return_index=True)
    own = segments[np.sort(first)]
    begins = np.flatnonzero((own[1:, 0] != own[:-1, 1]).any(1)) + 1
    return [_line(one) for one in np.split(own, begins)]


def _line(segments: Float) -> Float:
    """The points (s + 1, 2) of a stroke of segments (s, 2, 2)."""
    return np.concatenate([segments[:, 0], segments[-1:, 1]])
