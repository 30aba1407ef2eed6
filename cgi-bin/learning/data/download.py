"""Download MNIST's files from public mirrors into a folder, each only once it is known to be the right one."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from learning.data import idx
from learning.errors import BadDataset, reason

if TYPE_CHECKING:
    from reading.arrays import Bytes


MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TRIES = 3  # downloads from one mirror before the next is asked
PAUSE = 1.0  # seconds before the second try; the third waits twice as long
TIMEOUT = 30  # seconds without a byte until a connection counts as lost


def download(path: Path, name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...]) -> Bytes:
    """Get one file from the first mirror that has the right one, and only then move it into the cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, suffix=".part") as part:
            array, got = _first_right(name, sha256, mirrors, Path(part))
            got.replace(path)
    except OSError as error:
        raise BadDataset(f"Can't save {name} in the cache folder {path.parent}: {reason(error)}.") from error
    return array


def _first_right(name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...], part: Path) -> tuple[Bytes, Path]:
    failures = []
    for mirror in mirrors:
        try:
            got = _fetch(f"{mirror}{name}.gz", part)
            return idx.read(got, name, sha256, f"{mirror}{name}.gz"), got
        except BadDataset as error:
            failures.append(str(error))
    failures.append("A folder that has the files can be named by the environment variable MNIST_DIR.")
    raise BadDataset(" ".join(failures))


def _fetch(url: str, part: Path) -> Path:
    """Download `url` into the folder `part`; try again after a lost connection or a fault of the server."""
    import requests.exceptions

    for tried in range(1, TRIES + 1):
        try:
            return _retrieve(url, part)
        except requests.exceptions.RequestException as error:
            status = getattr(error.response, "status_code", None)
            if tried == TRIES or (status and status < 500):
                reason = f"the server answers {status}" if status else "the connection failed or was cut"
                raise BadDataset(f"Can't download {url}: {reason}.") from error
        time.sleep(PAUSE * tried)
    raise AssertionError("the last try returns or raises")


def _retrieve(url: str, part: Path) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it would ask for a checksum of the compressed file
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=TIMEOUT, chunk_size=2**16)
    name = url.rpartition("/")[2]
    (part / name).unlink(missing_ok=True)  # what the mirror before sent
    return Path(pooch.retrieve(url, known_hash=None, fname=name, path=part, downloader=downloader))
