"""The pictures that arguments stand for: files, folders with all below them, patterns; the same in object stores."""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count, islice
from pathlib import Path, PurePath
from typing import Any, NamedTuple

PART = 1000  # pictures that are read, written and taken up again together
WILD = "*?["


class Listed(NamedTuple):
    """A picture to read; `error` is a sentence if there is none to read."""

    file: str  # a path as it was given, or SCHEME://PATH
    error: str = ""
    stamp: str = ""  # changes when the file does


class Part(NamedTuple):
    """Pictures that are read together."""

    number: int  # from 0
    pictures: list[Listed]

    def digest(self) -> str:
        """Return what changes when one of the pictures does: twelve characters."""
        return hashlib.sha256(json.dumps(self.pictures).encode()).hexdigest()[:12]


def parts(pictures: Iterable[Listed]) -> Iterator[Part]:
    """Yield pictures in parts, in their order."""
    left = iter(pictures)
    for number in count():
        if not (some := list(islice(left, PART))):
            return
        yield Part(number, some)


def listed(arguments: list[str], endings: set[str]) -> Iterator[Listed]:
    """Yield the pictures of each argument in turn, by name; of folders the files with these endings."""
    for argument in arguments:
        found = _remote(argument, endings) if "://" in argument else _local(argument, endings)
        first = next(found, None)
        if first is None:
            yield Listed(argument, f"This stands for no picture ({', '.join(sorted(endings))}).")
        else:
            yield first
            yield from found


def _local(argument: str, endings: set[str]) -> Iterator[Listed]:
    """Yield the pictures of a path, or of a pattern that is none."""
    if any(sign in argument for sign in WILD) and not os.path.lexists(argument):
        for path in sorted(glob.glob(argument, recursive=True)):  # noqa: PTH207  (as the argument is written: "./*.png")
            yield from _walked(path, endings) if Path(path).is_dir() else [_stamped(path)]
    elif _is_folder(argument):
        yield from _walked(argument, endings)
    else:
        yield _stamped(argument)


def _is_folder(path: str) -> bool:
    """Tell whether it is one; of a name that no file can have it is not."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False


def _walked(folder: str, endings: set[str]) -> Iterator[Listed]:
    """Yield the pictures in and below a folder. What can't be listed is a picture with an error."""
    unread: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=unread.append):
        folders.sort()
        for file in sorted(files):
            if _ending(file) in endings:
                yield _stamped(str(Path(place, file)))
    for error in unread:
        yield Listed(str(error.filename), f"Can't read the folder: {error.strerror}.")


def _stamped(path: str) -> Listed:
    try:
        state = Path(path).stat()
    except OSError as error:
        return Listed(path, f"Can't read the file: {error.strerror}.")
    return Listed(path, "", f"{state.st_size} {state.st_mtime_ns}")


def _remote(address: str, endings: set[str]) -> Iterator[Listed]:
    """Yield the pictures of an address, or of a pattern, in an object store that pyarrow knows: s3://, gs://, file://."""
    from pyarrow import fs

    wild = min((address.find(sign) for sign in WILD if sign in address), default=-1)
    base = address if wild < 0 else address[:wild].rpartition("/")[0]
    try:
        store, path = filesystem(base)
        about = store.get_file_info(path)
        if about.type == fs.FileType.NotFound:
            yield Listed(address, "Can't read the file: No such file or folder.")
            return
        inside = [about] if about.is_file else store.get_file_info(fs.FileSelector(path, recursive=True))
    except (OSError, ValueError) as error:
        yield Listed(address, f"Can't read the address: {error}".rstrip(".") + ".")
        return
    pattern = path + address[len(base) :]
    for each in sorted(inside, key=lambda each: str(each.path)):
        fits = fnmatch.fnmatchcase(each.path, pattern) if wild >= 0 else _ending(each.path) in endings or about.is_file
        if each.is_file and fits:
            yield Listed(f"{base.partition('://')[0]}://{each.path}", "", f"{each.size} {each.mtime_ns}")


def _ending(path: str) -> str:
    return PurePath(path).suffix.lower()


def filesystem(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in there. Raises OSError and ValueError."""
    scheme, _, rest = address.partition("://")
    if scheme == "file":
        return _store("file:///"), rest
    return _store(f"{scheme}://{rest.partition('/')[0]}"), rest


@lru_cache
def _store(root: str) -> Any:
    from pyarrow import fs

    return fs.FileSystem.from_uri(root)[0]
