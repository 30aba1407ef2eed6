"""Work that is spread over all cores of the machine, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing import get_context
from typing import TypeVar

from tqdm import tqdm

CHUNK = 64  # jobs that a process gets at a time, at most

Job = TypeVar("Job")
Result = TypeVar("Result")


def on_all_cores(work: Callable[[Job], Result], jobs: Sequence[Job], unit: str) -> list[Result]:
    """What `work`, a function of a module, makes of each job, in their order; `unit` is what the bar counts."""
    # "spawn": a forked worker would have threads' locks and signal handlers of this process, and might never end.
    with get_context("spawn").Pool() as pool:
        chunk = max(1, min(CHUNK, len(jobs) // 32))
        return list(tqdm(pool.imap(work, jobs, chunk), total=len(jobs), unit=f" {unit}", leave=False, disable=None))
