"""benchmarks/page.py: it runs, and what it tells is what was measured."""

import json
import subprocess
import sys

import servers
from needs import program


def test_it_tells_the_wait_the_long_tasks_and_what_piles_up() -> None:
    program("chromium")
    few = ["--answers", "1", "--strokes", "2", "--digits", "2", "--json"]
    command = [sys.executable, "benchmarks/page.py", *few]
    done = subprocess.run(command, cwd=servers.ROOT, capture_output=True, text=True, timeout=300, check=True)
    told = json.loads(done.stdout)
    assert list(told) == ["answer_ms", "tasks_ms", "grown"]
    assert [len(waits) for waits in told["answer_ms"].values()] == [1, 1]
    assert told["answer_ms"]["resident"][0] > 0
    assert told["answer_ms"]["cold"][0] > 60  # a fresh process can't be faster than its imports
    assert all(task >= 50 for task in told["tasks_ms"])
    assert list(told["grown"]) == ["heap", "nodes", "listeners"]
