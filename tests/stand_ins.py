"""What tests put into the place of the system: a clock that stands still, and functions that note their calls."""

from collections.abc import Callable
from typing import Any


class Clock:
    """Stands in for the module `time`; each sleep takes `step` seconds, or as long as was asked for without one."""

    def __init__(self, now: float, step: float | None = None) -> None:
        """Set the clock."""
        self.now, self.step, self.slept = now, step, list[float]()

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def time(self) -> float:
        """Return the time."""
        return self.now

    def thread_time(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Note what is asked for, and let time go on."""
        self.slept.append(seconds)
        self.now += seconds if self.step is None else self.step


class Ended(Exception):
    """A process has ended, with this status."""


def end(status: int) -> None:
    """Stand in for `os._exit`."""
    raise Ended(status)


def noted(events: list[Any], name: str, answer: Any = None) -> Callable[..., Any]:
    """Return a function that notes what it was called with, and gives this answer, or raises it."""

    def note(*given: Any) -> Any:
        events.append((name, *given))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return note


class Connection:
    """A connection to a reader that says this, message by message: an exception is raised."""

    def __init__(self, *says: Any) -> None:
        self.says, self.events = list(says), list[Any]()

    def settimeout(self, seconds: float) -> None:
        self.events.append(("timeout", seconds))

    def setblocking(self, blocks: bool) -> None:
        self.events.append(("blocks", blocks))

    def connect(self, path: str) -> None:
        self.events.append(("connect", path))
        self._next()

    def recv(self, size: int) -> Any:
        self.events.append(("recv", size))
        return self._next()

    def _next(self) -> Any:
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said
