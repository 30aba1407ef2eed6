"""Real and invented pen strokes as pictures to learn from: digits, and what is left or made of digits but is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from learning.augment import hands, strokes
from learning.augment.geometry import matrices
from learning.augment.not_digits import NOT_A_DIGIT
from learning.augment.strokes import SEGMENTS, Paths

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints

TURNED = 24.0, 0.45, 0.5  # degrees, and shares: how far a digit is turned, slanted and stretched
# The same of invented hands: a one whose long flag is turned until it is level is a seven.
HARDLY_TURNED = 9.0, 0.2, 0.25
LOOSE = 0.035  # of its size: how far a stroke strays on its own
LIKE = 8  # of the same digit, alike in shape, that each may be blended with
SPREAD = 5  # every so many of the nearest: the very nearest are by the same writer
BLEND = (-0.3, 0.6)  # how far towards another one, half of the time: below 0 is away from it
PAIRED, PIECE = (
    0.6,
    0.25,
)  # of what is no digit: two or three side by side, a part of one; else one without its last stroke
UNFINISHED = (2, 3, 4, 5, 6, 8, 9)  # digits that a stroke makes what they are: a seven without its bar is one still


class Handwriting(NamedTuple):
    """Digits as strokes, with their labels."""

    paths: Paths
    labels: Ints  # int64 (n,) of 0..9
    like: Ints  # int64 (n, LIKE): those that each may be blended with

    @classmethod
    def of(cls, digits: Sequence[Sequence[Float]], labels: Ints) -> Handwriting:
        """From each digit's strokes, (k, 2) points in any unit, y down, and labels (n,) of 0..9."""
        paths = strokes.polylines(digits)
        return cls(paths, labels.astype(np.int64), alike(paths, labels))

    def draw(self, chosen: Ints, foreign: float, rng: np.random.Generator) -> tuple[Float, Ints]:
        """The digits with these numbers, float32 (n, 28, 28), and labels of 0..10; a share of `foreign` is no digit."""
        pictures = np.empty((len(chosen), 28, 28), np.float32)
        labels = np.empty(len(chosen), np.int64)
        for which, paths, told in self.written(chosen, foreign, rng):
            pictures[which], labels[which] = drawn(paths, rng), told
        return pictures, labels

    def written(self, chosen: Ints, foreign: float, rng: np.random.Generator) -> Iterator[tuple[Bools, Paths, Ints]]:
        """The digits with these numbers, kind by kind: which of them, their strokes, and labels of 0..10.

        The kinds are whole digits, and three of what is no digit: side by side, pieces, without their last stroke.
        """
        labels = self.labels[chosen]
        odd, kind = rng.random(len(chosen)) < foreign, rng.random(len(chosen))
        pair, piece = odd & (kind < PAIRED), odd & (kind >= PAIRED)
        yield ~odd, self.blended(chosen[~odd], rng), labels[~odd]
        others = self.paths.of(rng.integers(0, len(self.labels), np.count_nonzero(pair)))
        yield pair, side_by_side(self.paths.of(chosen[pair]), others, rng), np.full(len(others.stroke), NOT_A_DIGIT)
        cut = piece & (kind < PAIRED + PIECE) & np.isin(labels, UNFINISHED)
        dropped = piece & ~cut
        yield cut, pieces(self.paths.of(chosen[cut]), rng), np.full(np.count_nonzero(cut), NOT_A_DIGIT)
        yield dropped, *without_last_stroke(self.paths.of(chosen[dropped]), labels[dropped], rng)

    def blended(self, chosen: Ints, rng: np.random.Generator) -> Paths:
        """The digits with these numbers, half of them blended with one that is alike: a hand between two, or beyond.

        SMOTE (Chawla et al., 2002) on the points of strokes: it widens the range of hands where there are few writers.
        """
        n = len(chosen)
        other = self.paths.segments[self.like[chosen, rng.integers(0, LIKE, n)]]
        share = np.where(rng.random(n) < 0.5, rng.uniform(*BLEND, n), 0).astype(np.float32)[:, None, None, None]
        own = self.paths.of(chosen)
        return own._replace(segments=own.segments + share * (other - own.segments))


def alike(paths: Paths, labels: Ints) -> Ints:
    """For each digit, LIKE others of the same label and as many strokes whose segments lie nearest: int64 (n, LIKE).

    Where there are too few, some are named more than once, or the digit itself.
    """
    nearest = np.repeat(np.arange(len(labels))[:, None], LIKE, 1)
    kinds = np.stack([labels, paths.stroke.max(1, initial=0)], 1)
    for kind in np.unique(kinds, axis=0):
        members = np.flatnonzero((kinds == kind).all(1))
        points = paths.segments[members].reshape(len(members), -1)
        square = (points**2).sum(1)
        apart = square[:, None] + square - 2 * points @ points.T
        np.fill_diagonal(apart, np.inf)
        found = members[np.argsort(apart, 1)[:, : max(len(members) - 1, 1)][:, : LIKE * SPREAD : SPREAD]]
        nearest[members] = np.resize(found.T, (LIKE, len(members))).T
    return nearest


NO_PENS = Handwriting.of([], np.empty(0, np.int64))


def drawn(paths: Paths, rng: np.random.Generator) -> Float:
    """Digits, float32 (n, 28, 28), each with a pen, a slant and a bend of its own."""
    return strokes.draw(paths, matrices(len(paths.stroke), *TURNED, rng), LOOSE, rng)


def neatly(paths: Paths, rng: np.random.Generator) -> Float:
    """Digits as they were written, float32 (n, 28, 28), each with a pen of its own and hardly turned or slanted."""
    return strokes.draw(paths, matrices(len(paths.stroke), 8, 0.08, 0.1, rng), 0.0, rng)


def draw_invented(count: int, rng: np.random.Generator) -> tuple[Float, Ints]:
    """Digits in invented hands: float32 (count, 28, 28) and labels int64 (count,)."""
    written, labels = hands.write(count, rng)
    turned = matrices(count, *HARDLY_TURNED, rng)
    return strokes.draw(strokes.polylines(written), turned, LOOSE, rng), labels


def side_by_side(left: Paths, right: Paths, rng: np.random.Generator) -> Paths:
    """Two digits next to each other, from overlapping to apart: what a number's digits are when they are not parted."""
    n = len(left.stroke)
    size = np.exp(rng.normal(0, 0.12, (n, 1, 1, 1))).astype(np.float32)
    second = right.segments * size
    gap = rng.uniform(-0.1, 0.35, n).astype(np.float32)
    second[..., 0] += (left.segments[..., 0].max((1, 2)) - second[..., 0].min((1, 2)) + gap)[:, None, None]
    second[..., 1] += rng.normal(0, 0.06, (n, 1, 1)).astype(np.float32)
    both = np.concatenate([left.segments, second], 1)
    middle = (both.max((1, 2), keepdims=True) + both.min((1, 2), keepdims=True)) / 2
    wide = np.ptp(both, axis=(1, 2)).max(1)[:, None, None, None]
    return Paths((both - middle) / wide, np.concatenate([left.stroke, right.stroke], 1))


def pieces(paths: Paths, rng: np.random.Generator) -> Paths:
    """A run of 35 to 65 % of the segments of each digit, which the pen left behind one after the other."""
    n = len(paths.stroke)
    count = rng.integers(int(0.35 * SEGMENTS), int(0.65 * SEGMENTS), n)
    first = (rng.random(n) * (SEGMENTS + 1 - count)).astype(int)
    at = first[:, None] + np.minimum(np.arange(SEGMENTS), count[:, None] - 1)  # the last one is repeated
    rows = np.arange(n)[:, None]
    return Paths(paths.segments[rows, at], paths.stroke[rows, at])


def without_last_stroke(paths: Paths, labels: Ints, rng: np.random.Generator) -> tuple[Paths, Ints]:
    """Digits of more than one stroke without the last one, and their labels. Digits of one stroke stay whole.

    The page asks while a person is still drawing: half of them keep their label as the best guess, half are no digit.
    """
    last = paths.stroke.max(1, initial=0)
    kept = (paths.stroke != last[:, None]) | (last == 0)[:, None]
    # a segment of the lost stroke becomes a copy of the first one, which is kept
    at = np.where(kept, np.arange(kept.shape[1]), 0)
    rows = np.arange(len(labels))[:, None]
    odd = (last > 0) & np.isin(labels, UNFINISHED) & (rng.random(len(labels)) < 0.5)
    return Paths(paths.segments[rows, at], paths.stroke[rows, at]), np.where(odd, NOT_A_DIGIT, labels)
