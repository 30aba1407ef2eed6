"""Signs: a low dot between digits is a decimal point, a short stroke there that goes below them is a decimal comma.

A short level stroke before them at middle height is a minus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading.numbers.pieces import shared_columns
from reading.numbers.rows import OVER, spans
from reading.parts import INKED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.numbers.pieces import Piece

POINT, COMMA, MINUS = ".", ",", "-"
DOT = 2.2  # widths of the pen, or the share DOT_SIDE of the row's height: no side of a dot is longer
DOT_SIDE = 0.12
LOW = 0.25  # of the row's height: so far below its middle a point is at least, and a minus at most above or below it
FOOT = 0.4  # of the row's height: so far below its middle a comma is at least
TAIL = 0.45  # of the row's height: a comma is no higher
FLAT = 2.0  # width to height of a minus at least
SHORTEST, LONGEST = 0.15, 0.9  # width of a minus, of the row's height
CLEAR = {POINT: 0.06, MINUS: 0.06, COMMA: 0.0}  # of the row's height: so far away from a sign's box is all other ink


def marked(row: Sequence[Piece], height: float, pen: float) -> list[Piece]:
    """The pieces of a row, those marked that are signs; its height and the width of the pen are in pixels.

    At least one digit is higher than half of the row's height.
    """
    middle = float(np.median([(top + bottom) / 2 for top, bottom in spans(row) if bottom - top > height / 2]))
    return [one._replace(sign=_sign(one, row, middle, height, pen)) for one in row]


def _sign(piece: Piece, row: Sequence[Piece], middle: float, height: float, pen: float) -> str:
    away = ((piece.top + piece.bottom) / 2 - middle) / height
    before = any(_twice_middle(one) < _twice_middle(piece) for one in row)
    after = any(_twice_middle(one) > _twice_middle(piece) for one in row)
    found = _low(piece, row, away, height, pen) if before else _level(piece, away, height)
    return found if found and after and _is_clear(piece, row, CLEAR[found] * height) else ""


def _low(piece: Piece, row: Sequence[Piece], away: float, height: float, pen: float) -> str:
    """What a piece is between digits, `away` so far below their middle."""
    if away > LOW and max(piece.width, piece.height) <= max(DOT * pen, DOT_SIDE * height) < height / 2:
        return POINT
    hangs = away > FOOT and piece.width < piece.height <= TAIL * height
    beside = all(shared_columns(piece, one) <= OVER for one in row if one is not piece)
    return COMMA if hangs and beside else ""


def _level(piece: Piece, away: float, height: float) -> str:
    """What a piece is in front of all digits."""
    flat = piece.width >= FLAT * piece.height and SHORTEST * height <= piece.width <= LONGEST * height
    return MINUS if flat and abs(away) < LOW else ""


def _twice_middle(piece: Piece) -> int:
    """Twice the column of its middle."""
    return piece.left + piece.right


def _is_clear(piece: Piece, row: Sequence[Piece], margin: float) -> bool:
    """Whether no other piece has ink that near to the box of this one."""
    rows = range(int(piece.top - margin), int(piece.bottom + margin) + 1)
    columns = range(int(piece.left - margin), int(piece.right + margin) + 1)
    return not any(_has_ink(one, rows, columns) for one in row if one is not piece)


def _has_ink(piece: Piece, rows: range, columns: range) -> bool:
    """Whether a piece has ink in these rows and columns of the picture."""
    top, bottom = max(rows.start - piece.top, 0), max(rows.stop - piece.top, 0)
    left, right = max(columns.start - piece.left, 0), max(columns.stop - piece.left, 0)
    return bool((piece.ink[top:bottom, left:right] >= INKED).any())
