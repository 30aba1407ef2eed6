"""What every training does with files: check a folder, and replace a model by a new one, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from learning.errors import TrainingFailed
from learning.replacing import check_regular
from learning.signals import uninterrupted
from reading import cards
from reading.errors import BadSetting


def check_folder(folder: Path, *names: str) -> None:
    """Raise BadSetting unless files can be written to a folder, which is made if need be.

    `names`, patterns allowed, are those that will be replaced there: regular files have to be theirs, or none.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.part"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadSetting(f"Can't write to the folder {folder}: {error.strerror}.") from error
    for path in (path for name in names for path in folder.glob(name)):
        check_regular(path)


@contextmanager
def reserved(*folders: Path) -> Iterator[None]:
    """Keep other trainings out of these folders, which exist. Raises BadSetting if one is at work there.

    The lock is on the folder itself: nothing is left behind, and the system gives it back however a process ends.
    """
    with ExitStack() as stack:
        for folder in dict.fromkeys(each.resolve() for each in folders):
            opened = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, opened)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                busy = f"Another training is at work in the folder {folder}."
                raise BadSetting(f"{busy} Wait for its end, or name another one.") from error
            except OSError:  # a network's file system without locks
                logging.getLogger(__name__).warning("No other training may run in the folder %s meanwhile.", folder)
        yield


@contextmanager
def saving(what: str, folder: Path, then: str) -> Iterator[None]:
    """Turn what may go wrong in writing files into TrainingFailed; `then` says what there is, or what to do."""
    try:
        yield
    except OSError as error:
        raise TrainingFailed(f"Can't save {what} in {folder}: {error.strerror}. {then}") from error


def publish(name: str, folder: Path, write: Callable[[Path], None]) -> None:
    """Have `write` put a model's files into a new folder beside `folder`'s own, and replace those by them.

    They are on the disk before one rename decides that they count (see `reading/cards.py`); then they are moved to
    where they stay, the card `NAME.json` last. Cut at any point, that leaves the old model or the new one, whole.
    Ctrl-C waits until the last is in place. Raises TrainingFailed if that can't be done.
    """
    part = folder / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    recover(name, folder)
    try:
        with saving("the model", folder, "The old one stays."):
            part.mkdir(parents=True)
            write(part)
            _sync_all(part)
            with uninterrupted():
                part.rename(cards.incoming(str(folder), name))
                recover(name, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def recover(name: str, folder: Path) -> None:
    """Move the files of a new model, if there are any, to where they stay. Raises TrainingFailed."""
    new, card = Path(cards.incoming(str(folder), name)), f"{name}.json"
    if not new.is_dir():
        return
    with saving("the model", folder, f"It counts all the same; the next training moves its files from {new.name}."):
        _sync(folder)
        for path in sorted(new.iterdir(), key=lambda path: (path.name == card, path.name)):
            path.replace(folder / path.name)
        _sync(folder)
        new.rmdir()


def write_card(card: dict[str, Any], folder: Path) -> None:
    """Write a model's card, `NAME.json`."""
    (folder / f"{card['name']}.json").write_bytes((json.dumps(card, indent=1) + "\n").encode())


def digest(data: bytes) -> str:
    """The SHA-256 of a file's bytes, as cards note it."""
    return hashlib.sha256(data).hexdigest()


def _sync_all(folder: Path) -> None:
    """Have the files of a folder, and their names, written to the disk itself, so that they outlast a power cut."""
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
