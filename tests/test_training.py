"""A training run from end to end on a handful of pictures, interrupted, resumed, refused."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")

from PIL import Image, ImageDraw, ImageFont

import model
import pictures
import small_disk
import train
from learning import publishing
from learning.cnn import calibration, epochs, export, settings, training, weights
from learning.cnn import card as cards
from learning.cnn import run as one_run
from learning.data import dataset
from learning.data.mnist import Mnist, overlap
from learning.errors import BadDataset, TrainingFailed
from reading.deskew import deskew
from reading.errors import BadSetting
from reading.preprocessing import preprocess

ROOT = Path(__file__).resolve().parent.parent
TINY = settings.Settings(epochs=2, batch_size=10, held_back=20, averaged=1, fast=False)


def printed(count, seed):
    """Printed digits at random places: learnt in seconds, and no one's handwriting."""
    rng, font = np.random.default_rng(seed), ImageFont.load_default(22)
    labels = rng.integers(0, 10, count)
    pictures = []
    for label in labels:
        image = Image.new("L", (28, 28))
        ImageDraw.Draw(image).text((7 + rng.integers(-1, 2), rng.integers(-1, 2)), str(label), 255, font)
        pictures.append(np.asarray(image))
    return np.stack(pictures), labels.astype(np.uint8)


@pytest.fixture(scope="module")
def tiny():
    return Mnist(*printed(200, 0), *printed(40, 1), "printed here", {"made": "here"})


def times_out(card):
    return {key: value for key, value in card.items() if key not in ("fit_seconds", "trained")}


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    card = one_run.train(tiny, TINY, folder / "models", folder / "work", resume=False)
    return folder, card


def test_a_run_leaves_model_checkpoint_card_and_learning_curve_and_nothing_else(trained):
    folder, card = trained
    assert sorted(path.name for path in (folder / "models").iterdir()) == [
        "cnn.json",
        "cnn.tfl.data-00000-of-00001",
        "cnn.tfl.index",
        "cnn.tfl.meta",
        "cnn.tflite",
    ]
    assert sorted(path.name for path in (folder / "work").iterdir()) == ["checkpoint", "learning-curve.png"]
    assert json.loads((folder / "models" / "cnn.json").read_text()) == card


def test_the_card_says_what_was_trained_how_and_on_what(trained):
    _, card = trained
    assert card["test_images"] == 40
    assert card["accuracy"] == 1 - card["test_errors"] / 40
    assert card["dataset"] == {
        "source": "MNIST",
        "train_images": 200,
        "sha256": {"made": "here"},
        "test_images_also_in_training": card["dataset"]["test_images_also_in_training"],
    }
    assert (card["epochs"], card["seed"], card["batch_size"]) == (2, 1, 10)
    assert card["versions"]["tflearn"] == "0.5.0"
    assert card["unsure"]["rule"].startswith("Unsure when ")


def test_the_card_has_the_checksums_of_the_checkpoint(trained):
    folder, card = trained
    files = sorted((folder / "models").glob("cnn.tfl.*"))
    assert card["checkpoint_sha256"] == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert len(files) == 3


def test_the_exported_network_the_checkpoint_and_the_trained_one_agree(trained):
    folder, card = trained
    network = model.Inference(card["temperature"])
    network.load(folder / "models" / "cnn.tfl")
    export.check_agreement(network, (folder / "models" / "cnn.tflite").read_bytes())
    data = (folder / "models" / card["weights"]["file"]).read_bytes()
    weights.check_agreement(network, card, data, export.AGREEMENT)


def test_an_export_that_scores_otherwise_is_refused_and_the_old_model_stays(trained, tmp_path, monkeypatch):
    folder, card = trained
    network = model.Inference(card["temperature"])
    network.load(folder / "models" / "cnn.tfl")
    monkeypatch.setattr(network, "export", model.Inference(2.0).export)
    (tmp_path / "cnn.tflite").write_text("the old model")
    with pytest.raises(TrainingFailed, match="the old model stays"):
        export.publish(network, dict(card), tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("cnn.tflite", "the old model")]


@pytest.mark.parametrize("room", ["1m", "4m"])  # too little for the checkpoint; enough, but then not for the export
def test_a_full_disk_leaves_the_old_model_whole(trained, tmp_path, room):
    folder, card = trained
    network = model.Inference(card["temperature"])
    network.load(folder / "models" / "cnn.tfl")
    with small_disk.mounted(tmp_path / "disk", f"size={room}") as small:
        (small / "cnn.tflite").write_text("the old model")
        with pytest.raises(TrainingFailed) as failed:
            export.publish(network, dict(card), small)
        assert str(failed.value) == f"Can't save the model in {small}: No space left on device. The old one stays."
        assert [(path.name, path.read_text()) for path in small.iterdir()] == [("cnn.tflite", "the old model")]


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path):
    with small_disk.mounted(tmp_path / "disk", "size=1m") as small:
        (small / "checkpoint").mkdir()
        (small / "checkpoint" / "state.json").write_text("the one before")
        with pytest.raises(TrainingFailed) as failed:
            epochs.Run(TINY, small, resume=False)._keep()
        assert str(failed.value) == (
            f"Can't save a checkpoint in {small}: No space left on device. Put that right, and go on with --resume."
        )
        assert [path.name for path in small.iterdir()] == ["checkpoint"]
        assert (small / "checkpoint" / "state.json").read_text() == "the one before"


def new_model(network, card, part):
    for name in ("cnn.json", "cnn.tfl.meta", "cnn.tflite"):
        (part / name).write_text("new")


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_when_one_file_cannot_be_replaced_the_new_ones_stay_together_and_a_sentence_says_why(
    tmp_path, monkeypatch, failing
):
    moves, move = [], Path.replace

    def fail_once(path, target):
        moves.append(path)
        if len(moves) == failing + 1:
            raise OSError(28, "No space left on device")
        return move(path, target)

    monkeypatch.setattr(export, "write_model", new_model)
    monkeypatch.setattr(Path, "replace", fail_once)
    for name in ("cnn.json", "cnn.tflite"):
        (tmp_path / name).write_text("old")
    with pytest.raises(TrainingFailed) as failed:
        export.publish(None, {}, tmp_path)
    counts = "It counts all the same; the next training moves its files from .cnn.new."
    assert str(failed.value) == f"Can't save the model in {tmp_path}: No space left on device. {counts}"
    publishing.recover("cnn", tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("cnn.json", "cnn.tfl.meta", "cnn.tflite"), "new"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_all_files_are_replaced(tmp_path, monkeypatch, number):
    move = Path.replace

    def signal_and_move(path, target):
        signal.raise_signal(number)
        return move(path, target)

    monkeypatch.setattr(export, "write_model", new_model)
    monkeypatch.setattr(Path, "replace", signal_and_move)
    (tmp_path / "cnn.json").write_text("old")
    with pytest.raises(SystemExit):
        export.publish(None, {}, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("cnn.json", "cnn.tfl.meta", "cnn.tflite"), "new"
    )


@pytest.mark.parametrize("step", ["rename", "rmtree"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_run_stopped_while_it_keeps_a_checkpoint_can_be_taken_up(tiny, tmp_path, monkeypatch, step, call):
    run, calls = epochs.Run(TINY, tmp_path, resume=False), []
    run._keep()
    where = (Path, "rename") if step == "rename" else (shutil, "rmtree")
    do = getattr(*where)

    def stop(*given, **how):
        calls.append(given)
        if len(calls) == call:
            raise KeyboardInterrupt
        return do(*given, **how)

    with monkeypatch.context() as patch:
        patch.setattr(*where, stop)
        with suppress(KeyboardInterrupt):
            run._keep()
    assert epochs.Run(TINY, tmp_path, resume=True).epoch == 0


@pytest.mark.parametrize(("folder", "work"), [("/dev/null/here", "{}"), ("{}", "/dev/null/here")])
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_learnt(tiny, tmp_path, folder, work):
    places = [Path(name.format(tmp_path)) for name in (folder, work)]
    with pytest.raises(BadSetting, match=r"^Can't write to the folder /dev/null/here: Not a directory\.$"):
        one_run.train(tiny, TINY, *places, resume=False)


@pytest.mark.parametrize("taken", ["models", "work"])
def test_two_trainings_do_not_share_a_folder(tiny, tmp_path, taken):
    (tmp_path / taken).mkdir()
    with publishing.reserved(tmp_path / taken), pytest.raises(BadSetting) as refused:
        one_run.train(tiny, TINY, tmp_path / "models", tmp_path / "work", resume=False)
    assert str(refused.value) == (
        f"Another training is at work in the folder {tmp_path / taken}. Wait for its end, or name another one."
    )


def test_a_digit_that_is_missing_is_said_before_anything_is_learnt(tiny, tmp_path):
    kept = tiny.y_train != 6
    lacking = tiny._replace(X_train=tiny.X_train[kept], y_train=tiny.y_train[kept])
    with pytest.raises(BadDataset, match=r"^There are 0 training images of the digit 6; it takes at least 10\.$"):
        one_run.train(lacking, TINY, tmp_path / "models", tmp_path / "work", resume=False)


def test_the_same_seed_gives_the_same_card_apart_from_times(tiny, trained, tmp_path):
    card = one_run.train(tiny, TINY, tmp_path / "models", tmp_path / "work", resume=False)
    assert times_out(card) == times_out(trained[1])


def test_a_run_cut_short_is_taken_up_where_it_stood(tiny, tmp_path):
    longer = settings.Settings(**{**vars(TINY), "epochs": 3})

    run = epochs.Run(longer, tmp_path, resume=False)
    note = run._note

    def note_and_stop(*facts):
        note(*facts)
        if run.epoch == 2:
            raise KeyboardInterrupt

    run._note = note_and_stop
    with pytest.raises(KeyboardInterrupt):
        run.learn(tiny.X_train[20:], tiny.y_train[20:], tiny.X_train[:20], tiny.y_train[:20])
    resumed = epochs.Run(longer, tmp_path, resume=True)
    assert (resumed.epoch, resumed.progress) == (2, run.progress)
    before, after = run.training.get(), resumed.training.get()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_doubt_is_fitted_again_to_a_finished_run_and_nothing_else_changes(tiny, trained, tmp_path):
    folder, card = trained
    more = settings.Settings(**{**vars(TINY), "doubted": 0.4})
    again = one_run.train(tiny, more, tmp_path / "models", folder / "work", resume=True)
    changed = {name for name in card if again[name] != card[name]} - {"fit_seconds", "trained"}
    assert changed == {"unsure", "doubted"}
    assert again["unsure"]["confidence"] > card["unsure"]["confidence"]


def test_test_images_that_are_also_training_images_are_counted(tiny):
    slipped = tiny._replace(X_test=np.concatenate([tiny.X_test, tiny.X_train[:1]]))
    alone = tiny._replace(X_test=255 - tiny.X_test)
    counted = [overlap(mnist)["test_images_also_in_training"] for mnist in (alone, tiny, slipped)]
    assert counted == [0, counted[1], counted[1] + 1]


def test_a_checkpoint_of_other_settings_is_not_taken_up(trained):
    folder, _ = trained
    other = settings.Settings(**{**vars(TINY), "learning_rate": 0.1})
    with pytest.raises(BadSetting, match="other settings"):
        epochs.Run(other, folder / "work", resume=True)


def test_a_damaged_checkpoint_is_said(tmp_path):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.json").write_text('{"settings": {"epo')
    with pytest.raises(BadSetting, match=r"is damaged, or another version's; train without --resume\.$"):
        epochs.Run(TINY, tmp_path, resume=True)


@pytest.mark.parametrize("how", ["cut", "gone", "of another network", "without sums", "with half of its sums"])
def test_a_checkpoint_that_is_not_whole_is_said(trained, tmp_path, how):
    work = tmp_path / "work"
    shutil.copytree(trained[0] / "work", work)
    index = work / "checkpoint" / "cnn.index"
    if how == "cut":
        index.write_bytes(index.read_bytes()[:100])
    elif how == "gone":
        index.unlink()
    elif how == "of another network":
        model.Inference().save(work / "checkpoint" / "cnn")
    else:
        sums = work / "checkpoint" / "sum.npz"
        half = sums.read_bytes()[: sums.stat().st_size // 2]
        sums.unlink() if how == "without sums" else sums.write_bytes(half)
    with pytest.raises(BadSetting, match=r"is damaged, or another version's; train without --resume\.$"):
        epochs.Run(TINY, work, resume=True)


def test_nothing_to_resume_is_said(tmp_path):
    with pytest.raises(BadSetting, match="train without --resume"):
        epochs.Run(TINY, tmp_path, resume=True)


def test_folding_batch_normalisation_changes_no_score(tiny):
    run = training.Training(seed=3)
    for _ in range(3):
        run.learn(tiny.X_train[:30], tiny.y_train[:30], 0.01)
    network = model.Inference()
    network.set(model.fold(run.get()))
    logits = run.logits(tiny.X_test)
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.abs(network.score(tiny.X_test.astype(np.float32) / 255) - softmax).max() < 1e-5


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


def test_a_digit_that_is_turned_has_its_polar_view_moved_sideways():
    picture = preprocess(pictures.png(2)).picture
    column = 2 * np.pi * model.TURNS / 28
    turned = mapped(picture, [(np.cos(2 * column), np.sin(2 * column)), (-np.sin(2 * column), np.cos(2 * column))])
    form, other = viewed(model.polar, [picture, turned])
    apart = {by: np.abs(np.roll(form, by, 1) - other)[:, 3:-3].mean() for by in (-2, 0, 2)}
    assert sorted(apart, key=apart.__getitem__) == [-2, 0, 2]
    assert apart[-2] < 0.05 < 0.1 < apart[0]


def test_a_ring_is_a_level_line_in_its_polar_view_and_what_lies_past_the_seam_is_seen_twice():
    y, x = np.mgrid[:28, :28]
    ring = np.clip(2 - abs(np.hypot(y - 15, x - 12) - 8), 0, 1)
    assert viewed(model.polar, [ring])[0].argmax(0) // 2 == pytest.approx(np.full(28, 8), abs=1)
    form = viewed(model.polar, [preprocess(pictures.png(2)).picture])[0]
    around = 28 / model.TURNS  # columns in one turn
    first, last = np.interp(np.arange(6) + around, np.arange(28), form[10]), form[10, :6]
    assert np.abs(first - last).max() < 0.25 < np.ptp(form[10])


@pytest.mark.parametrize("view", [model.upright, model.polar])
def test_what_has_no_shape_has_every_view_too(view):
    blank, dot, full = np.zeros((28, 28)), np.zeros((28, 28)), np.ones((28, 28))
    dot[5, 20] = 1
    forms = viewed(view, [blank, dot, full])
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


@pytest.mark.skipif(not training.has_bfloat16(), reason="this processor has no bfloat16")
def test_a_network_learns_in_bfloat16_as_in_float32(tiny):
    runs = [training.Training(seed=3, fast=fast) for fast in (True, False)]
    parts = [slice(at, at + 20) for at in range(0, 200, 20)] * 3
    losses = np.array([[run.learn(tiny.X_train[p], tiny.y_train[p], 0.002) for p in parts] for run in runs])
    assert (losses[:, -10:].mean(1) < 0.5 * losses[:, 0]).all()
    assert (losses[0] != losses[1]).any()
    assert np.abs(losses[0] - losses[1]).mean() < 0.1 * losses[1].mean()
    assert (runs[0].logits(tiny.X_test).argmax(1) == runs[1].logits(tiny.X_test).argmax(1)).mean() > 0.9


def test_a_processor_without_bfloat16_can_not_train_fast(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "has_bfloat16", lambda: False)
    with pytest.raises(BadSetting, match=r"^This processor .* train with --no-fast\.$"):
        epochs.Run(replace(TINY, fast=True), tmp_path, resume=False)


@pytest.mark.parametrize(
    ("option", "processor_can", "taken"),
    [([], True, True), ([], False, False), (["--no-fast"], True, False), (["--fast"], False, True)],
)
def test_bfloat16_is_taken_where_the_processor_has_it_unless_an_option_says(
    tiny, monkeypatch, option, processor_can, taken
):
    asked = []
    monkeypatch.setattr(training, "has_bfloat16", lambda: processor_can)
    monkeypatch.setattr(dataset, "load", lambda _: tiny)
    monkeypatch.setattr(one_run, "train", lambda _, settings, *__: asked.append(settings) or trained_card())
    assert train.main(option) == 0
    assert asked == [settings.Settings(fast=taken)]


def trained_card():
    return {"accuracy": 0.5, "test_images": 40}


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

    facts = cards.evaluate(Sure(), np.zeros((10, 28, 28), np.uint8), np.array([0] * 5 + [1] * 5))
    assert facts == {"accuracy": 0.5, "test_images": 10, "test_errors": 5, "calibration_error": 0.4}


# --- the command -----------------------------------------------------------------------------------------------


def command(*arguments, **more):
    return subprocess.run(
        [sys.executable, ROOT / "cgi-bin/train.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        **more,
    )


def test_training_can_not_be_started_through_a_web_server():
    answer = command(env={**os.environ, "GATEWAY_INTERFACE": "CGI/1.1"})
    assert answer.returncode == 1
    assert answer.stdout == (
        "Content-Type: text/plain\n\nTraining is started from a command line, not through a web server.\n"
    )


def test_a_folder_without_mnist_is_a_sentence_and_exit_status_1(tmp_path):
    answer = command("--data", tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("train.py: ")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("wrong", [["--epochs", "0"], ["--epochs", "many"], ["--batch-size", "-3"], ["--nonsense"]])
def test_wrong_options_are_exit_status_2(wrong):
    answer = command(*wrong)
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage: train.py")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_the_old_model_whole(tmp_path, number, mnist_folder):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "cnn.tflite").write_text("the old model")
    run = subprocess.Popen(
        [
            sys.executable,
            ROOT / "cgi-bin/train.py",
            "--data",
            mnist_folder,
            "-o",
            tmp_path / "models",
            "--work",
            tmp_path,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    time.sleep(8)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "stopped; the model is as it was" in errors
    assert "Traceback" not in errors
    assert [(path.name, path.read_text()) for path in (tmp_path / "models").iterdir()] == [
        ("cnn.tflite", "the old model")
    ]
