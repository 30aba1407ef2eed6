"""What a command line may hold: types for argparse, each of which says in words what it wants."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MOST = 1_000_000  # of whatever is counted
SEEDS = 2**32 - 1  # the highest seed that scikit-learn and TensorFlow take
SEVERAL = 1000  # seeds at most
LONGEST = 40  # characters of an argument that are repeated in what is said about it


class Several(argparse.Action):
    """An option without a value that stands for several others: `const` has their values by name."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: dict[str, Any], **more: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, const=const, **more)

    def __call__(self, _: object, chosen: argparse.Namespace, *__: object) -> None:
        """Set them all, and that it was given."""
        vars(chosen).update({self.dest: True} | self.const)


def positive(text: str) -> float:
    """A number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise _wrong(text, "a number above 0")
    return number


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = _number(text)
    if not 0 <= number <= 1:
        raise _wrong(text, "a number from 0 to 1")
    return number


def part(text: str) -> float:
    """A number from 0 on and below 1."""
    number = share(text)
    if number == 1:
        raise _wrong(text, "a number below 1")
    return number


def whole(text: str) -> int:
    """A whole number from 1 on."""
    number = _digits(text)
    if number < 1:
        raise _wrong(text, "a whole number from 1 on")
    if number > MOST:
        raise _wrong(text, f"a whole number up to {MOST:,}")
    return number


def seed(text: str) -> int:
    """What random numbers begin with."""
    number = _digits(text)
    if not 0 <= number <= SEEDS:
        raise _wrong(text, f"a whole number from 0 to {SEEDS}")
    return number


def seeds(text: str) -> list[int]:
    """Several seeds: 1-8, or 1,4,9, or both."""
    ends = [each.split("-") for each in text.split(",")]
    if any(len(pair) > 2 for pair in ends):
        raise _wrong(text, "seeds like 1-8 or 1,4,9")
    ranges = [(seed(pair[0]), seed(pair[-1])) for pair in ends]
    if sum(last - first for first, last in ranges) > SEVERAL or any(last < first for first, last in ranges):
        raise _wrong(text, f"seeds like 1-8 or 1,4,9, up to {SEVERAL}")
    return list(dict.fromkeys(each for first, last in ranges for each in range(first, last + 1)))


def path(text: str) -> Path:
    """A path; nothing at all would be the folder that one is in."""
    return Path(named(text))


def named(text: str) -> str:
    """A name or address, and not nothing."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _digits(text: str) -> int:
    """A number of ASCII digits; -1 for what is none, and one more than any for what is too long."""
    if not (text.isascii() and text.isdecimal()):
        return -1
    return int(text) if len(text) < 16 else SEEDS + 1


def _wrong(text: str, wanted: str) -> argparse.ArgumentTypeError:
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return argparse.ArgumentTypeError(f"{shown!r} is not {wanted}")
