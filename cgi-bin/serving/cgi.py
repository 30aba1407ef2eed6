"""The WSGI application as a CGI script (RFC 3875): one process, one request, and no server to look after it.

`python -m http.server --cgi` bounds nothing, so everything that a server would guard is guarded here: how long a
body may take, how many requests are served at once, and what scoring may cost. The scoring is done by a child
process with limits, so that whatever becomes of it, this process lives to tell the client.
"""

import gc
import io
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any, NoReturn
from wsgiref.handlers import CGIHandler  # nosec B412

from reading.errors import OutOfLimits, Problem
from serving import admission
from serving.application import Work, application
from serving.body import BLOCK
from serving.errors import BodyTooSlow, named
from serving.reply import SORRY, Answer

# --- settings ---------------------------------------------------------------------------------------
READ_SECONDS = float(os.environ.get("MNIST_READ_SECONDS") or 10)  # a whole body arrives within that time
SCORE_SECONDS = float(os.environ.get("MNIST_SCORE_SECONDS") or 30)  # the models are loaded and asked in that
CPU_SECONDS = 60  # the same in time of all its threads, for what outlives its parent
MEMORY_MB = int(os.environ.get("MNIST_MEMORY_MB") or 1024)  # address space that scoring may take, in MiB
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
            raise BodyTooSlow("The picture did not arrive in time. Please send it again.")
        return os.read(self.descriptor, size)

    def _ready(self, seconds: float) -> bool:
        """Wait until there is something to read, the end included."""
        return bool(select.select([self.descriptor], [], [], max(0.0, seconds))[0])

    def drain(self) -> None:
        """Discard what comes until it stops: the length of a chunked body is not passed on to a script."""
        while time.monotonic() < self.until and self._ready(QUIET_SECONDS):
            if not os.read(self.descriptor, BLOCK):
                return


def run() -> NoReturn:
    """Answer the one request that the environment and standard input describe, and end the process."""
    # The last resort, against a client that does not take its reply: the process ends.
    signal.alarm(int(2 * READ_SECONDS + admission.WAIT_SECONDS + SCORE_SECONDS + 10))
    stdin, stdout = Stdin(), _private_stdout()
    # A client's header "Proxy", which CGI makes HTTP_PROXY, only harms scripts that fetch something.
    handler: Any = CGIHandler()  # nosec B412
    handler.stdin, handler.stdout = stdin, stdout
    handler.base_env.update({"mnist.place": admission.place, "mnist.run": guarded})
    handler.run(application)
    if os.environ.get("REQUEST_METHOD") == "POST" and not os.environ.get("CONTENT_LENGTH"):
        stdin.drain()
    sys.stderr.flush()
    os._exit(0)  # Python would take itself apart first, which takes 6 ms


def _private_stdout() -> io.FileIO:
    """Return standard output for the reply alone; what libraries print goes to the server's log instead."""
    reply = os.dup(1)
    os.dup2(2, 1)
    return io.FileIO(reply, "wb")


# --- work with limits -------------------------------------------------------------------------------


def guarded(work: Work) -> Answer:
    """Do the work when it is its turn, and within limits. Raises what it raises, Busy and OutOfLimits."""
    with admission.slot():
        return isolated(work)


def isolated(work: Work) -> Answer:
    """Do the work in a child process with limits. Raises what it raises, and OutOfLimits if the child fails.

    A second child that reads the picture while this one loads the model was tried: an answer comes sooner where a core
    is idle, but takes more of processor time, which a crowd pays for.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        _child(work, sender)
    os.close(sender)
    try:
        told = _heard(receiver, time.monotonic() + SCORE_SECONDS)
    finally:
        os.close(receiver)
        os.kill(child, signal.SIGKILL)
        _, ended = os.waitpid(child, 0)
    return _unpacked(told, ended)


def _heard(receiver: int, until: float) -> bytes:
    """Return what the child has to say, as far as it has said it in time."""
    said = b""
    while select.select([receiver], [], [], max(0.0, until - time.monotonic()))[0]:
        block = os.read(receiver, BLOCK)
        if not block:
            break
        said += block
    return said


def _unpacked(told: bytes, ended: int) -> Answer:
    """Return the child's answer, or raise its problem."""
    try:
        kind, content = json.loads(told)
    except ValueError:
        print(f"Scoring ended early, with wait status {ended}, after {told[:80]!r}", file=sys.stderr)
        sentence = "Reading this picture took more time or memory than the server may spend on it."
        raise OutOfLimits(f"{sentence} Send a smaller one, or try again later.") from None
    if kind == "answer":
        answer: Answer = content
        return answer
    raise named(kind)(content)


def _child(work: Work, sender: int) -> NoReturn:
    """Do the work, tell the parent, and end; nothing of the parent's life goes on in here.

    A parent that dies can't end its child, which would keep the parent's locks: so it ends by itself, too.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(SCORE_SECONDS) + 2)
    try:
        _limit()
        gc.disable()  # it lives too short for that
        _import_numpy()
        told = json.dumps(_outcome(work)).encode()
        while told:
            told = told[os.write(sender, told) :]
    finally:
        os._exit(0)


# Modules that numpy, Pillow and LiteRT import and no drawing needs; with what numpy, while it is imported, asks of them
# to describe itself to people and to type checkers.
STAND_INS: dict[str, dict[str, Any]] = {
    "numpy._core._add_newdocs": {},
    "numpy._core._add_newdocs_scalars": {},
    "numpy._typing": {"NDArray": list, "__path__": []},
    "inspect": {"cleandoc": str, "signature": lambda function: None},
    "ast": {},
    "pickle": {},
    "platform": {},
    "PIL.ExifTags": {},
    "PIL.TiffTags": {},
}


class _StandIn(ModuleType):
    """Stands in for a module until it is asked for what it has not; then it becomes that module."""

    def __getattr__(self, name: str) -> Any:
        from importlib import import_module  # no request for a drawing comes here

        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = import_module(self.__name__)
        vars(self).update(vars(module))
        return getattr(module, name)


def _import_numpy() -> None:
    """Import numpy without what nobody asks of it here, which would be a good part of the time to an answer."""
    sys.setdlopenflags(os.RTLD_LAZY)  # most of what is in the libraries is never called
    for name, content in STAND_INS.items():
        module = sys.modules[name] = _StandIn(name)
        vars(module).update(content)
    with suppress(ImportError):  # the work itself asks for it, too, and says what is missing
        import numpy  # noqa: F401
    for name in (name for name, content in STAND_INS.items() if content):  # nobody else gets to see what is made up
        sys.modules.pop(name)


def _outcome(work: Callable[[], Answer]) -> tuple[str, Any]:
    """Return ("answer", the answer) or (the name of a problem's class, its sentence)."""
    try:
        return "answer", work()
    except Problem as problem:
        return type(problem).__name__, str(problem)
    except MemoryError:
        return OutOfLimits.__name__, "The picture takes more memory than the server may spend on it."
    except Exception:
        traceback.print_exc()
        return Problem.__name__, SORRY


def _limit() -> None:
    """Bound what this process may take; a limit that is lower already stays."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each thread would set memory aside
    bounds = [
        (resource.RLIMIT_AS, MEMORY_MB * 2**20),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ]
    for kind, most in bounds:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):  # macOS refuses a bound of address space below what is mapped: gigabytes
            resource.setrlimit(kind, (most, hard))
