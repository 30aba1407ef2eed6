"""LiteRT and numpy run the same CNN: how fast, how large, and whether they agree.

    python benchmarks/engines.py                # about a minute, and MNIST's test set
    python benchmarks/engines.py --data FOLDER  # of MNIST, as for fetch.py

Each engine is started in processes of its own, in turn: from the start of the imports to the first answer, and the
most memory taken until a hundred pictures are scored. Then both score the same pictures in one process, in turn, on one
thread. Then their scores of MNIST's test images are compared. Exit status 1: they do not agree.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cgi-bin"))

import numpy as np

from learning.data import dataset
from reading import cards, classifier, engines
from reading.errors import Problem

AGREEMENT = 1e-4  # the most that a score may differ
WARM_UP = 3  # rounds that are not counted
PACKAGES = {"litert": "ai-edge-litert", "numpy": ""}  # what an engine needs beside numpy
START = """
import time
start = time.perf_counter()
import json, resource, sys
sys.path.insert(0, sys.argv[1])
import numpy
from reading import cards, classifier, engines
model = classifier.load("cnn")
model.score(numpy.zeros((1, 28, 28), numpy.float32))
seconds = time.perf_counter() - start
model.score(numpy.zeros((100, 28, 28), numpy.float32))
print(json.dumps([seconds * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def main() -> int:
    """Measure, print, and tell by the exit status whether the engines agree."""
    args = _arguments().parse_args()
    starts, memory = _fresh(args.starts)
    models = {engine: _load(engine) for engine in engines.ENGINES}
    pictures = dataset.load(args.data).X_test.astype(np.float32) / 255
    rows = [("imports, loading and the first answer", "ms", starts), ("most memory", "MB", memory)]
    rows.append(("one picture", "ms", _times(models, pictures[:1], args.runs)))
    rows.append(("a hundred pictures", "ms", _times(models, pictures[:100], max(args.runs // 10, 5))))
    rows.append(("installed beside numpy", "MB", {engine: _installed(PACKAGES[engine]) for engine in models}))
    print(_table(rows))
    print(f"\n{os.cpu_count()} cores, Python {sys.version.split()[0]}, numpy {np.__version__}, one thread; medians")
    return _compare(models, pictures)


def _arguments() -> argparse.ArgumentParser:
    head = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=head)
    parser.add_argument("--starts", type=int, default=15, help="processes of each engine (default 15)")
    parser.add_argument("--runs", type=int, default=300, help="times that one picture is scored (default 300)")
    parser.add_argument("--data", help="folder of MNIST, as for fetch.py")
    return parser


def _load(engine: str) -> classifier.Model:
    """The CNN in that engine; another one is no stand-in for it."""
    os.environ["MNIST_ENGINE"] = engine
    card = cards.read("cnn")
    return classifier.Model(card, engines.run_of(card))


def _fresh(count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Median milliseconds to the first answer, and MB, of processes that are started in turn."""
    found: dict[str, list[list[float]]] = {engine: [] for engine in engines.ENGINES}
    for turn in range(WARM_UP + count):
        for engine, each in found.items():
            command = [sys.executable, "-c", START, sys.path[0]]
            env = {**os.environ, "MNIST_ENGINE": engine}
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
            if turn >= WARM_UP:
                each.append(json.loads(done.stdout))
    starts, memory = ({name: statistics.median(one[i] for one in each) for name, each in found.items()} for i in (0, 1))
    return starts, memory


def _times(models: dict[str, classifier.Model], pictures: np.ndarray, runs: int) -> dict[str, float]:
    """Median milliseconds to score the pictures, the engines in turn."""
    times: dict[str, list[float]] = {engine: [] for engine in models}
    for turn in range(WARM_UP + runs):
        for engine, model in models.items():
            start = time.perf_counter()
            model.score(pictures)
            if turn >= WARM_UP:
                times[engine].append((time.perf_counter() - start) * 1000)
    return {engine: statistics.median(each) for engine, each in times.items()}


def _installed(package: str) -> float:
    """MB of a package's files and of those of the packages that it needs, numpy left out."""
    waiting, seen = {package} - {""}, set[str]()
    total = 0
    while waiting:
        name = waiting.pop()
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:  # needed on other machines only
            continue
        total += sum(file.size or 0 for file in found.files or [])
        needs = (
            re.split(r"[^\w.-]", need, maxsplit=1)[0].lower() for need in found.requires or [] if "extra" not in need
        )
        waiting |= set(needs) - seen - {"numpy"}
    return total / 1e6


def _table(rows: list[tuple[str, str, dict[str, float]]]) -> str:
    lines = ["| | LiteRT | numpy | numpy / LiteRT |", "|---|---:|---:|---:|"]
    for title, unit, values in rows:
        litert, own = values["litert"], values["numpy"]
        lines.append(f"| {title} | {litert:.1f} {unit} | {own:.1f} {unit} | {own / litert:.2f} |")
    return "\n".join(lines)


def _compare(models: dict[str, classifier.Model], pictures: np.ndarray) -> int:
    """Print how far the engines are apart; 0 if that is near enough."""
    litert, own = (models[engine].score(pictures) for engine in ("litert", "numpy"))
    apart = float(np.abs(litert.data - own.data).max())
    other = int((litert.data.argmax(1) != own.data.argmax(1)).sum())
    doubts = int((litert.unsure != own.unsure).sum())
    print(
        f"{len(pictures):,} test images: scores at most {apart:.1e} apart, {other} other answers, {doubts} other doubts"
    )
    return int(not (apart <= AGREEMENT and other == 0))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"engines.py: {problem}")
