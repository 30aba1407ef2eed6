"""The memory and the processor time of the processes that answer requests."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import servers  # noqa: E402

SAMPLE_SECONDS = 0.002  # between two looks at the memory of a request, which takes a tenth of a second

MEASURE = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
child.stdin.write(sys.stdin.buffer.read())
child.stdin.close()
print(os.wait4(child.pid, 0)[2].ru_maxrss)
"""


def environment() -> dict[str, str]:
    """The environment of the Python that runs this, activated."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "MNIST_MODELS": os.environ.get("MNIST_MODELS") or str(ROOT / "models")}


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
        return tree_rss_mb(process)
    try:
        below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0.0
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 2**10
    return own + sum(tree_mb(int(child)) for child in below)


def tree_rss_mb(process: int) -> float:
    """The same in RSS, for any system with `ps`."""
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
    return environment() | (meta if as_cgi else {})


def processor_ms(server: int) -> float:
    """The processor time of a server, of its reader, and of all children of both that have ended."""
    ticks = 0
    for process in [server, *readers(server)]:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def readers(server: int) -> list[int]:
    """The resident readers that were started for a server."""
    lines = [(pid, above, line.rstrip()) for pid, above, line in servers.processes() if " serving.reader " in line]
    found = {pid: above for pid, above, line in lines if line.endswith(f" {server}")}
    return [pid for pid, above in found.items() if above not in found]


def resident_mb(process: int) -> dict[str, float]:
    """The memory of a process, with all that it shares (Rss), and with its share of it (Pss); Linux only."""
    path = Path(f"/proc/{process}/smaps_rollup")
    lines = path.read_text().splitlines() if path.exists() else []
    found = {line.partition(":")[0]: int(line.split()[1]) / 2**10 for line in lines if line.startswith(("Rss", "Pss:"))}
    return {kind: round(mb, 1) for kind, mb in found.items()}
