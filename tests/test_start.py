"""The first minute: `make serve` on any Python, and the sentences about what is in its way."""

import http.server
import importlib.util
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pictures
import servers

SEVEN = pictures.data_url(pictures.png(7))
HIDE = """
import os, runpy, sys
{hide}
sys.path.insert(0, os.path.dirname(sys.argv[1]))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def module(name: str) -> ModuleType:
    """A script of deploy/, as a module."""
    spec = importlib.util.spec_from_file_location(f"deploy_{name}", servers.ROOT / "deploy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def start() -> Any:
    return module("start")


@pytest.fixture
def install() -> Any:
    return module("install")


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`deploy/start.py`, run to its end."""
    command = [sys.executable, str(servers.ROOT / "deploy/start.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`make` in a folder, run to its end."""
    env = {**os.environ, **environment}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project in a folder with a space and an umlaut."""
    folder = tmp_path / "my Zeichnüng"
    folder.mkdir()
    for name in ("Makefile", "index.html", "requirements-serve.txt"):
        shutil.copy(servers.ROOT / name, folder)
    for name in ("cgi-bin", "deploy", "models", "static"):
        shutil.copytree(servers.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


# --- what is in the way ---


def test_a_taken_port_is_named_with_the_next_free_one(start: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = started("--bind", "127.0.0.1", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    said = re.fullmatch(
        rf"Port {port} can't be used \(Address already in use\)\. Type: make serve PORT=(\d+)\n", ended.stderr
    )
    assert said
    start.listen("127.0.0.1", said[1]).close()


@pytest.mark.parametrize("port", ["eighty", "-1", "65536", ""])
def test_what_is_no_port_is_said(port: str, start: Any) -> None:
    with pytest.raises(start.CannotStart, match=re.escape(f"{port!r} is not a port. Type: make serve PORT=8000")):
        start.listen("127.0.0.1", port)


def test_an_address_that_is_none_is_said(start: Any) -> None:
    with pytest.raises(start.CannotStart, match=r"There is no address 'nowhere\.invalid'"):
        start.listen("nowhere.invalid", "8000")


def test_a_lost_run_bit_and_the_line_ends_of_windows_are_put_right(tmp_path: Path, start: Any) -> None:
    script = tmp_path / "mnist.py"
    script.write_bytes(b"#!/usr/bin/env python3\r\nprint(1)\r\n")
    script.chmod(0o644)
    start.mend(script)
    assert script.read_bytes() == b"#!/usr/bin/env python3\nprint(1)\n"
    assert subprocess.run([script], capture_output=True, check=True, env=servers.environment()).stdout == b"1\n"
    assert list(tmp_path.iterdir()) == [script]


def test_a_run_bit_that_cannot_be_given_back_is_named(tmp_path: Path, start: Any, monkeypatch: Any) -> None:
    script = tmp_path / "mnist.py"
    script.write_bytes(b"#!/usr/bin/env python3\n")
    monkeypatch.setattr(start.Path, "chmod", lambda *_: (_ for _ in ()).throw(PermissionError()))
    with pytest.raises(start.CannotStart, match=re.escape(f"Type: chmod +x '{script}'")):
        start.mend(script)


def test_a_folder_that_cannot_be_written_to_is_named_with_what_to_type(tmp_path: Path) -> None:
    ended = make(servers.ROOT, "serve", "VENV=/proc/venv")
    assert ended.returncode == 2
    assert "/proc/venv can't be written. Say where the packages may be: make serve VENV=" in ended.stderr
    assert "python3-venv" not in ended.stderr


def test_no_python_that_is_new_enough_is_said(copy: Path) -> None:
    ended = make(copy, "serve", "PYTHON=")
    assert "No Python 3.10 or newer found. Say where one is: make PYTHON=..." in ended.stderr


# --- what is started ---


def test_a_folder_with_a_space_and_an_umlaut_serves_and_nothing_but_one_line_is_printed(
    copy: Path, tmp_path: Path
) -> None:
    with servers.make_serve(tmp_path / "log", copy) as server:
        assert server.ask(SEVEN).json["digit"] == 7
        assert server.ask(method="GET", path="/").status == 200
        assert server.log == f"MNIST Draw is at http://127.0.0.1:{server.port}/ (Ctrl-C stops it)\n"


def test_venv_may_have_a_space(copy: Path, tmp_path: Path) -> None:
    """The environment is taken for made and its packages for installed."""
    venv = tmp_path / "two words"
    venv.symlink_to(sys.prefix)
    told = make(copy, "--dry-run", f"--old-file={venv}/.serve", "serve", f"VENV={venv}").stdout
    assert f'exec "{venv}/bin/python" deploy/start.py --bind "127.0.0.1" "8000"' in told


def test_without_cgi_the_same_page_and_application_are_served(tmp_path: Path) -> None:
    """As on Python 3.15, whose http.server has no CGI."""
    hide = "import http.server\ndel http.server.CGIHTTPRequestHandler"
    if hasattr(__import__("http.server").server, "CGIHTTPRequestHandler") is False:
        hide = ""
    script = str(servers.ROOT / "deploy/start.py")
    port = servers.free_port()
    command = [sys.executable, "-W", "ignore", "-c", HIDE.format(hide=hide), script, "--bind", "127.0.0.1", str(port)]
    with servers.running("gunicorn", command, tmp_path / "log", port) as server:
        assert server.ask(SEVEN).json["digit"] == 7
        assert server.ask(method="GET", path="/").status == 200
        assert server.ask(method="GET", path="/Makefile").status == 404
        assert server.log == f"MNIST Draw is at http://127.0.0.1:{port}/ (Ctrl-C stops it)\n"


def status_of(line: socket.socket) -> bytes:
    """What a connection says when it is asked for the page."""
    with line:
        line.settimeout(20)
        line.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        return line.recv(12)


def test_fifty_clients_that_come_at_once_wait_in_line_while_the_server_is_busy(tmp_path: Path) -> None:
    """Whoever finds no place in the kernel's queue is heard again after 1, 3, 7 seconds and more."""
    command = [sys.executable, str(servers.ROOT / "deploy/start.py"), "--bind", "127.0.0.1", "0"]
    with servers.running("http.server", command, tmp_path / "log", env=servers.environment()) as server:
        server.process.send_signal(signal.SIGSTOP)
        lines = [socket.create_connection(("127.0.0.1", server.port), timeout=0.5) for _ in range(50)]
        server.process.send_signal(signal.SIGCONT)
        assert [status_of(line) for line in lines] == [b"HTTP/1.0 200"] * 50


def test_the_browser_is_opened_once_the_page_answers(start: Any, monkeypatch: Any) -> None:
    opened: list[str] = []
    tries = iter([urllib.error.URLError("refused"), None])

    class Reply:
        def close(self) -> None:
            opened.append("answered")

    def answer(*_: Any, **__: Any) -> Reply:
        problem = next(tries)
        if problem:
            raise problem
        return Reply()

    monkeypatch.setattr(start.urllib.request, "urlopen", answer)
    monkeypatch.setattr(start.webbrowser, "open", lambda url: opened.append(url) or True)
    assert start.browse("http://127.0.0.1:8000/") == 0
    assert opened == ["answered", "http://127.0.0.1:8000/"]


@pytest.mark.parametrize(("host", "own"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)])
def test_who_lets_others_in_is_warned(host: str, own: bool, start: Any, capsys: Any) -> None:
    start.announce(host, 8000, False)
    assert ("WARNING" not in capsys.readouterr().err) is own


# --- Ctrl-C ---


def unfinished(server: servers.Server) -> socket.socket:
    """A request whose script waits for the rest of its body."""
    line = socket.create_connection(("127.0.0.1", server.port))
    line.sendall(f"POST {servers.SCRIPT} HTTP/1.0\r\nContent-Length: 9\r\n\r\n".encode())
    return line


def in_group(group: int) -> bool:
    """Whether a process of that group still runs."""
    with suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


def interrupted(server: servers.Server, waiting: bool) -> None:
    """Ctrl-C while requests are under way: their scripts wait for a body, or one has just begun after another."""
    lines = []
    for _ in range(6):
        lines.append(unfinished(server))
        time.sleep(0.007)
    if waiting:
        assert servers.wait_until(lambda: len(servers.children(server.process.pid, "mnist.py")) == len(lines))
        time.sleep(0.5)
    os.killpg(server.process.pid, signal.SIGINT)
    server.process.wait(10)
    for line in lines:  # a script that was started just after Ctrl-C ends with its client
        line.close()
    assert servers.wait_until(lambda: not in_group(server.process.pid), 5), "a script still runs"


@pytest.mark.parametrize("waiting", [True, False])
def test_ctrl_c_while_scripts_run_prints_nothing_but_the_end_of_the_line(waiting: bool, tmp_path: Path) -> None:
    """Python prints a trace if it is interrupted, even while it starts."""
    command = [sys.executable, str(servers.ROOT / "deploy/start.py"), "--bind", "127.0.0.1", "0"]
    with servers.running("http.server", command, tmp_path / "log", env=servers.environment()) as server:
        interrupted(server, waiting)
        assert server.log == f"MNIST Draw is at http://127.0.0.1:{server.port}/ (Ctrl-C stops it)\n\n"


@pytest.mark.parametrize(
    ("problem", "told"), [(BrokenPipeError(), False), (ConnectionResetError(), False), (ValueError("a bug"), True)]
)
def test_a_client_that_hangs_up_is_no_word_on_the_terminal_and_a_bug_is_a_trace(
    problem: Exception, told: bool, start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with start.Server(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        try:
            raise problem
        except Exception:
            server.handle_error(None, ("127.0.0.1", 1))
    assert ("Traceback" in capsys.readouterr().err) is told


def test_ctrl_c_under_plain_http_server_prints_no_trace_of_the_script(tmp_path: Path) -> None:
    with servers.plain_serve(tmp_path / "log", f"{sys.prefix}/bin:{os.environ['PATH']}") as server:
        interrupted(server, True)
        assert "Traceback" not in server.log


# --- what is installed ---


NO_WHEEL = "ERROR: No matching distribution found for onnxruntime<2,>=1.23\n"
NO_NETWORK = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'\n" + NO_WHEEL


def test_what_has_no_wheel_here_is_said_with_what_does_not_work(install: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    here = f"{platform.python_version()} on {sys.platform} {platform.machine()}"
    assert install.missing("all", {"onnxruntime": NO_WHEEL}) == [
        f"PyPI has no wheel of ai-edge-litert for Python {here}: the CNN is computed by numpy, more slowly.",
        f"PyPI has no wheel of onnxruntime for Python {here}: only the CNN answers, not the scikit-learn models.",
        f"PyPI has no wheel of tensorflow for Python {here}: train.py trains the scikit-learn models only.",
    ]
    assert len(install.missing("serve", {})) == 2


@pytest.mark.parametrize("said", [NO_NETWORK, "ERROR: No space left on device\n"])
def test_a_wheel_that_does_not_arrive_is_not_called_missing_from_pypi(
    said: str, install: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: name == "ai_edge_litert" or None)
    assert install.missing("serve", {"onnxruntime": said}) == [
        "onnxruntime could not be downloaded (`make clean`, then the same again, tries once more): "
        "only the CNN answers, not the scikit-learn models."
    ]


def test_what_pip_says_without_a_network_is_told_from_a_missing_wheel(install: Any, monkeypatch: Any) -> None:
    for name in [name for name in os.environ if name.upper().startswith(("PIP_", "HTTP", "ALL_PROXY"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    index = f"http://127.0.0.1:{servers.free_port()}/simple"
    said = install.pip("--retries=1", f"--index-url={index}", "onnxruntime-that-is-not-there")
    assert install.reason("onnxruntime", said).startswith("onnxruntime could not be downloaded")


def test_a_missing_wheel_keeps_nothing_else_from_being_installed(install: Any, monkeypatch: Any) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        names = [install.name_of(line) for line in command[len(install.PIP) :]]
        asked.append(names)
        return subprocess.CompletedProcess(command, int("ai-edge-litert" in names), "", NO_WHEEL)

    monkeypatch.setattr(install.subprocess, "run", run)
    assert install.install_apart(servers.ROOT / "requirements-serve.txt") == {"ai-edge-litert": NO_WHEEL}
    assert asked == [["numpy", "pillow", "multipart"], ["ai-edge-litert"], ["onnxruntime"]]


def test_where_the_necessary_cannot_be_installed_it_fails_in_a_sentence(
    install: Any, monkeypatch: Any, capsys: Any
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "no route\n")
    monkeypatch.setattr(install.subprocess, "run", lambda *_, **__: failed)
    assert install.main("serve") == 1
    assert "The packages can't be installed; is the network there?" in capsys.readouterr().err


# --- Windows, and no TensorFlow ---


@pytest.mark.parametrize("name", ["train", "fetch", "predict"])
def test_without_fork_a_command_says_that_windows_needs_wsl(name: str) -> None:
    script = str(servers.ROOT / f"cgi-bin/{name}.py")
    command = [sys.executable, "-c", HIDE.format(hide="del os.fork"), script, "five.png"]
    ended = subprocess.run(command, capture_output=True, text=True)
    sentence = f"{name}.py: this needs fork, as Linux and macOS have it; on Windows run it in WSL.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", sentence)


@pytest.mark.parametrize("hide", ["del os.fork", "sys.modules['fcntl'] = None", "sys.modules['resource'] = None"])
def test_without_what_only_unix_has_the_script_says_that_windows_needs_wsl(hide: str) -> None:
    command = [sys.executable, "-c", HIDE.format(hide=hide), str(servers.ROOT / "cgi-bin/mnist.py")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.stderr == ""
    assert "WSL" in ended.stdout.partition('"error": "')[2]
    assert ended.stdout.startswith("Status: 503 Service Unavailable")


def test_without_tensorflow_the_cnn_is_refused_in_a_sentence_that_names_the_other_models() -> None:
    hide = "sys.modules['tensorflow'] = sys.modules['tflearn'] = None"
    script = str(servers.ROOT / "cgi-bin/train.py")
    command = [sys.executable, "-c", HIDE.format(hide=hide), script, "--epochs", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("train.py: the CNN is trained with t")
    assert "svm, forest, extra, sgd, voting" in ended.stderr


def test_files_come_with_the_headers_and_media_types_that_other_servers_give_them(tmp_path: Path) -> None:
    with servers.make_serve(tmp_path / "log") as server:
        page = server.ask(method="GET", path="/").headers
        manifest = server.ask(method="GET", path="/static/manifest.webmanifest").headers
    named = ("cache-control", "referrer-policy", "x-content-type-options", "x-frame-options")
    assert [page[name] for name in named] == ["no-cache", "same-origin", "nosniff", "DENY"]
    assert manifest["content-type"] == "application/manifest+json"
