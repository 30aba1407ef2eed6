"""Whether the files that a resident reader was made from are still the same: code, models, and Python's packages."""

import os
import sys

from serving.runtime_folder import CODE

State = dict[str, tuple[int, int, int] | None]


def sources() -> list[str]:
    """Return the paths of the code, its weights, and what changes when packages or Python itself are replaced."""
    code = [
        f"{folder}/{name}" for folder, _, names in os.walk(CODE) for name in names if name.endswith((".py", ".npz"))
    ]
    packages = [path for path in sys.path if path.endswith("-packages")]
    return [*code, *packages, sys.executable]


def state(files: list[str], folder: str) -> State:
    """Return what changes when one of the files, or one in the folder, is replaced, added or taken away."""
    try:
        names = os.listdir(folder)
    except OSError:
        names = []
    return {path: _stamp(path) for path in [*files, *(f"{folder}/{name}" for name in names)]}


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Return a file's time, size and number; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
