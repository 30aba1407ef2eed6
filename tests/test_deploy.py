"""What is for others to use, each started for real: lighttpd, gunicorn, the container's lines; and what they serve."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import doors
import pictures
import pytest

SEVEN = pictures.data_url(pictures.png(7))
PUBLIC = ["/", "/index.html", "/sw.js", "/static/main.js", "/static/style.css"]
PRIVATE = [
    "/.git/config",
    "/.git/HEAD",
    "/.gitignore",
    "/Makefile",
    "/README.md",
    "/cgi-bin",
    "/cgi-bin/",
    "/cgi-bin/train.py",
    "/cgi-bin/wire.py",
    "/cgi-bin/%74rain.py",
    "/cgi-bin/../Makefile",
    "/cgi-bin/%2e%2e/Makefile",
    "/cgi-bin//train.py",
    "/CGI-BIN/mnist.py",
    "/cgi-bin/MNIST.PY",
    "/cgi-bin/mnist.py.bak",
    "/static",
    "/static/../Makefile",
    "/static/%2e%2e/Makefile",
    "/static/..%2fMakefile",
    "//etc/passwd",
    "/models/cnn.json",
    "/deploy/app.py",
    "/metrics",
]


@pytest.fixture(scope="module")
def wsgi_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[doors.Server]:
    with doors.gunicorn(tmp_path_factory.mktemp("gunicorn") / "log", MNIST_READ_SECONDS="2") as server:
        yield server


@pytest.fixture(params=["lighttpd", "wsgi_server"])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_the_page_and_the_script_are_served(server: doors.Server) -> None:
    for path in PUBLIC:
        answer = server.ask(method="GET", path=path)
        assert (answer.status, answer.headers["x-content-type-options"]) == (200, "nosniff"), path
        assert answer.body
    assert b"<title>" in server.ask(method="GET", path="/").body
    assert server.ask(method="GET", path="/static/main.js").headers["content-type"].startswith("text/javascript")
    assert server.ask(SEVEN).json["digit"] == 7


@pytest.mark.parametrize("path", PRIVATE)
def test_nothing_else_is_served(server: doors.Server, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert server.ask(method=method, path=path).status in (403, 404, 405, 301, 400), method
        location = server.ask(method=method, path=path).headers.get("location", "")
        assert location in ("", "/cgi-bin/", "/static/"), method


def test_health_is_told_and_the_lack_of_it_too(server: doors.Server) -> None:
    answer = server.ask(method="GET", query="health")
    assert answer.json == {"result": 1, "error": "", "health": "ok", "model": "cnn"}
    sick = doors.Script(Path(os.devnull), MNIST_MODELS="/nowhere").ask(method="GET", query="health")
    assert (sick.status, sick.json["result"]) == (503, 0)


# --- http.server: everything is reachable, but only one script runs ---------------------------------


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it comes from git."""
    folder = tmp_path_factory.mktemp("clone") / "mnist-draw"
    subprocess.run(["git", "clone", "--quiet", str(doors.ROOT), str(folder)], check=True)
    return folder


def test_only_the_door_has_the_run_bit(clone: Path) -> None:
    """Everything in cgi-bin that has it can be started by whoever reaches the server."""
    can_run = [path.name for path in (clone / "cgi-bin").iterdir() if os.access(path, os.X_OK) and path.is_file()]
    assert can_run == ["mnist.py"]


def test_under_http_server_no_other_script_runs(http_server: doors.Server) -> None:
    scripts = sorted(path.name for path in (doors.ROOT / "cgi-bin").glob("*.py") if path.name != "mnist.py")
    assert "train.py" in scripts
    paths = [f"/cgi-bin/{name}" for name in scripts]
    paths += ["/cgi-bin/%74rain.py", "/cgi-bin//train.py", "//cgi-bin/train.py", "/./cgi-bin/train.py"]
    paths += ["/static/../cgi-bin/train.py", "/cgi-bin/train.py/mnist.py", "/cgi-bin/%2e/train.py", "/cgi-bin"]
    paths += ["/cgi-bin/__pycache__/", "/cgi-bin/mnist.pyc", "/cgi-bin/..%2fcgi-bin/train.py"]
    for path in paths:
        for method in ("GET", "HEAD", "POST"):
            answer = http_server.ask(method=method, path=path)
            assert answer.status in (301, 403, 404, 501), (method, path)
            assert b"script output" not in answer.body.lower()


def test_under_http_server_all_files_can_be_read_as_the_readme_says(http_server: doors.Server) -> None:
    for path in ("/Makefile", "/README.md", "/.gitignore", "/models/cnn.json", "/CGI-BIN/../Makefile"):
        assert http_server.ask(method="GET", path=path).status == 200
    assert "serves every file below the project's folder" in (doors.ROOT / "README.md").read_text()


def test_training_cannot_be_started_by_a_cgi_server() -> None:
    command = [sys.executable, str(doors.ROOT / "cgi-bin/train.py")]
    env = doors.environment(GATEWAY_INTERFACE="CGI/1.1")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_make_serve_warns_who_lets_others_in(tmp_path: Path) -> None:
    command = ["make", "--no-print-directory", "--dry-run", "--old-file", f"{sys.prefix}/.serve", "serve"]
    done = subprocess.run(
        [*command, f"VENV={sys.prefix}", "HOST=0.0.0.0"], cwd=doors.ROOT, capture_output=True, text=True, check=True
    )
    assert '--bind "0.0.0.0"' in done.stdout
    recipe = next(line for line in done.stdout.splitlines() if line.startswith("case "))
    for host, warns in (("0.0.0.0", True), ("127.0.0.1", False), ("localhost", False), ("::1", False)):
        shown = done.stdout[done.stdout.index(recipe) :].partition("esac")[0].replace("0.0.0.0", host) + "esac"
        said = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True)
        assert ("WARNING" in said.stderr) is warns, host


# --- gunicorn ---------------------------------------------------------------------------------------


def test_each_reply_has_a_request_id_and_each_request_a_line_of_json_in_the_log(wsgi_server: doors.Server) -> None:
    mine = wsgi_server.ask(SEVEN, {"X-Request-Id": "mine-1"})
    other = wsgi_server.ask(SEVEN, {"X-Request-Id": "not allowed\t"}, query="model=cnn&secret=1")
    assert mine.headers["x-request-id"] == "mine-1"
    assert re.fullmatch("[0-9a-f]{32}", other.headers["x-request-id"])
    lines = [json.loads(line) for line in wsgi_server.log.splitlines() if line.startswith("{")]
    first = next(line for line in lines if line["id"] == "mine-1")
    assert (first["method"], first["path"], first["status"]) == ("POST", doors.SCRIPT, "200")
    assert 0 < int(first["microseconds"]) < 60e6
    assert any(line["id"] == other.headers["x-request-id"] for line in lines)
    assert "secret" not in wsgi_server.log


def test_metrics_are_counted_over_all_workers_at_the_path_that_is_set(tmp_path: Path) -> None:
    with doors.gunicorn(tmp_path / "log", MNIST_METRICS="/internal/metrics") as server:
        for _ in range(8):
            server.ask(SEVEN)
        server.ask(b"", method="GET", path="/nothing")
        text = server.ask(method="GET", path="/internal/metrics").body.decode()
        assert 'mnist_requests_total{method="POST",status="200",what="script"} 8.0' in text
        assert 'mnist_requests_total{method="GET",status="404",what="file"} 1.0' in text
        assert 'mnist_request_seconds_count{what="script"} 8.0' in text


def test_a_slow_client_is_given_up_and_the_others_are_served(wsgi_server: doors.Server) -> None:
    head = f"POST {doors.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", wsgi_server.port), timeout=30) for _ in range(6)]
    for number, client in enumerate(slow):
        client.sendall(head if number % 2 else head[:40])  # some do not even get their headers out
    assert wsgi_server.ask(SEVEN).json["digit"] == 7
    for number, client in enumerate(slow):
        reply = b"".join(iter(lambda client=client: client.recv(65536), b""))
        assert not number % 2 or b"cut short" in reply
        client.close()


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What gunicorn's application puts around the costly part of a request; a turn is waited for half a second."""
    monkeypatch.syspath_prepend(doors.ROOT / "deploy")
    app = pytest.importorskip("app")
    monkeypatch.setattr(app, "WAIT_SECONDS", 0.5)
    return app.in_turn


def test_one_thread_scores_for_all_who_listen_first_come_first_served(in_turn: Any) -> None:
    first, done = threading.Event(), []

    def work(number: int) -> None:
        first.wait(0.2)
        done.append((number, threading.get_ident()))

    clients = [threading.Thread(target=in_turn, args=(lambda number=number: work(number),)) for number in range(5)]
    for client in clients:
        client.start()
        time.sleep(0.02)
    first.set()
    for client in clients:
        client.join()
    assert [number for number, _ in done] == list(range(5))
    assert len({thread for _, thread in done}) == 1


def test_who_waits_too_long_for_a_turn_is_told_so_and_the_work_is_not_done(in_turn: Any) -> None:
    from admission import Busy

    end, done = threading.Event(), []
    holder = threading.Thread(target=in_turn, args=(lambda: {"ended": end.wait(30)},))
    holder.start()
    time.sleep(0.05)
    with pytest.raises(Busy):
        in_turn(lambda: done.append("late") or {})
    end.set()
    holder.join()
    assert in_turn(lambda: {"now": list(done)}) == {"now": []}


def test_what_the_work_raises_is_raised(in_turn: Any) -> None:
    def fail() -> Any:
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        in_turn(fail)


def test_no_request_is_lost_while_gunicorn_reloads_loses_a_worker_and_stops(tmp_path: Path) -> None:
    with doors.gunicorn(tmp_path / "log") as server:
        answers: list[int] = []
        done = threading.Event()
        clients = [threading.Thread(target=keep_asking, args=(server, answers, done)) for _ in range(3)]
        for client in clients:
            client.start()
        wait_for(lambda: len(answers) > 5)
        os.kill(server.process.pid, signal.SIGHUP)
        before = len(answers)
        wait_for(lambda: server.log.count("Booting worker") >= 3 and len(answers) > before + 10)
        done.set()
        for client in clients:
            client.join()
        assert set(answers) == {7}
        for worker in doors.children(server.process.pid):
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: answered(server))
        last = threading.Thread(target=keep_asking, args=(server, answers, done))
        last.start()
        last.join()
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert set(answers) == {7}


def keep_asking(server: doors.Server, answers: list[int], done: threading.Event) -> None:
    """Ask until told to stop, at least once; a request that is not answered counts as -1."""
    while True:
        try:
            answers.append(server.ask(SEVEN).json["digit"])
        except (OSError, ValueError, KeyError):
            answers.append(-1)
        if done.is_set():
            return


def answered(server: doors.Server) -> bool:
    try:
        return server.ask(SEVEN).json["digit"] == 7
    except OSError:
        return False


def wait_for(true: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


# --- the container and the lock file ----------------------------------------------------------------


def test_the_lock_file_has_a_hash_for_all_that_is_needed_and_names_no_registry() -> None:
    text = (doors.ROOT / "deploy/requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--?(index|extra|find|trusted)", text, re.MULTILINE)
    wanted = (doors.ROOT / "deploy/requirements.in").read_text() + (doors.ROOT / "requirements-serve.txt").read_text()
    names = re.findall(r"^([a-z-]+)[>=<]", wanted, re.MULTILINE)
    assert len(names) == 9
    for name in names:
        assert re.search(rf"^{name}==\S+.*\\\n    --hash=sha256:", text, re.MULTILINE), name


def test_the_container_s_lines_make_a_folder_that_serves(tmp_path: Path) -> None:
    """No Docker here: the Dockerfile's COPY and RUN lines are carried out in a clean folder, and its CMD started."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    env = doors.environment(f"{tmp_path}/venv/bin:/usr/bin:/bin")
    work = tmp_path / "srv"
    work.mkdir()
    text = (doors.ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    for word, rest in lines:
        if word == "COPY":
            copy(rest.split(), work)
        if word == "RUN":
            subprocess.run(rest, shell=True, cwd=work, env=env, check=True, timeout=500)
    port = doors.free_port()
    env |= {"MNIST_BIND": f"127.0.0.1:{port}"}
    words = dict(lines)
    log = tmp_path / "log"
    with doors.running("container", json.loads(words["CMD"]), log, port, cwd=work, env=env) as server:
        assert server.ask(SEVEN).json["digit"] == 7
        check = json.loads(words["HEALTHCHECK"].partition("CMD ")[2])
        healthy = [part.replace(":8000/", f":{port}/") for part in check]
        assert subprocess.run(healthy, env=env).returncode == 0
    assert subprocess.run(healthy, env=env, capture_output=True).returncode != 0


def copy(names: list[str], work: Path) -> None:
    """What COPY does."""
    *sources, target = names
    for source in sources:
        path = doors.ROOT / source
        if path.is_dir():
            shutil.copytree(path, work / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (work / target).mkdir(exist_ok=True)
            shutil.copy(path, work / target)
