"""The CNN before and beside its training: its views, batch normalisation, temperature and doubt, by numbers alone."""

from functools import partial

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")

import model
import pictures
from learning.cnn import calibration, card
from reading.deskew import deskew
from reading.preprocessing import preprocess


def viewed(view, pictures):
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.placeholder(tf.float32, (None, 28, 28, 1))
        return session.run(view(given), {given: np.float32(pictures)[..., None]})[..., 0]


def mapped(picture, rows, shift=(0, 0)):
    """A picture mapped about its middle, rows and columns by the matrix `rows`, then shifted by pixels."""
    from scipy.ndimage import affine_transform

    matrix, middle = np.array(rows), np.array([13.5, 13.5])
    return affine_transform(picture, matrix, middle - matrix @ (middle + shift), order=1)


def test_a_digit_set_upright_is_the_same_wherever_and_however_slanted_it_was():
    picture = preprocess(pictures.png(2)).picture
    others = [
        mapped(picture, [(1, 0), (slant, 1)], shift)
        for slant, shift in [(0, (2, -3)), (0.4, (0, 0)), (-0.4, (0, 0)), (0.3, (-1, 2))]
    ]
    form, *theirs = viewed(model.upright, [picture, *others])
    for other, other_form in zip(others, theirs, strict=True):
        assert np.abs(other_form - form).mean() < 0.025 < 0.05 < np.abs(other - picture).mean()
        assert np.abs(deskew(other_form[None]) - other_form).mean() < 0.005  # no slant is left to take out


def test_what_has_no_shape_is_set_upright_too():
    blank, dot, full = np.zeros((28, 28)), np.zeros((28, 28)), np.ones((28, 28))
    dot[5, 20] = 1
    forms = viewed(model.upright, [blank, dot, full])
    assert np.isfinite(forms).all()
    assert forms[0].max() == 0
    assert 1 <= np.count_nonzero(forms[1] > 0.2) <= 56
    assert forms.max() <= 1 + 1e-5


def test_normalisation_in_one_operation_does_as_tflearn_s_own():
    import tensorflow.compat.v1 as tf

    tflearn, rng = model.import_tflearn(), np.random.default_rng(0)
    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.placeholder(tf.float32, (None, 5, 5, 3))
        normalize = partial(tflearn.batch_normalization, epsilon=model.EPSILON, stddev=0.0)
        both = [model._normalize(tflearn, given, "ours"), normalize(given, scope="theirs")]
        session.run(tf.global_variables_initializer())
        for learning in (True, True, False):
            tflearn.is_training(learning, session=session)
            ours, theirs = session.run(both, {given: rng.normal(3, 2, (100, 5, 5, 3))})
            assert np.abs(ours - theirs).max() < 2e-3  # theirs doesn't correct the variance for the size of a batch
        kept = {v.op.name: v.eval() for v in tf.global_variables()}
    for name in ("beta", "gamma", "moving_mean", "moving_variance"):
        assert np.allclose(kept[f"ours/{name}"], kept[f"theirs/{name}"], rtol=1e-3), name


def test_the_temperature_softens_an_overconfident_network():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 4000)
    honest = rng.normal(0, 1, (4000, 10)) + 3 * np.eye(10)[labels]  # normal scores: these logits are calibrated at 1/3
    assert calibration.best_temperature(honest * 5, labels) == pytest.approx(
        5 * calibration.best_temperature(honest, labels), rel=0.02
    )


def test_doubt_marks_the_asked_share_of_digits():
    rng = np.random.default_rng(0)
    digits = rng.dirichlet(np.full(11, 0.05), 10_000).astype(np.float32) + 1e-9
    rule = calibration.doubt(digits, 0.04)
    ten = digits[:, :10] / digits[:, :10].sum(1, keepdims=True)
    assert (ten.max(1) < rule["confidence"]).mean() == pytest.approx(0.036, abs=0.002)
    assert (digits[:, 10] > rule["foreign"]).mean() == pytest.approx(0.004, abs=0.002)


def test_calibration_error_is_the_gap_between_certainty_and_truth():
    class Sure:
        def score(self, pictures):
            return np.tile(np.float32([0.9, 0.1] + [0] * 9), (len(pictures), 1))

    facts = card.evaluate(Sure(), np.zeros((10, 28, 28), np.uint8), np.array([0] * 5 + [1] * 5))
    assert facts == {"accuracy": 0.5, "test_images": 10, "test_errors": 5, "calibration_error": 0.4}
