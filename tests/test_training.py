"""A training run from end to end on a handful of pictures, interrupted, resumed, refused."""

import hashlib
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")

from PIL import Image, ImageDraw, ImageFont

import model
import small_disk
import train
from learning import publishing
from learning.cnn import epochs, export, held_back, settings, training, weights
from learning.cnn import run as one_run
from learning.cnn.variety import Variety, batches
from learning.data import dataset, strokes
from learning.data.mnist import Mnist, overlap
from learning.errors import BadDataset, TrainingFailed
from learning.report import metrics
from reading import classifier
from reading.errors import BadSetting

TINY = settings.Settings(epochs=2, batch_size=10, held_back=20, averaged=0.5, fast=False)
NO_STROKES = strokes.read()


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


@pytest.fixture(scope="module")
def written():
    """A bar and a cross by each of forty writers, under the labels 1 and 8."""
    bar, cross = [[(500, 0), (480, 1000)]], [[(0, 0), (1000, 900)], [(900, 0), (0, 1000)]]
    digits = [[np.array(stroke, np.float32) for stroke in digit] for digit in (bar, cross)]
    writers = [f"writer {i:02}" for i in range(40)]
    return strokes.StrokeDigits(digits * 40, np.array([1, 8] * 40), sorted(writers * 2))


def times_out(card):
    return {key: value for key, value in card.items() if key not in ("fit_seconds", "trained")}


@pytest.fixture(scope="module")
def trained(tiny, written, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    card = one_run.train(tiny, written, TINY, folder / "models", folder / "work", resume=False)
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
    assert card["strokes"] == {"digits": 80, "writers": 40}
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


def test_the_report_is_about_the_network_that_was_trained_and_not_about_the_shipped_one(trained, tiny, capsys):
    folder, card = trained
    network = model.Inference(card["temperature"])
    network.load(folder / "models" / "cnn.tfl")
    train.report_cnn(SimpleNamespace(metrics=True, plots=None), tiny, card, folder / "models")
    scores = network.score(tiny.X_test.astype(np.float32) / 255)[:, :10]
    assert capsys.readouterr().out == metrics("40 test images", tiny.y_test, scores) + "\n\n"
    assert classifier.load("cnn").card["dataset"]["train_images"] == 60_000


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


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_when_one_file_cannot_be_replaced_the_new_ones_stay_together_and_a_sentence_says_why(
    tmp_path, monkeypatch, fail_move, failing
):
    fail_move(failing, OSError(28, "No space left on device"))
    monkeypatch.setattr(export, "write_model", new_model)
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
        one_run.train(tiny, NO_STROKES, TINY, *places, resume=False)


@pytest.mark.parametrize("taken", ["models", "work"])
def test_two_trainings_do_not_share_a_folder(tiny, tmp_path, taken):
    (tmp_path / taken).mkdir()
    with publishing.reserved(tmp_path / taken), pytest.raises(BadSetting) as refused:
        one_run.train(tiny, NO_STROKES, TINY, tmp_path / "models", tmp_path / "work", resume=False)
    assert str(refused.value) == (
        f"Another training is at work in the folder {tmp_path / taken}. Wait for its end, or name another one."
    )


def test_a_digit_that_is_missing_is_said_before_anything_is_learnt(tiny, tmp_path):
    kept = tiny.y_train != 6
    lacking = tiny._replace(X_train=tiny.X_train[kept], y_train=tiny.y_train[kept])
    with pytest.raises(BadDataset, match=r"^There are 0 training images of the digit 6; it takes at least 10\.$"):
        one_run.train(lacking, NO_STROKES, TINY, tmp_path / "models", tmp_path / "work", resume=False)


def test_the_same_seed_gives_the_same_card_apart_from_times(tiny, written, trained, tmp_path):
    card = one_run.train(tiny, written, TINY, tmp_path / "models", tmp_path / "work", resume=False)
    assert times_out(card) == times_out(trained[1])


def test_a_run_cut_short_is_taken_up_where_it_stood(tiny, tmp_path):
    longer = replace(TINY, epochs=3, averaged=0.3)

    run = epochs.Run(longer, tmp_path, resume=False)
    note = run._note

    def note_and_stop(*facts):
        note(*facts)
        if run.epoch == 2:
            raise KeyboardInterrupt

    run._note = note_and_stop
    with pytest.raises(KeyboardInterrupt):
        run.learn(*held_back.hold_back(tiny, NO_STROKES, longer))
    resumed = epochs.Run(longer, tmp_path, resume=True)
    assert (resumed.epoch, resumed.progress) == (2, run.progress)
    before, after = run.training.get(), resumed.training.get()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_time_left_is_told_once_within_the_first_minute_also_of_a_run_that_goes_on(capsys):
    foretell = epochs.Forecast(10)
    for done, now in [(4.0, 1000), (4.1, 1020), (4.2, 1040), (4.5, 1100), (5.5, 1300)]:
        foretell(done, now)
    assert capsys.readouterr().out == "about 19 minutes left\n"


def test_doubt_is_fitted_again_to_a_finished_run_and_nothing_else_changes(tiny, written, trained, tmp_path):
    folder, card = trained
    more = settings.Settings(**{**vars(TINY), "doubted": 0.4})
    again = one_run.train(tiny, written, more, tmp_path / "models", folder / "work", resume=True)
    changed = {name for name in card if again[name] != card[name]} - {"fit_seconds", "trained"}
    assert changed == {"unsure", "doubted"}
    assert again["unsure"]["confidence"] > card["unsure"]["confidence"]


def test_what_one_writer_wrote_is_learnt_from_or_held_back_as_a_whole(tiny, written):
    pupil, held = held_back.hold_back(tiny, written, TINY)
    mine = held_back.held_writers(written, TINY.seed)
    names = np.array(written.writers)
    assert len(set(names[mine])) == 40 // held_back.WRITERS
    assert set(names[mine]).isdisjoint(names[~mine])
    assert (len(pupil.y), len(pupil.pens.labels)) == (180, (~mine).sum())
    assert held.scans.shape == (20, 28, 28)
    assert held.drawings.shape == (mine.sum(), 28, 28)
    assert held.labels.tolist() == [*held.scan_labels, *written.labels[mine]]


def test_several_files_of_one_writer_are_held_back_together(written):
    files = [f"apa/apa{i // 4:02}/app{i:04}" for i in range(80)]  # four files a writer
    mine = held_back.held_writers(written._replace(writers=files), 1)
    assert mine.reshape(20, 4).sum(1).tolist().count(4) == mine.sum() / 4 == 20 // held_back.WRITERS


def test_the_process_that_prepares_pictures_leaves_the_processors_to_those_that_learn(tiny):
    pupil, _ = held_back.hold_back(tiny, NO_STROKES, TINY)
    before = set(multiprocessing.active_children())
    with Variety(pupil, TINY) as variety:
        next(next(variety.epochs(0)))
        children = set(multiprocessing.active_children()) - before
        assert {os.getpriority(os.PRIO_PROCESS, child.pid) for child in children} == {19}


def test_the_chunks_of_each_epoch_are_its_pictures_in_their_order(tiny):
    pupil, _ = held_back.hold_back(tiny, NO_STROKES, TINY)
    pupil = pupil._replace(X=np.repeat(pupil.X, 4, 0), y=np.repeat(pupil.y, 4))  # two chunks an epoch
    augmenter, every = pupil.augmenter(), []
    with Variety(pupil, TINY) as variety:
        for chunks in itertools.islice(variety.epochs(1), 2):
            every.append([np.concatenate(parts) for parts in zip(*chunks, strict=True)])
    for number, (pictures, labels) in enumerate(every, 1):
        expected = augmenter.epoch([TINY.seed, number], TINY.drawn, TINY.foreign, TINY.drawings)
        assert np.array_equal(pictures, expected[0])
        assert np.array_equal(labels, expected[1])
        assert len(labels) == variety.size


def _chunks(*sizes):
    """Chunks of so many pictures each, every picture full of its own number."""
    for first, size in zip(itertools.accumulate(sizes, initial=0), sizes, strict=False):
        numbers = np.arange(first, first + size)
        yield np.broadcast_to(numbers[:, None, None], (size, 28, 28)).astype(np.uint8), numbers


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((7, 7, 3), [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]),
        ((2, 2), [[0, 1, 2, 3]]),
        ((3,), [[0, 1, 2]]),
    ],
)
def test_batches_go_across_chunks_and_what_is_left_at_the_end_is_dropped(sizes, expected):
    given = list(batches(_chunks(*sizes), 4))
    assert [labels.tolist() for _, labels in given] == expected
    assert [pictures[:, 0, 0].tolist() for pictures, _ in given] == expected


def test_without_strokes_what_is_held_back_is_drawn_from_the_images(tiny):
    pupil, held = held_back.hold_back(tiny, NO_STROKES, TINY)
    assert not len(pupil.pens.labels)
    assert len(held.drawings) == len(held.drawing_labels) >= 20
    assert held.drawings.any((1, 2)).all()


@pytest.mark.parametrize(
    ("given", "same"),
    [
        (["--quick"], {"epochs": 2, "learning_rate": 0.004, "dropout": 0.2, "drawn": 0.35, "drawings": 2}),
        (["--long"], {"epochs": 18, "learning_rate": 0.002, "dropout": 0.4, "drawn": 0.4, "drawings": 4}),
        ([], {"epochs": 6, "batch_size": 128, "learning_rate": 0.002, "dropout": 0.4, "drawn": 0.4, "drawings": 4}),
        (["--quick", "--epochs", "3"], {"epochs": 3, "learning_rate": 0.004, "drawn": 0.35, "drawings": 2}),
    ],
)
def test_a_training_for_less_or_more_patience_stands_for_several_options(given, same):
    chosen = train.settings_of(train.parser().parse_args(given))
    assert {name: getattr(chosen, name) for name in same} == same


def test_training_without_strokes_says_what_that_costs_and_how_to_get_them(monkeypatch, capsys):
    monkeypatch.setattr("learning.data.corpora.train_files", lambda: None)
    assert len(train.pen_strokes(None, train.NO_STROKES).labels) == 0
    assert "python cgi-bin/fetch.py --strokes" in capsys.readouterr().err


def test_training_takes_the_strokes_it_is_given_before_those_in_the_cache(tmp_path, monkeypatch, capsys):
    for name, label in (("cached", 1), ("given", 2)):
        strokes.write(tmp_path / name, [("a", label, [[[0, 0], [500, 900]]])])
    monkeypatch.setattr("learning.data.corpora.train_files", lambda: [tmp_path / "cached"])
    assert train.pen_strokes([tmp_path / "given"]).labels.tolist() == [2]
    assert train.pen_strokes(None).labels.tolist() == [1]
    assert capsys.readouterr().err == ""


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


def test_a_run_is_refined_from_the_weights_of_another_one(trained, tmp_path):
    shutil.copytree(trained[0] / "work", tmp_path / "work")
    refined = epochs.Run(replace(TINY, epochs=1, learning_rate=0.0005, refined=True), tmp_path / "work", resume=False)
    before = epochs.Run(TINY, trained[0] / "work", resume=True).training.get()
    after = refined.training.get()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert refined.epoch == 0
    _, card = trained
    first = {"epochs": 2, "learning_rate": TINY.learning_rate, "seconds": card["fit_seconds"]}
    assert one_run.time_of(refined.progress) == {"fit_seconds": card["fit_seconds"], "refined_from": first}


def test_nothing_to_refine_is_said(tmp_path):
    with pytest.raises(BadSetting, match=r"^There is no checkpoint in .* to refine; train without --refine\.$"):
        epochs.Run(replace(TINY, refined=True), tmp_path, resume=False)


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


QUIETLY = """
import numpy as np, model
from learning.cnn import export, training
run = training.Training(seed=1)
run.learn(np.zeros((16, 28, 28), np.uint8), np.arange(16) % 11, 0.001)
network = model.Inference()
export.check_agreement(network, network.export())
"""


def test_no_library_writes_warnings_to_the_terminal_of_who_trains():
    done = subprocess.run(
        [sys.executable, "-c", QUIETLY], cwd=Path(model.__file__).parent, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


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
    monkeypatch.setattr(one_run, "train", lambda _, __, settings, *___: asked.append(settings) or trained_card())
    assert train.main(option) == 0
    assert asked == [settings.Settings(fast=taken)]


def trained_card():
    return {"accuracy": 0.5, "test_images": 40}
