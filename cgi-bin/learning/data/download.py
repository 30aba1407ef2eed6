"""Download MNIST's files from public mirrors into a folder, each only once it is known to be the right one."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
LONGEST = 600.0  # seconds for one file from one mirror, all tries together
BLOCK = 2**16  # bytes that are read at a time


def download(path: Path, name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...]) -> Bytes:
    """Get one file from the first mirror that has the right one, and only then move it into the cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = f".{os.getpid()}.part"  # by which `tidy` knows it
        with tempfile.TemporaryDirectory(suffix, dir=path.parent, ignore_cleanup_errors=True) as part:
            array, got = _first_right(name, sha256, mirrors, Path(part))
            got.replace(path)
    except OSError as error:
        raise BadDataset(f"Can't save {name} in the cache folder {path.parent}: {reason(error)}.") from error
    return array


def _first_right(name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...], part: Path) -> tuple[Bytes, Path]:
    failures = []
    for number, mirror in enumerate(mirrors):
        try:
            got = _in_time(f"{mirror}{name}.gz", part / f"{number}")
            return idx.read(got, name, sha256, f"{mirror}{name}.gz"), got
        except BadDataset as error:
            failures.append(str(error))
    failures.append("A folder that has the files can be named by the environment variable MNIST_DIR.")
    raise BadDataset(" ".join(failures))


def _in_time(url: str, part: Path) -> Path:
    """Download `url` into a new folder, in a thread: a server that sends a byte now and then would hold it for ever.

    The thread of a download that takes too long is left to itself, and ends with its connection or the process.
    """
    outcome: list[Path | Exception] = []
    part.mkdir()

    def work() -> None:
        try:
            outcome.append(_fetch(url, part))
        except Exception as error:  # raised below
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LONGEST)
    if not outcome:
        raise BadDataset(f"Can't download {url}: it takes longer than {LONGEST:g} seconds.")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


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
    name = url.rpartition("/")[2]
    return Path(pooch.retrieve(url, known_hash=None, fname=name, path=part, downloader=_bounded))


def _bounded(url: str, file: str, _: Any) -> None:
    """Save what `url` holds as it comes, unpacked by nobody, and no more than MNIST's files can have; for pooch.

    Raises BadDataset for more, RequestException for what is wrong with server or connection.
    """
    import requests
    import urllib3.exceptions

    how: dict[str, Any] = {"headers": {"Accept-Encoding": "identity"}, "hooks": {"response": _leave_redirect}}
    with requests.get(url, stream=True, timeout=TIMEOUT, **how) as reply:
        reply.raise_for_status()
        length = reply.headers.get("Content-Length") or ""
        announced = int(length) if length.isdecimal() and len(length) < 16 else 0
        try:
            came = _save(reply, Path(file), announced, url)
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ConnectionError(error) from error
    if came < announced:
        raise requests.exceptions.ConnectionError(f"{came} bytes came of {announced}")


def _leave_redirect(reply: Any, **_: Any) -> None:
    """Close a redirection: requests would read its body to the end, however long that is."""
    if reply.is_redirect:
        reply.close()


def _save(reply: Any, path: Path, announced: int, url: str) -> int:
    """Write the body of a reply to a file; the number of bytes."""
    from tqdm import tqdm

    came = 0
    with path.open("wb") as file, tqdm(total=announced or None, unit="B", unit_scale=True, disable=None) as bar:
        for block in reply.raw.stream(BLOCK, decode_content=False):
            came += len(block)
            if came > idx.MAX_BYTES:
                raise BadDataset(f"{url} is longer than {idx.MAX_BYTES // 2**20} MiB: it is not of MNIST.")
            file.write(block)
            bar.update(len(block))
    return came
