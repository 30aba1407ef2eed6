"""The wire: what may be asked over HTTP and what is answered, as a WSGI `application`.

    POST  a data URL, a form with image files, or an image  ->  ten scores for each picture
    GET   ->  the models that can be chosen

A request is checked in the order method, length, type, and nothing heavy (numpy, Pillow, a model) is
imported before all three are in order: who sends rubbish costs us a few milliseconds. Whatever goes wrong
ends in `_answer`, as one sentence in the shape the client already reads; the trace goes to the server's
log, never to the client.
"""

import base64
import binascii
import io
import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from reading import errors
from serving.admission import Busy
from serving.settings import BLOCK, DISCARD_BYTES, MAX_BODY

# --- settings ---------------------------------------------------------------------------------------
MAX_PICTURES = 100  # files in one form
# ----------------------------------------------------------------------------------------------------

METHODS = ("GET", "HEAD", "POST")
NEVER_READ = ("image/svg+xml", "image/tiff", "image/heic", "image/avif")
HOW = "Send a data:image/png;base64,... URL, a multipart form with image files, or an image with its Content-Type."
HEADERS = [
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]
_DATA_URL = re.compile(rb"data:image/[a-z0-9.+-]+(?:;[a-z0-9-]+=[^;,\s]*)*;base64,", re.IGNORECASE)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Answer = dict[str, Any]
Work = Callable[[], Answer]
SORRY = "Something went wrong in the server; its log says what."


class BadRequest(errors.Problem):
    """A request that can't be understood."""


class NotFound(errors.Problem):
    """An address below the script's own."""


class MethodNotAllowed(errors.Problem):
    """A method other than GET, HEAD and POST."""


class BodyTooSlow(errors.Problem):
    """A body that did not arrive in time."""


class LengthRequired(errors.Problem):
    """A body whose length was not announced."""


class BodyTooLarge(errors.Problem):
    """A body, or a number of pictures, above the limit."""


class TypeNotSupported(errors.Problem):
    """A body of a kind that is not read here."""


# The one place that knows which fact is which status. A kind that is not listed takes its base class's.
STATUS: dict[type[errors.Problem], str] = {
    BadRequest: "400 Bad Request",
    errors.NotAPicture: "400 Bad Request",
    NotFound: "404 Not Found",
    errors.UnknownModel: "404 Not Found",
    MethodNotAllowed: "405 Method Not Allowed",
    BodyTooSlow: "408 Request Timeout",
    LengthRequired: "411 Length Required",
    BodyTooLarge: "413 Content Too Large",
    errors.PictureTooLarge: "413 Content Too Large",
    TypeNotSupported: "415 Unsupported Media Type",
    errors.FormatNotAllowed: "415 Unsupported Media Type",
    errors.NoInk: "422 Unprocessable Content",
    Busy: "503 Service Unavailable",
    errors.OutOfLimits: "503 Service Unavailable",
    errors.NoModel: "503 Service Unavailable",
    errors.BrokenModel: "503 Service Unavailable",
    errors.MissingPackage: "503 Service Unavailable",
    errors.Problem: "500 Internal Server Error",
}


class Picture(NamedTuple):
    """A picture as it came: the name of its file, or "" where it has none, and its undecoded bytes."""

    file: str
    data: bytes


class Why(NamedTuple):
    """What is asked about an answer."""

    kind: str  # "1": what spoke for a digit; "layers": the network's feature maps
    digit: int | None  # None is the winner


class Body:
    """What follows a request's headers: `length` bytes, if the client keeps its word."""

    def __init__(self, stream: Any, length: int) -> None:
        """Take `stream` (with a `read(size)`) as the place where `length` bytes are to come from."""
        self.stream, self.length, self.left = stream, length, length

    def blocks(self) -> Iterator[bytes]:
        """Yield the body piece by piece, until all is there or the client ends it early."""
        while self.left and (block := self.stream.read(min(BLOCK, self.left))):
            self.left -= len(block)
            yield block

    def read(self) -> bytes:
        """Return the whole body. Raises BadRequest when it ends early, BodyTooSlow when it does not come."""
        whole = b"".join(self.blocks())
        if self.left:
            came = f"only {len(whole)} of the {self.length} bytes came that Content-Length promised"
            raise BadRequest(f"The picture was cut short: {came}. Please send it again.")
        return whole

    def discard(self) -> None:
        """Read on without keeping anything: a client that is cut off while it sends never sees the reply."""
        self.left = min(self.left, DISCARD_BYTES)
        try:
            for _ in self.blocks():
                pass
        except (BodyTooSlow, OSError):
            return  # the reply is out, and nobody is left to be told


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


# --- the edge ---------------------------------------------------------------------------------------
def application(environ: Environ, start_response: StartResponse) -> Reply:
    """WSGI entry point: answer one request; never raises for anything that a request contains."""
    body = Body(environ["wsgi.input"], _promised(environ))
    status, answer = _answer(environ, body)
    kind, content = _render(answer, environ)
    headers = [*HEADERS, ("Content-Type", kind), ("Content-Length", str(len(content)))]
    if "retry_after" in answer:
        headers.append(("Retry-After", str(answer["retry_after"])))
    if status.startswith("405"):
        headers.append(("Allow", ", ".join(METHODS)))
    start_response(status, headers)
    return Reply(b"" if environ["REQUEST_METHOD"] == "HEAD" else content, body)


def _answer(environ: Environ, body: Body) -> tuple[str, Answer]:
    """Answer the request; the one place where exceptions turn into replies."""
    try:
        return "200 OK", _serve(environ, body)
    except errors.Problem as problem:
        return _status(problem), failure(str(problem)) | _when(problem)
    except Exception:
        traceback.print_exc(file=environ["wsgi.errors"])
        return STATUS[errors.Problem], failure(SORRY)


def _status(problem: errors.Problem) -> str:
    """Return the HTTP status line of a problem."""
    return next(STATUS[kind] for kind in type(problem).__mro__ if kind in STATUS)


def _when(problem: errors.Problem) -> Answer:
    """Return when to try again, in seconds, if that is worth trying."""
    retry_after = getattr(problem, "retry_after", 0)
    return {"retry_after": retry_after} if retry_after else {}


def failure(sentence: str) -> Answer:
    """Return what a client reads when there is no answer; `sentence` tells a person what to do."""
    return {"result": 0, "data": [], "error": sentence}


def _serve(environ: Environ, body: Body) -> Answer:
    """Check the request in order of cost, then answer it. Raises a Problem for whatever is wrong with it.

    A server may put two things into `environ`: "mnist.place", a context to be in from the reading of the
    body on, and "mnist.run", which does the costly part of the work in its own way.
    """
    check_method(environ)
    asks = environ["REQUEST_METHOD"] == "POST"
    query = _query(environ)
    name, why = query.get("model", ""), _why(query)
    if asks:
        check_length(environ)
    with environ.get("mnist.place", nullcontext)():
        asked = pictures(environ, body.read()) if asks else []
        run: Callable[[Work], Answer] = environ.get("mnist.run", _simply)
        if not asks:
            return run(healthy if "health" in query else models)
        return run(lambda: score(asked, name, why))


def _simply(work: Work) -> Answer:
    """Do the work here and now."""
    return work()


# --- method and length: cheap checks, before anything is read ----------------------------------------
def check_method(environ: Environ) -> None:
    """Raise MethodNotAllowed, or NotFound for an address that only starts like the script's."""
    if environ["REQUEST_METHOD"] not in METHODS:
        raise MethodNotAllowed("Use GET to list the models, POST to have a picture read.")
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if path not in ("", "/") and not path.endswith("/mnist.py"):
        raise NotFound("There is nothing at this address; pictures go to cgi-bin/mnist.py.")


def _query(environ: Environ) -> dict[str, str]:
    """Return the parameters of the address; never taken from `sys.argv`, where CGI puts a query without "="."""
    if not environ.get("QUERY_STRING"):
        return {}
    from urllib.parse import parse_qsl  # a live drawing has no query, and a fresh process is spared 4 ms

    try:
        pairs = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise BadRequest("The address has too many parameters; only ?model=NAME is read.") from None
    return dict(pairs)


def _why(query: dict[str, str]) -> Why | None:
    """Return what is to be explained: ?explain=1, also with &digit=4, or ?explain=layers. Raises BadRequest."""
    kind, digit = query.get("explain", ""), query.get("digit", "")
    if kind not in ("", "1", "layers"):
        raise BadRequest("?explain=1 says what spoke for the answer, ?explain=layers shows the network's layers.")
    if digit and not (digit.isascii() and digit.isdecimal() and len(digit) == 1):
        raise BadRequest("?digit= takes one digit, 0 to 9.")
    return Why(kind, int(digit) if digit else None) if kind else None


def _promised(environ: Environ) -> int:
    """Return the announced length of the body in bytes, 0 where there is none or it makes no sense."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def check_length(environ: Environ) -> None:
    """Raise LengthRequired, BadRequest or BodyTooLarge unless 1 <= Content-Length <= MAX_BODY."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        raise LengthRequired("Send the picture with a Content-Length; bodies sent in chunks are not read.")
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest("Content-Length is not a number of bytes.")
    if not text.strip("0"):
        raise BadRequest(f"The request is empty. {HOW}")
    if len(text.lstrip("0")) > 15 or int(text) > MAX_BODY:
        raise BodyTooLarge(f"More than {MAX_BODY // 2**20} MB are not read; send a smaller picture.")


def _content_type(environ: Environ) -> str:
    """Return the media type without its parameters, in lower case."""
    return (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()


# --- body -> pictures -------------------------------------------------------------------------------
def pictures(environ: Environ, body: bytes) -> list[Picture]:
    """Return the pictures of a body, still undecoded, at least one. Raises BadRequest, TypeNotSupported."""
    if body[:5].lower() == b"data:":
        return [Picture("", from_data_url(body))]
    kind = _content_type(environ)
    if kind == "multipart/form-data":
        return from_form(environ["CONTENT_TYPE"], body)
    if kind in NEVER_READ:
        raise TypeNotSupported("Send the picture as PNG, JPEG, WebP, GIF or BMP.")
    if kind.startswith("image/"):
        return [Picture("", body)]
    raise TypeNotSupported(f"This is none of the three kinds of request that are read. {HOW}")


def from_data_url(body: bytes) -> bytes:
    """Return the bytes inside a `data:image/...;base64,...` URL, which may be broken over lines."""
    head = _DATA_URL.match(body)
    if not head:
        raise BadRequest("Only data URLs that start like data:image/png;base64, are read.")
    try:
        data = base64.b64decode(b"".join(body[head.end() :].split()), validate=True)
    except binascii.Error:
        raise BadRequest("What follows the comma of the data URL is not base64.") from None
    if not data:
        raise BadRequest("The data URL has nothing after its comma.")
    return data


def from_form(content_type: str, body: bytes) -> list[Picture]:
    """Return the files of a multipart form, whatever their fields are called."""
    multipart = _need("multipart")
    boundary = multipart.parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise BadRequest("The form's Content-Type names no boundary.")
    try:
        parts = _parts(multipart, boundary, body)
    except multipart.ParserLimitReached:
        raise BodyTooLarge(f"At most {MAX_PICTURES} files are read at once.") from None
    except (multipart.MultipartError, UnicodeError):
        raise BadRequest("The form is damaged or cut short. Please send it again.") from None
    if not parts:
        raise BadRequest("The form holds no file, or an empty one. Choose one: --form file=@five.png")
    return parts


def _parts(multipart: ModuleType, boundary: str, body: bytes) -> list[Picture]:
    """Return the form's parts that are files and not empty; all of it stays in memory."""
    parser = multipart.MultipartParser(
        io.BytesIO(body),
        boundary,
        len(body),
        part_limit=MAX_PICTURES,
        spool_limit=MAX_BODY,
        memory_limit=MAX_BODY,
    )
    parts = [Picture((part.filename or "")[-200:], part.raw) for part in parser if part.filename is not None]
    return [part for part in parts if part.data]


# --- pictures -> scores -----------------------------------------------------------------------------
def models() -> Answer:
    """Return the models that can be chosen, as their cards describe them."""
    classifier = _need("reading.classifier")
    return {"result": 1, "error": "", "models": classifier.cards(), "default": classifier.DEFAULT}


def healthy() -> Answer:
    """Return that all is well: the default model can be loaded. Raises what a picture would be answered with."""
    classifier = _need("reading.classifier")
    return {"result": 1, "error": "", "health": "ok", "model": classifier.load().card["name"]}


def score(asked: list[Picture], name: str, why: Why | None = None) -> Answer:
    """Return the scores of one picture, or a list of them as "results". Raises if a lone one is no good."""
    if len(asked) == 1:
        reading = _need("reading.ink").read(asked[0].data)
        answer = _scored([reading], name)[0]
        return {**answer, **_explained(reading.picture, answer, why)} if why else answer
    if why:
        raise BadRequest("Only a single picture can be explained; send one at a time.")
    results = [_read(picture) for picture in asked]
    readings = [one for one in results if not isinstance(one, dict)]
    scored = iter(_scored(readings, name) if readings else [])
    answers = [one if isinstance(one, dict) else next(scored) for one in results]
    named = [{**one, "file": picture.file} for one, picture in zip(answers, asked, strict=True)]
    if not readings:
        return {**failure(f"None of the {len(asked)} pictures could be read."), "results": named}
    return {"result": 1, "error": "", "results": named}


def _read(picture: Picture) -> Any:
    """Return what `ink` makes of one picture of several, or the failure that stands in its place."""
    try:
        return _need("reading.ink").read(picture.data)
    except errors.MissingPackage:
        raise
    except errors.Problem as problem:
        return failure(str(problem))


def _scored(readings: list[Any], name: str) -> list[Answer]:
    """Score pictures with the model of that name, "" for the default one; one answer for each."""
    ink, classifier, numpy = _need("reading.ink"), _need("reading.classifier"), _need("numpy")
    model = classifier.load(name or classifier.DEFAULT)
    scores = model.score(numpy.stack([reading.picture for reading in readings]))
    note = {"note": model.note} if getattr(model, "note", "") else {}
    return [
        {**_verdict(data, unsure), "model": model.card["name"], **_seen(ink, reading), **note}
        for reading, data, unsure in zip(readings, scores.data.tolist(), scores.unsure.tolist(), strict=True)
    ]


def _verdict(data: list[float], unsure: bool) -> Answer:
    """Return the part of an answer that the ten scores give."""
    data = [round(one, 6) for one in data]
    digit = max(range(len(data)), key=data.__getitem__)
    answer = {"result": 1, "data": data, "error": ""}
    return {**answer, "digit": digit, "confidence": data[digit], "unsure": unsure}


def _explained(picture: Any, answer: Answer, why: Why) -> Answer:
    """Return "evidence", 28 rows of 28 numbers, or "layers", the feature maps as PNG data URLs."""
    ink, explain = _need("reading.ink"), _need("reading.explain")
    model = _need("reading.classifier").load(answer["model"])
    if why.kind == "1":
        digit = answer["digit"] if why.digit is None else why.digit
        return {"evidence": explain.evidence(model, picture, digit).round(6).tolist(), "explained": digit}
    found = explain.layers(model, picture)
    shown = [
        {"name": one.name, "note": one.note, "maps": [_url(ink.to_png(map_)) for map_ in one.maps]} for one in found
    ]
    return {"layers": shown} if shown else {}


def _url(png: bytes) -> str:
    """Return a PNG file as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _seen(ink: ModuleType, reading: Any) -> Answer:
    """Return the part of an answer that tells how the picture was read."""
    return {"seen": _url(ink.to_png(reading.picture)), "done": list(reading.done)}


def _need(name: str) -> ModuleType:
    """Import a module that is slow to import or may be missing. Raises MissingPackage with what to do."""
    try:
        return import_module(name)
    except ImportError as error:
        missing = (error.name or name).partition(".")[0]
        raise errors.MissingPackage(
            f"The Python that ran this script, {sys.executable} ({sys.version.split()[0]}), has no usable "
            f"package {missing!r}. Start the server with `make serve`, or activate the environment in which "
            "`pip install -r requirements.txt` was run before you start the server."
        ) from error


# --- answers -> bytes -------------------------------------------------------------------------------
def _render(answer: Answer, environ: Environ) -> tuple[str, bytes]:
    """Return the Content-Type and the bytes of an answer: JSON, or a page for a client that prefers one."""
    if not prefers_html(environ.get("HTTP_ACCEPT") or ""):
        return "application/json", json.dumps(answer).encode() + b"\n"
    from serving import html as page  # only for who asks for one: it and what it needs take a fresh process 2 ms

    return "text/html; charset=utf-8", page.of(answer).encode("utf-8", "replace")


def prefers_html(accept: str) -> bool:
    """Tell whether an Accept header ranks text/html above application/json."""
    rank = {}
    for item in accept.split(","):
        kind, *rest = (piece.strip().lower() for piece in item.split(";"))
        weight = next((piece[2:] for piece in rest if piece.startswith("q=")), "1")
        rank[kind] = float(weight) if re.fullmatch(r"[01](\.[0-9]{0,3})?", weight) else 0.0
    anything = rank.get("application/*", rank.get("*/*", 0.0))
    return rank.get("text/html", 0.0) > rank.get("application/json", anything)
