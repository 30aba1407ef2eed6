"""Replace one file by another, whole or not at all; and never what is no regular file."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reading.errors import BadSetting

DAY = 86400  # seconds


def check_regular(path: Path) -> None:
    """Raise BadSetting where there is something that is no regular file: a folder, a device, a symbolic link."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise BadSetting(f"Can't write {path}: {error.strerror}.") from error
    if stat.S_ISLNK(mode):
        raise BadSetting(f"{path} is a symbolic link, which is not replaced. Name the file itself.")
    if not stat.S_ISREG(mode):
        raise BadSetting(f"{path} is no regular file, and is not replaced. Name another file.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write to, and move it there when the block ends well.

    What was there then stays as it was until that. Raises BadSetting as `check_regular`, and OSError.
    """
    check_regular(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tidy(path.parent, f".{path.name}.*.part")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):  # it was moved, mostly
            part.unlink()


def tidy(folder: Path, pattern: str) -> None:
    """Remove what dead runs have left in a folder: what has such a name, which ends in a process' number and `.part`.

    What is older than any run can be is removed, too.
    """
    for path in folder.glob(pattern):
        number = path.name.removesuffix(".part").rpartition(".")[2]
        is_ours = number.isdecimal() and len(number) < 10
        if _is_old(path) or (is_ours and not _is_alive(int(number))):
            _remove(path)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > DAY
    except FileNotFoundError:  # another run has removed it
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # somebody else's
            path.unlink()
