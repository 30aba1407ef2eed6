"""predict.py names the digits on pictures: one, many, a folder of them, or standard input."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import servers
import small_mnist
from commands import ROOT, run
from reading import cards, classifier
from reading.preprocessing import preprocess


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a printed digit of each kind, `0.png` to `9.png`, and a text file."""
    folder = tmp_path_factory.mktemp("digits")
    for picture, label in zip(*small_mnist.pictures(10, seed=3), strict=True):
        Image.fromarray(np.kron(255 - picture, np.ones((5, 5), np.uint8))).save(folder / f"{label}.png")
    (folder / "notes.txt").write_text("not a picture, and not named like one")
    return folder


@pytest.fixture(scope="module")
def scores(digits: Path) -> classifier.Scores:
    """What the model says of these, without the command."""
    pictures = [preprocess((digits / f"{digit}.png").read_bytes()).picture for digit in range(10)]
    return classifier.load().score(np.stack(pictures))


def line(name: object, digit: int, scores: classifier.Scores) -> str:
    """The line that the command should print for one of them."""
    doubt = ", unsure" if scores.unsure[digit] else ""
    return f"{name}: {scores.data[digit].argmax()} ({100 * scores.data[digit].max():.1f} %{doubt})"


def test_a_picture_gets_a_line(digits: Path, scores: classifier.Scores) -> None:
    files = [digits / "7.png", digits / "3.png"]
    ended = run("predict", *files)
    assert (ended.status, ended.out.splitlines()) == (0, [line(files[0], 7, scores), line(files[1], 3, scores)])


def test_a_folder_is_every_picture_in_it_by_name(digits: Path, scores: classifier.Scores) -> None:
    ended = run("predict", "--json", digits)
    answers = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.status == 0
    assert [answer["file"] for answer in answers] == [f"{digits}/{digit}.png" for digit in range(10)]
    assert [answer["unsure"] for answer in answers] == scores.unsure.tolist()
    np.testing.assert_allclose([answer["data"] for answer in answers], scores.data, atol=1e-5)
    for answer in answers:
        named = {"file", "result", "data", "error", "digit", "confidence", "unsure", "model", "seen", "done"}
        assert set(answer) == named
        assert (answer["result"], answer["error"], answer["model"]) == (1, "", "cnn")
        assert answer["confidence"] == max(answer["data"]) == answer["data"][answer["digit"]]


def test_standard_input_is_a_picture(digits: Path, scores: classifier.Scores) -> None:
    ended = run("predict", "-", given=(digits / "4.png").read_bytes())
    assert (ended.status, ended.out) == (0, line("-", 4, scores) + "\n")


def test_verbose_shows_all_scores_and_the_picture_that_was_read(digits: Path, scores: classifier.Scores) -> None:
    ended = run("predict", "-v", digits / "1.png")
    lines = ended.out.splitlines()
    assert lines[0] == line(digits / "1.png", 1, scores)
    shown = [re.fullmatch(r"  (\d) +(\d+\.\d\d) %(?: #+)?", line) for line in lines[1:11]]
    assert [int(match[1]) for match in shown if match] == list(range(10))
    percent = [float(match[2]) for match in shown if match]
    np.testing.assert_allclose(percent, 100 * scores.data[1], atol=0.006)
    drawn = lines[11:39]
    assert len(lines) == 11 + 28 + 1
    assert max(map(len, drawn)) <= 56
    inked = [number for number, line in enumerate(drawn) if line.strip()]
    assert inked[-1] - inked[0] + 1 == pytest.approx(20, abs=1)  # the longer side of MNIST's box


def test_one_bad_file_is_named_and_the_others_are_still_read(
    digits: Path, scores: classifier.Scores, tmp_path: Path
) -> None:
    text, blank = tmp_path / "text.png", tmp_path / "blank.png"
    text.write_text("this is a text")
    Image.new("L", (50, 50), 255).save(blank)
    ended = run("predict", digits / "2.png", text, tmp_path / "none.png", blank, digits / "6.png")
    assert ended.status == 1
    answers = [line(digits / f"{digit}.png", digit, scores) for digit in (2, 6)]
    assert ended.out.splitlines() == answers
    errors = [row for row in ended.err.splitlines() if ".png: " in row]
    assert [row.split(": ")[0] for row in errors] == [str(text), str(tmp_path / "none.png"), str(blank)]
    assert errors[1] == f"{tmp_path}/none.png: Can't read the file: No such file or directory."
    assert "Traceback" not in ended.err


def test_in_json_a_bad_file_has_its_error(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("this is a text")
    ended = run("predict", "--json", tmp_path / "text.png")
    answer = json.loads(ended.out)
    assert ended.status == 1
    assert answer == {"file": f"{tmp_path}/text.png", "result": 0, "data": [], "error": answer["error"]}
    assert answer["error"].startswith("This is not a picture")


NO_PICTURE = "This folder has no picture (.bmp, .gif, .jpeg, .jpg, .png, .webp)."
TOO_LONG = "x" * 300  # a name that no file can have


def test_what_stands_for_no_picture_is_named_and_the_others_are_still_read(
    digits: Path, scores: classifier.Scores, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    ended = run("predict", tmp_path, TOO_LONG, digits / "5.png")
    assert (ended.status, ended.out.splitlines()) == (1, [line(digits / "5.png", 5, scores)])
    errors = [f"{tmp_path}: {NO_PICTURE}", f"{TOO_LONG}: Can't read the file: File name too long."]
    assert ended.err.splitlines()[-2:] == errors


def test_in_json_what_stands_for_no_picture_has_a_line_of_its_own(digits: Path, tmp_path: Path) -> None:
    ended = run("predict", "--json", tmp_path, digits / "5.png")
    answers = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.status == 1
    assert answers[0] == {"file": str(tmp_path), "result": 0, "data": [], "error": NO_PICTURE}
    assert [(answer["file"], answer["result"]) for answer in answers[1:]] == [(f"{digits}/5.png", 1)]


def test_another_model_is_asked_by_its_name(digits: Path) -> None:
    pictures = [preprocess((digits / f"{digit}.png").read_bytes()).picture for digit in range(10)]
    expected = classifier.load("svm").score(np.stack(pictures))
    ended = run("predict", "-m", "svm", "--json", digits)
    answers = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.status, ended.err) == (0, "")
    assert {answer["model"] for answer in answers} == {"svm"}
    np.testing.assert_allclose([answer["data"] for answer in answers], expected.data, atol=1e-5)
    assert [answer["unsure"] for answer in answers] == expected.unsure.tolist()


def test_a_file_without_end_and_a_pipe_without_a_writer_are_named_and_the_others_are_read(
    digits: Path, scores: classifier.Scores, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = run("predict", "/dev/zero", tmp_path / "pipe", digits / "5.png")
    assert (ended.status, ended.out.splitlines()) == (1, [line(digits / "5.png", 5, scores)])
    assert ended.err.splitlines()[-2:] == [
        "/dev/zero: Can't read the file: it has more than 64 MB.",
        f"{tmp_path}/pipe: Can't read the file: nothing came for 10 seconds.",
    ]


def test_a_pipe_that_is_written_to_is_a_picture(digits: Path) -> None:
    command = f'exec "{sys.executable}" "{ROOT}/cgi-bin/predict.py" <(sleep 0.5; cat "{digits}/7.png")'
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert ": 7 (" in ended.stdout


@pytest.mark.parametrize(
    ("redirection", "sentence"),
    [
        ("<&-", "-: Can't read the file: standard input is closed."),
        ("< 7.png > /dev/full", "predict.py: Can't write the answers: No space left on device."),
    ],
)
def test_closed_standard_input_and_a_full_disk_end_in_a_sentence(digits: Path, redirection: str, sentence: str) -> None:
    command = f'exec "{sys.executable}" "{ROOT}/cgi-bin/predict.py" - {redirection}'
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=digits)
    assert (ended.returncode, ended.stdout, ended.stderr.splitlines()[-1]) == (1, "", sentence)


def test_a_name_cannot_write_lines_or_escape_codes_on_the_terminal(digits: Path, tmp_path: Path) -> None:
    name = "7\n\x1b[31m.png"
    (tmp_path / name).write_bytes((digits / "7.png").read_bytes())
    assert run("predict", tmp_path / name).out.startswith(f"{tmp_path}/7\\n\\x1b[31m.png: 7 (")


def test_json_has_what_the_web_server_answers(digits: Path) -> None:
    answer = json.loads(run("predict", "--json", digits / "7.png").out)
    served = servers.Wsgi().ask((digits / "7.png").read_bytes(), {"Content-Type": "image/png"}).json
    assert answer == {"file": f"{digits}/7.png", **served}


def test_an_unknown_model_is_an_error(digits: Path) -> None:
    ended = run("predict", "-m", "horse", digits / "1.png")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("predict.py: There is no model of that name. Choose one of: cnn")


def test_a_model_file_that_is_cut_short_is_an_error(digits: Path, tmp_path: Path) -> None:
    for file in ("cnn.json", "cnn.tflite"):
        content = Path(cards.MODELS, file).read_bytes()
        (tmp_path / file).write_bytes(content[:1000] if file == "cnn.tflite" else content)
    ended = run("predict", digits / "1.png", MNIST_MODELS=str(tmp_path))
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("predict.py: The model file cnn.tflite is not the one its card cnn.json describes")
    assert ended.err.count("\n") == 1


def test_no_picture_is_a_usage_error() -> None:
    ended = run("predict")
    assert ended.status == 2
    assert ended.err.endswith("error: the following arguments are required: IMAGE\n")


def test_it_does_not_run_as_a_cgi_script() -> None:
    assert run("predict", "x", GATEWAY_INTERFACE="CGI/1.1")[:2] == (
        1,
        "Content-Type: text/plain\n\nThis is a command; pictures are sent to mnist.py.\n",
    )
