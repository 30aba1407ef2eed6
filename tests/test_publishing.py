"""learning/publishing.py replaces a model by a new one, whole or not at all."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from learning.errors import TrainingFailed
from learning.publishing import digest, publish, write_card
from reading import cards
from reading.errors import NoModel


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
            ("on the disk", models.name),
            ("moved", "sgd.onnx"),
            ("moved", "sgd.txt"),
            ("moved", "sgd.json"),
            ("on the disk", models.name),
        ],
    )


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_when_a_file_cannot_be_moved_the_new_model_counts_and_the_next_training_moves_it(
    models: Path, monkeypatch: pytest.MonkeyPatch, fail_move: Callable[[int, OSError], None], failing: int
) -> None:
    for file in ("sgd.onnx", "sgd.json"):
        (models / file).unlink()
    model_of(b"old")(models)
    fail_move(failing, OSError(5, "Input/output error"))
    with pytest.raises(TrainingFailed) as failed:
        publish("sgd", models, model_of(b"new"))
    assert str(failed.value) == (
        f"Can't save the model in {models}: Input/output error. "
        "It counts all the same; the next training moves its files from .sgd.new."
    )
    assert served(models, monkeypatch) == b"new"
    publish("sgd", models, model_of(b"next"))
    assert served(models, monkeypatch) == b"next"
    assert sorted(path.name for path in models.iterdir()) == ["sgd.bin", "sgd.json", "sgd.onnx", "svm.json"]


def model_of(data: bytes) -> Callable[[Path], None]:
    """What writes a model of three files."""

    def write(part: Path) -> None:
        (part / "sgd.onnx").write_bytes(data)
        (part / "sgd.bin").write_bytes(data)
        weights = {"file": "sgd.bin", "sha256": digest(data)}
        card = {"name": "sgd", "file": "sgd.onnx", "sha256": digest(data), "weights": weights}
        write_card(card | {"unsure": {"confidence": 0.5}}, part)

    return write


def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bytes | None:
    """What a reader gets of that model, which has to be whole; None if there is none."""
    monkeypatch.setattr(cards, "MODELS", str(folder))
    try:
        card = cards.read("sgd")
    except NoModel:
        assert "sgd" not in [card["name"] for card in cards.available()]
        return None
    assert "sgd" in [card["name"] for card in cards.available()]
    data = cards.read_checked(str(folder), card["file"], card["sha256"], "sgd")
    assert cards.read_checked(str(folder), card["weights"]["file"], card["weights"]["sha256"], "sgd") == data
    return data


def published_until(folder: Path, data: bytes, step: int) -> bool:
    """Publish in a process that ends, as by kill -9, before its n-th audited call; whether it was done."""
    child = os.fork()
    if not child:
        left = [step]

        def count(event: str, _: object) -> None:
            left[0] -= event.startswith(("os.", "open", "shutil."))
            if left[0] <= 0:
                os._exit(9)

        sys.addaudithook(count)
        publish("sgd", folder, model_of(data))
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("before", [b"old", None])
def test_a_cut_at_any_step_leaves_the_old_model_or_the_new_one_whole(
    before: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for step in range(1, 500):
        folder = tmp_path / str(step)
        folder.mkdir()
        if before:
            publish("sgd", folder, model_of(before))
        done = published_until(folder, b"new", step)
        seen.append(served(folder, monkeypatch))
        publish("sgd", folder, model_of(b"next"))
        assert served(folder, monkeypatch) == b"next"
        assert sorted(path.name for path in folder.iterdir()) == ["sgd.bin", "sgd.json", "sgd.onnx"]
        if done:
            break
    at = seen.index(b"new")
    assert (set(seen[:at]), set(seen[at:])) == ({before}, {b"new"})
    assert len(seen) - at > 5  # it was cut between the files, too


@pytest.mark.parametrize("first", [12, 16, 18, 20])
def test_two_cuts_one_after_the_other_leave_a_whole_model(
    first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run begins with what the first has left."""
    for second in range(1, 40):
        folder = tmp_path / str(second)
        folder.mkdir()
        publish("sgd", folder, model_of(b"old"))
        published_until(folder, b"new", first)
        between = served(folder, monkeypatch)
        done = published_until(folder, b"next", second)
        assert served(folder, monkeypatch) in ((b"next",) if done else (between, b"next"))


def test_a_model_that_is_half_moved_has_one_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has loaded it does not load it again only because its files are moved."""
    monkeypatch.setattr(cards, "MODELS", str(tmp_path))
    model_of(b"new")(tmp_path)
    before = cards.stamp("sgd")
    (tmp_path / ".sgd.new").mkdir()
    (tmp_path / "sgd.onnx").rename(tmp_path / ".sgd.new" / "sgd.onnx")
    assert cards.stamp("sgd") == before
    assert None not in before[::3]


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
