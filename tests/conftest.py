"""What tests share: the four servers, broken ones, a browser, and MNIST where it is to be had."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
import small_disk
from needs import RAY, lacking, program
from page_kit import visit as visit


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """A test whose fixtures train something can't run where TensorFlow has no wheel."""
    try:
        return (yield)
    except ModuleNotFoundError as error:
        if error.name not in ("tensorflow", "tflearn"):
            raise
        lacking(f"{error.name} is not installed: docs/platforms.md says where it is")


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_counts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and all that it starts inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def handlers_end_with_their_command() -> Iterator[None]:
    """What a command makes of signals is its process's affair; here that is pytest's, and that of all it starts."""
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}
    yield
    for kind, handler in before.items():
        signal.signal(kind, handler)


@pytest.fixture(scope="session", autouse=True)
def no_reader_is_left() -> Iterator[None]:
    """Readers that tests have started end with their folder, if not with their server before."""
    yield
    shutil.rmtree(servers.RUNTIME, ignore_errors=True)  # a reader that ends removes its own files meanwhile
    assert servers.wait_until(lambda: not servers.readers(servers.RUNTIME)), "a resident reader is left"


# --- servers ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wsgi() -> servers.Wsgi:
    return servers.Wsgi()


@pytest.fixture(scope="session")
def http_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """`make serve`, for real: the page and the script under `python -m http.server --cgi`."""
    with servers.make_serve(tmp_path_factory.mktemp("http.server") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def lighttpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """The script under a web server with real statuses, as deploy/lighttpd.conf sets it up."""
    program("lighttpd")
    with servers.lighttpd(tmp_path_factory.mktemp("lighttpd") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """nginx and gunicorn, as deploy/serve.py sets them up."""
    program("nginx", "nginx-light")
    with servers.gunicorn(tmp_path_factory.mktemp("gunicorn") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def ray_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """nginx and Ray Serve, as deploy/serve.py sets them up."""
    with servers.ray_serve(tmp_path_factory.mktemp("ray") / "log") as server:
        yield server


@pytest.fixture(params=["wsgi", "http_server", "lighttpd", "gunicorn", *RAY])
def server(request: pytest.FixtureRequest) -> Any:
    """Each of the servers in turn; a test that takes it has to hold for all of them."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def bare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """http.server in an environment without packages, as when one forgets to activate the right one."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    with servers.plain_serve(folder / "log", f"{folder}/venv/bin:/usr/bin:/bin") as server:
        yield server


@pytest.fixture(scope="session")
def silent_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """http.server where no Python can be found to run a script: it answers 200 and not one byte more."""
    folder = tmp_path_factory.mktemp("silent")
    with servers.plain_serve(folder / "log", str(folder)) as server:
        yield server


@pytest.fixture
def full_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own that has room for nothing more."""
    with small_disk.mounted(tmp_path / "full", "size=4k,nr_inodes=2") as folder:
        (folder / "file").write_bytes(b"x" * 4096)
        yield folder


@pytest.fixture
def fail_move(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, OSError], None]:
    """Tells which of the next files that are moved, counted from 1, can't be; all others can."""
    moves, move = [], Path.replace

    def fail(number: int, error: OSError) -> None:
        def fail_once(path: Path, target: Path) -> Path:
            moves.append(path)
            if len(moves) == number:
                raise error
            return move(path, target)

        monkeypatch.setattr(Path, "replace", fail_once)

    return fail


# --- browser ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright; without its windows, where they can be had apart, it takes a third."""
    chromium = shutil.which("chromium-headless-shell") or program("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("playwright is not installed: pip install -r requirements-dev.txt")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=[*flags, "--disable-sync", "--no-first-run"]
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Any, http_server: servers.Server) -> Iterator[Any]:
    """A fresh tab; addresses are relative to the server of `make serve`."""
    context = browser.new_context(base_url=http_server.url)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


# --- data -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """A folder with MNIST's four IDX files; tests that need them run only where they are."""
    for folder in filter(None, [os.environ.get("MNIST_DIR"), str(servers.ROOT.parent / "shared" / "mnist")]):
        if Path(folder).is_dir():
            return Path(folder)
    lacking("MNIST is not here: set MNIST_DIR to a folder with its four IDX files")
    raise AssertionError
