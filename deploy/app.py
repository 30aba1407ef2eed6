"""MNIST Draw as one WSGI application: the page, its static files, the script, and nothing else.

Prometheus metrics are off unless MNIST_METRICS names a path for them, say /metrics: keep that one from the public.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
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
from serving.request import METHODS  # noqa: E402

# --- settings ---------------------------------------------------------------------------------------
METRICS = os.environ.get("MNIST_METRICS", "")  # path of the metrics; empty: there are none
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
    if METRICS and path == METRICS and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return metrics.page(start_response)
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


site = _files()


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """WSGI entry point: everything, counted if there are metrics."""
    begun = time.perf_counter()

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if METRICS:
            metrics.count(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), status, begun)
        return start_response(status, headers, exc_info)

    reply: Iterable[bytes] = site(environ, start)
    return reply


class Metrics:
    """What Prometheus may know: how many requests, of which kind, and how long they took."""

    def __init__(self) -> None:
        """Make the counters; all workers count into files of PROMETHEUS_MULTIPROC_DIR, each under its number."""
        from prometheus_client import Counter, Histogram

        values: Any = import_module("prometheus_client.values")
        number = os.environ.get("MNIST_WORKER_NUMBER", "0")
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            values.ValueClass = values.MultiProcessValue(lambda: number)
        labels = ["method", "what", "status"]
        self.requests = Counter("mnist_requests_total", "Requests answered", labels)
        buckets = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
        self.seconds = Histogram("mnist_request_seconds", "Time to the reply", ["what"], buckets=buckets)

    def count(self, method: str, path: str, status: str, begun: float) -> None:
        """Count one request; a label never holds what a client made up."""
        what = "script" if path == SCRIPT else "file"
        known = method if method in METHODS else "other"
        self.requests.labels(known, what, status[:3]).inc()
        self.seconds.labels(what).observe(time.perf_counter() - begun)

    def page(self, start_response: StartResponse) -> Iterable[bytes]:
        """All workers' figures, in the format that Prometheus reads."""
        from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

        multiprocess: Any = import_module("prometheus_client.multiprocess")
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        text = generate_latest(registry)
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Content-Length", str(len(text)))])
        return [text]


if METRICS:
    metrics = Metrics()
