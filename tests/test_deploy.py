"""What is for others to use, each started for real: lighttpd, gunicorn, the container's lines; and what they serve."""

import http.client
import io
import json
import os
import platform
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

import pictures
import servers
from benchmarks import attack
from needs import RAY, program

SEVEN = pictures.data_url(pictures.png(7))
PUBLIC = ["/", "/index.html", "/sw.js", "/static/main.js", "/static/draw/pen.js", "/static/style.css"]
PRIVATE = [
    "/.git/config",
    "/.git/HEAD",
    "/.gitignore",
    "/Makefile",
    "/README.md",
    "/cgi-bin",
    "/cgi-bin/",
    "/cgi-bin/train.py",
    "/cgi-bin/serving/application.py",
    "/cgi-bin/%74rain.py",
    "/cgi-bin/../Makefile",
    "/cgi-bin/%2e%2e/Makefile",
    "/cgi-bin//train.py",
    "/CGI-BIN/mnist.py",
    "/CGI-BIN/train.py",
    "/cgi-bin/TRAIN.PY",
    "/cgi-bin/TRAIN.py",
    "/cgi-bin/MNIST.PY",
    "/cgi-bin/mnist.py.bak",
    "/static",
    "/static/draw",
    "/static/draw/",
    "/static/../Makefile",
    "/static/%2e%2e/Makefile",
    "/static/..%2fMakefile",
    "//etc/passwd",
    "/models/cnn.json",
    "/deploy/app.py",
    "/metrics",
]


@pytest.fixture(scope="module")
def wsgi_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.gunicorn(tmp_path_factory.mktemp("gunicorn") / "log", MNIST_READ_SECONDS="2") as server:
        yield server


@pytest.fixture(params=["lighttpd", "wsgi_server", *RAY])
def server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_the_page_and_the_script_are_served(server: servers.Server) -> None:
    for path in PUBLIC:
        answer = server.ask(method="GET", path=path)
        assert (answer.status, answer.headers["x-content-type-options"]) == (200, "nosniff"), path
        assert (answer.headers["x-frame-options"], answer.headers["referrer-policy"]) == ("DENY", "no-referrer"), path
        assert "access-control-allow-origin" not in answer.headers, path
        assert answer.body
    assert b"<title>" in server.ask(method="GET", path="/").body
    assert server.ask(method="GET", path="/static/main.js").headers["content-type"].startswith("text/javascript")
    assert server.ask(SEVEN).json["digit"] == 7


@pytest.mark.parametrize("path", PRIVATE)
def test_nothing_else_is_served(server: servers.Server, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert server.ask(method=method, path=path).status in (403, 404, 405, 301, 400), method
        location = server.ask(method=method, path=path).headers.get("location", "")
        assert location in ("", "/cgi-bin/", "/static/"), method


def test_health_is_told_and_the_lack_of_it_too(server: servers.Server) -> None:
    answer = server.ask(method="GET", query="health")
    assert answer.json == {"result": 1, "error": "", "health": "ok", "model": "cnn"}
    sick = servers.Script(Path(os.devnull), MNIST_MODELS="/nowhere").ask(method="GET", query="health")
    assert (sick.status, sick.json["result"]) == (503, 0)


@pytest.mark.parametrize("start", [servers.make_serve, servers.lighttpd, servers.gunicorn, servers.make_serve_wsgi])
def test_settings_of_the_environment_arrive(start: Any, tmp_path: Path) -> None:
    with start(tmp_path / "log", MNIST_MODELS=f"{tmp_path}/no models here", TMPDIR=str(tmp_path)) as server:
        answer = server.ask(SEVEN)
        assert (answer.status, answer.json["result"]) == (503, 0)
        assert "There is no trained model" in answer.json["error"]
    assert "http.server" not in server.name or list(tmp_path.glob("mnist-draw-*"))


# --- http.server: everything is reachable, but only one script runs ---------------------------------


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it comes from git."""
    folder = tmp_path_factory.mktemp("clone") / "mnist-draw"
    subprocess.run(["git", "clone", "--quiet", str(servers.ROOT), str(folder)], check=True)
    return folder


def test_only_the_script_has_the_run_bit(clone: Path) -> None:
    """Everything in cgi-bin that has it can be started by whoever reaches the server."""
    can_run = [path.name for path in (clone / "cgi-bin").rglob("*") if os.access(path, os.X_OK) and path.is_file()]
    assert can_run == ["mnist.py"]


@pytest.fixture(scope="module")
def clone_server(clone: Path) -> Iterator[servers.Server]:
    """`make serve` in it."""
    with servers.make_serve(clone.parent / "log", clone) as server:
        yield server


def test_under_http_server_no_other_script_runs(clone: Path, clone_server: servers.Server) -> None:
    assert clone_server.ask(SEVEN).json["digit"] == 7
    scripts = {path.relative_to(clone).as_posix() for path in (clone / "cgi-bin").rglob("*.py")} - {"cgi-bin/mnist.py"}
    assert {"cgi-bin/train.py", "cgi-bin/serving/application.py", "cgi-bin/learning/cnn/run.py"} < scripts
    paths = [f"/{script}" for script in sorted(scripts)]
    paths += ["/cgi-bin/%74rain.py", "/cgi-bin//train.py", "//cgi-bin/train.py", "/./cgi-bin/train.py"]
    paths += ["/static/../cgi-bin/train.py", "/cgi-bin/train.py/mnist.py", "/cgi-bin/%2e/train.py", "/cgi-bin"]
    paths += ["/cgi-bin/__pycache__/", "/cgi-bin/mnist.pyc", "/cgi-bin/..%2fcgi-bin/train.py"]
    paths += ["/CGI-BIN/train.py", "/cgi-bin/TRAIN.PY", "/cgi-bin/TRAIN.py", "/Cgi-Bin/mnist.py"]
    for path in paths:
        for method in ("GET", "HEAD", "POST"):
            answer = clone_server.ask(method=method, path=path)
            assert answer.status in (301, 403, 404, 501), (method, path)
            assert b"script output" not in answer.body.lower()


def test_under_http_server_all_files_can_be_read_as_the_readme_says(clone_server: servers.Server) -> None:
    for path in ("/Makefile", "/README.md", "/.gitignore", "/.git/config", "/models/cnn.json", "/CGI-BIN/../Makefile"):
        assert clone_server.ask(method="GET", path=path).status == 200, path
    assert b"[core]" in clone_server.ask(method="GET", path="/.git/config").body
    assert "serves every file below the project's folder" in (servers.ROOT / "docs/deployment.md").read_text()


def test_training_cannot_be_started_by_a_cgi_server() -> None:
    command = [sys.executable, str(servers.ROOT / "cgi-bin/train.py")]
    env = servers.environment(GATEWAY_INTERFACE="CGI/1.1")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def recipe(target: str, *settings: str, venv: str = sys.prefix, **environment: str) -> str:
    """What make would do."""
    command = ["make", "--no-print-directory", "--dry-run", f"VENV={venv}", *settings, target]
    olds = [f"--old-file={venv}/{name}" for name in (".serve", ".wsgi") if venv == sys.prefix]
    env = {name: value for name, value in os.environ.items() if name not in ("HOST", "PORT")} | environment
    done = subprocess.run([*command, *olds], cwd=servers.ROOT, env=env, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("environment", [{}, {"HOST": "example.org", "PORT": "1"}])
def test_only_make_s_command_line_moves_the_server_from_this_machine_s_own_address(environment: dict[str, str]) -> None:
    assert '--bind "127.0.0.1" "8000"' in recipe("serve", **environment)
    assert 'MNIST_BIND="127.0.0.1:8000"' in recipe("serve-wsgi", **environment)
    assert '--bind "::" "9000"' in recipe("serve", "HOST=::", "PORT=9000", **environment)
    assert 'MNIST_BIND="0.0.0.0:9000"' in recipe("serve-wsgi", "HOST=0.0.0.0", "PORT=9000", **environment)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("user", "number"), [("", 65534), ("nobody", 65534), ("games", 5)])
def test_lighttpd_that_root_starts_runs_scripts_as_somebody_without_rights(
    tmp_path: Path, user: str, number: int
) -> None:
    with tempfile.TemporaryDirectory() as name:  # the folders of tests are root's own
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "cgi-bin").mkdir()
        (folder / "cgi-bin" / "mnist.py").write_text("id -u; id -g; id -G")
        port = servers.free_port()
        env = servers.environment(MNIST_PORT=str(port), MNIST_PYTHON="/bin/sh", MNIST_USER=user)
        command = [program("lighttpd"), "-D", "-f", str(servers.ROOT / "deploy/lighttpd.conf")]
        with servers.running("lighttpd", command, tmp_path / "log", port, cwd=folder, env=env) as server:
            assert pwd.getpwuid(number).pw_name in (user, "nobody")
            script, group, *more = server.ask(method="GET").body.split()
            assert int(script) == number
            assert b"0" not in (group, *more)


def test_lighttpd_that_ends_a_script_with_its_reply_has_a_reader_from_the_first_one_on() -> None:
    for _ in range(5):  # of scripts that started their reader after the reply, one in three was ended before that
        with attack.runtime_folder("lighttpd") as folder, attack.started_in("lighttpd", folder) as server:
            assert server.ask(SEVEN).status == 200
            assert servers.wait_until(lambda folder=folder: servers.readers(str(folder)), 5)


# --- nginx and gunicorn -----------------------------------------------------------------------------


def master(server: servers.Server) -> int:
    """gunicorn's main process."""
    return servers.children(server.process.pid, "gunicorn")[0]


def workers(server: servers.Server) -> list[int]:
    """gunicorn's processes that read pictures."""
    return servers.children(master(server))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="musl and macOS keep what is freed in their own ways")
def test_a_worker_keeps_its_memory_for_the_next_picture(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_WORKERS="1") as server:
        (worker,) = workers(server)
        faults = []
        for _ in range(60):
            server.ask(pictures.data_url(pictures.png(7)))
            faults.append(int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[7]))
    assert faults[-1] - faults[29] < 30 * 20  # pages; with the usual settings 130 for each picture


def logged(server: servers.Server) -> list[dict[str, Any]]:
    """The lines on requests in the log."""
    return [json.loads(line) for line in server.log.splitlines() if line.lstrip().startswith("{")]


def test_each_reply_has_a_request_id_and_each_request_a_line_of_json_in_the_log(wsgi_server: servers.Server) -> None:
    mine = wsgi_server.ask(SEVEN, {"X-Request-Id": "mine-1"})
    other = wsgi_server.ask(SEVEN, {"X-Request-Id": "not allowed\t"}, query="model=cnn&secret=1")
    assert mine.headers["x-request-id"] == "mine-1"
    assert re.fullmatch("[0-9a-f]{32}", other.headers["x-request-id"])
    wait_for(lambda: other.headers["x-request-id"] in wsgi_server.log)  # a line is written after its reply
    first = next(line for line in logged(wsgi_server) if line["id"] == "mine-1")
    assert (first["method"], first["path"], first["status"]) == ("POST", servers.SCRIPT, 200)
    assert 0 < first["seconds"] < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", first["time"])
    assert "secret" not in wsgi_server.log


def test_no_client_can_write_lines_of_its_own_into_the_log(tmp_path: Path) -> None:
    forged = '{"time": "now", "id": "forged", "path": "/"}'
    encoded = [f"%0A{forged}", f"%0D%0A{forged}", "%5C", "%22", '%5C"', "%22,%22id%22:%22forged", "%01%1B", "%C2%85"]
    with servers.gunicorn(tmp_path / "log") as server:
        for name in encoded:
            path = name.replace(" ", "%20").replace('"', "%22")
            assert server.ask(method="GET", path=f"/x{path}").status == 404
        assert server.ask(method="GET", path="/x%00").status == 400
        for name in encoded:
            header = name.replace("%0A", "\n").replace("%0D", "\r").replace("%5C", "\\").encode()
            server.raw(b"GET /y HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + header + b"\r\n\r\n")
            server.raw(b"GET /z" + header + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        server.raw(b"GET /w\xc2\x85 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: '"path": "not ASCII"' in server.log)
    lines = logged(server)
    sent = "/x%0A" + forged.replace(" ", "%20").replace('"', "%22")
    assert [line["path"] for line in lines].count(sent) == 1
    assert any((line["path"], line["status"]) == ("not ASCII", 421) for line in lines)
    assert all(set(line) == {"time", "id", "client", "method", "path", "status", "bytes", "seconds"} for line in lines)
    assert "forged" not in [line["id"] for line in lines]


def counted(server: servers.Server, path: str, *wanted: str) -> None:
    """Wait until the metrics have lines like these; they are written each second."""
    seen = [""]

    def there() -> bool:
        seen[0] = server.ask(method="GET", path=path).body.decode()
        return set(wanted) <= set(seen[0].splitlines())

    wait_for(there, 10, lambda: seen[0])


def test_metrics_count_what_gunicorn_answers_and_what_nginx_answers_by_itself(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_METRICS="/internal/metrics") as server:
        for _ in range(8):
            server.ask(SEVEN)
        server.ask(b"rubbish")
        server.ask(SEVEN + b" " * 9_000_000)
        server.ask(method="BREW")
        server.ask(method="GET", path="/")
        assert server.ask(method="GET", path="/metrics").status == 404
        counted(
            server,
            "/internal/metrics",
            'mnist_requests_total{method="POST",status="200",what="script"} 8.0',
            'mnist_requests_total{method="POST",status="415",what="script"} 1.0',
            'mnist_requests_total{method="POST",status="413",what="script"} 1.0',
            'mnist_requests_total{method="other",status="405",what="script"} 1.0',
            'mnist_requests_total{method="GET",status="404",what="file"} 1.0',
            'mnist_request_seconds_count{what="script"} 11.0',
        )
        answer = server.ask(method="GET", path="/internal/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'mnist_requests_total{method="GET",status="200",what="file"}' in answer.body.decode()


def test_the_file_of_metrics_is_there_before_nginx_is(tmp_path: Path) -> None:
    code = (
        "import pathlib, serve, sys\npath = pathlib.Path(sys.argv[1])\n"
        "with serve.copied_output(path):\n    print(path.exists())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "metrics")]
    done = subprocess.run(command, cwd=servers.ROOT / "deploy", capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("True\n", 0)


def test_metrics_go_on_over_a_reload_and_leave_a_folder_of_other_programs_alone(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "somebody's.txt").write_text("keep me")
    settings = {"MNIST_METRICS": "/metrics", "MNIST_WORKERS": "1", "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with servers.gunicorn(tmp_path / "log", **settings) as server:
        for round_ in range(1, 3):
            server.ask(SEVEN)
            counted(server, "/metrics", f'mnist_requests_total{{method="POST",status="200",what="script"}} {round_}.0')
            before = workers(server)
            os.kill(server.process.pid, signal.SIGHUP)
            wait_for(lambda before=before: workers(server) and not set(before) & set(workers(server)))
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"somebody's.txt": "keep me"}


def test_nothing_is_left_behind_in_temporary_folders(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_METRICS="/metrics") as server:
        assert server.ask(SEVEN).json["digit"] == 7
        folder = Path(re.search(r"unix:(\S+)/wsgi", server.log)[1])
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_only_our_own_names_are_served_and_only_our_own_addresses(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_METRICS="/metrics", MNIST_HOSTS="draw.example.org") as server:
        for host in ("localhost", "127.0.0.1:8000", "[::1]:80", "192.168.1.20", "draw.example.org"):
            reply = server.raw(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert reply.startswith(b"HTTP/1.1 200 "), host
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""):
            for line in ("GET /", f"POST {servers.SCRIPT}"):
                reply = server.raw(f"{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n".encode())
                assert reply.startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 400 ")), (line, host)
        for name in ("Script-Name", "SCRIPT_NAME", "Path-Info", "X-Forwarded-Prefix"):
            answer = server.ask(method="GET", path="/cgi-bin/mnist.py", headers={name: "/metrics"})
            assert (answer.status, answer.json["default"]) == (200, "cnn")
            answer = server.ask(method="GET", path="/x/metrics", headers={name: "/x"})
            assert answer.status == 404


def test_only_a_proxy_of_ours_is_believed_who_the_client_is(tmp_path: Path) -> None:
    for proxies, client in (("", "127.0.0.1"), ("10.9.9.9 ::1", "127.0.0.1"), ("10.0.0.0/8 127.0.0.1", "192.0.2.7")):
        with servers.gunicorn(tmp_path / "log", MNIST_PROXIES=proxies) as server:
            server.ask(method="GET", path="/", headers={"X-Forwarded-For": "forged, 192.0.2.7, 10.1.1.1"})
            wait_for(lambda server=server: logged(server))
            assert logged(server)[-1]["client"] == client, proxies


def test_without_nginx_gunicorn_serves_one_person_and_idle_connections_of_a_browser_keep_nobody_waiting(
    tmp_path: Path,
) -> None:
    port = servers.free_port()
    env = servers.environment(MNIST_BIND=f"127.0.0.1:{port}", MNIST_WORKERS="1")
    command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
    with servers.running("gunicorn", command, tmp_path / "log", port, cwd=servers.ROOT, env=env) as server:
        idle = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(6)]
        for path in PUBLIC:
            assert server.ask(method="GET", path=path).status == 200
        assert server.ask(SEVEN).json["digit"] == 7
        for name in ("SCRIPT_NAME", "Script-Name"):
            assert server.ask(method="GET", path="/x/metrics", headers={name: "/x"}).status == 404
        for path in PRIVATE:
            assert server.ask(method="GET", path=path).status == 404, path
        for client in idle:
            client.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_runs_as_a_user_without_rights(tmp_path: Path) -> None:
    """Who may only read more than others, as this Python may be below root's home directory."""
    port = servers.free_port()
    command = [*servers.as_nobody(), sys.executable, "deploy/serve.py"]
    env = servers.environment(MNIST_BIND=f"127.0.0.1:{port}", PYTHONDONTWRITEBYTECODE="1")
    with servers.running("gunicorn", command, tmp_path / "log", port, cwd=servers.ROOT, env=env) as server:
        assert server.ask(method="GET", path="/").status == 200
        assert server.ask(SEVEN).json["digit"] == 7
        statuses = [Path(f"/proc/{one}/status").read_text() for one in servers.children(server.process.pid)]
        assert {re.search(r"Uid:\t(\d+)", status)[1] for status in statuses} == {"65534"}
        os.kill(server.process.pid, signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert not [line for line in server.log.splitlines() if "[alert]" in line or "[emerg]" in line]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("bind", "listens"),
    [("127.0.0.1:80", "127.0.0.1:80"), ("::1:80", "[::1]:80"), ("[::]:80", "[::]:80"), ("localhost:1", "localhost:1")],
)
def test_it_listens_on_addresses_of_both_kinds(bind: str, listens: str, tmp_path: Path) -> None:
    import front

    text = front.configuration(front.Settings(bind=bind), tmp_path)
    assert re.findall(r"^ +listen ([^ ;]+)", text, re.MULTILINE) == [listens, listens]
    assert not re.search("@[A-Z_]+@", text)


def test_a_slow_client_is_given_up_and_the_others_are_served(wsgi_server: servers.Server) -> None:
    head = f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", wsgi_server.port), timeout=30) for _ in range(6)]
    begun = time.monotonic()
    for number, client in enumerate(slow):
        client.sendall(head if number % 2 else head[:40])  # some do not even get their headers out
    assert wsgi_server.ask(SEVEN).json["digit"] == 7
    for client in slow:
        while client.recv(65536):
            pass
        client.close()
    assert time.monotonic() - begun < 6


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as this process may have."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize("sent", ["nothing", "half a head", "half a picture", "a byte now and then"])
@pytest.mark.parametrize("number", [36, 64, 80, 1000])
def test_a_client_with_many_slow_connections_keeps_nobody_waiting(
    server: servers.Server, sent: str, number: int
) -> None:
    head = f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(SEVEN)}\r\n\r\n".encode()
    bytes_ = {"nothing": b"", "half a head": head[:40]}.get(sent, head + SEVEN[:500])
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(number)]
    for client in slow:
        client.sendall(bytes_)
    for position in range(500, 504):
        if sent == "a byte now and then":
            for client in slow:
                client.sendall(SEVEN[position : position + 1])
        begun = time.monotonic()
        assert server.ask(SEVEN).json["digit"] == 7
        assert server.ask(method="GET", path="/").status == 200
        assert time.monotonic() - begun < 2
    for client in slow:
        client.close()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application that gunicorn serves."""
    monkeypatch.syspath_prepend(servers.ROOT / "deploy")
    return pytest.importorskip("app")


def test_who_waited_too_long_for_a_turn_is_told_so_and_the_work_is_not_done(app: Any) -> None:
    def asked(since: str) -> tuple[str, Any]:
        environ = {"PATH_INFO": servers.SCRIPT, "REQUEST_METHOD": "POST", "HTTP_X_REQUEST_START": since}
        environ |= {"CONTENT_LENGTH": str(len(SEVEN)), "wsgi.input": io.BytesIO(SEVEN), "wsgi.errors": sys.stderr}
        told: list[Any] = []
        reply = app.application(environ, lambda status, headers, exc_info=None: told.extend([status, dict(headers)]))
        return told[0], json.loads(b"".join(reply)) | {"header": told[1].get("Retry-After")}

    now = time.time()
    for since in ("", "rubbish", "t=", "t=nan", "t=-1", f"t={now:.3f}", f"t={now + 3600:.3f}", f"t={now - 8:.3f}"):
        assert asked(since)[1].get("digit") == 7, since
    status, answer = asked(f"t={now - 11:.3f}")
    assert status == "503 Service Unavailable"
    assert (answer["retry_after"], answer["header"]) == (2, "2")


def test_work_that_takes_too_much_memory_is_told_as_such(app: Any) -> None:
    from reading.errors import OutOfLimits

    with pytest.raises(OutOfLimits, match="more memory than"):
        app.within_memory(lambda: bytearray(2**62))


def test_a_worker_whose_scoring_hangs_is_replaced_and_its_client_told(tmp_path: Path, hanging_models: Path) -> None:
    settings = {"MNIST_MODELS": str(hanging_models), "MNIST_SCORE_SECONDS": "2", "MNIST_WAIT_SECONDS": "8"}
    with servers.gunicorn(tmp_path / "log", **settings, MNIST_WORKERS="1") as server:
        assert server.ask(SEVEN).json["digit"] == 7
        before = workers(server)
        begun = time.monotonic()
        with ThreadPoolExecutor() as clients:
            hanging = clients.submit(server.ask, SEVEN, query="model=hanging")
            time.sleep(0.3)
            behind = clients.submit(server.ask, SEVEN)
            answer = hanging.result()
            assert (answer.status, answer.json["result"]) == (503, 0)
            assert "more time or memory than" in answer.json["error"]
            assert 1 <= time.monotonic() - begun < 6
            assert behind.result().json["digit"] == 7  # who waited for this worker waits for the next
        assert not alive(before)
        assert "WORKER TIMEOUT" in server.log


@pytest.fixture
def hanging_models(tmp_path: Path) -> Path:
    """The models that are shipped, and one whose card never comes to an end."""
    folder = tmp_path / "models"
    folder.mkdir()
    for path in (servers.ROOT / "models").iterdir():
        (folder / path.name).symlink_to(path)
    os.mkfifo(folder / "hanging.json")
    return folder


def alive(processes: list[int]) -> list[int]:
    """Those of the processes that have not ended."""
    return [one for one in processes if Path(f"/proc/{one}").exists()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_a_worker_is_bounded_unless_it_has_to_have_more(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_MEMORY_MB="3000", MNIST_WORKERS="1") as server:
        assert server.ask(SEVEN).json["digit"] == 7
        (worker,) = workers(server)
        limits = Path(f"/proc/{worker}/limits").read_text()
    soft, hard = re.search(r"Max address space +(\S+) +(\S+)", limits).groups()
    assert soft == str(3000 * 2**20)
    assert hard == "unlimited" or int(hard) > int(soft)


def test_all_models_fit_into_the_memory_of_a_worker(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_WORKERS="1") as server:
        names = [model["name"] for model in server.ask(method="GET").json["models"]]
        assert len(names) > 1
        for name in names:
            assert server.ask(SEVEN, query=f"model={name}&explain=1").json["digit"] == 7, name


def test_beyond_its_places_pictures_are_turned_away_at_once_and_the_page_is_still_served(
    tmp_path: Path, hanging_models: Path
) -> None:
    settings = {"MNIST_MODELS": str(hanging_models), "MNIST_SCORE_SECONDS": "3", "MNIST_WAIT_SECONDS": "30"}
    with servers.gunicorn(tmp_path / "log", **settings, MNIST_PLACES="4", MNIST_WORKERS="1") as server:
        assert server.ask(SEVEN).json["digit"] == 7  # the worker is ready
        with ThreadPoolExecutor() as clients:
            hanging = clients.submit(server.ask, SEVEN, query="model=hanging")
            time.sleep(0.3)
            waiting = [clients.submit(server.ask, SEVEN) for _ in range(3)]
            time.sleep(0.3)
            begun = time.monotonic()
            for body in (SEVEN, SEVEN + b" " * 2_000_000, SEVEN):
                answer = server.ask(body)
                assert (answer.status, answer.headers["retry-after"], answer.json["retry_after"]) == (503, "2", 2)
                assert answer.json["result"] == 0
            assert server.ask(method="GET", path="/").status == 200
            assert time.monotonic() - begun < 1
            assert server.ask(method="GET", query="health").json["health"] == "ok"
            assert "retry_after" not in hanging.result().json
            assert [one.result().json["digit"] for one in waiting] == [7] * 3
        assert server.ask(SEVEN).json["digit"] == 7


def test_health_is_told_before_the_pictures_that_wait(tmp_path: Path) -> None:
    headers, form = pictures.form(*[("seven.png", pictures.png(7))] * 20)
    with servers.gunicorn(
        tmp_path / "log", MNIST_WORKERS="1", MNIST_WAIT_SECONDS="300", MNIST_SCORE_SECONDS="120"
    ) as server:
        assert len(server.ask(form, headers).json["results"]) == 20
        with ThreadPoolExecutor(12) as clients:
            waiting = [clients.submit(server.ask, form, headers, timeout=300) for _ in range(12)]
            wait_for(lambda: any(one.done() for one in waiting))
            before = sum(one.done() for one in waiting)
            assert server.ask(method="GET", query="health").json["health"] == "ok"
            assert sum(one.done() for one in waiting) <= before + 3
        assert [one.result().status for one in waiting] == [200] * 12


@pytest.mark.usefixtures("many_files")
def test_large_uploads_that_do_not_end_take_no_more_than_their_share(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log") as server:
        head = f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\n".encode()
        slow = []
        for number in range(100):
            client = socket.socket()
            client.bind((f"127.0.0.{2 + number % 10}", 0))
            client.connect(("127.0.0.1", server.port))
            client.sendall(head + b"x" * 1000)
            slow.append(client)
        wait_for(lambda: server.log.count('"status": 503') == 100 - 32)
        assert server.ask(SEVEN).json["digit"] == 7
        for client in slow:
            client.close()
        wait_for(lambda: server.ask(SEVEN + b" " * 2_000_000).status == 200)


def test_clients_that_do_not_hang_up_after_their_replies_keep_nobody_waiting(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_WORKERS="1") as server:
        assert server.ask(SEVEN).json["digit"] == 7  # the worker is ready
        begun = time.monotonic()
        staying = [half_sent(server) for _ in range(10)]
        for client in staying:
            client.sendall(SEVEN[len(SEVEN) // 2 :])
            assert b" 200 OK" in client.recv(100)
        assert server.ask(SEVEN).json["digit"] == 7
        assert time.monotonic() - begun < 5
        assert [client.recv(65536)[-1:] for client in staying] == [b"\n"] * 10
        for client in staying:
            client.close()


def test_a_client_that_does_not_take_its_reply_keeps_nobody_waiting(tmp_path: Path) -> None:
    headers, body = pictures.form(*[("seven.png", pictures.png(7))] * 100)
    lines = [f"POST {servers.SCRIPT} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with servers.gunicorn(tmp_path / "log", MNIST_WORKERS="1") as server:
        clients = []
        for _ in range(3):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(("127.0.0.1", server.port))
            client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            clients.append(client)
        assert [server.ask(SEVEN).json["digit"] for _ in range(3)] == [7] * 3  # by then the forms have been read
        begun = time.monotonic()
        assert server.ask(SEVEN).json["digit"] == 7
        assert time.monotonic() - begun < 2
        for client in clients:
            client.close()


def half_sent(server: servers.Server) -> socket.socket:
    """A client that has sent half of its picture, and whom nginx has begun to serve: it says that at once."""
    client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    head = f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(SEVEN)}\r\n".encode()
    client.sendall(head + b"Expect: 100-continue\r\n\r\n" + SEVEN[: len(SEVEN) // 2])
    assert client.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
    return client


def rest_sent(client: socket.socket) -> int:
    """Have a client send the other half; the digit that it is answered."""
    client.sendall(SEVEN[len(SEVEN) // 2 :])
    reply = b"".join(iter(lambda: client.recv(65536), b""))
    client.close()
    return json.loads(reply.partition(b"\r\n\r\n")[2]).get("digit", -1)


@pytest.mark.parametrize("more", [{}, {"MNIST_METRICS": "/metrics"}])
def test_with_a_full_temporary_folder_pictures_are_read(
    tmp_path: Path, full_folder: Path, more: dict[str, str]
) -> None:
    with pytest.raises(OSError, match="No space left"):
        (full_folder / "another").mkdir()
    with servers.gunicorn(tmp_path / "log", TMPDIR=str(full_folder), **more) as server:
        assert server.ask(SEVEN).json["digit"] == 7
        headers, body = pictures.form(("seven.png", pictures.png(7)), ("one.png", pictures.png(1)))
        assert [one["digit"] for one in server.ask(body, headers).json["results"]] == [7, 1]
        assert server.ask(pictures.data_url(pictures.png(7)) + b" " * 3_000_000).json["digit"] == 7


def test_no_request_is_lost_while_gunicorn_reloads_and_loses_a_worker(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log") as server:
        answers: list[int] = []
        done = threading.Event()
        clients = [threading.Thread(target=keep_asking, args=(server, answers, done)) for _ in range(3)]
        for client in clients:
            client.start()
        wait_for(lambda: len(answers) > 5)
        for _ in range(5):
            before = workers(server)
            os.kill(server.process.pid, signal.SIGHUP)
            wait_for(lambda before=before: workers(server) and not set(before) & set(workers(server)))
        after = len(answers)
        wait_for(lambda: len(answers) > after + 10)
        done.set()
        for client in clients:
            client.join()
        assert set(answers) == {7}
        for worker in workers(server):
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: answered(server))


def test_what_is_under_way_is_answered_before_the_server_stops(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log", MNIST_WORKERS="1") as server:
        slow = [half_sent(server) for _ in range(6)]
        assert server.ask(SEVEN).json["digit"] == 7  # it came last, so the others have been accepted
        os.kill(server.process.pid, signal.SIGTERM)
        wait_for(lambda: "gracefully shutting down" in server.log, 5)
        time.sleep(1.5)  # by then a server that does not wait for its clients is gone
        assert server.process.poll() is None
        assert [rest_sent(client) for client in slow] == [7] * 6
        assert server.process.wait(30) == 0


@pytest.mark.parametrize("run", range(4))
def test_no_connection_that_was_accepted_is_left_without_an_answer_by_a_stop_under_load(
    tmp_path: Path, run: int
) -> None:
    answers: list[int] = []
    with servers.gunicorn(tmp_path / "log") as server:
        assert server.ask(SEVEN).json["digit"] == 7
        clients = [threading.Thread(target=ask_until_refused, args=(server, answers)) for _ in range(16)]
        for client in clients:
            client.start()
        time.sleep(0.5 + 0.1 * run)
        os.kill(server.process.pid, signal.SIGTERM)
        for client in clients:
            client.join()
        assert server.process.wait(30) == 0
    assert len(answers) > 16
    assert set(answers) == {7}


def ask_until_refused(server: servers.Server, answers: list[int]) -> None:
    """Ask until no connection is taken any more; one that was taken and not answered counts as -1."""
    while True:
        try:
            answers.append(server.ask(SEVEN).json["digit"])
        except ConnectionRefusedError:
            return
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            answers.append(-1)


@pytest.mark.parametrize("victim", ["nginx: master", "nginx: worker", "-m gunicorn"])
def test_a_part_that_is_killed_is_started_again_and_meanwhile_clients_are_told(tmp_path: Path, victim: str) -> None:
    with servers.gunicorn(tmp_path / "log") as server:
        assert server.ask(SEVEN).json["digit"] == 7
        time.sleep(5)  # what ends within five seconds after its start is not started again
        os.kill(servers.children(server.process.pid, victim)[0], signal.SIGKILL)
        wait_for(lambda: answered(server), 2)
        wait_for(lambda: all(answered(server) for _ in range(5)), 5)
        assert server.process.poll() is None


@pytest.mark.skipif(not shutil.which("setpriv"), reason="util-linux ties a process to its parent")
def test_nothing_goes_on_when_the_server_is_killed(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log") as server:
        assert server.ask(SEVEN).json["digit"] == 7
        parts = servers.children(server.process.pid)
        server.process.kill()
        wait_for(lambda: not alive(parts), 5)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("MNIST_WORKERS", "abc", "MNIST_WORKERS='abc' is not a number."),
        ("MNIST_WORKERS", "-1", "MNIST_WORKERS has to be a number, 0 to 1000."),
        ("MNIST_PLACES", "0", "MNIST_PLACES has to be a number, 1 to 1000."),
        ("MNIST_SCORE_SECONDS", "inf", "MNIST_SCORE_SECONDS has to be a number of seconds, 1 to 3600."),
        ("MNIST_READ_SECONDS", "nan", "MNIST_READ_SECONDS has to be a number of seconds, 1 to 3600."),
        ("MNIST_BIND", "8000; root /", "MNIST_BIND has to be address:port."),
        ("MNIST_HOSTS", "a;b", "MNIST_HOSTS has to be host names with spaces between."),
        ("MNIST_METRICS", "metrics", "MNIST_METRICS has to be a path like /metrics."),
        ("MNIST_MEMORY_MB", "lots", "MNIST_MEMORY_MB='lots' is not a number."),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_at_the_start(name: str, text: str, told: str) -> None:
    command = [sys.executable, "deploy/serve.py"]
    env = servers.environment(**{name: text})
    done = subprocess.run(command, cwd=servers.ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told + "\n")


def test_without_nginx_the_server_says_how_to_get_it(app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import front
    import serve

    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(serve.CannotServe, match="apt-get install nginx-light"):
        serve.nginx(front.Settings(), tmp_path, 1)


def test_a_port_that_is_taken_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    program("nginx", "nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = serve_at(other.getsockname()[1])
    assert_port_is_taken(done)


def test_two_servers_of_one_user_do_not_share_a_port(tmp_path: Path) -> None:
    with servers.gunicorn(tmp_path / "log") as first:
        assert_port_is_taken(serve_at(first.port))
        assert answered(first)


def test_a_part_that_ends_at_once_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    nginx = tmp_path / "nginx"
    nginx.write_text("#!/bin/sh\nexit 3\n")
    nginx.chmod(0o755)
    done = serve_at(servers.free_port(), PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 1
    assert "nginx has ended with status 3\n" in done.stderr
    assert done.stderr.endswith("nginx ends as soon as it is started; see above.\n")


def serve_at(port: int, **more: str) -> subprocess.CompletedProcess[str]:
    env = servers.environment(MNIST_BIND=f"127.0.0.1:{port}", **more)
    command = [sys.executable, "deploy/serve.py"]
    return subprocess.run(command, cwd=servers.ROOT, env=env, capture_output=True, text=True, timeout=60)


def assert_port_is_taken(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1
    assert re.fullmatch(
        r"127\.0\.0\.1:\d+ can't be used: Address already in use.*\. Set MNIST_BIND to another address:port\.\n",
        done.stderr,
    )


def keep_asking(server: servers.Server, answers: list[int], done: threading.Event) -> None:
    """Ask until told to stop, at least once; a request that is not answered counts as -1."""
    while True:
        try:
            answers.append(server.ask(SEVEN).json["digit"])
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            answers.append(-1)
        if done.is_set():
            return


def answered(server: servers.Server) -> bool:
    try:
        return server.ask(SEVEN).json.get("digit") == 7
    except (OSError, http.client.HTTPException):
        return False


def wait_for(true: Any, seconds: float = 60, told: Any = lambda: "") -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited in vain {told()}"
        time.sleep(0.05)


# --- make serve-wsgi, the container and the lock file ----------------------------------------------------------------


def test_make_serve_wsgi_serves_with_what_is_locked(tmp_path: Path) -> None:
    with servers.make_serve_wsgi(tmp_path / "log") as server:
        assert server.ask(SEVEN).json["digit"] == 7
        assert server.ask(method="GET", path="/Makefile").status == 404
        assert f"MNIST Draw is at http://127.0.0.1:{server.port}/" in server.log
    assert " --require-hashes -r deploy/requirements.lock\n" in recipe("serve-wsgi", venv=str(tmp_path / "venv"))


def test_the_container_runs_with_no_more_rights_than_it_needs() -> None:
    service = yaml.safe_load((servers.ROOT / "deploy/compose.yaml").read_text())["services"]["mnist-draw"]
    assert service["read_only"] is True
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    dockerfile = (servers.ROOT / "deploy/Dockerfile").read_text()
    user, port = (re.search(rf"^{word} (\d+)", dockerfile, re.MULTILINE)[1] for word in ("USER", "EXPOSE"))
    assert int(user) > 0
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert dockerfile.index("\nUSER ") < dockerfile.index("\nCMD ")
    assert f"MNIST_BIND=0.0.0.0:{port} " in dockerfile


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_container_s_limits_leave_room_for_all_threads_and_a_reload(tmp_path: Path) -> None:
    """Threads count as processes there, and while it reloads there are twice as many workers."""
    service = yaml.safe_load((servers.ROOT / "deploy/compose.yaml").read_text())["services"]["mnist-draw"]
    settings = service["environment"]
    with servers.gunicorn(tmp_path / "log", **settings) as server:
        names = [model["name"] for model in server.ask(method="GET").json["models"]]
        for name in 4 * names:
            assert server.ask(SEVEN, query=f"model={name}&explain=1").json["digit"] == 7, name
        rest = [one for one in servers.children(server.process.pid) if one not in workers(server)]
        each = max(threads(worker) for worker in workers(server))
        assert len(workers(server)) == int(settings["MNIST_WORKERS"]) == service["cpus"] + 1
        assert (
            2 * len(workers(server)) * each + sum(map(threads, rest)) + threads(server.process.pid) + 10
            < service["pids_limit"]
        )
    pictures_mb = 32 * 8
    workers_mb = int(settings["MNIST_WORKERS"]) * int(settings["MNIST_MEMORY_MB"])
    assert workers_mb + pictures_mb <= 1024 * int(service["mem_limit"].removesuffix("g"))
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def threads(process: int) -> int:
    """The number of a process's threads."""
    return len(list(Path(f"/proc/{process}/task").iterdir()))


def test_systemd_starts_what_make_serve_wsgi_starts() -> None:
    unit = (servers.ROOT / "deploy/mnist-draw.service").read_text()
    command = re.search("^ExecStart=/srv/mnist-draw/.venv/bin/(.+)$", unit, re.MULTILINE)[1]
    assert f"/bin/{command}" in recipe("serve-wsgi").replace('"', "")
    assert re.search("^KillMode=mixed$", unit, re.MULTILINE)  # nginx goes first, see serve.py
    verify = shutil.which("systemd-analyze")
    if not verify:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        [verify, "verify", str(servers.ROOT / "deploy/mnist-draw.service")], capture_output=True, text=True
    )
    assert not [line for line in done.stderr.splitlines() if "mnist-draw" in line and "not executable" not in line]


def test_the_lock_file_has_a_hash_for_all_that_is_needed_and_names_no_registry() -> None:
    text = (servers.ROOT / "deploy/requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--?(index|extra|find|trusted)", text, re.MULTILINE)
    wanted = (servers.ROOT / "deploy/requirements.in").read_text() + (
        servers.ROOT / "requirements-serve.txt"
    ).read_text()
    names = re.findall(r"^([a-z-]+)[>=<]", wanted, re.MULTILINE)
    assert len(names) == 9
    for name in names:
        assert re.search(rf"^{name}==\S+.*\\\n    --hash=sha256:", text, re.MULTILINE), name


def test_the_container_s_lines_make_a_folder_that_serves(tmp_path: Path) -> None:
    """No Docker here: the Dockerfile's COPY and RUN lines are carried out in a clean folder, and its CMD started."""
    program("nginx", "nginx-light")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    env = servers.environment(f"{tmp_path}/venv/bin:/usr/bin:/bin")
    work = tmp_path / "srv"
    work.mkdir()
    text = (servers.ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    for word, rest in lines:
        if word == "COPY":
            copy(rest.split(), work)
        if word == "RUN" and "apt-get" not in rest:  # what Debian has is installed already
            subprocess.run(rest, shell=True, cwd=work, env=env, check=True, timeout=500)
    port = servers.free_port()
    env |= {"MNIST_BIND": f"127.0.0.1:{port}"}
    words = dict(lines)
    log = tmp_path / "log"
    with servers.running("container", json.loads(words["CMD"]), log, port, cwd=work, env=env) as server:
        assert server.ask(SEVEN).json["digit"] == 7
        check = json.loads(words["HEALTHCHECK"].partition("CMD ")[2])
        healthy = [part.replace(":8000/", f":{port}/") for part in check]
        assert subprocess.run(healthy, env=env).returncode == 0
    assert subprocess.run(healthy, env=env, capture_output=True).returncode != 0


def copy(names: list[str], work: Path) -> None:
    """What COPY does."""
    *sources, target = names
    for source in sources:
        path = servers.ROOT / source
        if path.is_dir():
            shutil.copytree(path, work / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (work / target).mkdir(exist_ok=True)
            shutil.copy(path, work / target)
