"""A Ray to work on: one on this machine for as long as it is needed, or one that runs already."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reading.errors import Problem

CGI = Path(__file__).resolve().parents[1]
PACKAGES = ("reading", "learning", "scaling")
MODELS = "models"  # the folder that a worker elsewhere finds in its working folder
LOCAL = "local"  # the address that stands for a Ray of one's own
ANSWER_SECONDS = 5  # an address where nobody answers for so long has no cluster
STORE_BYTES = 200 * 2**20  # of a local Ray's shared memory
NOT_INSTALLED = "Ray is not installed; run: pip install -r requirements-ray.txt (Python 3.10 to 3.13)"


class NoCluster(Problem):
    """There is no Ray to work on."""


def environment(given: Mapping[str, str], *folders: Path) -> dict[str, str]:
    """Return the environment for a Ray on this machine that nobody else reaches, and that tells nobody of its use.

    Its processes find modules in `folders`. It has to be set before Ray is imported.
    """
    path = [*map(str, folders), *filter(None, [given.get("PYTHONPATH")])]
    return {
        **given,
        "PYTHONPATH": os.pathsep.join(path),
        "RAY_AUTH_MODE": "token",  # other users of this machine reach its ports
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_worker_niceness": "0",  # else whatever runs beside it leaves it no processor at all
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # without clusters Ray listens on 127.0.0.1 only, on Linux as there
        "RAY_USAGE_STATS_ENABLED": "0",
    }


@contextmanager
def connected(address: str, models: Mapping[str, bytes]) -> Iterator[None]:
    """Have a Ray in the block: one at "HOST:PORT" or "auto", or one of this machine's own cores.

    Workers elsewhere are sent these files of `models/`, and the modules that they need. Raises NoCluster.
    """
    if address != LOCAL:
        check_answers(address)
    else:
        os.environ.update(environment(os.environ, CGI))
    os.environ["RAY_DATA_LOG_LEVEL"] = "ERROR"  # read when Ray is imported
    try:
        import ray
    except ModuleNotFoundError as missing:
        raise NoCluster(NOT_INSTALLED if missing.name == "ray" else f"Ray lacks {missing.name}.") from missing
    try:
        with sent(models) as folder:
            ray.init(**_settings(address, folder))
    except Exception as error:  # Ray raises this very class when its processes do not start in time
        reason = str(error).partition("\n")[0].rstrip(".")
        where = "can't be started" if address == LOCAL else f"can't be reached at {address}"
        raise NoCluster(f"Ray {where}: {reason}.") from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def sent(models: Mapping[str, bytes]) -> Iterator[Path]:
    """Make a folder with what workers elsewhere need, which Ray sends them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for package in PACKAGES:
            shutil.copytree(CGI / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(CGI / "model.py", folder)
        (folder / MODELS).mkdir()
        for file, content in models.items():
            (folder / MODELS / file).write_bytes(content)
        yield folder


def _settings(address: str, folder: Path) -> dict[str, Any]:
    """Return how Ray is started or joined."""
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    if address == LOCAL:
        own = {"address": "local", "num_cpus": cores()}  # "local" is a new one, whatever runs on this machine
        return {**quiet, **own, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    return {**quiet, "address": address, "runtime_env": {"working_dir": str(folder)}}


def cores() -> int:
    """Return MNIST_WORKERS, or else the number of cores that this process may use. Raises NoCluster."""
    wanted = os.environ.get("MNIST_WORKERS") or "0"
    if not (wanted.isdecimal() and len(wanted) < 5):
        raise NoCluster(f"MNIST_WORKERS={wanted!r} is not a number.")
    if int(wanted):
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_answers(address: str) -> None:
    """Raise NoCluster if nobody answers at HOST:PORT; Ray itself would try for a minute."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal() and int(port) < 2**16):
        raise NoCluster(f"{address!r} is no address of a Ray cluster; that is HOST:PORT, or auto.")
    try:
        speaks = _speaks_http2(host.strip("[]"), int(port))
    except OSError as error:
        reason = error.strerror or "it takes too long"
        raise NoCluster(f"Nobody answers at {address}: {reason}. Is the Ray cluster running?") from error
    if not speaks:
        raise NoCluster(f"What answers at {address} is no Ray cluster. Its port is mostly 6379.")


def _speaks_http2(host: str, port: int) -> bool:
    """Tell whether gRPC could be spoken there, which Ray speaks: the first frame is one of settings (RFC 9113, 3.4).

    Raises OSError.
    """
    if os.environ.get("RAY_USE_TLS") == "1":
        return True  # or so it seems; it is not seen from outside
    with socket.create_connection((host, port), timeout=ANSWER_SECONDS) as probe:
        probe.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        return probe.recv(4)[3:] == bytes([4])
