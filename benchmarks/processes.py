"""What processes take: memory, looked at from outside, and processor time."""

import os
import subprocess
import sys
import time
from pathlib import Path

SAMPLE_SECONDS = 0.002  # between two looks at the memory of a request, which takes a tenth of a second
MEASURE = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
child.stdin.write(sys.stdin.buffer.read())
child.stdin.close()
print(os.wait4(child.pid, 0)[2].ru_maxrss)
"""


def request_peak_mb(command: list[str], given: bytes, env: dict[str, str]) -> float:
    """The memory in MB that a command and all the processes it starts held together at most, looked at from outside
    every few milliseconds.
    """
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=nothing, stderr=nothing)
    assert process.stdin is not None
    process.stdin.write(given)
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


def peak_mb(command: list[str], given: bytes, env: dict[str, str]) -> float:
    """The resident memory in MB that the largest process of a command held at most; of ours a second, light
    one waits for it. Measured by a small process in between: a child's figure begins with its parent's.
    """
    measure = [sys.executable, "-S", "-c", MEASURE, *command]
    done = subprocess.run(measure, env=env, input=given, capture_output=True, check=True)
    return int(done.stdout) / (2**20 if sys.platform == "darwin" else 2**10)


def processor_ms(processes: list[int]) -> float:
    """The processor time in ms of these processes, and of all children of theirs that have ended; Linux only."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return 1000 * ticks / os.sysconf("SC_CLK_TCK")
