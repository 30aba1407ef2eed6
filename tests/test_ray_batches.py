"""predict.py and train.py with --cluster, on a real Ray of two workers."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import pictures
import servers
from commands import ROOT, run
from needs import installed

if not installed("ray"):
    pytest.skip("Ray is not installed: make test-ray", allow_module_level=True)
pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def ray_environment() -> dict[str, str]:
    """What a Ray that only this machine reaches is started with, and joined."""
    closed = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
    return {**closed, "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_worker_niceness": "0"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, ray_environment: dict[str, str]) -> Iterator[str]:
    """The address of a Ray that runs already, as one of other machines would."""
    port = servers.free_port()
    command = [f"{sys.prefix}/bin/ray", "start", "--head", "--block", "--port", str(port), "--num-cpus", "2"]
    command += ["--include-dashboard=false", "--object-store-memory", str(200 * 2**20)]
    command += ["--ray-client-server-port", str(servers.free_port())]
    log = tmp_path_factory.mktemp("ray") / "log"
    env = {**os.environ, **ray_environment}
    with servers.running("Ray", command, log, port, cwd=log.parent, env=env):
        assert servers.wait_until(lambda: "Ray runtime started" in log.read_text(), 90), log.read_text()
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,300 sevens and fours, of which one is damaged: three parts."""
    folder = tmp_path_factory.mktemp("many")
    drawn = {digit: pictures.encoded(pictures.canvas(digit, 40, 4)) for digit in (4, 7)}
    for number in range(2300):
        (folder / f"{number:05}.png").write_bytes(drawn[7 if number % 2 else 4])
    (folder / "01500.png").write_text("this is a text")
    return folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "cgi-bin/predict.py"), "-m", "sgd", *map(str, arguments)]


def test_a_ray_of_one_s_own_writes_parquet(folder: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    few = [folder / f"{number:05}.png" for number in range(6)]
    ended = run("predict", "-m", "sgd", "--cluster", "-o", tmp_path / "out", "--parquet", *few, MNIST_WORKERS="1")
    assert (ended.status, ended.out) == (0, ""), ended.err
    assert ended.err == f"6 pictures read, 0 not; the answers are in {tmp_path}/out.\n"
    (part,) = (tmp_path / "out").glob("part-*.parquet")
    assert parquet.read_table(part)["file"].to_pylist() == [str(path) for path in few]


def test_a_run_that_is_cut_short_or_loses_a_worker_goes_on_and_no_answer_is_wrong_or_missing(
    cluster: str, ray_environment: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    out, env = tmp_path / "out", {**os.environ, **ray_environment}
    arguments = command("--cluster", cluster, "-o", out, folder)
    with subprocess.Popen(arguments, env=env, stderr=subprocess.DEVNULL) as first:
        servers.wait_until(lambda: len(list(out.glob("part-*"))) or first.poll() is not None, 120)
        first.kill()
    done = sorted(out.glob("part-*"))
    assert done
    before = {path: path.stat().st_mtime_ns for path in done}
    with subprocess.Popen(arguments, env=env, stderr=subprocess.PIPE, text=True) as second:
        workers = servers.wait_until(lambda: workers_of_data() or (second.poll() is not None and [-1]), 120)
        if workers != [-1]:
            os.kill(workers[0], signal.SIGKILL)
        _, said = second.communicate(timeout=200)
    assert second.returncode == 1
    assert f"{folder}/01500.png: This is not a picture that can be read." in said or len(done) > 1
    assert re.search(r"2,299 pictures read, 1 not; the answers are in ", said)
    assert {path: path.stat().st_mtime_ns for path in done} == before
    lines = [json.loads(line) for path in sorted(out.glob("part-*")) for line in path.read_text().splitlines()]
    assert [line["file"] for line in lines] == [f"{folder}/{number:05}.png" for number in range(2300)]
    assert [line.get("digit") for line in lines[:1500]] == [lines[0]["digit"], lines[1]["digit"]] * 750
    assert (lines[1500]["result"], lines[1500]["data"]) == (0, [])
    printed = run("predict", "-m", "sgd", "--json", folder / "00000.png", folder / "00001.png")
    assert [json.loads(line) for line in printed.out.splitlines()] == lines[:2]


def workers_of_data() -> list[int]:
    """The processes in which Ray Data reads parts."""
    return [process for process, _, line in servers.processes() if "ray::Map(read_part)" in line]


def test_a_grid_search_on_a_cluster_finds_what_one_without_finds(
    cluster: str, ray_environment: dict[str, str], mnist_folder: Path, tmp_path: Path
) -> None:
    arguments = ["-M", "sgd", "-g", "--subset", "600", "-d", mnist_folder]
    alone = run("train", *arguments, "-o", tmp_path / "alone")
    spread = run("train", *arguments, "-o", tmp_path / "spread", "--cluster", cluster, **ray_environment)
    assert (alone.status, spread.status) == (0, 0), alone.err + spread.err
    cards = [json.loads((tmp_path / name / "sgd.json").read_text()) for name in ("alone", "spread")]
    found = [{key: card["search"][key] for key in ("best", "candidates", "folds", "images")} for card in cards]
    assert found[0] == found[1]


def test_several_seeds_are_trained_and_told_with_mean_and_deviation(
    cluster: str, ray_environment: dict[str, str], mnist_folder: Path
) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in (ROOT / "models").iterdir())
    begun = time.monotonic()
    arguments = ["-M", "sgd", "--subset", "600", "-d", mnist_folder, "--seeds", "1-3", "--cluster", cluster]
    ended = run("train", *arguments, **ray_environment)
    assert ended.status == 0, ended.err
    *rows, last = ended.out.splitlines()
    told = [re.fullmatch(r"seed +(\d) +(\d\d\.\d\d)% +[\d.]+ s", row) for row in rows]
    assert [row[1] for row in told] == ["1", "2", "3"]
    mean = re.fullmatch(r"mean of +3  (\d\d\.\d\d)% \+- (\d\.\d\d)%", last)
    assert float(mean[1]) == pytest.approx(sum(float(row[2]) for row in told) / 3, abs=0.011)
    assert sorted((path, path.stat().st_mtime_ns) for path in (ROOT / "models").iterdir()) == before
    assert time.monotonic() - begun < 200
