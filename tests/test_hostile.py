"""Input made to harm: pictures that unpack to gigabytes, and bytes that follow no rule."""

import io
import struct
import time
from pathlib import Path
from typing import Any

import doors
import errors
import ink
import pictures
import pytest
import wire
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

SEEDS = [pictures.encoded(pictures.canvas(2), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")]
FEW = settings(max_examples=300, deadline=2000, suppress_health_check=list(HealthCheck))


def gif(frames: int) -> bytes:
    """An animation: one small picture, and copies of its frame by the thousand."""
    one = pictures.encoded(Image.new("P", (16, 16)), "GIF")
    start = one.index(b"\x2c")
    return one[:start] + one[start:-1] * frames + b";"


def thin() -> bytes:
    """A PNG that claims 1 x 89,000,000 pixels; what would follow is never reached."""
    head = struct.pack(">IIBBBBB", 1, 89_000_000, 1, 0, 0, 0, 0)
    pieces = [pictures.chunk(b"IHDR", head), pictures.chunk(b"IDAT", b""), pictures.chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


BOMBS = {
    "10,000 x 10,000 pixels of 1 bit": lambda: pictures.claimed_png(10_000, 10_000),
    "1 x 89,000,000 pixels": thin,
    "a GIF of 10,000 frames": lambda: gif(10_000),
    "a PNG of 600,000 empty pieces": lambda: pictures.claimed_png(28, 28, pictures.chunk(b"tEXt", b"") * 600_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_picture_bomb_is_refused_at_once_and_in_little_memory(tmp_path: Path, name: str) -> None:
    bomb = BOMBS[name]()
    door = doors.Wsgi()
    door.ask(pictures.data_url(SEEDS[0]))  # loads what any picture needs
    begun = time.process_time()
    answer = door.ask(bomb, {"Content-Type": "image/png"})
    assert time.process_time() - begun < 0.5
    assert (answer.json["result"], answer.status // 100) == (0, 4)
    small = doors.Script(tmp_path / "log", MNIST_MEMORY_MB="200", CONTENT_TYPE="image/png")
    assert small.ask(bomb).json == answer.json


@FEW
@given(st.data())
def test_a_damaged_picture_is_read_or_refused_by_name(data: Any) -> None:
    seed = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 8))):
        seed[data.draw(st.integers(0, len(seed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(seed)))
    assert outcome(bytes(seed[:cut])) in ("a picture", "a sentence")


def outcome(data: bytes) -> str:
    """What becomes of a file; anything that `ink` does not raise on purpose goes through."""
    try:
        reading = ink.read(data)
    except errors.Problem as problem:
        return "a sentence" if str(problem).endswith(".") else str(problem)
    return "a picture" if reading.picture.shape == (28, 28) else "another shape"


KINDS = ["", "multipart/form-data; boundary=x", "multipart/form-data", "image/png", "text/plain", "image/"]
PIECES = [b"data:", b"image/png", b";base64,", b"--x\r\n", b"--x--", b"\r\n\r\n", b"\x00\xff", b"AAAA", b'name="f"']
PIECES += [b"Content-Disposition: form-data; ", b'filename="a"', SEEDS[0][:60]]


@FEW
@given(
    body=st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12).map(b"".join),
    kind=st.sampled_from(KINDS) | st.text(max_size=40),
    query=st.text(alphabet="model=&%;+\x00é", max_size=20),
    length=st.sampled_from(["", "-1", "0", "5", "99999999", "x"]) | st.none(),
)
def test_any_request_is_answered_in_json_without_a_trace(
    body: bytes, kind: str, query: str, length: str | None
) -> None:
    log = io.StringIO()
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "QUERY_STRING": query, "wsgi.errors": log}
    environ |= {"CONTENT_LENGTH": str(len(body)) if length is None else length}
    told: list[Any] = []
    environ["wsgi.input"] = io.BytesIO(body)
    reply = wire.application(environ, lambda status, headers: told.append(status))
    answer = next(iter(reply))
    assert answer.startswith(b'{"result": ')
    assert log.getvalue() == ""
    assert not told[0].startswith("500")
