"""MNIST's original IDX files: check them, read them.

Files may be gzip compressed or not, whatever their names say. What is checked is always the *uncompressed*
content, because the compressed files differ from mirror to mirror. The format is described by the authors of
MNIST (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from learning.data.mnist import FILES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, Mnist
from learning.errors import BadDataset, reason

if TYPE_CHECKING:
    from reading.arrays import Bytes


MAX_BYTES = 64 * 2**20  # uncompressed; the largest file of MNIST has 47,040,016


def read(path: Path, name: str, sha256: Mapping[str, str], place: str = "") -> Bytes:
    """Read one IDX file; it must have the checksum of `name`."""
    place = place or str(path)
    content = _content(path, place)
    digest = hashlib.sha256(content).hexdigest()
    if digest == sha256[name]:
        return _array(content, name, place)
    for other in FILES:
        if digest == sha256[other]:
            raise BadDataset(f"{place} holds {other}: the files were swapped.")
    raise BadDataset(f"{place} is not the right {name}: {_fault(content, digest)}.")


def _content(path: Path, place: str) -> bytes:
    try:
        with path.open("rb") as raw:
            # A server may unpack on the way, so the name says nothing about compression.
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if packed else raw
            content = stream.read(MAX_BYTES + 1)
    except EOFError as error:
        raise BadDataset(f"{place} is cut short: the compressed data ends too early.") from error
    except (OSError, zlib.error) as error:
        raise BadDataset(f"Can't read {place}: {reason(error)}.") from error
    if len(content) > MAX_BYTES:
        raise BadDataset(f"{place} unpacks to more than {MAX_BYTES // 2**20} MiB: it is not of MNIST.")
    return content


def _shape(content: bytes) -> tuple[int, ...] | None:
    """Return the shape in the header of an IDX file of unsigned bytes, None if it has no such header."""
    if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        return None
    return tuple(int(side) for side in np.frombuffer(content, ">u4", count=content[3], offset=4))


def _size(shape: tuple[int, ...]) -> int:
    size = 4 + 4 * len(shape)
    entries = 1
    for side in shape:
        entries *= side
    return size + entries


def _fault(content: bytes, digest: str) -> str:
    """Say what is wrong with content whose checksum is wrong."""
    shape = _shape(content)
    if shape is None:
        return "it is no IDX file of unsigned bytes"
    if len(content) != _size(shape):
        return f"it has {len(content):,} bytes where its header announces {_size(shape):,}"
    return f"its SHA-256 is {digest}"


def _array(content: bytes, name: str, place: str) -> Bytes:
    shape = _shape(content)
    if shape is None or len(content) != _size(shape):
        raise BadDataset(f"{place} is not what it should be: {_fault(content, '')}.")
    images = name in (TRAIN_IMAGES, TEST_IMAGES)
    if (images and (len(shape) != 3 or shape[1:] != (28, 28))) or (not images and len(shape) != 1):
        wanted = "pictures of 28x28" if images else "a list of labels"
        raise BadDataset(f"{place} should hold {wanted}, but its shape is {shape}.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def assemble(files: dict[str, Bytes], source: str, sha256: Mapping[str, str]) -> Mnist:
    """The data set from the arrays of the four files. Raises BadDataset if they don't belong together."""
    for images, labels in ((TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)):
        if len(files[images]) != len(files[labels]):
            counts = f"{len(files[images]):,} pictures and {len(files[labels]):,} labels"
            raise BadDataset(f"{source} has {counts} in {images} and {labels}.")
        if len(files[labels]) and files[labels].max() > 9:
            raise BadDataset(f"{labels} in {source} has the label {files[labels].max()}; digits are 0 to 9.")
    X_train, y_train, X_test, y_test = (files[name] for name in FILES)
    return Mnist(X_train, y_train, X_test, y_test, source, {name: sha256[name] for name in FILES})
