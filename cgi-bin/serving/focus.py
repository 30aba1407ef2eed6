"""Which part of the network a request asks to see."""

from typing import NamedTuple

from serving.errors import BadRequest

DIGITS = 3  # of a number at most
MOST = 100  # numbers


class Focus(NamedTuple):
    """What of the network at work is shown closely; numbers count from 0."""

    tower: int = 0
    together: tuple[int, ...] = ()  # towers whose mean is wanted
    whole: int | None = None  # a layer of which all feature maps are wanted
    cell: tuple[int, ...] | None = None  # layer, channel, row, column


def focus_of(query: dict[str, str]) -> Focus:
    """The focus of ?explain=network: &tower=1, &together=0,1,4, &whole=2, &cell=2,17,5,6. Raises BadRequest."""
    tower, whole = _numbers(query, "tower", 1), _numbers(query, "whole", 1)
    together, cell = _numbers(query, "together", range(1, MOST)), _numbers(query, "cell", 4)
    return Focus(tower[0] if tower else 0, together, whole[0] if whole else None, cell or None)


def _numbers(query: dict[str, str], name: str, count: int | range) -> tuple[int, ...]:
    """The whole numbers of a parameter, none if it is left out. Raises BadRequest."""
    text = query.get(name, "")
    if not text:
        return ()
    parts = text.split(",")
    right = len(parts) == count or (isinstance(count, range) and len(parts) in count)
    if not right or not all(p.isascii() and p.isdecimal() and len(p) <= DIGITS for p in parts):
        wanted = "one whole number" if count == 1 else "whole numbers with commas between"
        raise BadRequest(f"?{name}= takes {wanted}, counted from 0.")
    return tuple(int(part) for part in parts)
