"""MNIST Draw as one WSGI application: the page, its static files, the script, and nothing else."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from whitenoise import WhiteNoise

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "cgi-bin"))

from reading import errors  # noqa: E402
from serving.application import Work  # noqa: E402
from serving.application import application as script  # noqa: E402
from serving.errors import Busy  # noqa: E402
from serving.reply import HEADERS, Answer  # noqa: E402

# --- settings ---------------------------------------------------------------------------------------
WAIT_SECONDS = float(os.environ.get("MNIST_WAIT_SECONDS") or 10)  # longest wait for one's turn
# ----------------------------------------------------------------------------------------------------

SCRIPT = "/cgi-bin/mnist.py"
PAGES = {"/": "index.html", "/index.html": "index.html", "/sw.js": "sw.js"}
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@contextmanager
def in_time(environ: Environ) -> Iterator[None]:
    """Raise Busy for a request that waited longer than WAIT_SECONDS since nginx had it whole (X-Request-Start)."""
    start = environ.get("HTTP_X_REQUEST_START", "").removeprefix("t=")
    waited = time.time() - float(start) if start.replace(".", "", 1).isdecimal() else 0.0
    if waited > WAIT_SECONDS:
        raise Busy("The server has more to do than it can. Please try again in a moment.")
    yield


def within_memory(work: Work) -> Answer:
    """Do the work. Raises OutOfLimits if the worker's memory is not enough for it."""
    try:
        return work()
    except MemoryError:
        raise errors.OutOfLimits(
            "Reading this picture took more memory than the server may spend on it. "
            "Send a smaller one, or try again later."
        ) from None


def route(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer what is not a file."""
    path = environ.get("PATH_INFO", "")
    if path == SCRIPT:
        place: Callable[[], AbstractContextManager[None]] = partial(in_time, environ)
        return script(environ | {"mnist.place": place, "mnist.run": within_memory}, start_response)
    start_response("404 Not Found", [*HEADERS, ("Content-Type", "text/plain"), ("Content-Length", "19")])
    return [b"Nothing to see here"]


def _files() -> Any:
    """The page and its static files in front of `route`."""
    files = WhiteNoise(route, max_age=0, allow_all_origins=False, add_headers_function=_careful)
    files.add_files(str(ROOT / "static"), prefix="static/")
    for path, name in PAGES.items():
        files.add_file_to_dictionary(path, str(ROOT / name))
    return files


def _careful(headers: Any, path: str, url: str) -> None:
    """Add to a file's headers what the page needs least: to be guessed at, embedded or told about."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Frame-Options"] = "DENY"


application = _files()  # the WSGI entry point
