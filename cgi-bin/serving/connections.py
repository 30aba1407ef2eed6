"""The Unix socket of the resident reader, and its connections: listen, send, and see who has hung up."""

import os
import resource
import select
import socket
from contextlib import suppress

from serving import admission
from serving.client import WAIT

BACKLOG = 1024  # connections that wait to be accepted
OTHER_FILES = 16  # descriptors that are no client's
MANY_FILES = 4096  # descriptors that are asked for; no queue is longer


def listen(path: str) -> socket.socket:
    """Return a socket that listens at the path, in the place of what an earlier reader has left there."""
    beside = path + "~"
    with suppress(FileNotFoundError):
        os.unlink(beside)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(beside)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    os.rename(beside, path)
    return listener


def send(connection: socket.socket, message: bytes) -> None:
    """Send a message to a client, unless it has hung up; after any other than WAIT, close the connection."""
    with suppress(OSError):
        connection.send(message)
    if message != WAIT:
        connection.close()


def has_hung_up(connection: socket.socket) -> bool:
    """Tell whether a waiting client has hung up; it sends nothing before its turn."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))


def queue_length() -> int:
    """Return how many requests may wait: `MNIST_PLACES`, and no more than there are descriptors for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MANY_FILES)
    if soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(1, min(admission.QUEUE, soft - OTHER_FILES))
