"""Where what was downloaded is kept, for the next time."""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """The folder of that name in the user's cache of MNIST Draw; it may not exist yet."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("mnist-draw", appauthor=False)) / name
