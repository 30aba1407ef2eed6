"""What is imported only once it is needed, and what is said where it is missing."""

import sys

import pytest

from reading.errors import MissingPackage
from serving.packages import need
from serving.preload import preload


def test_a_module_that_is_there_is_given() -> None:
    assert need("reading.cards").DEFAULT == "cnn"


def test_a_package_that_is_missing_is_named_with_the_python_that_lacks_it() -> None:
    with pytest.raises(MissingPackage) as raised:
        need("no_such_package.part")
    assert str(raised.value) == (
        f"The Python that ran this script, {sys.executable} ({sys.version.split()[0]}), has no usable package "
        "'no_such_package'. Start the server with `make serve`, or activate the environment in which "
        "`pip install -r requirements.txt` was run before you start the server."
    )


def test_what_can_not_be_loaded_beforehand_is_named_in_the_log_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("serving.preload.ON_DEMAND", ("no_such_module",))
    monkeypatch.setattr("reading.cards.available", list)
    preload()
    assert "ModuleNotFoundError: No module named 'no_such_module'" in capfd.readouterr().err
