"""Copy nginx's log from standard input to standard output, and count what it tells, for Prometheus.

    python deploy/counting.py FILE

Each second FILE is written anew in the format that Prometheus reads, and nginx serves it. The log has every request,
those too that nginx answers by itself: the page's files, bodies that are too large, and what finds no room.
"""

import json
import os
import sys
import threading
import time
from typing import Any

os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # this one process counts all
from prometheus_client import REGISTRY, Counter, Histogram, write_to_textfile

# --- settings ---------------------------------------------------------------------------------------
SECONDS = 1.0  # between two files
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)  # seconds
# ----------------------------------------------------------------------------------------------------

SCRIPT = "/cgi-bin/mnist.py"
METHODS = ("GET", "HEAD", "POST")
REQUESTS = Counter("mnist_requests_total", "Requests answered", ["method", "what", "status"])
TIMES = Histogram("mnist_request_seconds", "From a request's first byte to its reply's last", ["what"], buckets=BUCKETS)


def main() -> int:
    """Copy and count until the log ends."""
    threading.Thread(target=write_again_and_again, args=(sys.argv[1],), daemon=True).start()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        count(json.loads(line))
    return 0


def count(request: dict[str, Any]) -> None:
    """Count one request; a label never holds what a client made up."""
    what = "script" if request["path"] == SCRIPT else "file"
    method = request["method"] if request["method"] in METHODS else "other"
    REQUESTS.labels(method, what, request["status"]).inc()
    TIMES.labels(what).observe(request["seconds"])


def write_again_and_again(path: str) -> None:
    """Write the file for ever."""
    while True:
        write_to_textfile(path, REGISTRY)
        time.sleep(SECONDS)


if __name__ == "__main__":
    sys.exit(main())
