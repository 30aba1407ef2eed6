"""The page's service worker on a port that other programs use after us: they get their own, and ours is forgotten."""

import http.server
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

import servers
from page_kit import ROOT, until

THEIRS = b"<!doctype html><title>Theirs</title><h1>Another program</h1>"
REGISTRATIONS = "async () => (await navigator.serviceWorker.getRegistrations()).length"
CACHES = "async () => await caches.keys()"

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def reply(asked: http.server.BaseHTTPRequestHandler, status: int, body: bytes = THEIRS, **headers: str) -> None:
    asked.send_response(status)
    for name, value in ({"Content-Type": "text/html", "Content-Length": str(len(body))} | headers).items():
        asked.send_header(name.replace("_", "-"), value)
    asked.end_headers()
    asked.wfile.write(body)


def with_status(status: int) -> Answer:
    return lambda asked: reply(asked, status if asked.path == "/" else 404)


def redirected(asked: http.server.BaseHTTPRequestHandler) -> None:
    reply(asked, 302, b"", Location="/login") if asked.path == "/" else reply(asked, 200)


def late(asked: http.server.BaseHTTPRequestHandler) -> None:
    time.sleep(5 if asked.path == "/" else 0)
    reply(asked, 200)


def in_parts(asked: http.server.BaseHTTPRequestHandler) -> None:
    """A page of which only the beginning comes at once."""
    asked.send_response(200)
    asked.send_header("Content-Type", "text/html")
    asked.end_headers()
    asked.wfile.write(THEIRS)
    asked.wfile.flush()
    time.sleep(1)


def with_files_of_our_names(asked: http.server.BaseHTTPRequestHandler) -> None:
    """A page of theirs that asks for a file which has the name of one of ours."""
    if asked.path == "/":
        return reply(asked, 200, THEIRS + b'<script src="static/theme.js"></script>')
    return reply(asked, 200, b'document.querySelector("h1").textContent += "!";', Content_Type="text/javascript")


PROGRAMS = {
    "200": with_status(200),
    "401": with_status(401),
    "404": with_status(404),
    "500": with_status(500),
    "a redirect": redirected,
    "late": late,
    "in parts": in_parts,
}


@contextmanager
def other(port: int, answer: Answer) -> Iterator[None]:
    """Another program on that port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@pytest.fixture
def ours(tmp_path: Any) -> Callable[[int], AbstractContextManager[servers.Server]]:
    """Starts our own server on a port."""

    def start(port: int) -> Any:
        command = [sys.executable, "deploy/start.py", "--bind", "127.0.0.1", str(port)]
        return servers.running("start.py", command, tmp_path / "log", port, cwd=ROOT, env=servers.environment())

    return start


@pytest.fixture
def visited(visit: Any, ours: Any) -> Iterator[tuple[Any, int]]:
    """A tab in which our page has been, and the port on which nobody listens any more."""
    visit.allowed += ["Failed to load resource", "Failed to fetch", "ServiceWorker"]
    port = servers.free_port()
    with ExitStack() as stack:
        server = stack.enter_context(ours(port))
        page = visit(url=server.url, service_workers="allow")
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        page.reload()
        page.wait_for_selector("html[data-scripted]")
        stack.close()
        yield page, port


def heading(page: Any) -> str:
    return str(page.inner_text("h1"))


@pytest.mark.parametrize("kind", PROGRAMS)
def test_another_program_on_our_port_gets_its_own_page_and_nothing_of_ours_stays(visited: Any, kind: str) -> None:
    page, port = visited
    with other(port, PROGRAMS[kind]):
        page.goto(f"http://127.0.0.1:{port}/")
        assert heading(page) == "Another program"
        until(page, f"({REGISTRATIONS})().then((n) => n === 0)")
        assert page.evaluate(CACHES) == []


def test_another_programs_page_is_never_shown_as_ours(visited: Any, ours: Any) -> None:
    page, port = visited
    url = f"http://127.0.0.1:{port}/"
    with other(port, with_status(200)):
        page.goto(url)
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        page.goto(url)
    with ours(port):
        page.goto(url)
        page.wait_for_selector("html[data-scripted]")
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        assert heading(page) == "MNIST Draw"
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    assert heading(page) == "MNIST Draw"


def test_another_programs_files_are_its_own_though_they_have_names_of_ours(visited: Any) -> None:
    page, port = visited
    with other(port, with_files_of_our_names):
        page.goto(f"http://127.0.0.1:{port}/elsewhere")  # a page that this worker knows nothing of
        page.goto(f"http://127.0.0.1:{port}/")
        assert heading(page) == "Another program!"
        until(page, f"({REGISTRATIONS})().then((n) => n === 0)")
        assert page.evaluate(CACHES) == []


def test_a_page_elsewhere_on_our_port_neither_gets_our_files_nor_puts_its_own_in_their_place(visited: Any) -> None:
    page, port = visited
    read = "async () => (await (await caches.match('/static/theme.js')).text()).includes('+= \"!\"')"
    with other(port, with_files_of_our_names):
        page.goto(f"http://127.0.0.1:{port}/elsewhere.html")
        assert '+= "!"' in page.evaluate("async () => (await fetch('/static/theme.js')).text()")
        assert page.evaluate(read) is False
    assert page.evaluate("fetch('/static/theme.js').then(() => 'ours', () => 'none')") == "none"


def test_our_copy_is_whole_though_another_program_starts_while_it_is_opened(visited: Any) -> None:
    """The page comes from the copy, as nobody listens; so do its files, whoever listens by then."""
    page, port = visited
    with ExitStack() as stack:
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("html[data-scripted]")
        stack.enter_context(other(port, with_status(404)))
        assert page.evaluate("fetch('/static/theme.js').then((response) => response.status)") == 200
