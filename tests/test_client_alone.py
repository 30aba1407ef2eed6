"""A request's way to the resident reader without processes: its body is taken, the reader asked, the reply written."""

import os
import select
import signal
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from serving import cgi, client, runtime_folder, starter, stdin, worker
from serving.client import ChildEnded, NoReader, ReaderSilent
from stand_ins import Clock, Connection, Ended, end, noted

USER = os.getuid()


def test_how_long_a_script_waits_for_what_is_as_it_was_chosen() -> None:
    waits = client.SILENCE_SECONDS, client.CONNECT_SECONDS, client.SPARE_SECONDS, client.WRITE_SECONDS, client.PIECE
    assert waits == (1.5, 0.02, 3, 30, 4096)
    assert (starter.DIES_SECONDS, starter.AGAIN_SECONDS, stdin.QUIET_SECONDS) == (0.5, 10, 0.2)


# --- the body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("0", 0),
        ("1", 1),
        ("9" * 15, 999_999_999_999_999),
        ("9" * 16, 0),
        ("9" * 17, 0),
        ("-1", 0),
        ("1.5", 0),
        ("x", 0),
        ("\u0661", 0),
    ],
)
def test_a_body_is_as_long_as_up_to_fifteen_digits_say(text: str, length: int) -> None:
    assert stdin._announced(text) == length


class Client:
    """Who sends a body: pieces, each of which takes half a second; None is a second in which nothing comes."""

    def __init__(self, clock: Clock, *pieces: bytes | None) -> None:
        self.clock, self.pieces, self.waits, self.asked = clock, list(pieces), list[float](), list[int]()

    def select(self, reading: list[int], *rest: Any) -> tuple[list[int], list[int], list[int]]:
        assert (reading, rest[:-1]) == ([0], ([], []))
        self.waits.append(rest[-1])
        self.clock.now += 0.5
        if self.pieces and self.pieces[0] is None:
            self.pieces.pop(0)
            return [], [0], [0]
        return [0], [], []

    def read(self, descriptor: int, size: int) -> bytes:
        assert descriptor == 0
        self.asked.append(size)
        piece = self.pieces.pop(0) if self.pieces else b""
        return piece or b""


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a client that sends pieces, of a body that is announced as so long; blocks are 8 bytes, bodies 20."""

    def make(length: str | None, *pieces: bytes | None, method: str = "POST") -> Client:
        sender = Client(Clock(10.0), *pieces)
        monkeypatch.setenv("REQUEST_METHOD", method)
        monkeypatch.delenv("CONTENT_LENGTH", raising=False)
        if length is not None:
            monkeypatch.setenv("CONTENT_LENGTH", length)
        for module, name, value in (
            (stdin, "BLOCK", 8),
            (stdin, "MAX_BODY", 20),
            (stdin, "DISCARD_BYTES", 30),
            (stdin, "time", sender.clock),
            (select, "select", sender.select),
            (os, "read", sender.read),
        ):
            monkeypatch.setattr(module, name, value)
        return sender

    return make


def test_a_body_is_read_in_blocks_within_its_time(sends: Any) -> None:
    sender = sends("20", b"12345678", b"123", b"12345678", b"1", b"more")
    body = stdin.Body(4.0)
    assert (body.data, body.slow, body.left) == (b"12345678" + b"123" + b"12345678" + b"1", False, 0)
    assert (sender.asked, sender.waits) == ([8, 8, 8, 1], [4.0, 3.5, 3.0, 2.5])
    body.drain()
    assert len(sender.asked) == 4


def test_a_body_that_ends_early_is_what_came_and_not_slow(sends: Any) -> None:
    sends("12", b"123")
    body = stdin.Body(4.0)
    assert (body.data, body.slow, body.left) == (b"123", False, 0)


def test_a_body_that_does_not_come_in_time_is_slow_and_the_rest_of_it_is_waited_for_no_more(sends: Any) -> None:
    sender = sends("20", b"123", b"456", None)
    body = stdin.Body(0.75)
    assert (body.data, body.slow, body.left, sender.waits) == (b"123456", True, 14, [0.75, 0.25, 0.0])


@pytest.mark.parametrize(("length", "method", "left"), [("21", "POST", 21), ("5", "GET", 5), ("5", "PUT", 5)])
def test_what_is_too_long_or_no_post_is_discarded_at_the_end(sends: Any, length: str, method: str, left: int) -> None:
    sender = sends(length, b"12345", b"12345678", b"12345678", method=method)
    body = stdin.Body(4.0)
    assert (body.data, body.left, sender.asked) == (b"", left, [])
    body.drain()
    assert sender.asked == ([8, 8, 8] if method == "POST" else [5])
    assert body.left == 0


def test_no_more_is_discarded_than_is_set(sends: Any) -> None:
    sender = sends("1000", b"12345678", b"12345678", b"12345678", b"123456", b"more")
    stdin.Body(9.0).drain()
    assert sender.asked == [8, 8, 8, 6]


@pytest.mark.parametrize("length", [None, ""])
def test_a_body_of_unknown_length_is_discarded_until_it_is_quiet_ends_or_the_time_is_over(
    sends: Any, length: str | None
) -> None:
    sender = sends(length, b"1", b"2", None, b"3")
    body = stdin.Body(9.0)
    body.drain()
    assert (body.data, sender.asked, sender.waits) == (b"", [8, 8], [0.2] * 3)
    sender = sends(length, b"1", b"2")
    stdin.Body(9.0).drain()
    assert sender.asked == [8, 8, 8]
    sender = sends(length, *[b"1"] * 9)
    stdin.Body(1.0).drain()
    assert sender.waits == [0.2] * 2
    sender = sends(length, *[b"1"] * 9)
    stdin.Body(0.75).drain()
    assert sender.waits == [0.2] * 2
    sender = sends(length, b"1", method="GET")
    stdin.Body(9.0).drain()
    assert sender.asked == []


def test_a_connection_that_is_reset_is_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "read", noted([], "", ConnectionResetError()))
    assert stdin._some(8) == b""


# --- the script -------------------------------------------------------------------------------------

SILENT = ReaderSilent(socket.socket(socket.AF_UNIX))
SILENT.connection.close()
OWN = ("write", b"its own")  # after a reader is started: lighttpd ends a script as soon as it has the reply


@pytest.mark.parametrize(
    ("resident", "health", "address", "reply", "wanted"),
    [
        (True, False, "/run/r", b"reply", [("ask", "/run/r.socket"), ("write", b"reply")]),
        (
            True,
            False,
            "/run/r",
            NoReader(),
            [("ask", "/run/r.socket"), ("cgi", "picture"), ("replace", "/run/r", None), OWN],
        ),
        (
            True,
            False,
            "/run/r",
            SILENT,
            [("ask", "/run/r.socket"), ("cgi", "picture"), ("replace", "/run/r", "silent"), OWN],
        ),
        (True, False, "/run/r", ChildEnded(), [("ask", "/run/r.socket"), ("cgi", "too much"), OWN]),
        (True, False, "", b"", [("cgi", "picture"), OWN]),
        (False, False, "/run/r", b"", [("cgi", "picture"), OWN]),
        (True, True, "/run/r", b"", [("cgi", "health"), OWN]),
        (False, True, "/run/r", b"", [("cgi", "health"), OWN]),
    ],
)
def test_a_script_asks_its_reader_and_answers_by_itself_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, resident: bool, health: bool, address: str, reply: Any, wanted: list[Any]
) -> None:
    events: list[Any] = []
    body = SimpleNamespace(drain=noted(events, "drain"))
    names = {id(cgi.PICTURE): "picture", id(cgi.HEALTH): "health", id(cgi.TOO_MUCH): "too much"}

    def ask(path: str, sent: Any) -> bytes:
        assert sent is body
        return noted(events, "ask", reply)(path)

    def replace(where: str, server: int, silent: Any) -> None:
        assert server == os.getppid()
        events.append(("replace", where, "silent" if silent is SILENT.connection else silent))

    for module, name, stand_in in (
        (client, "_end_silently_on_interrupt", lambda: None),
        (client, "RESIDENT", resident),
        (client, "Body", lambda: body),
        (client, "_asks_health", lambda: health),
        (client, "ask", ask),
        (client, "_write", noted(events, "write")),
        (runtime_folder, "address", lambda: address),
        (cgi, "reply", lambda sent, hooks: events.append(("cgi", names[id(hooks)])) or b"its own"),
        (starter, "replace", replace),
        (os, "_exit", end),
    ):
        monkeypatch.setattr(module, name, stand_in)
    with pytest.raises(Ended) as caught:
        client.run()
    assert caught.value.args == (0,)
    assert events == [*wanted, ("drain",)]


def test_ctrl_c_ends_a_script_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    monkeypatch.setattr(client, "signal", noted(events, "signal"))
    monkeypatch.setattr(client, "pthread_sigmask", noted(events, "mask"))
    monkeypatch.setattr(os, "_exit", end)
    client._end_silently_on_interrupt()
    handler = events[0][2]
    assert events == [("signal", signal.SIGINT, handler), ("mask", signal.SIG_UNBLOCK, (signal.SIGINT,))]
    with pytest.raises(Ended) as caught:
        handler(signal.SIGINT, None)
    assert caught.value.args == (0,)


@pytest.mark.parametrize(
    ("method", "query", "asks"),
    [
        ("GET", "health", True),
        ("HEAD", "model=cnn&health=1", True),
        ("POST", "health", False),
        ("GET", "a=health", False),
        ("GET", "healthy", False),
        ("GET", None, False),
        (None, "health", False),
    ],
)
def test_who_looks_after_a_server_asks_for_its_health(
    monkeypatch: pytest.MonkeyPatch, method: str | None, query: str | None, asks: bool
) -> None:
    for name, value in (("REQUEST_METHOD", method), ("QUERY_STRING", query)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert client._asks_health() is asks


@pytest.mark.parametrize(
    ("says", "turn", "asked"),
    [
        ([b"S", b"?"], b"S", 1),
        ([b"W", b"W", b"R", b"?"], b"R", 3),
        ([b"L", b"S"], NoReader, 1),
        ([b"X", b"S"], NoReader, 1),
        ([b"", b"S"], NoReader, 1),
        ([TimeoutError(), b"S"], ReaderSilent, 1),
        ([b"W", ConnectionResetError(), b"S"], NoReader, 2),
    ],
)
def test_a_script_waits_as_long_as_its_reader_says_so(says: list[Any], turn: Any, asked: int) -> None:
    connection: Any = Connection(*says)
    if isinstance(turn, bytes):
        assert client._await_turn(connection) == turn
    else:
        with pytest.raises(turn) as caught:
            client._await_turn(connection)
        assert getattr(caught.value, "connection", connection) is connection
    assert connection.events == [("recv", 1)] * asked


@pytest.mark.parametrize(("user", "is_own"), [(USER, True), (USER - 1, False), (USER + 1, False)])
def test_only_a_reader_of_the_same_user_is_believed(monkeypatch: pytest.MonkeyPatch, user: int, is_own: bool) -> None:
    connection = Connection(None)
    other = USER + 7 if is_own else USER
    monkeypatch.setattr(client, "socket", noted(connection.events, "socket", connection))
    monkeypatch.setattr(client, "peer", lambda _: (other, user, other))
    if is_own:
        assert client._connected("/run/r.socket") is connection
    else:
        with pytest.raises(NoReader):
            client._connected("/run/r.socket")
    assert connection.events == [("socket", socket.AF_UNIX), ("timeout", 1.5), ("connect", "/run/r.socket")]


def test_where_nothing_listens_there_is_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "socket", lambda _: Connection(ConnectionRefusedError()))
    with pytest.raises(NoReader):
        client._connected("/run/r.socket")


def test_a_full_backlog_is_tried_again_for_a_second_and_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(10.0, 0.5)
    monkeypatch.setattr(client, "time", clock)
    connection: Any = Connection(*[BlockingIOError()] * 3, None)
    assert client._connect(connection, "p") is None
    assert clock.slept == [0.02] * 3
    clock.now = 10.0
    connection = Connection(*[BlockingIOError()] * 99)
    with pytest.raises(BlockingIOError):
        client._connect(connection, "p")
    assert connection.events == [("timeout", 1.5), *[("connect", "p")] * 5]


def test_a_reply_is_received_in_pieces_of_a_megabyte_and_no_byte_more() -> None:
    connection: Any = Connection(b"x" * 2**20, b"y" * 7, b"z" * 13)
    assert client._receive(connection, 2**20 + 20) == b"x" * 2**20 + b"y" * 7 + b"z" * 13
    assert connection.events == [("recv", 2**20), ("recv", 20), ("recv", 13)]
    connection = Connection(b"x", b"")
    with pytest.raises(EOFError):
        client._receive(connection, 2)


def body(data: bytes, slow: bool) -> Any:
    return SimpleNamespace(data=data, slow=slow)


def test_a_child_is_sent_the_environment_the_body_and_the_log_and_its_reply_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(os, "environb", {b"A": b"\xe91", b"B": b"x" * 300})
    monkeypatch.setattr(client, "SCORE_SECONDS", 4)
    monkeypatch.setattr(client, "_connected", lambda path: ours)
    reply = b"x" * 258
    with ours, theirs:
        theirs.sendall(b"SR" + worker.sized(reply) + b"?")
        assert client.ask("/run/r.socket", body(b"data" * 70, True)) == reply
        assert ours.gettimeout() == 7
        sent, descriptors, _, _ = socket.recv_fds(theirs, 9, 3)
        sent += theirs.recv(9999)
        assert [os.path.samestat(os.fstat(one), os.fstat(2)) for one in descriptors] == [True]
        os.close(descriptors[0])
    environment = b"A=\xe91\0B=" + b"x" * 300
    assert sent == b"\0\0\x01\x33" + b"\0\0\x01\x18" + b"\x01" + environment + b"data" * 70


def test_a_reader_without_room_sends_its_reply_and_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(client, "_connected", lambda path: ours)
    with ours, theirs:
        theirs.sendall(b"R" + worker.sized(b"busy"))
        assert client.ask("p", body(b"data", False)) == b"busy"
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)


@pytest.mark.parametrize("sent", [b"S", b"SR", b"SR\0\0\0", b"SR\0\0\0\2x", None])
def test_a_child_that_ends_before_its_reply_is_whole_is_noticed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes | None
) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(client, "_connected", lambda path: ours)
    monkeypatch.setattr(client, "SCORE_SECONDS", -2.99)
    with ours, theirs:
        theirs.sendall(sent or b"SR")
        if sent:
            theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ChildEnded):
            client.ask("p", body(b"", False))


@pytest.mark.parametrize(
    ("takes", "waits", "written"),
    [
        ([4096, 4096, 8], [30.0, 29.5, 29.0], [4096, 4096, 8]),
        ([4096, 100, 4004], [30.0, 29.5, 29.0], [4096, 4096, 4004]),
        ([1] * 70, [30.0 - at / 2 for at in range(60)] + [0.0] * 5, [4096] * 65),
        ([4096, BrokenPipeError()], [30.0, 29.5], [4096, 4096]),
    ],
)
def test_a_reply_is_written_as_the_client_takes_it_for_half_a_minute(
    monkeypatch: pytest.MonkeyPatch, takes: list[Any], waits: list[float], written: list[int]
) -> None:
    clock, asked, sizes = Clock(10.0), list[float](), list[int]()

    def ready(*given: Any) -> tuple[list[int], list[int], list[int]]:
        assert given[:3] == ([], [1], [])
        asked.append(given[3])
        clock.now += 0.5
        return ([], [1], []) if len(asked) <= 65 else ([1], [], [1])

    def write(descriptor: int, block: memoryview) -> int:
        assert descriptor == 1
        sizes.append(len(block))
        took = takes.pop(0)
        if isinstance(took, Exception):
            raise took
        return int(took)

    monkeypatch.setattr(client, "time", clock)
    monkeypatch.setattr(select, "select", ready)
    monkeypatch.setattr(os, "write", write)
    client._write(b"x" * 8200)
    assert (asked[:65], sizes) == (waits, written)
