"""MNIST Draw as an application of Ray Serve: each replica is a process that reads one picture at a time.

deploy/cluster.py runs it on this machine, deploy/ray/ has what a cluster takes; see docs/scale.md.
"""

import asyncio
import io
import os
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ray import serve
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "cgi-bin")]

import app  # noqa: E402
import front  # noqa: E402

from reading import classifier, errors  # noqa: E402
from serving.errors import BodyTooSlow, Busy  # noqa: E402
from serving.reply import headers_of, of_problem, render  # noqa: E402
from serving.request import announced_length  # noqa: E402
from serving.settings import MAX_BODY, READ_SECONDS, SCORE_SECONDS  # noqa: E402

Environ = dict[str, Any]


class Hanging(Exception):
    """Reading a picture does not come to an end."""


class Site:
    """The page, its files and the script."""

    def __init__(self) -> None:
        """Load the model before the first request asks for it, and bound the memory."""
        self.thread, self.turn, self.hangs = ThreadPoolExecutor(1), asyncio.Lock(), False
        try:
            classifier.load()
        except errors.Problem as problem:
            print(problem, file=sys.stderr)  # each reply will say so too
        bound_memory(front.read(os.environ).memory_mb)

    def check_health(self) -> None:
        """Raise Hanging where Ray Serve has to put another replica in the place of this one."""
        if self.hangs:
            raise Hanging

    async def __call__(self, request: Request) -> Response:
        """Answer one request; a client that sends its body slowly keeps no other one waiting."""
        environ = environ_of(request.scope)
        try:
            environ["wsgi.input"] = io.BytesIO(await body_of(request, announced_length(environ)))
            async with self.turn:
                return await self.answered(environ)
        except errors.Problem as problem:
            status, answer = of_problem(problem)
            kind, content = render(answer, environ)
            return response(status, headers_of(status, answer, kind, len(content)), content)

    async def answered(self, environ: Environ) -> Response:
        """Have the application answer, in a thread of its own. Raises Busy, or OutOfLimits if that does not end."""
        if self.hangs:
            raise Busy(front.BUSY)
        work = asyncio.get_running_loop().run_in_executor(self.thread, answer, environ)
        done, _ = await asyncio.wait([work], timeout=SCORE_SECONDS)
        if not done:
            self.hangs = True
            raise errors.OutOfLimits(front.OUT_OF_LIMITS)
        return work.result()


def environ_of(scope: Any) -> Environ:
    """Return what PEP 3333 has a WSGI server say of a request, without its body, from what ASGI says of it."""
    host, port = scope.get("server") or ("localhost", 0)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value.decode("latin-1")
    return environ


async def body_of(request: Request, length: int) -> bytes:
    """Return the body of that announced length; b"" where the application refuses it anyway. Raises BodyTooSlow."""
    if not 0 < length <= MAX_BODY:
        return b""
    try:
        return await asyncio.wait_for(request.body(), READ_SECONDS)
    except asyncio.TimeoutError:
        raise BodyTooSlow("The picture did not arrive in time. Please send it again.") from None
    except ClientDisconnect:
        return b""


def answer(environ: Environ) -> Response:
    """Have the WSGI application answer."""
    told: list[Any] = []
    reply = app.application(environ, lambda status, headers, exc_info=None: told.extend([status, headers]))
    try:
        return response(told[0], told[1], b"".join(reply))
    finally:
        getattr(reply, "close", lambda: None)()


def response(status: str, headers: list[tuple[str, str]], content: bytes) -> Response:
    """Return a reply as Ray Serve sends it."""
    return Response(content, int(status[:3]), dict(headers))


def bound_memory(megabytes: int) -> None:
    """Let this process take that much address space more than it has, on Linux; Ray has gigabytes mapped."""
    memory = Path("/proc/self/statm")
    if not memory.exists():
        return
    mapped = int(memory.read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = mapped + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


deployment: Any = serve.deployment(Site)
application = deployment.bind()
