"""What clients read when something is wrong on the server's side: packages, models, bugs, limits, crowds."""

import fcntl
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pictures
import servers
from servers import wait_until
from serving import runtime_folder

SEVEN = pictures.data_url(pictures.png(7))
HEAVY = ["tensorflow", "tflearn", "sklearn", "matplotlib", "scipy", "skimage", "onnxruntime"]


def failed(answer: Any, status: int = 503) -> str:
    """Check that an answer is a failure in the agreed shape; its sentence."""
    assert (answer.status, answer.json["result"], answer.json["data"]) == (status, 0, [])
    assert set(answer.json) <= {"result", "data", "error", "retry_after"}
    assert "Traceback" not in answer.json["error"]
    return answer.json["error"]


# --- packages ---------------------------------------------------------------------------------------


def test_missing_packages_are_named_with_the_python_that_lacks_them(bare_server: servers.Server) -> None:
    for answer in (bare_server.ask(method="GET"), bare_server.ask(SEVEN)):
        error = failed(answer)
        assert f"{sys.version.split()[0]}" in error
        assert "bare0/venv/bin/python3" in error
        assert "make serve" in error
        assert "pip install -r requirements.txt" in error


def test_a_script_that_no_python_can_run_gives_an_empty_reply(silent_server: servers.Server) -> None:
    """Nothing can be done about it on this side; the page has to say so."""
    assert silent_server.ask(SEVEN).body == b""
    assert "python3" in silent_server.log


def test_a_python_that_is_too_old_says_so(tmp_path: Path) -> None:
    code = "import sys, runpy; sys.version_info = (3, 9, 1, 'final', 0); runpy.run_path(sys.argv[1])"
    command = [sys.executable, "-c", code, str(servers.ROOT / "cgi-bin/mnist.py")]
    reply = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    head, _, body = reply.partition("\n\n")
    assert head.splitlines() == ["Status: 503 Service Unavailable", "Content-Type: application/json"]
    assert "Python 3.10 or newer; the server ran it with Python 3.9" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("name", "request_", "allowed"),
    [
        ("a wrong method", "'PUT', b'x', 'text/plain'", []),
        ("an empty body", "'POST', b'', 'image/png'", []),
        ("a body of text", "'POST', b'hello', 'text/plain'", []),
        ("a data URL that is not base64", "'POST', b'data:image/png;base64,!', 'text/plain'", []),
        ("an SVG", "'POST', b'<svg/>', 'image/svg+xml'", []),
        ("a good picture", f"'POST', {SEVEN!r}, 'text/plain'", ["numpy", "PIL"]),
    ],
)
def test_nothing_heavy_is_imported_for_nothing(name: str, request_: str, allowed: list[str]) -> None:
    code = f"""if True:
        import io, sys
        from serving.application import application
        method, body, kind = {request_}
        environ = {{"REQUEST_METHOD": method, "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": kind,
                   "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr}}
        application(environ, lambda status, headers: None)
        print(*sorted(set(sys.modules) & {{"numpy", "PIL", "multipart", "pathlib", "urllib.parse", *{HEAVY}}}))
    """
    command = [sys.executable, "-c", code]
    own = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # imports a lot
    done = subprocess.run(command, cwd=servers.ROOT / "cgi-bin", capture_output=True, text=True, check=True, env=own)
    assert done.stdout.split() == sorted(allowed)


def test_a_photo_that_lies_on_its_side_is_turned_under_cgi_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be seen turned by a quarter, clockwise
    lying, photo = Image.open(io.BytesIO(pictures.encoded(pictures.canvas(7), "BMP"))).rotate(90), io.BytesIO()
    lying.save(photo, "JPEG", exif=exif)
    answer = servers.Script(tmp_path / "log").ask(pictures.data_url(photo.getvalue(), "image/jpeg")).json
    assert (answer["digit"], "turned" in " ".join(answer["done"])) == (7, True)


# --- settings ---------------------------------------------------------------------------------------

NO_NUMBERS = ["abc", "-1", "inf", "nan", "9" * 5000]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("MNIST_SLOTS", "a number, 0 to 1000"),
        ("MNIST_PLACES", "a number, 1 to 1000"),
        ("MNIST_WAIT_SECONDS", "a number, 0.1 to 3600"),
        ("MNIST_READ_SECONDS", "a number, 0.1 to 3600"),
        ("MNIST_SCORE_SECONDS", "a number, 0.1 to 3600"),
        ("MNIST_RESIDENT_SECONDS", "a number, 1 to 86400"),
        ("MNIST_MEMORY_MB", "a number, 150 to 100000"),
    ],
)
def test_a_setting_that_makes_no_sense_is_a_sentence_to_the_client_and_in_the_log(
    name: str, wanted: str, value: str, tmp_path: Path
) -> None:
    script = servers.Script(tmp_path / "log", **{name: value})
    assert failed(script.ask(SEVEN)) == f"{name} has to be {wanted}."
    assert script.log == f"{name} has to be {wanted}.\n"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MNIST_SLOTS", "1.5", "MNIST_SLOTS has to be a whole number."),
        ("MNIST_MEMORY_MB", "100", "MNIST_MEMORY_MB has to be a number, 150 to 100000."),
        ("MNIST_RESIDENT", "yes", "MNIST_RESIDENT has to be 0 or 1."),
    ],
)
def test_a_setting_that_does_not_fit_is_told_whoever_answers(
    name: str, value: str, sentence: str, tmp_path: Path
) -> None:
    settings = {"MNIST_RESIDENT": "1", "XDG_RUNTIME_DIR": str(tmp_path), name: value}
    script = servers.Script(tmp_path / "log", **settings)
    for _ in range(2):
        assert failed(script.ask(method="GET")) == sentence


def test_an_empty_setting_counts_as_none(tmp_path: Path) -> None:
    assert servers.Script(tmp_path / "log", MNIST_SLOTS="", MNIST_MEMORY_MB="").ask(SEVEN).json["digit"] == 7


# --- bugs -------------------------------------------------------------------------------------------


def test_a_bug_is_one_sentence_to_the_client_and_a_trace_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    from reading import preprocessing

    def stumble(data: bytes, how: str) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(preprocessing, "preprocess", stumble)
    server = servers.Wsgi()
    assert failed(server.ask(SEVEN), 500) == "Something went wrong in the server; its log says what."
    assert "RuntimeError: a secret" in server.log.getvalue()


def test_under_cgi_what_a_library_prints_goes_to_the_log_and_so_does_the_trace(tmp_path: Path) -> None:
    noisy = "import os; print('printed'); os.write(1, b'written'); raise RuntimeError('a secret')"
    (tmp_path / "multipart.py").write_text(noisy)
    headers, form = pictures.form(("a.png", b"x"))
    script = servers.Script(tmp_path / "log", PYTHONPATH=str(tmp_path), CONTENT_TYPE=headers["Content-Type"])
    assert failed(script.ask(form), 500) == "Something went wrong in the server; its log says what."
    assert all(word in script.log for word in ("printed", "written", "RuntimeError: a secret"))


# --- models -----------------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the default model, which the classifier takes for the real one."""
    from reading import cards

    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("cnn.json", "cnn.tflite"):
        shutil.copy(servers.ROOT / "models" / name, folder)
    monkeypatch.setattr(cards, "MODELS", folder)
    return folder


def test_a_model_that_is_deleted_or_damaged_while_serving_is_a_clear_answer_until_it_is_back(models: Path) -> None:
    server, file = servers.Wsgi(), models / "cnn.tflite"
    whole = file.read_bytes()
    assert server.ask(SEVEN).json["digit"] == 7
    file.unlink()
    assert "train.py" in failed(server.ask(SEVEN))
    file.write_bytes(whole[:-1] + b"x")
    assert "SHA-256" in failed(server.ask(SEVEN))
    file.write_bytes(whole)
    assert server.ask(SEVEN).json["digit"] == 7
    assert server.log.getvalue() == ""


@pytest.fixture
def weights_alone(models: Path) -> Path:
    """The default model without the file for LiteRT, but with the weights that numpy answers from."""
    shutil.copy(servers.ROOT / "models" / "cnn.tfl.data-00000-of-00001", models)
    (models / "cnn.tflite").unlink()
    return models


def test_without_the_file_for_litert_numpy_answers_the_same(
    wsgi: servers.Wsgi, weights_alone: Path, tmp_path: Path
) -> None:
    right = servers.Script(tmp_path / "log").ask(SEVEN).json
    for other in (servers.Script(tmp_path / "log", MNIST_MODELS=str(weights_alone)), wsgi):
        answer = other.ask(SEVEN).json
        assert answer.pop("data") == pytest.approx(right["data"], abs=1e-4)
        assert answer.pop("confidence") == pytest.approx(right["confidence"], abs=1e-4)
        assert answer == {name: right[name] for name in right if name not in ("data", "confidence")}


def test_weights_with_one_byte_changed_are_refused(weights_alone: Path) -> None:
    file = weights_alone / "cnn.tfl.data-00000-of-00001"
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    assert failed(servers.Wsgi().ask(SEVEN)) == (
        "The model file cnn.tfl.data-00000-of-00001 is not the one its card cnn.json describes (SHA-256 differs). "
        "Train it again: python cgi-bin/train.py"
    )


# --- clients that send slowly or not at all ---------------------------------------------------------


@pytest.fixture(scope="module")
def hasty_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`make serve` that waits one second for a body in place of ten."""
    with servers.make_serve(tmp_path_factory.mktemp("hasty") / "log", MNIST_READ_SECONDS="1") as server:
        yield server


def head(length: int) -> bytes:
    return f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


def test_a_client_that_promises_more_than_it_sends_and_waits_is_answered(hasty_server: servers.Server) -> None:
    reply = hasty_server.raw(head(5000) + SEVEN[:100])
    assert b"Status: 408 " in reply
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["error"].startswith("The picture did not arrive in time.")


def test_a_client_that_sends_a_byte_now_and_then_is_answered(hasty_server: servers.Server) -> None:
    with socket.create_connection(("127.0.0.1", hasty_server.port), timeout=30) as client:
        client.sendall(head(len(SEVEN)))
        with suppress(BrokenPipeError):  # which is how it notices that it has been answered
            for byte in range(100):
                client.sendall(SEVEN[byte : byte + 1])
                time.sleep(0.1)
        assert b"Status: 408 " in client.recv(65536)


def test_clients_that_hang_up_half_way_leave_nothing_behind(hasty_server: servers.Server) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", hasty_server.port)) as client:
            client.sendall(head(5000) + SEVEN[:100])
    assert hasty_server.ask(SEVEN).json["digit"] == 7
    waited = wait_until(lambda: not servers.children(hasty_server.process.pid, "mnist.py"))
    assert waited, "a script still runs"


# --- limits and crowds ------------------------------------------------------------------------------


@pytest.fixture
def stuck(tmp_path: Path) -> dict[str, str]:
    """Settings under which scoring hangs for ever: the model's card is a pipe that nobody writes to."""
    (tmp_path / "models").mkdir()
    os.mkfifo(tmp_path / "models" / "cnn.json")
    shutil.copy(servers.ROOT / "models" / "cnn.tflite", tmp_path / "models")
    (tmp_path / "tmp").mkdir()
    return {"MNIST_MODELS": str(tmp_path / "models"), "TMPDIR": str(tmp_path / "tmp")}


def test_a_hang_ends_as_a_sentence(tmp_path: Path, stuck: dict[str, str]) -> None:
    script = servers.Script(tmp_path / "log", **stuck, MNIST_SCORE_SECONDS="1")
    started = time.monotonic()
    assert "more time or memory" in failed(script.ask(SEVEN))
    assert time.monotonic() - started < 10


def test_a_killed_child_process_ends_as_a_sentence_at_once(tmp_path: Path, stuck: dict[str, str]) -> None:
    script = servers.Script(tmp_path / "log", **stuck)
    request = script.start(SEVEN)
    child = wait_until(lambda: servers.children(request.pid))[0]
    os.kill(child, signal.SIGKILL)
    assert "more time or memory" in failed(script.finished(request, timeout=10))


def test_a_picture_that_takes_too_much_memory_ends_as_a_sentence(tmp_path: Path) -> None:
    script = servers.Script(tmp_path / "log", MNIST_MEMORY_MB="155")
    huge = pictures.encoded(Image.new("RGB", (4096, 4096), "white"))
    assert "memory" in failed(script.ask(pictures.data_url(huge)))
    assert script.ask(SEVEN).json["digit"] == 7


def test_where_the_system_refuses_a_bound_pictures_are_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import resource\n"
        "def refuse(*_): raise ValueError('current limit exceeds maximum limit')\n"  # as macOS does
        "resource.setrlimit = refuse\n"
    )
    script = servers.Script(tmp_path / "log", PYTHONPATH=str(tmp_path))
    assert script.ask(SEVEN).json["digit"] == 7


def test_who_finds_no_place_is_told_within_a_second_when_to_come_back(tmp_path: Path, stuck: dict[str, str]) -> None:
    script = servers.Script(tmp_path / "log", **stuck, MNIST_SLOTS="1", MNIST_PLACES="2", MNIST_WAIT_SECONDS="3")
    scoring, waiting = script.start(SEVEN), script.start(SEVEN)
    assert wait_until(lambda: bool(servers.children(scoring.pid)) != bool(servers.children(waiting.pid)))
    started = time.monotonic()
    answer = script.ask(SEVEN)
    took = time.monotonic() - started
    assert "try again" in failed(answer)
    assert (answer.headers["retry-after"], answer.json["retry_after"]) == ("2", 2)
    assert took < 1 or os.getloadavg()[0] > os.cpu_count()  # the second is meant for a machine that is not swamped
    first, second = (servers.children(one.pid) for one in (scoring, waiting))
    loser = script.finished(waiting if first else scoring)
    assert loser.json["retry_after"] == 2
    for child in first or second:
        os.kill(child, signal.SIGKILL)
    failed(script.finished(scoring if first else waiting))


def in_line(process: int) -> bool:
    """Whether a script has its place, and holds or waits for the lock of whose turn it is; only Linux tells."""
    locks = Path("/proc/locks")
    return locks.exists() and locks.read_text().count(f" {process} ") >= 2


@contextmanager
def held(folder: Path, *names: str, code: Path = servers.ROOT / "cgi-bin") -> Iterator[None]:
    """Hold locks of the installation that has its code there."""
    with ExitStack() as stack:
        for name in names:
            lock = stack.enter_context((folder / f"{runtime_folder.short_sum(str(code))}-{name}").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_another_installation_of_the_same_user_takes_no_place_and_no_slot_of_ours(tmp_path: Path) -> None:
    folder = tmp_path / f"mnist-draw-{os.getuid()}"
    folder.mkdir(0o700)
    settings = {"TMPDIR": str(tmp_path), "MNIST_SLOTS": "1", "MNIST_PLACES": "1", "MNIST_WAIT_SECONDS": "20"}
    script = servers.Script(tmp_path / "log", **settings)
    with held(folder, "turn-0", "slot-0", "place-0", code=tmp_path):
        assert script.ask(SEVEN).json["digit"] == 7
    with held(folder, "place-0"):
        assert "try again" in failed(script.ask(SEVEN))


def test_health_is_told_while_there_is_no_place_and_no_slot_for_a_picture(tmp_path: Path) -> None:
    folder = tmp_path / f"mnist-draw-{os.getuid()}"
    folder.mkdir(0o700)
    script = servers.Script(tmp_path / "log", TMPDIR=str(tmp_path), MNIST_SLOTS="1", MNIST_PLACES="1")
    with held(folder, "turn-0", "slot-0", "place-0"):
        assert "try again" in failed(script.ask(SEVEN))
        assert "try again" in failed(script.ask(SEVEN, query="health"))
        for query in ("health", "health=1", "model=cnn&health"):
            assert script.ask(query=query, method="GET").json["health"] == "ok"
        assert script.ask(query="health", method="HEAD").status == 200
    with held(folder, *(f"watch-{number}" for number in range(4))):
        assert "try again" in failed(script.ask(query="health", method="GET"))
        assert script.ask(SEVEN).json["digit"] == 7


def test_who_came_first_is_served_first(tmp_path: Path) -> None:
    folder = tmp_path / f"mnist-draw-{os.getuid()}"
    folder.mkdir(0o700)
    with held(folder, "slot-0"):
        script = servers.Script(tmp_path / "log", TMPDIR=str(tmp_path), MNIST_SLOTS="1")
        requests = []
        for _ in range(4):
            requests.append(request := script.start(SEVEN))
            wait_until(lambda pid=request.pid: in_line(pid), 5)
    ended: list[int] = []
    while len(ended) < 4:
        ended += [at for at, request in enumerate(requests) if at not in ended and request.poll() is not None]
        time.sleep(0.005)
    assert ended == [0, 1, 2, 3]
    assert [script.finished(request).json["digit"] for request in requests] == [7, 7, 7, 7]


def test_what_dies_gives_its_place_back(tmp_path: Path, stuck: dict[str, str]) -> None:
    crowded = {"MNIST_SLOTS": "1", "MNIST_PLACES": "1"}
    script = servers.Script(tmp_path / "log", **stuck, **crowded)
    request = script.start(SEVEN)
    child = wait_until(lambda: servers.children(request.pid))[0]
    request.kill()
    os.kill(child, signal.SIGKILL)
    request.wait()
    healthy = servers.Script(tmp_path / "log", TMPDIR=stuck["TMPDIR"], **crowded)
    assert wait_until(lambda: healthy.ask(SEVEN).json["result"])


def test_a_child_whose_parent_has_died_hangs_no_longer_than_scoring_may_take(
    tmp_path: Path, stuck: dict[str, str]
) -> None:
    crowded = {"MNIST_SLOTS": "1", "MNIST_PLACES": "1"}
    script = servers.Script(tmp_path / "log", **stuck, **crowded, MNIST_SCORE_SECONDS="1")
    request = script.start(SEVEN)
    assert wait_until(lambda: servers.children(request.pid))
    request.kill()
    request.wait()
    healthy = servers.Script(tmp_path / "log", TMPDIR=stuck["TMPDIR"], **crowded)
    assert wait_until(lambda: healthy.ask(SEVEN).json["result"])


def test_with_a_full_temporary_folder_pictures_are_read_all_the_same(tmp_path: Path, full_folder: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (full_folder / "another").mkdir()
    script = servers.Script(tmp_path / "log", TMPDIR=str(full_folder), MNIST_WAIT_SECONDS="60")
    assert script.ask(SEVEN).json["digit"] == 7
    assert "No space left" in script.log


BACKWARDS = """
import time
true, count = time.time, [0]
def back():
    count[0] += 1
    return true() - 3600 * count[0]
time.time = back
"""


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BACKWARDS)
    backwards = {"PYTHONPATH": str(tmp_path)}
    script = servers.Script(tmp_path / "log", **backwards, MNIST_SLOTS="1")
    requests = [script.start(SEVEN) for _ in range(3)]
    assert [script.finished(request).json.get("digit") for request in requests] == [7, 7, 7]
    with servers.gunicorn(tmp_path / "gunicorn-log", **backwards) as server:
        assert [server.ask(SEVEN).json["digit"] for _ in range(5)] == [7] * 5
        assert "TIMEOUT" not in server.log


def test_what_is_locked_without_a_temporary_folder_is_there_and_nothing_is_locked_twice() -> None:
    from serving import admission

    names = [name for names in admission.OWN_FILES.values() for name in names]
    assert len(names) == len(set(names))
    assert [name for name in names if not (servers.ROOT / "cgi-bin/serving" / f"{name}.py").is_file()] == []


@pytest.mark.parametrize("folder", ["missing/folder", "a file"])
def test_without_a_temporary_folder_pictures_are_read_all_the_same(tmp_path: Path, folder: str) -> None:
    (tmp_path / "a file").touch()
    script = servers.Script(tmp_path / "log", TMPDIR=str(tmp_path / folder), MNIST_WAIT_SECONDS="60")
    requests = [script.start(SEVEN) for _ in range(4)]
    assert [script.finished(request).json.get("digit") for request in requests] == [7, 7, 7, 7]
    assert "No locks in the temporary folder" in script.log
