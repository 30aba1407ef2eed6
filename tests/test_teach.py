"""Teaching the network somebody's drawings from the CSV file that the page exports."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")

from learning.cnn import drawings, run, teach
from learning.errors import BadDataset
from reading.errors import BadSetting, BrokenModel, NoModel
from test_training import NO_STROKES, TINY, printed, tiny  # noqa: F401

HEADER = ",".join(drawings.COLUMNS)


def csv_of(pictures, labels):
    rows = [",".join(map(str, [label, *picture.ravel()])) for picture, label in zip(pictures, labels, strict=True)]
    return "\n".join([HEADER, *rows]) + "\n"


def test_what_the_page_exports_is_read_back_to_the_pixel(tmp_path):
    pictures, labels = printed(5, 3)
    (tmp_path / "mine.csv").write_text(csv_of(pictures, labels))
    read, meant = drawings.read(tmp_path / "mine.csv")
    assert np.array_equal(read, pictures)
    assert np.array_equal(meant, labels)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("a,b,c\n1,2,3\n", "should begin with the line label,pixel0"),
        (HEADER + "\n", "has 0 drawings"),
        (HEADER + "\n" + "1,2,3\n", "line 2: 785 whole numbers are expected"),
        (HEADER + "\n" + ",".join(["10"] + ["0"] * 784) + "\n", "line 2: a label is 0 to 9"),
        (HEADER + "\n" + ",".join(["1"] + ["256"] * 784) + "\n", "line 2: a label is 0 to 9, a pixel 0 to 255"),
        (HEADER + "\n" + ",".join(["1"] + ["9" * 5000] * 784) + "\n", "line 2: a label is 0 to 9, a pixel 0 to 255"),
        (HEADER + "\n" + ",".join(["9" * 5000] + ["0"] * 784) + "\n", "line 2: a label is 0 to 9, a pixel 0 to 255"),
        (HEADER + "\n" + ",".join(["1"] + ["nan"] * 784) + "\n", "line 2: 785 whole numbers are expected"),
        (HEADER + "\n" + ",".join(["1"] + [""] * 784) + "\n", "line 2: 785 whole numbers are expected"),
        (HEADER + "\n\n" + ",".join(["1"] + ["²"] * 784) + "\n", "line 3: 785 whole numbers are expected"),
        ("\n\n", "is empty"),
        (HEADER + "\n" + ",".join(["1"] + ["-1"] * 784) + "\n", "line 2: 785 whole numbers are expected"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_is_wrong(tmp_path, content, sentence):
    (tmp_path / "mine.csv").write_text(content)
    with pytest.raises(BadDataset, match=sentence):
        drawings.read(tmp_path / "mine.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_a_table_program_has_saved_again_is_read(tmp_path, separator, line_end, mark):
    pictures, labels = printed(5, 3)
    text = csv_of(pictures, labels).replace(",", separator) + "\n" + separator * 784 + "\n"
    (tmp_path / "mine.csv").write_bytes((mark + text.replace("\n", line_end)).encode())
    read, meant = drawings.read(tmp_path / "mine.csv")
    assert np.array_equal(read, pictures)
    assert np.array_equal(meant, labels)


def test_a_file_without_end_is_not_read_for_ever(monkeypatch):
    monkeypatch.setattr(drawings, "MOST", 2**20)
    with pytest.raises(BadDataset, match=r"^/dev/zero is longer than 1 MiB; so many drawings are not learnt from\.$"):
        drawings.read(Path("/dev/zero"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadDataset, match=r"mine\.csv can't be read"):
        drawings.read(tmp_path / "mine.csv")


def test_without_a_model_the_command_that_trains_one_is_named(tmp_path):
    with pytest.raises(NoModel, match=r"train\.py"):
        teach.shipped(tmp_path)


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("{", "The card cnn.json is damaged. Train it again: python cgi-bin/train.py"),
        (
            json.dumps({"checkpoint_sha256": {"cnn.tfl.index": "0" * 64}}),
            "The model file cnn.tfl.index is not the one its card cnn.json describes (SHA-256 differs). "
            "Train it again: python cgi-bin/train.py",
        ),
    ],
)
def test_a_model_that_is_not_what_its_card_says_is_not_taught(tmp_path, card, sentence):
    (tmp_path / "cnn.json").write_text(card)
    (tmp_path / "cnn.tfl.index").write_text("another")
    with pytest.raises(BrokenModel) as refused:
        teach.shipped(tmp_path)
    assert str(refused.value) == sentence


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_learnt(tiny, tmp_path):  # noqa: F811
    with pytest.raises(BadSetting, match="Can't write to the folder /dev/null/taught: Not a directory"):
        teach.teach(tiny, tmp_path / "none.csv", teach.Lesson(), tmp_path, Path("/dev/null/taught"))


def test_the_taught_model_is_written_elsewhere_and_its_card_says_what_teaching_did(tiny, tmp_path):  # noqa: F811
    run.train(tiny, NO_STROKES, TINY, tmp_path / "models", tmp_path / "work", resume=False)
    before = {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()}
    pictures, labels = printed(6, 5)
    (tmp_path / "mine.csv").write_text(csv_of(pictures[:, ::-1], labels))  # upside down: nothing it has seen
    lesson = teach.Lesson(repeat=3, company=20, epochs=1, folds=2)
    card = teach.teach(tiny, tmp_path / "mine.csv", lesson, tmp_path / "models", tmp_path / "taught")
    assert {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()} == before
    assert json.loads((tmp_path / "taught" / "cnn.json").read_text()) == card
    extra = card["extra"]
    assert (extra["drawings"], extra["repeat"]) == (6, 3)
    assert 0 <= extra["right_before"] <= 6
    assert 0 <= extra["right_after"] <= 6
    assert (tmp_path / "taught" / "cnn.tflite").read_bytes() != before["cnn.tflite"]
