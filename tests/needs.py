"""What becomes of a test whose needs are not met."""

import os
import shutil

import pytest


def lacking(what: str) -> None:
    """Skip the test, saying what it lacks; in CI, where everything has to be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def program(name: str, package: str = "") -> str:
    """The path of a program of Debian's package, which mostly has the same name; without it the test can't run."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        lacking(f"{name} is not installed: apt-get install {package or name}")
    return str(found)
