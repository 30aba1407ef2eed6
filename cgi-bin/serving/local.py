"""What `http.server` leaves out when it serves the page on one's own machine: who may ask, and the headers of files."""

import http.server
import json
import os
from http import HTTPStatus
from typing import Any

from reading.errors import Problem
from serving.origin import check_host, check_origin

HEADERS = {
    "Cache-Control": "no-cache",  # a later program on this port has its own files
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def handler(check_names: bool) -> Any:
    """Return the class that answers requests; with `check_names` only those for names that are ours.

    Needs a Python of which `http.server` runs CGI scripts.
    """

    class Handler(http.server.CGIHTTPRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Be silent about what went well."""

        def parse_request(self) -> bool:
            """Read a request's head, and refuse what `http.server` does not tell its script: see `origin`."""
            return super().parse_request() and _is_allowed(self, check_names)

        def end_headers(self) -> None:
            """Say with each file what deploy/nginx.conf.in says, too."""
            for name, value in HEADERS.items():
                self.send_header(name, value)
            super().end_headers()

    Handler.extensions_map = {**Handler.extensions_map, ".webmanifest": "application/manifest+json"}
    return Handler


def _is_allowed(request: http.server.BaseHTTPRequestHandler, check_names: bool) -> bool:
    """Tell whether a request is for a name of ours and from a page of ours; if not, it is answered."""
    headers, names = request.headers, os.environ.get("MNIST_HOSTS", "")
    host = headers.get("Host", "")
    try:
        if check_names:
            check_host(host, names)
        if request.command not in ("GET", "HEAD"):
            check_origin(headers.get("Origin", ""), headers.get("Sec-Fetch-Site", ""), host, names)
    except Problem as problem:
        _refuse(request, problem)
        return False
    return True


def _refuse(request: http.server.BaseHTTPRequestHandler, problem: Problem) -> None:
    """Answer in the shape of the script's own replies."""
    content = json.dumps({"result": 0, "data": [], "error": str(problem)}).encode() + b"\n"
    request.send_response(HTTPStatus(int(problem.status[:3])))
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
