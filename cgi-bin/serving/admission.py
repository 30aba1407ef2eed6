"""Admission control without a resident reader: how many pictures are scored at once, and how many requests wait.

CGI scripts know nothing of one another, so each holds a lock on a file. The kernel releases it when the process ends,
however it ends.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from serving import runtime_folder
from serving.errors import Busy
from serving.settings import number, whole

# --- settings ---------------------------------------------------------------------------------------
SLOTS = whole("MNIST_SLOTS", 0, 0, 1000)  # pictures scored at once; 0: one for each core
PLACES = whole("MNIST_PLACES", 32, 1, 1000)  # requests that are read or wait for a slot
QUEUE = whole("MNIST_PLACES", 256, 1, 1000)  # the same with a resident reader, where a request costs less
WAIT_SECONDS = number("MNIST_WAIT_SECONDS", 10, 0.1, 3600)  # longest wait for a slot
# ----------------------------------------------------------------------------------------------------

WATCHERS = 4  # requests for the server's health that are answered at once, next to those in places
LOOK_SECONDS = 0.005  # how often the first of those who wait looks for a free slot


# What is locked where no folder can be written: modules of this package, which are there as long as it works. They are
# named, so that a module more or less changes nothing.
OWN_FILES = {
    "turn": ("settings",),
    "slot": ("errors",),
    "watch": ("html", "origin"),
    "place": ("answer", "body", "cgi", "child", "client", "reply", "request", "stdin"),
}


def place() -> AbstractContextManager[None]:
    """Hold one of the places of those who wait or are served. Raises Busy at once when all are taken."""
    return _one_of("place", PLACES)


def watch() -> AbstractContextManager[None]:
    """Hold one of the places of those who ask whether all is well, which no picture takes. Raises Busy."""
    return _one_of("watch", WATCHERS)


@contextmanager
def _one_of(kind: str, number: int) -> Iterator[None]:
    lock = _first_free(_locks(kind, number))
    if lock is None:
        raise Busy("Too many pictures are being read just now. Please try again in a moment.")
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def slot() -> Iterator[None]:
    """Hold one of the slots in which pictures are scored; wait for it, first come, first served.

    Raises Busy after WAIT_SECONDS. The kernel queues those who wait for the one lock "turn"; who holds it is the
    first, and alone looks for a free slot. Without the queue luck decides who is next, and some wait very long.
    """
    with _at_most(WAIT_SECONDS), os.fdopen(_open(_locks("turn", 1)[0])) as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        slots = _locks("slot", SLOTS or cores())
        while (lock := _first_free(slots)) is None:
            time.sleep(LOOK_SECONDS)
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise Busy in the block when the time is over; an alarm that was set before goes on afterwards."""

    def over(*_: object) -> None:
        raise Busy("The server has more to do than it can. Please try again in a moment.")

    begun, before = time.monotonic(), signal.signal(signal.SIGALRM, over)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - begun)) if left else 0)
        signal.signal(signal.SIGALRM, before)


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _first_free(paths: list[str]) -> int | None:
    """Return the descriptor of the first of the locks that could be taken, None if all are."""
    for path in paths:
        lock = _open(path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            os.close(lock)
    return None


def _locks(kind: str, number: int) -> list[str]:
    """Return the files to lock, in the temporary folder; the program's own files where there is no such folder.

    They belong to this installation: another one of the same user's has its own slots and places.
    """
    # Its name can be guessed, so it has to be this user's own; see below.
    temporary = os.environ.get("TMPDIR") or "/tmp"  # nosec B108
    folder = f"{temporary}/mnist-draw-{os.getuid()}"
    locks = [f"{folder}/{runtime_folder.short_sum(runtime_folder.CODE)}-{kind}-{number}" for number in range(number)]
    try:
        runtime_folder.make(folder)
        for lock in locks:
            os.close(_open(lock))
    except OSError as error:
        print(f"No locks in the temporary folder, fewer requests are served at once: {error}", file=sys.stderr)
        return [f"{os.path.dirname(__file__)}/{name}.py" for name in OWN_FILES[kind]]
    return locks
