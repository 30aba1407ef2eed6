"""The resident reader with real processes: what it answers, how long it lives, and the faults that it survives."""

import fcntl
import json
import os
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
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pictures
import servers
import small_disk
from benchmarks import processes
from servers import wait_until

SEVEN = pictures.data_url(pictures.png(7))
PYTHON = f"{sys.prefix}/bin/python3"  # as the script finds it
LINUX = sys.platform.startswith("linux")

# In the place of the package that reads forms: what a form's Content-Type asks for happens to the child that reads it.
MULTIPART = """
import os, signal, time
class MultipartError(Exception): pass
class ParserLimitReached(MultipartError): pass
def parse_options_header(kind):
    if "hangs" in kind: time.sleep(100)
    if "stops" in kind: os.kill(os.getpid(), signal.SIGSTOP)
    if "dies" in kind: os.kill(os.getpid(), signal.SIGKILL)
    if "takes memory" in kind: bytearray(1 << 40)
    if "talks" in kind: print("printed by a child", flush=True)
    if "takes a second" in kind: time.sleep(1)
    return kind, {}
"""
# Tells in the log of a request when the script answers it without a reader.
SITE = """
import os, sys, time
class Watch:
    def find_spec(self, name, path, target=None):
        if name == "serving.cgi": print("answers by itself", file=sys.stderr, flush=True)
if "serving.reader" not in sys.orig_argv: sys.meta_path.insert(0, Watch())
"""
# A reader gets little of the environment: where coverage is measured, it is told so here.
MEASURED = """
os.environ["COVERAGE_PROCESS_CONFIG"] = {config!r}
import coverage
coverage.process_startup()
"""


class Resident(servers.Script):
    """The script, with a runtime folder of its own in which readers are left behind."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.runtime = tempfile.mkdtemp(prefix="mnist-")
        (folder / "site").mkdir(exist_ok=True)
        (folder / "site" / "multipart.py").write_text(MULTIPART)
        config = os.environ.get("COVERAGE_PROCESS_CONFIG")
        measured = MEASURED.format(config=config) if config else ""
        (folder / "site" / "sitecustomize.py").write_text(SITE + measured + settings.pop("site", ""))
        ours = {"MNIST_RESIDENT": "1", "XDG_RUNTIME_DIR": self.runtime, "PYTHONPATH": str(folder / "site")}
        super().__init__(folder / "log", **(ours | settings))

    def form(self, what: str) -> subprocess.Popen[bytes]:
        """Start a request to the child of which happens what the stand-in for `multipart` knows."""
        asks = servers.Script(self.logfile, **self.settings, CONTENT_TYPE=f"multipart/form-data; {what}")
        asks.program, asks.limits = self.program, self.limits
        return asks.start(b"--x")

    def readers(self) -> list[int]:
        """The readers that there are."""
        return servers.readers(self.runtime)

    def address(self) -> Path:
        """The path of the socket."""
        return wait_until(lambda: next(Path(self.runtime, "mnist-draw").glob("*.socket"), None))

    def ready(self) -> int:
        """Have a reader started, and wait until it listens; its process."""
        assert self.ask(SEVEN).json["digit"] == 7
        assert self.address(), self.log + "".join(log.read_text() for log in Path(self.runtime).glob("*/*.log"))
        return self.readers()[0]

    def alone(self) -> int:
        """How many requests were answered without a reader."""
        return self.log.count("answers by itself")

    def is_answered_by_reader(self) -> bool:
        """Whether one more request is answered rightly, and by a reader."""
        before = self.alone()
        return self.ask(SEVEN).json.get("digit") == 7 and self.alone() == before

    def end(self) -> None:
        """Take the folder away, with which readers end."""
        for process in self.readers():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.runtime, ignore_errors=True)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """What makes a `Resident` with settings of the test's."""
    made: list[Resident] = []

    def make(**settings: str) -> Resident:
        made.append(Resident(tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        one.end()


def refused(answer: Any, status: int = 503) -> str:
    """Check that an answer is a refusal in the agreed shape; its sentence."""
    assert (answer.status, answer.json["result"], answer.json["data"]) == (status, 0, [])
    return answer.json["error"]


# --- what it is for ---------------------------------------------------------------------------------


def test_the_first_request_is_answered_without_a_reader_and_the_next_ones_by_it(start: Any) -> None:
    script = start()
    first = script.ask(SEVEN)
    assert script.address()
    second = script.ask(SEVEN)
    assert (second.status, second.headers, second.json) == (first.status, first.headers, first.json)
    assert first.json["digit"] == 7
    assert script.alone() == 1


@pytest.mark.parametrize(
    ("body", "query", "method"),
    [
        (SEVEN, "model=svm&explain=1", "POST"),
        (SEVEN, "explain=network", "POST"),
        (SEVEN, "model=none", "POST"),
        (b"hello", "", "POST"),
        (b"", "", "POST"),
        (b"", "", "GET"),
        (b"", "", "HEAD"),
        (b"", "", "PUT"),
        (b"data:image/png;base64," + b"A" * (8 << 20), "", "POST"),
    ],
)
def test_every_answer_is_the_same_with_and_without_a_reader(start: Any, body: bytes, query: str, method: str) -> None:
    script = start()
    script.ready()
    alone, there = script.alone(), script.ask(body, query, method)
    assert script.alone() == alone
    without = servers.Script(script.logfile).ask(body, query, method)
    assert (there.status, there.headers, there.body) == (without.status, without.headers, without.body)


def test_health_is_told_by_a_script_alone_however_many_pictures_wait(start: Any) -> None:
    script = start(MNIST_SLOTS="1", MNIST_PLACES="1", MNIST_WAIT_SECONDS="60")
    reader = script.ready()
    hanging = script.form("hangs")
    child = wait_until(lambda: servers.children(reader))
    waiting, alone = script.start(SEVEN), script.alone()
    answer = script.ask(query="health", method="GET").json
    assert answer == {"result": 1, "error": "", "health": "ok", "model": "cnn"}
    assert script.alone() == alone + 1
    assert (hanging.poll(), waiting.poll()) == (None, None)
    os.kill(child[0], signal.SIGKILL)
    assert "more time or memory" in refused(script.finished(hanging))
    assert script.finished(waiting).json["digit"] == 7


def test_a_look_at_the_health_starts_no_reader(start: Any) -> None:
    script = start()
    assert script.ask(query="health", method="GET").json["health"] == "ok"
    assert script.readers() == []


def test_it_is_switched_off_by_a_setting(start: Any) -> None:
    script = start(MNIST_RESIDENT="0")
    assert [script.ask(SEVEN).json["digit"] for _ in range(2)] == [7, 7]
    assert script.alone() == 2
    assert script.readers() == []
    assert not Path(script.runtime, "mnist-draw").exists()


def test_readers_with_other_settings_are_others(start: Any) -> None:
    script = start()
    first = script.ready()
    script.settings["MNIST_SCORE_SECONDS"] = "29"
    assert script.ask(SEVEN).json["digit"] == 7
    assert wait_until(lambda: len(script.readers()) == 2)
    assert first in script.readers()


def descriptors(process: int) -> list[str]:
    """The kinds of what a process has open, without libffi's own file, which it keeps open."""
    held = set[str]()
    for one in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(str(one.readlink()))
    return sorted(one.partition(":")[0].rpartition(".")[2] for one in held if "/libffi.so" not in one)


@pytest.mark.skipif(not LINUX, reason="/proc is Linux's")
def test_it_has_one_thread_and_no_descriptor_of_the_server(start: Any) -> None:
    reader = start().ready()
    assert "Threads:\t1\n" in Path(f"/proc/{reader}/status").read_text()
    wanted = ["/dev/null", "anon_inode", "lock", "log", "pipe", "socket"]
    assert wait_until(lambda: descriptors(reader) == wanted), descriptors(reader)  # it looks into folders now and then
    assert Path(f"/proc/{reader}/cwd").readlink() == Path("/")


def test_what_a_child_prints_goes_to_the_log_of_the_server(start: Any) -> None:
    script = start()
    script.ready()
    answer = script.finished(script.form("talks"))
    assert refused(answer, 400) == "The form's Content-Type names no boundary."
    assert "printed by a child" in script.log


# --- its life ---------------------------------------------------------------------------------------


def test_it_ends_when_nobody_has_asked_for_a_while(start: Any) -> None:
    script = start(MNIST_RESIDENT_SECONDS="1")
    script.ready()
    assert wait_until(lambda: not script.readers(), 4)
    assert list(Path(script.runtime, "mnist-draw").iterdir()) == []
    assert script.ready()


def test_what_a_killed_reader_has_left_goes_after_a_day_with_the_next_one_and_that_of_others_stays(start: Any) -> None:
    script = start()
    os.kill(script.ready(), signal.SIGKILL)
    assert wait_until(lambda: not script.readers())
    left = {path.suffix: path for path in Path(script.runtime, "mnist-draw").iterdir()}
    assert set(left) == {".lock", ".log", ".socket"}
    left[".log"].write_text("what went wrong")
    os.utime(left[".lock"], (time.time() - 90_000,) * 2)
    with left[".lock"].with_name("lives.lock").open("w") as lives:
        os.utime(lives.name, (time.time() - 90_000,) * 2)
        fcntl.flock(lives, fcntl.LOCK_EX)
        script.settings["MNIST_SCORE_SECONDS"] = "29"  # has an address of its own
        assert script.ask(SEVEN).json["digit"] == 7
        assert wait_until(lambda: not any(path.exists() for path in left.values()))
        assert Path(lives.name).exists()


def test_a_log_that_says_something_stays_when_its_reader_ends(start: Any) -> None:
    script = start(site="if 'serving.reader' in sys.orig_argv: print('trouble', file=sys.stderr)\n")
    script.ready()
    script.address().unlink()  # a reader that can no longer be reached ends
    assert wait_until(lambda: not script.readers(), 4)
    assert [path.read_text() for path in Path(script.runtime, "mnist-draw").iterdir()] == ["trouble\n"]


def test_who_gets_a_lock_that_was_taken_away_makes_a_new_one(tmp_path: Path) -> None:
    from serving import leftovers, starter

    address = str(tmp_path / "reader")
    old = os.open(address + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(old, fcntl.LOCK_EX)
    with pytest.raises(BlockingIOError):
        starter._locked(address + ".lock", 0.05)
    threading.Timer(0.2, leftovers.remove, (old, address)).start()
    lock = starter._locked(address + ".lock", 10)
    assert os.path.samestat(os.fstat(lock), Path(address + ".lock").stat())
    leftovers.remove(lock, address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_soon_after_its_server(start: Any, tmp_path: Path, number: int) -> None:
    script = start()
    with servers.make_serve(tmp_path / "server", **script.settings) as server:
        assert server.ask(SEVEN).json["digit"] == 7
        assert script.address()
        assert server.ask(SEVEN).json["digit"] == 7
        os.killpg(server.process.pid, number)
        assert wait_until(lambda: not script.readers(), 4)


def test_it_ends_with_its_server_while_a_child_hangs(start: Any) -> None:
    script = start()
    with subprocess.Popen(["sleep", "100"]) as server:
        code = f"from serving import starter; starter.replace({_name(script)!r}, {server.pid}, None)"
        command = [PYTHON, "-c", code]
        subprocess.run(command, cwd=servers.ROOT / "cgi-bin", env=servers.environment(**script.settings), check=True)
        assert script.address()
        request = script.form("hangs")
        reader = script.readers()[0]
        assert wait_until(lambda: servers.children(reader))
        server.kill()
    assert wait_until(lambda: not script.readers(), 4)
    assert "more time or memory" in refused(script.finished(request))


def _name(script: Resident) -> str:
    """The address of the reader that a script would ask."""
    code = "from serving import runtime_folder; print(runtime_folder.address())"
    command, env = [PYTHON, "-c", code], servers.environment(**script.settings)
    done = subprocess.run(command, cwd=servers.ROOT / "cgi-bin", env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the default model."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("cnn.json", "cnn.tflite"):
        shutil.copy(servers.ROOT / "models" / name, folder)
    return folder


def test_a_model_that_is_damaged_deleted_or_replaced_is_never_answered_from_again(start: Any, models: Path) -> None:
    script = start(MNIST_MODELS=str(models))
    script.ready()
    whole = (models / "cnn.tflite").read_bytes()
    (models / "cnn.tflite").write_bytes(whole[:-1] + b"x")
    assert "SHA-256" in refused(script.ask(SEVEN))
    (models / "cnn.tflite").unlink()
    assert "cnn.tflite is missing" in refused(script.ask(SEVEN))
    (models / "cnn.tflite").write_bytes(whole)
    card = json.loads((models / "cnn.json").read_text())
    card["unsure"]["confidence"] = 1.0
    (models / "new").write_text(json.dumps(card))
    (models / "new").rename(models / "cnn.json")
    assert script.ask(SEVEN).json["unsure"] is True
    assert wait_until(script.is_answered_by_reader)
    assert script.ask(SEVEN).json["unsure"] is True


def test_code_that_changes_ends_it_before_the_next_answer(start: Any, tmp_path: Path) -> None:
    root = tmp_path / "p"
    for part in ("cgi-bin", "models"):
        shutil.copytree(servers.ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__", "cnn.tfl.*"))
    script = start()
    script.program = str(root / "cgi-bin" / "mnist.py")
    reader, alone = script.ready(), script.alone()
    (root / "cgi-bin" / "reading" / "errors.py").touch()
    assert script.ask(SEVEN).json["digit"] == 7
    assert script.alone() == alone + 1
    assert wait_until(lambda: reader not in script.readers())
    assert wait_until(script.is_answered_by_reader)


# --- crowds -----------------------------------------------------------------------------------------


def test_fifty_first_requests_at_once_are_all_answered_and_leave_one_reader(start: Any) -> None:
    script = start(MNIST_PLACES="64", MNIST_WAIT_SECONDS="120")
    requests = [script.start(SEVEN) for _ in range(50)]
    assert [script.finished(request, 120).json.get("digit") for request in requests] == [7] * 50
    assert script.address()
    assert len(script.readers()) == 1
    assert script.is_answered_by_reader()


def test_who_came_first_is_served_first_and_who_finds_no_room_is_told_at_once_when_to_come_back(start: Any) -> None:
    script = start(MNIST_SLOTS="1", MNIST_PLACES="2")
    reader = script.ready()
    first = script.form("takes a second")
    assert wait_until(lambda: servers.children(reader))
    waiting = []
    for _ in range(2):
        waiting.append(script.form("takes a second"))
        time.sleep(0.3)
    begun = time.monotonic()
    answer = script.ask(SEVEN)
    assert time.monotonic() - begun < 1
    assert "try again" in refused(answer)
    assert (answer.headers["retry-after"], answer.json["retry_after"]) == ("2", 2)
    ended: list[int] = []
    while len(ended) < 3:
        requests = [first, *waiting]
        ended += [at for at, one in enumerate(requests) if at not in ended and one.poll() is not None]
        time.sleep(0.01)
    assert ended == [0, 1, 2]
    assert [script.finished(one).status for one in (first, *waiting)] == [400, 400, 400]


def test_who_waits_too_long_is_told_when_to_come_back(start: Any) -> None:
    script = start(MNIST_SLOTS="1", MNIST_WAIT_SECONDS="1", MNIST_SCORE_SECONDS="5")
    reader = script.ready()
    hanging = script.form("hangs")
    assert wait_until(lambda: servers.children(reader))
    assert script.ask(SEVEN).json["retry_after"] == 2
    assert "more time or memory" in refused(script.finished(hanging))


# --- faults -----------------------------------------------------------------------------------------


def test_a_reader_that_was_killed_before_a_request_is_replaced(start: Any) -> None:
    script = start()
    os.kill(script.ready(), signal.SIGKILL)
    assert wait_until(lambda: not script.readers())
    assert script.ask(SEVEN).json["digit"] == 7  # past the socket that it has left
    assert wait_until(script.is_answered_by_reader)


def test_a_reader_that_is_killed_during_a_request_does_not_take_its_answer_away(start: Any) -> None:
    script = start()
    reader = script.ready()
    request = script.form("takes a second")
    assert wait_until(lambda: servers.children(reader))
    os.kill(reader, signal.SIGKILL)
    assert refused(script.finished(request), 400) == "The form's Content-Type names no boundary."
    assert wait_until(script.is_answered_by_reader)


def test_who_waits_in_the_queue_of_a_reader_that_is_killed_is_answered(start: Any) -> None:
    script = start(MNIST_SLOTS="1")
    reader = script.ready()
    script.form("takes a second")
    assert wait_until(lambda: servers.children(reader))
    waiting = script.start(SEVEN)
    time.sleep(0.3)
    os.kill(reader, signal.SIGKILL)
    assert script.finished(waiting).json["digit"] == 7


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("dies", "more time or memory"),
        ("hangs", "more time or memory"),
        ("stops", "more time or memory"),
        ("takes memory", "takes more memory"),
    ],
)
def test_a_child_that_dies_hangs_or_takes_too_much_is_a_sentence_and_harms_nobody_else(
    start: Any, what: str, sentence: str
) -> None:
    script = start(MNIST_SCORE_SECONDS="1")
    reader = script.ready()
    begun = time.monotonic()
    assert sentence in refused(script.finished(script.form(what)))
    assert time.monotonic() - begun < 6
    assert wait_until(lambda: not servers.children(reader))
    assert script.is_answered_by_reader()
    assert script.readers() == [reader]


def test_a_script_that_is_killed_leaves_no_child_behind(start: Any) -> None:
    script = start(MNIST_SCORE_SECONDS="1")
    reader = script.ready()
    request = script.form("hangs")
    assert wait_until(lambda: servers.children(reader))
    request.kill()
    request.wait()
    assert wait_until(lambda: not servers.children(reader), 5)
    assert script.is_answered_by_reader()


def test_a_stopped_reader_is_noticed_soon_and_replaced(start: Any) -> None:
    script = start()
    reader = script.ready()
    begun = time.monotonic()
    servers.Script(script.logfile).ask(SEVEN)
    alone = time.monotonic() - begun
    os.kill(reader, signal.SIGSTOP)
    begun = time.monotonic()
    assert script.ask(SEVEN).json["digit"] == 7
    assert time.monotonic() - begun < 2.5 + 3 * alone  # half a second of it is the end of the stopped one
    assert wait_until(lambda: script.readers() and reader not in script.readers())
    assert wait_until(script.is_answered_by_reader)


def test_a_reader_that_goes_on_in_time_is_left_alone(start: Any) -> None:
    script = start()
    reader = script.ready()
    os.kill(reader, signal.SIGSTOP)
    request = script.start(SEVEN)
    time.sleep(0.5)
    os.kill(reader, signal.SIGCONT)
    assert script.finished(request).json["digit"] == 7
    assert script.readers() == [reader]


SERVER = """
import os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
if sys.argv[2]: os.setuid(int(sys.argv[2]))
listener.listen()
print("listens", flush=True)
while True:
    line, _ = listener.accept()
    print("was asked", flush=True)
    line.send(b"?") if sys.argv[3] else time.sleep(100)
"""


@pytest.mark.parametrize(("user", "says"), [("", "?"), ("", ""), ("65534", "?")])
def test_something_else_at_the_address_is_not_believed(start: Any, user: str, says: str) -> None:
    if user and os.getuid():
        pytest.skip("only root can be two users")
    script = start()
    Path(script.runtime, "mnist-draw").mkdir(0o700)
    command = [sys.executable, "-c", SERVER, _name(script) + ".socket", user, says]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert script.ask(SEVEN).json["digit"] == 7
        assert script.alone() == 1
        assert other.stdout.readline() == b"was asked\n"
        assert wait_until(script.is_answered_by_reader)
        other.kill()


def test_a_folder_that_is_not_ours_alone_is_not_used(tmp_path: Path) -> None:
    from serving import runtime_folder

    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "private").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "private")
    (tmp_path / "file").touch(0o700)
    for name in ("open", "link", "file"):
        with pytest.raises(PermissionError, match="mode 700"):
            runtime_folder.make(str(tmp_path / name))
    if not os.getuid():
        os.chown(tmp_path / "private", 65534, 65534)
        with pytest.raises(PermissionError, match="this user's own"):
            runtime_folder.make(str(tmp_path / "private"))


def test_a_foreign_folder_in_the_place_of_ours_means_another_one_or_no_reader(start: Any, tmp_path: Path) -> None:
    script = start(TMPDIR=str(tmp_path / "t"), HOME="")
    (tmp_path / "t").mkdir()
    (tmp_path / "elsewhere").mkdir(0o700)
    for name in (Path(script.runtime, "mnist-draw"), tmp_path / "t" / f"mnist-draw-{os.getuid()}"):
        name.symlink_to(tmp_path / "elsewhere")
    assert [script.ask(SEVEN).json["digit"] for _ in range(2)] == [7, 7]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    script.settings["HOME"] = script.runtime
    Path(script.runtime, ".cache").mkdir()
    assert script.ask(SEVEN).json["digit"] == 7
    assert wait_until(lambda: list(Path(script.runtime, ".cache", "mnist-draw").glob("*.socket")))


def test_a_path_that_is_too_long_for_a_socket_means_no_reader(start: Any) -> None:
    script = start()
    script.settings["XDG_RUNTIME_DIR"] = f"{script.runtime}/{'long' * 20}"
    Path(script.settings["XDG_RUNTIME_DIR"]).mkdir(0o700)
    assert [script.ask(SEVEN).json["digit"] for _ in range(2)] == [7, 7]
    assert script.alone() == 2


def test_a_full_disk_means_no_reader(start: Any, full_folder: Path) -> None:
    script = start(XDG_RUNTIME_DIR="", TMPDIR=str(full_folder), HOME="", MNIST_WAIT_SECONDS="60")
    assert [script.ask(SEVEN).json["digit"] for _ in range(2)] == [7, 7]
    assert script.alone() == 2


def test_a_disk_that_has_no_room_for_a_socket_means_no_reader(start: Any, tmp_path: Path) -> None:
    with small_disk.mounted(tmp_path / "s", "size=64k,nr_inodes=4,mode=700") as folder:
        script = start(XDG_RUNTIME_DIR=str(folder))
        assert [script.ask(SEVEN).json["digit"] for _ in range(2)] == [7, 7]
        assert wait_until(lambda: not servers.readers(str(folder)))
        assert script.ask(SEVEN).json["digit"] == 7
        assert script.alone() == 3


@pytest.mark.parametrize(
    ("kind", "most"), [(resource.RLIMIT_NOFILE, 32), (resource.RLIMIT_AS, 300 << 20), (resource.RLIMIT_AS, 900 << 20)]
)
def test_with_little_to_spend_requests_are_answered_all_the_same(start: Any, kind: int, most: int) -> None:
    script = start(MNIST_WAIT_SECONDS="60")
    script.limits = [(kind, most)]
    assert script.ask(SEVEN).json["digit"] == 7
    time.sleep(2)
    requests = [script.start(SEVEN) for _ in range(30)]
    answers = [script.finished(request, 60).json for request in requests]
    assert {answer.get("digit", answer.get("retry_after")) for answer in answers} <= {7, 2}
    assert script.ask(SEVEN).json["digit"] == 7


NO_FORK = """
if "serving.reader" in sys.orig_argv:
    def fork(): raise BlockingIOError("Resource temporarily unavailable")
    os.fork = fork
"""


def test_a_reader_that_may_not_start_a_process_says_when_to_come_back(start: Any) -> None:
    script = start(site=NO_FORK)
    script.ready()
    assert script.ask(SEVEN).json["retry_after"] == 2


def test_a_script_that_may_not_start_a_process_says_when_to_come_back(start: Any) -> None:
    script = start(site=NO_FORK.replace('if "serving.reader" in sys.orig_argv', "if True"))
    assert script.ask(SEVEN).json["retry_after"] == 2
    assert script.readers() == []


BACK_A_YEAR = """
true, begun = time.time, time.monotonic()
time.time = lambda: true() - 365 * 86400 * (time.monotonic() > begun + 2)
"""


def test_a_clock_that_goes_back_a_year_changes_nothing(start: Any) -> None:
    script = start(site=BACK_A_YEAR, MNIST_RESIDENT_SECONDS="4")
    reader = script.ready()
    time.sleep(2)
    assert script.is_answered_by_reader()
    assert script.readers() == [reader]
    assert wait_until(lambda: not script.readers(), 8)


@pytest.mark.skipif(not LINUX, reason="/proc is Linux's")
@pytest.mark.parametrize(
    ("kind", "mode", "side"),
    [("WEBP", "RGB", 3000), ("PNG", "RGBA", 4096), ("PNG", "LA", 4096), ("PNG", "I;16", 4096), ("GIF", "P", 4096)],
)
def test_the_largest_picture_takes_less_than_300_mb_of_all_processes(
    start: Any, kind: str, mode: str, side: int
) -> None:
    picture = Image.new("L", (side, side), "white")
    picture.paste("black", (1400, 500, 1600, 2500))
    picture = (
        picture.convert("I").point(lambda level: level * 257).convert(mode) if mode == "I;16" else picture.convert(mode)
    )
    script = start()
    reader = script.ready()
    request = script.start(pictures.data_url(pictures.encoded(picture, kind)))
    peak = 0.0
    while request.poll() is None:
        peak = max(peak, processes.tree_mb(reader) + processes.tree_mb(request.pid))
    assert script.finished(request).json["digit"] == 1
    assert 150 < peak < 300


def test_who_sends_half_a_body_or_never_reads_the_answer_holds_no_child(start: Any, tmp_path: Path) -> None:
    script = start(MNIST_SLOTS="1", MNIST_READ_SECONDS="3")
    with servers.make_serve(tmp_path / "server", **script.settings) as server:
        assert server.ask(SEVEN).json["digit"] == 7
        assert script.address()
        head = f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(SEVEN)}\r\n\r\n".encode()
        slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(10)]
        for number, client in enumerate(slow):
            client.sendall(head + SEVEN[: len(SEVEN) // (1 + number % 2)])
        begun = time.monotonic()
        assert server.ask(SEVEN).json["digit"] == 7
        assert time.monotonic() - begun < 3
        slow[1].settimeout(20)
        assert b"Status: 408 " in b"".join(iter(lambda: slow[1].recv(65536), b""))
        for client in slow:
            client.close()


@pytest.mark.skipif(not LINUX, reason="/proc is Linux's")
def test_after_many_requests_it_holds_what_it_held_before(start: Any) -> None:
    script = start()
    reader = script.ready()

    def held() -> tuple[int, int]:
        lines = Path(f"/proc/{reader}/status").read_text().splitlines()
        size = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        return len(list(Path(f"/proc/{reader}/fd").iterdir())), size

    for _ in range(20):
        assert script.is_answered_by_reader()
    assert wait_until(lambda: not servers.children(reader))
    descriptors, memory = held()
    for _ in range(150):
        script.ask(SEVEN)
    assert wait_until(lambda: held()[0] == descriptors)
    assert held()[1] < memory + 500  # KB
    assert script.readers() == [reader]
    assert wait_until(lambda: not servers.children(reader))  # the last child is still being taken apart
