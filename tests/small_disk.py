"""A file system of its own with hardly any room, to see what becomes of files on a full disk."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from needs import lacking


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Make a folder with that room, `size=64k` for example; where that is not allowed, the test can't run."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not shutil.which("mount"):
        lacking("the command mount is missing (Debian: apt-get install mount)")
    if not sys.platform.startswith("linux") or subprocess.run(mount, capture_output=True).returncode:
        lacking("a file system can't be mounted here: it takes root's rights, and a container that has them")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
