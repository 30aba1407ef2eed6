"""Fit the weights with which `reading.numbers` says how likely a cut is, to touching digits whose ink is known.

They are put together from train strokes: never from those that figures are taken on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from made_numbers import Drawing
from pen_digits import painted
from PIL import Image

from reading.numbers import cuts, pieces
from reading.parts import pen_width
from reading.preprocessing import preprocess

PURE = 0.85  # of what each digit alone has is on its side of a right cut
STEPS, PENALTY = 40, 0.3


class Known(NamedTuple):
    """The cuts that are possible in a drawing."""

    shapes: np.ndarray  # (n, len(SHAPE))
    right: np.ndarray  # (n,): whether each has whole digits on either side


def known(drawings: Iterable[Drawing]) -> Iterator[Known]:
    """The cuts of the largest connected part of each drawing, where there are any."""
    for drawing in drawings:
        found = _known(drawing)
        if len(found.shapes):
            yield found


def _known(drawing: Drawing) -> Known:
    writing = preprocess(drawing.png(with_strokes=False), "number").writing
    assert writing
    ink = writing.ink.astype(np.float32) / 255
    piece, pen = max(pieces.of_parts(ink) or [], key=lambda one: one.ink.sum()), pen_width(ink)
    corner = np.array([writing.left, writing.top])
    digits = [[(stroke - corner) / writing.step for stroke in digit] for digit in drawing.digits]
    covers = [1 - painted(digit, drawing.pen / writing.step, ink.shape[::-1]) / np.float32(255) for digit in digits]
    box = slice(piece.top, piece.bottom), slice(piece.left, piece.right)
    factor = max(1, int(piece.height / cuts.COARSE))
    own = [np.asarray(Image.fromarray(np.ascontiguousarray(cover[box])).reduce(factor)) for cover in covers]
    small = np.asarray(Image.fromarray(piece.ink).reduce(factor))
    found = cuts.possible(small, pen / factor, cuts.LEAST * piece.height * pen / factor**2)
    alone = _alone(own)
    shapes = np.array([one.shape for one in found]).reshape(-1, len(cuts.SHAPE))
    return Known(shapes, np.array([_is_right(one.left, alone) for one in found]))


def _alone(own: Sequence[np.ndarray]) -> np.ndarray:
    """The ink that one digit alone has: (digits, h, w)."""
    return np.stack([np.maximum(ink - np.max([*own[:at], *own[at + 1 :]], 0), 0) for at, ink in enumerate(own)])


def _is_right(left: np.ndarray, alone: np.ndarray) -> bool:
    """Whether the first digits are to the left of a cut, and the others are not."""
    shares = np.tensordot(alone, left, 2) / np.maximum(alone.sum((1, 2)), 1e-6)
    return any((shares[:at] > PURE).all() and (shares[at:] < 1 - PURE).all() for at in range(1, len(shares)))


def fitted(every: Sequence[Known]) -> dict[str, float]:
    """The weights of a logistic regression, by Newton's method with a penalty on their squares."""
    shapes = np.concatenate([one.shapes for one in every])
    right = np.concatenate([one.right for one in every])
    weights = np.zeros(shapes.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-shapes @ weights))
        curved = (shapes.T * (likely * (1 - likely))) @ shapes + PENALTY * np.eye(len(weights))
        weights -= np.linalg.solve(curved, shapes.T @ (likely - right) + PENALTY * weights)
    return dict(zip(cuts.SHAPE, weights.round(2).tolist(), strict=True))


def found_first(every: Sequence[Known], most: int) -> float:
    """The share of drawings that have a right cut among so many likeliest ones."""
    weights = np.array(list(cuts.SHAPE.values()))
    return float(np.mean([one.right[np.argsort(-one.shapes @ weights)[:most]].any() for one in every]))
