"""benchmarks/whole_numbers.py puts numbers together, measures how they are read, and fits the path's weights."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pictures
from benchmarks import made_numbers, number_fits, number_weights, pen_digits, verifier_weights, whole_numbers
from learning.data.writers import hand
from reading import classifier
from reading.numbers import path, verifier

NO_TRAINING = "training packages are not installed: pip install -r requirements.txt"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of strokes in which two people wrote each digit that there is three times, and a number."""
    folder = tmp_path_factory.mktemp("strokes")
    every = [
        {"writer": writer, "label": label, "strokes": strokes}
        for writer in "wx"
        for label, strokes in [*pictures.STROKES.items()] * 3
    ]
    number = {"writer": "w", "label": "0142", "strokes": pictures.written("0142")}
    for name, records in (("digits-train", every), ("digits-dev", every), ("numbers-dev", [number])):
        with gzip.open(folder / f"unipen-{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
    (folder / "pendigits-train.jsonl.gz").write_bytes((folder / "unipen-digits-train.jsonl.gz").read_bytes())
    return folder


def made(corpus: Path, gap: str, count: int = 4) -> list[made_numbers.Drawing]:
    digits = made_numbers.written(corpus / "unipen-digits-train.jsonl.gz")
    return list(made_numbers.made(digits, count, np.random.default_rng(1), (gap,), (2, 3)))


def test_digits_stand_apart_by_their_gap_or_touch(corpus: Path) -> None:
    for gap, (least, most) in made_numbers.GAPS.items():
        for drawing in made(corpus, gap):
            left, right = (np.concatenate(strokes) for strokes in drawing.digits[:2])
            between = right[:, 0].min() - left[:, 0].max() - drawing.pen
            assert 0.8 * least < between / np.ptp(left[:, 1]) < 1.25 * most
    for drawing in made(corpus, made_numbers.TOUCHING):
        covers = [pen_digits.painted(strokes, drawing.pen + 2, drawing.size) < 255 for strokes in drawing.digits[:2]]
        assert (covers[0] & covers[1]).any()


def test_the_same_numbers_are_made_again(corpus: Path) -> None:
    first, second = made(corpus, "wide"), made(corpus, "wide")
    assert [one.png(with_strokes=True) for one in first] == [one.png(with_strokes=True) for one in second]


def test_the_digits_of_a_number_that_are_misread_alone_are_found_and_shown(corpus: Path, tmp_path: Path) -> None:
    drawing, model = made(corpus, "wide")[0], classifier.load()
    other = drawing._replace(label=drawing.label[:-1] + str((int(drawing.label[-1]) + 1) % 10))
    for with_strokes in whole_numbers.FROM.values():
        assert whole_numbers.misread_alone(drawing, model, with_strokes) == []
        (found,) = whole_numbers.misread_alone(other, model, with_strokes)
        assert (found.drawing.label, found.text) == (other.label[-1], drawing.label[-1])
    whole_numbers.save_sheet({"strokes": [[], [found]], "pixels": [[found, found]]}, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        cells = np.split(np.asarray(sheet)[:, : 3 * 64], 3, axis=1)
    assert (cells[0] == cells[2]).all()
    assert all((cell < 128).sum() > 50 for cell in cells)


def test_the_right_path_gets_likelier(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = number_weights.samples([*made(corpus, "wide"), *made(corpus, "touching")], classifier.load())
    monkeypatch.setattr(path, "WEIGHTS", dict.fromkeys(path.TERMS, 0.0))
    weights = number_weights.fitted(known)
    assert list(weights) == list(path.TERMS)
    before, after = (np.array([each[name] for name in path.TERMS]) for each in (path.WEIGHTS, weights))

    def likelihood(weight: np.ndarray) -> float:
        return sum(number_weights.likelihood(one, weight) for one in known)

    assert len(known) >= 6
    assert likelihood(after) > likelihood(before) / 2 > likelihood(before)


def test_the_tables_are_printed(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert whole_numbers.main(["--strokes", str(corpus), "--limit", "4", "--no-mnist"]) == 0
    out = capsys.readouterr().out
    assert "| from strokes | 100.0 % of 1 | 100.0 % of 4 |" in out
    assert "touching pairs, from pixels" in out
    assert "Wrong ones, none touching, with a digit that is misread alone, too: from strokes " in out
    assert "Single digits taken for numbers: from strokes 0.0 % of 4, from pixels 0.0 % of 4" in out
    assert re.search(r"scribbles taken for numbers: from strokes [\d.]+ % of 4, from pixels [\d.]+ % of 4; 0 of", out)
    assert "five digits:" in out


def test_strokes_that_are_not_there_are_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert whole_numbers.main(["--strokes", str(tmp_path)]) == 1
    assert "can't be read" in capsys.readouterr().err


@pytest.fixture
def its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the verifier's file is to be written, and read from."""
    monkeypatch.setattr(verifier, "FILE", tmp_path / "verifier.npz")
    verifier.load.cache_clear()
    yield tmp_path / "verifier.npz"
    verifier.load.cache_clear()


def test_the_verifier_learns_and_numpy_says_what_tflearn_says(its_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorflow", reason=NO_TRAINING)
    monkeypatch.setattr(verifier_weights, "EPOCHS", 20)
    rng = np.random.default_rng(1)
    views = rng.integers(0, 40, (256, verifier.HIGH, verifier.WIDE, 2), np.uint8)
    labels = rng.random(256) < 0.5
    views[labels, 5:12, 5:12, 0] += 150
    fitting = verifier_weights.Fitting(verifier_weights.layers, 1)
    verifier_weights.learn(fitting, views, labels, rng)
    assert verifier_weights.accuracy(fitting, views, labels) > 0.95
    verifier_weights.save(fitting, its_file)
    seen = views / np.float32(255)
    assert verifier.load().whole(seen) == pytest.approx(fitting.score(seen)[:, 1], abs=0.01)


def test_the_verifier_is_trained_by_the_command(
    corpus: Path, its_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorflow", reason=NO_TRAINING)
    monkeypatch.setattr(verifier_weights, "BATCH", 16)
    assert whole_numbers.main(["--strokes", str(corpus), "--limit", "4", "--fit-verifier"]) == 0
    assert re.fullmatch(
        r"[\d,]+ candidates learnt; of [\d,]+ of held-back writers [\d.]+% are judged right\n", capsys.readouterr().out
    )
    kernels = [verifier.load().layers[at].kernel.shape for at in range(3)]
    assert kernels == [(18, 16), (144, 32), (288, 48)]


def test_the_digits_of_the_held_back_writers_are_measured_on(corpus: Path) -> None:
    options = whole_numbers.parser().parse_args(["--strokes", str(corpus), "--part", "held"])
    assert {one.writer for one in number_fits.digits(options)} == {"w"}


def test_no_writer_is_both_learnt_from_and_held_back() -> None:
    digits = [made_numbers.Written(f"apa/apa{at % 9:02}/app{at:04}", "7", []) for at in range(40)]
    learnt, held = ({hand(one.writer) for one in verifier_weights.division(digits, each)} for each in (False, True))
    assert (len(learnt), len(held), learnt & held) == (6, 3, set())


def test_the_train_digits_are_written_without_the_held_back_writers(corpus: Path, tmp_path: Path) -> None:
    assert whole_numbers.main(["--strokes", str(corpus), "--divide", str(tmp_path)]) == 0
    every, own = (made_numbers.written(folder / "pendigits-train.jsonl.gz") for folder in (corpus, tmp_path))
    kept = [one for one in every if one.writer == "x"]
    assert [one._replace(strokes=[]) for one in own] == [one._replace(strokes=[]) for one in kept]
    for mine, its in zip(own, kept, strict=True):
        for stroke, true in zip(mine.strokes, its.strokes, strict=True):
            assert stroke == pytest.approx(true, abs=0.5)  # coordinates are whole numbers
