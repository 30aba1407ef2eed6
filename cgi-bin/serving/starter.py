"""Start a resident reader: one only, and in the place of one that is stopped or hangs."""

import fcntl
import os
import signal
import sys
import time
from _socket import socket

from serving import runtime_folder
from serving.peer import peer

DIES_SECONDS = 0.5  # a process that is killed has given its lock back by then
AGAIN_SECONDS = 10  # a reader that could not start is not started again before that
# In huge pages, where the system has them, a fork has less to copy: of 4 ms, 1 is left. From one MiB on, what is freed
# goes back to the system at once: the largest of what loading needs would else stay.
MALLOC = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1048576"
INHERITED = ("HOME", "LANG", "PATH", "TMPDIR", "TZ", "XDG_RUNTIME_DIR")  # with LC_* and what is a setting


def replace(address: str, server: int, silent: socket | None) -> None:
    """Start a reader for that server unless there is one; `silent` is a connection to one that does not answer."""
    if silent and not _killed(silent):
        return
    try:
        lock = _locked(address + runtime_folder.LOCK, DIES_SECONDS if silent else 0)
    except OSError:
        return  # another one starts or runs, or the disk is full: the next request tries again
    try:
        if silent or not _failed_lately(lock):
            os.pwrite(lock, b"starting", 0)
            _start(address, server, lock)
    except OSError as error:
        print(f"No resident reader could be started: {error}", file=sys.stderr)
    finally:
        os.close(lock)


def _killed(silent: socket) -> bool:
    """Kill the reader at the other end, unless it has sent something by now; tell whether it has ended."""
    silent.setblocking(False)
    try:
        return not silent.recv(1)
    except BlockingIOError:
        process, user = peer(silent)
        if process > 1 and user == os.getuid():
            os.kill(process, signal.SIGKILL)
        return True
    except OSError:
        return True


def _locked(path: str, seconds: float) -> int:
    """Return the descriptor of the lock that a reader holds as long as it lives. Raises OSError if it is taken."""
    until = time.monotonic() + seconds
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(lock), os.stat(path)):
                return lock
        except FileNotFoundError:
            pass  # a reader that has ended took it away between the two: the next one is made anew
        except OSError:
            if time.monotonic() >= until:
                os.close(lock)
                raise
            time.sleep(0.01)
        os.close(lock)


def _failed_lately(lock: int) -> bool:
    """Tell whether a reader was started and never listened: one that listens empties the file."""
    found = os.fstat(lock)
    return found.st_size > 0 and 0 <= time.time() - found.st_mtime < AGAIN_SECONDS


def _start(address: str, server: int, lock: int) -> None:
    """Start the reader as a process of its own that shares nothing with this one but the lock."""
    if os.fork():
        return
    try:
        os.setsid()
        os.chdir(runtime_folder.CODE)
        descriptor = _descriptors(address, lock)
        command = [sys.executable, "-m", "serving.reader", str(descriptor), address, str(server)]
        os.execve(sys.executable, command, _environment())  # nosec B606
    finally:
        os._exit(1)


def _descriptors(address: str, lock: int) -> int:
    """Close all descriptors but the lock; the reader's log is a file beside it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(address + runtime_folder.LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    kept = os.dup(lock)  # above 2, whichever of the first three were closed
    for source, target in ((nothing, 0), (nothing, 1), (log, 2), (kept, 3)):
        os.dup2(source, target)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    return 3


def _environment() -> dict[str, str]:
    """Return what a reader needs of the environment, without what belongs to this one request."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith("LC_") or runtime_folder.is_setting(name)
    }
    return {"GLIBC_TUNABLES": MALLOC} | kept
