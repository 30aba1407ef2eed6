"""MNIST Draw under gunicorn: `gunicorn --config deploy/gunicorn.conf.py`, or `make serve-wsgi`.

Settings come from the environment: MNIST_BIND (address:port), MNIST_WORKERS, MNIST_METRICS, MNIST_READ_SECONDS.
Put a proxy with TLS in front of it before others use it over a network.

    kill -HUP PID      new code and models, without losing a request
    kill -TERM PID     stop, after the requests that are being answered
"""

import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from gunicorn.workers.gthread import ThreadWorker

HERE = Path(__file__).resolve().parent


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- settings ---------------------------------------------------------------------------------------
bind = os.environ.get("MNIST_BIND") or "127.0.0.1:8000"
workers = int(os.environ.get("MNIST_WORKERS") or _cores())
threads = 32  # of each worker; most of them wait: for clients, or for their turn
read_seconds = float(os.environ.get("MNIST_READ_SECONDS") or 10)  # a request has to arrive within that time
timeout = 30  # seconds after which a worker that does not move is replaced
graceful_timeout = 20
keepalive = 0  # a crowd's connections, once kept, may all be one worker's: measured, half as many answers a second
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
# One line of JSON for each request; paths without their queries, and nothing of what was drawn.
access_log_format = (
    '{"time": "%(t)s", "id": "%({x-request-id}o)s", "client": "%(h)s", "method": "%(m)s", "path": "%(U)s", '
    '"status": "%(s)s", "bytes": "%(B)s", "microseconds": "%(D)s"}'
)

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
    """Threads whose clients have to say what they want within `read_seconds`."""

    def init_process(self):  # type: ignore[no-untyped-def]
        """Start the thread that watches the others."""
        sys.path.insert(0, str(HERE))
        from app import Reaper

        self.reaper = Reaper(read_seconds)
        threading.Thread(target=self.reaper.run, daemon=True).start()
        super().init_process()

    def handle(self, conn):  # type: ignore[no-untyped-def]
        """Answer one request."""
        with self.reaper.watch(conn.sock):
            return super().handle(conn)


worker_class = PatientWorker


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """Load the model before the first request asks for it."""
    import classifier
    import errors

    try:
        classifier.load()
    except errors.Problem as problem:
        worker.log.error("%s", problem)  # each reply will say so too
