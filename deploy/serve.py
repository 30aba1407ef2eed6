"""Serve MNIST Draw to others: nginx takes requests in, gunicorn or Ray Serve answers them. Starts both, and stops both.

    python deploy/serve.py          # or: make serve-wsgi; with MNIST_BEHIND=ray: make serve-ray
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import draining
import front

START_SECONDS = 60  # gunicorn listens within that time, and metrics are counted
RAY_SECONDS = 180  # Ray Serve answers within that time
HANDSHAKE_SECONDS = 0.3  # a client whose handshake has begun ends it within that time
LOOP_SECONDS = 5  # what ends sooner after its start than that is not started again
# What a worker frees after a picture it keeps for the next one, up to 16 MiB: to give it back and to get it again takes
# a tenth of its time.
MALLOC = "glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=16777216"
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

    def ask_to_end(self) -> None:
        """Send it its last signal."""
        self.process.send_signal(self.last)

    def stop(self) -> None:
        """Ask it to end, then make it."""
        self.ask_to_end()
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
    # A worker takes from both sockets in turn: who asks for the health waits for one picture, and for no queue.
    command += ["--bind", f"unix:{folder}/wsgi", "--bind", f"unix:{folder}/watch"]
    command += ["--timeout", str(round(settings.score_seconds)), "--graceful-timeout", str(front.STOP_SECONDS)]
    return Part("gunicorn", command, signal.SIGTERM, env={"GLIBC_TUNABLES": MALLOC} | os.environ)


def check_free(bind: str) -> None:
    """Raise CannotServe unless that address:port is free: nginx would share it with another server of this user's."""
    try:
        for family, address in draining.addresses(bind):
            socket.create_server(address, family=family).close()
    except OSError as error:
        raise CannotServe(f"{bind} can't be used: {error.strerror}. Set MNIST_BIND to another address:port.") from error


def ray_serve(settings: front.Settings, folder: Path) -> Part:
    """Start Ray Serve on this machine, at the address `settings.behind`."""
    port = settings.behind.rpartition(":")[2]
    command = [sys.executable, str(front.ROOT / "deploy/cluster.py"), port, str(folder / "ready")]
    return Part("Ray Serve", command, signal.SIGTERM)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def await_ready(name: str, ended: Callable[[], bool], ready: Callable[[], bool], seconds: float) -> None:
    """Wait until what was started is ready. Raises CannotServe."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ended():
        if ready():
            return
        time.sleep(0.05)
    raise CannotServe(f"{name} does not start; see above.")


def listens(path: Path) -> bool:
    """Tell whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return not probe.connect_ex(str(path))


def nginx(settings: front.Settings, folder: Path, log: int) -> Part:
    """Start nginx with a log that goes to the descriptor `log`. Raises CannotServe."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"])
    program = shutil.which("nginx", path=places)
    if not program:
        raise CannotServe("nginx is not installed: apt-get install nginx-light, or brew install nginx.")
    (folder / "nginx.conf").write_text(front.configuration(settings, folder))
    command = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Part("nginx", command, signal.SIGQUIT, stdout=log)


def stop_front(part: Part, bind: str) -> None:
    """Stop nginx when it has taken every connection whose handshake has begun: closing the port resets what waits."""
    if not part.ended():
        with draining.closed_to_new(bind) as closed:
            time.sleep(HANDSHAKE_SECONDS if closed else 0)
            part.ask_to_end()
            time.sleep(HANDSHAKE_SECONDS if closed else 0)
    part.stop()


@contextmanager
def copied_output(metrics: Path | None) -> Iterator[int]:
    """Yield the descriptor of a pipe to standard output; what is in it is counted on the way if there are metrics.

    nginx opens its log by name, which works for a pipe of this user's, and not for the socket that systemd gives. The
    file of metrics is there first: nobody who asks for it early is told that there is none. Raises CannotServe.
    """
    command = [sys.executable, str(front.ROOT / "deploy/counting.py"), str(metrics)] if metrics else ["cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, preexec_fn=os.setpgrp) as copier:  # nosec B603
        assert copier.stdin is not None  # nosec B101
        if metrics:
            await_ready("counting.py", lambda: copier.poll() is not None, metrics.exists, START_SECONDS)
        yield copier.stdin.fileno()


def serve(settings: front.Settings, events: Events) -> None:
    """Serve until told to stop. nginx is started last and stopped first: nobody meets half a server."""
    with ExitStack() as stack:
        folder, parts = stack.enter_context(run_folder()), []
        check_free(settings.bind)
        if settings.behind == "ray":
            settings = replace(settings, behind=f"127.0.0.1:{free_port()}")
            parts.append(ray_serve(settings, folder))
            stack.callback(parts[0].stop)
            await_ready(parts[0].name, parts[0].ended, (folder / "ready").exists, RAY_SECONDS)
        elif not settings.behind:
            parts.append(gunicorn(settings, folder))
            stack.callback(parts[0].stop)
            await_ready(parts[0].name, parts[0].ended, lambda: listens(folder / "wsgi"), START_SECONDS)
        metrics = folder / front.METRICS if settings.metrics else None
        parts.append(nginx(settings, folder, stack.enter_context(copied_output(metrics))))
        stack.callback(stop_front, parts[-1], settings.bind)
        watch(parts, events)


def watch(parts: list[Part], events: Events) -> None:
    """Pass "reload" on to the first part, and start again what has ended, until told to stop. Raises CannotServe."""
    while (number := events.get()) not in (signal.SIGTERM, signal.SIGINT):
        if number == signal.SIGHUP:
            parts[0].process.send_signal(signal.SIGHUP)
        for part in parts:
            part.again()


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
