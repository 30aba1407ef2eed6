"""MNIST Draw as one WSGI application: the page, its static files, the script, and nothing else.

    gunicorn --config deploy/gunicorn.conf.py          # or: make serve-wsgi

Each reply has an X-Request-Id, the client's own if it sent one. Prometheus metrics are off unless MNIST_METRICS
names a path for them, say /metrics: keep that one from the public, for instance in the proxy in front.
"""

import json
import os
import re
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from whitenoise import WhiteNoise

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "cgi-bin"))

from reading import errors  # noqa: E402
from serving.application import Work  # noqa: E402
from serving.application import application as script  # noqa: E402
from serving.errors import RETRY_SECONDS, Busy  # noqa: E402
from serving.reply import HEADERS, Answer, failure  # noqa: E402
from serving.request import METHODS  # noqa: E402

# --- settings ---------------------------------------------------------------------------------------
METRICS = os.environ.get("MNIST_METRICS", "")  # path of the metrics; empty: there are none
PLACES = int(os.environ.get("MNIST_PLACES") or 32)  # requests that are read or wait for their turn, in each worker
WAIT_SECONDS = float(os.environ.get("MNIST_WAIT_SECONDS") or 10)  # longest wait for one's turn
SCORE_SECONDS = float(os.environ.get("MNIST_SCORE_SECONDS") or 30)  # longest time that scoring takes after that
# ----------------------------------------------------------------------------------------------------

SCRIPT = "/cgi-bin/mnist.py"
PAGES = {"/": "index.html", "/index.html": "index.html", "/sw.js": "sw.js"}
Environ = dict[str, Any]
StartResponse = Callable[..., Any]

FULL = "Too many pictures are being read just now. Please try again in a moment."

# One picture at a time in each worker, and one worker for each core: what is scored side by side on the same core only
# takes memory. One thread does it all, first come, first served; were it done in the threads that listen to clients,
# each would get an allocator's arena of its own, and the memory be larger.
_scoring = ThreadPoolExecutor(1, "scoring")
_places = threading.BoundedSemaphore(PLACES)


@contextmanager
def place() -> Iterator[None]:
    """Hold one of the places of those who wait or are served. Raises Busy at once when all are taken."""
    if not _places.acquire(blocking=False):
        raise Busy(FULL)
    try:
        yield
    finally:
        _places.release()


def in_turn(work: Work) -> Answer:
    """Do the work when it is its turn. Raises Busy if that does not come in time, OutOfLimits if the answer doesn't."""
    begun = threading.Event()

    def scored() -> Answer:
        begun.set()
        return work()

    turn = _scoring.submit(scored)
    if not begun.wait(WAIT_SECONDS) and turn.cancel():
        raise Busy("The server has more to do than it can. Please try again in a moment.")
    if not wait([turn], SCORE_SECONDS).done:
        replace_worker()
        raise _out_of("time")
    try:
        return turn.result()
    except MemoryError:
        raise _out_of("memory") from None


def _out_of(what: str) -> errors.OutOfLimits:
    sentence = f"Reading this picture took more {what} than the server may spend on it."
    return errors.OutOfLimits(f"{sentence} Send a smaller one, or try again later.")


def replace_worker() -> None:
    """Have gunicorn start a worker in place of this one, whose only thread that scores may never be free again."""
    print(f"Scoring took more than {SCORE_SECONDS:g} s: another worker takes this one's place", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGTERM)  # it still answers who waits; see PatientWorker.run for its end


def route(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer what is not a file."""
    path = environ.get("PATH_INFO", "")
    if path == SCRIPT:
        return script(environ | {"mnist.place": place, "mnist.run": in_turn}, start_response)
    if METRICS and path == METRICS and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return metrics.page(start_response)
    start_response("404 Not Found", [*HEADERS, ("Content-Type", "text/plain"), ("Content-Length", "19")])
    return [b"Nothing to see here"]


def _files() -> WhiteNoise:
    """The page and its static files in front of `route`."""
    site = WhiteNoise(route, max_age=0, add_headers_function=_careful)
    site.add_files(str(ROOT / "static"), prefix="static/")
    for path, name in PAGES.items():
        site.add_file_to_dictionary(path, str(ROOT / name))
    return site


def _careful(headers: Any, path: str, url: str) -> None:
    """Add to a file's headers what the page needs least: to be guessed at, embedded or told about."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Frame-Options"] = "DENY"


site = _files()


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """WSGI entry point: everything, with a request id, and counted."""
    begun, given = time.perf_counter(), environ.get("HTTP_X_REQUEST_ID", "")
    ident = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if METRICS:
            metrics.count(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), status, begun)
        return start_response(status, [*headers, ("X-Request-Id", ident)], exc_info)

    return site(environ, start)


def refusal() -> bytes:
    """The whole reply to a client that there is no thread for."""
    content = json.dumps(failure(FULL) | {"retry_after": RETRY_SECONDS}).encode() + b"\n"
    headers = [
        *HEADERS,
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(content))),
        ("Retry-After", str(RETRY_SECONDS)),
        ("Connection", "close"),
    ]
    lines = [f"HTTP/1.1 {Busy.status}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode() + content


class Metrics:
    """What Prometheus may know: how many requests, of which kind, and how long they took."""

    def __init__(self) -> None:
        """Make the counters; all workers count into files of PROMETHEUS_MULTIPROC_DIR."""
        from prometheus_client import Counter, Histogram

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
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess

        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        text = generate_latest(registry)
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST), ("Content-Length", str(len(text)))])
        return [text]


if METRICS:
    metrics = Metrics()


# --- slow clients -----------------------------------------------------------------------------------


class Reaper:
    """Stops listening to clients that take too long to say what they want, so that no thread waits for them."""

    def __init__(self, seconds: float) -> None:
        """Give each client that many seconds."""
        self.seconds, self.lock = seconds, threading.Lock()
        self.listening: dict[Any, float] = {}

    @contextmanager
    def watch(self, sock: Any) -> Iterator[None]:
        """Listen to a client, but not for ever."""
        with self.lock:
            self.listening[sock] = time.monotonic() + self.seconds
        try:
            yield
        finally:
            with self.lock:
                self.listening.pop(sock, None)

    def run(self) -> None:
        """Look after the clients; meant for a thread of its own."""
        while True:
            time.sleep(0.5)
            with self.lock:
                now = time.monotonic()
                late = [sock for sock, until in self.listening.items() if until < now]
                for sock in late:
                    del self.listening[sock]
                    _deafen(sock)


def _deafen(sock: Any) -> None:
    """End the reading from a socket, in whatever thread it happens; a reply can still be sent."""
    import socket

    try:
        sock.shutdown(socket.SHUT_RD)
    except OSError:
        return  # the client has gone already
