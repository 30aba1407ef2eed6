"""A request's method, address and headers: the checks that cost nothing, before anything is read."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from reading.ways import WAYS
from serving.errors import BadRequest, BodyTooLarge, LengthRequired, MethodNotAllowed, NotFound
from serving.focus import Focus, focus_of
from serving.origin import check_host, check_origin
from serving.settings import HOSTS, MAX_BODY

METHODS = ("GET", "HEAD", "POST")
HOW = "Send a data:image/png;base64,... URL, a multipart form with image files, or an image with its Content-Type."

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Explanation(NamedTuple):
    """What is asked about an answer."""

    kind: str  # "1": what spoke for a digit; "network": the network at work
    digit: int | None  # None is the winner
    focus: Focus
    at: int | None = None  # which digit of a number, from 0; None is the picture as one digit


def check_method(environ: Environ) -> None:
    """Raise MethodNotAllowed, or NotFound for an address that only starts like the script's."""
    if environ["REQUEST_METHOD"] not in METHODS:
        raise MethodNotAllowed("Use GET to list the models, POST to have a picture read.")
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if path not in ("", "/") and not path.endswith("/mnist.py"):
        raise NotFound("There is nothing at this address; pictures go to cgi-bin/mnist.py.")


def check_sender(environ: Environ) -> None:
    """Raise WrongHost or ForeignOrigin; where the server passes these headers on (`http.server` does not)."""
    host = environ.get("HTTP_HOST", "")
    address = environ.get("SERVER_ADDR") or environ.get("SERVER_NAME", "")
    if address == "::1" or address.startswith("127."):
        check_host(host, HOSTS)
    if environ["REQUEST_METHOD"] == "POST":
        check_origin(environ.get("HTTP_ORIGIN", ""), environ.get("HTTP_SEC_FETCH_SITE", ""), host, HOSTS)


def query_of(environ: Environ) -> dict[str, str]:
    """The parameters of the address; never taken from `sys.argv`, where CGI puts a query without "=".

    Raises BadRequest.
    """
    if not environ.get("QUERY_STRING"):
        return {}
    from urllib.parse import parse_qsl  # a live drawing has no query, and a fresh process is spared 4 ms

    try:
        pairs = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise BadRequest("The address has too many parameters; only ?model=NAME is read.") from None
    return dict(pairs)


def explanation_of(query: dict[str, str]) -> Explanation | None:
    """What is to be explained: ?explain=1, also with &digit=4 and &at=2, or ?explain=network. Raises BadRequest."""
    kind, digit = query.get("explain", ""), query.get("digit", "")
    if kind not in ("", "1", "network"):
        raise BadRequest("?explain=1 says what spoke for the answer, ?explain=network shows the network at work.")
    at = query.get("at", "")
    if not _is_short(digit, 1):
        raise BadRequest("?digit= takes one digit, 0 to 9.")
    if not _is_short(at, 2):
        raise BadRequest("?at= takes the place of a digit in the number, 0 for the first one.")
    if not kind:
        return None
    return Explanation(kind, int(digit) if digit else None, focus_of(query), int(at) if at else None)


def _is_short(text: str, most: int) -> bool:
    """Whether this is nothing, or a number of so many figures at most."""
    return not text or (text.isascii() and text.isdecimal() and len(text) <= most)


def read_of(query: dict[str, str]) -> str:
    """How the picture is to be read: ?read=one as one digit, ?read=number as several. Raises BadRequest."""
    how = query.get("read") or WAYS[0]
    if how not in WAYS:
        raise BadRequest("?read=one reads one digit, ?read=number several; without it the program decides.")
    return how


def announced_length(environ: Environ) -> int:
    """The announced length of the body in bytes, 0 where there is none or it makes no sense."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def check_length(environ: Environ) -> None:
    """Raise LengthRequired, BadRequest or BodyTooLarge unless 1 <= Content-Length <= MAX_BODY."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        empty = "The request has no Content-Length. If it is empty, put a picture into it"
        raise LengthRequired(f"{empty}; bodies sent in chunks are not read. {HOW}")
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest("Content-Length is not a number of bytes.")
    if not text.strip("0"):
        raise BadRequest(f"The request is empty. {HOW}")
    if len(text.lstrip("0")) > 15 or int(text) > MAX_BODY:
        raise BodyTooLarge(f"More than {MAX_BODY // 2**20} MB are not read; send a smaller picture.")


def media_type(environ: Environ) -> str:
    """The media type of the body without its parameters, in lower case."""
    return (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()


def prefers_html(accept: str) -> bool:
    """Whether an Accept header ranks text/html above application/json (RFC 9110, section 12.5.1)."""
    rank = {}
    for item in accept.split(","):
        kind, *rest = (piece.strip().lower() for piece in item.split(";"))
        weight = next((piece[2:] for piece in rest if piece.startswith("q=")), "1")
        rank[kind] = float(weight) if re.fullmatch(r"[01](\.[0-9]{0,3})?", weight) else 0.0
    anything = rank.get("application/*", rank.get("*/*", 0.0))
    return rank.get("text/html", 0.0) > rank.get("application/json", anything)
