"""The resident reader: a process with everything loaded, which forks a child for each request.

It never reads what a client sends. On its Unix socket it sends messages of one letter:

    W  wait: the request is in the queue. Sent each second, so that a reader that is stopped or hangs is noticed.
    L  the reader is ending, because files have changed or its server has ended: the script answers by itself.
    R  a reply follows: four bytes of length, then the reply itself. From the reader: 503, the queue is full.
    S  a child has started. The script sends its environment, the body, and its standard error (for the log); the
       child sends R and the reply. If the child ends before its reply is complete, there is no reply.

There is one reader for each user, project folder, Python and settings: the process that holds the lock on the file
beside the socket. It ends when there was no request for a while, when the server that it was started for has ended,
and when code or models have changed.
"""

import gc
import io
import os
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from serving import admission, cgi, fingerprint, leftovers, runtime_folder, worker
from serving.client import LEAVE, REPLY, WAIT
from serving.connections import has_hung_up, listen, queue_length, send
from serving.errors import Busy
from serving.peer import peer
from serving.preload import preload
from serving.server_process import ServerProcess
from serving.settings import RESIDENT_SECONDS, SCORE_SECONDS
from serving.worker import sized

CHECK_SECONDS = 1.0  # how often files, clients, children and the server are checked
LOAD_SECONDS = 60  # loading that takes longer is given up
GRACE_SECONDS = 1.0  # children are given that long when the server has ended


class Waiting(NamedTuple):
    """A client in the queue."""

    connection: socket.socket
    until: float


class Reader:
    """The queue and the children."""

    def __init__(self, lock: int, address: str, server: ServerProcess) -> None:
        """Load everything, then listen."""
        self.lock, self.address, self.path, self.server = lock, address, address + runtime_folder.SOCKET, server
        self.files, self.models = fingerprint.sources(), _models_folder()
        self.state = fingerprint.state(self.files, self.models)
        preload()
        self.busy = _busy_reply()
        self.loaded = _address_space()
        self.slots, self.longest = admission.SLOTS or admission.cores(), queue_length()
        self.queue: deque[Waiting] = deque()
        self.children: dict[int, float] = {}
        self.listener = listen(self.path)
        self.inode = os.stat(self.path).st_ino
        self.last_request = time.monotonic()

    # --- its life ---

    def serve(self) -> None:
        """Serve until there is a reason to end."""
        poll, signals = select.poll(), _child_signals()
        for descriptor in (self.listener.fileno(), signals, self.server.descriptor):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        checked = time.monotonic()
        while not self._has_to_end():
            poll.poll(1000 * CHECK_SECONDS)
            _empty(signals)
            self._reap()
            if self.is_changed():
                break
            self._accept()
            self._fork_for_next()
            if time.monotonic() - checked >= CHECK_SECONDS:
                checked = time.monotonic()
                self._check()
        self._leave()

    def _has_to_end(self) -> bool:
        """Tell whether it is unused, or its server has ended."""
        unused = not self.queue and not self.children and time.monotonic() - self.last_request > RESIDENT_SECONDS
        return unused or self.server.has_ended()

    def is_changed(self) -> bool:
        """Tell whether it would answer from files that are no longer there, or can no longer be reached."""
        try:
            is_reachable = os.stat(self.path).st_ino == self.inode
        except OSError:
            is_reachable = False
        return not is_reachable or fingerprint.state(self.files, self.models) != self.state

    def _leave(self) -> None:
        """Stop listening, give up the lock, dismiss the queue, and let the children finish."""
        with suppress(OSError):
            if os.stat(self.path).st_ino == self.inode:
                os.unlink(self.path)
        self._accept()
        for waiting in self.queue:
            send(waiting.connection, LEAVE)
        self.listener.close()
        leftovers.remove(self.lock, self.address)
        until = time.monotonic() + SCORE_SECONDS + 2
        while self.children:
            if self.server.has_ended():
                until = min(until, time.monotonic() + GRACE_SECONDS)
            if time.monotonic() > until:
                self._kill(list(self.children))
            self._reap()
            time.sleep(0.05)

    def _check(self) -> None:
        """Send WAIT to the queue, and end what has waited or run too long."""
        now = time.monotonic()
        while self.queue and self.queue[0].until < now:
            send(self.queue.popleft().connection, self.busy)
        for waiting in self.queue:
            send(waiting.connection, WAIT)
        self._kill([process for process, until in self.children.items() if until < now])

    # --- clients ---

    def _accept(self) -> None:
        """Accept all connections: into the queue, or with 503 when it is full."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # there are no more, or no descriptors: the others stay in the backlog
                return
            self.last_request = time.monotonic()
            connection.setblocking(False)
            if peer(connection)[1] != os.getuid():
                connection.close()
            elif len(self.queue) >= self.longest:
                send(connection, self.busy)
            else:
                self.queue.append(Waiting(connection, self.last_request + admission.WAIT_SECONDS))
                if len(self.queue) + len(self.children) > self.slots:
                    send(connection, WAIT)

    def _fork_for_next(self) -> None:
        """Fork children for the first of the queue, as many as may run."""
        while self.queue and len(self.children) < self.slots:
            connection = self.queue.popleft().connection
            if has_hung_up(connection):
                connection.close()
                continue
            try:
                process = os.fork()
            except OSError as error:
                print(f"No process for a child: {error}", file=sys.stderr)
                send(connection, self.busy)
                continue
            if not process:
                worker.answer(connection, self.loaded)
            connection.close()
            self.children[process] = time.monotonic() + SCORE_SECONDS + 2

    def _reap(self) -> None:
        """Forget the children that have ended."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self.children.pop(ended[0], None)

    def _kill(self, processes: list[int]) -> None:
        """End children that their own alarm did not end."""
        for process in processes:
            os.kill(process, signal.SIGKILL)


# --- helpers ----------------------------------------------------------------------------------------
def _busy_reply() -> bytes:
    """Return the message to a client when the queue is full."""

    @contextmanager
    def full() -> Any:
        raise Busy("Too many pictures are being read just now. Please try again in a moment.")
        yield

    reply = io.BytesIO()
    environ = {"REQUEST_METHOD": "GET", "mnist.place": full}
    cgi.respond(environ, cgi.Received(b"", slow=False), reply)
    return REPLY + sized(reply.getvalue())


def _models_folder() -> str:
    """Return the folder of the models, as `classifier.py` sees it."""
    return os.environ.get("MNIST_MODELS") or os.path.abspath(f"{runtime_folder.CODE}/../models")


def _address_space() -> int:
    """Return the bytes of address space that this process takes now; 0 where there is no such figure."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _child_signals() -> int:
    """Return a descriptor that can be read when a child has ended."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _empty(descriptor: int) -> None:
    """Read what is there."""
    with suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass


def main() -> int:
    """Run a reader for the lock, address and server that are given as arguments."""
    lock, address, server = int(sys.argv[1]), sys.argv[2], ServerProcess(int(sys.argv[3]))
    os.chdir("/")
    os.set_inheritable(lock, False)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process with threads can't be forked safely
    begun = time.monotonic()

    def check_wanted(*_: object) -> None:
        if server.has_ended() or time.monotonic() - begun > LOAD_SECONDS:
            os._exit(1)

    signal.signal(signal.SIGALRM, check_wanted)
    signal.setitimer(signal.ITIMER_REAL, CHECK_SECONDS, CHECK_SECONDS)
    reader = Reader(lock, address, server)
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.ftruncate(lock, 0)  # it listens: see `starter._failed_lately`
    leftovers.tidy(os.path.dirname(address))
    gc.collect()
    gc.freeze()  # a child that looks through all of it would need a copy
    reader.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
