"""What ways of reading a picture cost in processor time, compared in one run; `whole_numbers.py` prints it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

REPEATS = 10  # of each time that is taken: what else a machine does only ever adds to it


def compared(ways: Mapping[str, Callable[[int], object]], pictures: int) -> str:
    """The median over so many pictures of what each way takes, and how many times the first one's that is."""
    taken = [_taken(list(ways.values()), at) for at in range(pictures)]
    middle = [statistics.median(each) for each in zip(*taken, strict=True)]
    return "\n".join(
        f"{name}: {1000 * each:.2f} ms of processor time, {each / middle[0]:.2f} times the first"
        for name, each in zip(ways, middle, strict=True)
    )


def _taken(ways: Sequence[Callable[[int], object]], at: int) -> list[float]:
    """The least processor time in seconds that each way takes for the picture of that number, the ways in turn."""
    return [min(each) for each in zip(*([_once(way, at) for way in ways] for _ in range(REPEATS)), strict=True)]


def _once(way: Callable[[int], object], at: int) -> float:
    start = time.process_time()
    way(at)
    return time.process_time() - start
