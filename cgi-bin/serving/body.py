"""A request's body: read as it comes, and taken apart into pictures, which stay undecoded here."""

import base64
import binascii
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, Protocol

from serving.errors import BadRequest, BodyTooLarge, BodyTooSlow, TypeNotSupported
from serving.packages import need
from serving.request import HOW, Environ, media_type
from serving.settings import BLOCK, DISCARD_BYTES, MAX_BODY

# --- settings ---------------------------------------------------------------------------------------
MAX_PICTURES = 100  # files and other fields in one form
MAX_HEADER = 64 * 1024  # bytes of one header of a form's part, where the file's name is
# ----------------------------------------------------------------------------------------------------

HEAD_BYTES = 1024  # of a data URL up to its comma
MAX_NAME = 200  # characters of a file's name that are answered: its end, which tells files apart
NEVER_READ = ("image/svg+xml", "image/tiff", "image/heic", "image/avif")
_DATA_URL = re.compile(rb"data:image/[a-z0-9.+-]+(?:;[a-z0-9-]+=[^;,\s]*)*;base64,", re.IGNORECASE)


class Stream(Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return at least one and up to `size` bytes, b"" at the end."""


class Picture(NamedTuple):
    """A picture as it came."""

    file: str  # the name of its file, "" where it has none
    data: bytes


class Body:
    """What follows a request's headers: `length` bytes, if the client keeps its word."""

    def __init__(self, stream: Stream, length: int) -> None:
        """Take `length` bytes from `stream`."""
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


def pictures(environ: Environ, body: bytes) -> list[Picture]:
    """Return the pictures of a body, still undecoded, at least one.

    Raises BadRequest, BodyTooLarge, TypeNotSupported, MissingPackage.
    """
    if body[:5].lower() == b"data:":
        return [Picture("", from_data_url(body))]
    kind = media_type(environ)
    if kind == "multipart/form-data":
        return from_form(environ["CONTENT_TYPE"], body)
    if kind in NEVER_READ:
        raise TypeNotSupported("Send the picture as PNG, JPEG, WebP, GIF or BMP.")
    if kind.startswith("image/"):
        return [Picture("", body)]
    raise TypeNotSupported(f"This is none of the three kinds of request that are read. {HOW}")


def from_data_url(body: bytes) -> bytes:
    """Return the bytes inside a `data:image/...;base64,...` URL (RFC 2397), which may be broken over lines.

    Raises BadRequest.
    """
    head = _DATA_URL.match(body, 0, HEAD_BYTES)
    if not head:
        raise BadRequest("Only data URLs that start like data:image/png;base64, are read.")
    try:
        # Deleting bytes takes a copy; splitting at each space would take fifty times as much.
        data = base64.b64decode(body[head.end() :].translate(None, b" \t\r\n\v\f"), validate=True)
    except binascii.Error:
        raise BadRequest("What follows the comma of the data URL is not base64.") from None
    if not data:
        raise BadRequest("The data URL has nothing after its comma.")
    return data


def from_form(content_type: str, body: bytes) -> list[Picture]:
    """Return the files of a multipart form (RFC 7578), whatever their fields are called.

    Raises BadRequest, BodyTooLarge, MissingPackage.
    """
    multipart = need("multipart")
    boundary = multipart.parse_options_header(content_type)[1].get("boundary", "")
    if not boundary:
        raise BadRequest("The form's Content-Type names no boundary.")
    try:
        parts = _files(boundary, body)
    except multipart.ParserLimitReached:
        most = f"{MAX_HEADER // 1024} KB each"
        raise BodyTooLarge(
            f"A part of the form has more headers, or longer ones, than are read: 8 of {most}."
        ) from None
    except (multipart.MultipartError, UnicodeError):
        raise BadRequest("The form is damaged or cut short. Please send it again.") from None
    if not parts:
        raise BadRequest("The form holds no file, or an empty one. Choose one: --form file=@five.png")
    return parts


def _files(boundary: str, body: bytes) -> list[Picture]:
    """Return the form's parts that are files and not empty; all of it stays in memory."""
    body = body.rstrip(b"\r\n")  # which many clients put after the end
    parser = need("multipart").MultipartParser(
        io.BytesIO(body),
        boundary,
        len(body),
        charset="latin-1",  # which any bytes are
        strict=True,  # a header over many lines, which no client sends, would be put together anew at each line
        headersize_limit=MAX_HEADER,
        spool_limit=MAX_BODY,
        memory_limit=MAX_BODY,
    )
    parts = []
    for number, part in enumerate(parser):
        if number == MAX_PICTURES:
            raise BodyTooLarge(f"At most {MAX_PICTURES} files and other fields are read at once.")
        if part.filename is not None and part.size:
            parts.append(Picture(_name(part.filename), part.raw))
    return parts


def _name(sent: str) -> str:
    """Return the end of a file's name, whose bytes are UTF-8, or Latin-1 where they can't be that."""
    with suppress(UnicodeError):
        sent = sent.encode("latin-1").decode()
    return sent[-MAX_NAME:]
