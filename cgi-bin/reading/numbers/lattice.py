"""The lattice of a row: the places where a digit may begin or end, and the candidates between them.

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
MOST_UNITS = 5  # that a candidate has
WIDEST = 1.7  # times the row's height: a wider candidate is none, unless it is one unit
REACH = 2  # pieces on either side of a gap that may touch across it
SMALL = 0.3  # of the row's height: what is no higher says nothing of where the row is

GEOMETRY = (  # what is measured of a candidate; each is 0 for a digit that stands like its neighbours
    "high",  # square of the logarithm of its height, as a share of the row's
    "level",  # square of its middle's distance from the row's, in the row's heights
    "wide",  # its width above its height, in the row's heights
    "split",  # the gaps between its parts, in the row's heights
    "late",  # 1 if strokes of another candidate were written between its own
    "touching",  # 1 if a cut is its left side
    "unlikely",  # -log of how likely this cut is, by its shape alone
    "meets",  # 1 if strokes to its left touch its own, though no cut is there
    "near",  # how much less than a fifth of the row's height the gap before it is
)


class Candidate(NamedTuple):
    """Ink of a row that may be a digit: pieces side by side, the first and the last one whole or cut."""

    first: int  # number of the place where it begins
    last: int  # number of the place where it ends
    units: int  # how many digits it might be instead: pieces, and their parts between the likeliest cuts
    parts: list[Piece]  # from left to right
    geometry: list[float]  # as in GEOMETRY
    piece: int | None = None  # number of the piece of ink that it is, if neither cut nor put together

    @property
    def sign(self) -> str:
        """What it is if it is none of the ten digits: ".", "," or "-"."""
        return self.parts[0].sign

    @property
    def ink(self) -> Piece:
        """All of it."""
        return together(self.parts)


class Row(NamedTuple):
    """The lattice of one row."""

    pieces: list[Piece]  # from left to right, not cut
    height: float  # in pixels
    units: int  # how many digits they are at most
    places: int  # where a digit may begin or end: the edges of pieces, and cuts, from left to right
    candidates: list[Candidate]

    @property
    def around(self) -> Piece:
        """All ink of the row."""
        return together(self.pieces)


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


def lattice(line: Line, pen: float, easy: Sequence[bool], most: int = cutter.MOST_CUTS) -> Row:
    """The lattice of a row; its pieces that are `easy` to read as one digit each are not cut, others so many times."""
    parts = [
        cutter.whole(piece) if is_easy else cutter.parts(piece, line.height, pen, most)
        for piece, is_easy in zip(line.pieces, easy, strict=True)
    ]
    places = np.cumsum([0, *(each.last for each in parts)]).tolist()
    units = sum(each.units(0, each.last) for each in parts)
    return Row(line.pieces, line.height, units, places[-1] + 1, _candidates(line, parts, places))


def _candidates(line: Line, parts: Sequence[cutter.Parts], places: Sequence[int]) -> list[Candidate]:
    """What may be a digit, of the parts of each piece of a line, which begin and end at these places."""
    pieces = [
        _stretches(each, place, piece.width < WIDEST * line.height)
        for each, place, piece in zip(parts, places, line.pieces, strict=False)
    ]
    middle, found = _middle(line), []
    for number, stretches in enumerate(pieces):
        before = line.pieces[max(0, number - REACH) : number]
        whole = places[number], places[number + 1]
        for one in _longer(stretches, pieces[number + 1 :], whole[1]):
            piece = number if (one.first, one.last) == whole else None
            if piece is not None or one.units == 1 or _may_be_one(one.parts, line.height):
                geometry = _geometry(one.parts, before, line.height, middle)
                found.append(Candidate(one.first, one.last, one.units, one.parts, geometry, piece))
    return found


def _may_be_one(parts: Sequence[Piece], height: float) -> bool:
    """Whether parts may be those of one digit of a row of that height: not too wide, and not too far apart."""
    return _width(parts) < WIDEST * height and not row_finder.are_beside(parts)


def _middle(line: Line) -> float:
    """The row of pixels in the middle of most pieces that are not small."""
    small = SMALL * min(line.height, max(one.height for one in line.pieces))
    return float(np.median([(one.top + one.bottom) / 2 for one in line.pieces if one.height > small]))


class _Stretch(NamedTuple):
    """Ink between two places of a row; its members are those of Candidate."""

    first: int
    last: int
    units: int
    parts: list[Piece]

    def and_then(self, other: _Stretch) -> _Stretch:
        """Both, one after the other."""
        return _Stretch(self.first, other.last, self.units + other.units, [*self.parts, *other.parts])


def _stretches(parts: cutter.Parts, place: int, may_be_one: bool) -> list[_Stretch]:
    """The stretches of a piece that begins at this place, none with more units than a candidate has.

    But all of a piece that `may_be_one` digit is a candidate, however it might be cut: a zero with a long tail.
    """
    counted = {span: parts.units(*span) for span in parts.spans()}
    if may_be_one:
        counted[0, parts.last] = min(counted[0, parts.last], MOST_UNITS)
    found = [(span, units, parts.part(*span)) for span, units in counted.items() if units <= MOST_UNITS]
    return [_Stretch(place + span[0], place + span[1], units, [part]) for span, units, part in found if part]


def _longer(stretches: Sequence[_Stretch], following: Sequence[Sequence[_Stretch]], end: int) -> list[_Stretch]:
    """Stretches of a piece that ends at this place, and those that go on in the pieces that follow."""
    going_on = [one for one in stretches if one.last == end and not one.parts[0].sign]
    if not going_on or not following or any(one.parts[0].sign for one in following[0]):
        return list(stretches)
    longer = [one.and_then(more) for one in going_on for more in following[0] if more.first == end]
    short = [one for one in longer if one.units <= MOST_UNITS]
    ends = max(more.last for more in following[0])
    return [*stretches, *_longer(short, following[1:], ends)]


def _wide(piece: Piece) -> int:
    return piece.width


def _width(parts: Sequence[Piece]) -> int:
    return max(one.right for one in parts) - min(one.left for one in parts)


def _geometry(inside: Sequence[Piece], before: Sequence[Piece], height: float, middle: float) -> list[float]:
    """What `GEOMETRY` names, of the candidate of these parts, after those pieces; `middle` is the row's."""
    top, bottom = min(one.top for one in inside), max(one.bottom for one in inside)
    order = sorted(number for one in inside for number in one.order)
    gaps = [max(0.0, right.left - left.right) for left, right in pairwise(inside)]
    gap = inside[0].left - before[-1].right if before else height
    return [
        float(np.log((bottom - top) / height) ** 2),
        (((top + bottom) / 2 - middle) / height) ** 2,
        max(0.0, (_width(inside) - (bottom - top)) / height),
        sum(gaps) / height,
        float(bool(order) and order[-1] - order[0] >= len(order)),
        float(inside[0].cut >= 0),
        max(0.0, inside[0].cut),
        float(inside[0].cut < 0 and _meet(before, inside[:REACH])),
        0.0 if inside[0].cut >= 0 else min(max(0.0, 0.2 - gap / height), 0.6),
    ]


def _meet(left: Sequence[Piece], right: Sequence[Piece]) -> bool:
    """Whether a stroke of these pieces touches one of those; parts of ink never do."""
    return any(one.order and other.order and one.touches(other) for one in left for other in right)
