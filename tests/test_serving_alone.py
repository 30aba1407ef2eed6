"""The modules of serving, each alone: settings, sockets, locks, folders, limits, and what a reader is started with."""

import fcntl
import gc
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reading.errors import NoInk, OutOfLimits, Problem
from serving import (
    admission,
    child,
    connections,
    fingerprint,
    leftovers,
    peer,
    reader,
    runtime_folder,
    settings,
    starter,
    worker,
)
from serving.client import LEAVE, WAIT
from serving.errors import Busy
from serving.server_process import ServerProcess
from stand_ins import noted

LINUX = sys.platform.startswith("linux")


@pytest.fixture(scope="module", autouse=True)
def nothing_of_other_files_is_open() -> None:
    """What tests of other files have left open is closed now, not while a test here runs."""
    gc.collect()


@pytest.fixture(autouse=True)
def nothing_stays_open(nothing_of_other_files_is_open: None) -> Iterator[None]:
    """Each descriptor that a test has opened is closed at its end."""
    before = len(list(Path("/proc/self/fd").iterdir())) if LINUX else 0
    yield
    assert not LINUX or len(list(Path("/proc/self/fd").iterdir())) == before


# --- settings ---------------------------------------------------------------------------------------


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sentences about settings that make no sense."""
    monkeypatch.setattr(settings, "wrong", [])
    return settings.wrong


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", 5),
        ("2", 2),
        ("9", 9),
        ("1.9", None),
        ("9.1", None),
        ("nan", None),
        ("x", None),
        ("0" * 19 + "3", 3),
        ("0" * 20 + "3", None),
    ],
)
def test_a_setting_is_a_number_between_its_bounds_or_is_told_and_its_usual_value_counts(
    text: str, found: float | None, wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_TEST", text)
    assert settings.number("MNIST_TEST", 5, 2, 9) == (5 if found is None else found)
    assert wrong == ([] if found is not None else ["MNIST_TEST has to be a number, 2 to 9."])


@pytest.mark.parametrize("text", ["x", "9" * 21])
def test_what_is_no_number_is_beyond_all_bounds(text: str, wrong: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_TEST", text)
    assert [settings.number("MNIST_TEST", 5, least, most) for least, most in ((0, 8), (0, 1), (-2, 4))] == [5] * 3
    assert wrong == [f"MNIST_TEST has to be a number, {bounds}." for bounds in ("0 to 8", "0 to 1", "-2 to 4")]


@pytest.mark.parametrize(("text", "found"), [("3", 3), ("-3", -3), ("2.5", None), ("-2.5", None)])
def test_a_whole_number_has_nothing_behind_its_point(
    text: str, found: int | None, wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_TEST", text)
    assert settings.whole("MNIST_TEST", 5, -9, 9) == (5 if found is None else found)
    assert wrong == ([] if found is not None else ["MNIST_TEST has to be a whole number."])


def test_a_whole_number_and_a_switch_are_told_once_each(wrong: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_TEST", "2.5")
    assert [settings.whole("MNIST_TEST", 5, 2, 9) for _ in range(2)] == [5, 5]
    assert settings.switch("MNIST_TEST") is True
    assert wrong == ["MNIST_TEST has to be a whole number.", "MNIST_TEST has to be 0 or 1."]
    switched = {
        text: settings.switch("MNIST_TEST")
        for text in ("0", "1", "", "-", "00")
        if not monkeypatch.setenv("MNIST_TEST", text)
    }
    assert switched == {"0": False, "1": True, "": True, "-": True, "00": True}
    assert len(wrong) == 2


def test_what_is_not_set_is_what_the_docs_say() -> None:
    code = (
        "from serving import admission, body, child, connections, errors, focus, runtime_folder, settings as s\n"
        "print(s.MAX_BODY, s.DISCARD_BYTES, s.READ_SECONDS, s.SCORE_SECONDS, s.RESIDENT_SECONDS, s.RESIDENT, s.BLOCK,"
        " admission.SLOTS, admission.PLACES, admission.QUEUE, admission.WAIT_SECONDS, admission.WATCHERS,"
        " child.MEMORY_MB, child.CPU_SECONDS, runtime_folder.PROTOCOL, body.MAX_PICTURES, body.MAX_HEADER,"
        " body.MAX_NAME, focus.MOST, errors.RETRY_SECONDS, connections.BACKLOG, connections.MANY_FILES, s.wrong)"
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith("MNIST_")}
    folder = Path(settings.__file__).parents[1]
    told = subprocess.run([sys.executable, "-c", code], cwd=folder, env=own, capture_output=True, text=True, check=True)
    assert told.stdout == (
        "8388608 67108864 10.0 30.0 60.0 True 65536 0 32 256 10.0 4 1024 60 1 100 65536 200 100 2 1024 4096 []\n"
    )


# --- sockets ----------------------------------------------------------------------------------------


def test_who_is_at_the_other_end_is_read_from_what_the_kernel_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peer.peer(one) == (os.getpid(), os.getuid())

    class System:
        """A connection as the system has it: what is asked about it, and the numbers that are answered."""

        def __init__(self, told: dict[tuple[int, int, int], tuple[int, ...]]) -> None:
            self.told = told

        def getsockopt(self, *asked: int) -> bytes:
            return b"".join(one.to_bytes(4, sys.byteorder) for one in self.told[asked]).ljust(asked[2], b"\xff")

    ucred = {(socket.SOL_SOCKET, 17, 12): (70_000_000, 50_000_001, 20)}
    xucred = {(0, 2, 4): (70_000_000,), (0, 1, 76): (0, 50_000_001)}  # LOCAL_PEERPID and LOCAL_PEERCRED
    for platform, told in (("darwin", xucred), ("linux", ucred), ("android", ucred)):
        monkeypatch.setattr(sys, "platform", platform)
        connection: Any = System(told)
        assert peer.peer(connection) == (70_000_000, 50_000_001)


def test_a_new_listener_takes_the_place_of_what_an_earlier_one_has_left(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    Path(path).write_text("a file")
    Path(path + "~").write_text("cut off while it was made")
    with connections.listen(path) as listener, socket.socket(socket.AF_UNIX) as client:
        assert [one.name for one in tmp_path.iterdir()] == ["s"]
        assert listener.gettimeout() == 0
        client.connect(path)
        with listener.accept()[0]:
            pass


def test_wait_leaves_a_connection_open_and_any_other_message_closes_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connections.send(ours, WAIT)
        connections.send(ours, LEAVE)
        assert ours.fileno() == -1
        assert theirs.recv(10) == b"WL"
        assert theirs.recv(10) == b""
        connections.send(theirs, LEAVE)  # to who has hung up
        assert theirs.fileno() == -1


def test_who_waits_has_hung_up_only_when_the_other_end_is_closed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert connections.has_hung_up(ours) is False
        theirs.send(b"what nobody has asked for")
        assert connections.has_hung_up(ours) is False
        theirs.close()
        assert connections.has_hung_up(ours) is True


def test_nobody_waits_to_see_who_has_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    poll = SimpleNamespace(register=noted(events, "register"), poll=noted(events, "poll", [(3, select.POLLHUP)]))
    monkeypatch.setattr(select, "poll", lambda: poll)
    connection: Any = "connection"
    assert connections.has_hung_up(connection) is True
    assert events == [("register", "connection", 0), ("poll", 0)]


@pytest.mark.parametrize(
    ("soft", "hard", "queue", "length", "raised"),
    [
        (4096, 4096, 256, 256, 4096),
        (100, 5000, 256, 256, 4096),
        (100, 200, 256, 184, 200),
        (100, 200, 184, 184, 200),
        (100, 200, 20, 20, 200),
        (100, 100, 256, 84, 100),
        (10, 10, 256, 1, 10),
        (5000, 9000, 5000, 4984, 5000),
    ],
)
def test_a_queue_is_no_longer_than_there_are_descriptors_for(
    soft: int, hard: int, queue: int, length: int, raised: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [soft]
    monkeypatch.setattr(admission, "QUEUE", queue)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (held[0], hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, most: held.__setitem__(0, most[0]))
    assert (connections.queue_length(), held) == (length, [raised])


def test_a_reply_has_its_length_in_front() -> None:
    assert worker.sized(b"x" * 258) == b"\x00\x00\x01\x02" + b"x" * 258


# --- folders ----------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, a temporary folder and a runtime folder of the user's, in which nothing is yet."""
    for name, variable in (("run", "XDG_RUNTIME_DIR"), ("tmp", "TMPDIR"), ("home", "HOME")):
        (tmp_path / name).mkdir(0o700)
        monkeypatch.setenv(variable, str(tmp_path / name))
    (tmp_path / "home" / ".cache").mkdir()
    return tmp_path


def test_the_first_private_folder_that_can_be_made_is_used(folders: Path) -> None:
    user = os.getuid()
    wanted = ["run/mnist-draw", f"tmp/mnist-draw-{user}", "home/.cache/mnist-draw"]
    for name in wanted:
        assert runtime_folder.find() == str(folders / name)
        assert (folders / name).stat().st_mode & 0o777 == 0o700
        (folders / name).rmdir()
        (folders / name).write_text("something else")
    assert runtime_folder.find() == ""
    assert runtime_folder.address() == ""


def test_a_runtime_folder_that_others_may_enter_is_passed_over_and_a_temporary_one_is_not(folders: Path) -> None:
    for name in ("run", "tmp"):
        (folders / name).chmod(0o755)
    assert runtime_folder.find() == str(folders / f"tmp/mnist-draw-{os.getuid()}")


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o740])
def test_a_folder_that_anybody_else_may_use_in_any_way_is_none(folders: Path, mode: int) -> None:
    (folders / "ours").mkdir()
    (folders / "ours").chmod(mode)
    with pytest.raises(PermissionError, match="is not a folder of this user's own with mode 700"):
        runtime_folder.check(str(folders / "ours"))


def test_a_file_and_a_folder_of_another_user_are_no_folder_of_ours(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = os.getuid()
    (folders / "file").touch(0o600)
    with pytest.raises(PermissionError, match="is not a folder of this user's own with mode 700"):
        runtime_folder.check(str(folders / "file"))
    for other in (user + 1, user - 1):
        monkeypatch.setattr(os, "getuid", lambda other=other: other)
        with pytest.raises(PermissionError, match="is not a folder of this user's own with mode 700"):
            runtime_folder.check(str(folders / "run"))
    monkeypatch.setattr(os, "getuid", lambda: user)
    assert runtime_folder.check(str(folders / "run")) is None


def test_a_folder_that_another_process_has_just_made_is_used(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = os.mkdir

    def too_late(path: str, mode: int) -> None:
        make(path, mode)
        make(path, mode)

    monkeypatch.setattr(os, "mkdir", too_late)
    runtime_folder.make(str(folders / "ours"))
    assert (folders / "ours").stat().st_mode & 0o777 == 0o700


def test_an_address_may_be_as_long_as_macos_has_room_for(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sum_of_16, ending = "x" * 16, ".socket~"
    for spare, fits in ((0, True), (-1, False), (40, True)):
        folder = "/" + "f" * (103 - 1 - 1 - len(sum_of_16) - len(ending) - spare)
        monkeypatch.setattr(runtime_folder, "find", lambda folder=folder: folder)
        assert bool(runtime_folder.address()) is fits


def test_what_makes_readers_differ_is_in_their_names_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    before = runtime_folder.identity()
    monkeypatch.setenv("OTHER", "1")
    assert runtime_folder.identity() == before
    for name in ("MNIST_X", "PYTHONX", "LD_X", "DYLD_X"):
        monkeypatch.setenv(name, "1")
        assert f"\0{name}=1" in runtime_folder.identity()
    assert runtime_folder.short_sum("mnist") == "6805ab6e0673022c"


def test_a_file_counts_as_another_one_when_time_size_or_the_file_itself_differ(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    before = fingerprint.state([str(file)], str(tmp_path / "models"))
    assert before == {str(file): (file.stat().st_mtime_ns, 1, file.stat().st_ino)}
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m").touch()
    file.unlink()
    now = fingerprint.state([str(file)], str(tmp_path / "models"))
    assert list(now) == [str(file), f"{tmp_path}/models/m"]
    assert now[str(file)] is None


def test_a_reader_looks_at_all_code_at_the_packages_and_at_python() -> None:
    looked_at = fingerprint.sources()
    names = {path.removeprefix(runtime_folder.CODE) for path in looked_at}
    assert {
        "/mnist.py",
        "/serving/reader.py",
        "/reading/numbers/path.py",
        "/reading/numbers/verifier.npz",
        sys.executable,
    } <= names
    assert [path for path in sys.path if path.endswith("-packages")] == [
        p for p in looked_at if p.endswith("-packages")
    ]


# --- locks and what is left of readers --------------------------------------------------------------


def test_what_was_left_goes_when_it_is_more_than_a_day_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 86_500.5)
    for name, age in (("old", 86_400.5), ("young", 86_400), ("lives", 86_500)):
        for ending in (".lock", ".log", ".socket"):
            (tmp_path / (name + ending)).write_text("x")
        os.utime(tmp_path / f"{name}.lock", (86_500.5 - age,) * 2)
    (tmp_path / "other").touch()
    os.utime(tmp_path / "other", (0, 0))
    with (tmp_path / "lives.lock").open() as lives:
        fcntl.flock(lives, fcntl.LOCK_EX)
        leftovers.tidy(str(tmp_path))
    stays = [f"{name}.{kind}" for name in ("lives", "young") for kind in ("lock", "log", "socket")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["other", *stays])


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@pytest.mark.parametrize(("log", "stays"), [("", []), ("x", ["r.log"]), (None, [])])
def test_a_reader_takes_its_lock_away_and_its_log_if_it_is_empty(
    tmp_path: Path, log: str | None, stays: list[str]
) -> None:
    lock = opened(tmp_path / "r.lock")
    if log is not None:
        (tmp_path / "r.log").write_text(log)
    leftovers.remove(lock, str(tmp_path / "r"))
    assert [path.name for path in tmp_path.iterdir()] == stays
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(lock)


def test_the_lock_of_a_later_reader_is_left_alone(tmp_path: Path) -> None:
    lock = opened(tmp_path / "r.lock")
    (tmp_path / "r.lock").unlink()
    (tmp_path / "r.lock").touch()
    (tmp_path / "r.log").touch()
    leftovers.remove(lock, str(tmp_path / "r"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.lock", "r.log"]


@pytest.mark.parametrize(
    ("content", "age", "failed"),
    [
        (b"", 0, False),
        (b"starting", 0, True),
        (b"s", 9.75, True),
        (b"starting", 10, False),
        (b"starting", -0.25, False),  # the clock has gone back
    ],
)
def test_a_reader_that_never_listened_is_not_started_again_for_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, age: float, failed: bool
) -> None:
    lock = opened(tmp_path / "lock")
    os.write(lock, content)
    os.utime(tmp_path / "lock", (1_000_000_000,) * 2)
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000 + age)
    assert starter._failed_lately(lock) is failed
    os.close(lock)


def test_a_lock_that_is_taken_is_waited_for_and_is_this_users_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    first = starter._locked(path, 0)
    assert Path(path).stat().st_mode & 0o777 == 0o600
    begun = time.monotonic()
    with pytest.raises(BlockingIOError):
        starter._locked(path, 0.2)
    assert 0.2 <= time.monotonic() - begun < 5
    os.close(first)
    os.close(starter._locked(path, 0))


def test_a_lock_that_is_given_back_is_taken_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, waits = str(tmp_path / "lock"), list[float]()
    first = starter._locked(path, 0)
    monkeypatch.setattr(time, "sleep", lambda seconds: waits.append(seconds) or os.close(first))
    os.close(starter._locked(path, 5))
    assert len(waits) == 1
    assert waits[0] <= 0.05


@pytest.mark.skipif(not LINUX, reason="no /proc")
def test_a_reader_knows_how_much_address_space_it_takes() -> None:
    told = Path("/proc/self/status").read_text().partition("VmSize:")[2].split()[0]
    assert reader._address_space() == pytest.approx(1024 * int(told), rel=0.05)


def test_a_reader_is_told_where_it_lives_and_what_is_set_and_nothing_of_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"HOME": "/h", "LC_ALL": "C", "MNIST_X": "1", "PYTHONX": "2", "QUERY_STRING": "q", "HTTP_HOST": "h"}
    monkeypatch.setattr(os, "environ", given)
    kept = {name: value for name, value in given.items() if name not in ("QUERY_STRING", "HTTP_HOST")}
    assert starter._environment() == {"GLIBC_TUNABLES": starter.MALLOC} | kept
    given["GLIBC_TUNABLES"] = "mine"
    assert starter._environment()["GLIBC_TUNABLES"] == starter.MALLOC


def test_a_server_has_ended_when_its_process_has_with_and_without_what_linux_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for missing in (False, True):
        if missing:
            monkeypatch.delattr(os, "pidfd_open", raising=False)
        process = subprocess.Popen(["sleep", "100"])
        watched = ServerProcess(process.pid)
        assert (watched.descriptor != -1) is (not missing and hasattr(os, "pidfd_open"))
        assert watched.has_ended() is False
        process.kill()
        process.wait()
        assert watched.has_ended() is True
        if watched.descriptor >= 0:
            os.close(watched.descriptor)


def test_a_server_is_looked_at_without_waiting_by_whatever_descriptor_or_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, descriptors = list[Any](), [0, 5]
    monkeypatch.setattr(os, "pidfd_open", lambda process: descriptors.pop(0), raising=False)
    for ready, ended in (([0], True), ([], False)):
        monkeypatch.setattr(select, "select", noted(asked, "select", (ready, [9], [9]) if ended else (ready, [], [9])))
        assert ServerProcess(4711).has_ended() is ended
    assert asked == [("select", [descriptor], [], [], 0) for descriptor in (0, 5)]
    monkeypatch.delattr(os, "pidfd_open")
    for answer, ended in ((None, False), (PermissionError(), False), (ProcessLookupError(), True)):
        monkeypatch.setattr(os, "kill", noted(asked, "kill", answer))
        assert ServerProcess(4711).has_ended() is ended
    assert asked[2:] == [("kill", 4711, 0)] * 3


# --- slots and places -------------------------------------------------------------------------------


@pytest.fixture
def locks(folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with this installation's locks: two places, one slot, and little patience."""
    for name, value in (("PLACES", 2), ("SLOTS", 1), ("WAIT_SECONDS", 0.3)):
        monkeypatch.setattr(admission, name, value)
    return folders / f"tmp/mnist-draw-{os.getuid()}"


def test_who_comes_when_all_places_are_taken_is_told_when_to_come_back(locks: Path) -> None:
    with admission.place(), admission.place():
        with pytest.raises(Busy, match="Too many pictures are being read just now"), admission.place():
            pass
        with admission.watch():  # has places of its own
            pass
    with admission.place():
        pass
    name = runtime_folder.short_sum(runtime_folder.CODE)
    assert sorted(path.name for path in locks.iterdir()) == [
        *(f"{name}-place-{number}" for number in range(2)),
        *(f"{name}-watch-{number}" for number in range(4)),
    ]


def test_who_waits_for_a_slot_waits_as_long_as_is_set_and_keeps_the_alarm_that_was_set_before(locks: Path) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 50)
    try:
        with admission.slot():
            begun = time.monotonic()
            with pytest.raises(Busy, match="has more to do than it can"), admission.slot():
                pass
            assert 0.3 <= time.monotonic() - begun < 5
        with admission.slot():
            assert 40 < signal.getitimer(signal.ITIMER_REAL)[0] < 50
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_without_an_alarm_before_there_is_none_after_a_slot(locks: Path) -> None:
    with admission.slot():
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_where_there_is_no_temporary_folder_modules_of_our_own_are_locked(
    locks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locks.write_text("a file in the way")
    own = Path(admission.__file__).parent
    assert admission._locks("watch", 9) == [str(own / "html.py"), str(own / "origin.py")]
    assert capsys.readouterr().err.startswith("No locks in the temporary folder, fewer requests are served at once: ")


# --- limits -----------------------------------------------------------------------------------------


def answered() -> dict[str, Any]:
    return {"result": 1, "error": "x" * 100_000}


def without_ink() -> dict[str, Any]:
    raise NoInk("Draw something.")


def with_a_bug() -> dict[str, Any]:
    raise RuntimeError("secret")


def with_too_much() -> dict[str, Any]:
    raise MemoryError


def killed() -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


@pytest.mark.parametrize(
    ("work", "kind", "sentence"),
    [
        (without_ink, NoInk, "Draw something."),
        (with_a_bug, Problem, "Something went wrong in the server; its log says what."),
        (with_too_much, OutOfLimits, "The picture takes more memory than the server may spend on it."),
        (killed, OutOfLimits, child.TOO_MUCH),
        (lambda: time.sleep(9), OutOfLimits, child.TOO_MUCH),
    ],
)
def test_what_goes_wrong_in_a_child_is_raised_here(
    work: Callable[[], Any], kind: type[Problem], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "SCORE_SECONDS", 1)
    forked, fork = [], os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(fork()) or forked[-1])
    begun = time.monotonic()
    with pytest.raises(kind) as caught:
        child.isolated(work)
    assert (type(caught.value), str(caught.value)) == (kind, sentence)
    assert time.monotonic() - begun < 5
    with pytest.raises(ChildProcessError):
        os.waitpid(forked[0], os.WNOHANG)


def test_a_long_answer_comes_whole_out_of_a_child() -> None:
    assert child.isolated(answered) == answered()


def test_where_no_process_may_be_started_the_client_is_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(Busy, match="may not start more processes just now"):
        child.isolated(answered)


def bounds() -> dict[str, Any]:
    """What a child may take, as it sees it itself."""
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_CORE)
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    soft = [resource.getrlimit(kind)[0] for kind in kinds]
    return {"bounds": soft, "left": round(left), "threads": os.environ["OPENBLAS_NUM_THREADS"]}


def test_a_child_is_bounded_in_memory_time_and_cores() -> None:
    assert child.isolated(bounds) == {"bounds": [1024 * 2**20, 60, 0], "left": 31, "threads": "1"}


@pytest.mark.parametrize("loaded", [0, 4096])
def test_a_lower_bound_stays_and_what_was_loaded_before_is_added(loaded: int) -> None:
    def lowered() -> dict[str, Any]:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (7, 7 if hard == resource.RLIM_INFINITY else min(7, hard)))
        child.limit(loaded)
        return bounds()

    assert child.isolated(lowered)["bounds"] == [1024 * 2**20 + loaded, 7, 0]
