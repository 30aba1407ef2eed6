#!/usr/bin/env python3
"""The entry point: POST a picture of a digit, get ten scores; GET the list of models. See `serving/application.py`.

Runs as a CGI script (`python -m http.server --cgi 8000`), and as the WSGI `application` of this module.
It is compiled anew at each CGI request, its siblings are not: so it does nothing itself, and is written
so that a Python which is too old can still say so.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036
    sys.stdout.write(
        "Status: 503 Service Unavailable\r\nContent-Type: application/json\r\n\r\n"
        '{"result": 0, "data": [], "error": "This needs Python 3.10 or newer; the server ran it with Python '
        + ".".join(map(str, sys.version_info[:2]))
        + '. Start the server with `make serve`."}\n'
    )
    sys.exit(0)

__all__ = ["application"]

if __name__ == "__main__":
    from serving import client

    client.run()
else:
    from serving.application import application
