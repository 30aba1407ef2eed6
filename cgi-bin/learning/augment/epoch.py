"""The pictures of one epoch: which are scanned, which are drawn anew, and which are no digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from learning.augment.coordinates import PAD, SEGMENTS, SIDE
from learning.augment.geometry import matrices
from learning.augment.handwriting import NO_PENS, Handwriting, draw_invented
from learning.augment.not_digits import NOT_A_DIGIT, draw_scrawl, side_by_side, unfinish_four
from learning.augment.pens import draw
from learning.augment.scans import SHARP, move, warp
from learning.augment.skeletons import skeletonize
from learning.augment.styles import draw_styles, overhang, redraw_nine, redraw_zero

if TYPE_CHECKING:
    from reading.arrays import Bools, Bytes, Float, Ints


NARROW = 0.32  # of its stem: a seven whose top reaches less far is, outside of MNIST, a one with a flag
# The share of a digit that is drawn is the share of all to this power, so that none stays none and all stays all.
# Other schools write a 0 in more ways than MNIST's writers, and a 1, 9 or 0 like much that a drawn 7 or 8 would be.
DRAWN_POWER = np.array([0.55, 1, 1, 1, 1, 1, 1, 2, 1.4, 1])
REDRAWN = np.array([0.4, 0, 0, 0, 0, 0, 0, 0, 0, 0.2])  # of each drawn digit: the share whose stroke is made anew
QUARTER = np.array([[0, -1], [1, 0]], np.float32)  # of a turn
INVENTED = 0.08  # of MNIST's pictures: so many digits in invented hands are written besides
CHUNK = 500  # pictures augmented at a time: small enough for the processor's cache


def chunks(pictures: int) -> int:
    """How many chunks an epoch of so many pictures has."""
    return -(-pictures // CHUNK)


class Augmenter:
    """Makes the pictures of each epoch from X_train uint8 (n, 28, 28), y_train (n,) of 0..9, and pen strokes."""

    def __init__(self, X_train: Bytes, y_train: Ints, pens: Handwriting = NO_PENS) -> None:
        self.pictures, self.labels = X_train, y_train.astype(np.int64)
        self.pens = pens
        self.skeletons = skeletonize(X_train)
        self.like_one = np.zeros(len(self.labels), bool)  # these stay scanned: drawn, they are what others write as 1
        for i in np.flatnonzero(self.labels == 7):
            self.like_one[i] = overhang(self.skeletons.points[i]) < NARROW

    def size(self, drawings: int = 1) -> int:
        """How many pictures an epoch has, in which each pen digit is drawn that often."""
        scans = len(self.labels)
        return scans + len(self.pens.labels) * drawings + int(INVENTED * scans)

    def epoch(self, seed: Sequence[int], drawn: float, foreign: float, drawings: int = 1) -> tuple[Bytes, Ints]:
        """All pictures once, and the strokes that often, each changed in its own way, in a new order.

        Returns uint8 (n, 28, 28) and int64 (n,) labels of 0..10, NOT_A_DIGIT for a share of about `foreign`; about
        a share of `drawn` (DRAWN_POWER) is drawn with a pen of even width. The same seed gives the same pictures.
        """
        numbers = range(chunks(self.size(drawings)))
        pictures, labels = zip(*(self.chunk(at, seed, drawn, foreign, drawings) for at in numbers), strict=True)
        return np.concatenate(pictures), np.concatenate(labels)

    def chunk(
        self, number: int, seed: Sequence[int], drawn: float, foreign: float, drawings: int = 1
    ) -> tuple[Bytes, Ints]:
        """The CHUNK pictures with that number of an epoch, and their labels; the last chunk may have fewer."""
        order = np.random.default_rng(seed).permutation(self.size(drawings))
        here = order[number * CHUNK : (number + 1) * CHUNK]
        rng = np.random.default_rng([*seed, number])
        pictures, labels = self._part(here, len(self.pens.labels) * drawings, drawn, foreign, rng)
        return (pictures * 255 + 0.5).astype(np.uint8), labels

    def _part(
        self, part: Ints, real: int, drawn: float, foreign: float, rng: np.random.Generator
    ) -> tuple[Float, Ints]:
        """The pictures with these numbers: first MNIST's, then `real` drawings of strokes, then invented hands."""
        scans = len(self.labels)
        kinds = [part < scans, (part >= scans) & (part < scans + real), part >= scans + real]
        pictures, labels = np.empty((len(part), SIDE, SIDE), np.float32), np.empty(len(part), np.int64)
        pictures[kinds[0]], labels[kinds[0]] = self._of_scans(part[kinds[0]], drawn, foreign, rng)
        if real:
            pictures[kinds[1]], labels[kinds[1]] = self.pens.draw(
                (part[kinds[1]] - scans) % len(self.pens.labels), foreign, rng
            )
        pictures[kinds[2]], labels[kinds[2]] = draw_invented(int(kinds[2].sum()), rng)
        return pictures, labels

    def _of_scans(self, part: Ints, drawn: float, foreign: float, rng: np.random.Generator) -> tuple[Float, Ints]:
        kind = rng.random(len(part))
        pictures = np.empty((len(part), SIDE, SIDE), np.float32)
        labels = self.labels[part].copy()
        pen = (kind < drawn ** DRAWN_POWER[labels]) & ~self.like_one[part]
        odd = kind >= 1 - foreign
        grey = ~pen & ~odd
        pictures[grey] = self.scanned(part[grey], rng)
        pictures[pen] = self.drawn(part[pen], rng)
        pictures[odd], labels[odd] = self.foreign(part[odd], rng)
        return pictures, labels

    def scanned(self, chosen: Ints, rng: np.random.Generator) -> Float:
        """MNIST's own grey values, mildly turned, zoomed, shifted and bent, or (SHARP) only shifted by whole pixels."""
        pictures = np.pad(self.pictures[chosen], ((0, 0), (PAD, PAD), (PAD, PAD))) / np.float32(255)
        sharp = rng.random(len(chosen)) < SHARP
        made = np.empty((len(chosen), SIDE, SIDE), np.float32)
        made[sharp], made[~sharp] = move(pictures[sharp], rng), warp(pictures[~sharp], rng)
        return made

    def drawn(self, chosen: Ints, rng: np.random.Generator) -> Float:
        """Drawn anew with a pen of even width, in the styles of other schools, at more slants."""
        points = self.skeletons.points[chosen]
        segments = draw_styles(points, self.labels[chosen], rng)
        redrawn = rng.random(len(chosen)) < REDRAWN[self.labels[chosen]]
        for i in np.flatnonzero(redrawn):
            redraw = redraw_nine if self.labels[chosen[i]] == 9 else redraw_zero
            segments[i] = redraw(points[i], rng)
        return draw(self.skeletons.of(chosen), matrices(len(chosen), 22, 0.35, 0.4, rng), segments, redrawn, rng)

    def foreign(self, chosen: Ints, rng: np.random.Generator) -> tuple[Float, Ints]:
        """Not digits: digits on their side, two of them next to each other, and scrawls; and their labels.

        What might be one, a one that lies and a four that is not finished, is labelled as it half of the time.
        """
        matrix, kind = matrices(len(chosen), 20, 0.3, 0.4, rng), rng.random(len(chosen))
        kind[(kind < 0.3) & (self.labels[chosen] == 0)] = 0.5  # a zero on its side is still a zero
        turned, pair, plain = kind < 0.3, (kind >= 0.3) & (kind < 0.6), kind >= 0.6
        unfinished = (kind >= 0.9) & (self.labels == 4).any()
        matrix[turned] = matrix[turned] @ (QUARTER * rng.choice([-1, 1], (turned.sum(), 1, 1)))
        segments = self._scrawls(plain & ~unfinished, unfinished, rng)
        pictures = draw(self.skeletons.of(chosen), matrix, segments, plain, rng)
        others = rng.integers(0, len(self.labels), pair.sum())
        pictures[pair] = side_by_side(pictures[pair], self.drawn(others, rng), rng)
        guess = np.where(unfinished, 4, np.where(turned & (self.labels[chosen] == 1), 1, NOT_A_DIGIT))
        return pictures, np.where(rng.random(len(chosen)) < 0.5, guess, NOT_A_DIGIT)

    def _scrawls(self, scrawled: Bools, unfinished: Bools, rng: np.random.Generator) -> Float:
        """Segments (n, SEGMENTS, 4): a scrawl for some, the first stroke of a four for others, none for the rest."""
        segments = np.full((len(scrawled), SEGMENTS, 4), np.nan, np.float32)
        for i in np.flatnonzero(scrawled):
            segments[i] = draw_scrawl(rng)
        fours = np.flatnonzero(self.labels == 4)
        for i in np.flatnonzero(unfinished):
            segments[i] = unfinish_four(self.skeletons.points[rng.choice(fours)], rng)
        return segments
