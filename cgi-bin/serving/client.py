"""The CGI script's own part: receive the request, send it to the resident reader, pass the reply on.

If there is no reader, this process answers the request itself, and starts a reader for the next one. `reader.py`
describes the messages. Nothing is imported here that is slow to import: not `socket`, `signal`, `typing`. Their C parts
`_socket` and `_signal` are: the public modules took each request 8 ms more, a quarter of the whole answer.
"""

import os
import select
import sys
import time
from _signal import SIG_UNBLOCK, SIGINT, pthread_sigmask, signal  # type: ignore[import-not-found]  # as `_socket`
from _socket import AF_UNIX, SCM_RIGHTS, SOL_SOCKET, socket  # see above

from serving import runtime_folder
from serving.peer import peer
from serving.settings import RESIDENT, SCORE_SECONDS
from serving.stdin import Body

SILENCE_SECONDS = 1.5  # a reader that sends nothing for that long is stopped or hangs
CONNECT_SECONDS = 0.02  # between two attempts while too many others are connecting
SPARE_SECONDS = 3  # a child that takes too long is ended by its own alarm; so much later this script stops waiting
WRITE_SECONDS = 30  # a client that does not take its reply is given up
PIECE = 4096  # bytes that can be written without waiting once the system says so
WAIT, LEAVE, STARTED, REPLY = b"W", b"L", b"S", b"R"


class NoReader(Exception):
    """There is no reader, or it is ending."""


class ReaderSilent(Exception):
    """There is a reader, and it sends nothing; `connection` leads to it."""

    def __init__(self, connection: socket) -> None:
        """Keep the connection, to check it once more."""
        super().__init__("The resident reader sends nothing.")
        self.connection = connection


class ChildEnded(Exception):
    """The child that answers ended, or took too long, before its reply was complete."""


def run() -> None:
    """Answer the one request that the environment and standard input describe, and end the process."""
    _end_silently_on_interrupt()
    server = os.getppid()
    body = Body()
    watches = _asks_health()
    address = runtime_folder.address() if RESIDENT and not watches else ""
    try:
        if not address:
            raise NoReader
        _write(ask(address + runtime_folder.SOCKET, body))
    except (NoReader, ReaderSilent) as reason:
        from serving import cgi

        reply = cgi.reply(body, cgi.HEALTH if watches else cgi.PICTURE)
        if address:  # now, as lighttpd ends a script as soon as it has the reply
            from serving import starter

            starter.replace(address, server, reason.connection if isinstance(reason, ReaderSilent) else None)
        _write(reply)
    except ChildEnded:
        from serving import cgi

        _write(cgi.reply(body, cgi.TOO_MUCH))
    body.drain()
    sys.stderr.flush()
    os._exit(0)  # Python would take itself apart first, which takes 6 ms


def _end_silently_on_interrupt() -> None:
    """Have Ctrl-C, which reaches all that runs in a terminal, end this process without a trace.

    `deploy/start.py` holds it back until here, as Python would print one while it starts.
    """
    signal(SIGINT, lambda *_: os._exit(0))
    pthread_sigmask(SIG_UNBLOCK, (SIGINT,))


def _asks_health() -> bool:
    """Tell whether somebody looks after the server: that is answered apart from all pictures that wait."""
    names = (pair.partition("=")[0] for pair in os.environ.get("QUERY_STRING", "").split("&"))
    return os.environ.get("REQUEST_METHOD") in ("GET", "HEAD") and "health" in names


# --- messages to and from the reader ----------------------------------------------------------------
def ask(path: str, body: Body) -> bytes:
    """Return the reader's reply. Raises NoReader, ReaderSilent, ChildEnded."""
    connection = _connected(path)
    has_begun = _await_turn(connection) == STARTED
    connection.settimeout(SCORE_SECONDS + SPARE_SECONDS)
    try:
        if has_begun:
            _send(connection, body)
            _receive(connection, len(REPLY))
        return _receive(connection, int.from_bytes(_receive(connection, 4), "big"))
    except (OSError, EOFError):
        raise ChildEnded from None


def _connected(path: str) -> socket:
    """Return a connection to this user's reader."""
    connection = socket(AF_UNIX)
    try:
        _connect(connection, path)
        is_own = peer(connection)[1] == os.getuid()
    except OSError:
        raise NoReader from None
    if not is_own:
        raise NoReader
    return connection


def _connect(connection: socket, path: str) -> None:
    """Connect; try again while the backlog is full. Raises OSError."""
    connection.settimeout(SILENCE_SECONDS)
    until = time.monotonic() + SILENCE_SECONDS
    while True:
        try:
            return connection.connect(path)
        except BlockingIOError:  # the reader's backlog is full
            if time.monotonic() > until:
                raise
            time.sleep(CONNECT_SECONDS)


def _await_turn(connection: socket) -> bytes:
    """Wait until a child has begun, or the reader has no room: STARTED or REPLY."""
    message = WAIT
    while message == WAIT:
        try:
            message = connection.recv(1)
        except TimeoutError:
            raise ReaderSilent(connection) from None
        except OSError:
            break
    if message not in (STARTED, REPLY):
        raise NoReader
    return message


def _send(connection: socket, body: Body) -> None:
    """Send the child the environment, the body, and standard error, which is the server's log."""
    environment = b"\0".join(name + b"=" + value for name, value in os.environb.items())
    head = len(environment).to_bytes(4, "big") + len(body.data).to_bytes(4, "big") + bytes([body.slow])
    connection.sendmsg([head], [(SOL_SOCKET, SCM_RIGHTS, (2).to_bytes(4, sys.byteorder))])
    connection.sendall(environment + body.data)


def _receive(connection: socket, size: int) -> bytes:
    """Return that many bytes. Raises EOFError if they do not all come, TimeoutError if they come too slowly."""
    blocks = []
    while size:
        block = connection.recv(min(size, 2**20))
        if not block:
            raise EOFError
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)


def _write(reply: bytes) -> None:
    """Write the reply, unless the client does not take it."""
    until, rest = time.monotonic() + WRITE_SECONDS, memoryview(reply)
    while rest and select.select([], [1], [], max(0.0, until - time.monotonic()))[1]:
        try:
            rest = rest[os.write(1, rest[:PIECE]) :]
        except OSError:  # it has hung up
            return
