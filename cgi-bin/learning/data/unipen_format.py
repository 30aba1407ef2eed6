"""UNIPEN's text format for pen strokes, as far as digits need it; what makes no sense is skipped and counted.

    .INCLUDE apa/data/apa00/app0032.dat    another file, whose components are counted on
    .PEN_DOWN                              a component: a point a line, y grows upwards
    .PEN_UP                                a component, too: how the pen moved above the paper
    .SEGMENT DIGIT 0,2-3 OK "7"            which components are a 7, counted from 0

Guyon, Schomaker, Plamondon, Liberman and Janet, "UNIPEN project of on-line data exchange and recognizer benchmarks"
(1994). A statement begins with a full stop at the beginning of a line, and goes on to the next one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from learning.data.strokes import SPAN

Point = tuple[float, float]
Component = list[Point] | None  # None while the pen is up
Skips = Counter[str]  # why something was skipped -> how many times

MOST_COMPONENTS = 1000  # in one digit; beyond, the numbers make no sense
DEEPEST = 4  # files that include each other
FURTHEST = 1e6  # the largest coordinate of a tablet

_STATEMENT = re.compile(r"^[ \t]*\.(?=[A-Z])", re.MULTILINE)
_SEGMENT = re.compile(r'DIGIT\s+(\S+)\s+(?:[^\s"]+\s+)?"([^"]*)"')
_NUMBERS = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*")


class Statement(NamedTuple):
    """One statement of a file."""

    keyword: str  # as PEN_DOWN
    arguments: str  # what follows, up to the next statement


class Digit(NamedTuple):
    """One digit, in the tablet's own units."""

    label: int
    strokes: list[list[Point]]  # at least one, each with a point at least; y up


class Segment(NamedTuple):
    """Which components make a digit."""

    numbers: str  # as "0,2-3"
    label: str

    def digit(self, components: list[Component], skips: Skips) -> Digit | None:
        """The digit, if the segment is of one and its components are there."""
        numbers = _numbers(self.numbers)
        if not numbers:
            skips["numbers of strokes that make no sense"] += 1
        elif max(numbers) >= len(components):
            skips["strokes that are not there"] += 1
        else:
            return digit_of(self.label, [components[number] for number in numbers], skips)
        return None


def statements(text: str) -> Iterator[Statement]:
    """The statements of a file, in order."""
    for part in _STATEMENT.split(text)[1:]:
        keyword = part.split(None, 1)[0]
        yield Statement(keyword, part[len(keyword) :].strip())


def segment_of(arguments: str) -> Segment | None:
    """What .SEGMENT says of a digit; None if it is about something else."""
    found = _SEGMENT.match(arguments)
    return Segment(found[1], found[2].strip()) if found else None


class Reader:
    """Collects the components of a file and of those that it includes, in order."""

    def __init__(self, include: Callable[[str], str | None], skips: Skips) -> None:
        """`include` gives the text of a file by the name in .INCLUDE, None if there is none."""
        self.include, self.skips = include, skips
        self.components: list[Component] = []
        self.columns = (0, 1)  # of x and y

    def read(self, text: str, depth: int = 0) -> list[Component]:
        """All components so far, with those of this text."""
        for keyword, arguments in statements(text):
            if keyword == "INCLUDE":
                self._read_included(arguments, depth)
            elif keyword == "COORD":
                self.columns = _columns(arguments)
            elif keyword == "PEN_DOWN":
                self.components.append(points_of(arguments, self.skips, self.columns))
            elif keyword == "PEN_UP":
                self.components.append(None)
        return self.components

    def _read_included(self, name: str, depth: int) -> None:
        text = self.include(name) if depth < DEEPEST else None
        if text is None:
            self.skips["included files that are not there"] += 1
        else:
            self.read(text, depth + 1)


def _columns(arguments: str) -> tuple[int, int]:
    """Where x and y are in a line of a point."""
    names = arguments.upper().split()
    return (names.index("X"), names.index("Y")) if {"X", "Y"} <= set(names) else (0, 1)


def points_of(arguments: str, skips: Skips, columns: tuple[int, int] = (0, 1)) -> list[Point]:
    """The points of a component, a line each."""
    read = [_point(line.split(), columns) for line in arguments.splitlines() if line.strip()]
    points = [point for point in read if point]
    if len(points) < len(read):
        skips["points that are no numbers"] += len(read) - len(points)
    return points


def _point(words: list[str], columns: tuple[int, int]) -> Point | None:
    try:
        x, y = (float(words[column]) for column in columns)
    except (ValueError, IndexError):
        return None
    return (x, y) if math.hypot(x, y) < FURTHEST else None


def _numbers(text: str) -> list[int]:
    """The numbers that "0,2-3" stands for; none if it makes no sense."""
    if not _NUMBERS.fullmatch(text):
        return []
    ends = [(int(first), int(last or first)) for first, _, last in (part.partition("-") for part in text.split(","))]
    if any(not 0 <= last - first < MOST_COMPONENTS for first, last in ends):
        return []
    return [number for first, last in ends for number in range(first, last + 1)]


def digit_of(label: str, components: list[Component], skips: Skips) -> Digit | None:
    """A digit of some components, if it is one."""
    strokes = [component for component in components if component]
    if not (label.isascii() and label.isdecimal() and len(label) == 1):
        skips["labels that are no digit"] += 1
    elif not strokes:
        skips["digits without a point"] += 1
    else:
        return Digit(int(label), strokes)
    return None


def in_our_form(strokes: list[list[Point]]) -> list[list[list[int]]]:
    """Strokes with y down, both coordinates from 0, the longer side SPAN; a single point is at 0, 0."""
    left = min(x for stroke in strokes for x, _ in stroke)
    top = max(y for stroke in strokes for _, y in stroke)
    longer = max(max(x - left, top - y) for stroke in strokes for x, y in stroke) or 1
    return [[[round(SPAN * (x - left) / longer), round(SPAN * (top - y) / longer)] for x, y in one] for one in strokes]
