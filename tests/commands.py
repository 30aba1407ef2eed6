"""Run the project's commands as a user does: a process, its output, its exit status."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Ended(NamedTuple):
    """What a command left."""

    status: int
    out: str
    err: str


def run(name: str, *arguments: object, given: bytes = b"", **environment: str) -> Ended:
    """Run cgi-bin/NAME.py with arguments, and bytes for its standard input."""
    command = [sys.executable, str(ROOT / "cgi-bin" / f"{name}.py"), *map(str, arguments)]
    settings = {key: value for key, value in os.environ.items() if not key.startswith("MNIST_")}
    ended = subprocess.run(command, input=given, capture_output=True, env=settings | environment, timeout=300)
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def help_of(name: str) -> str:
    """What a command says about itself."""
    return plain(run(name, "--help").out)


def plain(text: str) -> str:
    """Return a help text without what depends on the terminal and on Python's version."""
    # Python 3.13 writes "-o, --outpath FILE" where others write "-o FILE, --outpath FILE".
    text = " ".join(text.split())
    return re.sub(r"(?<= )(--?[\w-]+) [^\s,\]]+(?:,[^\s,\]]+)*, (?=-)", r"\1, ", text)
