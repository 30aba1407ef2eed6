"""Work on many pictures or digits, on every processor core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from learning.signals import ignore_interrupt

if TYPE_CHECKING:
    from reading.arrays import Array

Result = TypeVar("Result")

SIZE = 1000  # items that a process is given at a time


def in_parts(work: Callable[[Any], Result], items: Sequence[Any] | Array, title: str, size: int = SIZE) -> list[Result]:
    """What `work`, a function of a module, returns for each `size` of the items, in their order.

    A few items are worked on here, as starting processes would take longer. `title` is that of the progress bar.
    """
    parts = [items[at : at + size] for at in range(0, max(len(items), 1), size)]
    if len(parts) == 1:
        return [work(items)]
    with get_context("spawn").Pool(initializer=ignore_interrupt) as pool:
        return list(tqdm(pool.imap(work, parts), title, len(parts), leave=False, disable=None))
