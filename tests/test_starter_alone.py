"""A resident reader's start, its children and what answers without it, each without a process of its own."""

import errno
import io
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serving import cgi, child, runtime_folder, starter, worker
from serving.errors import BodyTooSlow
from stand_ins import Clock, Connection, Ended, end, noted

USER = os.getuid()


# --- the start of a reader --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silent", "killed", "failed", "lock", "wanted"),
    [
        (False, None, False, 7, [("locked", "/r.lock", 0), "write", ("start", "/r", 4711, 7), ("close", 7)]),
        (False, None, True, 7, [("locked", "/r.lock", 0), ("close", 7)]),
        (True, True, True, 7, [("locked", "/r.lock", 0.5), "write", ("start", "/r", 4711, 7), ("close", 7)]),
        (True, False, False, 7, []),
        (False, None, False, BlockingIOError(), [("locked", "/r.lock", 0)]),
    ],
)
def test_a_reader_is_started_where_none_is_and_in_the_place_of_one_that_was_killed(
    monkeypatch: pytest.MonkeyPatch, silent: bool, killed: bool | None, failed: bool, lock: Any, wanted: list[Any]
) -> None:
    events: list[Any] = []
    connection: Any = Connection() if silent else None
    monkeypatch.setattr(starter, "_killed", lambda one: killed)
    monkeypatch.setattr(starter, "_locked", noted(events, "locked", lock))
    monkeypatch.setattr(starter, "_failed_lately", lambda one: failed)
    monkeypatch.setattr(starter, "_start", noted(events, "start"))
    monkeypatch.setattr(os, "pwrite", noted(events, "write"))
    monkeypatch.setattr(os, "close", noted(events, "close"))
    starter.replace("/r", 4711, connection)
    assert events == [("write", 7, b"starting", 0) if one == "write" else one for one in wanted]


def test_why_no_reader_could_be_started_is_told_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(starter, "_start", noted([], "", OSError(errno.EAGAIN, "no process")))
    starter.replace(str(tmp_path / "r"), 4711, None)
    assert capsys.readouterr().err == f"No resident reader could be started: [Errno {errno.EAGAIN}] no process\n"
    assert (tmp_path / "r.lock").read_bytes() == b"starting"


@pytest.mark.parametrize(
    ("says", "process", "user", "has_ended", "killed"),
    [
        (b"", 42, USER, True, False),
        (b"W", 42, USER, False, False),
        (ConnectionResetError(), 42, USER, True, False),
        (BlockingIOError(), 42, USER, True, True),
        (BlockingIOError(), 2, USER, True, True),
        (BlockingIOError(), 1, USER, True, False),
        (BlockingIOError(), 0, USER, True, False),
        (BlockingIOError(), 42, USER + 1, True, False),
        (BlockingIOError(), 42, USER - 1, True, False),
    ],
)
def test_a_silent_reader_is_killed_if_it_is_a_process_of_this_users(
    monkeypatch: pytest.MonkeyPatch, says: Any, process: int, user: int, has_ended: bool, killed: bool
) -> None:
    events: list[Any] = []
    connection: Any = Connection(says)
    monkeypatch.setattr(starter, "peer", lambda _: (process, user))
    monkeypatch.setattr(os, "kill", noted(events, "kill"))
    assert starter._killed(connection) is has_ended
    assert connection.events == [("blocks", False), ("recv", 1)]
    assert events == ([("kill", process, signal.SIGKILL)] if killed else [])


def test_a_lock_is_tried_each_hundredth_of_a_second_until_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = Clock(10.0, 0.5)
    first = starter._locked(str(tmp_path / "lock"), 0)
    monkeypatch.setattr(starter, "time", clock)
    with pytest.raises(BlockingIOError):
        starter._locked(str(tmp_path / "lock"), 1.5)
    assert clock.slept == [0.01] * 3
    os.close(first)


def test_a_reader_is_a_process_of_its_own_with_its_lock_its_address_and_its_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[Any] = []
    for name, answer in (("fork", 0), ("setsid", None), ("chdir", None), ("execve", None)):
        monkeypatch.setattr(os, name, noted(events, name, answer))
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(starter, "_descriptors", noted(events, "descriptors", 3))
    monkeypatch.setattr(starter, "_environment", lambda: {"A": "1"})
    with pytest.raises(Ended) as caught:
        starter._start("/r", 4711, 7)
    command = [sys.executable, "-m", "serving.reader", "3", "/r", "4711"]
    ran = ("execve", sys.executable, command, {"A": "1"})
    assert caught.value.args == (1,)
    assert events == [("fork",), ("setsid",), ("chdir", runtime_folder.CODE), ("descriptors", "/r", 7), ran]
    events.clear()
    monkeypatch.setattr(os, "fork", noted(events, "fork", 99))
    starter._start("/r", 4711, 7)
    assert events == [("fork",)]


def test_a_reader_has_no_descriptor_but_nothing_its_log_and_its_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    opened = {os.devnull: 20, "/r.log": 21}
    monkeypatch.setattr(os, "open", lambda path, *how: events.append((path, *how)) or opened[path])
    for name, answer in (("dup", 22), ("dup2", None), ("closerange", None)):
        monkeypatch.setattr(os, name, noted(events, name, answer))
    monkeypatch.setattr(os, "sysconf", {"SC_OPEN_MAX": 1000}.__getitem__)
    assert starter._descriptors("/r", 7) == 3
    kind = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    copies = [("dup2", 20, 0), ("dup2", 20, 1), ("dup2", 21, 2), ("dup2", 22, 3)]
    files = [(os.devnull, os.O_RDWR), ("/r.log", kind, 0o600)]
    assert events == [*files, ("dup", 7), *copies, ("closerange", 4, 1000)]


# --- the child --------------------------------------------------------------------------------------


def test_a_child_keeps_only_the_connection_to_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    connection: Any = SimpleNamespace(fileno=lambda: 17)
    monkeypatch.setattr(signal, "set_wakeup_fd", noted(events, "wakeup"))
    monkeypatch.setattr(signal, "signal", noted(events, "signal"))
    monkeypatch.setattr(os, "dup2", noted(events, "dup2"))
    monkeypatch.setattr(os, "closerange", noted(events, "closerange"))
    monkeypatch.setattr(resource, "getrlimit", {resource.RLIMIT_NOFILE: (1000, 5000)}.__getitem__)
    monkeypatch.setattr(worker, "socket", SimpleNamespace(socket=lambda fileno: ("socket", fileno)))
    assert worker._only(connection) == ("socket", 3)
    kinds = [("wakeup", -1), ("signal", signal.SIGCHLD, signal.SIG_DFL)]
    assert events == [*kinds, ("dup2", 17, 3), ("closerange", 4, 1000)]


@pytest.mark.parametrize("at", [9, 4])
def test_a_child_reads_the_environment_and_the_body_and_takes_the_log_for_its_own(
    monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    events: list[Any] = []
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(os, "dup2", noted(events, "dup2"))
    environment, data = b"A=\xe9=1\0\0B=" + b"x" * 300, b"d" * 600
    sent = len(environment).to_bytes(4, "big") + len(data).to_bytes(4, "big") + b"\1" + environment + data + b"rest"
    with ours, theirs:
        socket.send_fds(theirs, [sent[:at]], [2])
        theirs.sendall(sent[at:])
        theirs.shutdown(socket.SHUT_WR)
        found, received = worker._request(ours)
    assert found == {"A": "\xe9=1", "B": "x" * 300}
    assert (received.read(999), received.slow) == (data, True)
    [(_, descriptor, _), _] = events
    assert events == [("dup2", descriptor, 2), ("dup2", descriptor, 1)]
    assert os.path.samestat(os.fstat(descriptor), os.fstat(2))
    os.close(descriptor)


def test_a_body_that_has_come_whole_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\0\0\0\0" + b"\0\0\0\2" + b"\0" + b"ab" + b"\1")
        theirs.shutdown(socket.SHUT_WR)
        found, received = worker._request(ours)
    assert (found, received.read(9), received.slow) == ({}, b"ab", False)


def test_a_child_says_that_it_has_started_then_replies_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    ours, theirs = socket.socketpair()
    stream = cgi.Received(b"", slow=False)

    def respond(environ: dict[str, Any], given: Any, output: io.BytesIO) -> None:
        events.append(("respond", environ, given is stream))
        output.write(b"a reply")

    for module, name, stand_in in (
        (worker, "_only", lambda connection: connection),
        (worker, "SCORE_SECONDS", 4),
        (worker, "_request", lambda connection: ({"A": "1"}, stream)),
        (child, "limit", noted(events, "limit")),
        (cgi, "respond", respond),
        (os, "_exit", end),
    ):
        monkeypatch.setattr(module, name, stand_in)
    with ours, theirs:
        with pytest.raises(Ended) as caught:
            worker.answer(ours, 4096)
        assert (theirs.recv(99), ours.gettimeout()) == (b"SR\0\0\0\x07a reply", 4)
    assert caught.value.args == (0,)
    assert events == [("limit", 4096), ("respond", {"A": "1", "mnist.place": child.within_memory}, True)]


def test_what_goes_wrong_in_a_child_is_told_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker, "_only", noted([], "", RuntimeError("a bug")))
    monkeypatch.setattr(os, "_exit", end)
    connection: Any = None
    with pytest.raises(Ended):
        worker.answer(connection, 0)
    assert capsys.readouterr().err.endswith("RuntimeError: a bug\n")


# --- answering without a reader ---------------------------------------------------------------------


def test_a_script_that_answers_by_itself_ends_when_all_that_it_may_wait_for_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[Any] = []
    for name, seconds in (("READ_SECONDS", 3.5), ("SCORE_SECONDS", 7.25)):
        monkeypatch.setattr(cgi, name, seconds)
    monkeypatch.setattr(cgi.admission, "WAIT_SECONDS", 5.5)
    monkeypatch.setattr(signal, "alarm", noted(events, "alarm"))
    monkeypatch.setattr(cgi, "read_environ", lambda: {"A": "1", "B": "2"})
    monkeypatch.setattr(cgi, "respond", lambda *given: events.append(("respond", *given)) or given[2].write(b"reply"))
    sent: Any = SimpleNamespace(data=b"data", slow=True)
    assert cgi.reply(sent, {"B": "3"}) == b"reply"
    alarm, (_, environ, received, _) = events
    assert (alarm, environ) == (("alarm", 29), {"A": "1", "B": "3"})
    assert received.read(9) == b"data"
    with pytest.raises(BodyTooSlow, match=r"^The picture did not arrive in time\. Please send it again\.$"):
        received.read(9)


def test_a_body_that_has_come_whole_just_ends() -> None:
    received = cgi.Received(b"data", slow=False)
    assert [received.read(3), received.read(3), received.read(3)] == [b"dat", b"a", b""]


def test_an_application_is_told_how_it_is_run_and_nothing_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        told.update(environ)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ab"]

    monkeypatch.setattr(cgi, "application", application)
    monkeypatch.setenv("OURS", "1")
    output = io.BytesIO()
    cgi.respond({"REQUEST_METHOD": "GET"}, cgi.Received(b"", slow=False), output)
    assert output.getvalue() == b"Status: 200 OK\r\nContent-Length: 2\r\n\r\nab"
    ways = ("wsgi.run_once", "wsgi.multithread", "wsgi.multiprocess")
    assert [told[way] for way in ways] == [True, False, True]
    assert "OURS" not in told


def test_what_libraries_print_while_a_picture_is_read_goes_to_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with cgi._silent_stdout():
        os.write(1, b"a library's word\n")
    os.write(1, b"the reply\n")
    assert capfd.readouterr() == ("the reply\n", "a library's word\n")


def test_who_only_says_that_it_took_too_much_lets_nothing_in(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(cgi.OutOfLimits, match="more time or memory"), cgi._took_too_much():
        pass
    assert capsys.readouterr().err == "Scoring ended early, in a child of the resident reader.\n"
