"""The resident reader: a process with everything loaded, which forks a child for each request.

It never reads a byte of a client's. On its Unix socket it says one letter, and at once:

    W  wait: you are in the queue. It says so each second, so that a reader which is stopped or hangs is noticed.
    L  I am leaving, because files have changed or my server has ended: answer without me.
    R  a reply follows: four bytes of length, then the reply itself, "503, come back later". The queue is full.
    S  your child has begun. The script sends its environment, the body, and its standard error (for the log); the
       child answers with R and the reply. Whatever becomes of the child, a reply that is not complete is none.

One for each user, project folder, Python and settings: who holds the lock on the file beside the socket. It ends when
nobody has asked for a while, when the server that it was started for is gone, and when code or models have changed.
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

from serving import admission, cgi, fingerprint, runtime_folder, worker
from serving.client import LEAVE, REPLY, WAIT
from serving.errors import Busy
from serving.peer import peer
from serving.preload import preload
from serving.settings import RESIDENT_SECONDS, SCORE_SECONDS
from serving.worker import sized

TICK_SECONDS = 1.0  # how often files, clients and the server are looked at
LOAD_SECONDS = 60  # what has not loaded everything by then never will
BACKLOG = 1024  # connections that wait to be accepted
OTHER_FILES = 16  # descriptors that are no client's
GRACE_SECONDS = 1.0  # children are given that long when the server has gone


class Waiting(NamedTuple):
    """A client in the queue."""

    line: socket.socket
    until: float


class Server:
    """The process that the reader was started for, by its number; its end is noticed at once where Linux tells."""

    def __init__(self, process: int) -> None:
        """Watch that process."""
        self.process, self.descriptor = process, -1
        with suppress(AttributeError, OSError):
            self.descriptor = os.pidfd_open(process)

    def is_gone(self) -> bool:
        """Tell whether it has ended."""
        if self.descriptor >= 0:
            return bool(select.select([self.descriptor], [], [], 0)[0])
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it is there, and belongs to another user
        return False


class Reader:
    """The queue and the children."""

    def __init__(self, lock: int, address: str, server: Server) -> None:
        """Load everything, then listen."""
        self.lock, self.path, self.server = lock, address + runtime_folder.SOCKET, server
        self.files, self.models = fingerprint.sources(), _models_folder()
        self.state = fingerprint.state(self.files, self.models)
        preload()
        self.busy = _busy_reply()
        self.loaded = _address_space()
        self.slots, self.room = admission.SLOTS or admission.cores(), _room()
        self.queue: deque[Waiting] = deque()
        self.children: dict[int, float] = {}
        self.listener = _listening(self.path)
        self.inode = os.stat(self.path).st_ino
        self.asked = time.monotonic()

    # --- its life ---

    def serve(self) -> None:
        """Serve until there is a reason to end."""
        poll, wake = select.poll(), _wake_on_child()
        for descriptor in (self.listener.fileno(), wake, self.server.descriptor):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        tick = time.monotonic()
        while not self._is_over():
            poll.poll(1000 * TICK_SECONDS)
            _empty(wake)
            self._reap()
            if self.is_changed():
                break
            self._accept()
            self._fork_for_next()
            if time.monotonic() - tick >= TICK_SECONDS:
                tick = time.monotonic()
                self._look_after()
        self._leave()

    def _is_over(self) -> bool:
        """Tell whether nobody needs it any more."""
        unused = not self.queue and not self.children and time.monotonic() - self.asked > RESIDENT_SECONDS
        return unused or self.server.is_gone()

    def is_changed(self) -> bool:
        """Tell whether it would answer from files that are no longer there, or can no longer be reached."""
        try:
            is_reachable = os.stat(self.path).st_ino == self.inode
        except OSError:
            is_reachable = False
        return not is_reachable or fingerprint.state(self.files, self.models) != self.state

    def _leave(self) -> None:
        """Stop listening, make room for another reader, send away who waits, and let the children finish."""
        with suppress(OSError):
            if os.stat(self.path).st_ino == self.inode:
                os.unlink(self.path)
        self._accept()
        for waiting in self.queue:
            _say(waiting.line, LEAVE)
        self.listener.close()
        os.close(self.lock)
        until = time.monotonic() + SCORE_SECONDS + 2
        while self.children:
            if self.server.is_gone():
                until = min(until, time.monotonic() + GRACE_SECONDS)
            if time.monotonic() > until:
                self._kill(list(self.children))
            self._reap()
            time.sleep(0.05)

    def _look_after(self) -> None:
        """Tell those who wait that they are not forgotten, and end what takes too long."""
        now = time.monotonic()
        while self.queue and self.queue[0].until < now:
            _say(self.queue.popleft().line, self.busy)
        for waiting in self.queue:
            _say(waiting.line, WAIT)
        self._kill([process for process, until in self.children.items() if until < now])

    # --- clients ---

    def _accept(self) -> None:
        """Take in all who have connected; send those away for whom there is no room."""
        while len(self.queue) <= self.room:
            try:
                line, _ = self.listener.accept()
            except OSError:  # nobody is left, or there are no descriptors: those who wait now stay in the line
                return
            self.asked = time.monotonic()
            line.setblocking(False)
            if peer(line)[1] != os.getuid():
                line.close()
            elif len(self.queue) >= self.room:
                _say(line, self.busy)
            else:
                self.queue.append(Waiting(line, self.asked + admission.WAIT_SECONDS))
                if len(self.queue) + len(self.children) > self.slots:
                    _say(line, WAIT)

    def _fork_for_next(self) -> None:
        """Fork children for those who came first, as many as may run."""
        while self.queue and len(self.children) < self.slots:
            line = self.queue.popleft().line
            if _has_hung_up(line):
                line.close()
                continue
            try:
                process = os.fork()
            except OSError as error:
                print(f"No process for a child: {error}", file=sys.stderr, flush=True)
                _say(line, self.busy)
                continue
            if not process:
                worker.answer(line, self.loaded)
            line.close()
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
def _say(line: socket.socket, words: bytes) -> None:
    """Say something to a client, if it listens; more than a letter is the last that is said."""
    with suppress(OSError):
        line.send(words)
    if words != WAIT:
        line.close()


def _has_hung_up(line: socket.socket) -> bool:
    """Tell whether a client that waited has gone; it has nothing to say before its turn."""
    poll = select.poll()
    poll.register(line, 0)
    return bool(poll.poll(0))


def _busy_reply() -> bytes:
    """Return what is said to those for whom there is no room."""

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
    """Return the bytes of address space that all which is loaded takes; 0 where it is not told."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def _room() -> int:
    """Return how many may wait: `MNIST_PLACES`, and no more than there are descriptors for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < min(hard, 4096):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
            soft = min(hard, 4096)
    return max(1, min(admission.QUEUE, soft - OTHER_FILES))


def _listening(path: str) -> socket.socket:
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


def _wake_on_child() -> int:
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
    """Be the reader for the lock, address and server that are given as arguments."""
    lock, address, server = int(sys.argv[1]), sys.argv[2], Server(int(sys.argv[3]))
    os.chdir("/")
    os.set_inheritable(lock, False)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process with threads can't be forked safely
    begun = time.monotonic()

    def still_wanted(*_: object) -> None:
        if server.is_gone() or time.monotonic() - begun > LOAD_SECONDS:
            os._exit(1)

    signal.signal(signal.SIGALRM, still_wanted)
    signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)
    reader = Reader(lock, address, server)
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.ftruncate(lock, 0)  # it has come to listen: see starter.py
    gc.collect()
    gc.freeze()  # a child that looks through all of it would need a copy
    reader.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
