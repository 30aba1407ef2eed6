import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")

from learning.cnn import muon, training


def orthogonal(matrix):
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(muon.orthogonal(tf, tf.constant(matrix, tf.float32)))


@pytest.mark.parametrize("shape", [(9, 32), (288, 64), (20, 20)])
def test_a_step_moves_all_directions_about_as_far(shape):
    rng = np.random.default_rng(1)
    left, right = (np.linalg.qr(rng.normal(size=(size, min(shape))))[0] for size in shape)
    made = orthogonal(left * np.geomspace(1, 0.03, min(shape)) @ right.T * 7)
    singular = np.diag(left.T @ made @ right)
    assert (singular.min() > 0.6, singular.max() < 1.3) == (True, True)
    np.testing.assert_allclose(made, left * singular @ right.T, atol=1e-4)  # the directions are as they were


def test_a_step_of_no_gradient_is_none():
    assert not orthogonal(np.zeros((30, 8))).any()


def kernels(values):
    return {name: np.linalg.norm(value) for name, value in values.items() if value.ndim == 4}


def learnt(run):
    rng = np.random.default_rng(2)
    before = run.get()
    losses = [run.learn(rng.integers(0, 256, (32, 28, 28), np.uint8), np.arange(32) % 11, 0.01) for _ in range(3)]
    return before, run.get(), losses


def test_kernels_that_are_normalised_keep_their_length_and_turn():
    before, after, losses = learnt(training.Training(seed=1))
    for name, length in kernels(after).items():
        assert length == pytest.approx(after[name].shape[-1] ** 0.5, rel=1e-5)
        assert np.abs(after[name] - before[name]).max() > 1e-3, name
    assert len(kernels(after)) == 10
    assert np.isfinite(losses).all()
    assert all((after[name] != before[name]).any() for name in after if "norm/" in name or "out/" in name)


def test_kernels_that_are_folded_get_the_length_that_they_need():
    before, after, _ = learnt(training.Training(seed=1, folded=True))
    lengths, new = kernels(before), kernels(after)
    assert all(abs(new[name] - lengths[name]) > 1e-4 for name in lengths)


def test_what_the_optimiser_remembers_is_saved_and_is_no_weight(tmp_path):
    run = training.Training(seed=1)
    learnt(run)
    assert not [name for name in run.get() if muon.MEMORY in name]
    run.save(tmp_path / "cnn")
    fresh = training.Training(seed=5)
    fresh.load(tmp_path / "cnn")
    ways = [learnt(each)[1] for each in (run, fresh)]
    for name, value in ways[0].items():
        np.testing.assert_allclose(ways[1][name], value, atol=1e-4, err_msg=name)
