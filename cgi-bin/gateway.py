"""The wire's `application` as a CGI script: one process, one request, and no server to look after it.

`python -m http.server --cgi` bounds nothing, so everything that a server would guard is guarded here.
"""

import io
import os
import select
import time
from typing import Any
from wsgiref.handlers import CGIHandler

import wire

# --- settings ---------------------------------------------------------------------------------------
READ_SECONDS = 10.0  # a whole body has to arrive within that time
QUIET_SECONDS = 0.2  # a body of unknown length is over when nothing comes for that long
# ----------------------------------------------------------------------------------------------------


class Stdin:
    """The request's body. Under `http.server` it is the client's socket, where nothing bounds the wait."""

    def __init__(self, seconds: float = READ_SECONDS, descriptor: int = 0) -> None:
        """Read from a file descriptor, for at most that many seconds altogether."""
        self.descriptor, self.until = descriptor, time.monotonic() + seconds

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are any, b"" at the end. Raises BodyTooSlow."""
        if not self._ready(self.until - time.monotonic()):
            raise wire.BodyTooSlow("The picture did not arrive in time. Please send it again.")
        return os.read(self.descriptor, size)

    def _ready(self, seconds: float) -> bool:
        """Wait until there is something to read, the end included."""
        return bool(select.select([self.descriptor], [], [], max(0.0, seconds))[0])

    def drain(self) -> None:
        """Discard what comes until it stops: the length of a chunked body is not passed on to a script."""
        while time.monotonic() < self.until and self._ready(QUIET_SECONDS):
            if not os.read(self.descriptor, wire.BLOCK):
                return


def run() -> None:
    """Answer the one request that the environment and standard input describe."""
    stdin, stdout = Stdin(), _private_stdout()
    handler: Any = CGIHandler()
    handler.stdin, handler.stdout = stdin, stdout
    handler.run(wire.application)
    if os.environ.get("REQUEST_METHOD") == "POST" and not os.environ.get("CONTENT_LENGTH"):
        stdin.drain()


def _private_stdout() -> io.FileIO:
    """Return standard output for the reply alone; what libraries print goes to the server's log instead."""
    reply = os.dup(1)
    os.dup2(2, 1)
    return io.FileIO(reply, "wb")
