"""Explanations: what spoke for a digit, from the module and through the server."""

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from reading import classifier, explain
from reading.errors import NotADigit
from serving.application import application


def favours_the_left(pictures: np.ndarray) -> np.ndarray:
    """Ten scores: 3 gains by ink on the left half, 8 by ink on the right."""
    scores = np.zeros((len(pictures), 10), np.float32)
    scores[:, 3] = 1 + pictures[:, :, :14].sum((1, 2))
    scores[:, 8] = 1 + pictures[:, :, 14:].sum((1, 2))
    return scores / scores.sum(1, keepdims=True)


@pytest.fixture
def model() -> classifier.Model:
    return classifier.Model({"name": "cnn", "unsure": {"confidence": 0.5}}, favours_the_left)


@pytest.fixture
def bars() -> np.ndarray:
    """A wide bar on the left, a narrow one on the right."""
    picture = np.zeros((28, 28), np.float32)
    picture[6:22, 5:9] = 1
    picture[6:22, 20:22] = 1
    return picture


# --- evidence ---


def test_ink_speaks_for_the_digit_that_it_makes_likelier(model, bars):
    three = explain.evidence(model, bars, 3)
    assert three.shape == (28, 28)
    assert three.dtype == np.float32
    assert (three[6:22, 5:9] > 0).all()
    assert (three[6:22, 20:22] < 0).all()


def test_the_evidence_for_the_only_other_digit_is_the_opposite(model, bars):
    np.testing.assert_allclose(explain.evidence(model, bars, 8), -explain.evidence(model, bars, 3), atol=1e-6)


def test_a_digit_that_nothing_changes_has_no_evidence(model, bars):
    assert not explain.evidence(model, bars, 0).any()


def test_paper_far_from_ink_says_nothing(model, bars):
    assert not explain.evidence(model, bars, 3)[:, 12:16].any()
    assert not explain.evidence(model, bars, 3)[:2].any()


def test_a_single_patch_changes_the_score_by_what_it_covers(model):
    dot = np.zeros((28, 28), np.float32)
    dot[2, 2] = 1  # 3 has a score of 2/3 with it, of 1/2 without
    evidence = explain.evidence(model, dot, 3)
    assert evidence[2, 2] == pytest.approx(2 / 3 - 1 / 2)
    assert evidence[6:].max() == 0


def test_all_patches_are_scored_in_one_batch(bars):
    sizes = []

    def run(pictures: np.ndarray) -> np.ndarray:
        sizes.append(len(pictures))
        return favours_the_left(pictures)

    explain.evidence(classifier.Model({"name": "cnn", "unsure": {"confidence": 0.5}}, run), np.ones_like(bars), 3)
    assert sizes == [1 + 13 * 13]


@pytest.mark.parametrize("digit", [-1, 10])
def test_only_digits_are_explained(model, bars, digit):
    with pytest.raises(NotADigit, match="Only digits from 0 to 9"):
        explain.evidence(model, bars, digit)


# --- through the server ---


def ask(query: str) -> tuple[str, dict]:
    """POST a drawn bar with a query, in-process."""
    image = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(image).line([(30, 20), (30, 80)], fill=0, width=9)
    file = io.BytesIO()
    image.save(file, "PNG")
    said = []
    environ = {
        "REQUEST_METHOD": "POST",
        "QUERY_STRING": query,
        "CONTENT_TYPE": "image/png",
        "CONTENT_LENGTH": str(file.tell()),
        "wsgi.input": io.BytesIO(file.getvalue()),
        "wsgi.errors": io.StringIO(),
    }
    reply = b"".join(application(environ, lambda status, headers: said.append(status)))
    return said[0], json.loads(reply)


@pytest.fixture
def served(model, monkeypatch) -> None:
    monkeypatch.setattr(classifier, "load", lambda name: model)


def test_the_script_explains_the_winner_or_the_digit_asked_for(served):
    plain = ask("")[1]
    status, reply = ask("explain=1")
    assert status == "200 OK"
    assert reply["explained"] == reply["digit"] == plain["digit"]
    assert np.shape(reply["evidence"]) == (28, 28)
    assert {key: reply[key] for key in plain} == plain
    eight, three = ask("explain=1&digit=8")[1], ask("explain=1&digit=3")[1]
    assert eight["explained"] == 8
    np.testing.assert_allclose(eight["evidence"], -np.array(three["evidence"]), atol=2e-6)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("explain=2", "?explain=1 says what spoke for the answer, ?explain=network shows the network at work."),
        ("explain=1&digit=10", "?digit= takes one digit, 0 to 9."),
        ("explain=1&digit=x", "?digit= takes one digit, 0 to 9."),
        ("explain=1&digit=-1", "?digit= takes one digit, 0 to 9."),
        ("explain=1&digit=%C2%B2", "?digit= takes one digit, 0 to 9."),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(served, query, error):
    assert ask(query) == ("400 Bad Request", {"result": 0, "data": [], "error": error})
