"""The models in the repository are what their cards say, and answer as they did when they were committed.

After training, `python tests/test_shipped.py` stores the new scores in shipped_scores.json.
"""

import hashlib
import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cgi-bin"))  # as pytest does, for who runs this file itself

import classifier  # noqa: E402
import dataset  # noqa: E402
import ink  # noqa: E402
import numpy as np  # noqa: E402
import pictures  # noqa: E402

SCORES = HERE / "shipped_scores.json"
NAMES = ["cnn", "extra", "forest", "sgd", "svm", "voting"]


def scores_now(name):
    """Scores of the digits in pictures.py, rounded as they are stored."""
    read = np.stack([ink.read(pictures.png(digit)).picture for digit in pictures.STROKES])
    return np.round(classifier.load(name).score(read).data.astype(float), 4).tolist()


def test_the_page_offers_these_models():
    assert [card["name"] for card in classifier.cards()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_file_is_the_one_its_card_describes(name):
    card = json.loads(Path(classifier.MODELS, f"{name}.json").read_text())
    data = Path(classifier.MODELS, card["file"]).read_bytes()
    assert (card["bytes"], card["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert card["test_images"] == 10_000
    assert card["dataset"]["sha256"] == dict(dataset.SHA256)
    assert len(data) <= 12_000_000


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_scores_as_it_did_when_it_was_committed(name):
    stored = np.array(json.loads(SCORES.read_text())[name])
    assert np.abs(np.array(scores_now(name)) - stored).max() < 2e-4


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_reads_digits_drawn_with_a_few_straight_lines(name):
    assert np.argmax(scores_now(name), 1).tolist() == list(pictures.STROKES)


@pytest.mark.parametrize("name", NAMES)
def test_the_accuracy_in_the_card_is_measured_again_on_the_whole_test_set(name, mnist_folder):
    mnist = dataset.load(mnist_folder)
    answers = classifier.load(name).score(mnist.X_test.astype(np.float32) / 255).data.argmax(1)
    accuracy = json.loads(Path(classifier.MODELS, f"{name}.json").read_text())["accuracy"]
    assert (answers == mnist.y_test).mean() == pytest.approx(accuracy, abs=1.5e-4)  # an image on the brink


def test_the_network_reads_at_least_993_of_1000_test_images():
    assert json.loads(Path(classifier.MODELS, "cnn.json").read_text())["accuracy"] >= 0.993


if __name__ == "__main__":
    SCORES.write_text(json.dumps({name: scores_now(name) for name in NAMES}, indent=1) + "\n")
