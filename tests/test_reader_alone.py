"""The resident reader without processes: its queue, its children, how long it lives, and how it is started.

A clock stands still unless it is told to go on, so that each bound is met exactly and passed by as little as can be.
"""

import gc
import io
import os
import resource
import select
import signal
import socket
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serving import admission, fingerprint, leftovers, reader, runtime_folder, worker
from serving.reader import Reader, Waiting
from stand_ins import Clock, Ended, end, noted

USER = os.getuid()
BUSY = b"busy"


class Server:
    """A server process that ends when a test says so."""

    descriptor = -1
    ended = False

    def has_ended(self) -> bool:
        return self.ended


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The reader's clock, which stands at 10 seconds."""
    made = Clock(10.0, 0.5)
    monkeypatch.setattr(reader, "time", made)
    return made


@pytest.fixture
def one(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader that has loaded nothing, with two slots, room for three in its queue, and bounds of its own."""
    for module, name, value in (
        (reader, "preload", lambda: None),
        (reader, "queue_length", lambda: 3),
        (reader, "_busy_reply", lambda: BUSY),
        (reader, "_address_space", lambda: 4096),
        (reader, "SCORE_SECONDS", 4),
        (reader, "RESIDENT_SECONDS", 60),
        (admission, "WAIT_SECONDS", 5),
        (admission, "SLOTS", 2),
    ):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("MNIST_MODELS", str(tmp_path / "models"))
    server: Any = Server()
    made = Reader(os.open(tmp_path / "r.lock", os.O_RDWR | os.O_CREAT, 0o600), str(tmp_path / "r"), server)
    yield made
    if (tmp_path / "r.lock").exists():  # else it was taken away, and closed
        os.close(made.lock)
    made.listener.close()
    for waiting in made.queue:
        waiting.connection.close()


def test_how_long_a_reader_waits_for_what_is_as_it_was_chosen() -> None:
    assert (reader.CHECK_SECONDS, reader.LOAD_SECONDS, reader.GRACE_SECONDS) == (1, 60, 1)


def test_a_reader_begins_with_an_empty_queue_and_a_slot_for_each_core_or_as_many_as_are_set(
    one: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (one.path, one.slots, one.longest) == (f"{tmp_path}/r.socket", 2, 3)
    assert (one.queue, one.children, one.last_request, one.loaded) == (deque(), {}, 10, 4096)
    assert one.inode == (tmp_path / "r.socket").stat().st_ino
    monkeypatch.setattr(admission, "SLOTS", 0)
    monkeypatch.setattr(admission, "cores", lambda: 7)
    another = Reader(one.lock, one.address, one.server)
    another.listener.close()
    assert another.slots == 7


# --- its life ---------------------------------------------------------------------------------------


class Poll:
    """Stands in for `select.poll`: notes what is asked of it, and lets time go on."""

    def __init__(self, events: list[Any], clock: Clock, steps: list[float]) -> None:
        self.events, self.clock, self.steps = events, clock, steps

    def register(self, descriptor: int, kind: int) -> None:
        self.events.append(("register", descriptor, kind))

    def poll(self, milliseconds: float) -> None:
        self.events.append(("poll", milliseconds))
        self.clock.now += self.steps.pop(0)


def served(one: Reader, clock: Clock, monkeypatch: pytest.MonkeyPatch, changed: list[bool]) -> list[Any]:
    """What a reader does while it serves: it looks four times, or until it is changed."""
    events: list[Any] = []
    poll = Poll(events, clock, [1.5, 0.5, 2.25, 0.25])
    monkeypatch.setattr(select, "poll", lambda: poll)
    monkeypatch.setattr(reader, "CHECK_SECONDS", 2.0)
    monkeypatch.setattr(reader, "_child_signals", lambda: 0)
    monkeypatch.setattr(reader, "_empty", noted(events, "empty"))
    monkeypatch.setattr(one, "_has_to_end", iter([False] * 4 + [True]).__next__)
    monkeypatch.setattr(one, "is_changed", iter(changed).__next__)
    for name in ("_reap", "_accept", "_fork_for_next", "_check", "_leave"):
        monkeypatch.setattr(one, name, noted(events, name))
    clock.now = 0.5
    one.serve()
    return events


def test_a_reader_looks_at_least_as_often_as_is_set_and_checks_no_more_often(
    one: Reader, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = [("poll", 2000.0), ("empty", 0), ("_reap",), ("_accept",), ("_fork_for_next",)]
    watched = [("register", number, select.POLLIN) for number in (one.listener.fileno(), 0)]
    wanted = [*watched, *look, *look, ("_check",), *look, ("_check",), *look, ("_leave",)]
    assert served(one, clock, monkeypatch, [False] * 4) == wanted


def test_a_reader_watches_its_server_where_there_is_a_descriptor_of_it(
    one: Reader, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one.server, "descriptor", 90)
    watched = [("register", number, select.POLLIN) for number in (one.listener.fileno(), 0, 90)]
    assert served(one, clock, monkeypatch, [True])[:3] == watched


def test_a_reader_whose_files_have_changed_takes_no_more_requests(
    one: Reader, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = served(one, clock, monkeypatch, [True])
    assert events[2:] == [("poll", 2000.0), ("empty", 0), ("_reap",), ("_leave",)]


@pytest.mark.parametrize(
    ("waits", "runs", "age", "ended", "ends"),
    [
        (False, False, 60, False, False),
        (False, False, 60.5, False, True),
        (False, False, 600, False, True),
        (True, False, 600, False, False),
        (False, True, 600, False, False),
        (True, True, 600, False, False),
        (False, False, 0, False, False),
        (True, True, 0, True, True),
    ],
)
def test_a_reader_ends_when_it_is_unused_for_longer_than_is_set_or_its_server_has_ended(
    one: Reader,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    waits: bool,
    runs: bool,
    age: float,
    ended: bool,
    ends: bool,
) -> None:
    connection: Any = io.BytesIO()
    one.queue.extend([Waiting(connection, 0)] * waits)
    one.children.update({1: 0.0} if runs else {})
    clock.now += age
    monkeypatch.setattr(one.server, "ended", ended)
    assert one._has_to_end() is ends


def test_a_reader_is_changed_when_its_socket_or_one_of_its_files_is_another(
    one: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert one.is_changed() is False
    for other in (-1, 1):
        monkeypatch.setattr(one, "inode", Path(one.path).stat().st_ino + other)
        assert one.is_changed() is True
    monkeypatch.setattr(one, "inode", Path(one.path).stat().st_ino)
    with monkeypatch.context() as changed:
        changed.setattr(fingerprint, "state", lambda *_: {})
        assert one.is_changed() is True
    assert one.is_changed() is False
    Path(one.path).unlink()
    assert one.is_changed() is True


@pytest.mark.parametrize("other", [-1, 0, 1])
def test_who_leaves_takes_its_own_socket_away_and_dismisses_who_waits(
    one: Reader, monkeypatch: pytest.MonkeyPatch, other: int
) -> None:
    lock, removed, remove = one.lock, list[Any](), leftovers.remove
    monkeypatch.setattr(leftovers, "remove", lambda *given: removed.append(given) or remove(*given))
    waiting, theirs = socket.socketpair()
    one.queue.append(Waiting(waiting, 99))
    with theirs, socket.socket(socket.AF_UNIX) as late:
        late.connect(one.path)
        monkeypatch.setattr(one, "inode", one.inode + other)
        one._leave()
        assert [theirs.recv(9), theirs.recv(9), late.recv(9), late.recv(9)] == [b"L", b"", b"L", b""]
    assert Path(one.path).exists() is bool(other)
    assert (one.listener.fileno(), removed) == (-1, [(lock, one.address)])


@pytest.mark.parametrize(("ended", "until"), [(False, 16.5), (True, 11.5)])
def test_children_may_finish_when_their_reader_leaves_and_have_a_second_when_the_server_has_ended(
    one: Reader, clock: Clock, monkeypatch: pytest.MonkeyPatch, ended: bool, until: float
) -> None:
    killed: list[Any] = []
    one.children.update({41: 0.0, 42: 0.0})
    monkeypatch.setattr(one.server, "ended", ended)
    monkeypatch.setattr(one, "_kill", lambda processes: killed.append((clock.now, processes)))
    monkeypatch.setattr(one, "_reap", lambda: one.children.clear() if killed else None)
    one._leave()
    assert killed == [(until, [41, 42])]
    assert clock.slept == [0.05] * int(2 * (until - 10) + 1)


def pairs(one: Reader, *until: float) -> list[socket.socket]:
    """The other ends of clients that wait until then."""
    theirs = []
    for time in until:
        ours, other = socket.socketpair()
        one.queue.append(Waiting(ours, time))
        theirs.append(other)
    return theirs


def heard(clients: list[socket.socket]) -> list[bytes]:
    """What each of the clients has been told by now."""
    told = []
    for client in clients:
        client.setblocking(False)
        try:
            told.append(client.recv(99))
        except BlockingIOError:
            told.append(b"")
        client.close()
    return told


def test_who_has_waited_too_long_is_sent_away_and_what_has_run_too_long_is_ended(
    one: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[Any] = []
    monkeypatch.setattr(os, "kill", lambda *given: killed.append(given))
    clients = pairs(one, 9, 9.5, 10, 11)
    one.children.update({41: 9.5, 42: 10.0, 43: 10.5, 44: 0.0})
    one._check()
    assert heard(clients) == [BUSY, BUSY, b"W", b"W"]
    assert [waiting.until for waiting in one.queue] == [10, 11]
    assert killed == [(41, signal.SIGKILL), (44, signal.SIGKILL)]


@pytest.mark.parametrize(
    ("until", "told"), [([9.0], [BUSY]), ([10.5], [b"W"]), ([9.5, 10.5], [BUSY, b"W"]), ([9.0, 9.5], [BUSY] * 2)]
)
def test_of_who_waits_only_those_before_now_are_sent_away(one: Reader, until: list[float], told: list[bytes]) -> None:
    clients = pairs(one, *until)
    one._check()
    assert [waiting.until for waiting in one.queue] == [time for time in until if time > 10]
    assert heard(clients) == told


# --- clients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("running", "slots", "told"),
    [(1, 2, [b"", b"W", b"W", BUSY, BUSY]), (2, 4, [b"", b"", b"W", BUSY, BUSY]), (0, 9, [b"", b"", b"", BUSY, BUSY])],
)
def test_who_comes_is_in_the_queue_and_knows_it_unless_it_is_full(
    one: Reader, clock: Clock, running: int, slots: int, told: list[bytes]
) -> None:
    clients = [socket.socket(socket.AF_UNIX) for _ in told]
    for client in clients:
        client.connect(one.path)
    one.children.update(dict.fromkeys(range(running), 0.0))
    one.slots = slots
    clock.now = 12.5
    one._accept()
    assert [waiting.until for waiting in one.queue] == [17.5] * 3
    assert [waiting.connection.gettimeout() for waiting in one.queue] == [0.0] * 3
    assert (one.last_request, heard(clients)) == (12.5, told)


def test_who_is_another_user_is_not_let_in(one: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    peers = [(USER, USER - 1, USER), (USER, USER + 1, USER), (USER + 7, USER, USER + 7)]
    clients = [socket.socket(socket.AF_UNIX) for _ in peers]
    for client in clients:
        client.connect(one.path)
    monkeypatch.setattr(reader, "peer", lambda connection: peers.pop(0))
    one._accept()
    assert len(one.queue) == 1
    one.queue[0].connection.send(b"here")
    assert heard(clients) == [b"", b"", b"here"]


class Answers(Exception):
    """What a child does."""


def test_as_many_children_run_as_there_are_slots_and_none_for_who_has_hung_up(
    one: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fork", iter([41, 42, 43]).__next__)
    monkeypatch.setattr(worker, "answer", lambda *_: end(1))  # else a mistake would end the test's own process
    clients = pairs(one, 99, 99, 99, 99)
    clients[0].close()
    one._fork_for_next()
    assert one.children == {41: 16.0, 42: 16.0}
    assert len(one.queue) == 1
    assert [client.recv(9) for client in clients[1:3]] == [b"", b""]  # the child has the only other copy
    for client in clients:
        client.close()


def test_a_child_answers_its_client_within_what_was_loaded(one: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(connection: socket.socket, loaded: int) -> None:
        connection.send(b"hello")
        connection.close()
        raise Answers(loaded)

    monkeypatch.setattr(os, "fork", lambda: 0)
    monkeypatch.setattr(worker, "answer", answer)
    clients = pairs(one, 99)
    with pytest.raises(Answers, match="4096"):
        one._fork_for_next()
    assert heard(clients) == [b"hello"]


def test_who_finds_no_process_is_told_to_come_back_and_the_next_one_is_tried(
    one: Reader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> int:
        raise BlockingIOError("full")

    monkeypatch.setattr(os, "fork", refuse)
    assert one._fork_for_next() is None  # nobody waits
    clients = pairs(one, 99, 99)
    one._fork_for_next()
    assert (heard(clients), one.queue, one.children) == ([BUSY, BUSY], deque(), {})
    assert capsys.readouterr().err == "No process for a child: full\n" * 2


def test_all_children_that_have_ended_are_forgotten_and_no_other(one: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    ended = [(41, 0), (42, 9), (99, 1), (0, 0)]
    monkeypatch.setattr(os, "waitpid", lambda *given: asked.append(given) or ended.pop(0))
    one.children.update(dict.fromkeys((0, 9, 41, 42, 43), 1.0))
    one._reap()
    assert list(one.children) == [0, 9, 43]
    assert asked == [(-1, os.WNOHANG)] * 4

    def none(*_: int) -> None:
        raise ChildProcessError

    monkeypatch.setattr(os, "waitpid", none)
    one._reap()
    assert list(one.children) == [0, 9, 43]


# --- helpers ----------------------------------------------------------------------------------------


def test_who_finds_no_room_is_told_in_a_whole_reply() -> None:
    content = (
        b'{"result": 0, "data": [], "error": "Too many pictures are being read just now. '
        b'Please try again in a moment.", "retry_after": 2}\n'
    )
    reply = reader._busy_reply()
    head, _, body = reply[5:].partition(b"\r\n\r\n")
    assert (reply[:1], int.from_bytes(reply[1:5], "big"), body) == (b"R", len(reply) - 5, content)
    lines = head.decode().split("\r\n")
    assert lines[0] == "Status: 503 Service Unavailable"
    assert {"Content-Type: application/json", f"Content-Length: {len(content)}", "Retry-After: 2"} < set(lines)


def test_the_models_are_where_they_are_said_to_be_or_beside_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_MODELS", "/elsewhere")
    assert reader._models_folder() == "/elsewhere"
    for without in (lambda: monkeypatch.setenv("MNIST_MODELS", ""), lambda: monkeypatch.delenv("MNIST_MODELS")):
        without()
        assert reader._models_folder() == str(Path(runtime_folder.CODE).parent / "models")


def test_address_space_is_told_in_pages_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getpagesize", lambda: 4096)
    monkeypatch.setattr(reader, "open", lambda *_: io.BytesIO(b"300 200 100 7 0 50 0\n"), raising=False)
    assert reader._address_space() == 300 * 4096

    def missing(*_: str) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(reader, "open", missing, raising=False)
    assert reader._address_space() == 0


def test_a_child_that_ends_is_told_through_a_pipe_that_never_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    events, pipe = list[Any](), os.pipe
    made: list[int] = []
    monkeypatch.setattr(os, "pipe", lambda: made.extend(pipe()) or tuple(made))
    monkeypatch.setattr(signal, "signal", lambda kind, _: events.append(kind))
    monkeypatch.setattr(signal, "set_wakeup_fd", lambda *given, **named: events.append((given, named)))
    assert reader._child_signals() == made[0]
    assert events == [signal.SIGCHLD, ((made[1],), {"warn_on_full_buffer": False})]
    assert [os.get_blocking(descriptor) for descriptor in made] == [False, False]
    os.write(made[1], b"x" * 9000)
    reader._empty(made[0])
    with pytest.raises(BlockingIOError):
        os.read(made[0], 1)
    for descriptor in made:
        os.close(descriptor)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[Any]:
    """What a reader's process does, one after the other."""
    events: list[Any] = []

    made = SimpleNamespace(serve=noted(events, "serve"))
    server = Server()
    for module, name, stand_in in (
        (sys, "argv", ["serving.reader", "3", "/run/r", "4711"]),
        (os, "chdir", noted(events, "chdir")),
        (os, "set_inheritable", noted(events, "set_inheritable")),
        (os, "ftruncate", noted(events, "ftruncate")),
        (os, "_exit", end),
        (signal, "signal", noted(events, "signal")),
        (signal, "setitimer", noted(events, "setitimer")),
        (leftovers, "tidy", noted(events, "tidy")),
        (gc, "collect", noted(events, "collect")),
        (gc, "freeze", noted(events, "freeze")),
        (reader, "ServerProcess", lambda process: events.append(("server", process)) or server),
        (reader, "Reader", lambda *given: events.append(("reader", *given)) or made),
    ):
        monkeypatch.setattr(module, name, stand_in)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    return events


def test_a_readers_process_loads_listens_tidies_and_serves(started: list[Any]) -> None:
    assert reader.main() == 0
    (_, kind, check), server = started.pop(3), started[4][3]
    assert (kind, server.ended) == (signal.SIGALRM, False)
    assert callable(check)
    assert started == [
        ("server", 4711),
        ("chdir", "/"),
        ("set_inheritable", 3, False),
        ("setitimer", signal.ITIMER_REAL, 1.0, 1.0),
        ("reader", 3, "/run/r", server),
        ("setitimer", signal.ITIMER_REAL, 0),
        ("ftruncate", 3, 0),
        ("tidy", "/run"),
        ("collect",),
        ("freeze",),
        ("serve",),
    ]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("after", "ended", "ends"), [(30, False, False), (60, False, False), (60.5, False, True), (0, True, True)]
)
def test_a_reader_that_nobody_wants_or_that_loads_for_more_than_a_minute_gives_up(
    started: list[Any], clock: Clock, after: float, ended: bool, ends: bool
) -> None:
    reader.main()
    check, server = started[3][2], started[5][3]
    clock.now += after
    server.ended = ended
    if not ends:
        assert check() is None
        return
    with pytest.raises(Ended) as caught:
        check()
    assert caught.value.args == (1,)
