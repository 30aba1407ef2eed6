"""The WSGI application as a CGI script (RFC 3875), in this process: what answers where there is no resident reader.

`python -m http.server --cgi` bounds nothing, so everything that a server would guard is guarded here: how many
requests are served at once (`admission.py`), and what scoring may cost (`child.py`).
"""

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.handlers import BaseCGIHandler, read_environ  # nosec B412

from reading.errors import OutOfLimits
from serving import admission, child
from serving.application import Work, application
from serving.errors import BodyTooSlow
from serving.reply import Answer
from serving.settings import READ_SECONDS, SCORE_SECONDS
from serving.stdin import Body


class Received:
    """A body that has been received already, as the stream that the application reads."""

    def __init__(self, data: bytes, slow: bool) -> None:
        """Give `data`; `slow` says that the rest of it did not arrive in time."""
        self.data, self.slow = io.BytesIO(data), slow

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end. Raises BodyTooSlow where the rest is missing."""
        block = self.data.read(size)
        if not block and self.slow:
            raise BodyTooSlow("The picture did not arrive in time. Please send it again.")
        return block


class Handler(BaseCGIHandler):
    """One request, one process; the environment is what it is given, and not this process' own."""

    wsgi_run_once = True
    os_environ: dict[str, str] = {}  # noqa: RUF012 - as the base class has it


def reply(body: Body, hooks: dict[str, Any]) -> bytes:
    """Return the reply, CGI head included, to the request of the environment; `hooks` is one of those below."""
    # The last resort, whatever is waited for: the process ends.
    signal.alarm(int(2 * READ_SECONDS + admission.WAIT_SECONDS + SCORE_SECONDS + 10))
    # A client's header "Proxy", which CGI makes HTTP_PROXY, only harms scripts that fetch something.
    environ: dict[str, Any] = read_environ()
    output = io.BytesIO()
    with _silent_stdout():
        respond(environ | hooks, Received(body.data, body.slow), output)
    return output.getvalue()


def respond(environ: dict[str, Any], stream: Received, output: Any) -> None:
    """Write the reply to one request, with its CGI head, to `output`."""
    source: Any = stream  # what the application needs of a stream is `read`
    handler = Handler(source, output, sys.stderr, environ, multithread=False, multiprocess=True)
    handler.run(application)


@contextmanager
def _took_too_much() -> Iterator[None]:
    """Raise OutOfLimits in the place of letting the request in."""
    print("Scoring ended early, in a child of the resident reader.", file=sys.stderr)
    raise OutOfLimits(child.TOO_MUCH)
    yield


@contextmanager
def _silent_stdout() -> Iterator[None]:
    """Keep standard output for the reply alone: what libraries print goes to the server's log meanwhile."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def guarded(work: Work) -> Answer:
    """Do the work when it is its turn, and within limits. Raises what it raises, Busy and OutOfLimits."""
    with admission.slot():
        return child.isolated(work)


PICTURE = {"mnist.place": admission.place, "mnist.run": guarded}
HEALTH = {"mnist.place": admission.watch, "mnist.run": child.isolated}  # waits for no picture
TOO_MUCH = {"mnist.place": _took_too_much}  # only says that answering took too much
