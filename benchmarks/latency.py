"""How long one picture takes, next to the least and to the most obvious way of answering it.

    python benchmarks/latency.py                    # all of it, a few minutes
    python benchmarks/latency.py --literal 0        # without the obvious way, which needs TensorFlow
    python benchmarks/latency.py --against FOLDER   # also a cold answer of another version of this project
    python benchmarks/latency.py --long 100000      # what a reader holds after 1,000 requests, and after so many
    python benchmarks/latency.py --idle             # how long after its last answer a reader ends

Measures, interleaved, so that whatever else the machine does is spread over all: through `python -m http.server
--cgi`, a bare CGI script that prints `{}`, and ours with a 280x280 PNG data URL: "ours" is answered by the resident
reader, and so are "svm", "voting" and "explain", for which "... inside" is the same work in-process, and what the page
asks to show a model at work; "cold" is ours without a reader. The literal approach is a fresh process that imports
TFLearn, loads the checkpoint and predicts. Prints medians in milliseconds, the ratios that are promised, the processor
time of all processes, the memory of an idle reader, and how much memory one cold request holds at its peak: all of its
processes together, of which ours has three, and the largest one alone (`--json` for machines).
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

from cgi_server import CGI, ROOT, drawing, post, server
from processes import peak_mb, processor_ms, readers, request_peak_mb, resident_mb

QUERIES = {"svm": "model=svm", "voting": "model=voting", "explain": "explain=1"}
# The network at work, and the plain answer that it is compared with.
AT_WORK = {
    "network": ("explain=network", "ours"),
    "svm at work": ("model=svm&explain=network", "svm"),
    "voting at work": ("model=voting&explain=network", "voting"),
}
SLOW = ("literal",)  # takes seconds: fewer runs, and none to warm it
MEMORY_RUNS = 5  # requests of ours whose memory is looked at; the literal approach is one long process, once will do
LOAD_SECONDS = 5  # a reader has loaded everything by then
EARLY = 1000  # requests after which a reader holds what it will hold
LITERAL = f"""
import sys
sys.path.insert(0, {str(CGI)!r})
import base64, io, json
import numpy, PIL.Image
import model
network = model.Inference()
network.load({str(ROOT / "models" / "cnn.tfl")!r})
picture = PIL.Image.open(io.BytesIO(base64.b64decode(sys.stdin.read().partition(",")[2]))).getchannel("A")
print(network.score(numpy.asarray(picture.resize((28, 28)), "float32")[None] / 255).tolist())
"""

Way = Callable[[], object]


def main() -> int:
    """Measure and print; an answer that is not right ends it."""
    args = _arguments().parse_args()
    url = drawing()
    if args.long:
        return _long(args.long, url)
    if args.idle:
        return _idle(url)
    memory = _memory(url, literal=args.literal > 0)
    with ExitStack() as stack:
        port, process = stack.enter_context(server())
        ways = _ways(port, stack.enter_context(server(MNIST_RESIDENT="0"))[0], url)
        if args.against:
            ways["cold other"] = partial(_ours, stack.enter_context(_other(args.against))[0], url)
        figures = _interleaved(ways, args.runs, args.literal)
        processor = _processor_times(process, ways, args.runs)
        memory["idle_reader_mb"] = resident_mb(next(iter(readers(process)), 0))
    _report(figures, processor, memory, args.json)
    return 0


def _arguments() -> argparse.ArgumentParser:
    head = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=head)
    parser.add_argument("--runs", type=int, default=30, help="requests of each kind (default 30)")
    parser.add_argument("--literal", type=int, default=5, help="runs of the literal approach (default 5)")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another version, for its cold answer")
    parser.add_argument("--long", type=int, default=0, metavar="N", help="only send so many requests, to one reader")
    parser.add_argument("--idle", action="store_true", help="only wait until a reader without requests ends")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser


# --- the ways ---------------------------------------------------------------------------------------


def _ways(port: int, cold: int, url: bytes) -> dict[str, Way]:
    """What is measured, by name; each raises unless the answer is what it has to be."""

    def bare() -> None:
        assert post(port, "/cgi-bin/bare.py", b"") == {}

    def literal() -> None:
        subprocess.run([sys.executable, "-c", LITERAL], input=url, capture_output=True, check=True)

    ways: dict[str, Way] = {"bare": bare, "ours": partial(_ours, port, url), "cold": partial(_ours, cold, url)}
    for name, query in QUERIES.items():
        ways[name] = partial(_ours, port, url, f"?{query}")
        ways[f"{name} inside"] = partial(_wsgi, url, query)
    ways |= {name: partial(_ours, port, url, f"?{query}") for name, (query, _) in AT_WORK.items()}
    return ways | {"wsgi": partial(_wsgi, url), "literal": literal}


def _ours(port: int, url: bytes, query: str = "") -> None:
    """One request to our script."""
    assert post(port, f"/cgi-bin/mnist.py{query}", url)["digit"] == 7


def _other(project: Path) -> Any:
    """A server with the scripts and models of another version, and without a reader."""
    return server(project, MNIST_RESIDENT="0", MNIST_MODELS=str(project.resolve() / "models"))


def _wsgi(url: bytes, query: str = "") -> None:
    """One request to the application, in this process."""
    sys.path[:] = [str(CGI), *(path for path in sys.path if path != str(CGI))]
    import mnist

    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(url)), "wsgi.errors": sys.stderr}
    environ |= {"wsgi.input": io.BytesIO(url), "QUERY_STRING": query}
    reply = mnist.application(environ, lambda status, headers: None)
    assert json.loads(b"".join(reply))["digit"] == 7


# --- measuring --------------------------------------------------------------------------------------


def _interleaved(ways: dict[str, Way], runs: int, slow_runs: int) -> dict[str, list[float]]:
    """The milliseconds of each run of each way, in turn."""
    figures: dict[str, list[float]] = {}
    for _ in range(3):  # the first runs read files from the disk, and a reader starts
        for name in ways.keys() - SLOW:
            ways[name]()
        time.sleep(2)
    for turn in range(runs):
        for name, way in ways.items():
            if name not in SLOW or turn < slow_runs:
                figures.setdefault(name, []).append(_milliseconds(way))
    return figures


def _milliseconds(way: Way) -> float:
    start = time.perf_counter()
    way()
    return (time.perf_counter() - start) * 1000


def _memory(url: bytes, literal: bool) -> dict[str, dict[str, float]]:
    """What a request holds at its peak. Measured before anything else: a server and this process that have numpy and
    LiteRT themselves would be given their share of it.
    """
    ours, theirs = [str(CGI / "mnist.py")], [sys.executable, "-c", LITERAL]
    whole = {"ours": max(request_peak_mb(ours, url, as_cgi=True) for _ in range(MEMORY_RUNS))}
    largest = {"ours": peak_mb(ours, url, as_cgi=True)}
    if literal:
        whole["literal"], largest["literal"] = request_peak_mb(theirs, url), peak_mb(theirs, url)
    return {"request_peak_mb": whole, "largest_process_peak_mb": largest}


def _processor_times(process: int, ways: dict[str, Way], runs: int) -> dict[str, float]:
    """The processor time in ms of one request, over all processes that it keeps busy; Linux only."""
    found: dict[str, float] = {}
    for name in ("bare", "ours") if Path("/proc/self/stat").exists() else ():
        before = processor_ms(process)
        for _ in range(runs):
            ways[name]()
        time.sleep(0.1)  # the last child is still being taken apart
        found[name] = round((processor_ms(process) - before) / runs, 2)
    return found


def _long(number: int, url: bytes) -> int:
    """Send that many requests and print what their reader holds after the first 1,000, and in the end.

    1 if it was another reader by then, or holds more than a tenth more. Linux only.
    """
    with server() as (port, process):
        _ours(port, url)
        time.sleep(LOAD_SECONDS)
        early: dict[str, float] = {}
        for first, last in ((0, min(EARLY, number)), (EARLY, number)):
            if first >= last:
                break
            with ThreadPoolExecutor(os.cpu_count()) as clients:
                deque(clients.map(partial(_ours, port), repeat(url, last - first)), 0)  # raises what one of them did
            time.sleep(0.5)  # the last child is still being taken apart
            held = _held(process)
            early = early or held
            print(f"after {last:,} requests: {held}", flush=True)
    return int(any(held[what] > 1.1 * early[what] for what in early) or held["reader"] != early["reader"])


def _idle(url: bytes) -> int:
    """Wait until a reader without requests ends, and print how long after its answer that is. Linux only."""
    with server() as (port, process):
        _ours(port, url)  # by the script itself, which leaves a reader behind
        found = _awaited(lambda: readers(process))
        time.sleep(LOAD_SECONDS)
        _ours(port, url)
        begun = time.monotonic()
        _awaited(lambda: not set(found) & set(readers(process)))
        print(f"The reader ended {time.monotonic() - begun:.1f} s after its last answer.")
    return 0


def _awaited(look: Callable[[], Any]) -> Any:
    """What a look finds, as soon as it finds something."""
    while not (found := look()):
        time.sleep(0.05)
    return found


def _held(process: int) -> dict[str, float]:
    """What a server's readers and their children hold."""
    found = readers(process)
    memory = resident_mb(found[0])
    children = Path(f"/proc/{found[0]}/task/{found[0]}/children").read_text().split()
    descriptors = len(list(Path(f"/proc/{found[0]}/fd").iterdir()))
    return {"reader": found[0], "processes": len(found + children), "descriptors": descriptors, **memory}


# --- telling ----------------------------------------------------------------------------------------


def _report(
    figures: dict[str, list[float]], processor: dict[str, float], memory: dict[str, dict[str, float]], as_json: bool
) -> None:
    medians = {name: round(statistics.median(times), 2) for name, times in figures.items()}
    result: dict[str, Any] = {"median_ms": medians, "processor_ms": processor}
    result |= {kind: {way: round(mb, 1) for way, mb in each.items()} for kind, each in memory.items()}
    result |= _ratios(medians, processor)
    result["machine"] = {"cores": os.cpu_count(), "python": sys.version.split()[0], "load": os.getloadavg()[0]}
    if as_json:
        print(json.dumps(result, indent=1))
        return
    for name, times in figures.items():
        print(f"{name:14} {medians[name]:9.2f} ms median of {len(times)}, {min(times):.2f} to {max(times):.2f}")
    for key in [key for key in result if key != "median_ms"]:
        print(f"{key:24} {result[key]}")


def _ratios(medians: dict[str, float], processor: dict[str, float]) -> dict[str, float]:
    """What is promised: each a ratio of two figures of the same run."""
    found = {"times_bare": medians["ours"] / medians["bare"], "cold_times_bare": medians["cold"] / medians["bare"]}
    for name in QUERIES:
        found[f"{name}_times_inside_and_bare"] = medians[name] / (medians[f"{name} inside"] + medians["bare"])
    for name, (_, plain) in AT_WORK.items():
        found[f"{name.replace(' ', '_')}_times_plain"] = medians[name] / medians[plain]
    if processor:
        found["processor_times_bare"] = processor["ours"] / processor["bare"]
    if "cold other" in medians:
        found["cold_times_other"] = medians["cold"] / medians["cold other"]
    if "literal" in medians:
        found["faster_than_literal"] = medians["literal"] / medians["ours"]
    return {name: round(ratio, 2) for name, ratio in found.items()}


if __name__ == "__main__":
    sys.exit(main())
