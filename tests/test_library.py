"""`reading` is used from Python as a library: `from reading import read`."""

import subprocess
import sys

import numpy as np
import pytest

import pictures
import reading
import servers
from reading.errors import NoInk, UnknownModel


def test_a_picture_file_is_read_to_a_digit() -> None:
    found = reading.read(pictures.png(7))
    assert (found.digit, found.unsure, found.model) == (7, False, "cnn")
    assert found.confidence == max(found.scores) == found.scores[7] > 0.9
    assert sum(found.scores) == pytest.approx(1, abs=1e-5)
    assert (found.picture.shape, found.picture.dtype, found.picture.max()) == ((28, 28), np.float32, 1)
    assert "put its centre of mass in the middle" in found.steps


def test_another_model_is_asked_by_its_name() -> None:
    assert reading.read(pictures.png(7), "svm").model == "svm"
    with pytest.raises(UnknownModel, match="Choose one of: cnn"):
        reading.read(pictures.png(7), "horse")


def test_a_picture_without_ink_is_no_digit() -> None:
    with pytest.raises(NoInk):
        reading.read(pictures.claimed_png(28, 28))


def test_what_the_library_has_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'reading' has no attribute 'write'"):
        _ = reading.write


def test_its_errors_are_named_without_numpy() -> None:
    code = "import sys; from reading.errors import NoInk; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=servers.ROOT / "cgi-bin", capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
