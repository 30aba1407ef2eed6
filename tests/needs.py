"""What becomes of a test whose needs are not met."""

import os

import pytest


def lacking(what: str) -> None:
    """Skip the test, saying what it lacks; in CI, where everything has to be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
