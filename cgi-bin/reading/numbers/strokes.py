"""The strokes that a PNG picture holds besides its pixels, checked strictly.

The page writes them into a `tEXt` or `iTXt` chunk with the keyword `strokes` (PNG, section 11.3.3), as JSON:

    {"size": [280, 280], "strokes": [[[12, 30.5], [14, 33]], ...]}

x to the right, y down, in pixels of this picture. What is not as it should be counts as not being there.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from reading.costs import PNG_START
from reading.parts import INKED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reading.arrays import Float

MOST_BYTES = 64 * 1024  # of the JSON
MOST_STROKES = 256
KEYWORD = b"strokes"
ON_INK = 0.75  # of what lies between the points of a picture's own strokes: so much is on ink
CLOSE = 2.0  # pixels by which ink may end farther from its strokes, or nearer, on one side than on another
UNEVEN = 0.15  # the same as a share of the ink's longer side

Points = list[list[float]]  # [x, y] each


def strokes_in(data: bytes) -> list[Points]:
    """The strokes in a PNG file; none in any other file, and none where they make no sense."""
    found = _parsed(next(_texts(data), b"{}"))
    size = [int.from_bytes(data[start : start + 4], "big") for start in (16, 20)]  # as the header has it
    strokes: list[Points] = found.get("strokes", [])
    return strokes if found.get("size") == size and _are_strokes(strokes, max(size)) else []


def placed(strokes: Sequence[Float], place: tuple[float, float, float]) -> list[Float]:
    """Strokes (k, 2) in pixels of ink whose first pixel lies at left, top, each with that side."""
    left, top, side = place
    return [(points - (left, top)) / side for points in strokes]


def lie_on(ink: Float, strokes: Sequence[Float]) -> bool:
    """Whether strokes (k, 2) may be those that left cropped ink (h, w), of 0 paper to 1. There must be strokes.

    They lie on it, and it ends about as far from them on all four sides. Only about: the page rounds corners off, most
    of all where a hand was quick and left few points.
    """
    if not strokes:
        return False
    size = np.array(ink.shape[::-1])
    points = np.concatenate(strokes)
    around = np.concatenate([points.min(0), size - points.max(0)])
    between = np.concatenate([(one[1:] + one[:-1]) / 2 if len(one) > 1 else one for one in strokes])
    x, y = np.clip(np.rint(between - 0.5).astype(int), 0, size - 1).T
    near = max(np.ptp(around), -around.min()) < CLOSE + UNEVEN * size.max()
    return bool(near and (ink[y, x] >= INKED).mean() > ON_INK)


def _texts(data: bytes) -> Iterator[bytes]:
    """What follows the keyword in the chunks of a PNG file that have it; not what is compressed."""
    offset = len(PNG_START) if data.startswith(PNG_START) else len(data)
    while offset + 8 <= len(data):
        length, kind = int.from_bytes(data[offset : offset + 4], "big"), data[offset + 4 : offset + 8]
        if kind in (b"tEXt", b"iTXt") and length <= MOST_BYTES + 100:
            keyword, _, text = data[offset + 8 : offset + 8 + length].partition(b"\0")
            if keyword == KEYWORD:
                yield text if kind == b"tEXt" else _international(text)
        offset += 12 + length


def _international(text: bytes) -> bytes:
    """The text of an iTXt chunk, after its flags, language and translated keyword; b"" if it is compressed."""
    return b"" if text[:1] != b"\0" else text[2:].split(b"\0", 2)[-1]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)  # NaN and the infinities, which Python's json would take


def _parsed(text: bytes) -> dict[str, Any]:
    """The JSON object in these bytes; an empty one if there is none."""
    try:
        found = _DECODER.decode(text.decode()) if len(text) <= MOST_BYTES else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# Each picture's strokes are checked, nearly all of which are one digit's: so whole lists are, and not point by point.
def _are_strokes(strokes: object, side: int) -> bool:
    """Whether these are lists of points, not too many, and none farther away than the picture's longer side."""
    if type(strokes) is not list or len(strokes) > MOST_STROKES or not _are_lists(strokes) or not all(strokes):
        return False
    points = list(chain.from_iterable(strokes))
    if not _are_lists(points) or set(map(len, points)) - {2}:
        return False
    places = list(chain.from_iterable(points))
    return (
        set(map(type, places)) <= {int, float} and -side <= min(places, default=0) <= max(places, default=0) <= 2 * side
    )


def _are_lists(every: list[Any]) -> bool:
    return set(map(type, every)) <= {list}
