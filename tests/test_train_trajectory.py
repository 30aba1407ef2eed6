"""The trajectory network learns from pen strokes, and replaces its file once it is checked."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")

import train
from learning.augment import trajectories
from learning.augment.not_digits import NOT_A_DIGIT
from learning.augment.trajectories import Trajectories, as_written, reordered
from learning.cnn import trajectory as training
from learning.data import corpora
from learning.data.strokes import StrokeDigits
from learning.errors import BadDataset, TrainingFailed
from reading import trajectory

WAYS = {
    1: [[(50, 0), (50, 100)]],
    4: [[(40, 0), (0, 60), (80, 60)], [(60, 30), (60, 100)]],
    7: [[(0, 0), (70, 0), (30, 100)]],
}


def some(writers: int, each: int, seed: int = 1) -> StrokeDigits:
    """Digits by so many writers, each of which wrote so many of each kind."""
    rng = np.random.default_rng(seed)
    made = [(f"w{writer}", label) for writer in range(writers) for label in WAYS for _ in range(each)]
    strokes = [
        [np.array(stroke, np.float32) + rng.normal(0, 4, (len(stroke), 2)).astype(np.float32) for stroke in WAYS[label]]
        for _, label in made
    ]
    return StrokeDigits(strokes, np.array([label for _, label in made]), [writer for writer, _ in made])


def corpus(folder: Path) -> Path:
    digits, path = some(40, 4), folder / "digits.jsonl"
    lines = [
        {"writer": writer, "label": int(label), "strokes": [(stroke + 20).round(1).tolist() for stroke in strokes]}
        for writer, label, strokes in zip(digits.writers, digits.labels, digits.strokes, strict=True)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


# --- what it learns from ----------------------------------------------------------------------------


def test_an_epoch_has_each_digit_and_some_that_are_none_and_some_invented_ones() -> None:
    digits = some(20, 20)
    seen, labels = Trajectories(digits.strokes, digits.labels).epoch(np.random.default_rng(1))
    count = len(digits.labels)
    assert seen.shape == (count + int(trajectories.INVENTED * count), trajectory.STEPS, trajectory.NUMBERS)
    assert (seen.dtype, labels.dtype, len(labels)) == (np.float32, np.int64, len(seen))
    assert np.isfinite(seen).all()
    assert np.abs(seen[..., :2]).max() <= 1
    assert 0.02 < (labels == NOT_A_DIGIT).mean() < 0.12
    assert set(labels) > {1, 4, 7, NOT_A_DIGIT}


def test_the_same_random_numbers_give_the_same_epoch_and_others_another_one() -> None:
    digits = some(5, 5)
    one, again, other = (
        Trajectories(digits.strokes, digits.labels).epoch(np.random.default_rng(at)) for at in (1, 1, 2)
    )
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert not np.array_equal(one[0], other[0])


def test_half_of_the_digits_are_written_in_another_order() -> None:
    digits = [[np.array([(0.0, 100.0), (0.0, 0.0)])]] * 400  # all upwards
    seen, labels = Trajectories(digits, np.ones(400, int)).epoch(np.random.default_rng(1))
    down = (seen[labels == 1, :, 3] > 0.5).mean(1) > 0.9
    assert 0.2 < down.mean() < 0.6  # and all that are invented


@pytest.mark.parametrize("strokes", [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 1, 2]])
def test_reordered_strokes_are_the_same_ink(strokes: list[int]) -> None:
    segments, stroke = np.random.default_rng(3).random((4, 2, 2)), np.array(strokes)

    def ink(each: np.ndarray) -> list[list[list[float]]]:
        return sorted(sorted(one.tolist()) for one in each)

    seen = set()
    for seed in range(40):
        again, number = reordered(segments, stroke, np.random.default_rng(seed))
        assert ink(again) == ink(segments)
        assert sorted(np.bincount(number)) == sorted(np.bincount(stroke))
        seen.add(again.tobytes())
    assert segments.tobytes() not in seen or len(seen) > 1


def test_a_lifted_pen_leaves_the_same_ink_in_one_stroke_more() -> None:
    segments, stroke = np.random.default_rng(3).random((6, 2, 2)), np.array([0, 0, 0, 1, 1, 1])
    counts = set()
    for seed in range(40):
        again, number = trajectories.lifted(segments, stroke, np.random.default_rng(seed))
        assert again is segments
        counts.add(1 + np.count_nonzero(np.diff(number)))
    assert counts == {2, 3}


def test_a_touched_up_digit_has_a_stroke_more_that_lies_on_another_one() -> None:
    segments, stroke = trajectory.even([np.array([(0.0, 0.0), (0.0, 40.0)]), np.array([(-9.0, 20.0), (9.0, 20.0)])])
    for seed in range(20):
        again, number = trajectories.touched_up(segments, stroke, np.random.default_rng(seed))
        assert (again.shape, set(number)) == (segments.shape, {0, 1, 2})
        last = again[number == 2].reshape(-1, 2)
        assert min(np.abs(last[:, 0]).max(), np.abs(last[:, 1] - 20).max()) < 4


def test_digits_as_they_were_written_are_seen_as_a_request_sees_them() -> None:
    digits = some(2, 3)
    expected = [trajectory.steps(one) for one in digits.strokes]
    np.testing.assert_allclose(as_written(digits.strokes), expected, atol=1e-5)


# --- a run ------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "EPOCHS", 6)
    monkeypatch.setattr(training, "BATCH", 16)


def test_it_learns_and_numpy_says_what_tflearn_says(quick: None, tmp_path: Path) -> None:
    digits = some(40, 4)
    card = training.train(digits, 1, tmp_path)
    (file,) = tmp_path.iterdir()
    network = trajectory.parsed(file.read_bytes())
    right = network.score(as_written(digits.strokes)).argmax(1) == digits.labels
    assert right.mean() > 0.95
    told = json.loads(file.read_bytes().partition(b"\n")[0])
    assert told == card | {"channels": list(training.CHANNELS)}
    assert (told["digits"], told["writers"], told["seed"], told["epochs"]) == (480, 40, 1, 6)
    assert told["held_back"]["digits"] == 24  # of two writers of 40
    assert 0 <= told["held_back"]["accuracy"] <= 1


def test_without_strokes_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match=r"learns from pen strokes alone; get them with: .* --strokes"):
        training.train(StrokeDigits([], np.zeros(0, np.int64), []), 1, tmp_path)


def test_a_network_that_is_saved_wrongly_leaves_the_old_one(
    quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / trajectory.FILE).write_bytes(b"old")
    monkeypatch.setattr(training, "AGREEMENT", 0.0)
    with pytest.raises(TrainingFailed, match=r"scores up to .* apart from TFLearn; the old one stays\."):
        training.train(some(4, 4), 1, tmp_path)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(trajectory.FILE, b"old")]


# --- the command ------------------------------------------------------------------------------------


def test_the_command_trains_it(quick: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "models"
    assert train.main(["-M", "trajectory", "--strokes", str(corpus(tmp_path)), "-o", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f" of 24 digits of writers held back right; the file is in {out}.\n")
    assert [path.name for path in out.iterdir()] == [trajectory.FILE]


def test_the_command_says_where_strokes_are_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(corpora, "train_files", lambda: None)
    assert train.main(["-M", "trajectory", "-o", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"train.py: {training.NONE}\n"


@pytest.mark.parametrize("option", [["--epochs", "3"], ["--quick"], ["-d", "x"], ["-C", "3"], ["--cluster"], ["-m"]])
def test_options_that_it_does_not_have_are_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        train.main(["-M", "trajectory", *option])
    assert ended.value.code == 2
    assert "trajectory has no option" in capsys.readouterr().err
