"""What Ray costs and brings on this machine: ratios of two ways, taken in turn.

    python benchmarks/ratios.py serve                     # Ray Serve with two replicas / gunicorn with two workers
    python benchmarks/ratios.py batches --pictures 100000 # two workers / one, and / one process of predict.py
    python benchmarks/ratios.py search                    # a grid search without --cluster / with it
    python benchmarks/ratios.py memory                    # of batches' own process: ten times the pictures / once

Times include the start of what is timed, but for `serve`. The machine has to have nothing else to do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from scale import asked  # noqa: E402

import pictures  # noqa: E402
import servers  # noqa: E402

CLIENTS = 8
DIFFERENT = 500  # pictures; the others are links to these


def serve(rounds: int, folder: Path) -> None:
    """Print the answers a second of both servers, in turn."""
    rates: dict[str, list[float]] = {"gunicorn": [], "ray": []}
    with ExitStack() as stack:
        starts = {"gunicorn": servers.gunicorn, "ray": servers.ray_serve}
        running = {name: stack.enter_context(starts[name](folder / name, MNIST_WORKERS="2")) for name in starts}
        for server in running.values():
            asked(server, CLIENTS, 3)
        for _ in range(rounds):
            for name, server in running.items():
                rates[name].append(asked(server, CLIENTS, 8) / 8)
    told = {name: round(statistics.median(rate), 1) for name, rate in rates.items()}
    print(f"answers a second {told}, Ray Serve / gunicorn {told['ray'] / told['gunicorn']:.2f}")


def batches(number: int, folder: Path) -> None:
    """Print how long the pictures take with two workers, one, and without Ray."""
    photos, took = many(folder / "photos", number), {}
    for workers in (1, 2):
        out = ["--cluster", "-o", str(folder / f"out-{workers}")]
        took[f"{workers} workers"] = timed("predict", *out, str(photos), MNIST_WORKERS=str(workers))
    took["predict.py"] = timed("predict", "--json", str(photos))
    print({name: round(seconds, 1) for name, seconds in took.items()})
    for name in ("1 workers", "predict.py"):
        print(f"two workers / {name}: {took[name] / took['2 workers']:.2f}")


def memory(number: int, folder: Path) -> None:
    """Print the most memory of the process that hands out pictures, for some and for ten times as many."""
    for count in (number // 10, number):
        photos = many(folder / f"photos-{count}", count)
        timed("predict", "-m", "sgd", "--cluster", "-o", str(folder / f"out-{count}"), str(photos))
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{count} pictures: the largest process so far held {most:.0f} MB")


def search(folder: Path) -> None:
    """Print the seconds of a grid search on this machine's cores, and on a Ray of the same cores."""
    took = {}
    for name, more in (("cores", []), ("cluster", ["--cluster"])):
        timed("train", "-M", "svm", "-g", "--subset", "10000", "-o", str(folder / name), *more)
        took[name] = json.loads((folder / name / "svm.json").read_text())["search"]["seconds"]
    print(f"seconds {took}, without / with --cluster {took['cores'] / took['cluster']:.2f}")


def many(folder: Path, number: int) -> Path:
    """Make a folder with so many pictures."""
    folder.mkdir()
    digits = list(pictures.STROKES)
    for index in range(min(DIFFERENT, number)):
        drawn = pictures.canvas(digits[index % len(digits)], 150 + index % 100, 10)
        (folder / f"{index:07}.png").write_bytes(pictures.encoded(drawn))
    for index in range(DIFFERENT, number):
        os.link(folder / f"{index % DIFFERENT:07}.png", folder / f"{index:07}.png")
    return folder


def timed(name: str, *arguments: str, **environment: str) -> float:
    """Run a command of cgi-bin; the seconds that it takes."""
    command, begun = [sys.executable, str(ROOT / f"cgi-bin/{name}.py"), *arguments], time.monotonic()
    subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def main() -> int:
    """Measure what is asked for."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("what", choices=["serve", "batches", "search", "memory"])
    parser.add_argument("--pictures", type=int, default=10_000, help="of batches and memory (default 10,000)")
    parser.add_argument("--rounds", type=int, default=5, help="of serve (default 5)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.what == "serve":
            serve(chosen.rounds, folder)
        elif chosen.what == "search":
            search(folder)
        else:
            {"batches": batches, "memory": memory}[chosen.what](chosen.pictures, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
