"""The models in the repository are what their cards say, and answer as they did when they were committed.

After training, `python tests/test_shipped.py` stores the new scores in shipped_scores.json.
"""

import hashlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "cgi-bin"), str(HERE.parent)]  # as pytest does, for who runs this file itself

import numpy as np  # noqa: E402

import pictures  # noqa: E402
from benchmarks import drawn, nondigits  # noqa: E402
from learning.augment import hands  # noqa: E402
from learning.classical import estimators as classical  # noqa: E402
from learning.cnn.settings import LONG, Settings  # noqa: E402
from learning.data import dataset  # noqa: E402
from learning.data.mnist import SHA256  # noqa: E402
from reading import cards, classifier, trajectory  # noqa: E402
from reading.digits import ALSO_READ, read  # noqa: E402
from reading.preprocessing import preprocess  # noqa: E402

SCORES = HERE / "shipped_scores.json"
NAMES = ["cnn", "extra", "forest", "sgd", "svm", "voting"]
IN_EVERY_CARD = """name title architecture parameters dataset seed held_back on_held_back temperature unsure trained
    versions fit_seconds accuracy test_images test_errors calibration_error file bytes sha256"""


def scores_now(name):
    """Scores of the digits in pictures.py, rounded as they are stored."""
    read = np.stack([preprocess(pictures.png(digit)).picture for digit in pictures.STROKES])
    return np.round(classifier.load(name).score(read).data.astype(float), 4).tolist()


def card_of(name):
    """What is known of a shipped model."""
    return json.loads(Path(cards.MODELS, f"{name}.json").read_text())


def test_the_page_offers_these_models():
    assert [card["name"] for card in cards.available()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_file_is_the_one_its_card_describes(name):
    card = card_of(name)
    data = Path(cards.MODELS, card["file"]).read_bytes()
    assert (card["bytes"], card["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert card["test_images"] == 10_000
    assert card["dataset"]["sha256"] == dict(SHA256)
    assert len(data) <= 12_000_000


def test_the_network_was_trained_as_the_docs_say_by_long():
    assert asdict(replace(Settings(), **LONG)).items() <= card_of("cnn").items()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cnn"])
def test_a_scikit_learn_model_was_trained_with_the_settings_that_train_py_takes_by_itself(name):
    card = card_of(name)
    assert card["settings"] == classical.SETTINGS[name]
    assert card["search"]["best"].items() <= card["settings"].items()


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_what_every_card_says(name):
    card = card_of(name)
    assert set(IN_EVERY_CARD.split()) - set(card) == set()
    assert {"source", "train_images", "sha256"} < set(card["dataset"])
    assert 0.9 < card["on_held_back"]["accuracy"] < 1


@pytest.mark.parametrize("name", NAMES)
def test_no_model_has_learnt_from_a_test_image(name):
    assert card_of(name)["dataset"]["test_images_also_in_training"] == 0


def test_the_checkpoint_is_the_one_that_the_network_was_exported_from():
    files = {path.name: path.read_bytes() for path in Path(cards.MODELS).glob("cnn.tfl.*")}
    assert len(files) == 3
    assert card_of("cnn")["checkpoint_sha256"] == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }


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
    accuracy = card_of(name)["accuracy"]
    assert (answers == mnist.y_test).mean() == pytest.approx(accuracy, abs=1.5e-4)  # an image on the brink


def test_the_network_reads_at_least_993_of_1000_test_images():
    assert card_of("cnn")["accuracy"] >= 0.993


# --- the trajectory network, beside the CNN ---


def test_the_trajectory_network_was_trained_as_the_docs_say_on_all_pen_digits():
    head = json.loads(Path(cards.MODELS, cards.TRAJECTORY).read_bytes().partition(b"\n")[0])
    assert (head["digits"], head["writers"], head["seed"]) == (14_974, 107, 1)
    assert head["held_back"]["accuracy"] >= 0.97
    assert classifier.load("cnn").trajectory is not None


def test_invented_hands_are_read_from_their_trajectories_alone():
    strokes, labels = hands.write(1000, np.random.default_rng(2026))
    scores = trajectory.load().score(np.stack([trajectory.steps(one) for one in strokes]))
    assert (scores[:, :10].argmax(1) == labels).mean() >= 0.98


def test_a_one_that_is_drawn_upwards_is_a_one_all_the_same():
    upwards = [[(140, 240), (140, 40)]]
    answer = read(pictures.with_strokes(pictures.encoded(pictures.drawn(upwards)), upwards))
    assert (answer.digit, ALSO_READ in answer.steps) == (1, True)


# --- doubt: what the eleventh output and the thresholds in the card are there for ---


def test_the_network_doubts_most_drawings_that_are_no_digit():
    every = nondigits.drawings()
    judged = drawn.judge(classifier.load("cnn"), nondigits.read(every), np.full(len(every), -1))
    assert judged.unsure.mean() >= 0.85


def test_the_network_doubts_few_digits(mnist_folder):
    mnist = dataset.load(mnist_folder)
    some = slice(0, None, 20)  # 500, of all writers
    judged = drawn.judge(classifier.load("cnn"), drawn.scans(mnist.X_test[some]), mnist.y_test[some])
    assert judged.unsure.mean() <= 0.06
    assert judged.right[~judged.unsure].mean() >= 0.99


if __name__ == "__main__":
    SCORES.write_text(json.dumps({name: scores_now(name) for name in NAMES}, indent=1) + "\n")
