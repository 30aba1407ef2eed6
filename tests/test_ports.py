"""The ports that tests hand out: no other test process and no connection takes one before its server does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import servers

TELL = "import servers; print(*(servers.free_port() for _ in range(1000)))"


def ports_of(worker: str) -> set[int]:
    """A thousand ports that a test process of that name hands out."""
    env = {**os.environ, "PYTEST_XDIST_WORKER": worker}
    told = subprocess.run([sys.executable, "-c", TELL], cwd=Path(__file__).parent, env=env, capture_output=True)
    return {int(port) for port in told.stdout.split()}


def test_two_test_processes_never_hand_out_one_port_and_none_that_systems_give_to_connections() -> None:
    first, second = ports_of("gw0"), ports_of("gw1")
    assert len(first) > 900 < len(second)
    assert not first & second
    assert max(first | second) < 32768


def test_a_port_is_not_handed_out_again_soon_though_nobody_listens_on_it_yet() -> None:
    assert len({servers.free_port() for _ in range(50)}) == 50


def test_a_port_on_which_somebody_listens_is_left_out() -> None:
    taken = servers.free_port()
    with socket.create_server(("127.0.0.1", taken)):
        assert taken not in {servers.free_port() for _ in range(1000)}
