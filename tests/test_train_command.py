"""train.py as a command that trains the CNN: wrong options, missing data, and a run that is stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")

ROOT = Path(__file__).resolve().parent.parent


def command(*arguments, **more):
    return subprocess.run(
        [sys.executable, ROOT / "cgi-bin/train.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        **more,
    )


def test_training_can_not_be_started_through_a_web_server():
    answer = command(env={**os.environ, "GATEWAY_INTERFACE": "CGI/1.1"})
    assert answer.returncode == 1
    assert answer.stdout == (
        "Content-Type: text/plain\n\nTraining is started from a command line, not through a web server.\n"
    )


def test_a_folder_without_mnist_is_a_sentence_and_exit_status_1(tmp_path):
    answer = command("--data", tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("train.py: ")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("wrong", [["--epochs", "0"], ["--epochs", "many"], ["--batch-size", "-3"], ["--nonsense"]])
def test_wrong_options_are_exit_status_2(wrong):
    answer = command(*wrong)
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage: train.py")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_the_old_model_whole(tmp_path, number, mnist_folder):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "cnn.tflite").write_text("the old model")
    run = subprocess.Popen(
        [
            sys.executable,
            ROOT / "cgi-bin/train.py",
            "--data",
            mnist_folder,
            "-o",
            tmp_path / "models",
            "--work",
            tmp_path,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    time.sleep(8)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "stopped; the model is as it was" in errors
    assert "Traceback" not in errors
    assert [(path.name, path.read_text()) for path in (tmp_path / "models").iterdir()] == [
        ("cnn.tflite", "the old model")
    ]
