"""A child of the resident reader: it reads one request, answers it within limits, and ends."""

import io
import os
import resource
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

from serving import cgi, child
from serving.client import REPLY, STARTED
from serving.settings import SCORE_SECONDS


def answer(connection: socket.socket, loaded: int) -> NoReturn:
    """Read one request, answer it, and end the process."""
    try:
        connection = _only(connection)
        child.limit(loaded)
        connection.settimeout(SCORE_SECONDS)
        connection.sendall(STARTED)
        environ, stream = _request(connection)
        reply = io.BytesIO()
        cgi.respond(environ | {"mnist.place": child.within_memory}, stream, reply)
        connection.sendall(REPLY + sized(reply.getvalue()))
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(0)


def _only(connection: socket.socket) -> socket.socket:
    """Close all descriptors but the connection, above all the reader's lock; return its copy."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    highest = connection.fileno()
    os.dup2(highest, 3)
    os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return socket.socket(fileno=3)


def _request(connection: socket.socket) -> tuple[dict[str, Any], cgi.Received]:
    """Return the environment and the body that the script sends. Its standard error becomes this process' own."""
    head, descriptors, _, _ = socket.recv_fds(connection, 9, 1)
    for descriptor in descriptors:
        os.dup2(descriptor, 2)
        os.dup2(descriptor, 1)
    with connection.makefile("rb") as stream:
        head += stream.read(9 - len(head))
        environment = stream.read(int.from_bytes(head[:4], "big"))
        data = stream.read(int.from_bytes(head[4:8], "big"))
    pairs = [pair.partition("=") for pair in environment.decode("latin-1").split("\0") if pair]
    return {name: value for name, _, value in pairs}, cgi.Received(data, bool(head[8]))


def sized(reply: bytes) -> bytes:
    """Return a reply after its length."""
    return len(reply).to_bytes(4, "big") + reply
