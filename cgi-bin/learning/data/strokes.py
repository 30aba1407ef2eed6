"""Digits as pen strokes, in the one form that files of them have here: JSON Lines, compressed by gzip or not.

    {"writer": "apa/apa00/app0032", "label": 9, "strokes": [[[x, y], ...], ...]}

x to the right, y down, 0 to 1000; one list for each time the pen is down.

    digits = read(Path("unipen-digits-train.jsonl.gz"), Path("pendigits-train.jsonl.gz"))
    digits.strokes, digits.labels, digits.writers
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from learning.data.writers import hand
from learning.errors import BadDataset, reason
from learning.replacing import replacing

if TYPE_CHECKING:
    from reading.arrays import Float, Ints

SPAN = 1000  # the largest coordinate; the smallest is 0
FORM = '{"writer": "name", "label": 7, "strokes": [[[x, y], ...], ...]}'


class StrokeDigits(NamedTuple):
    """Digits as people wrote them, in the order of their files; n of them."""

    strokes: list[list[Float]]  # of each digit at least one, float32 (k, 2) with k >= 1: x right, y down, 0..SPAN
    labels: Ints  # int64 (n,), 0..9
    writers: list[str]  # n names; digits of one name are by one hand
    skipped: int = 0  # lines that made no sense


def read(*paths: Path) -> StrokeDigits:
    """Read files of digits. Lines that make no sense are skipped, and how many is logged as a warning.

    Raises BadDataset for a file that is missing, can't be read or is cut short, and for one without any digit.
    """
    parts = [_read(path) for path in paths]
    labels = np.concatenate([part.labels for part in parts]) if parts else np.zeros(0, np.int64)
    strokes = [digit for part in parts for digit in part.strokes]
    writers = [writer for part in parts for writer in part.writers]
    return StrokeDigits(strokes, labels, writers, sum(part.skipped for part in parts))


def facts(digits: StrokeDigits) -> dict[str, int]:
    """What a card says of digits that a model learnt from."""
    return {"digits": len(digits.labels), "writers": len({hand(name) for name in digits.writers})}


def write(path: Path, digits: Iterable[tuple[str, int, list[list[list[int]]]]]) -> int:
    """Write digits (writer, label, strokes) to a file, packed by gzip; how many there are.

    It is written beside `path` and then moved there. Raises BadSetting for what is no regular file, and OSError.
    """
    records = [dict(zip(("writer", "label", "strokes"), digit, strict=True)) for digit in digits]
    lines = "".join(f"{json.dumps(record, separators=(',', ':'))}\n" for record in records)
    with replacing(path) as part:
        part.write_bytes(gzip.compress(lines.encode(), mtime=0))
    return len(records)


def _read(path: Path) -> StrokeDigits:
    records = [_record(line) for line in _lines(path) if line.strip()]
    good = [record for record in records if record]
    if not good:
        raise BadDataset(f"There is no digit in {path}. Each line should be a JSON object: {FORM}.")
    skipped = len(records) - len(good)
    if skipped:
        what = f"{skipped:,} lines make no sense and were" if skipped > 1 else "1 line makes no sense and was"
        logging.getLogger(__name__).warning("%s: %s skipped.", path, what)
    writers, labels, strokes = zip(*good, strict=True)
    return StrokeDigits(list(strokes), np.array(labels, np.int64), list(writers), skipped)


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, unpacked if gzip has packed it, whatever its name says."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield from gzip.GzipFile(fileobj=raw) if packed else raw
    except EOFError as error:
        raise BadDataset(f"{path} is cut short: the compressed data ends too early.") from error
    except (OSError, zlib.error) as error:
        raise BadDataset(f"Can't read the strokes in {path}: {reason(error)}.") from error


def _record(line: bytes) -> tuple[str, int, list[Float]] | None:
    """Writer, label and strokes of one line; None for what is no digit."""
    try:
        record = json.loads(line)
        writer, label, strokes = record["writer"], record["label"], [_stroke(one) for one in record["strokes"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_digit = type(label) is int and 0 <= label <= 9
    return (writer, label, strokes) if is_digit and strokes and isinstance(writer, str) and writer else None


def _stroke(points: object) -> Float:
    """One stroke, float32 (k, 2); raises ValueError for what is none."""
    stroke = np.asarray(points)
    if stroke.ndim != 2 or stroke.shape[1] != 2 or not len(stroke) or stroke.dtype.kind not in "iuf":
        raise ValueError("no list of pairs of numbers")
    if not (stroke.min() >= 0 and stroke.max() <= SPAN):  # nor NaN
        raise ValueError("outside the square")
    return stroke.astype(np.float32)
