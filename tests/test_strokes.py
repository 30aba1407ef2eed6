"""Digits as pen strokes are read from their files, and what makes no sense is skipped, counted and told."""

import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pytest

from learning.data import strokes
from learning.errors import BadDataset

SEVEN = {"writer": "a/b", "label": 7, "strokes": [[[0, 0], [700, 10], [300, 1000]], [[200, 500], [500, 500]]]}
DOT = {"writer": "c", "label": 1, "strokes": [[[0, 0]]]}


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record in records))
    return path


def test_digits_are_read_with_labels_and_writers(tmp_path: Path) -> None:
    read = strokes.read(write(tmp_path / "digits.jsonl", SEVEN, DOT))
    assert [[stroke.tolist() for stroke in digit] for digit in read.strokes] == [SEVEN["strokes"], DOT["strokes"]]
    assert {stroke.dtype for digit in read.strokes for stroke in digit} == {np.dtype(np.float32)}
    assert (read.labels.tolist(), read.labels.dtype, read.writers, read.skipped) == ([7, 1], np.int64, ["a/b", "c"], 0)


def test_several_files_are_read_one_after_the_other_packed_or_not(tmp_path: Path) -> None:
    plain = write(tmp_path / "one.jsonl", SEVEN)
    packed = tmp_path / "two.jsonl.gz"
    packed.write_bytes(gzip.compress(write(tmp_path / "two.jsonl", DOT, SEVEN).read_bytes()))
    read = strokes.read(plain, packed)
    assert (read.labels.tolist(), read.writers, len(read.strokes)) == ([7, 1, 7], ["a/b", "c", "a/b"], 3)


NONSENSE = [
    "no JSON",
    "[" * 100_000,
    "null",
    "[]",
    '"text"',
    {},
    {"label": 7, "strokes": SEVEN["strokes"]},
    {**SEVEN, "writer": ""},
    {**SEVEN, "writer": 5},
    {**SEVEN, "label": 10},
    {**SEVEN, "label": -1},
    {**SEVEN, "label": "7"},
    {**SEVEN, "label": True},
    {**SEVEN, "label": 7.0},
    {**SEVEN, "strokes": []},
    {**SEVEN, "strokes": None},
    {**SEVEN, "strokes": {"0": 1}},
    {**SEVEN, "strokes": [[]]},
    {**SEVEN, "strokes": [[[0, 0], [1, 2]], []]},
    {**SEVEN, "strokes": [[[0, 0], [1]]]},
    {**SEVEN, "strokes": [[[0, 0, 0]]]},
    {**SEVEN, "strokes": [[["0", "1"]]]},
    {**SEVEN, "strokes": [[[0, None]]]},
    {**SEVEN, "strokes": [[[False, True]]]},
    {**SEVEN, "strokes": [[[0, float("nan")]]]},
    {**SEVEN, "strokes": [[[0, float("inf")]]]},
    {**SEVEN, "strokes": [[[0, 10**400]]]},
    {**SEVEN, "strokes": [[[-1, 0]]]},
    {**SEVEN, "strokes": [[[0, 1001]]]},
]


@pytest.mark.parametrize("line", NONSENSE, ids=range(len(NONSENSE)))
def test_a_line_that_makes_no_sense_is_skipped_and_told(
    line: object, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "digits.jsonl", SEVEN, line, "", DOT)
    with caplog.at_level(logging.WARNING):
        read = strokes.read(path)
    assert (read.labels.tolist(), read.skipped) == ([7, 1], 1)
    assert caplog.messages == [f"{path}: 1 line makes no sense and was skipped."]


def test_many_of_them_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "digits.jsonl"
    path.write_bytes(json.dumps(DOT).encode() + b"\n\xff\xfe\n{}\n")
    assert strokes.read(path).skipped == 2
    assert caplog.messages == [f"{path}: 2 lines make no sense and were skipped."]


@pytest.mark.parametrize("text", ["", "\n\n", "a text\n"])
def test_a_file_without_a_digit_is_refused_with_the_form_that_it_should_have(text: str, tmp_path: Path) -> None:
    path = tmp_path / "digits.jsonl"
    path.write_text(text)
    with pytest.raises(BadDataset) as error:
        strokes.read(path)
    assert str(error.value) == (
        f"There is no digit in {path}. Each line should be a JSON object: "
        '{"writer": "name", "label": 7, "strokes": [[[x, y], ...], ...]}.'
    )


def test_what_can_not_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(SEVEN).encode() * 50)
    for content, sentence in (
        (packed[:-12], "{} is cut short: the compressed data ends too early."),
        (packed[:20] + b"\xff" * 20 + packed[40:], "Can't read the strokes in {}: Error -3 while decompressing data"),
    ):
        path = tmp_path / "digits.jsonl.gz"
        path.write_bytes(content)
        with pytest.raises(BadDataset) as error:
            strokes.read(path)
        assert str(error.value).startswith(sentence.format(path))
    with pytest.raises(BadDataset) as error:
        strokes.read(tmp_path / "nowhere")
    assert str(error.value) == f"Can't read the strokes in {tmp_path}/nowhere: No such file or directory."
