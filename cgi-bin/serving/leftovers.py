"""What a resident reader leaves in its folder: its lock and its log, taken away without a race for the lock.

A lock that is taken away while another process waits for it would be held by that one, and a new file by a third. So
only who holds the lock takes its file away, and who gets it looks whether its file is still there (`starter`).
"""

import fcntl
import os
import time
from contextlib import suppress

from serving.runtime_folder import LOCK, LOG, SOCKET

KEPT_SECONDS = 86400  # what a killed reader has left, its log above all, can be looked at for a day


def remove(lock: int, address: str) -> None:
    """Take the files of the lock's holder away, and give it up; a log that says something stays."""
    with suppress(OSError):
        if os.path.samestat(os.fstat(lock), os.stat(address + LOCK)):
            with suppress(FileNotFoundError):
                if not os.path.getsize(address + LOG):
                    os.unlink(address + LOG)
            os.unlink(address + LOCK)
    os.close(lock)


def tidy(folder: str) -> None:
    """Take away what readers that were killed a day ago or longer have left in the folder."""
    for name in os.listdir(folder):
        address, _, _ = f"{folder}/{name}".rpartition(LOCK)
        with suppress(OSError):
            if name.endswith(LOCK) and time.time() - os.stat(address + LOCK).st_mtime > KEPT_SECONDS:
                _remove_all(address)


def _remove_all(address: str) -> None:
    """Take the files of a reader away. Raises OSError if it lives."""
    lock = os.open(address + LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for ending in (SOCKET, LOG):
            with suppress(FileNotFoundError):
                os.unlink(address + ending)
    except OSError:
        os.close(lock)
        raise
    remove(lock, address)
