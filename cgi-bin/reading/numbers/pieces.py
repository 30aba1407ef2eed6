"""Pieces of ink: strokes where they are known, else connected parts; what lies above or across another is joined.

A piece is never less than a pen leaves in one go, unless `cuts.py` cuts it; a digit is one piece or several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from reading.parts import INKED, grown, label, pen_width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reading.arrays import Bools, Float

MOST_PIECES = 160  # in one picture: five for each of 32 digits
MOST_RUNS = 20_000  # horizontal runs of ink; hatching has more, and each takes 2 microseconds
COVER = 1.3  # times the pen's width: so wide is a stroke drawn that is to cover its ink
MATCH = 0.96  # of the ink that its strokes cover, and of the strokes' points that lie on ink
ABOVE = 0.8  # of the narrower one's width: pieces that share so many columns are one above the other


class Piece(NamedTuple):
    """Ink that belongs to one digit, or is a part of it."""

    ink: Float  # float32 (h, w), 0 paper to 1 ink
    top: int  # of its first row in the picture, in pixels
    left: int
    order: tuple[int, ...] = ()  # numbers of its strokes in the order of writing, if they are known
    sign: str = ""  # ".", "," or "-" for what is none of the ten digits
    cut: float = -1  # -log of how likely the cut on its left side is, by its shape; -1 if nothing was cut
    whole: bool = True  # not a part of a stroke that was cut

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.ink.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.ink.shape[1])

    @property
    def bottom(self) -> int:
        """The row after its last one."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The column after its last one."""
        return self.left + self.width

    def touches(self, other: Piece) -> bool:
        """Whether there is a pixel with ink of both."""
        top, bottom = max(self.top, other.top), min(self.bottom, other.bottom)
        left, right = max(self.left, other.left), min(self.right, other.right)
        if top >= bottom or left >= right:
            return False
        both = [one.ink[top - one.top : bottom - one.top, left - one.left : right - one.left] for one in (self, other)]
        return bool((np.minimum(*both) >= INKED).any())


def of_parts(ink: Float) -> list[Piece] | None:
    """The connected parts of ink (h, w); None if there are too many to be digits."""
    mask = ink >= INKED
    if np.count_nonzero(mask[:, 1:] > mask[:, :-1]) > MOST_RUNS:
        return None
    labels, count = label(mask)
    if count > MOST_PIECES:
        return None
    return [_piece(ink, labels == number) for number in range(1, count + 1)]


def of_strokes(ink: Float, strokes: Sequence[Float]) -> list[Piece] | None:
    """The ink (h, w) of each stroke, (n, 2) points x, y; None if the strokes are not those of this ink."""
    pen = pen_width(ink)
    covers = [_drawn(stroke, COVER * pen + 2, ink.shape) for stroke in strokes]
    inked, points = ink >= INKED, np.concatenate(strokes)
    covered = np.logical_or.reduce(covers)
    x, y = np.clip(np.rint(points).astype(int), 0, np.array(ink.shape[::-1]) - 1).T
    on_ink = grown(inked)[y, x].mean()
    if min(on_ink, (inked & covered).sum() / inked.sum()) < MATCH:
        return None
    found = [(number, inked & cover) for number, cover in enumerate(covers)]
    return [_piece(ink, mask)._replace(order=(number,)) for number, mask in found if mask.any()]


def _drawn(points: Float, width: float, shape: tuple[int, ...]) -> Bools:
    """What a round pen of that width covers on its way along points (n, 2): bool of that shape."""
    paper = Image.new("L", (shape[1], shape[0]))
    draw = ImageDraw.Draw(paper)
    if len(points) > 1:
        draw.line([(x, y) for x, y in points.tolist()], "white", round(width), "curve")
    for x, y in (points[0], points[-1]):
        draw.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], "white")
    return np.asarray(paper, bool)


def _piece(ink: Float, mask: Bools) -> Piece:
    """The ink that is masked, cropped; the mask (h, w) has at least one pixel."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Piece(np.where(mask[box], ink[box], 0), int(rows[0]), int(columns[0]))


def together(pieces: Sequence[Piece]) -> Piece:
    """Several pieces as one."""
    top, left = min(one.top for one in pieces), min(one.left for one in pieces)
    height, width = max(one.bottom for one in pieces) - top, max(one.right for one in pieces) - left
    ink = np.zeros((height, width), np.float32)
    for one in pieces:
        place = ink[one.top - top : one.bottom - top, one.left - left : one.right - left]
        np.maximum(place, one.ink, out=place)
    order = tuple(sorted(sum((one.order for one in pieces), ())))
    return Piece(ink, top, left, order, cut=pieces[0].cut, whole=all(one.whole for one in pieces))


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces from left to right, those joined of which one lies above or across the other; a sign is left alone."""
    groups = grouped([one for one in pieces if not one.sign], lambda one, other: shared_columns(one, other) > ABOVE)
    found = [together(group) if len(group) > 1 else group[0] for group in groups]
    found += [one for one in pieces if one.sign]
    return sorted(found, key=lambda one: one.left + one.right)


def grouped(pieces: Sequence[Piece], linked: Callable[[Piece, Piece], bool]) -> list[list[Piece]]:
    """The groups of pieces that are linked, directly or through others."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        apart, near = [], [piece]
        for group in groups:
            if any(linked(piece, one) for one in group):
                near += group
            else:
                apart.append(group)
        groups = [*apart, near]
    return groups


def shared_columns(one: Piece, other: Piece) -> float:
    """The columns that two pieces share, as a share of the narrower one's."""
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared / min(one.width, other.width)
