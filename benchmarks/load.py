"""What each of the three servers does under load: good drawings, uploads, rubbish and bad manners. Loopback only.

    python benchmarks/load.py --server gunicorn --clients 16 --seconds 10 --good      # answers a second
    python benchmarks/load.py --server http.server --clients 30 --pause 1 --seconds 60 --good
    python benchmarks/load.py --server lighttpd --burst 200                           # all in one instant
    python benchmarks/load.py --server gunicorn --seconds 3600                        # an hour of everything

Starts the server as README does, on a free port, and prints requests, answers by kind, percentiles of the time to an
answer, the most memory of all its processes at once (PSS: shared pages counted once; Linux only), and what was lost:
requests of well-mannered clients that got no answer at all, or a wrong one. A connection that is reset before there is
an answer is tried again after a pause, as the page does; the time goes on. Who "dawdles" was cut off by the server
within half a minute, who "dawdles on" was not: nginx and lighttpd let them, for nothing begins before the whole body
is there. Exit status 1 if anything was lost.
"""

import argparse
import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import pictures
import servers

SEVEN = pictures.png(7)
URL = pictures.data_url(SEVEN)
FORM = pictures.form(("seven.png", SEVEN), ("one.png", pictures.png(1)))
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "drawing": (URL, {}),
    "upload": (FORM[1], FORM[0]),
    "rubbish": (b"rubbish", {}),
}
SERVERS = ("http.server", "lighttpd", "gunicorn")
LOAD_SECONDS = 3  # a resident reader has loaded everything by then
PAUSES = (0.25, 0.5, 1, 2, 4, 8)  # seconds before a request whose connection was reset is sent again
MIX = ["drawing"] * 6 + ["upload"] * 2 + ["rubbish"] * 2 + ["hangs up", "dawdles"]


def main() -> int:
    """Load each server that is asked for; 1 if one of them lost anything."""
    args = _arguments().parse_args()
    names = SERVERS if args.server == "all" else [args.server]
    return max([_load(name, args) for name in names])


def _arguments() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--server", choices=[*SERVERS, "all"], default="all", help="default: all, in turn")
    parser.add_argument("--clients", type=int, default=8, help="at the same time (default 8)")
    parser.add_argument("--seconds", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--pause", type=float, default=0, help="seconds between a client's requests (default 0)")
    parser.add_argument("--good", action="store_true", help="good drawings only")
    parser.add_argument("--burst", type=int, default=0, help="that many drawings in one instant, and no more")
    return parser


def _load(name: str, args: argparse.Namespace) -> int:
    """Load one server and print what came of it."""
    with tempfile.TemporaryDirectory() as folder, _started(name, Path(folder)) as server:
        for _ in range(2):
            server.ask(URL)  # the first one reads files from the disk, and leaves a resident reader behind
            time.sleep(LOAD_SECONDS)
        tally = Tally()
        watcher = threading.Thread(target=tally.watch, args=(server.process.pid,), daemon=True)
        watcher.start()
        begun = time.monotonic()
        _clients(server, args, tally)
        tally.report(name, time.monotonic() - begun)
        return 1 if tally.kinds["lost"] or tally.kinds["wrong"] else 0


def _started(name: str, folder: Path) -> AbstractContextManager[servers.Server]:
    """A server, as the docs start it."""
    starts: dict[str, Callable[[Path], Any]] = {"lighttpd": servers.lighttpd, "gunicorn": servers.gunicorn}
    server: AbstractContextManager[servers.Server] = starts.get(name, servers.make_serve)(folder / "log")
    return server


# --- clients ----------------------------------------------------------------------------------------


def _clients(server: servers.Server, args: argparse.Namespace, tally: "Tally") -> None:
    """Run all clients to their end."""
    number, until = args.burst or args.clients, 0.0 if args.burst else time.monotonic() + args.seconds
    mix = ["drawing"] if args.good or args.burst else MIX
    start = threading.Barrier(number)
    jobs = [
        threading.Thread(target=_client, args=(server, mix, until, args.pause, start, tally)) for _ in range(number)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()


class Line:
    """A connection that is kept open, as a browser's is; what is sent is made beforehand.

    The clients share the processor with the server: the standard library's client takes a tenth of it.
    """

    def __init__(self, port: int) -> None:
        """Not yet open."""
        self.port, self.socket = port, None  # type: int, socket.socket | None

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; the reply's status and body. Raises OSError, ValueError for what is no reply."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.sendall(request)
        head, _, body = self._received(b"", b"\r\n\r\n")
        status, *lines = head.lower().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines)
        length = int(headers[b"content-length"])
        while len(body) < length:
            body += self._more()
        if status.startswith(b"http/1.0") or headers.get(b"connection") == b"close":
            self.close()
        # `http.server` answers 200 whatever the script says, and passes on what that said.
        return int(headers.get(b"status", status.partition(b" ")[2]).split()[0]), body

    def _received(self, data: bytes, end: bytes) -> tuple[bytes, bytes, bytes]:
        while end not in data:
            data += self._more()
        return data.partition(end)

    def _more(self) -> bytes:
        if self.socket is None or not (data := self.socket.recv(65536)):
            raise ConnectionResetError("The server hung up before its reply was whole.")
        return data

    def close(self) -> None:
        """Hang up; the next request opens it again."""
        if self.socket:
            self.socket.close()
        self.socket = None


def _posted(body: bytes, headers: dict[str, str]) -> bytes:
    """A request, ready to be sent."""
    lines = [f"POST {servers.SCRIPT} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


REQUESTS = {kind: _posted(*sent) for kind, sent in BODIES.items()}


def _client(
    server: servers.Server, mix: list[str], until: float, pause: float, start: threading.Barrier, tally: "Tally"
) -> None:
    """One client: at least one request, and more until the time is over, on one connection like a browser's."""
    line = Line(server.port)
    start.wait()
    while True:
        kind = random.choice(mix)
        begun = time.monotonic()
        outcome = _persistent(server, line, kind, tally)
        tally.add(outcome, time.monotonic() - begun)
        if time.monotonic() + pause >= until:
            return
        time.sleep(pause)


def _persistent(server: servers.Server, line: Line, kind: str, tally: "Tally") -> str:
    """One request of a kind, repeated while its connection is reset."""
    for pause in PAUSES:
        try:
            return _request(server, line, kind)
        except ConnectionError:
            line.close()
            tally.resets += 1
            time.sleep(pause)
    return "lost"


def _request(server: servers.Server, line: Line, kind: str) -> str:
    """One request of a kind; what became of it, "lost" or "wrong" if that is not what it should be."""
    try:
        if kind in ("hangs up", "dawdles"):
            return _rude(server, kind)
        status, answer = line.ask(REQUESTS[kind])
        return _judged(kind, status, json.loads(answer))
    except ConnectionError:
        raise
    except (OSError, ValueError, KeyError):
        line.close()
        return "lost"


def _judged(kind: str, status: int, answer: Any) -> str:
    """Tell a right answer from a wrong one."""
    if status == 503:
        return "busy" if "retry_after" in answer else "wrong"
    if kind == "rubbish":
        return "refused" if (status, answer["result"]) == (415, 0) else "wrong"
    digit = answer["digit"] if kind == "drawing" else answer["results"][0]["digit"]
    return "answered" if (status, digit) == (200, 7) else "wrong"


def _rude(server: servers.Server, kind: str) -> str:
    """Send a part of a request and hang up, or go on with a byte a second."""
    head = f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(URL)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(head + URL[:500])
        return _dawdled(client) if kind == "dawdles" else kind


def _dawdled(client: socket.socket) -> str:
    """Send a byte a second until the server has had enough, for half a minute at most; whether it ever had."""
    client.settimeout(1)
    for byte in URL[500:530]:
        try:
            client.sendall(bytes([byte]))
            client.recv(1)  # the beginning of a reply, or the end of the connection
        except TimeoutError:
            continue
        except ConnectionError:
            pass
        return "dawdles"
    return "dawdles on"


class Tally:
    """What became of the requests, how long they took, and how much memory it cost."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.kinds: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.memory: list[float] = []
        self.resets = 0
        self.lock = threading.Lock()

    def add(self, outcome: str, seconds: float) -> None:
        """Count one request."""
        with self.lock:
            self.kinds[outcome] += 1
            if outcome in ("answered", "refused", "busy"):
                self.seconds.append(seconds)

    def watch(self, process: int) -> None:
        """Look at the memory of a process and all below it, for ever."""
        while sys.platform == "linux":
            self.memory.append(sum(map(_pss_mb, [process, *servers.children(process)])))
            time.sleep(0.5)

    def report(self, name: str, seconds: float) -> None:
        """Print it."""
        times = sorted(self.seconds) or [0.0]
        at = {share: 1000 * times[min(len(times) - 1, int(len(times) * share / 100))] for share in (50, 95, 99)}
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(self.kinds.items()))
        print(f"{name}: {sum(self.kinds.values())} requests in {seconds:.1f} s ({kinds})")
        print(f"  {self.kinds['answered'] / seconds:.1f} answers a second; ", end="")
        print(", ".join(f"p{share} {value:.0f} ms" for share, value in at.items()), f"longest {times[-1]:.2f} s")
        memory = self.memory or [0.0]
        warm = memory[len(memory) // 10]  # by then every kind of request was there, and what it needs is loaded
        print(
            f"  memory {max(memory):.0f} MB at most, {warm:.0f} after a tenth of the time, {memory[-1]:.0f} at last",
            end="",
        )
        print(f"; reset {self.resets}, lost {self.kinds['lost']}, wrong {self.kinds['wrong']}", flush=True)


def _pss_mb(process: int) -> float:
    """The memory of a process in MB, its share of what it shares; 0 when it has just ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


if __name__ == "__main__":
    sys.exit(main())
