"""Rows of writing: pieces at one height make a row; several rows are several numbers."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from reading.numbers.pieces import grouped, shared_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.numbers.pieces import Piece

TALL = 0.45  # of the tallest piece's height: only such pieces tell where a row is
FAR = 0.25  # of the smaller row's height: rows with a wider gap are not the parts of one digit
OVER = 0.5  # of the narrower one's width: of pieces that share more columns, one is above the other
BESIDE = 0.45  # of a digit's height: parts with a wider gap between them, side by side, are not of one digit
SPECK = 0.2  # of the same: a part whose sides are no longer may be a slip of the pen, wherever it is
LEVEL = 0.35  # of the lower one's height: pieces that share so many pixel rows stand in one row


def rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces of each row, from the top row to the lowest; a small piece goes to the nearest row."""
    tallest = max(one.height for one in pieces)
    tall = [one for one in pieces if one.height >= TALL * tallest]
    found = grouped(tall, _is_level)
    if _are_loops(found):
        found = [tall]
    middles = [np.mean([_twice_middle(one) for one in row]) for row in found]
    for piece in pieces:
        if piece.height < TALL * tallest:
            found[int(np.argmin([abs(_twice_middle(piece) - middle) for middle in middles]))].append(piece)
    return [found[at] for at in np.argsort(middles)]


def _are_loops(found: Sequence[Sequence[Piece]]) -> bool:
    """Whether two rows are the upper and the lower loops of several eights.

    They are close, and each loop is above the one that was written just before or after it, as in no two numbers.
    """
    if len(found) != 2 or not 1 < len(found[0]) == len(found[1]):
        return False
    pairs = zip(*(sorted(row, key=lambda one: one.left) for row in found), strict=True)
    are_pairs = all(_are_stacked(*pair) and _in_turn(*pair) for pair in pairs)
    return are_pairs and not are_apart(sorted(found, key=lambda row: row[0].top))


def height(row: Sequence[Piece]) -> float:
    """How high the digits of a row are, in pixels: the median of those that are not small."""
    return float(np.median([bottom - top for top, bottom in spans(row)]))


def spans(row: Sequence[Piece]) -> list[tuple[int, int]]:
    """The top and the bottom of each digit of a row that is not small, as far as can be told before it is read.

    Pieces above each other count as one, as the two loops of an eight do.
    """
    tallest = max(one.height for one in row)
    groups = grouped([one for one in row if one.height >= TALL * tallest], _are_stacked)
    return [(min(one.top for one in group), max(one.bottom for one in group)) for group in groups]


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


def _in_turn(one: Piece, other: Piece) -> bool:
    """Whether both are strokes, written one after the other."""
    return bool(one.order and other.order) and abs(one.order[0] - other.order[0]) == 1


def _are_stacked(one: Piece, other: Piece) -> bool:
    """Whether one of them is above the other, not across it."""
    return shared_columns(one, other) > OVER and not _is_level(one, other)


def _is_level(one: Piece, other: Piece) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared > LEVEL * min(one.height, other.height)
