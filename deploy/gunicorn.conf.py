"""gunicorn's settings. deploy/serve.py starts it behind nginx, for others to use.

`gunicorn --config deploy/gunicorn.conf.py` serves without nginx: for one's own machine, as slow clients hold threads.
Settings from the environment: MNIST_BIND (address:port), MNIST_WORKERS, MNIST_MEMORY_MB.
"""

import gc
import os
import resource
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


# --- settings ---------------------------------------------------------------------------------------
bind = os.environ.get("MNIST_BIND") or "127.0.0.1:8000"
workers = int(os.environ.get("MNIST_WORKERS") or 2)
memory_mb = int(os.environ.get("MNIST_MEMORY_MB") or 2048)  # address space of each worker, in MiB
threads = 8  # for a browser's idle connections; serve.py takes one, and a worker that reads one picture at a time
backlog = 1024
limit_request_line = 2048
limit_request_fields = 50
forwarder_headers = ""  # no client says which path it is that is served
# ----------------------------------------------------------------------------------------------------

wsgi_app = "app:application"
pythonpath = str(HERE)
proc_name = "mnist-draw"
control_socket_disable = True  # signals do; and the file system may be read-only
# A full disk must not stop the heartbeat, whose file is made by mkstemp.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # nosec B108


def post_fork(server: Any, worker: Any) -> None:
    """Bound a worker's memory."""
    # The soft limit alone: what was set for the whole service stays the most that can be had.
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def post_worker_init(worker: Any) -> None:
    """Load the model before the first request asks for it."""
    from reading import classifier, errors

    try:
        classifier.load()
    except errors.Problem as problem:
        worker.log.error("%s", problem)  # each reply will say so too
    gc.collect()
    gc.freeze()  # what is loaded stays: to look through it for garbage again and again takes a worker's time


def worker_abort(worker: Any) -> None:
    """End a worker that takes too long without a word; nginx tells its client, in the words that clients know."""
    os._exit(1)
