"""learning/publishing.py replaces a model by a new one, whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from learning.errors import TrainingFailed
from learning.publishing import publish


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with an older model, and another model, in it."""
    for file in ("sgd.json", "sgd.onnx", "svm.json"):
        (tmp_path / file).write_text("old")
    return tmp_path


def write_new(folder: Path) -> None:
    for file in ("sgd.json", "sgd.onnx", "sgd.txt"):
        (folder / file).write_text("new")


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_new_model_takes_the_place_of_the_old_one_and_of_no_other(models: Path) -> None:
    publish("sgd", models, write_new)
    assert contents(models) == {"sgd.json": "new", "sgd.onnx": "new", "sgd.txt": "new", "svm.json": "old"}


def test_everything_is_on_the_disk_before_the_first_file_is_moved_and_the_card_is_moved_last(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, str]] = []
    names: dict[int, str] = {}
    open_, fsync, replace = os.open, os.fsync, Path.replace

    def note_open(path: Path, flags: int, *more: int) -> int:
        opened = open_(path, flags, *more)
        names[opened] = Path(path).name
        return opened

    def note_sync(opened: int) -> None:
        done.append(("on the disk", names[opened]))
        fsync(opened)

    def note_move(path: Path, target: Path) -> Path:
        done.append(("moved", path.name))
        return replace(path, target)

    monkeypatch.setattr(os, "open", note_open)
    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_move)
    publish("sgd", models, write_new)
    files = {("on the disk", name) for name in ("sgd.json", "sgd.onnx", "sgd.txt")}
    assert (set(done[:3]), done[3:]) == (
        files,
        [
            ("on the disk", ".sgd.part"),
            ("moved", "sgd.onnx"),
            ("moved", "sgd.txt"),
            ("moved", "sgd.json"),
            ("on the disk", models.name),
        ],
    )


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_what_was_there_is_put_back_when_a_file_cannot_be_moved(
    models: Path, fail_move: Callable[[int, OSError], None], failing: int
) -> None:
    fail_move(failing, OSError(5, "Input/output error"))
    with pytest.raises(TrainingFailed) as failed:
        publish("sgd", models, write_new)
    assert str(failed.value) == f"Can't save the model in {models}: Input/output error. The old one stays."
    assert contents(models) == {"sgd.json": "old", "sgd.onnx": "old", "svm.json": "old"}


def test_a_disk_that_does_not_take_the_files_leaves_the_old_model(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TrainingFailed, match=r"No space left on device\. The old one stays"):
        publish("sgd", models, write_new)
    assert contents(models) == {"sgd.json": "old", "sgd.onnx": "old", "svm.json": "old"}


def test_what_a_run_left_that_was_killed_is_cleared_away(models: Path) -> None:
    (models / ".sgd.part").mkdir()
    (models / ".sgd.part" / "sgd.old").write_text("left")
    publish("sgd", models, write_new)
    assert contents(models) == {"sgd.json": "new", "sgd.onnx": "new", "sgd.txt": "new", "svm.json": "old"}
