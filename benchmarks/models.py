"""The models side by side, from their cards and by the clock, as a table for docs/models.md.

    python benchmarks/models.py                  # about a minute
    python benchmarks/models.py --pictures 1000  # also how long predict.py takes for so many PNG files

Measures, interleaved, one picture through `python -m http.server --cgi` for each model, next to a bare CGI script that
prints `{}`, as `latency.py` does. With --pictures, MNIST's test images are written as PNG files, and one run of
`predict.py` over their folder is timed, the start of Python included.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from cgi_server import CGI, drawing, post, server

sys.path.insert(0, str(CGI))

from reading import cards


def main() -> int:
    """Measure and print."""
    args = _arguments().parse_args()
    found = cards.available()
    print(_table(found, _through_cgi([card["name"] for card in found], args.runs)))
    if args.pictures:
        seconds = [_predict(args.pictures, args.model, args.data) for _ in range(3)]
        print(f"\n{args.pictures:,} PNG files with {args.model}: {statistics.median(seconds):.2f} s (median of 3)")
    print(f"\n{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    return 0


def _arguments() -> argparse.ArgumentParser:
    head = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=head)
    parser.add_argument("--runs", type=int, default=20, help="requests for each model (default 20)")
    parser.add_argument("--pictures", type=int, default=0, metavar="N", help="also time predict.py over N files")
    parser.add_argument("--model", default="cnn", help="that predict.py uses (default cnn)")
    parser.add_argument("--data", help="folder of MNIST, as for fetch.py")
    return parser


def _through_cgi(names: list[str], runs: int) -> dict[str, float]:
    """Median milliseconds of a request, by model, and of the bare script."""
    url = drawing()
    paths = {name: f"/cgi-bin/mnist.py?model={name}" for name in names} | {"bare": "/cgi-bin/bare.py"}
    times: dict[str, list[float]] = {name: [] for name in paths}
    with server() as (port, _):
        for turn in range(runs + 2):
            for name, path in paths.items():
                start = time.perf_counter()
                answer = post(port, path, url)
                assert answer.get("model", "bare") == name, answer
                if turn >= 2:  # the first runs read files from the disk
                    times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(each) for name, each in times.items()}


def _table(cards: list[dict[str, Any]], medians: dict[str, float]) -> str:
    head = "| model | | MNIST test set | fitted in | file | one picture through CGI | times the bare script |"
    rows = [head, "|---|---|---|---|---|---|---|"]
    for card in cards:
        taken = medians[card["name"]]
        rows.append(
            f"| `{card['name']}` | {card['title']} | {100 * card['accuracy']:.2f} % | {_duration(card['fit_seconds'])} "
            f"| {_size(card['bytes'])} | {taken:.0f} ms | {taken / medians['bare']:.1f} |"
        )
    return "\n".join([*rows, f"| | a bare CGI script that prints `{{}}` | | | | {medians['bare']:.0f} ms | 1 |"])


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} KB"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds:.0f} s"


def _predict(count: int, model: str, data: str | None) -> float:
    """Seconds that one run of predict.py over a folder takes."""
    with tempfile.TemporaryDirectory() as folder:
        source = ["--data", data] if data else []
        fetch = [sys.executable, str(CGI / "fetch.py"), *source, "--samples", str(count), folder]
        subprocess.run(fetch, check=True, stdout=subprocess.DEVNULL)
        predict = [sys.executable, str(CGI / "predict.py"), "-m", model, folder]
        start = time.perf_counter()
        lines = subprocess.run(predict, check=True, capture_output=True, text=True).stdout.splitlines()
        seconds = time.perf_counter() - start
    assert len(lines) == count
    return seconds


if __name__ == "__main__":
    sys.exit(main())
