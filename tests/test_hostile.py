"""Input made to harm: pictures that unpack to gigabytes, and bytes that follow no rule."""

import json
import struct
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

import hostile
import pictures
import servers
from benchmarks import processes
from reading import decoding, errors
from reading.preprocessing import preprocess

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
def test_a_picture_bomb_is_refused_at_once_and_in_little_memory(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    bomb = BOMBS[name]()
    server = servers.Wsgi()
    server.ask(pictures.data_url(hostile.SEEDS[0]))  # loads what any picture needs
    begun = time.process_time()
    answer = server.ask(bomb, {"Content-Type": "image/png"})
    assert time.process_time() - begun < 0.5
    assert (answer.json["result"], answer.status // 100) == (0, 4)
    monkeypatch.setenv("CONTENT_TYPE", "image/png")
    assert processes.peak_mb([str(servers.ROOT / servers.SCRIPT[1:])], bomb, as_cgi=True) < 120


def test_a_png_of_a_million_pieces_is_refused_by_its_length_and_by_its_pieces() -> None:
    bomb = pictures.claimed_png(28, 28, pictures.chunk(b"tEXt", b"") * 1_000_000)
    assert servers.Wsgi().ask(bomb, {"Content-Type": "image/png"}).status == 413
    begun = time.process_time()
    with pytest.raises(errors.NotAPicture, match="more than 4096 pieces"):
        preprocess(bomb)
    assert time.process_time() - begun < 0.5


def test_a_decoder_that_runs_out_of_memory_is_no_fault_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(_: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "_open", greedy)
    answer = servers.Wsgi().ask(pictures.png(2), {"Content-Type": "image/png"})
    assert answer.status == 503
    assert answer.json["error"] == "The picture takes more memory than there is. Send a smaller one."


# --- whatever comes: `benchmarks/fuzz.py` does the same a hundred thousand times ---------------------


@FEW
@given(hostile.damaged())
def test_a_damaged_picture_is_read_or_refused_in_a_sentence(data: bytes) -> None:
    assert hostile.told_of_picture(data)


@FEW
@given(hostile.built)
def test_a_picture_built_of_odd_pieces_is_read_or_refused_in_a_sentence(data: bytes) -> None:
    assert hostile.told_of_picture(data)


@FEW
@given(hostile.requests)
def test_any_request_is_answered_without_a_trace(request: hostile.Request) -> None:
    assert hostile.told_of_request(request)


@pytest.mark.parametrize("path", hostile.kept_pictures(), ids=lambda path: path.name)
def test_a_kept_picture_is_read_or_refused_in_a_sentence(path: Path) -> None:
    assert hostile.told_of_picture(path.read_bytes())


@pytest.mark.parametrize("path", hostile.kept_requests(), ids=lambda path: path.name)
def test_a_kept_request_is_answered_without_a_trace(path: Path) -> None:
    assert hostile.told_of_request(hostile.Request(**json.loads(path.read_text())))
