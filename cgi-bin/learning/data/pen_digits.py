"""Digits of 44 people in Istanbul, written with a pen on a tablet's own screen, from UCI's archive.

E. Alpaydin and F. Alimoglu, "Pen-Based Recognition of Handwritten Digits" (1998), doi 10.24432/C5MG6K, CC BY 4.0: the
original strokes. As with MNIST, what is checked is the unpacked content, as that is what is read.
"""

from __future__ import annotations

import hashlib
import subprocess  # nosec B404
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from learning.data.download import MIB, Most, from_address
from learning.data.unipen_format import (
    Component,
    Digit,
    Segment,
    Skips,
    Statement,
    digit_of,
    points_of,
    segment_of,
    statements,
)
from learning.data.writers import DEV, TRAIN
from learning.errors import BadDataset, reason

URL = "https://archive.ics.uci.edu/static/public/81/pen+based+recognition+of+handwritten+digits.zip"
MOST = Most(8 * MIB, "these digits")  # it has 1,668,118 bytes
UNPACKED = 64 * MIB  # bytes of one file, at most
FILES = {TRAIN: "pendigits-orig.tra.Z", DEV: "pendigits-orig.tes.Z"}  # packed by Unix' compress
SHA256 = {  # of the unpacked files
    TRAIN: "a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4",
    DEV: "ddb1c19e277a56c7ffe682cc024d6ab73696f9adcc1643ef9ed5aa753007e081",
}


def fetch(folder: Path, skips: Skips) -> dict[str, list[tuple[str, Digit]]]:
    """Download the archive into `folder` and read it: {TRAIN: digits with their writers, DEV: the same}.

    Raises BadDataset for what is not to be had or not what its checksum says.
    """
    archive = from_address(URL, folder, MOST)
    return {part: list(digits(_content(archive, part, folder), part, skips)) for part in FILES}


def digits(text: str, part: str, skips: Skips) -> Iterator[tuple[str, Digit]]:
    """The digits of one file, each with its writer: `tra01` to `tra30`, `tes01` to `tes14`.

    A digit is what is written between one .SEGMENT and the next; .COMMENT has its label, its writer and a number.
    """
    for segment, written in _segments(text):
        digit = digit_of(segment.label, _strokes(written, skips), skips)
        writer = _writer(written, part)
        if digit and writer:
            yield writer, digit
        elif digit:
            skips["digits without a writer"] += 1


def _segments(text: str) -> Iterator[tuple[Segment, list[Statement]]]:
    """Each segment with the statements up to the next one."""
    segment, written = None, list[Statement]()
    for statement in statements(text):
        if statement.keyword == "SEGMENT":
            if segment:
                yield segment, written
            segment, written = segment_of(statement.arguments), []
        else:
            written.append(statement)
    if segment:
        yield segment, written


def _strokes(written: list[Statement], skips: Skips) -> list[Component]:
    return [points_of(arguments, skips) for keyword, arguments in written if keyword == "PEN_DOWN"]


def _writer(written: list[Statement], part: str) -> str:
    """The writer's name in our files; "" if none is told."""
    comments = [arguments.split() for keyword, arguments in written if keyword == "COMMENT"]
    numbers = [words[1] for words in comments if len(words) == 3 and all(map(str.isdecimal, words))]
    return f"{FILES[part].rpartition('.Z')[0][-3:]}{int(numbers[0]):02d}" if numbers else ""


def _content(archive: Path, part: str, folder: Path) -> str:
    """The text of one file in the archive, if it is the right one."""
    name = FILES[part]
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(name) as file:
            (folder / name).write_bytes(file.read(MOST.size))
    except KeyError as error:
        raise BadDataset(f"{URL} has no {name} in it.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadDataset(f"{URL} is no ZIP archive, or a damaged one: {reason(error)}.") from error
    content = _unpacked(folder / name)
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[part]:
        raise BadDataset(f"{name} in {URL} is not the right one: its SHA-256, unpacked, is {digest}.")
    return content.decode("latin-1")


def _unpacked(path: Path) -> bytes:
    """What Unix' compress has packed, for which Python has no module; at most UNPACKED bytes of it."""
    command = ["gzip", "-dc", str(path)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as gzip:  # nosec B603
            content = gzip.stdout.read(UNPACKED) if gzip.stdout else b""
            gzip.kill()
    except FileNotFoundError as error:
        raise BadDataset("gzip is not installed, which unpacks these digits. Install it.") from error
    return content
