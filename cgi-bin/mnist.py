#!/usr/bin/env python3
"""CGI entry point: POST a picture of a digit, get ten scores; GET the list of models. See `serving`.

Runs as a CGI script (`python -m http.server --cgi 8000`), and as the WSGI `application` of this module.
It is compiled anew at each CGI request, its siblings are not: so it does nothing itself, and is written
so that a Python which is too old can still say so.
"""

import os
import sys


def refuse(sentence: str) -> None:
    """Say why this can't run here, and end."""
    sys.stdout.write("Status: 503 Service Unavailable\r\nContent-Type: application/json\r\n\r\n")
    sys.stdout.write('{"result": 0, "data": [], "error": "' + sentence + '"}\n')
    sys.exit(0)


if sys.version_info < (3, 10):  # noqa: UP036
    version = ".".join(map(str, sys.version_info[:2]))
    refuse(
        "This needs Python 3.10 or newer; the server ran it with Python "
        + version
        + ". Start the server with `make serve`."
    )
if not hasattr(os, "fork"):
    refuse("This needs fork, as Linux and macOS have it. On Windows start the server in WSL.")
try:
    import fcntl  # noqa: F401
    import resource  # noqa: F401
except ImportError:
    refuse("This needs Python's modules fcntl and resource, as Linux and macOS have them. On Windows run it in WSL.")

__all__ = ["application"]

if __name__ == "__main__":
    from serving import client

    client.run()
else:
    from serving.application import application
