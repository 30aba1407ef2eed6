"""The scikit-learn models at work: what they see, what their parts say, and where the ink spoke for a digit."""

import base64

import numpy as np
import pytest

import pictures
import servers
from reading import classical, classifier, gradients, inspection, telling
from reading.deskew import deskew
from reading.preprocessing import preprocess

NAMES = ["extra", "forest", "sgd", "svm", "voting"]
LIMIT = 60_000  # bytes of JSON


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A slanting seven."""
    rows = np.arange(28)[:, None]
    seven = preprocess(pictures.png(7)).picture
    return np.take_along_axis(seven, (np.arange(28) + (rows - 14) // 4) % 28, 1)


def decoded(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_shown_upright_with_its_gradients_and_the_ten_scores(name, picture):
    model = classifier.load(name)
    told = inspection.network(model, picture, 7)
    upright = deskew(picture[None])
    np.testing.assert_array_equal(decoded(told["seen"]), np.rint(upright * 255).astype(np.uint8).ravel())
    assert not np.array_equal(upright[0], picture)
    (column,) = told["columns"]
    maps = decoded(column["maps"]).reshape(8, 8, 8) * (column["top"] / 255)
    np.testing.assert_allclose(maps, gradients.of(upright)[0], atol=column["top"] / 500)
    np.testing.assert_allclose(told["shares"], model.score(picture[None]).data[0], atol=1e-5)
    best = telling.best(np.array(told["shares"]))
    assert told["says"].startswith(f"This model sees the picture upright, as ink gradients. It says {best}.")


def test_the_field_of_a_gradient_is_where_pixels_change_it(picture):
    before = gradients.of(picture[None])[0]
    chance = np.random.default_rng(1).random((28, 28), np.float32)
    for row, column in ((0, 0), (3, 4), (7, 7)):
        top, left = (classical.FIELD["start"] + classical.FIELD["step"] * place for place in (row, column))
        outside = np.ones((28, 28), bool)
        outside[max(top, 0) : top + classical.FIELD["size"], max(left, 0) : left + classical.FIELD["size"]] = False
        others = np.where(outside, chance, picture)
        np.testing.assert_array_equal(gradients.of(others[None])[0][:, row, column], before[:, row, column])
        others = np.where(outside, picture, chance)
        assert (gradients.of(others[None])[0][:, row, column] != before[:, row, column]).all()


@pytest.mark.parametrize("name", NAMES)
def test_evidence_is_how_far_the_score_falls_without_a_square_of_the_upright_picture(name, picture):
    model = classifier.load(name)
    evidence = np.array(inspection.network(model, picture, 7)["evidence"])
    upright = deskew(picture[None])[0]
    assert evidence.shape == (7, 7)
    row, column = np.unravel_index(np.abs(evidence).argmax(), evidence.shape)
    blanked = upright.copy()
    blanked[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 0
    scores = list(model.run.told(np.stack([upright, blanked])).values())[-1][:, 7]
    assert evidence[row, column] == pytest.approx(scores[0] - scores[1], abs=1e-4)
    inked = upright.reshape(7, 4, 7, 4).any((1, 3))
    assert (evidence[~inked] == 0).all()


def test_a_forest_tells_its_votes_and_a_vote_what_each_part_says(picture):
    votes = {name: inspection.network(classifier.load(name), picture, 7) for name in NAMES}
    assert {name: [part["name"] for part in told["parts"]] for name, told in votes.items()} == {
        "extra": ["votes"],
        "forest": ["votes"],
        "sgd": [],
        "svm": [],
        "voting": ["svm", "forest", "extra", "sgd"],
    }
    for told in votes.values():
        for part in told["parts"]:
            assert sum(part["data"]) == pytest.approx(1, abs=1e-4)
            assert part["says"] == telling.best(np.array(part["data"]))
    assert "Before that, the votes of its trees: seven, " in votes["forest"]["says"]
    assert "Before that, svm: seven, " in votes["voting"]["says"]
    assert "weighted mean of their probabilities: " in votes["voting"]["sum"]


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_the_plain_one_with_the_model_beside_it_within_the_limit(wsgi: servers.Wsgi, name):
    def ask(query: str) -> servers.Answer:
        return wsgi.ask(pictures.png(7), {"Content-Type": "image/png"}, f"model={name}{query}")

    answer = ask("&explain=network")
    told = answer.json
    network = told.pop("network")
    assert told == ask("").json
    assert (network["digit"], ask("&explain=network&digit=1").json["network"]["digit"]) == (7, 1)
    assert len(answer.body) < LIMIT
