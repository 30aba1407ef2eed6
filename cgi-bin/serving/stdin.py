"""A CGI request's body, taken from standard input. Under `http.server` that is the client's socket itself.

The whole body is read before anybody else is asked for anything, so that a slow client keeps only this process.
Light: what each request imports is a good part of the time to an answer.
"""

import os
import select
import time

from serving.settings import BLOCK, DISCARD_BYTES, MAX_BODY, READ_SECONDS

QUIET_SECONDS = 0.2  # a body of unknown length is over when nothing comes for that long


class Body:
    """What came of a body; `data` is all of it, unless it was not worth reading, cut short, or too slow."""

    def __init__(self, seconds: float = READ_SECONDS) -> None:
        """Read the body that the environment announces, for at most that many seconds."""
        self.until = time.monotonic() + seconds
        self.is_post = os.environ.get("REQUEST_METHOD") == "POST"
        self.left = _announced(os.environ.get("CONTENT_LENGTH") or "")  # bytes still to come
        self.slow = False
        wanted = self.is_post and self.left <= MAX_BODY
        self.data = self._read() if wanted else b""

    def _read(self, keep: bool = True) -> bytes:
        """Read until all is there, the client ends it, or the time is over."""
        blocks = []
        while self.left:
            if not _ready(self.until - time.monotonic()):
                self.slow = True
                break
            block = _some(min(BLOCK, self.left))
            self.left = self.left - len(block) if block else 0
            blocks += [block] if keep else []
        return b"".join(blocks)

    def drain(self) -> None:
        """Read on without keeping anything: a client that is cut off while it sends never sees the reply."""
        self.left = min(self.left, DISCARD_BYTES)
        self._read(keep=False)
        if self.is_post and not os.environ.get("CONTENT_LENGTH"):
            self._drain_until_quiet()

    def _drain_until_quiet(self) -> None:
        """Discard what comes until it stops: the length of a chunked body is not passed on to a script."""
        while time.monotonic() < self.until and _ready(QUIET_SECONDS) and _some(BLOCK):
            pass


def _announced(length: str) -> int:
    """Return Content-Length in bytes, 0 where there is none or it makes no sense."""
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 16 else 0


def _ready(seconds: float) -> bool:
    """Wait until there is something to read, the end included."""
    return bool(select.select([0], [], [], max(0.0, seconds))[0])


def _some(size: int) -> bytes:
    """Return what there is to read, b"" at the end, which a connection that is reset is, too."""
    try:
        return os.read(0, size)
    except ConnectionError:
        return b""
