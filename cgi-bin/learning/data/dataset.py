"""MNIST in its original IDX files: find them on this machine or download them once, check them, read them.

    from learning.data.dataset import load
    mnist = load()
    mnist.X_train, mnist.y_train, mnist.X_test, mnist.y_test

`load` looks in this order: a folder, a file or an address that it is given, the folder that the environment
variable MNIST_DIR names, the user's cache folder, and last the public `MIRRORS`, from which the files go to the
cache.

Files may be gzip compressed or not, whatever their names say. What is checked is always the *uncompressed*
content, because the compressed files differ from mirror to mirror. The format is described by the authors of
MNIST (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits").
"""

import gzip
import hashlib
import io
import logging
import os
import tempfile
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reading.errors import BadDataset

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

# Of the uncompressed files. The training images are those whose published MD5 is
# 6bbc9ace898e44ae57da46a324031adb.
SHA256: Mapping[str, str] = {
    TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

TRIES = 3  # downloads from one mirror before the next is asked
PAUSE = 1.0  # seconds before the second try; the third waits twice as long
TIMEOUT = 30  # seconds without a byte until a connection counts as lost
MAX_BYTES = 64 * 2**20  # uncompressed; the largest file of MNIST has 47,040,016


class Mnist(NamedTuple):
    """The data set, read-only: `X_*` uint8 (n, 28, 28), ink 255 on paper 0; `y_*` uint8 (n,) in 0..9."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    source: str  # the folder or address that it was read from
    sha256: dict[str, str]  # of each uncompressed file
    copies: int = 1  # pictures made of each training image; row r is of image r % (n // copies)


def load(
    source: str | Path | None = None,
    sha256: Mapping[str, str] = SHA256,
    mirrors: tuple[str, ...] = MIRRORS,
) -> Mnist:
    """Return the data set from `source`, or from the first place that has it.

    `source` is a folder or a http(s) address with the IDX files, or a HDF5 file that `fetch.py` wrote; a given
    address is always downloaded from, and renews the cache. `sha256` maps each of `FILES` to the checksum of its
    uncompressed content: give your own for other data in the same format. Raises BadDataset, naming the file and
    the place, if one is missing, short, swapped or otherwise not what its checksum says.
    """
    if source and str(source).startswith(("http://", "https://")):
        mirrors, folder, fresh = (str(source).rstrip("/") + "/",), _cache(sha256), True
    elif source and Path(source).is_file():
        from learning.data import hdf5

        return hdf5.read(Path(source))
    elif source or os.environ.get("MNIST_DIR"):
        folder = Path(source or os.environ["MNIST_DIR"]).expanduser()
        return _assemble({name: _checked(_find(folder, name), name, sha256) for name in FILES}, str(folder), sha256)
    else:
        folder, fresh = _cache(sha256), False
    files = {name: _cached(folder, name, sha256, mirrors, fresh) for name in FILES}
    return _assemble(files, mirrors[0] if fresh else str(folder), sha256)


def without_variants(mnist: Mnist) -> Mnist:
    """Return the data set with the training images only, without what `fetch.py` made of them."""
    originals = len(mnist.y_train) // mnist.copies
    return mnist._replace(X_train=mnist.X_train[:originals], y_train=mnist.y_train[:originals], copies=1)


def read_checksums(path: str | Path) -> dict[str, str]:
    """Read what `sha256sum train-* t10k-*` prints about uncompressed files: a checksum for each of `FILES`.

    Raises BadDataset if the file can't be read or doesn't name all four.
    """
    try:
        rows = [line.split() for line in Path(path).read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadDataset(f"Can't read the checksums in {path}: {_reason(error)}.") from error
    sums = {Path(row[1].lstrip("*")).name: row[0].lower() for row in rows if len(row) == 2}
    missing = [name for name in FILES if len(sums.get(name, "")) != 64]
    if missing:
        raise BadDataset(f"{path} has no SHA-256 for {missing[0]}; it should hold what sha256sum prints.")
    return {name: sums[name] for name in FILES}


# --- where the files are


def _find(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise BadDataset(f"{folder} is no folder; MNIST's four IDX files should be in it.")
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise BadDataset(f"{folder} has neither {name} nor {name}.gz.")


def _cache(sha256: Mapping[str, str]) -> Path:
    """Return the cache folder of the data with these checksums, so that other data never displaces MNIST."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("mnist-draw", appauthor=False)) / sha256[TRAIN_IMAGES][:12]


def _cached(folder: Path, name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...], fresh: bool) -> np.ndarray:
    path = folder / f"{name}.gz"
    if not fresh and path.is_file():
        try:
            return _checked(path, name, sha256)
        except BadDataset as error:
            logging.getLogger(__name__).warning("%s It is downloaded again.", error)
    return _download(path, name, sha256, mirrors)


# --- download


def _download(path: Path, name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...]) -> np.ndarray:
    """Get one file from the first mirror that has the right one, and only then move it into the cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, suffix=".part") as part:
            array, got = _first_right(name, sha256, mirrors, Path(part))
            got.replace(path)
    except OSError as error:
        raise BadDataset(f"Can't save {name} in the cache folder {path.parent}: {_reason(error)}.") from error
    return array


def _first_right(name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...], part: Path) -> tuple[np.ndarray, Path]:
    failures = []
    for mirror in mirrors:
        try:
            got = _fetch(f"{mirror}{name}.gz", part)
            return _checked(got, name, sha256, f"{mirror}{name}.gz"), got
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


# --- check and read


def _checked(path: Path, name: str, sha256: Mapping[str, str], place: str = "") -> np.ndarray:
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
        raise BadDataset(f"Can't read {place}: {_reason(error)}.") from error
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


def _array(content: bytes, name: str, place: str) -> np.ndarray:
    shape = _shape(content)
    if shape is None or len(content) != _size(shape):
        raise BadDataset(f"{place} is not what it should be: {_fault(content, '')}.")
    images = name in (TRAIN_IMAGES, TEST_IMAGES)
    if (images and (len(shape) != 3 or shape[1:] != (28, 28))) or (not images and len(shape) != 1):
        wanted = "pictures of 28x28" if images else "a list of labels"
        raise BadDataset(f"{place} should hold {wanted}, but its shape is {shape}.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def _assemble(files: dict[str, np.ndarray], source: str, sha256: Mapping[str, str]) -> Mnist:
    for images, labels in ((TRAIN_IMAGES, TRAIN_LABELS), (TEST_IMAGES, TEST_LABELS)):
        if len(files[images]) != len(files[labels]):
            counts = f"{len(files[images]):,} pictures and {len(files[labels]):,} labels"
            raise BadDataset(f"{source} has {counts} in {images} and {labels}.")
        if len(files[labels]) and files[labels].max() > 9:
            raise BadDataset(f"{labels} in {source} has the label {files[labels].max()}; digits are 0 to 9.")
    X_train, y_train, X_test, y_test = (files[name] for name in FILES)
    return Mnist(X_train, y_train, X_test, y_test, source, {name: sha256[name] for name in FILES})


def _reason(error: Exception) -> str:
    """Return what an error says, without its number and path."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
