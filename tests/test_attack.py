"""benchmarks/attack.py tells a right answer from a wrong one, and finds what it may kill."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
from benchmarks import attack
from needs import program


@pytest.mark.parametrize(
    ("kind", "status", "body", "told"),
    [
        ("drawing", 200, b'{"result": 1, "digit": 7}', "right"),
        ("drawing", 200, b'{"result": 1, "digit": 1}', "wrong"),
        ("drawing", 400, b'{"result": 0}', "wrong"),
        ("drawing", 503, b'{"result": 0}', "told"),
        ("drawing", 503, b'{"result": 0, "retry_after": 2}', "busy"),
        ("drawing", 200, b"", "cut"),
        ("drawing", 500, b"<html>", "cut"),
        ("drawing", 200, b'{"result": 1, "dig', "wrong"),
        ("form", 200, b'{"result": 1, "results": [{"digit": 7}, {"digit": 1}]}', "right"),
        ("form", 200, b'{"result": 1, "results": [{"digit": 7}]}', "wrong"),
        ("rubbish", 415, b'{"result": 0}', "right"),
        ("rubbish", 200, b'{"result": 1, "digit": 7}', "wrong"),
        ("page", 200, b"<title>", "right"),
    ],
)
def test_an_answer_is_judged_by_what_was_asked(kind: str, status: int, body: bytes, told: str) -> None:
    assert attack.judged(kind, servers.Answer(status, {}, body)) == told


@pytest.mark.parametrize(
    ("good", "seconds"),
    [
        ("+" * 10, 0),
        ("-" + "+" * 10, 3),
        ("+++-" + "+" * 10 + "-", 12),
        ("+++", 0),  # so slow that no more of them came
        ("+-+", 6),
        ("++-", math.inf),
    ],
)
def test_all_is_normal_from_the_first_of_ten_good_answers_in_a_row_on(good: str, seconds: float) -> None:
    times = [100.0 + 3 * number for number in range(len(good) + 1)]
    assert attack.first_of_row(times, [one == "+" for one in good]) == seconds


@pytest.fixture
def server(tmp_path: Path) -> Iterator[servers.Server]:
    program("nginx", "nginx-light")
    with servers.gunicorn(tmp_path / "log", MNIST_WORKERS="1", MNIST_METRICS="/metrics") as started:
        yield started


def test_nginx_gunicorn_and_their_workers_may_be_killed_and_not_what_starts_them_again(
    server: servers.Server, tmp_path: Path
) -> None:
    assert server.ask(attack.SEVEN).json["digit"] == 7
    parts = attack.parts(server, tmp_path, {})
    assert len(parts) == 4
    below = [line for _, line in parts if line]
    assert [("gunicorn" in line, "nginx" in line) for line in sorted(below)] == [(True, False), (False, True)]
    assert len(attack.parts(server, tmp_path, dict.fromkeys(below, 1e12))) == 2


@pytest.mark.parametrize("name", ["lighttpd", "http.server"])
def test_of_a_cgi_server_the_resident_reader_may_be_killed(name: str) -> None:
    with attack.runtime_folder(name) as folder, attack.started_in(name, folder) as server:
        assert server.ask(attack.SEVEN).status == 200
        readers = servers.wait_until(lambda: servers.readers(str(folder)))
        assert len(readers) == 1
        assert readers[0] in [pid for pid, _ in attack.parts(server, folder, {})]
