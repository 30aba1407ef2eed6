"""Input that follows no rule, made by hypothesis: for the tests and for `benchmarks/fuzz.py`.

`corpus/` keeps one input for each thing that such input was ever answered with.
"""

import io
import json
import struct
import zlib
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


NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 7, 8, 16, 28, 255, 256, 4095, 4096, 4097, 65535, 2**31 - 1, 2**32 - 1])
SMALL = st.sampled_from([0, 1, 2, 3, 4, 6, 8, 9, 16, 24, 32, 255])
SOME = st.binary(max_size=300) | st.integers(0, 1000).map(bytes)
PNG_KINDS = st.sampled_from(
    [b"PLTE", b"tRNS", b"IDAT", b"iCCP", b"eXIf", b"gAMA", b"acTL", b"zTXt", b"iTXt", b"IHDR", b"IEND"]
)


@st.composite
def built_png(draw: Any) -> bytes:
    """A PNG of pieces whose checksums are right, with odd sizes, kinds and contents."""
    head = struct.pack(">IIBBBBB", draw(NUMBERS), draw(NUMBERS), *(draw(SMALL) for _ in range(5)))
    rows = zlib.compress(draw(SOME) * draw(st.integers(1, 30)))
    pieces = draw(st.lists(st.tuples(PNG_KINDS, SOME | SOME.map(zlib.compress)), max_size=6))
    pieces = [(b"IHDR", head), *pieces, (b"IDAT", rows), (b"IEND", b"")]
    file: bytes = b"\x89PNG\r\n\x1a\n" + b"".join(pictures.chunk(*piece) for piece in pieces)
    return file


@st.composite
def built_gif(draw: Any) -> bytes:
    """A GIF of blocks with odd sizes, and lists of colours for the whole file and for frames."""
    file = b"GIF89a" + struct.pack(
        "<HHBBB", draw(NUMBERS) & 65535, draw(NUMBERS) & 65535, *(draw(SMALL) for _ in range(3))
    )
    file += draw(st.sampled_from([b"", bytes(6), bytes(range(12)), bytes(768), b"\xff\xff\xff\0\0\0"]))
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            file += b"!\xf9\4" + bytes([draw(SMALL), 0, 0, draw(SMALL), 0])
        file += b"," + struct.pack("<HHHHB", *(draw(NUMBERS) & 65535 for _ in range(4)), draw(SMALL))
        blocks = draw(st.lists(st.binary(min_size=1, max_size=255), max_size=3))
        file += draw(SOME)[:12] + bytes([draw(SMALL)]) + b"".join(bytes([len(one)]) + one for one in blocks) + b"\0"
    whole: bytes = file + b";"
    return whole


@st.composite
def built_jpeg(draw: Any) -> bytes:
    """A JPEG of segments with right lengths and odd contents, around those of a good one."""
    good = draw(st.sampled_from([seed for seed in SEEDS if seed.startswith(b"\xff\xd8")]))
    file = good[:2]
    for _ in range(draw(st.integers(0, 5))):
        content = draw(
            st.sampled_from([b"Exif\0\0", b"ICC_PROFILE\0\1\1", b"Adobe", b"http://ns.adobe.com/xap/1.0/\0", b""])
        )
        content += draw(SOME)
        file += b"\xff" + bytes([draw(st.integers(0xC0, 0xFE))]) + struct.pack(">H", len(content) + 2) + content
    whole: bytes = file + good[2:]
    return whole


@st.composite
def built_bmp(draw: Any) -> bytes:
    """A BMP with odd sizes, depths and ways to pack."""
    fields = [draw(NUMBERS), draw(NUMBERS), draw(SMALL), draw(SMALL), draw(SMALL), *(draw(NUMBERS) for _ in range(5))]
    head = struct.pack("<IIIHHIIIIII", draw(st.sampled_from([12, 40, 56, 108, 124])), *fields)
    file: bytes = b"BM" + struct.pack("<IHHI", draw(NUMBERS), 0, 0, draw(SMALL) + 54) + head + draw(SOME) * 3
    return file


@st.composite
def built_webp(draw: Any) -> bytes:
    """A WebP of odd pieces, around those of a good one."""
    good = next(seed for seed in SEEDS if seed[8:12] == b"WEBP")[12:]
    kinds = st.sampled_from([b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF"])
    pieces = [good]
    for _ in range(draw(st.integers(0, 4))):
        content = draw(SOME)
        piece = draw(kinds) + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        pieces.insert(draw(st.integers(0, len(pieces))), piece)
    body = b"WEBP" + b"".join(pieces)
    return b"RIFF" + struct.pack("<I", len(body)) + body


built = st.one_of(built_png(), built_gif(), built_jpeg(), built_bmp(), built_webp())


class Request(NamedTuple):
    """A request as a server passes it on; bytes of the body as characters, so that it can be kept as JSON."""

    method: str
    kind: str
    query: str
    length: str | None  # None: what is true
    body: str  # latin-1


KINDS = ["", "multipart/form-data; boundary=x", "multipart/form-data", "image/png", "text/plain", "image/"]
PIECES = ["data:", "image/png", ";base64,", "--x\r\n", "--x--", "\r\n\r\n", "\x00\xff", "AAAA", 'name="f"']
PIECES += ['Content-Disposition: form-data; name="f"; filename="\xe9"\r\n\r\n', "\r\n--x\r\n", "\r\n--x--\r\n"]
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
