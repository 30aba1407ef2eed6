"""Calls of a function spread over the workers of a cluster: what `train.py --cluster` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from reading.errors import OutOfLimits
from scaling.cluster import connected

RETRIES = 3  # of a call whose worker died
Call = tuple[Any, ...]


Spread = Callable[[Callable[..., Any], Sequence[Any], Sequence[Call]], Iterator[Any]]


@contextmanager
def spread(address: str | None) -> Iterator[Spread | None]:
    """Have a cluster in the block that calls are spread over; None without an address. Raises NoCluster."""
    if not address:
        yield None
        return
    with connected(address, {}):
        yield on_cluster


def on_cluster(
    function: Callable[..., Any], shared: Sequence[Any], calls: Sequence[Call], cpus: int = 1
) -> Iterator[Any]:
    """Yield function(*shared, *call) for each call, in their order; each call takes that many cores.

    What they share is sent to each machine once. Raises what the function raises, and OutOfLimits if workers die.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    kept = [ray.put(each) for each in shared]
    task = ray.remote(num_cpus=cpus, max_retries=RETRIES)(function)
    asked = [task.remote(*kept, *call) for call in calls]
    try:
        for one in asked:
            yield ray.get(one)
    except RayTaskError as error:
        raise error.cause from None
    except RayError as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise OutOfLimits(f"The cluster could not do the work: {reason}.") from error
