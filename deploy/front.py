"""The settings of serve.py, and nginx's configuration that follows from them."""

import grp
import os
import pwd
import re
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "cgi-bin"))

from serving.errors import RETRY_SECONDS  # noqa: E402
from serving.settings import MAX_BODY  # noqa: E402

# --- settings ---------------------------------------------------------------------------------------
STOP_SECONDS = 20  # requests that are under way when the server is stopped are answered within that time
CONNECTIONS = 8192  # open at the same time, to clients and to gunicorn
LARGE = 8  # bodies of 100,000 bytes and more that one address may be sending
ALL_LARGE = 32  # the same for all addresses together: bounds nginx's memory to 32 times 8 MB
WATCHERS = 16  # requests about health at the same time
ASKED = 3  # times that Ray Serve is asked for a picture whose replicas are killed
# ----------------------------------------------------------------------------------------------------

METRICS = "metrics"  # the file that counting.py writes
BUSY = "The server has no room for this picture just now. Please try again in a moment."
OUT_OF_LIMITS = (
    "Reading this picture took more time or memory than the server may spend on it. "
    "Send a smaller one, or try again later."
)
TOO_LARGE = f"More than {MAX_BODY // 2**20} MB are not read; send a smaller picture."
FORMS = {
    "bind": (r"([A-Za-z0-9.-]+|\[?[0-9A-Fa-f:]+\]?):\d{1,5}", "address:port"),
    "hosts": (r"[A-Za-z0-9.* -]*", "host names with spaces between"),
    "proxies": (r"[0-9A-Fa-f.:/ ]*", "IP addresses with spaces between"),
    "metrics": (r"(/[A-Za-z0-9_-]+)*", "a path like /metrics"),
    "behind": (r"(ray|[A-Za-z0-9.-]+:\d{1,5})?", "ray, or address:port"),
}


class SettingError(ValueError):
    """A setting of the environment that makes no sense."""


@dataclass(frozen=True)
class Settings:
    """What can be set, from environment variables of these names with MNIST_ in front."""

    bind: str = "127.0.0.1:8000"  # address:port
    hosts: str = ""  # names of this server, next to localhost and IP addresses, with spaces between
    proxies: str = ""  # addresses of proxies in front, who are believed which client asks (X-Forwarded-For)
    workers: int = 0  # processes that read pictures, one at a time each; 0: one more than there are cores
    places: int = 32  # pictures of each worker that are read or wait for their turn
    read_seconds: float = 10.0  # a client that sends nothing for that long is given up
    wait_seconds: float = 10.0  # longest wait for one's turn
    score_seconds: float = 30.0  # longest time that reading a picture takes; then its worker is replaced
    memory_mb: int = 2048  # address space of each worker, in MiB; see gunicorn.conf.py
    metrics: str = ""  # path of the Prometheus metrics, say /metrics; keep it from the public
    behind: str = ""  # what reads pictures: gunicorn; with "ray" Ray Serve here, with address:port Ray Serve there

    def __post_init__(self) -> None:
        """Raise SettingError for what makes no sense."""
        for name, (form, wanted) in FORMS.items():
            _check(name, re.fullmatch(form, getattr(self, name)), wanted)
        _check("workers", 0 <= self.workers <= 1000, "a number, 0 to 1000")
        _check("places", 1 <= self.places <= 1000, "a number, 1 to 1000")
        _check("memory_mb", self.memory_mb >= 1024, "a number of MiB, 1024 or more")
        for name in ("read_seconds", "wait_seconds", "score_seconds"):
            _check(name, 1 <= getattr(self, name) <= 3600, "a number of seconds, 1 to 3600")


def read(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment; empty variables count as unset. Raises SettingError."""
    given: dict[str, Any] = {}
    for field in fields(Settings):
        kind: Any = type(field.default)
        if text := environment.get(_variable(field.name)):
            try:
                given[field.name] = kind(text)
            except ValueError:
                raise SettingError(f"{_variable(field.name)}={text!r} is not a number.") from None
    return Settings(**given)


def _variable(name: str) -> str:
    return f"MNIST_{name.upper()}"


def _check(name: str, fits: object, wanted: str) -> None:
    if not fits:
        raise SettingError(f"{_variable(name)} has to be {wanted}.")


def workers(settings: Settings) -> int:
    """Return the number of workers: while one of them hands its reply over to nginx, the spare one uses its core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return settings.workers or cores + 1


def configuration(settings: Settings, folder: Path) -> str:
    """Return nginx.conf.in with everything filled in; `folder` has the socket and whatever else is of this run."""
    values = {
        "FOLDER": folder,
        "ROOT": f'"{ROOT}"',
        "LISTEN": _listen(settings.bind),
        "HOSTS": settings.hosts,
        "PROXIES": "".join(f"set_real_ip_from {proxy}; " for proxy in settings.proxies.split()),
        "USER": _user(),
        "METRICS": _metrics(settings.metrics, folder),
        "WSGI": _behind(settings, f"unix:{folder}/wsgi", folder, settings.places * workers(settings)),
        "WATCH": _behind(settings, f"unix:{folder}/watch", folder, WATCHERS),
        "LOST": _lost(folder) if settings.behind else "",
        "AGAIN": "error http_429 http_500 non_idempotent" if settings.behind else "off",
        "CONNECTIONS": CONNECTIONS,
        "DESCRIPTORS": _descriptors(),
        "LARGE": LARGE,
        "ALL_LARGE": ALL_LARGE,
        "READ_TIME": f"{round(1000 * settings.read_seconds)}ms",
        "ANSWER_TIME": f"{round(1000 * (settings.wait_seconds + settings.score_seconds)) + 5000}ms",
        "STOP_TIME": f"{STOP_SECONDS}s",
        "BUSY": BUSY,
        "OUT_OF_LIMITS": OUT_OF_LIMITS,
        "TOO_LARGE": TOO_LARGE,
        "RETRY": RETRY_SECONDS,
    }
    template = (ROOT / "deploy/nginx.conf.in").read_text()
    return re.sub("@([A-Z_]+)@", lambda found: str(values[found[1]]), template)


def _behind(settings: Settings, gunicorn: str, folder: Path, places: int) -> str:
    """Return nginx's lines on who answers up to that many requests at a time.

    Ray Serve is there three times: a picture is asked of it again when the replica that had it was killed, and that one
    may still seem to be there the second time. Who finds no place, or loses it each time, is told by nginx itself, at
    the socket "lost".
    """
    if not settings.behind:
        return f"server {gunicorn} max_conns={places} max_fails=0;"
    ray = f"server {settings.behind} max_conns={-(-places // ASKED)} max_fails=0; "
    return ASKED * ray + f"server unix:{folder}/lost max_fails=0 backup;"


def _lost(folder: Path) -> str:
    """Return nginx's lines on the server that answers nobody."""
    sentence = f'{{"result": 0, "data": [], "error": "{BUSY}", "retry_after": {RETRY_SECONDS}}}\\n'
    headers = f"add_header Retry-After {RETRY_SECONDS} always; add_header Cache-Control no-store always;"
    answer = f"default_type application/json; location / {{ return 503 '{sentence}'; }}"
    return f"server {{ listen unix:{folder}/lost; access_log off; {headers} {answer} }}"


def _metrics(path: str, folder: Path) -> str:
    """Return nginx's lines on the file of metrics, if there are any; Prometheus wants to be told the format."""
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return f'location = {path} {{ types {{ }} default_type "{kind}"; alias {folder}/{METRICS}; }}' if path else ""


def _listen(bind: str) -> str:
    """Return address:port as nginx writes it, an IPv6 address in brackets."""
    address, _, port = bind.rpartition(":")
    return f"[{address.strip('[]')}]:{port}" if ":" in address else bind


def _user() -> str:
    """Return nginx's line "user": root's workers would be another user's, who may read neither files nor socket."""
    if os.geteuid():
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};"


def _descriptors() -> int:
    """Return the number of files that nginx may have open: what its connections need, if that is allowed."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 2 * CONNECTIONS
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
