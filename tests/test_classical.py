"""The steps of the scikit-learn models: upright digits, gradients, calibration, and the same again in ONNX."""

import numpy as np
import onnx
import onnxruntime
import pytest

import small_mnist
from learning.classical import calibrated, estimators, features, onnx_export
from reading import gradients
from reading.deskew import deskew

PICTURES, LABELS = small_mnist.pictures(300)
X, Y = PICTURES.reshape(-1, 784) / np.float32(255), LABELS.astype(int)
FEW = {"n_estimators": 20}


def stroke(slant: float) -> np.ndarray:
    """A straight stroke float32 (28, 28) that moves `slant` pixels right with each row down."""
    picture = np.zeros((28, 28), np.float32)
    rows = np.arange(6, 22)
    columns = 13.5 + slant * (rows - 13.5)
    left = np.floor(columns).astype(int)
    picture[rows, left] = 1 - (columns - left)
    picture[rows, left + 1] = columns - left
    return picture


@pytest.mark.parametrize("slant", [-0.7, -0.3, 0.0, 0.4, 0.8])
def test_a_slanting_stroke_is_set_upright(slant: float) -> None:
    upright = deskew(stroke(slant)[None])[0]
    assert np.ptp(upright[6:22] @ np.arange(28)) < 0.001  # the column of the stroke, in its sixteen rows
    np.testing.assert_allclose(upright.sum(1), stroke(slant).sum(1), atol=1e-5)


@pytest.mark.parametrize(("slant", "left_over"), [(1.0, 0.0), (1.25, 0.25), (-1.5, -0.5)])
def test_no_row_is_moved_by_more_than_a_pixel_against_the_next(slant: float, left_over: float) -> None:
    upright = deskew(stroke(slant)[None])[0]
    np.testing.assert_allclose(np.diff(upright[6:22] @ np.arange(28)), left_over, atol=1e-4)


def test_a_stroke_two_rows_high_is_too_level_to_have_a_slant() -> None:
    picture = np.zeros((1, 28, 28), np.float32)
    picture[0, 13, 5:14] = picture[0, 14, 14:23] = 1
    np.testing.assert_array_equal(deskew(picture), picture)


def test_an_upright_digit_stays_as_it_is() -> None:
    picture = np.zeros((1, 28, 28), np.float32)
    picture[0, 5:23, 12:16] = 0.8
    np.testing.assert_allclose(deskew(picture), picture, atol=1e-5)


def test_shifts_survive_deskewing() -> None:
    moved = np.roll(PICTURES[:20], (1, 1), axis=(1, 2))
    np.testing.assert_allclose(deskew(moved), np.roll(deskew(PICTURES[:20]), (1, 1), axis=(1, 2)), atol=0.1)


@pytest.mark.parametrize(
    "odd",
    [
        np.zeros((28, 28)),
        np.ones((28, 28)),
        np.eye(28),
        np.pad(np.ones((1, 28)), ((10, 17), (0, 0))),  # a level line
        np.pad(np.ones((1, 1)), ((27, 0), (27, 0))),  # a dot in a corner
        np.full((28, 28), 1e-30),
    ],
)
def test_odd_pictures_are_deskewed_without_harm(odd: np.ndarray) -> None:
    upright = deskew(odd[None].astype(np.float32))
    assert (upright.shape, upright.dtype) == ((1, 28, 28), np.float32)
    assert 0 <= upright.min() <= upright.max() <= 1


def test_no_picture_at_all_is_deskewed_to_none() -> None:
    assert deskew(np.zeros((0, 28, 28))).shape == (0, 28, 28)


def test_a_picture_is_deskewed_alone_as_among_others() -> None:
    alone = np.concatenate([deskew(picture[None]) for picture in PICTURES[:30]])
    np.testing.assert_allclose(deskew(PICTURES[:30]), alone, atol=1e-3)


def test_gradients_answer_where_ink_begins_in_their_direction() -> None:
    edge = np.zeros((1, 28, 28), np.float32)
    edge[:, :, 14:] = 1  # ink on the right
    by_direction = dict(zip(gradients.DIRECTIONS, gradients.of(edge)[0], strict=True))
    assert [way for way, maps in by_direction.items() if maps[3, 3] > 0] == ["right", "below right", "above right"]
    # Two of seven columns see the edge, in each row.
    assert by_direction["right"][3, 3] == pytest.approx(2 / 7)
    features_of_it = features.Gradients().transform(edge.reshape(1, -1))
    np.testing.assert_array_equal(features_of_it, gradients.of(edge).reshape(1, -1))


def test_temperature_is_found_again_that_was_put_in() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 10))
    labels = np.array([rng.choice(10, p=calibrated.softmax(row)) for row in logits])
    assert calibrated._scale(logits / 3, labels) == pytest.approx([3], rel=0.05)


def test_a_vote_weighs_the_model_that_knows_more() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 1000)
    knows, guesses = np.full((2, 1000, 10), 0.1)
    knows[np.arange(1000), labels] += 3
    knows /= knows.sum(1, keepdims=True)
    assert calibrated._weights(np.stack([guesses, knows]), labels)[1] > 0.95


def fitted(name: str) -> estimators.Pipeline:
    settings = estimators.SETTINGS[name] | (FEW if name in ("forest", "extra", "voting") else {})
    return estimators.pipeline(name, settings, seed=0).fit(X, Y)


def parts_of(model: estimators.Pipeline, flat: np.ndarray) -> list[np.ndarray]:
    """What a vote's parts say, or the trees of a forest."""
    features_of_them, last = model[:-1].transform(flat), model[-1]
    if hasattr(last, "parts_"):
        return [part.predict_proba(features_of_them) for part in last.parts_]
    return [last.estimator_.predict_proba(features_of_them)] if hasattr(last.estimator_, "estimators_") else []


@pytest.mark.parametrize("name", list(estimators.SETTINGS))
def test_onnx_scores_as_scikit_learn_does_and_both_read_the_digits(name: str) -> None:
    model = fitted(name)
    pictures, labels = small_mnist.pictures(100, seed=5)
    flat = pictures.reshape(-1, 784) / np.float32(255)
    session = onnxruntime.InferenceSession(onnx_export.export(model), providers=["CPUExecutionProvider"])
    *parts, scores = session.run(None, {"picture": deskew(flat.reshape(-1, 28, 28)).reshape(-1, 784)})
    expected = model.predict_proba(flat)
    for told, part in zip(parts, parts_of(model, flat), strict=True):
        np.testing.assert_allclose(told, part, atol=1e-5)
    assert (scores.shape, scores.dtype) == ((100, 10), np.float32)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-9)
    assert (scores.argmax(1) == labels).mean() > 0.9
    np.testing.assert_array_equal(model.predict(flat), expected.argmax(1))


def test_the_same_seed_gives_the_same_model() -> None:
    assert onnx_export.export(fitted("forest")) == onnx_export.export(fitted("forest"))


@pytest.mark.parametrize("name", ["forest", "extra"])
def test_a_file_holds_no_vote_without_weight(name: str) -> None:
    nodes = onnx.load_model_from_string(onnx_export.export(fitted(name))).graph.node
    (trees,) = [node for node in nodes if node.op_type == "TreeEnsembleClassifier"]
    votes = {each.name: each.ints or each.floats for each in trees.attribute if each.name.startswith("class_")}
    assert len({len(values) for values in votes.values()}) == 1
    assert 0 not in votes["class_weights"]


def test_three_percent_of_held_back_digits_are_unsure() -> None:
    model = fitted("svm")[-1]
    assert (model.held_back_.max(1) < model.threshold_).mean() == pytest.approx(calibrated.UNSURE, abs=1 / 30)


def test_variants_of_held_back_pictures_are_not_seen_before_calibration() -> None:
    seen: list[int] = []

    class Recorder(estimators.SGDClassifier):
        def fit(self, X: np.ndarray, y: np.ndarray) -> "Recorder":
            seen.append(len(X))
            return super().fit(X, y)

    twice, labels = np.concatenate([X, X]), np.concatenate([Y, Y])
    calibrated.Calibrated(Recorder(random_state=0)).fit(twice, labels, originals=300)
    assert seen == [270, 600]
