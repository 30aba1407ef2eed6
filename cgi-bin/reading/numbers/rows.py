"""Rows of writing: pieces at one height make a row; several rows are several numbers."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from reading.numbers.pieces import grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.numbers.pieces import Piece

TALL = 0.45  # of the tallest piece's height: only such pieces tell where a row is
FAR = 0.25  # of the smaller row's height: rows with a wider gap are not the parts of one digit
BESIDE = 0.45  # of a digit's height: parts with a wider gap between them, side by side, are not of one digit
SPECK = 0.2  # of the same: a part whose sides are no longer may be a slip of the pen, wherever it is
LEVEL = 0.35  # of the lower one's height: pieces that share so many pixel rows stand in one row


def rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces of each row, from the top row to the lowest; a small piece goes to the nearest row."""
    tallest = max(one.height for one in pieces)
    tall = [one for one in pieces if one.height >= TALL * tallest]
    found = grouped(tall, _is_level)
    middles = [np.mean([_twice_middle(one) for one in row]) for row in found]
    for piece in pieces:
        if piece.height < TALL * tallest:
            found[int(np.argmin([abs(_twice_middle(piece) - middle) for middle in middles]))].append(piece)
    return [found[at] for at in np.argsort(middles)]


def height(row: Sequence[Piece]) -> float:
    """How high the digits of a row are, in pixels: the median of the pieces that are not small."""
    heights = np.array([one.height for one in row])
    return float(np.median(heights[heights >= TALL * heights.max()]))


def are_apart(found: Sequence[Sequence[Piece]]) -> bool:
    """Whether rows can't be parts of one digit: there are more than two, or two with a wide gap between them.

    `benchmarks/whole_numbers.py --rows` counts the rows of single train digits and measures their gaps.
    """
    return len(found) > 2 or any(gap(*pair) > FAR for pair in pairwise(found))


def gap(above: Sequence[Piece], below: Sequence[Piece]) -> float:
    """The empty stretch between two rows, in heights of the smaller one's digits."""
    return (min(one.top for one in below) - max(one.bottom for one in above)) / min(height(above), height(below))


def are_beside(pieces: Sequence[Piece]) -> bool:
    """Whether pieces can't be parts of one digit, as a wide stretch without ink lies between some and the others.

    `benchmarks/whole_numbers.py --rows` measures such gaps in single train digits.
    """
    return gap_beside(pieces) > BESIDE


def gap_beside(pieces: Sequence[Piece]) -> float:
    """The widest gap between pieces side by side, in heights of them all; specks tell nothing. 0 if there is none."""
    high = max(one.bottom for one in pieces) - min(one.top for one in pieces)
    large = sorted((one for one in pieces if max(one.width, one.height) > SPECK * high), key=lambda one: one.left)
    ends = accumulate((one.right for one in large), max)
    return max([0, *(one.left - end for end, one in zip(ends, large[1:], strict=False))]) / high


def _twice_middle(piece: Piece) -> int:
    """Twice the row of its middle."""
    return piece.top + piece.bottom


def _is_level(one: Piece, other: Piece) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared > LEVEL * min(one.height, other.height)
