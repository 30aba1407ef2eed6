"""Serve MNIST Draw to others: nginx takes requests in, gunicorn answers them. Starts both, and stops both.

    python deploy/serve.py          # or: make serve-wsgi
    kill -HUP PID                   # new code and models; no request is lost
    kill -TERM PID                  # stop, after the requests that are being answered

Settings come from the environment, see `Settings`. Put a proxy with TLS in front before others use it over a network.
"""

import grp
import os
import pwd
import queue
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "cgi-bin"))

from serving.admission import RETRY_SECONDS  # noqa: E402
from serving.application import MAX_BODY  # noqa: E402

# --- settings ---------------------------------------------------------------------------------------
STOP_SECONDS = 20  # requests that are under way when the server is stopped are answered within that time
CONNECTIONS = 8192  # open at the same time, to clients and to gunicorn
LARGE = 8  # bodies of 100,000 bytes and more that one address may be sending
ALL_LARGE = 32  # the same for all addresses together: bounds nginx's memory to 32 times 8 MB
# ----------------------------------------------------------------------------------------------------

BUSY = "The server has no room for this picture just now. Please try again in a moment."
OUT_OF_LIMITS = (
    "Reading this picture took more time or memory than the server may spend on it. "
    "Send a smaller one, or try again later."
)
TOO_LARGE = f"More than {MAX_BODY // 2**20} MB are not read; send a smaller picture."
Process = subprocess.Popen[bytes]


class SettingError(ValueError):
    """A setting of the environment that makes no sense."""


class MissingProgram(Exception):
    """nginx is not installed."""


@dataclass(frozen=True)
class Settings:
    """What can be set, from environment variables of these names with MNIST_ in front."""

    bind: str = "127.0.0.1:8000"  # address:port; [address]:port for IPv6
    hosts: str = ""  # names of this server, next to localhost and IP addresses, with spaces between
    workers: int = 0  # processes that read pictures, one at a time each; 0: one for each core
    places: int = 32  # pictures of each worker that are read or wait for their turn
    read_seconds: float = 10  # a client that sends nothing for that long is given up
    wait_seconds: float = 10  # longest wait for one's turn
    score_seconds: float = 30  # longest time that reading a picture takes; then its worker is replaced
    metrics: str = ""  # path of the Prometheus metrics, say /metrics; keep it from the public

    def __post_init__(self) -> None:
        """Raise SettingError for what makes no sense."""
        _check("BIND", re.fullmatch(r"[A-Za-z0-9.-]+:\d+|\[[0-9A-Fa-f:]+\]:\d+", self.bind), "address:port")
        _check("HOSTS", re.fullmatch(r"[A-Za-z0-9.* -]*", self.hosts), "host names with spaces between")
        _check("METRICS", re.fullmatch(r"(/[A-Za-z0-9_-]+)*", self.metrics), "a path like /metrics")
        _check("WORKERS", self.workers >= 0, "a number, 0 or more")
        _check("PLACES", self.places >= 1, "a number, 1 or more")
        for name in ("read_seconds", "wait_seconds", "score_seconds"):
            _check(name.upper(), 1 <= getattr(self, name) <= 3600, "a number of seconds, 1 to 3600")

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Return the settings of an environment; empty variables count as unset. Raises SettingError."""
        given = {}
        for name, kind in cls.__annotations__.items():
            if text := environment.get(f"MNIST_{name.upper()}"):
                try:
                    given[name] = kind(text)
                except ValueError:
                    raise SettingError(f"MNIST_{name.upper()}={text} is not a number.") from None
        return cls(**given)


def _check(name: str, fits: object, wanted: str) -> None:
    if not fits:
        raise SettingError(f"MNIST_{name} has to be {wanted}.")


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- nginx's configuration --------------------------------------------------------------------------


def configuration(settings: Settings, folder: Path) -> str:
    """Return nginx.conf.in with everything filled in; `folder` has the socket and whatever else is of this run."""
    metrics = f"location = {settings.metrics} {{ proxy_pass http://wsgi; }}" if settings.metrics else ""
    values = {
        "FOLDER": str(folder),
        "ROOT": f'"{ROOT}"',
        "LISTEN": settings.bind,
        "HOSTS": settings.hosts,
        "USER": _user(),
        "METRICS": metrics,
        "PLACES": settings.places * (settings.workers or cores()),
        "CONNECTIONS": CONNECTIONS,
        "DESCRIPTORS": _descriptors(),
        "LARGE": LARGE,
        "ALL_LARGE": ALL_LARGE,
        "READ_SECONDS": round(settings.read_seconds),
        "ANSWER_SECONDS": round(settings.wait_seconds + settings.score_seconds) + 5,
        "STOP_SECONDS": STOP_SECONDS,
        "BUSY": BUSY,
        "OUT_OF_LIMITS": OUT_OF_LIMITS,
        "TOO_LARGE": TOO_LARGE,
        "RETRY": RETRY_SECONDS,
    }
    template = (ROOT / "deploy/nginx.conf.in").read_text()
    return re.sub("@([A-Z_]+)@", lambda found: str(values[found[1]]), template)


def _user() -> str:
    """Return nginx's line "user": root's workers would be another user's, who may read neither files nor socket."""
    if os.geteuid():
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"


def _descriptors() -> int:
    """Return the number of files that nginx may have open: what its connections need, if that is allowed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 2 * CONNECTIONS
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


# --- processes --------------------------------------------------------------------------------------


@contextmanager
def run_folder() -> Iterator[Path]:
    """Make a folder for this run, and remove it: in memory where there is such a place, as a disk may be full."""
    memory = "/dev/shm"  # nosec B108
    with tempfile.TemporaryDirectory(prefix="mnist-draw-", dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


def start_gunicorn(settings: Settings, folder: Path) -> Process:
    """Start gunicorn on a socket in the folder."""
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "deploy/gunicorn.conf.py")]
    # One picture at a time in each worker, and gunicorn itself replaces a worker that does not come to an end.
    command += ["--worker-class", "sync", "--bind", f"unix:{folder}/wsgi"]
    command += ["--timeout", str(round(settings.score_seconds)), "--graceful-timeout", str(STOP_SECONDS)]
    environment = dict(os.environ)
    if settings.metrics and "PROMETHEUS_MULTIPROC_DIR" not in environment:
        (folder / "metrics").mkdir()
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
    return _start(command, signal.SIGTERM, env=environment)


def start_nginx(settings: Settings, folder: Path) -> list[Process]:
    """Start nginx, and what copies its log to standard output. Raises MissingProgram."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if not nginx:
        raise MissingProgram("nginx is not installed: apt-get install nginx-light, or brew install nginx.")
    (folder / "nginx.conf").write_text(configuration(settings, folder))
    # nginx opens its log by name, which works for a pipe of this user, and not for the socket that systemd gives.
    log = subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True)  # nosec B603, B607
    command = [nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    started = _start(command, signal.SIGQUIT, stdout=log.stdin)
    assert log.stdin is not None  # nosec B101
    log.stdin.close()
    return [started, log]


def _start(command: list[str], last_signal: signal.Signals, **more: object) -> Process:
    """Start a program that Ctrl-C does not reach, and that ends when this process is killed, where that is to be had."""
    setpriv = shutil.which("setpriv")
    tied = [setpriv, "--pdeathsig", last_signal.name.removeprefix("SIG")] if setpriv else []
    return subprocess.Popen([*tied, *command], stdin=subprocess.DEVNULL, start_new_session=True, **more)  # type: ignore[call-overload, no-any-return]  # nosec B603


def listening(path: Path, process: Process, seconds: float = 60) -> bool:
    """Wait until a process listens on a Unix socket; tell whether it does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if not probe.connect_ex(str(path)):
                return True
        time.sleep(0.05)
    return False


def stop(process: Process, number: signal.Signals) -> None:
    """Ask a process to end, then make it."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(STOP_SECONDS + 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# --- one run ----------------------------------------------------------------------------------------


def serve(settings: Settings, folder: Path, events: "queue.SimpleQueue[int]") -> int:
    """Serve until told to stop; the exit status. nginx comes last and goes first: nobody meets half a server."""
    gunicorn = start_gunicorn(settings, folder)
    front: list[Process] = []
    try:
        if not listening(folder / "wsgi", gunicorn):
            return 1
        front = start_nginx(settings, folder)
        return watch(gunicorn, front, events)
    finally:
        for process in front:
            stop(process, signal.SIGQUIT)
        stop(gunicorn, signal.SIGTERM)


def watch(gunicorn: Process, front: list[Process], events: "queue.SimpleQueue[int]") -> int:
    """Pass signals on until there is one to stop, or a part of the server has ended; the exit status."""
    while True:
        number = events.get()
        if number in (signal.SIGTERM, signal.SIGINT):
            return 0
        if number == signal.SIGHUP:
            gunicorn.send_signal(signal.SIGHUP)
        for process in (gunicorn, *front):
            if process.poll() is not None:
                print(f"{process.args!r} has ended with status {process.returncode}", file=sys.stderr)
                return 1


def main() -> int:
    """Serve; 0 when told to stop, 1 when a part of the server ended by itself, 2 for what has to be mended first."""
    events: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda number, _: events.put(number))
    try:
        settings = Settings.read(os.environ)
        with run_folder() as folder:
            return serve(settings, folder, events)
    except (SettingError, MissingProgram) as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
