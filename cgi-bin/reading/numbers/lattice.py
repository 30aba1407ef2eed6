"""The lattice of a row: its units, and the candidates, one to five neighbouring units, that may be a digit each.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), sections IV to VI,
call it a segmentation graph. Nothing here asks a model: what it says of each candidate comes later (`path.py`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reading.errors import TooManyDigits
from reading.normalising import fitted
from reading.numbers import cuts as cutter
from reading.numbers import rows as row_finder
from reading.numbers.pieces import Piece, joined, together
from reading.numbers.signs import marked
from reading.parts import bounding_box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reading.arrays import Float

MOST_DIGITS = 32  # in one picture
TOO_MANY = f"There are more than {MOST_DIGITS} digits on the picture. Send a part of it."
LOWEST = 8  # pixels: a lower row has no digits that can be read
LONGEST = 1.5 * MOST_DIGITS  # times the row's height: a longer piece is a line or a pattern
MOST_UNITS = 5  # neighbouring units that a candidate has
WIDEST = 1.7  # times the row's height: a wider candidate is none, unless it is one unit
REACH = 2  # units on either side of a gap that may touch across it
SMALL = 0.3  # of the row's height: what is no higher says nothing of where the row is

GEOMETRY = (  # what is measured of a candidate; each is 0 for a digit that stands like its neighbours
    "high",  # square of the logarithm of its height, as a share of the row's
    "level",  # square of its middle's distance from the row's, in the row's heights
    "wide",  # its width above its height, in the row's heights
    "split",  # the gaps between its units, in the row's heights
    "late",  # 1 if strokes of another candidate were written between its own
    "touching",  # 1 if a cut is its left side
    "unlikely",  # -log of how likely this cut is, by its shape alone
    "meets",  # 1 if strokes to its left touch its own, though no cut is there
    "near",  # how much less than a fifth of the row's height the gap before it is
)


class Candidate(NamedTuple):
    """Neighbouring units of a row that may be a digit."""

    first: int  # its first unit
    last: int  # the unit after its last one
    geometry: list[float]  # as in GEOMETRY
    piece: int | None = None  # number of the piece of ink that it is, if neither cut nor put together
    sign: str = ""  # "." or "-" for what is none of the ten digits


class Row(NamedTuple):
    """The lattice of one row."""

    units: list[Piece]  # from left to right
    candidates: list[Candidate]

    def ink(self, candidate: Candidate) -> Piece:
        """The ink of a candidate."""
        return together(self.units[candidate.first : candidate.last])


class Line(NamedTuple):
    """A row of pieces that are not cut yet."""

    pieces: list[Piece]  # from left to right
    height: float  # in pixels


def picture(piece: Piece) -> Float:
    """A piece as the models read it: float32 (28, 28), 0 paper to 1 ink."""
    top, bottom, left, right = bounding_box(piece.ink)
    return fitted(piece.ink[top:bottom, left:right], [])


def lines(pieces: Sequence[Piece], pen: float) -> list[Line]:
    """The rows of pieces, from the top one to the lowest; the width of the pen is in pixels.

    None at all if the pieces are too low or too long for digits. Raises TooManyDigits.
    """
    found = [(row_finder.height(row), row) for row in row_finder.rows(pieces)]
    every = [Line(joined(marked(row, high, pen)), high) for high, row in found]
    if any(line.height < LOWEST or max(map(_wide, line.pieces)) > LONGEST * line.height for line in every):
        return []
    if sum(len(line.pieces) for line in every) > 2 * MOST_DIGITS:
        raise TooManyDigits(TOO_MANY)
    return every


def lattice(line: Line, pen: float, easy: Sequence[bool]) -> Row:
    """The lattice of a row; its pieces that are `easy` to read as one digit each are not cut."""
    parts = [
        [piece] if read else cutter.cut(piece, line.height, pen) for piece, read in zip(line.pieces, easy, strict=True)
    ]
    units = [part for each in parts for part in each]
    whole = {each: at for at, each in enumerate(pairwise(np.cumsum([0, *map(len, parts)]).tolist()))}
    middle = float(np.median([(one.top + one.bottom) / 2 for one in units if one.height > SMALL * line.height]))
    found = [
        Candidate(
            first, last, _geometry(units, first, last, line.height, middle), whole.get((first, last)), units[first].sign
        )
        for first, last in _ranges(units, line.height)
    ]
    return Row(units, found)


def _wide(piece: Piece) -> int:
    return piece.width


def _ranges(units: Sequence[Piece], height: float) -> list[tuple[int, int]]:
    """First and last unit of each candidate."""
    every = [
        (first, first + count)
        for first in range(len(units))
        for count in range(1, MOST_UNITS + 1)
        if first + count <= len(units)
    ]
    return [
        (first, last)
        for first, last in every
        if last == first + 1
        or (_width(units[first:last]) < WIDEST * height and not any(one.sign for one in units[first:last]))
    ]


def _width(units: Sequence[Piece]) -> int:
    return max(one.right for one in units) - min(one.left for one in units)


def _geometry(units: Sequence[Piece], first: int, last: int, height: float, middle: float) -> list[float]:
    """What `GEOMETRY` names, of the candidate of these units; `middle` is the row's."""
    inside = units[first:last]
    top, bottom = min(one.top for one in inside), max(one.bottom for one in inside)
    order = sorted(number for one in inside for number in one.order)
    gaps = [max(0.0, right.left - left.right) for left, right in pairwise(inside)]
    gap = inside[0].left - units[first - 1].right if first else height
    return [
        float(np.log((bottom - top) / height) ** 2),
        (((top + bottom) / 2 - middle) / height) ** 2,
        max(0.0, (_width(inside) - (bottom - top)) / height),
        sum(gaps) / height,
        float(bool(order) and order[-1] - order[0] >= len(order)),
        float(inside[0].cut >= 0),
        max(0.0, inside[0].cut),
        float(inside[0].cut < 0 and _meet(units[max(first - REACH, 0) : first], inside[:REACH])),
        0.0 if inside[0].cut >= 0 else min(max(0.0, 0.2 - gap / height), 0.6),
    ]


def _meet(left: Sequence[Piece], right: Sequence[Piece]) -> bool:
    """Whether a stroke of these pieces touches one of those; parts of ink never do."""
    return any(one.order and other.order and one.touches(other) for one in left for other in right)
