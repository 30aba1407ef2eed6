"""Start the page on this machine: what `make serve` runs, with the Python that has the packages.

python deploy/start.py --bind 127.0.0.1 8000          the page at http://127.0.0.1:8000/
python deploy/start.py --bind 127.0.0.1 8000 --open   and in the browser

It first puts right, or names in a sentence, what would be in the way. Then `http.server` runs the CGI script where
this Python still has that; from Python 3.15 on it does not, and a WSGI server runs the same application.
"""

import argparse
import compileall
import http.server
import ipaddress
import os
import shutil
import signal
import socket
import stat
import subprocess  # nosec B404
import sys
import time
import urllib.error
import urllib.request
import warnings
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "cgi-bin"))

from serving import local  # noqa: E402

SCRIPT = ROOT / "cgi-bin" / "mnist.py"
WSGI_SERVER = [
    "gunicorn",
    "--config",
    "deploy/gunicorn.conf.py",
    "--log-level",
    "warning",
    "--access-logfile",
    os.devnull,
]
OPEN_SECONDS = 30  # so long the browser waits for the server
NEARBY = 100  # ports after a taken one that are tried


class CannotStart(Exception):
    """What is in the way of the server, as a sentence that says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0 or 1 (can't start)."""
    chosen = parser().parse_args(arguments)
    try:
        if not hasattr(os, "fork"):
            raise CannotStart("On Windows this runs in WSL (see https://learn.microsoft.com/windows/wsl/install).")
        if chosen.browse:
            return browse(chosen.browse)
        mend(SCRIPT)
        start(chosen.bind, chosen.port, chosen.open)
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="start.py", description=(__doc__ or "").split("\n\n")[0])
    made.add_argument("port", nargs="?", default="8000", help="port (default: %(default)s)")
    made.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="address (default: %(default)s)")
    made.add_argument("--open", action="store_true", help="open the page in the browser")
    made.add_argument("--browse", metavar="URL", help=argparse.SUPPRESS)  # what --open starts in a second process
    return made


def start(host: str, port: str, open_page: bool) -> None:
    """Serve until Ctrl-C. Raises CannotStart."""
    os.chdir(ROOT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    drop_rights()
    if not compileall.compile_dir("cgi-bin", quiet=2):
        print("Can't keep compiled files: each request takes longer.", file=sys.stderr)
    if has_cgi():
        serve_cgi(host, port, open_page)
    else:
        serve_wsgi(host, port, open_page)


# --- what may be in the way ---


def mend(script: Path) -> None:
    """Give the CGI script its run bit and Unix line ends back, or say how. Raises CannotStart."""
    content = script.read_bytes()
    if b"\r\n" in content:  # the kernel would look for a program named "python3\r"
        write(script, content.replace(b"\r\n", b"\n"))
    if not os.access(script, os.X_OK):
        with suppress(OSError):
            script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    if not os.access(script, os.X_OK):
        raise CannotStart(f"{script} can't be run. Type: chmod +x '{script}'")


def write(script: Path, content: bytes) -> None:
    """Replace the script, and keep its mode. Raises CannotStart."""
    beside = script.with_name(f".{script.name}.part")
    try:
        beside.write_bytes(content)
        shutil.copymode(script, beside)
        beside.replace(script)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CannotStart(f"{script} has the line ends of Windows. Type: sed -i 's/\\r$//' '{script}'") from error


def listen(host: str, port: str) -> socket.socket:
    """A socket bound to that address. Raises CannotStart with what to type."""
    if not port.isdecimal() or int(port) > 65535:
        raise CannotStart(f"{port!r} is not a port. Type: make serve PORT=8000")
    try:
        return bound(host, int(port))
    except socket.gaierror as error:
        raise CannotStart(f"There is no address {host!r}. Type: make serve") from error
    except PermissionError as error:
        raise CannotStart(f"Port {port} is for root only. Type: make serve PORT={free_after(host, 7999)}") from error
    except OSError as error:
        free = free_after(host, int(port))
        raise CannotStart(f"Port {port} can't be used ({error.strerror}). Type: make serve PORT={free}") from error


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to that address. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        made.bind(address)
        made.listen(1)  # a port that is bound with this option is only seen to be taken now
    except OSError:
        made.close()
        raise
    return made


def free_after(host: str, port: int) -> int:
    """The next port that is free; 0, which stands for any, if none is nearby."""
    for other in range(port + 1, min(port + NEARBY, 65536)):
        with suppress(OSError), bound(host, other):
            return other
    return 0


def drop_rights() -> None:
    """Start again without root's special rights where `http.server` would lock its scripts out.

    It runs scripts as `nobody`, who can't reach a Python or a project below a home directory of mode 700. Without the
    right to switch users, and with that of reading everything, it runs them as the user it is itself.
    """
    setpriv = shutil.which("setpriv")
    if os.getuid() or not setpriv or not has_cgi() or "MNIST_RIGHTS_DROPPED" in os.environ:
        return
    # setpriv itself still has root's rights when it starts a program; what `env` starts has not.
    code = f"import numpy; open({str(SCRIPT)!r})"
    trial = [setpriv, "--reuid=nobody", "--clear-groups", "env", sys.executable, "-c", code]
    if subprocess.run(trial, capture_output=True).returncode:  # nosec B603
        os.environ["MNIST_RIGHTS_DROPPED"] = "1"
        own = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]]
        os.execv(setpriv, [setpriv, "--bounding-set", "-all,+dac_read_search", *own])  # nosec B606


# --- the two servers ---


def has_cgi() -> bool:
    """Whether this Python's `http.server` runs CGI scripts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return hasattr(http.server, "CGIHTTPRequestHandler")


def serve_cgi(host: str, port: str, open_page: bool) -> None:
    """Serve as `python -m http.server --cgi` does, without its line for each request."""
    warnings.simplefilter("ignore", DeprecationWarning)  # CGI is gone from Python 3.15 on, as this script knows

    with listen(host, port) as listener:
        Server.address_family = listener.family
        with Server(listener.getsockname()[:2], local.handler(is_own(host)), bind_and_activate=False) as server:
            server.socket.close()
            server.socket = listener
            server.server_name, server.server_port = listener.getsockname()[:2]
            server.server_activate()
            announce(host, server.server_port, open_page)
            server.serve_forever()


class Server(http.server.ThreadingHTTPServer):
    """A server that ends at once, whatever its clients still do."""

    daemon_threads = True
    request_queue_size = 128  # clients that wait to be accepted; `http.server` itself has 5

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread that Ctrl-C does not reach, nor the script it starts before that can end without a trace."""
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            super().process_request(request, client_address)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, but nothing of a client that has hung up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve_wsgi(host: str, port: str, open_page: bool) -> None:
    """Become a WSGI server, which serves the page, its files and the application, and nothing else."""
    with listen(host, port) as listener:
        number = listener.getsockname()[1]
    announce(host, number, open_page)
    os.environ["MNIST_BIND"] = f"{in_url(host)}:{number}"
    os.execv(sys.executable, [sys.executable, "-m", *WSGI_SERVER])  # nosec B606


def announce(host: str, port: int, open_page: bool) -> None:
    """Say where the page is, and open it if that is wanted."""
    url = f"http://{in_url(host)}:{port}/"
    print(f"MNIST Draw is at {url} (Ctrl-C stops it)", flush=True)
    if not is_own(host):
        reach = f"can read every file in {ROOT}, and nothing limits\nthe load" if has_cgi() else "can use it"
        print(f"WARNING: whoever reaches this port {reach}. This", file=sys.stderr)
        print("server is for one's own machine; for others use what is in deploy/.", file=sys.stderr, flush=True)
    if open_page:
        subprocess.Popen([sys.executable, __file__, "--browse", url], start_new_session=True)  # nosec B603


def in_url(host: str) -> str:
    """The address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def is_own(host: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def browse(url: str) -> int:
    """Open the page once the server answers; returns the exit status."""
    until = time.monotonic() + OPEN_SECONDS
    while time.monotonic() < until:
        with suppress(urllib.error.URLError):
            urllib.request.urlopen(url, timeout=OPEN_SECONDS).close()  # nosec B310
            if not webbrowser.open(url):
                print(f"No browser can be opened here. Open {url} yourself.", file=sys.stderr)
            return 0
        time.sleep(0.1)
    return 1


if __name__ == "__main__":
    sys.exit(main())
