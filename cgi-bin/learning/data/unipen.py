"""Isolated digits of UNIPEN Train-R01/V07, benchmark 1a, written on the tablets of 17 laboratories.

International Unipen Foundation (1999), doi 10.5281/zenodo.1195803, CC BY 4.0. Zenodo's record says the checksum of its
archive, which pooch verifies. In the archive are files `data/1a/LABORATORY/.../WRITER.dat`, which say what strokes
make a digit, and files below `include/`, which have the strokes.
"""

from __future__ import annotations

import logging
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from learning.data.download import BLOCK, MIB, TIMEOUT, Most, in_time
from learning.data.unipen_format import Digit, Reader, Skips, segment_of, statements
from learning.data.writers import DEV, TRAIN, part_of
from learning.errors import BadDataset

DOI = "doi:10.5281/zenodo.1195803"
ARCHIVE = "unipen-CDROM-train_r01_v07.tgz"
PLACE = f"{DOI}/{ARCHIVE}"
MOST = Most(1024 * MIB, "UNIPEN")
LONGEST = 7200.0  # seconds for the archive, all tries together
LARGEST = 64 * MIB  # bytes of one file in the archive
SEGMENTS, STROKES = "/data/1a/", "/include/"  # the folders that matter


def fetch(folder: Path, skips: Skips) -> dict[str, list[tuple[str, Digit]]]:
    """Download the archive into `folder` and read it: {TRAIN: digits with their writers, DEV: the same}.

    Writers who are in neither part are left out. Raises BadDataset for what is not to be had or damaged.
    """
    archive = in_time(PLACE, lambda: _retrieve(folder), LONGEST)
    try:
        texts = Texts(archive)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise BadDataset(f"{PLACE} is no tar archive, or a damaged one.") from error
    found: dict[str, list[tuple[str, Digit]]] = {TRAIN: [], DEV: []}
    for name, text in sorted(texts.segments.items()):
        if part := part_of(name):
            found[part] += [(name, digit) for digit in digits(text, texts, skips)]
    return found


def digits(text: str, texts: Texts, skips: Skips) -> Iterator[Digit]:
    """The digits that one file of segments names, with the strokes of the files that it includes."""
    components = Reader(texts.included, skips).read(text)
    for keyword, arguments in statements(text):
        segment = segment_of(arguments) if keyword == "SEGMENT" else None
        if segment and (digit := segment.digit(components, skips)):
            yield digit


class Texts:
    """The texts of an archive that matter here: those of segments, and those that these include."""

    def __init__(self, archive: Path) -> None:
        """Raises TarError, EOFError, OSError or zlib.error for what is no archive."""
        self.segments = _texts(archive, SEGMENTS, None)
        wanted, self._strokes = _includes(self.segments.values()), dict[str, str | None]()
        while missing := wanted - self._strokes.keys():  # what is included may include more
            read = _texts(archive, STROKES, missing)
            self._strokes |= {name: read.get(name) for name in missing}
            wanted |= _includes(read.values())

    def included(self, name: str) -> str | None:
        """The text of a file below include/; None if there is none."""
        return self._strokes.get(name.lower())


def _includes(texts: Iterable[str]) -> set[str]:
    found = (each for text in texts for each in statements(text) if each.keyword == "INCLUDE")
    return {each.arguments.lower() for each in found}


def _texts(archive: Path, folder: str, wanted: set[str] | None) -> dict[str, str]:
    """The texts of files below a folder by their path in it, in small letters if only `wanted` ones are asked for."""
    texts = {}
    with tarfile.open(archive) as packed:
        for member in packed:
            before, found, name = f"/{member.name}".partition(folder)
            if not found or not member.isfile() or SEGMENTS in before or STROKES in before:
                continue
            name = name.removesuffix(".dat") if wanted is None else name.lower()
            if (wanted is None or name in wanted) and (file := packed.extractfile(member)):
                texts[name] = file.read(LARGEST).decode("latin-1")
    return texts


def _retrieve(folder: Path) -> Path:
    """Download the archive and compare it with the checksum in Zenodo's record. Raises RequestException, BadDataset."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    record = pooch.create(path=folder, base_url=f"{DOI}/", registry={})
    try:
        record.load_registry_from_doi()
    except (ValueError, KeyError, TypeError) as error:
        raise BadDataset(f"Can't download {PLACE}: Zenodo's record can't be understood.") from error
    if ARCHIVE not in record.registry:
        raise BadDataset(f"Can't download {PLACE}: Zenodo's record has no such file.")
    try:
        return Path(record.fetch(ARCHIVE, downloader=_bounded))
    except ValueError as error:  # pooch's word on the checksum
        raise BadDataset(f"Can't download {PLACE}: {error}") from error


def _bounded(url: str, file: str, record: object) -> None:
    """Save the archive, which is no larger than it can be; for pooch."""
    import pooch

    get = pooch.DOIDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT, chunk_size=BLOCK)
    with Path(file).open("wb") as opened:
        get(url, _Bounded(opened, url), record)


class _Bounded:
    """A file to write to, up to MOST."""

    def __init__(self, file: IO[bytes], url: str) -> None:
        self._file, self._url, self._size = file, url, 0

    def write(self, block: bytes) -> None:
        """Write on. Raises BadDataset for what would be too much."""
        self._size += len(block)
        MOST.check(self._size, self._url)
        self._file.write(block)

    def flush(self) -> None:
        """As pooch asks for after each block."""
        self._file.flush()
