"""The benchmarks of drawn digits and of what is no digit: what they draw, and what they count."""

import gzip
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from benchmarks import cores, drawn, nondigits, pen_digits
from learning.data import dataset
from learning.errors import BadDataset
from reading import classifier
from reading.preprocessing import preprocess

ONE = [[[500, 0], [500, 1000]]]
SEVEN = [[[0, 0], [600, 0], [200, 1000]], [[150, 500], [450, 500]]]
BENCHMARKS = Path(drawn.__file__).parent


@pytest.fixture
def strokes(tmp_path) -> Path:
    """Four digits: two ones, two sevens."""
    records = [{"writer": "we", "label": label, "strokes": ONE if label == 1 else SEVEN} for label in (1, 7, 1, 7)]
    path = tmp_path / "strokes.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    return path


def shape_of(picture: np.ndarray) -> tuple[int, int]:
    rows, columns = np.flatnonzero((picture < 128).any(1)), np.flatnonzero((picture < 128).any(0))
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


# --- drawing ---


@pytest.mark.parametrize(("condition", "pen"), [("neat", 16), ("thin", 6), ("thick", 32), ("small", 10)])
def test_a_stroke_is_as_wide_as_the_pen_and_has_round_ends(condition, pen):
    picture = pen_digits.render(ONE, condition, np.random.default_rng(1))
    low, high = (side * 280 + pen for side in drawn.CONDITIONS[condition].side)
    width, height = shape_of(picture)
    assert width == pytest.approx(pen, abs=1)
    assert low - 1 <= height <= high + 1
    assert picture.dtype == np.uint8
    area = (255 - picture.astype(float)).sum() / 255
    assert area == pytest.approx(pen * (height - pen) + np.pi * pen**2 / 4, rel=0.05)


def test_neat_is_centred_and_casual_is_anywhere_on_the_canvas():
    neat = pen_digits.render(SEVEN, "neat", np.random.default_rng(1)) < 128
    assert np.argwhere(neat).mean(0) == pytest.approx((140, 140), abs=40)
    assert (np.argwhere(neat).min(0) + np.argwhere(neat).max(0)) / 2 == pytest.approx((139.5, 139.5), abs=1)
    middles = []
    for seed in range(20):
        inked = np.argwhere(pen_digits.render(SEVEN, "casual", np.random.default_rng(seed)) < 255)
        assert inked.min() >= 0
        assert inked.max() <= 279
        middles.append((inked.min(0) + inked.max(0)) / 2)
    assert np.ptp(middles, axis=0).min() > 60


def test_tilted_is_turned_ten_to_twenty_degrees_either_way():
    angles = []
    for seed in range(12):
        rows, columns = np.nonzero(pen_digits.render(ONE, "tilted", np.random.default_rng(seed)) < 128)
        angles.append(np.degrees(np.arctan(np.polyfit(rows, columns, 1)[0])))
    assert all(9.5 <= abs(angle) <= 20.5 for angle in angles)
    assert min(angles) < 0 < max(angles)


def test_a_single_point_is_a_dot():
    width, height = shape_of(pen_digits.render([[[3, 4]]], "neat", np.random.default_rng(1)))
    assert (width, height) == pytest.approx((16, 16), abs=1)


def test_the_same_seed_draws_the_same():
    once, again = (pen_digits.render(SEVEN, "casual", np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_the_png_is_the_drawing():
    picture = pen_digits.render(SEVEN, "neat", np.random.default_rng(1))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(pen_digits.png(picture)))), picture)


# --- counting ---


def result(labels: list[int], answers: list[int], confidence: list[float], unsure: list[bool]) -> drawn.Result:
    return drawn.Result(*(np.array(column) for column in (labels, answers, confidence, unsure)))


def test_the_summary_counts_the_sure_ones_apart():
    one = result([1, 1, 7, 7], [1, 7, 7, -1], [1, 0.6, 0.9, 0.4], [False, True, False, True])
    assert drawn.summary({"neat": one}) == (
        "|  | digits | accuracy | marked unsure | accuracy of the others |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| neat | 4 | 50.00 % | 50.00 % | 100.00 % |\n"
    )


def test_each_digit_has_its_row():
    rows = drawn.by_digit({"neat": result([1, 1, 7], [1, 7, 7], [1, 1, 1], [False] * 3)}).splitlines()
    assert rows[3] == "| 1 | 50.00 % |"
    assert rows[9] == "| 7 | 100.00 % |"
    assert rows[11] == "| 9 | - |"


def test_confusions_are_ordered_by_number():
    one = result([1, 1, 4, 9, 0], [7, 7, 9, 9, -1], [1] * 5, [False] * 5)
    assert drawn.confusions({"neat": one, "thin": one}) == (
        "| mistake | times |\n| --- | ---: |\n| 1 read as 7 | 4 |\n| 0 not seen | 2 |\n| 4 read as 9 | 2 |\n"
    )


def test_the_calibration_error_is_the_mean_gap_between_confidence_and_accuracy():
    honest = result([1] * 4, [1, 1, 1, 7], [0.75] * 4, [False] * 4)
    assert drawn.calibration_error(honest.confidence, honest.right) == pytest.approx(0)
    boastful = result([1] * 4, [1, 1, 7, 7], [1.0] * 4, [False] * 4)
    assert drawn.calibration_error(boastful.confidence, boastful.right) == pytest.approx(0.5)
    mixed = result([1] * 4, [1, 1, 7, 7], [1.0, 1.0, 0.2, 0.2], [False] * 4)
    assert drawn.calibration_error(mixed.confidence, mixed.right) == pytest.approx(0.1)


# --- the corpus ---


def test_a_limit_is_spread_over_the_file(strokes):
    assert [digit.label for digit in drawn.digits(strokes)] == [1, 7, 1, 7]
    assert [digit.label for digit in drawn.digits(strokes, 2)] == [1, 1]
    assert [digit.label for digit in drawn.digits(strokes, 99)] == [1, 7, 1, 7]


@pytest.mark.parametrize(
    "text", ["", "{", '{"label": 3}', '{"label": 10, "strokes": [[[0, 0]]]}', '{"label": 1, "strokes": []}']
)
def test_a_file_without_digits_is_refused_with_where_to_get_them(tmp_path, text):
    path = tmp_path / "strokes.jsonl"
    path.write_text(text)
    with pytest.raises(BadDataset, match=r"doi 10\.5281/zenodo\.1195803"):
        drawn.digits(path)


# --- the commands ---


@pytest.fixture
def believer(monkeypatch) -> None:
    """A model that calls everything a seven, without a doubt if it is wide."""

    def run(pictures: np.ndarray) -> np.ndarray:
        wide = pictures.max(1).sum(1) > 8
        return np.where(wide[:, None], np.eye(10)[7], np.full(10, 0.05) + 0.5 * np.eye(10)[7])

    card = {"name": "believer", "unsure": {"confidence": 0.9}}
    monkeypatch.setattr(classifier, "load", lambda name: classifier.Model(card, run))


def test_the_benchmark_prints_its_tables_and_saves_what_it_is_told(strokes, tmp_path, believer, capsys):
    sheet, pictures = tmp_path / "sheet.png", tmp_path / "pictures.npz"
    arguments = ["--strokes", str(strokes), "--sheet", str(sheet), "--pictures", str(pictures), "--no-mnist"]
    assert drawn.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["Model believer, digits drawn as on the page.", "", "strokes, 4 digits:", ""]
    assert lines[6] == "| neat | 4 | 50.00 % | 50.00 % | 100.00 % |"
    assert lines[-4] == "| 1 read as 7 | 12 |"
    assert lines[-2] == "Expected calibration error of all six ways, 15 bins: 27.50 %"
    with np.load(tmp_path / "pictures-strokes.npz") as saved:
        assert sorted(saved) == sorted([*drawn.CONDITIONS, "labels"])
        assert saved["labels"].tolist() == [1, 7, 1, 7]
        assert saved["thin"].shape == (4, 28, 28)
        assert saved["thin"].dtype == np.uint8
    assert Image.open(sheet).size == (1280, 76)


def test_what_is_scored_is_the_picture_that_the_page_scores_to_the_last_bit():
    scored = drawn.pictures([drawn.Digit(7, SEVEN)], ["neat"])["neat"][0].picture
    page = preprocess(
        pen_digits.png(pen_digits.render(SEVEN, "neat", np.random.default_rng([drawn.SEED, 0, 0])))
    ).picture
    np.testing.assert_array_equal(scored, page)
    assert scored.dtype == np.float32
    assert not np.array_equal(scored, drawn.in_bytes(scored) / np.float32(255))


def ends_at_a_polite_kill(_: int) -> np.ndarray:
    return np.full((28, 28), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, np.float32)


def test_workers_end_at_a_polite_kill_whatever_this_process_makes_of_one():
    signal.signal(signal.SIGTERM, lambda *_: None)
    jobs = range(cores.PART + 1)  # fewer are not worth a worker
    assert np.all(cores.on_all_cores(ends_at_a_polite_kill, jobs, "jobs"))


def test_a_contact_sheet_leaves_none_out():
    assert drawn.contact_sheet([(np.zeros((28, 28), np.uint8), "0 as 6")] * 401).size == (1280, 21 * 76)


def test_mnists_test_images_are_measured_whole_and_by_halves(strokes, tmp_path, believer, monkeypatch, capsys):
    wide = drawn.in_bytes(drawn._read_drawing((0, SEVEN, "neat")).picture)
    test = SimpleNamespace(X_test=np.stack([wide] * 4), y_test=np.array([1, 7, 7, 7]))
    monkeypatch.setattr(dataset, "load", lambda source: test)
    sheet, curve = tmp_path / "scans.png", tmp_path / "curve.png"
    assert (
        drawn.main(["--strokes", str(strokes), "--limit", "1", "--scan-sheet", str(sheet), "--reliability", str(curve)])
        == 0
    )
    printed = capsys.readouterr().out
    assert Image.open(curve).width > 500
    assert printed.endswith(
        "MNIST's test images, read from PNG files:\n\n"
        "|  | digits | accuracy | marked unsure | accuracy of the others |\n| --- | ---: | ---: | ---: | ---: |\n"
        "| test set | 4 | 75.00 % | 0.00 % | 75.00 % |\n"
        "| first half | 2 | 50.00 % | 0.00 % | 50.00 % |\n"
        "| second half | 2 | 100.00 % | 0.00 % | 100.00 % |\n\n"
        "| mistake | times |\n| --- | ---: |\n| 1 read as 7 | 1 |\n\n"
        "Expected calibration error on them, 15 bins: 25.00 %\n"
    )
    assert Image.open(sheet).size == (1280, 76)


def test_what_is_no_digit_is_counted_by_kind():
    assert nondigits.figures(["shape", "shape", "scribble"], np.array([True, False, True])) == (
        "|  | drawings | marked unsure |\n| --- | ---: | ---: |\n"
        "| shape | 2 | 50.00 % |\n| scribble | 1 | 100.00 % |\n| all | 3 | 66.67 % |\n"
    )


def test_there_are_300_drawings_that_are_no_digit_and_always_the_same():
    every = nondigits.drawings()
    kinds = [drawing.kind for drawing in every]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "capital letter": 126,
        "shape": 60,
        "scribble": 54,
        "two digits": 60,
    }
    for one, other in zip(every, nondigits.drawings(), strict=True):
        assert all(np.array_equal(stroke, same) for stroke, same in zip(one.strokes, other.strokes, strict=True))


@pytest.mark.parametrize("script", ["drawn.py", "nondigits.py"])
def test_a_benchmark_runs_from_anywhere_and_refuses_an_unknown_model_in_words(script, tmp_path):
    command = [sys.executable, str(BENCHMARKS / script), "--model", "nonesuch"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"{script}: There is no model of that name. Choose one of: ")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5"])
def test_a_limit_that_is_no_number_is_a_usage_error(limit, capsys):
    with pytest.raises(SystemExit) as caught:
        drawn.main([f"--limit={limit}"])
    assert caught.value.code == 2
    assert "is no number of digits from 1" in capsys.readouterr().err
