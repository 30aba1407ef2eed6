"""What clients meet while parts of a server are killed, stopped or changed under load. Loopback only; Linux only.

    python benchmarks/attack.py                                  # 60 s of kills on each of the three servers
    python benchmarks/attack.py --server gunicorn --seconds 20 --seed 7
    python benchmarks/attack.py --changes 20                     # stop, reload, model replaced, 20 times each

Starts a server as README does. Clients send drawings, forms, rubbish and ask for the page. Meanwhile a process below
the server (a script, a reader, its child, a worker, nginx, gunicorn) gets SIGKILL, SIGSEGV or SIGSTOP now and then; who
is stopped goes on 3 s later, unless it has been replaced by then. Prints a row for each server. "right" is what it
should be, "told" a sentence on a failure, "busy" one that says when to come back, "cut" is a connection that ended
without an answer (so will a client's whose script is killed), "wrong" is anything else. "normal" is the time from the
last signal to the first of ten right answers in a row, "as quick as before" the same of ten that are right and come in
the time that the slowest of forty took under the same load before the first signal. Exit status 1 for a wrong answer,
for more than 2 s until all is normal, or, where something is only changed, for a cut one (but under http.server,
which Ctrl-C ends at once).
"""

import argparse
import http.client
import itertools
import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "cgi-bin"), str(ROOT / "tests")]

import pictures  # noqa: E402
import servers  # noqa: E402
from learning.publishing import publish  # noqa: E402

SERVERS: dict[str, Callable[..., Any]] = {
    "http.server": servers.make_serve,
    "lighttpd": servers.lighttpd,
    "gunicorn": servers.gunicorn,
}
CLIENTS = 6
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)
PAUSE = (0.2, 1.0)  # seconds between two signals
STOPPED_SECONDS = 3  # a process that was stopped goes on after that
START_SECONDS = 7  # a part of deploy/serve.py that ends within 5 s of its start is not started again, on purpose
NORMAL_SECONDS = 2
ROW = 10  # answers that show that all is normal
WATCHED_SECONDS = 60
SEVEN = pictures.data_url(pictures.png(7))
FORM = pictures.form(("seven.png", pictures.png(7)), ("one.png", pictures.png(1)))


def main() -> int:
    """Attack each server that is asked for; 1 if one of them failed."""
    args = _arguments().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no server goes on
    names = list(SERVERS) if args.server == "all" else [args.server]
    attack = _changed if args.changes else _killed
    return max([attack(name, args) for name in names])


def _arguments() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--server", choices=[*SERVERS, "all"], default="all", help="default: all, in turn")
    parser.add_argument("--seconds", type=float, default=60, help="of kills (default 60)")
    parser.add_argument("--changes", type=int, default=0, help="that often stop, reload, replace; and no kills")
    parser.add_argument("--seed", type=int, default=0, help="of the signals (default 0)")
    return parser


# --- clients ----------------------------------------------------------------------------------------


def asked(server: servers.Server, chance: random.Random) -> str:
    """Send one request, and say what came of it."""
    kind = chance.choice(["drawing", "drawing", "form", "rubbish", "page"])
    requests: dict[str, dict[str, Any]] = {
        "drawing": {"body": SEVEN},
        "form": {"body": FORM[1], "headers": FORM[0]},
        "rubbish": {"body": b"rubbish"},
        "page": {"method": "GET", "path": "/"},
    }
    try:
        return judged(kind, server.ask(**requests[kind], timeout=60))
    except ConnectionRefusedError:
        time.sleep(0.1)
        return "refused"
    except (OSError, http.client.HTTPException):
        return "cut"


def judged(kind: str, answer: servers.Answer) -> str:
    """Tell what an answer is."""
    if kind == "page" and answer.status == 200:
        return "right" if b"<title>" in answer.body else "cut"
    try:
        found = answer.json
    except ValueError:  # a script that was killed has said nothing, and its server what it says then
        return "cut" if not answer.body or answer.status >= 500 else "wrong"
    if answer.status == 503:
        return "busy" if "retry_after" in found else "told"
    if kind == "rubbish":
        return "right" if (answer.status, found["result"]) == (415, 0) else "wrong"
    digits = [one.get("digit") for one in found.get("results", [found])]
    return "right" if digits == {"drawing": [7], "form": [7, 1]}[kind] else "wrong"


@contextmanager
def load(server: servers.Server, tally: Counter[str]) -> Iterator[None]:
    """Have clients ask, one request after the other each, until the block ends."""
    done = threading.Event()

    def ask(number: int) -> None:
        chance = random.Random(number)
        while not done.is_set():
            tally[asked(server, chance)] += 1

    jobs = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for job in jobs:
        job.start()
    try:
        yield
    finally:
        done.set()
        for job in jobs:
            job.join()


def slowest(server: servers.Server) -> float:
    """Return the seconds that the slowest of forty answers takes."""
    chance, times = random.Random(0), [time.monotonic()]
    for _ in range(40):
        asked(server, chance)
        times.append(time.monotonic())
    return max(end - begin for begin, end in itertools.pairwise(times))


def normal_after(server: servers.Server, usual: float) -> tuple[float, float]:
    """Return the seconds until ten answers in a row are right, and right in `usual` seconds; watch a minute at most."""
    chance, right, quick = random.Random(0), list[bool](), list[bool]()
    times = [time.monotonic()]
    while not all(quick[-ROW:]) or len(quick) < ROW:
        if times[-1] - times[0] > WATCHED_SECONDS:
            break
        right.append(asked(server, chance) == "right")
        times.append(time.monotonic())
        quick.append(right[-1] and times[-1] - times[-2] <= usual)
    return first_of_row(times, right), first_of_row(times, quick)


def first_of_row(times: list[float], good: list[bool]) -> float:
    """Return after how many seconds the first of ten good ones in a row began; fewer count where no others follow."""
    begun = (time for number, time in enumerate(times[:-1]) if all(good[number : number + ROW]))
    return next(begun, math.inf) - times[0]


# --- kills ------------------------------------------------------------------------------------------


def _killed(name: str, args: argparse.Namespace) -> int:
    """Kill parts of a server under load; print its row, 1 if it failed."""
    tally, sent = Counter[str](), Counter[str]()
    with runtime_folder(name) as folder, started_in(name, folder) as server:
        _warm(server)
        with load(server, tally):
            usual = slowest(server)
            _send_signals(server, folder, args, sent)
            normal, quick = normal_after(server, usual)
    signals = ", ".join(f"{number} {kind}" for kind, number in sorted(sent.items()))
    print(f"{name:12} {_row(tally)}; normal after {normal:.1f} s, as quick as before ", end="")
    print(f"({usual:.2f} s) after {quick:.1f} s; {signals}, seed {args.seed}", flush=True)
    return int(tally["wrong"] > 0 or normal > NORMAL_SECONDS)


@contextmanager
def runtime_folder(name: str) -> Iterator[Path]:
    """Make a folder for readers, which they are found by: that of the user whom root starts the server as."""
    with tempfile.TemporaryDirectory(prefix="mnist-") as text:
        if name == "lighttpd" and servers.as_nobody():
            os.chown(text, servers.NOBODY, servers.NOBODY)
        yield Path(text)


def started_in(name: str, folder: Path) -> Any:
    """Start a server whose readers use that folder; lighttpd passes only the second of these settings on."""
    return SERVERS[name](folder / "log", XDG_RUNTIME_DIR=str(folder), TMPDIR=str(folder))


def _warm(server: servers.Server) -> None:
    """Have everything loaded."""
    for _ in range(2):
        server.ask(SEVEN)
        time.sleep(3)


def _send_signals(server: servers.Server, folder: Path, args: argparse.Namespace, sent: Counter[str]) -> None:
    """Send signals to parts of a server for `args.seconds`; then let those go on that are stopped."""
    chance, until = random.Random(args.seed), time.monotonic() + args.seconds
    stopped, started = list[tuple[float, int]](), dict[str, float]()
    while time.monotonic() < until:
        time.sleep(chance.uniform(*PAUSE))
        while stopped and stopped[0][0] < time.monotonic():
            _signal(stopped.pop(0)[1], signal.SIGCONT)
        process, kind = chance.choice(parts(server, folder, started) or [(0, "")]), chance.choice(SIGNALS)
        if process[0] and _signal(process[0], kind):
            started[process[1]] = time.monotonic()
            sent[kind.name.removeprefix("SIG")] += 1
            stopped += [(time.monotonic() + STOPPED_SECONDS, process[0])] if kind is signal.SIGSTOP else []
    for _, one in stopped:
        _signal(one, signal.SIGCONT)


def parts(server: servers.Server, folder: Path, started: dict[str, float]) -> list[tuple[int, str]]:
    """Return what may be killed: all that is below the server, readers included, but not who starts the parts again."""
    all_ = {pid: (parent, line) for pid, parent, line in servers.processes()}
    below = {*servers.children(server.process.pid), *servers.readers(str(folder))}
    below |= {pid for pid, (parent, _) in all_.items() if parent in below}
    found = [(pid, *all_[pid]) for pid in below & all_.keys()]
    found = [one for one in found if not any(name in one[2] for name in ("deploy/start.py", "cat ", "counting.py"))]
    lately = [name for name, since in started.items() if time.monotonic() - since < START_SECONDS]
    parts = [(pid, line if parent == server.process.pid else "") for pid, parent, line in found]
    return sorted((pid, line) for pid, line in parts if not line or line not in lately)


def _signal(process: int, kind: signal.Signals) -> bool:
    """Send a signal, unless the process has ended."""
    with suppress(ProcessLookupError):
        os.kill(process, kind)
        return True
    return False


# --- changes ----------------------------------------------------------------------------------------


def _changed(name: str, args: argparse.Namespace) -> int:
    """Replace the model, reload and stop a server under load, again and again; print its row, 1 if it failed."""
    tally, longest = Counter[str](), 0.0
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        folder.chmod(0o755)
        _publish(folder, "0")
        for number in range(args.changes):
            with SERVERS[name](folder / "log", MNIST_MODELS=str(folder)) as server, load(server, tally):
                server.ask(SEVEN)
                _publish(folder, f"{number + 1}")
                longest = max(longest, _seconds_until(lambda: _title(server) == f"{number + 1}"))  # noqa: B023
                if name == "gunicorn":
                    server.process.send_signal(signal.SIGHUP)
                    time.sleep(1)
                _stop(name, server)
    print(f"{name:12} {_row(tally)}; {args.changes} changes; a new model counts after {longest:.1f} s", flush=True)
    return int(tally["wrong"] > 0 or longest > NORMAL_SECONDS or (name != "http.server" and tally["cut"] > 0))


def _stop(name: str, server: servers.Server) -> None:
    """Stop a server as its users do: Ctrl-C reaches all that `make serve` has started, a signal the server alone."""
    if name == "http.server":
        os.killpg(server.process.pid, signal.SIGINT)
    else:
        server.process.send_signal(signal.SIGINT)
    _seconds_until(lambda: server.process.poll() is not None)


def _publish(folder: Path, title: str) -> None:
    """Publish the default model under a new title."""

    def write(part: Path) -> None:
        shutil.copy(ROOT / "models" / "cnn.tflite", part)
        card = json.loads((ROOT / "models" / "cnn.json").read_text())
        (part / "cnn.json").write_text(json.dumps(card | {"title": title}))

    publish("cnn", folder, write)


def _title(server: servers.Server) -> str:
    """The title of the model that a server has."""
    try:
        models: list[dict[str, str]] = server.ask(method="GET").json.get("models", [])
    except (OSError, ValueError, http.client.HTTPException):
        return ""
    return models[0]["title"] if models else ""


def _seconds_until(true: Callable[[], bool]) -> float:
    """Wait until something is true, a minute at most."""
    begun = time.monotonic()
    while not true() and time.monotonic() - begun < 60:
        time.sleep(0.05)
    return time.monotonic() - begun


def _row(tally: Counter[str]) -> str:
    kinds = ("right", "told", "busy", "cut", "refused", "wrong")
    return ", ".join(f"{tally[kind]:,} {kind}" for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
