"""Work that is spread over all cores of the machine, job by job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from learning.augment.parallel import in_parts

PART = 64  # jobs that a process is given at a time

Job = TypeVar("Job")
Result = TypeVar("Result")


def on_all_cores(work: Callable[[Job], Result], jobs: Sequence[Job], title: str) -> list[Result]:
    """What `work`, a function of a module, makes of each job, in their order."""
    parts = in_parts(partial(_each, work), jobs, title, PART)
    return [one for part in parts for one in part]


def _each(work: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
    return [work(job) for job in jobs]
