"""Ray Serve behind nginx, for real: one machine, two replicas. What holds for every server is tested with those."""

import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import pictures
import servers
from needs import installed, program

SEVEN = pictures.data_url(pictures.png(7))
LARGE = SEVEN + b"\n" * 2**16  # HAProxy, which keeps 16 KiB of a request, can't ask for it once more

if not installed("ray"):
    pytest.skip("Ray is not installed: make test-ray", allow_module_level=True)
pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that are shipped, and one whose card never comes to an end."""
    folder = tmp_path_factory.mktemp("models")
    for path in (servers.ROOT / "models").iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    os.mkfifo(folder / "hanging.json")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[servers.Server]:
    """Two replicas with few places and little patience."""
    settings = {"MNIST_WORKERS": "2", "MNIST_PLACES": "8", "MNIST_SCORE_SECONDS": "3", "MNIST_WAIT_SECONDS": "30"}
    log = tmp_path_factory.mktemp("ray") / "log"
    with servers.ray_serve(log, **settings, MNIST_READ_SECONDS="2", MNIST_MODELS=str(models)) as started:
        yield started


def processes(server: servers.Server, name: str) -> list[int]:
    """The processes of a server that Ray gave such a name; Ray renames them, and not all are children of its own."""
    return servers.children(server.process.pid, name)


def replicas(server: servers.Server) -> list[int]:
    return processes(server, "ray::ServeReplica")


def outcome(server: servers.Server, body: bytes = SEVEN) -> str:
    """What becomes of one picture: what it is read as, or how its client is told that it is not."""
    try:
        answer = server.ask(body)
        if answer.status == 503 and answer.headers.get("retry-after") and answer.json["retry_after"]:
            return "told to come back"
        return str(answer.json.get("digit", answer.json["error"]))
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        return repr(error)


@contextmanager
def asked_all_the_time(server: servers.Server, clients: int = 4) -> Iterator[Counter[str]]:
    """Have clients ask without a pause in the block; how often each outcome came."""
    outcomes: Counter[str] = Counter()
    done = threading.Event()

    def ask(body: bytes) -> None:
        while not done.is_set():
            outcomes[outcome(server, body)] += 1

    jobs = [threading.Thread(target=ask, args=((SEVEN, LARGE)[number % 2],)) for number in range(clients)]
    for job in jobs:
        job.start()
    try:
        wait_for(lambda: outcomes["7"] > 5)
        yield outcomes
        after = outcomes["7"]
        wait_for(lambda: outcomes["7"] > after + 20)
    finally:
        done.set()
        for job in jobs:
            job.join()


def wait_for(true: Any, seconds: float = 60) -> None:
    assert servers.wait_until(true, seconds), "waited in vain"


# --- what is killed, and what is new ----------------------------------------------------------------


# HAProxy itself is one process, as is the actor of Ray that starts it.
PROXIES = ("ray::HAProxyManager", "/bin/haproxy ")


@pytest.mark.parametrize("victim", ["ray::ServeReplica", "ray::ServeController", "ray::ProxyActor", *PROXIES])
def test_who_is_killed_is_replaced_and_no_answer_is_wrong_or_missing(server: servers.Server, victim: str) -> None:
    with asked_all_the_time(server) as outcomes:
        (killed, *_) = processes(server, victim)
        before = len(processes(server, victim))
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: len(set(processes(server, victim)) - {killed}) == before)
    assert set(outcomes) <= {"7", "told to come back"}
    assert victim in PROXIES or outcomes["told to come back"] == 0


def test_new_code_comes_without_a_request_lost(server: servers.Server) -> None:
    before = set(replicas(server))
    with asked_all_the_time(server) as outcomes:
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(lambda: len(replicas(server)) == 2 and not before & set(replicas(server)))
    assert set(outcomes) == {"7"}


def test_a_new_model_comes_without_a_request_lost(server: servers.Server, models: Path) -> None:
    def unsure() -> list[bool]:
        return [server.ask(SEVEN, query="model=svm").json["unsure"] for _ in range(10)]

    assert unsure() == [False] * 10
    card = json.loads((models / "svm.json").read_text())
    card["unsure"]["confidence"] = 1.0
    with asked_all_the_time(server) as outcomes:
        (models / "part").write_text(json.dumps(card))
        (models / "part").replace(models / "svm.json")
        wait_for(lambda: unsure() == [True] * 10)
    assert set(outcomes) == {"7"}


# --- what is too much -------------------------------------------------------------------------------


def test_a_picture_that_hangs_is_told_and_its_replica_replaced(server: servers.Server) -> None:
    before = set(replicas(server))
    begun = time.monotonic()
    answer = server.ask(SEVEN, query="model=hanging")
    assert (answer.status, answer.json["result"]) == (503, 0)
    assert "more time or memory than" in answer.json["error"]
    assert 2 < time.monotonic() - begun < 20
    wait_for(lambda: len(before & set(replicas(server))) == 1 and len(replicas(server)) == 2)
    wait_for(lambda: all(outcome(server) == "7" for _ in range(10)))


def test_beyond_its_places_pictures_are_turned_away_at_once_and_the_page_is_still_served(
    server: servers.Server,
) -> None:
    wait_for(lambda: all(outcome(server) == "7" for _ in range(10)))
    with ThreadPoolExecutor(60) as clients:
        hanging = [clients.submit(server.ask, SEVEN, query="model=hanging") for _ in range(2)]
        time.sleep(0.3)
        begun = time.monotonic()
        crowd = [clients.submit(server.ask, SEVEN) for _ in range(40)]
        told = []
        while len(told) < 20 and time.monotonic() < begun + 2.5:
            told = [one.result() for one in crowd if one.done() and one.result().status == 503]
            time.sleep(0.05)
        assert len(told) >= 20
        assert server.ask(method="GET", path="/").status == 200
        assert [(one.headers["retry-after"], one.json["retry_after"]) for one in told] == [("2", 2)] * len(told)
        assert {one.result().status for one in [*hanging, *crowd]} <= {200, 503}
    wait_for(lambda: all(outcome(server) == "7" for _ in range(10)))


def test_more_replicas_come_when_pictures_queue_and_none_stays_when_the_server_is_killed(tmp_path: Path) -> None:
    with servers.ray_serve(tmp_path / "log") as server:
        assert outcome(server) == "7"
        assert len(replicas(server)) == 1
        with asked_all_the_time(server, clients=12) as outcomes:
            wait_for(lambda: len(replicas(server)) >= 2)
        assert set(outcomes) == {"7"}
        memory = Path(f"/proc/{replicas(server)[0]}/limits").read_text()
        assert re.search(r"Max address space +\d+ ", memory)
        parts = servers.children(server.process.pid)
        assert len(parts) > 6
        server.process.kill()
        wait_for(lambda: not [one for one in parts if Path(f"/proc/{one}").exists()], 30)


# --- without nginx ----------------------------------------------------------------------------------


@pytest.fixture
def bare(server: servers.Server) -> servers.Server:
    """The same, at the port of Ray Serve itself, as a proxy of somebody's own would find it on a cluster."""
    mine = [line for _, parent, line in servers.processes() if parent == server.process.pid]
    (line,) = [line for line in mine if "deploy/cluster.py" in line]
    return servers.Server("bare", int(re.search(r"cluster\.py (\d+)", line)[1]), server.process, server.logfile)


def test_without_nginx_a_body_that_does_not_come_is_given_up_and_keeps_nobody_waiting(bare: servers.Server) -> None:
    head = f"POST {servers.SCRIPT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(SEVEN)}\r\n\r\n".encode()
    slow = [socket.create_connection(("127.0.0.1", bare.port), timeout=30) for _ in range(6)]
    for client in slow:
        client.sendall(head + SEVEN[:100])
    assert bare.ask(SEVEN).json["digit"] == 7
    for client in slow:
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
        client.close()


def test_without_nginx_bodies_that_are_too_large_or_too_short_are_refused(bare: servers.Server) -> None:
    assert bare.ask(SEVEN + b" " * 8 * 2**20).status == 413
    assert bare.ask(b"").status == 400
    assert bare.ask(SEVEN, length=None).status in (400, 411)
    assert bare.ask(SEVEN).json["digit"] == 7


# --- who may reach it -------------------------------------------------------------------------------


def listening(server: servers.Server) -> dict[str, set[int]]:
    """The ports of a server's processes, by the address that they listen on."""
    inodes = set()
    for process in [server.process.pid, *servers.children(server.process.pid)]:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            try:
                found = re.match(r"socket:\[(\d+)\]", str(descriptor.readlink()))
            except FileNotFoundError:
                continue
            inodes |= {found[1]} if found else set()
    ports: dict[str, set[int]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, _, state, *_, inode = line.split()[1:10]
            address, _, port = local.partition(":")
            if state == "0A" and inode in inodes:
                ports.setdefault(address, set()).add(int(port, 16))
    return ports


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def test_only_this_machine_reaches_it_and_where_others_do_a_token_is_asked_for(server: servers.Server) -> None:
    import grpc

    ports = listening(server)
    assert LOOPBACK & ports.keys()
    assert any(30000 <= port < 31000 for port in ports["0100007F"])  # where HAProxy asks the replicas
    elsewhere = set().union(*[numbers for address, numbers in ports.items() if address not in LOOPBACK])
    assert len(elsewhere) <= len(replicas(server))  # each of Ray Serve's replicas opens one
    for port in elsewhere:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            for method in ("HandleRequest", "HandleRequestStreaming", "HandleRequestWithRejection"):
                asked = channel.unary_unary(f"/ray.serve.ASGIService/{method}")
                with pytest.raises(grpc.RpcError) as refused:
                    asked(b"", timeout=10)
                assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
def haproxy(server: servers.Server) -> Path:
    """The folder of HAProxy's files."""
    (line,) = {line for pid, _, line in servers.processes() if pid in processes(server, PROXIES[1])}
    return Path(re.search(r"-f (\S+)", line)[1]).parent


def test_nobody_else_reaches_the_sockets_by_which_haproxy_is_administered(haproxy: Path) -> None:
    assert stat.S_IMODE(haproxy.parent.stat().st_mode) == 0o700
    sockets = {path.name for path in haproxy.iterdir() if path.is_socket()}
    assert sockets == {"admin", "8404", "9101"}  # what is at the last two shows numbers and changes nothing


def test_all_that_deploy_haproxy_sh_changes_is_in_what_this_ray_writes(haproxy: Path) -> None:
    text = (haproxy / "haproxy.cfg").read_text()
    changed = (r"bind unix@\S+ mode 600", "return status 500 ", "http-reuse never", "wait-for-body time 5s")
    assert [len(re.findall(line, text)) for line in changed] == [2, 1, 1, 1]
    assert not re.findall(r"bind \**:|return status 404|http-reuse always", text)


# --- bad settings, and what is missing --------------------------------------------------------------


def started(**environment: str) -> tuple[int, str]:
    """Start it with such settings; its exit status and what it says."""
    command = [sys.executable, "deploy/serve.py"]
    env = servers.environment(**{"MNIST_BEHIND": "ray", **environment})
    done = subprocess.run(command, cwd=servers.ROOT, env=env, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_a_port_that_is_taken_ends_the_start_with_a_sentence() -> None:
    program("nginx", "nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as other:
        status, said = started(MNIST_BIND=f"127.0.0.1:{other.getsockname()[1]}")
    assert status == 1
    assert re.fullmatch(r"127.0.0.1:\d+ can't be used: .+\. Set MNIST_BIND to another address:port\.\n", said)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_wanted_of_ray_serve_is_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml
    from ray.serve.schema import ServeDeploySchema

    text = (servers.ROOT / "deploy/ray/serve.yaml").read_text()
    config = ServeDeploySchema.model_validate(yaml.safe_load(text))
    assert config.applications[0].import_path == "replica:application"
    monkeypatch.syspath_prepend(servers.ROOT / "deploy")
    assert importlib.util.find_spec("replica")
