"""A port that takes no new connection while those that it has taken are still there: deploy/draining.py."""

import errno
import selectors
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "deploy"))

import draining


def may_filter() -> bool:
    """Whether this is Linux, and this user may filter packets; some kernels let only root."""
    with socket.socket() as probe:
        try:
            draining.attach(probe, draining.SO_ATTACH_FILTER, draining.DROP)
        except OSError:
            return False
    return True


pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not may_filter(), reason="this system does not let this user filter packets"
)


@pytest.fixture(params=["127.0.0.1", "[::1]"])
def shared(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """Yield a listener that others of this user may join, as nginx's."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with listener(family, socket.SO_REUSEPORT) as first:
        yield first


def listener(family: socket.AddressFamily, option: int) -> socket.socket:
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    except OSError as problem:
        made.close()
        pytest.skip(str(problem))
    made.listen(64)
    made.settimeout(5)
    return made


def bound(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connected(listening: socket.socket, timeout: float = 0.05) -> socket.socket:
    client = socket.socket(listening.family)
    client.settimeout(timeout)
    client.connect(listening.getsockname())
    return client


def test_what_waits_is_still_taken_and_nobody_new_comes(shared: socket.socket) -> None:
    with connected(shared) as waiting, draining.closed_to_new(bound(shared)) as closed:
        assert closed
        for _ in range(30):
            with pytest.raises(TimeoutError):
                connected(shared)
        with shared.accept()[0] as taken:
            taken.sendall(b"7")
            assert waiting.recv(1) == b"7"
        shared.setblocking(False)
        with pytest.raises(BlockingIOError):
            shared.accept()


def test_who_came_meanwhile_hears_that_the_port_is_closed(shared: socket.socket) -> None:
    client, target = socket.socket(shared.family), shared.getsockname()
    with client, selectors.DefaultSelector() as selector:
        client.setblocking(False)
        selector.register(client, selectors.EVENT_WRITE)
        with draining.closed_to_new(bound(shared)):
            assert client.connect_ex(target) == errno.EINPROGRESS
            assert not selector.select(0.1)
            shared.close()
        assert selector.select(10)  # its kernel asks again after a second
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_a_listener_that_shares_with_nobody_goes_on_and_a_line_says_what_that_means(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with listener(socket.AF_INET, socket.SO_REUSEADDR) as alone:
        with draining.closed_to_new(bound(alone)) as closed:
            assert not closed
            connected(alone).close()
        assert capsys.readouterr().err == (
            f"While {bound(alone)} closes, new connections may be reset: [Errno 98] Address already in use\n"
        )
