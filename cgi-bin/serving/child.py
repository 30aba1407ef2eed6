"""Limits around one piece of work: a hang, a crash or a bomb ends a child process, and is a sentence to the client."""

import gc
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from reading.errors import OutOfLimits, Problem
from serving.application import Work
from serving.errors import Busy, named
from serving.reply import SORRY, Answer
from serving.settings import BLOCK, SCORE_SECONDS, whole

# --- settings ---------------------------------------------------------------------------------------
CPU_SECONDS = 60  # the most time of all its threads, for what outlives its parent
MEMORY_MB = whole("MNIST_MEMORY_MB", 1024, 150, 100_000)  # address space that scoring may take, in MiB
# ----------------------------------------------------------------------------------------------------

TOO_MUCH = "Reading this picture took more time or memory than the server may spend on it. "
TOO_MUCH += "Send a smaller one, or try again later."


def isolated(work: Work) -> Answer:
    """Do the work in a child process with limits. Raises what it raises, and OutOfLimits if the child fails."""
    receiver, sender = os.pipe()
    try:
        child = os.fork()
    except BlockingIOError:
        os.close(receiver)
        os.close(sender)
        raise Busy("The server may not start more processes just now. Please try again.") from None
    if not child:
        _child(work, sender)
    os.close(sender)
    try:
        content = _received(receiver, time.monotonic() + SCORE_SECONDS)
    finally:
        os.close(receiver)
        os.kill(child, signal.SIGKILL)
        _, ended = os.waitpid(child, 0)
    return _unpacked(content, ended)


def _received(receiver: int, until: float) -> bytes:
    """Return what the child has sent when it ends, or when the time is over."""
    received = b""
    while select.select([receiver], [], [], max(0.0, until - time.monotonic()))[0]:
        block = os.read(receiver, BLOCK)
        if not block:
            break
        received += block
    return received


def _unpacked(content: bytes, ended: int) -> Answer:
    """Return the child's answer, or raise its problem."""
    try:
        kind, value = json.loads(content)
    except ValueError:
        print(f"Scoring ended early, with wait status {ended}, after {content[:80]!r}", file=sys.stderr)
        raise OutOfLimits(TOO_MUCH) from None
    if kind == "answer":
        answer: Answer = value
        return answer
    raise named(kind)(value)


def _child(work: Work, sender: int) -> NoReturn:
    """Do the work, send the outcome to the parent, and end the process, whatever happens."""
    try:
        limit()
        content = json.dumps(_outcome(work)).encode()
        while content:
            content = content[os.write(sender, content) :]
    finally:
        os._exit(0)


def _outcome(work: Work) -> tuple[str, Any]:
    """Return ("answer", the answer) or (the name of a problem's class, its sentence)."""
    try:
        with within_memory():
            return "answer", work()
    except Problem as problem:
        return type(problem).__name__, str(problem)
    except Exception:
        traceback.print_exc()
        return Problem.__name__, SORRY


@contextmanager
def within_memory() -> Iterator[None]:
    """Raise OutOfLimits in the place of MemoryError."""
    try:
        yield
    except MemoryError:
        raise OutOfLimits("The picture takes more memory than the server may spend on it.") from None


def limit(loaded: int = 0) -> None:
    """Bound what this process may take, beyond the `loaded` bytes that it began with; a lower limit stays.

    A parent that dies can't end its child, which may keep the parent's locks: so it ends by itself, too.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, SCORE_SECONDS + 1)
    gc.disable()  # the process ends too soon for that to be of use
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each thread would set memory aside
    bounds = [
        (resource.RLIMIT_AS, MEMORY_MB * 2**20 + loaded),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ]
    for kind, most in bounds:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):  # macOS refuses a bound of address space below what is mapped: gigabytes
            resource.setrlimit(kind, (most, hard))
