"""MNIST in its original IDX files: find them on this machine or download them once.

    from learning.data.dataset import load
    mnist = load()
    mnist.X_train, mnist.y_train, mnist.X_test, mnist.y_test

`load` looks in this order: a folder, a file or an address that it is given, the folder that the environment
variable MNIST_DIR names, the user's cache folder, and last the public `MIRRORS`, from which the files go to the
cache.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from learning.data import cache, download, hdf5, idx
from learning.data.download import MIRRORS
from learning.data.mnist import FILES, SHA256, TRAIN_IMAGES, Mnist
from learning.errors import BadDataset, reason
from learning.replacing import tidy

if TYPE_CHECKING:
    from reading.arrays import Bytes


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
        return hdf5.read(Path(source))
    elif source or os.environ.get("MNIST_DIR"):
        folder = Path(source or os.environ["MNIST_DIR"]).expanduser()
        return idx.assemble({name: idx.read(_find(folder, name), name, sha256) for name in FILES}, str(folder), sha256)
    else:
        folder, fresh = _cache(sha256), False
    tidy(folder, "*.part")
    files = {name: _cached(folder, name, sha256, mirrors, fresh) for name in FILES}
    return idx.assemble(files, mirrors[0] if fresh else str(folder), sha256)


def read_checksums(path: str | Path) -> dict[str, str]:
    """Read what `sha256sum train-* t10k-*` prints about uncompressed files: a checksum for each of `FILES`.

    Raises BadDataset if the file can't be read or doesn't name all four.
    """
    try:
        rows = [line.split() for line in Path(path).read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadDataset(f"Can't read the checksums in {path}: {reason(error)}.") from error
    sums = {Path(row[1].lstrip("*")).name: row[0].lower() for row in rows if len(row) == 2}
    missing = [name for name in FILES if len(sums.get(name, "")) != 64]
    if missing:
        raise BadDataset(f"{path} has no SHA-256 for {missing[0]}; it should hold what sha256sum prints.")
    return {name: sums[name] for name in FILES}


def _find(folder: Path, name: str) -> Path:
    if not folder.is_dir():
        raise BadDataset(f"{folder} is no folder; MNIST's four IDX files should be in it.")
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise BadDataset(f"{folder} has neither {name} nor {name}.gz.")


def _cache(sha256: Mapping[str, str]) -> Path:
    """Return the cache folder of the data with these checksums, so that other data never displaces MNIST."""
    return cache.folder(sha256[TRAIN_IMAGES][:12])


def _cached(folder: Path, name: str, sha256: Mapping[str, str], mirrors: tuple[str, ...], fresh: bool) -> Bytes:
    path = folder / f"{name}.gz"
    if not fresh and path.is_file():
        try:
            return idx.read(path, name, sha256)
        except BadDataset as error:
            logging.getLogger(__name__).warning("%s It is downloaded again.", error)
    return download.download(path, name, sha256, mirrors)
