"""Download a file from an address, or MNIST's files from public mirrors: in time, of the right size, and whole."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
MIB = 2**20


class Most(NamedTuple):
    """How large a file can be at most, and of what it is then."""

    size: int  # bytes
    of: str

    def check(self, size: int, url: str) -> None:
        """Raise BadDataset for what is larger."""
        if size > self.size:
            raise BadDataset(f"{url} is longer than {self.size // MIB} MiB: it is not of {self.of}.")


def download(path: Path, name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...]) -> Bytes:
    """Get one file of MNIST from the first mirror that has the right one, and only then move it into the cache."""
    try:
        with part_folder(path.parent) as part:
            array, got = _first_right(name, sha256, mirrors, Path(part))
            got.replace(path)
    except OSError as error:
        raise BadDataset(f"Can't save {name} in the cache folder {path.parent}: {reason(error)}.") from error
    return array


def part_folder(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A new folder in `folder` for what is not whole yet, named as `tidy` knows it; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(f".{os.getpid()}.part", dir=folder, ignore_cleanup_errors=True)


def _first_right(name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...], part: Path) -> tuple[Bytes, Path]:
    failures = []
    for number, mirror in enumerate(mirrors):
        try:
            got = from_address(f"{mirror}{name}.gz", part / f"{number}", Most(idx.MAX_BYTES, "MNIST"))
            return idx.read(got, name, sha256, f"{mirror}{name}.gz"), got
        except BadDataset as error:
            failures.append(str(error))
    failures.append("A folder that has the files can be named by the environment variable MNIST_DIR.")
    raise BadDataset(" ".join(failures))


def from_address(url: str, part: Path, most: Most) -> Path:
    """Download `url` into the folder `part`, which is made if need be; the file there. Raises BadDataset."""
    return in_time(url, lambda: _retrieve(url, part, most), LONGEST)


def in_time(url: str, get: Callable[[], Path], longest: float) -> Path:
    """What `get` returns, in a thread: a server that sends a byte now and then would hold it for ever.

    The thread of a download that takes too long is left to itself, and ends with its connection or the process.
    """
    outcome: list[Path | Exception] = []

    def work() -> None:
        try:
            outcome.append(_patiently(url, get))
        except Exception as error:  # raised below
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(longest)
    if not outcome:
        raise BadDataset(f"Can't download {url}: it takes longer than {longest:g} seconds.")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _patiently(url: str, get: Callable[[], Path]) -> Path:
    """Try again after a lost connection or a fault of the server."""
    import requests.exceptions

    for tried in range(1, TRIES + 1):
        try:
            return get()
        except requests.exceptions.RequestException as error:
            status = getattr(error.response, "status_code", None)
            if tried == TRIES or (status and status < 500):
                reason = f"the server answers {status}" if status else "the connection failed or was cut"
                raise BadDataset(f"Can't download {url}: {reason}.") from error
        time.sleep(PAUSE * tried)
    raise AssertionError("the last try returns or raises")


def _retrieve(url: str, part: Path, most: Most) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it would ask for a checksum of the compressed file
    name = url.rpartition("/")[2]
    return Path(pooch.retrieve(url, known_hash=None, fname=name, path=part, downloader=partial(_bounded, most)))


def _bounded(most: Most, url: str, file: str, _: Any) -> None:
    """Save what `url` holds as it comes, unpacked by nobody, and no more than it can be; for pooch.

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
            came = _save(reply, Path(file), announced, most, url)
        except urllib3.exceptions.HTTPError as error:
            raise requests.exceptions.ConnectionError(error) from error
    if came < announced:
        raise requests.exceptions.ConnectionError(f"{came} bytes came of {announced}")


def _leave_redirect(reply: Any, **_: Any) -> None:
    """Close a redirection: requests would read its body to the end, however long that is."""
    if reply.is_redirect:
        reply.close()


def _save(reply: Any, path: Path, announced: int, most: Most, url: str) -> int:
    """Write the body of a reply to a file; the number of bytes."""
    from tqdm import tqdm

    came = 0
    with path.open("wb") as file, tqdm(total=announced or None, unit="B", unit_scale=True, disable=None) as bar:
        for block in reply.raw.stream(BLOCK, decode_content=False):
            came += len(block)
            most.check(came, url)
            file.write(block)
            bar.update(len(block))
    return came
