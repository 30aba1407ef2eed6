"""The ways to the script, for tests: in-process WSGI, and real servers on ports of their own."""

import http.client
import io
import itertools
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from needs import program

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = "/cgi-bin/mnist.py"
AUTO = "the real length"
NOBODY = 65534  # the user and group of those who own nothing
RUNTIME = tempfile.mkdtemp(prefix="mnist-")  # readers of these tests are in there; short, for a socket's address


class Answer(NamedTuple):
    """What came back; `status` is the one that the script gave, which `http.server` hides from clients."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Wsgi:
    """The application itself, called as a WSGI server would, with the standard's rules checked."""

    name = "WSGI"

    def __init__(self) -> None:
        self.log = io.StringIO()

    def ask(
        self,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        query: str = "",
        method: str = "POST",
        length: str | None = AUTO,
        path: str = SCRIPT,
    ) -> Answer:
        """Send one request; `length` None sends no Content-Length, any other text is sent as it is."""
        import mnist

        environ: dict[str, Any] = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path}
        setup_testing_defaults(environ)
        environ |= {"QUERY_STRING": query, "wsgi.input": io.BytesIO(body), "wsgi.errors": self.log}
        for name, value in (headers or {}).items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        if length is not None and (body or method == "POST" or length != AUTO):
            environ["CONTENT_LENGTH"] = str(len(body)) if length == AUTO else length
        return _call(validator(mnist.application) if length == AUTO else mnist.application, environ)


def _call(application: Any, environ: dict[str, Any]) -> Answer:
    told: list[Any] = []
    reply = application(environ, lambda status, headers, exc_info=None: told.extend([status, headers]))
    content = b"".join(reply)
    reply.close()
    return Answer(int(told[0][:3]), {name.lower(): value for name, value in told[1]}, content)


class Server:
    """A real server that listens on a port."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name, self.port, self.process, self.logfile = name, port, process, log
        self.url = f"http://127.0.0.1:{port}"

    @property
    def log(self) -> str:
        """What the server and its scripts have written so far."""
        return self.logfile.read_text(errors="replace")

    def ask(
        self,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        query: str = "",
        method: str = "POST",
        length: str | None = AUTO,
        path: str = SCRIPT,
        timeout: float = 30,
    ) -> Answer:
        """Send one request; `length` None sends no Content-Length, any other text is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.putrequest(method, path + ("?" + query if query else ""), skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if length is not None and (body or method == "POST" or length != AUTO):
                connection.putheader("Content-Length", str(len(body)) if length == AUTO else length)
            connection.endheaders()
            connection.send(body)
            if length not in (AUTO, None):
                connection.sock.shutdown(socket.SHUT_WR)  # says that no more will come
            return received(connection.getresponse())
        finally:
            connection.close()

    def raw(self, request: bytes, timeout: float = 30) -> bytes:
        """Send bytes as they are and return all that comes back until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def received(response: http.client.HTTPResponse) -> Answer:
    """A response, read to its end."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(int(headers.get("status", str(response.status))[:3]), headers, response.read())


# --- starting and stopping --------------------------------------------------------------------------


def _ports() -> Iterator[int]:
    """Ports in turn that no other test process hands out, and that systems don't give to connections (from 32768)."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    ports = range(20000 + 1000 * worker, 20000 + 1000 * (worker + 1))
    begun = os.getpid() % len(ports)  # two runs of the tests on one machine begin at different ports
    return itertools.cycle([*ports[begun:], *ports[:begun]])


_PORTS = _ports()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and which stays free until the test takes it."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@contextmanager
def running(name: str, command: list[str], log: Path, port: int = 0, **settings: Any) -> Iterator[Server]:
    """Run a server as a process group of its own until the block ends; port 0 is read from what it prints."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, start_new_session=True, **settings
        )
    try:
        yield Server(name, _listening(process, log, port), process, log)
    finally:
        _end(process)


def _listening(process: subprocess.Popen[bytes], log: Path, port: int) -> int:
    """Wait until the server accepts connections; its port."""
    until = time.monotonic() + 120  # Ray starts ten processes
    while time.monotonic() < until and process.poll() is None:
        found = port or next(
            (int(text) for text in re.findall(r"(?:HTTP on \S+ port |is at http://\S+:)(\d+)", log.read_text())), 0
        )
        if found:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", found)):
                    return found
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} does not listen:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def environment(path: str | None = None, **more: str) -> dict[str, str]:
    """The environment of an activated virtual environment, or one with that PATH."""
    activated = f"{sys.prefix}/bin:{os.environ['PATH']}" if path is None else path
    return {**os.environ, "PATH": activated, "XDG_RUNTIME_DIR": RUNTIME, **more}


def make_serve(log: Path, root: Path = ROOT, **more: str) -> Any:
    """`make serve`, with this Python's own environment in place of `.venv`, on a free port."""
    return running("http.server", _make("serve", 0), log, cwd=root, env=environment(**more))


def make_serve_wsgi(log: Path, **more: str) -> Any:
    """`make serve-wsgi`, with this Python's own environment in place of `.venv`, on a free port."""
    program("nginx", "nginx-light")
    port = free_port()
    return running("gunicorn", _make("serve-wsgi", port), log, port, cwd=ROOT, env=environment(**more))


def _make(target: str, port: int) -> list[str]:
    """The command that starts a server by make; what it would install first is taken for installed."""
    installed = {"serve": ".serve", "serve-wsgi": ".wsgi"}[target]
    command = ["make", "--no-print-directory", "--old-file", f"{sys.prefix}/{installed}", target]
    return [*command, f"VENV={sys.prefix}", "HOST=127.0.0.1", f"PORT={port}"]


def gunicorn(log: Path, **more: str) -> Any:
    """gunicorn behind nginx as deploy/serve.py sets them up, on a free port."""
    program("nginx", "nginx-light")
    port = free_port()
    command = [sys.executable, "deploy/serve.py"]
    env = environment(MNIST_BIND=f"127.0.0.1:{port}", **more)
    return running("gunicorn", command, log, port, cwd=ROOT, env=env)


def ray_serve(log: Path, **more: str) -> Any:
    """Ray Serve behind nginx as deploy/serve.py sets them up, on a free port."""
    return gunicorn(log, MNIST_BEHIND="ray", **more)


def lighttpd(log: Path, **more: str) -> Any:
    """lighttpd with the CGI script, as deploy/lighttpd.conf sets it up, on a free port."""
    port = free_port()
    command = [*as_nobody(), program("lighttpd"), "-D", "-f", "deploy/lighttpd.conf"]
    env = environment(MNIST_PORT=str(port), MNIST_PYTHON=f"{sys.prefix}/bin/python3", **more)
    return running("lighttpd", command, log, port, cwd=ROOT, env=env)


def plain_serve(log: Path, path: str) -> Any:
    """`python -m http.server --cgi`, with a PATH of the caller's, on which scripts look for their Python."""
    command = [sys.executable, "-u", "-m", "http.server", "--cgi", "--bind", "127.0.0.1", "0"]
    return running("http.server", [*unprivileged(), *command], log, cwd=ROOT, env=environment(path))


def unprivileged() -> list[str]:
    """What keeps `http.server` from switching to a user who can't reach this Python: see deploy/start.py."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() or not setpriv:
        return []
    return [setpriv, "--bounding-set", "-all,+dac_read_search"]


def as_nobody() -> list[str]:
    """What starts a command that root gives as a user who may only read more than others, as this Python may be
    below root's home directory; nothing for others."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() or not setpriv:
        return []
    rights = "-all,+dac_read_search"
    command = [setpriv, "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--bounding-set", rights]
    return [*command, "--inh-caps", rights, "--ambient-caps", rights]


def address(server: Server, path: str = "/") -> str:
    """The URL of a path on a server."""
    return urllib.parse.urljoin(server.url, path)


def processes() -> list[tuple[int, int, str]]:
    """Each process: its number, its parent's, and its command line; read from /proc where there is one."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        return [(int(pid), int(parent), " ".join(line)) for pid, parent, *line in rows]
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found.append((int(folder.name), parent, line))
    return found


def children(parent: int, name: str = "") -> list[int]:
    """The processes below another one whose command line has that name in it."""
    found, below = [], {parent}
    for pid, above, line in sorted(processes()):
        if above in below:
            below.add(pid)
            found += [pid] if name in line else []
    return found


def readers(folder: str) -> list[int]:
    """The processes that are resident readers with that runtime folder; a child has the command line of its reader."""
    found = {pid: parent for pid, parent, line in processes() if f" serving.reader 3 {folder}/" in line}
    return [pid for pid, parent in found.items() if parent not in found]


def wait_until(true: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for something to become true; what it became, or what it still is in the end."""
    until = time.monotonic() + seconds
    while not (result := true()) and time.monotonic() < until:
        time.sleep(0.05)
    return result


class Script:
    """The CGI script, run as a server would run it, but without one; `settings` go into its environment.

    No reader is left behind unless they say so.
    """

    name = "CGI"

    def __init__(self, log: Path, **settings: str) -> None:
        self.logfile, self.settings = log, {"MNIST_RESIDENT": "0", **settings}
        self.program = str(ROOT / SCRIPT[1:])
        self.limits: list[tuple[int, int]] = []  # what `ulimit` would set

    @property
    def log(self) -> str:
        """What the script has written to its standard error so far."""
        return self.logfile.read_text(errors="replace")

    def start(self, body: bytes = b"", query: str = "", method: str = "POST") -> subprocess.Popen[bytes]:
        """Start one request; `finished` waits for its end."""
        meta = {"REQUEST_METHOD": method, "SCRIPT_NAME": SCRIPT, "QUERY_STRING": query, "PATH_INFO": ""}
        if method == "POST":
            meta["CONTENT_LENGTH"] = str(len(body))
        meta |= {"GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.0"}
        process = subprocess.Popen(
            [self.program],
            preexec_fn=self._limit if self.limits else None,
            env=environment(**self.settings, **meta),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.logfile.open("ab"),
        )
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(body)
            process.stdin.flush()
        return process

    def _limit(self) -> None:
        for kind, most in self.limits:
            resource.setrlimit(kind, (most, most))

    def finished(self, process: subprocess.Popen[bytes], timeout: float = 30) -> Answer:
        """Wait for a request's end; its answer."""
        with process:
            reply, _ = process.communicate(timeout=timeout)
        head, _, content = reply.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().splitlines()]
        headers = {name.lower(): value for name, _, value in lines}
        return Answer(int(headers["status"][:3]), headers, content)

    def ask(self, body: bytes = b"", query: str = "", method: str = "POST") -> Answer:
        """Run one request to its end."""
        return self.finished(self.start(body, query, method))
