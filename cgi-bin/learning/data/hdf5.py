"""MNIST, or variants of it, as one HDF5 file: what `fetch.py` writes and `dataset.load` reads.

    X_train  uint8 (n, 28, 28)   y_train  uint8 (n,)   X_test  uint8 (m, 28, 28)   y_test  uint8 (m,)

Each of these has the attribute sha256, of its content; the file has the attributes source, seed, copies and sha256.
`copies` is how many pictures of X_train were made of each training image, itself included: all images come first,
then each kind of variant in the same order.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from learning.data.mnist import Mnist
from learning.errors import BadDataset
from learning.replacing import replacing

if TYPE_CHECKING:
    from reading.arrays import Bytes


NAMES = ("X_train", "y_train", "X_test", "y_test")


def write(path: Path, mnist: Mnist, seed: int) -> None:
    """Write a data set, compressed, beside `path` and then move it there.

    Raises BadDataset if that can't be done, BadSetting for what is no regular file; what was there stays as it was.
    """
    try:
        with replacing(path) as part:
            part.write_bytes(_packed(mnist, seed))
    except OSError as error:
        raise BadDataset(f"Can't write {path}: {error.strerror or error}.") from error


# Made in memory, for HDF5 does not survive a full disk: closing the file fails, and later the process crashes.
def _packed(mnist: Mnist, seed: int) -> memoryview:
    packed = io.BytesIO()
    with h5py.File(packed, "w") as file:
        for name in NAMES:
            _add(file, name, getattr(mnist, name))
        file.attrs.update(source=mnist.source, seed=seed, copies=mnist.copies, sha256=json.dumps(mnist.sha256))
    return packed.getbuffer()


def _add(file: h5py.File, name: str, array: Bytes) -> None:
    chunk = (min(len(array), 1000), *array.shape[1:])
    stored = file.create_dataset(name, data=array, chunks=chunk, compression="gzip")
    stored.attrs["sha256"] = _digest(array)


def _digest(array: Bytes) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def read(path: Path) -> Mnist:
    """Read such a file.

    Raises BadDataset, naming what is wrong, if it is no HDF5, cut short, damaged, or lacks a data set.
    """
    try:
        with h5py.File(path, "r") as file:
            arrays = {name: _array(file, name, path) for name in NAMES}
            facts = dict(file.attrs)
    except OSError as error:  # from h5py, for whatever it can't make sense of
        raise BadDataset(f"{path} is no HDF5 file, or a damaged one; `fetch.py` makes one.") from error
    for images, labels in (("X_train", "y_train"), ("X_test", "y_test")):
        if len(arrays[images]) != len(arrays[labels]):
            counts = f"{len(arrays[images]):,} pictures in {images} but {len(arrays[labels]):,} labels in {labels}"
            raise BadDataset(f"{path} has {counts}.")
    copies, sha256, source = _facts(facts, arrays, path)
    X_train, y_train, X_test, y_test = (arrays[name] for name in NAMES)
    return Mnist(X_train, y_train, X_test, y_test, source, sha256, copies)


def _array(file: h5py.File, name: str, path: Path) -> Bytes:
    stored = file.get(name)
    if not isinstance(stored, h5py.Dataset):
        raise BadDataset(f"{path} has no data set {name}; it has {', '.join(file) or 'nothing'}.")
    wanted = (28, 28) if name.startswith("X") else ()
    if stored.dtype != np.uint8 or stored.ndim < 1 or stored.shape[1:] != wanted or not len(stored):
        shape = f"(n{''.join(f', {side}' for side in wanted) or ','})"
        raise BadDataset(f"{name} in {path} is {stored.dtype} {stored.shape} and should be uint8 {shape}.")
    array: Bytes = stored[:]
    if stored.attrs.get("sha256", digest := _digest(array)) != digest:
        raise BadDataset(f"{name} in {path} was changed or damaged: it isn't what its checksum says.")
    if not wanted and array.max() > 9:
        raise BadDataset(f"{name} in {path} has the label {array.max()}; digits are 0 to 9.")
    return array


def _facts(facts: dict[str, Any], arrays: dict[str, Bytes], path: Path) -> tuple[int, dict[str, str], str]:
    """Return copies, checksums and source; a file of other making may lack them."""
    try:
        copies = int(facts.get("copies", 1))
        sha256 = json.loads(facts["sha256"]) if "sha256" in facts else {n: _digest(arrays[n]) for n in NAMES}
    except (TypeError, ValueError) as error:
        raise BadDataset(f"The attributes of {path} are damaged.") from error
    if copies < 1 or len(arrays["y_train"]) % copies:
        raise BadDataset(f"{path} says there are {copies} copies of each of {len(arrays['y_train']):,} pictures.")
    return copies, sha256, str(facts.get("source", path))
