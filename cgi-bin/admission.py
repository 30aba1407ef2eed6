"""Who may come in: so many pictures are scored at once, so many requests wait, and the rest is turned away.

For CGI scripts, which know nothing of one another: what is taken is a lock on a file. The kernel gives it back
when the process ends, however it ends, and nobody has to tidy up.
"""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import errors

# --- settings ---------------------------------------------------------------------------------------
SLOTS = int(os.environ.get("MNIST_SLOTS") or 0)  # pictures scored at once; 0: one for each core
PLACES = int(os.environ.get("MNIST_PLACES") or 32)  # requests that are read or wait for a slot
WAIT_SECONDS = float(os.environ.get("MNIST_WAIT_SECONDS") or 10)  # longest wait for a slot
RETRY_SECONDS = 2  # what clients are told who are turned away
# ----------------------------------------------------------------------------------------------------

LOOK_SECONDS = 0.02  # how often who waits looks for a free slot


class Busy(errors.Problem):
    """No room; `retry_after` is the time in seconds after which to ask again."""

    def __init__(self, sentence: str, retry_after: int = RETRY_SECONDS) -> None:
        """Say so to the client, and when to come back."""
        super().__init__(sentence)
        self.retry_after = retry_after


@contextmanager
def place() -> Iterator[None]:
    """Hold one of the places of those who wait or are served. Raises Busy at once when all are taken."""
    lock = _take("place", PLACES)
    if lock is None:
        raise Busy("Too many pictures are being read just now. Please try again in a moment.")
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the slots in which pictures are scored; wait for it. Raises Busy after WAIT_SECONDS."""
    until = time.monotonic() + WAIT_SECONDS
    while (lock := _take("slot", SLOTS or _cores())) is None:
        if time.monotonic() > until:
            raise Busy("The server has more to do than it can. Please try again in a moment.")
        time.sleep(LOOK_SECONDS)
    try:
        yield
    finally:
        os.close(lock)


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _take(kind: str, number: int) -> int | None:
    """Return the descriptor of a lock of that kind, None if all are taken."""
    for path in _locks(kind, number):
        lock = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            os.close(lock)
    return None


def _locks(kind: str, number: int) -> list[Path]:
    """Return the files to lock, in the temporary folder; the program's own files where there is no such folder."""
    # Its name can be guessed, so it has to be this user's own; see below.
    temporary = os.environ.get("TMPDIR") or "/tmp"  # nosec B108
    folder = Path(temporary, f"mnist-draw-{os.getuid()}")
    locks = [folder / f"{kind}-{number}" for number in range(number)]
    try:
        folder.mkdir(0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to someone else")
        for lock in locks:
            lock.touch(0o600)
    except OSError as error:
        print(f"No locks in the temporary folder, fewer requests are served at once: {error}", file=sys.stderr)
        own = sorted(Path(__file__).parent.glob("*.py"))
        return own[:1] if kind == "slot" else own[1:]
    return locks
