"""MNIST Draw under gunicorn: `gunicorn --config deploy/gunicorn.conf.py`, or `make serve-wsgi`.

Settings come from the environment: MNIST_BIND (address:port), MNIST_WORKERS, MNIST_METRICS, MNIST_READ_SECONDS,
MNIST_MEMORY_MB, and those of app.py: MNIST_PLACES, MNIST_WAIT_SECONDS, MNIST_SCORE_SECONDS.
Put a proxy with TLS in front of it before others use it over a network.

    kill -HUP PID      new code and models, without losing a request
    kill -TERM PID     stop, after the requests that are being answered
"""

import json
import os
import resource
import selectors
import shutil
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

HERE = Path(__file__).resolve().parent


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- settings ---------------------------------------------------------------------------------------
bind = os.environ.get("MNIST_BIND") or "127.0.0.1:8000"
workers = int(os.environ.get("MNIST_WORKERS") or _cores())
places = int(os.environ.get("MNIST_PLACES") or 32)  # pictures of each worker that are read or wait for their turn
threads = places + 8  # of each worker; eight are left for the page, and to tell the others that there is no place
read_seconds = float(os.environ.get("MNIST_READ_SECONDS") or 10)  # a request has to arrive within that time
memory_mb = int(os.environ.get("MNIST_MEMORY_MB") or 6144)  # address space of each worker, in MiB; threads take half
part_seconds = 2  # a client takes its reply within that time
timeout = 30  # seconds after which a worker that does not move is replaced
graceful_timeout = 20
keepalive = 0  # a crowd's connections, once kept, may all be one worker's while the others idle
backlog = 1024
limit_request_line = 2048
limit_request_fields = 50
# ----------------------------------------------------------------------------------------------------

wsgi_app = "app:application"
pythonpath = str(HERE)
proc_name = "mnist-draw"
control_socket_disable = True  # signals do; and the file system may be read-only
# A full disk must not stop the heartbeat, whose file is made by mkstemp.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # nosec B108
accesslog = "-"


class JsonLogger(Logger):
    """One line of JSON for each request; paths without their queries, and nothing of what was drawn."""

    def access(self, resp, req, environ, request_time):  # type: ignore[no-untyped-def]
        """Log one request. The path is the client's own choice: gunicorn's format would let it write lines."""
        found = self.atoms(resp, req, environ, request_time)
        line = {name: str(found.get(atom, "-")) for name, atom in LOGGED.items()}
        self.access_log.info("%s", json.dumps(line))


LOGGED = {
    "time": "t",
    "id": "{x-request-id}o",
    "client": "h",
    "method": "m",
    "path": "U",
    "status": "s",
    "bytes": "B",
    "microseconds": "D",
}
logger_class = JsonLogger

if os.environ.get("MNIST_METRICS"):
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # prometheus_client looks for it when it is imported
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="mnist-metrics-")

    from prometheus_client import multiprocess

    def child_exit(server, worker):  # type: ignore[no-untyped-def]
        """Forget a worker that has ended."""
        multiprocess.mark_process_dead(worker.pid)

    def on_exit(server):  # type: ignore[no-untyped-def]
        """Leave no files behind."""
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


class PatientWorker(ThreadWorker):
    """Threads whose clients have to say what they want within `read_seconds`; without a free one, a short "no"."""

    def init_process(self):  # type: ignore[no-untyped-def]
        """Start the thread that watches the others."""
        sys.path.insert(0, str(HERE))
        from app import Reaper, refusal

        self.refusal, self.reaper = refusal(), Reaper(read_seconds)
        threading.Thread(target=self.reaper.run, daemon=True).start()
        super().init_process()

    def enqueue_req(self, conn):  # type: ignore[no-untyped-def]
        """Give a connection to a thread; never to their queue, where nobody would tell the client to come back."""
        if self.nr_conns - len(self.pending_conns) > threads:
            self.refuse(conn)
        else:
            super().enqueue_req(conn)

    def refuse(self, conn):  # type: ignore[no-untyped-def]
        """Tell a client to come back, before it has said what it wants."""
        self.log.warning("All %s threads are taken: a client is told to come back", threads)
        with suppress(OSError):  # it may be gone
            conn.sock.setblocking(False)
            conn.sock.sendall(self.refusal)
        self.part(conn)

    def finish_request(self, conn, fs):  # type: ignore[no-untyped-def]
        """Part from a client that has its reply; gunicorn's own way is to stand still until it hangs up."""
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self.part(conn)

    def part(self, conn):  # type: ignore[no-untyped-def]
        """End a reply, and read on for a while: who is cut off while it still sends never sees it."""
        with suppress(OSError):
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            conn.timeout = time.monotonic() + part_seconds
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.discard, conn))
            self.pending_conns.append(conn)  # gunicorn closes these when their time is over
            return
        self.nr_conns -= 1  # the client has gone already
        conn.close()

    def discard(self, conn, sock):  # type: ignore[no-untyped-def]
        """Read what a client sends that has its reply, up to its end."""
        with suppress(OSError):
            if sock.recv(65536):
                return
        self.poller.unregister(sock)
        self.pending_conns.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def handle(self, conn):  # type: ignore[no-untyped-def]
        """Answer one request."""
        with self.reaper.watch(conn.sock):
            return super().handle(conn)

    def run(self):  # type: ignore[no-untyped-def]
        """Serve, then end: Python itself would wait for a thread that scores for ever."""
        super().run()
        os._exit(0)


worker_class = PatientWorker


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """Bound the memory, and load the model before the first request asks for it."""
    from reading import classifier, errors

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        classifier.load()
    except errors.Problem as problem:
        worker.log.error("%s", problem)  # each reply will say so too
