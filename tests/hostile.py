"""Input that follows no rule, made by hypothesis: for the tests and for `benchmarks/fuzz.py`.

`corpus/` keeps one input for each thing that such input was ever answered with.
"""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from PIL import Image

import pictures
from reading import decoding, errors
from reading.preprocessing import preprocess
from serving.application import application

CORPUS = Path(__file__).with_name("corpus")


def _seeds() -> list[bytes]:
    """Small pictures of each format, in the modes that decoders treat differently."""
    two = pictures.canvas(2, size=56, pen=4)
    files = [pictures.encoded(two, kind) for kind in decoding.FORMATS]
    files += [pictures.encoded(two.convert(mode)) for mode in ("1", "L", "LA", "P", "RGB", "I;16")]
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    options: list[dict[str, Any]] = [{"exif": exif}, {"progressive": True}]
    for more in options:
        file = io.BytesIO()
        two.convert("RGB").save(file, "JPEG", **more)
        files.append(file.getvalue())
    return files


SEEDS = _seeds()


@st.composite
def damaged(draw: Any) -> bytes:
    """A picture file with bytes changed, pieces doubled, left out or taken from another file, and cut off."""
    file = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at, long = draw(st.integers(0, max(0, len(file) - 1))), draw(st.integers(1, 40))
        kind = draw(st.sampled_from(["change", "change", "double", "leave out", "swap"]))
        pieces = {
            "change": bytes([draw(st.integers(0, 255))]) + file[at + 1 : at + long],
            "double": 2 * file[at : at + long],
            "leave out": b"",
            "swap": draw(st.sampled_from(SEEDS))[at : at + long],
        }
        file[at : at + long] = pieces[kind]
    return bytes(file[: draw(st.integers(1, max(1, len(file)))) if draw(st.booleans()) else None])


class Request(NamedTuple):
    """A request as a server passes it on; bytes of the body as characters, so that it can be kept as JSON."""

    method: str
    kind: str
    query: str
    length: str | None  # None: what is true
    body: str  # latin-1


KINDS = ["", "multipart/form-data; boundary=x", "multipart/form-data", "image/png", "text/plain", "image/"]
PIECES = ["data:", "image/png", ";base64,", "--x\r\n", "--x--", "\r\n\r\n", "\x00\xff", "AAAA", 'name="f"']
PIECES += ["Content-Disposition: form-data; ", 'filename="a"', SEEDS[0][:60].decode("latin-1")]
PIECES += [pictures.data_url(SEEDS[0]).decode(), SEEDS[0].decode("latin-1")]
LATIN = st.characters(min_codepoint=0, max_codepoint=255)

requests = st.builds(
    Request,
    method=st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT"]),
    kind=st.sampled_from(KINDS) | st.text(max_size=40),
    query=st.sampled_from(["", "model=cnn", "model=x", "explain=1", "explain=x", "health"])
    | st.text(alphabet="model=explain&%;+\x00é17", max_size=20),
    length=st.sampled_from(["", "-1", "0", "5", "99999999", "x"]) | st.none() | st.none(),
    body=st.lists(st.sampled_from(PIECES) | st.text(LATIN, max_size=20), max_size=12).map("".join),
)


def told_of_picture(data: bytes) -> str:
    """What `preprocess` says of a file; an exception that it does not raise on purpose goes through."""
    try:
        reading = preprocess(data)
    except errors.Problem as problem:
        return f"{type(problem).__name__}: {_checked(str(problem))}"
    assert reading.picture.shape == (28, 28)
    assert 0 <= reading.picture.min() <= reading.picture.max() <= 1
    return "a picture"


def told_of_request(request: Request) -> str:
    """What the application answers a request with; a trace in the log is an error, and so is a status of 500."""
    log, body, told = io.StringIO(), request.body.encode("latin-1"), list[str]()
    length = str(len(body)) if request.length is None else request.length
    environ: dict[str, Any] = {"REQUEST_METHOD": request.method, "CONTENT_TYPE": request.kind}
    environ |= {"QUERY_STRING": request.query, "CONTENT_LENGTH": length}
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": log}
    reply = application(environ, lambda status, headers: told.append(status))
    content = b"".join(reply)
    reply.close()
    assert log.getvalue() == ""
    assert not told[0].startswith("500")
    if request.method == "HEAD":
        return told[0]
    answer = json.loads(content)
    return f"{told[0]} {'an answer' if answer['result'] else _checked(answer['error'])}"


def _checked(sentence: str) -> str:
    assert sentence.endswith((".", "?", "!", "png")), sentence
    return sentence


def kept_pictures() -> list[Path]:
    """The files of the corpus that are pictures, or were."""
    return sorted(CORPUS.glob("picture-*"))


def kept_requests() -> list[Path]:
    """The files of the corpus that are requests, as JSON."""
    return sorted(CORPUS.glob("request-*.json"))
