"""Serve MNIST Draw to others: nginx takes requests in, gunicorn answers them. Starts both, and stops both.

    python deploy/serve.py          # or: make serve-wsgi
    kill -HUP PID                   # new code and models; no request is lost
    kill -TERM PID                  # stop, after the requests that are being answered

Settings come from the environment, see front.py. Put a proxy with TLS in front before others use it over a network.
"""

import os
import queue
import shutil
import signal
import socket
import subprocess  # nosec B404
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import front

START_SECONDS = 60  # gunicorn listens within that time
LOOP_SECONDS = 5  # what ends sooner after its start than that is not started again
Events = queue.SimpleQueue[int]


class CannotServe(Exception):
    """Something that a person has to mend before anything can be served."""


class Part:
    """A program that serves: it is started again when it ends, and ends when this process does."""

    def __init__(self, name: str, command: list[str], last: signal.Signals, **more: object) -> None:
        """Start a command, to be stopped by the signal `last`; `more` is for subprocess.Popen."""
        setpriv = shutil.which("setpriv")
        tied = [setpriv, "--pdeathsig", last.name.removeprefix("SIG")] if setpriv else []
        self.name, self.command, self.last, self.more = name, [*tied, *command], last, more
        self.start()

    def start(self) -> None:
        """Start it, in a process group of its own, where no Ctrl-C comes; in a session of its own it would be slower.

        Linux shares cores out among sessions: each step from one to another would wait for its turn.
        """
        self.started = time.monotonic()
        self.process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]  # nosec B603
            self.command, stdin=subprocess.DEVNULL, preexec_fn=os.setpgrp, **self.more
        )

    def ended(self) -> bool:
        """Tell whether it has ended."""
        return self.process.poll() is not None

    def again(self) -> None:
        """Start it again if it has ended. Raises CannotServe if it ended at once."""
        if not self.ended():
            return
        print(f"{self.name} has ended with status {self.process.returncode}", file=sys.stderr, flush=True)
        self._end_remains()
        if time.monotonic() - self.started < LOOP_SECONDS:
            raise CannotServe(f"{self.name} ends as soon as it is started; see above.")
        self.start()

    def _end_remains(self) -> None:
        """End the workers whose master was killed."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, then make it."""
        self.process.send_signal(self.last)
        try:
            self.process.wait(front.STOP_SECONDS + 2)
        except subprocess.TimeoutExpired:
            self._end_remains()
            self.process.wait()


@contextmanager
def run_folder() -> Iterator[Path]:
    """Make a folder for this run, and remove it: in memory where there is such a place, as a disk may be full."""
    memory = "/dev/shm"  # nosec B108
    with tempfile.TemporaryDirectory(prefix="mnist-draw-", dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


def gunicorn(settings: front.Settings, folder: Path) -> Part:
    """Start gunicorn on a socket in the folder."""
    command = [sys.executable, "-m", "gunicorn", "--config", str(front.ROOT / "deploy/gunicorn.conf.py")]
    # One picture at a time in each worker, and gunicorn itself replaces a worker that does not come to an end.
    command += ["--workers", str(front.workers(settings)), "--worker-class", "sync", "--threads", "1"]
    command += ["--bind", f"unix:{folder}/wsgi"]
    command += ["--timeout", str(round(settings.score_seconds)), "--graceful-timeout", str(front.STOP_SECONDS)]
    environment = dict(os.environ)
    if settings.metrics and "PROMETHEUS_MULTIPROC_DIR" not in environment:
        (folder / "metrics").mkdir()
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
    return Part("gunicorn", command, signal.SIGTERM, env=environment)


def await_socket(part: Part, path: Path) -> None:
    """Wait until a part listens on a Unix socket. Raises CannotServe."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and not part.ended():
        with socket.socket(socket.AF_UNIX) as probe:
            if not probe.connect_ex(str(path)):
                return
        time.sleep(0.05)
    raise CannotServe(f"{part.name} does not start; see above.")


def nginx(settings: front.Settings, folder: Path, log: int) -> Part:
    """Start nginx with a log that goes to the descriptor `log`. Raises CannotServe."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"])
    program = shutil.which("nginx", path=places)
    if not program:
        raise CannotServe("nginx is not installed: apt-get install nginx-light, or brew install nginx.")
    (folder / "nginx.conf").write_text(front.configuration(settings, folder))
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Part("nginx", command, signal.SIGQUIT, stdout=log)


@contextmanager
def copied_output() -> Iterator[int]:
    """Yield the descriptor of a pipe to standard output.

    nginx opens its log by name, which works for a pipe of this user's, and not for the socket that systemd gives.
    """
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, preexec_fn=os.setpgrp) as cat:  # nosec B603, B607
        assert cat.stdin is not None  # nosec B101
        yield cat.stdin.fileno()


def serve(settings: front.Settings, events: Events) -> None:
    """Serve until told to stop. nginx is started last and stopped first: nobody meets half a server."""
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder())
        behind = gunicorn(settings, folder)
        stack.callback(behind.stop)
        await_socket(behind, folder / "wsgi")
        before = nginx(settings, folder, stack.enter_context(copied_output()))
        stack.callback(before.stop)
        watch(behind, before, events)


def watch(behind: Part, before: Part, events: Events) -> None:
    """Pass "reload" on to gunicorn, and start again what has ended, until told to stop. Raises CannotServe."""
    while (number := events.get()) not in (signal.SIGTERM, signal.SIGINT):
        if number == signal.SIGHUP:
            behind.process.send_signal(signal.SIGHUP)
        behind.again()
        before.again()


def main() -> int:
    """Serve; 0 when told to stop, 1 when that can't be done, 2 for a setting that makes no sense."""
    events: Events = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda number, _: events.put(number))
    try:
        serve(front.read(os.environ), events)
    except front.SettingError as problem:
        print(problem, file=sys.stderr)
        return 2
    except CannotServe as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
