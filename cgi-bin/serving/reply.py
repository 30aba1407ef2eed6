"""A reply: its headers, its JSON, and the shape that every failure has."""

import json
from collections.abc import Iterator
from typing import Any

from reading.errors import Problem
from serving.body import Body
from serving.request import METHODS, Environ, prefers_html

HEADERS = [
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]
SORRY = "Something went wrong in the server; its log says what."

Answer = dict[str, Any]  # what the JSON of a reply holds


class Reply:
    """The bytes of a reply; the server calls `close` when they are sent."""

    def __init__(self, content: bytes, body: Body) -> None:
        """Send `content`, then read what is left of `body`."""
        self.content, self.body = content, body

    def __iter__(self) -> Iterator[bytes]:
        """Yield the reply in one piece."""
        yield self.content

    def close(self) -> None:
        """Let the client finish."""
        self.body.discard()


def failure(sentence: str) -> Answer:
    """Return what a client reads when there is no answer; `sentence` tells a person what to do."""
    return {"result": 0, "data": [], "error": sentence}


def of_problem(problem: Problem) -> tuple[str, Answer]:
    """Return the status line of a problem, and its answer, which says when to try again if that is worth trying."""
    retry_after = getattr(problem, "retry_after", 0)
    return problem.status, failure(str(problem)) | ({"retry_after": retry_after} if retry_after else {})


def headers_of(status: str, answer: Answer, kind: str, length: int) -> list[tuple[str, str]]:
    """Return the headers of an answer of that media type, `length` bytes long."""
    headers = [*HEADERS, ("Content-Type", kind), ("Content-Length", str(length))]
    if "retry_after" in answer:
        headers.append(("Retry-After", str(answer["retry_after"])))
    if status.startswith("405"):
        headers.append(("Allow", ", ".join(METHODS)))
    return headers


def render(answer: Answer, environ: Environ) -> tuple[str, bytes]:
    """Return the Content-Type and the bytes of an answer: JSON, or a page for a client that prefers one."""
    if not prefers_html(environ.get("HTTP_ACCEPT") or ""):
        return "application/json", json.dumps(answer).encode() + b"\n"
    from serving import html  # only for who asks for one: it and what it needs take a fresh process 2 ms

    return "text/html; charset=utf-8", html.page(answer).encode("utf-8", "replace")
