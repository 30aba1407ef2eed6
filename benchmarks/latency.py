"""How long one picture takes, next to the least and to the most obvious way of answering it.

    python benchmarks/latency.py                 # all of it, a few minutes
    python benchmarks/latency.py --literal 0     # without the obvious way, which needs TensorFlow

Measures, interleaved, so that whatever else the machine does is spread over all: through `python -m http.server
--cgi`, a bare CGI script that prints `{}`, and ours with a 280x280 PNG data URL: "ours" is answered by the resident
reader, and so are "svm", "voting" and "explain", for which "... inside" is the same work in-process; "cold" is ours
without a reader. The literal approach is a fresh process that imports TFLearn, loads the checkpoint and predicts.
Prints medians in milliseconds, the ratios that are promised, the processor time of all processes, the memory of an
idle reader, and how much memory one cold request holds at its peak: all of its processes together, of which ours has
three, and the largest one alone (`--json` for machines).
"""

import argparse
import base64
import http.client
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CGI = ROOT / "cgi-bin"
BARE = "#!/usr/bin/env python3\nprint('Content-Type: application/json\\n\\n{}')\n"
QUERIES = {"svm": "model=svm", "voting": "model=voting", "explain": "explain=1"}
SAMPLE_SECONDS = 0.002  # between two looks at the memory of a request, which takes a tenth of a second
MEMORY_RUNS = 5  # requests of ours whose memory is looked at; the literal approach is one long process, once will do
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

MEASURE = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
child.stdin.write(sys.stdin.buffer.read())
child.stdin.close()
print(os.wait4(child.pid, 0)[2].ru_maxrss)
"""


def main() -> int:
    """Measure, print, and tell by the exit status whether the answers were right."""
    args = _arguments().parse_args()
    url = _drawing()
    figures: dict[str, list[float]] = {}
    memory = _memory(url, literal=args.literal > 0)
    with _server() as (port, server), _server(MNIST_RESIDENT="0") as (cold, _):
        ways = _ways(port, cold, url)
        for _ in range(3):  # the first runs read files from the disk, and a reader starts
            for name in filter(lambda name: name != "literal", ways):
                ways[name]()
            time.sleep(2)
        for turn in range(args.runs):
            for name in filter(lambda name: name != "literal" or turn < args.literal, ways):
                figures.setdefault(name, []).append(_milliseconds(ways[name]))
        processor = _processor_times(server, ways, args.runs)
        memory["idle_reader_mb"] = {kind: round(mb, 1) for kind, mb in _reader_mb(server).items()}
    _report(figures, processor, memory, args.json)
    return 0


def _arguments() -> argparse.ArgumentParser:
    head = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=head)
    parser.add_argument("--runs", type=int, default=30, help="requests of each kind (default 30)")
    parser.add_argument("--literal", type=int, default=5, help="runs of the literal approach (default 5)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser


def _drawing() -> bytes:
    """A 7 on a 280x280 canvas, as a PNG data URL."""
    from PIL import Image, ImageDraw

    canvas, file = Image.new("RGBA", (280, 280)), io.BytesIO()
    ImageDraw.Draw(canvas).line([(80, 60), (200, 60), (125, 230)], fill="black", width=20, joint="curve")
    canvas.save(file, "PNG")
    return b"data:image/png;base64," + base64.b64encode(file.getvalue())


# --- the four ways ----------------------------------------------------------------------------------


def _ways(port: int, cold: int, url: bytes) -> dict[str, Callable[[], object]]:
    """What is measured, by name; each raises unless the answer is what it has to be."""

    def bare() -> None:
        assert _post(port, "/cgi-bin/bare.py", b"") == {}

    def ours(query: str = "", at: int = port) -> None:
        assert _post(at, f"/cgi-bin/mnist.py{query}", url)["digit"] == 7

    def literal() -> None:
        subprocess.run([sys.executable, "-c", LITERAL], input=url, capture_output=True, check=True)

    ways: dict[str, Callable[[], object]] = {"bare": bare, "ours": ours, "cold": lambda: ours(at=cold)}
    for name, query in QUERIES.items():
        ways[name] = partial(ours, f"?{query}")
        ways[f"{name} inside"] = partial(_wsgi, url, query)
    return ways | {"wsgi": lambda: _wsgi(url), "literal": literal}


def _post(port: int, path: str, body: bytes) -> Any:
    """Post a body on a fresh connection; the JSON that comes back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def _wsgi(url: bytes, query: str = "") -> None:
    """One request to the application, in this process."""
    sys.path[:] = [str(CGI), *(path for path in sys.path if path != str(CGI))]
    import mnist

    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(url)), "wsgi.errors": sys.stderr}
    environ |= {"wsgi.input": io.BytesIO(url), "QUERY_STRING": query}
    reply = mnist.application(environ, lambda status, headers: None)
    assert json.loads(b"".join(reply))["digit"] == 7


@contextmanager
def _server(**settings: str) -> Iterator[tuple[int, int]]:
    """`python -m http.server --cgi` in a folder that has ours and the bare script; its port and process."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(CGI, home / "cgi-bin", ignore=shutil.ignore_patterns("__pycache__"))
        (home / "cgi-bin" / "bare.py").write_text(BARE)
        (home / "cgi-bin" / "bare.py").chmod(0o755)
        subprocess.run([sys.executable, "-m", "compileall", "-q", home / "cgi-bin"], check=True)
        process = subprocess.Popen(
            [*_as_this_user(), sys.executable, "-u", "-m", "http.server", "--cgi", "--bind", "127.0.0.1", "0"],
            cwd=home,
            env=_environment() | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split(b"port ")[1].split()[0]), process.pid
        finally:
            process.terminate()
            process.wait()


def _as_this_user() -> list[str]:
    """What keeps a server that root starts from running scripts as `nobody`; see the Makefile."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--bounding-set", "-all,+dac_read_search"] if setpriv and not os.geteuid() else []


def _environment() -> dict[str, str]:
    """The environment of the Python that runs this, activated."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "MNIST_MODELS": os.environ.get("MNIST_MODELS") or str(ROOT / "models")}


# --- measuring --------------------------------------------------------------------------------------


def _milliseconds(way: Callable[[], object]) -> float:
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


def request_peak_mb(command: list[str], url: bytes, as_cgi: bool = False) -> float:
    """The memory in MB that a command and all the processes it starts held together at most, looked at from outside
    every few milliseconds.
    """
    process = subprocess.Popen(
        command, env=_meta(url, as_cgi), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    process.stdin.write(url)
    process.stdin.close()
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, tree_mb(process.pid))
        time.sleep(SAMPLE_SECONDS)
    return peak


def tree_mb(process: int) -> float:
    """The memory in MB of a process and all below it: PSS, in which what they share counts once. Where there is no
    such figure, RSS, in which it counts as often as it is shared.
    """
    if not Path("/proc/self/smaps_rollup").exists():
        return _tree_rss_mb(process)
    try:
        below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0.0
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 2**10
    return own + sum(tree_mb(int(child)) for child in below)


def _tree_rss_mb(process: int) -> float:
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = {int(pid): (int(parent), int(rss)) for pid, parent, rss in map(str.split, listed.splitlines())}
    tree = {process} & rows.keys()
    while more := {pid for pid, (parent, _) in rows.items() if parent in tree} - tree:
        tree |= more
    return sum(rows[pid][1] for pid in tree) / 2**10


def peak_mb(command: list[str], url: bytes, as_cgi: bool = False) -> float:
    """The resident memory in MB that the largest process of a command held at most; of ours a second, light
    one waits for it. Measured by a small process in between: a child's figure begins with its parent's.
    """
    measure = [sys.executable, "-S", "-c", MEASURE, *command]
    done = subprocess.run(measure, env=_meta(url, as_cgi), input=url, capture_output=True, check=True)
    return int(done.stdout) / (2**20 if sys.platform == "darwin" else 2**10)


def _meta(url: bytes, as_cgi: bool) -> dict[str, str]:
    """The environment of a command, with what a CGI server says of a request."""
    meta = {
        "MNIST_RESIDENT": "0",
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(url)),
        "SCRIPT_NAME": "/cgi-bin/mnist.py",
    }
    return _environment() | (meta if as_cgi else {})


def _processor_times(server: int, ways: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """The processor time in ms of one request, over all processes that it keeps busy; Linux only."""
    found: dict[str, float] = {}
    for name in ("bare", "ours") if Path("/proc/self/stat").exists() else ():
        before = _processor_ms(server)
        for _ in range(runs):
            ways[name]()
        time.sleep(0.1)  # the last child is still being taken apart
        found[name] = round((_processor_ms(server) - before) / runs, 2)
    return found


def _processor_ms(server: int) -> float:
    """The processor time of a server, of its reader, and of all children of both that have ended."""
    ticks = 0
    for process in [server, *_readers(server)]:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def _readers(server: int) -> list[int]:
    """The resident readers that were started for a server."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line for line in listed.splitlines() if " serving.reader " in line and line.endswith(f" {server}")]
    return [int(line.split()[0]) for line in lines]


def _reader_mb(server: int) -> dict[str, float]:
    """The memory of the server's reader, which has nothing to do now."""
    reader = next(iter(_readers(server)), None)
    if not reader or not Path(f"/proc/{reader}/smaps_rollup").exists():
        return {}
    lines = Path(f"/proc/{reader}/smaps_rollup").read_text().splitlines()
    return {
        kind: int(line.split()[1]) / 2**10 for line in lines for kind in ("Rss", "Pss") if line.startswith(f"{kind}:")
    }


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
    if processor:
        found["processor_times_bare"] = processor["ours"] / processor["bare"]
    if "literal" in medians:
        found["faster_than_literal"] = medians["literal"] / medians["ours"]
    return {name: round(ratio, 2) for name, ratio in found.items()}


if __name__ == "__main__":
    sys.exit(main())
