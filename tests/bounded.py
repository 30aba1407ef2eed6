"""What reading pictures takes: each is read in a process of its own, forked from one that has the model loaded.

On standard input is JSON, {name: [how to read it, the picture file in base64]}; on standard output {name: Taken}.
"""

import base64
import json
import os
import resource
import subprocess
import sys
import time
from typing import NamedTuple

import pictures
import reading
from commands import ROOT
from reading.errors import Problem


class Taken(NamedTuple):
    """What one picture took."""

    said: str  # the number, the digit in brackets, or why it is refused
    unsure: bool
    seconds: float  # of processor time
    megabytes: float  # at most, of all that the process has in memory


def taken(asked: dict[str, tuple[str, bytes]]) -> dict[str, Taken]:
    """Read pictures, each asked for by how to read it and its file, in processes of their own."""
    text = json.dumps({name: [how, base64.b64encode(file).decode()] for name, (how, file) in asked.items()})
    paths = os.pathsep.join([str(ROOT / "cgi-bin"), str(ROOT / "tests"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, __file__], input=text, env=os.environ | {"PYTHONPATH": paths}, stdout=-1, text=True, check=True
    )
    return {name: Taken(*each) for name, each in json.loads(done.stdout).items()}


def _said(picture: bytes, how: str) -> tuple[str, bool]:
    try:
        found = reading.read(picture, how=how)
    except Problem as problem:
        return str(problem), True
    return found.number.text if found.number else f"[{found.digit}]", found.unsure


def _measured(picture: bytes, how: str) -> Taken:
    start = time.process_time()
    said = _said(picture, how)
    spent, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Taken(*said, spent, peak / (2**20 if sys.platform == "darwin" else 2**10))


def _in_a_fork(picture: bytes, how: str) -> list[object]:
    end, begin = os.pipe()
    if not os.fork():
        os.write(begin, json.dumps(_measured(picture, how)).encode())
        os._exit(0)
    os.close(begin)
    os.wait()
    with os.fdopen(end, "rb") as answer:
        return list(json.loads(answer.read()))


if __name__ == "__main__":
    reading.read(pictures.encoded(pictures.number("2704")))
    every = json.load(sys.stdin)
    json.dump({name: _in_a_fork(base64.b64decode(file), how) for name, (how, file) in every.items()}, sys.stdout)
