"""What predict.py --cluster does besides Ray: which pictures are meant, how one is read, where the answers are."""

import json
import os
import socket
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

import pictures
from commands import run
from reading import cards
from reading.digits import Digit
from reading.errors import BadSetting
from scaling import batches, listing, reader
from scaling.answers import Answers
from scaling.cluster import NoCluster, check_answers, environment

ENDINGS = {".png", ".jpg"}
SEVEN = pictures.png(7)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sevens in a folder and in one below it, and what is no picture."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.PNG", "deep/er/c.jpg", "notes.txt", "deep/d.txt"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(SEVEN)
    return tmp_path / "photos"


def files(*arguments: str) -> list[tuple[str, str]]:
    return [(one.file, one.error) for one in listing.listed(list(arguments), ENDINGS)]


# --- which pictures ---------------------------------------------------------------------------------


def test_a_folder_stands_for_all_pictures_in_it_and_below(folder: Path) -> None:
    assert files("photos") == [("photos/a.PNG", ""), ("photos/b.png", ""), ("photos/deep/er/c.jpg", "")]
    assert files(str(folder / "deep")) == [(f"{folder}/deep/er/c.jpg", "")]


@pytest.mark.usefixtures("folder")
def test_a_pattern_stands_for_what_fits_it_and_a_name_for_itself() -> None:
    assert files("photos/*.png", "photos/notes.txt") == [("photos/b.png", ""), ("photos/notes.txt", "")]
    assert files("photos/**/*.jpg") == [("photos/deep/er/c.jpg", "")]
    (Path("photos") / "x[1].png").write_bytes(SEVEN)
    assert files("photos/x[1].png") == [("photos/x[1].png", "")]


@pytest.mark.usefixtures("folder")
def test_what_stands_for_no_picture_is_one_with_an_error() -> None:
    Path("empty").mkdir()
    nothing = "This stands for no picture (.jpg, .png)."
    missing = "Can't read the file: No such file or directory."
    long = "x" * 300
    assert files("empty", "none*.png") == [("empty", nothing), ("none*.png", nothing)]
    assert files("none.png") == [("none.png", missing)]
    assert files(long) == [(long, "Can't read the file: File name too long.")]


def test_addresses_of_object_stores_are_listed_and_read(folder: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install -r requirements-ray.txt")
    base = f"file://{folder}"
    assert files(base) == [(f"{base}/{name}", "") for name in ("a.PNG", "b.png", "deep/er/c.jpg")]
    assert files(f"{base}/*.png", f"{base}/b.png") == [(f"{base}/b.png", "")] * 2
    assert files(f"{base}/none") == [(f"{base}/none", "Can't read the file: No such file or folder.")]
    ((_, error),) = files("nonsense://a/b")
    assert error.startswith("Can't read the address: ")
    assert reader.content(f"{base}/b.png", "") == SEVEN


def test_parts_have_a_thousand_pictures_and_change_with_any_of_them(folder: Path) -> None:
    many = [listing.Listed(f"{number}.png") for number in range(2500)]
    found = list(listing.parts(many))
    assert [(part.number, len(part.pictures)) for part in found] == [(0, 1000), (1, 1000), (2, 500)]
    assert [one for part in found for one in part.pictures] == many
    (before,) = listing.parts(listing.listed([str(folder)], ENDINGS))
    (again,) = listing.parts(listing.listed([str(folder)], ENDINGS))
    os.utime(folder / "b.png", (1, 1))
    (after,) = listing.parts(listing.listed([str(folder)], ENDINGS))
    assert before.digest() == again.digest() != after.digest()


# --- how one is read --------------------------------------------------------------------------------


def read(folder: Path, parquet: bool = False, how: str = "auto") -> Any:
    (part,) = listing.parts(listing.listed(["photos"], ENDINGS))
    packed = zlib.compress(json.dumps(part.pictures).encode())
    worker = reader.Reader("cnn", cards.MODELS, how, str(folder.parent), parquet)
    return worker({"name": "part-000000-x", "pictures": packed})


def test_the_lines_are_those_that_predict_py_prints(folder: Path) -> None:
    (folder / "blank.png").write_bytes(pictures.claimed_png(28, 28))
    (folder / "text.png").write_text("a text")
    os.mkfifo(folder / "pipe.png")
    row = read(folder)
    lines = [json.loads(line) for line in row["content"].splitlines()]
    names = ["a.PNG", "b.png", "blank.png", "pipe.png", "text.png", "deep/er/c.jpg"]
    assert [line["file"] for line in lines] == [f"photos/{name}" for name in names]
    assert [line["result"] for line in lines] == [1, 1, 0, 0, 0, 1]
    assert json.loads(row["unread"]) == [[line["file"], line["error"]] for line in lines[2:5]]
    assert (row["size"], lines[3]["error"]) == (6, "Can't read the file: it is no regular file.")
    printed = run("predict", "--json", *(name["file"] for name in (lines[1], lines[2], lines[4], lines[5])))
    assert [json.loads(line) for line in printed.out.splitlines()] == [lines[1], lines[2], lines[4], lines[5]]


def test_no_answer_is_written_out_as_text_on_its_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(digit: Digit) -> str:
        raise AssertionError("numpy takes as long for this as reading the picture took")

    monkeypatch.setattr(Digit, "__repr__", slow)
    assert json.loads(read(folder)["unread"]) == []


def test_a_number_is_read_unless_one_digit_is_asked_for(folder: Path) -> None:
    (folder / "b.png").write_bytes(pictures.encoded(pictures.canvas(4)))
    assert json.loads(read(folder, how="one")["content"].splitlines()[1])["digit"] == 4


def test_a_parquet_file_has_the_same_answers_without_the_pictures(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    import pyarrow

    (folder / "text.png").write_text("a text")
    table = parquet.read_table(pyarrow.BufferReader(read(folder, parquet=True)["content"]))
    rows = table.to_pylist()
    assert {"file", "result", "error", "digit", "confidence", "unsure", "data", "model"} < set(table.column_names)
    assert [(row["file"], row["digit"], row["result"]) for row in rows[1:3]] == [
        ("photos/b.png", 7, 1),
        ("photos/text.png", None, 0),
    ]
    assert len(rows[0]["data"]) == 10


# --- the folder of answers --------------------------------------------------------------------------


def job(folder: Path, **changes: Any) -> batches.Job:
    return batches.Job(["photos"], ENDINGS, "sgd", "auto", folder / "out", False)._replace(**changes)


def answers_of(job: batches.Job) -> Answers:
    return Answers(job.folder, batches.described(job, reader.model_files(job.model)))


def test_workers_are_sent_the_trajectory_network_of_the_model_that_has_one() -> None:
    assert cards.TRAJECTORY in reader.model_files("cnn")
    assert list(reader.model_files("svm")) == ["svm.json", "svm.onnx"]


def test_what_was_answered_is_not_asked_again_unless_the_picture_changed(folder: Path) -> None:
    asked = job(folder.parent)
    answers = answers_of(asked)
    tally = batches.planned(asked, answers)
    assert (len(tally.todo), tally.parts, tally.pictures, tally.done) == (1, 1, 3, 0)
    answers.put(tally.todo[0]["name"], b"{}\n", 2)
    again = answers_of(asked)
    assert batches.planned(asked, again) == ([], 1, 3, 3)
    assert again.end(1) == 2
    (folder / "b.png").write_bytes(SEVEN + b" ")
    changed = batches.planned(asked, again)
    assert (len(changed.todo), changed.done) == (1, 0)
    again.put(changed.todo[0]["name"], b"{}\n", 0)
    assert len(list(asked.folder.glob("part-*"))) == 1
    assert answers_of(asked).end(0) == 0
    assert [path.name for path in asked.folder.iterdir()] == ["job.json"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("change", [{"images": ["other"]}, {"model": "svm"}, {"how": "one"}, {"parquet": True}])
def test_a_folder_with_answers_to_something_else_is_left_as_it_is(tmp_path: Path, change: dict[str, Any]) -> None:
    asked = job(tmp_path)
    answers_of(asked).put("part-000000-0123456789ab", b"{}\n", 0)
    with pytest.raises(BadSetting, match="answers to other pictures, by another model or in another format"):
        answers_of(asked._replace(**change))
    assert len(list(asked.folder.iterdir())) == 2


def test_a_folder_with_other_files_is_left_as_it_is(folder: Path) -> None:
    with pytest.raises(BadSetting, match="has other files; name an empty one, or a new one"):
        answers_of(job(folder.parent)._replace(folder=folder))


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_read(folder: Path) -> None:
    for place in ("/proc/nowhere", str(folder / "b.png")):
        ended = run("predict", "-m", "sgd", "--cluster", "-o", place, str(folder))
        assert (ended.status, ended.out) == (1, "")
        assert ended.err.startswith(f"predict.py: Can't write to the folder {place}: ")
        assert ended.err.count("\n") == 1


# --- the cluster ------------------------------------------------------------------------------------


@pytest.fixture
def web_server() -> Any:
    """The address of something that answers, and is no Ray."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("address", ["nonsense", "a:b", ":6379", "127.0.0.1:99999", ""])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(NoCluster, match=r"is no address of a Ray cluster; that is HOST:PORT, or auto\."):
        check_answers(address)


def test_where_nobody_answers_or_no_ray_does_is_said_at_once(web_server: str, folder: Path) -> None:
    with pytest.raises(NoCluster, match="is no Ray cluster"):
        check_answers(web_server)
    ended = run("predict", "-m", "sgd", "--cluster", "127.0.0.1:1", "-o", str(folder.parent / "out"), str(folder))
    assert ended.status == 1
    assert ended.err.splitlines()[-1] == (
        "predict.py: Nobody answers at 127.0.0.1:1: Connection refused. Is the Ray cluster running?"
    )


def test_without_ray_it_says_how_to_get_it(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError(name='ray')")
    ended = run("predict", "-m", "sgd", "--cluster", "-o", tmp_path / "out", folder, PYTHONPATH=str(tmp_path))
    assert ended.status == 1
    assert ended.err.splitlines()[-1] == (
        "predict.py: Ray is not installed; run: pip install -r requirements-ray.txt (Python 3.10 to 3.13)"
    )


def test_options_that_need_each_other_are_a_usage_error() -> None:
    for arguments in (["--outpath", "x"], ["--parquet"], ["-o", "x", "--parquet"]):
        ended = run("predict", *arguments, "five.png")
        assert ended.status == 2
        assert "--cluster and --outpath need each other, and --parquet needs both" in ended.err
    ended = run("train", "-M", "svm", "--cluster")
    assert (ended.status, "--cluster is for --gridsearch and --seeds" in ended.err) == (2, True)
    ended = run("train", "-M", "svm", "--seeds", "1-3")
    assert (ended.status, "--seeds needs --cluster" in ended.err) == (2, True)


def test_a_ray_of_one_s_own_is_reached_by_nobody_else() -> None:
    first, second = (environment({"PYTHONPATH": "old", "A": "b"}, Path("/x")) for _ in range(2))
    assert (first["PYTHONPATH"], first["A"], first["RAY_AUTH_MODE"]) == (f"/x{os.pathsep}old", "b", "token")
    assert len(first["RAY_AUTH_TOKEN"]) == 64
    assert first["RAY_AUTH_TOKEN"] != second["RAY_AUTH_TOKEN"]
