"""benchmarks/load.py, run for real: what the servers have to stand, and that it tells when they do not."""

import re
import subprocess
import sys

import pytest

import servers
from benchmarks import load
from needs import program


def loaded(*arguments: str) -> tuple[int, str]:
    """Run it; its exit status and what it prints."""
    command = [sys.executable, "benchmarks/load.py", *arguments]
    done = subprocess.run(command, cwd=servers.ROOT, capture_output=True, text=True, timeout=150)
    return done.returncode, done.stdout + done.stderr


def figure(pattern: str, text: str) -> float:
    """The number that follows, or stands in, a pattern; 0 where there is none."""
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("server", ["gunicorn", "lighttpd"])
def test_two_hundred_at_once_are_all_answered_soon_and_without_much_memory(server: str) -> None:
    program(*{"lighttpd": ["lighttpd"], "gunicorn": ["nginx", "nginx-light"]}[server])
    status, told = loaded("--server", server, "--burst", "200")
    assert status == 0, told
    answered, busy = figure(r"\banswered (\d+)", told), figure(r"\bbusy (\d+)", told)
    assert answered + busy == 200, told
    assert answered >= 10, told  # in CGI scripts, 32 that do not all get their turn on a slow machine
    assert figure(r"longest ([\d.]+) s", told) < 15, told
    assert figure(r"memory (\d+) MB", told) < 1500, told
    assert "lost 0, wrong 0" in told


def test_good_and_bad_clients_together_lose_nothing() -> None:
    program("nginx", "nginx-light")
    status, told = loaded("--server", "gunicorn", "--clients", "8", "--seconds", "15")
    assert status == 0, told
    for kind in ("answered", "refused", "hangs up", "dawdles on"):
        assert figure(rf"\b{kind} (\d+)", told) > 0, told


def test_an_answer_that_is_wrong_or_missing_is_told_as_such() -> None:
    assert load._judged("drawing", 200, {"digit": 7}) == "answered"
    assert load._judged("drawing", 200, {"digit": 1}) == "wrong"
    assert load._judged("drawing", 503, {"result": 0}) == "wrong"
    assert load._judged("drawing", 503, {"result": 0, "retry_after": 2}) == "busy"
