"""Feeds odd pictures to `reading` and requests that follow no rule to the WSGI application, and looks for harm.

    python benchmarks/fuzz.py                    # 250,000 inputs, half an hour
    python benchmarks/fuzz.py --inputs 2000 --keep

A third are picture files with bytes changed, a third are built of pieces that are valid each, a third are requests.
Harm is an exception that is not raised on purpose, more than 2 seconds of processor time for one input, or more than
200 MB of memory above what the process had before. Prints how many inputs were answered with what; exit status 1
if one did harm. Who stops it (Ctrl-C, `kill`) is told a moment later what was found until then. `--keep` adds to
`tests/corpus/` an input for each answer that has none there yet: the tests go through that folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "cgi-bin"), str(ROOT / "tests")]

from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from tqdm import tqdm  # noqa: E402

import hostile  # noqa: E402

SECONDS, MEGABYTES = 2.0, 200  # the most that one input may cost
QUIET = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
ROUND = 1000  # inputs that hypothesis makes with one seed: it remembers all of them


def main() -> int:
    """Feed as many inputs as asked for; 1 if one did harm."""
    args = _arguments().parse_args()
    hunts = [
        Hunt(hostile.damaged(), hostile.told_of_picture, _keep_picture if args.keep else _leave),
        Hunt(hostile.built, hostile.told_of_picture, _keep_picture if args.keep else _leave),
        Hunt(hostile.requests, hostile.told_of_request, _keep_request if args.keep else _leave),
    ]
    hunts[0].known = {hostile.told_of_picture(path.read_bytes()) for path in hostile.kept_pictures()}
    hunts[1].known = hunts[0].known
    hunts[2].known = {hostile.told_of_request(_request(path)) for path in hostile.kept_requests()}
    stopped = threading.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: stopped.set())
    rounds = -(-args.inputs // (len(hunts) * ROUND))
    with tqdm(total=args.inputs, unit="input", mininterval=5) as bar:
        for number, hunt in ((number, hunt) for number in range(rounds) for hunt in hunts):
            if stopped.is_set():
                break
            hunt.round(args.seed + number, min(ROUND, args.inputs))
            bar.set_postfix(harm=sum(len(each.harm) for each in hunts), refresh=False)
            bar.update(ROUND)
    print(f"seeds from {args.seed} on")
    return max([hunt.report() for hunt in hunts])


def _arguments() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--inputs", type=int, default=250_000, help="how many, a third of each kind (default 250,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first round (default 0)")
    parser.add_argument("--keep", action="store_true", help="add inputs with new answers to tests/corpus")
    return parser


class Hunt:
    """One kind of input, what it was answered with, and what it cost."""

    def __init__(self, inputs: Any, told: Callable[[Any], str], keep: Callable[[Any], None]) -> None:
        """Feed what the strategy `inputs` makes to `told`; `keep` gets the first input of each answer."""
        self.inputs, self.told, self.keep = inputs, told, keep
        self.answers: Counter[str] = Counter()
        self.known, self.harm, self.longest, self.most = set[str](), list[str](), 0.0, 0.0

    def round(self, number: int, count: int) -> None:
        """Feed `count` inputs."""

        @seed(number)
        @settings(QUIET, max_examples=count)
        @given(self.inputs)
        def feed(given_: Any) -> None:
            self._feed(given_)

        feed()

    def _feed(self, given_: Any) -> None:
        held, begun = _held_mb(), time.process_time()
        try:
            told = self.told(given_)
        except Exception as error:  # whatever it is, it is what is hunted for
            self.harm.append(f"{error!r} from {given_!r}")
            return
        took, grown = time.process_time() - begun, _peak_mb() - held
        self.longest, self.most = max(self.longest, took), max(self.most, grown)
        if took > SECONDS or grown > MEGABYTES:
            self.harm.append(f"{took:.1f} s and {grown:.0f} MB for {given_!r}")
        self.answers[told] += 1
        if told not in self.known:
            self.known.add(told)
            self.keep(given_)

    def report(self) -> int:
        """Print what came of it; 1 if there was harm."""
        print(f"{self.told.__name__}: {self.answers.total():,} inputs, longest {self.longest:.3f} s, ", end="")
        print(f"most memory {self.most:.0f} MB, {len(self.harm)} did harm")
        for told, number in self.answers.most_common():
            print(f"  {number:7,}  {told}")
        for one in self.harm[:20]:
            print(f"  HARM: {one[:2000]}")
        return 1 if self.harm else 0


def _held_mb() -> float:
    """The memory that this process holds, from which on its peak is noted anew; only Linux can do that."""
    if sys.platform != "linux":
        return _peak_mb()
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    """The most memory that this process has held: in Linux since it was last asked by `_held_mb`."""
    if sys.platform == "linux":
        return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _request(path: Path) -> hostile.Request:
    return hostile.Request(**json.loads(path.read_text()))


def _leave(_: Any) -> None:
    pass


def _keep_picture(data: bytes) -> None:
    _write("picture-", data, "")


def _keep_request(request: hostile.Request) -> None:
    _write("request-", json.dumps(request._asdict(), indent=1).encode() + b"\n", ".json")


def _write(start: str, data: bytes, end: str) -> None:
    hostile.CORPUS.mkdir(exist_ok=True)
    (hostile.CORPUS / f"{start}{hashlib.sha256(data).hexdigest()[:12]}{end}").write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
