"""What becomes of a test whose needs are not met."""

import importlib.metadata
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


def installed(package: str) -> bool:
    """Whether a package of PyPI is installed. Ray is so only where somebody wants it, in CI after `make test-ray`."""
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


RAY = [pytest.param("ray_serve", marks=pytest.mark.ray)] if installed("ray") else []  # one more of the servers
