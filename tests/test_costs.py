"""What a file costs is bounded, and an odd picture is read or refused in a sentence, alone or among others."""

import io
import re
import struct
import time
import zlib
from contextlib import nullcontext, suppress

import pytest
from PIL import Image, ImageDraw

import pictures
import servers
from reading import costs
from reading.errors import NotAPicture, PictureTooLarge, Problem
from reading.preprocessing import preprocess


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def bar() -> Image.Image:
    """A one: a black bar on white."""
    image = Image.new("L", (60, 60), "white")
    ImageDraw.Draw(image).line((30, 10, 30, 50), "black", 6)
    return image


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_file_that_is_cut_off_anywhere_is_read_or_refused_in_a_sentence(kind: str) -> None:
    whole = saved(bar(), kind)
    for length in range(min(len(whole), 700)):
        with suppress(Problem):
            preprocess(whole[:length])


def lzw(indexes: bytes) -> bytes:
    """GIF's image data of 2-bit pixels, uncompressed: a clear code often enough that codes stay 3 bits wide."""
    codes = [code for at in range(0, len(indexes), 2) for code in (4, *indexes[at : at + 2])] + [5]
    bits = sum(code << (3 * i) for i, code in enumerate(codes))
    packed = bits.to_bytes(-(-3 * len(codes) // 8), "little")
    blocks = (packed[at : at + 255] for at in range(0, len(packed), 255))
    return b"\2" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif(transparent: bool) -> bytes:
    """A bar whose frame has grey colours of its own, while those of the whole file are coloured."""
    pixels = bytes(1 if 25 <= i % 60 < 31 and 10 <= i // 60 < 50 else 0 for i in range(60 * 60))
    everywhere = bytes([0, 37, 74, 111, 148, 185, 9, 9, 9, 7, 7, 7])
    own = bytes([255, 255, 255, 0, 0, 0, 80, 80, 80, 90, 90, 90])
    control = b"!\xf9\4\1\0\0\0\0" if transparent else b""
    head = b"GIF89a" + struct.pack("<HHBBB", 60, 60, 0x81, 0, 0) + everywhere
    return head + control + b",\0\0\0\0" + struct.pack("<HHB", 60, 60, 0x81) + own + lzw(pixels) + b";"


@pytest.mark.parametrize("transparent", [False, True])
def test_a_gif_whose_frame_has_grey_colours_of_its_own_is_read(transparent: bool) -> None:
    answer = servers.Wsgi().ask(gif(transparent), {"Content-Type": "image/gif"})
    assert (answer.status, answer.json["digit"]) == (200, 1)


def oversized_transparency() -> bytes:
    """A PNG whose list of transparencies is longer than any list of colours."""
    head = struct.pack(">IIBBBBB", 30, 30, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", bytes(6)), (b"tRNS", bytes(300)), (b"IDAT", zlib.compress(bytes(31 * 30)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pictures.chunk(*each) for each in [*chunks, (b"IEND", b"")])


def form(*files: bytes) -> tuple[bytes, dict[str, str]]:
    head = b'--b\r\nContent-Disposition: form-data; name="a"; filename="%d"\r\n\r\n'
    parts = b"".join(head % i + file + b"\r\n" for i, file in enumerate(files))
    return parts + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def test_a_png_with_more_transparencies_than_colours_is_refused_and_spoils_no_other() -> None:
    answer = servers.Wsgi().ask(*form(saved(bar(), "PNG"), oversized_transparency()))
    good, bad = answer.json["results"]
    assert (answer.status, good["digit"]) == (200, 1)
    assert bad["error"] == "The picture is damaged or cut off. Save or send it again."


def test_a_picture_that_shows_a_bug_of_ours_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from reading import preprocessing

    good = saved(bar(), "PNG")
    real = preprocessing.decode
    monkeypatch.setattr(preprocessing, "decode", lambda data, steps: real(data, steps) if data == good else 1 / 0)
    read, odd = servers.Wsgi().ask(*form(good, good + b"x")).json["results"]
    assert read["digit"] == 1
    assert odd == {
        "result": 0,
        "data": [],
        "error": "Something went wrong in the server; its log says what.",
        "file": "1",
    }


JPEG = saved(bar(), "JPEG")
EXIF, PROFILE = segment(0xE1, b"Exif\0\0" + b"x" * 20), segment(0xE2, b"ICC_PROFILE\0\1\1" + b"x" * 20)
PACKED = zlib.compress(bytes(2**20))
COSTLY = {
    "70,000 EXIF segments": JPEG[:2] + EXIF * 70_000 + JPEG[2:],
    "70,000 segments with a profile": JPEG[:2] + PROFILE * 70_000 + JPEG[2:],
    "8 MB of fill bytes": b"\xff\xd8" + b"\xff" * (8 * 2**20 - 2),
    "fill bytes in front of a picture": JPEG[:2] + b"\xff" * 2**20 + JPEG[2:],
    "3,000 colour profiles": pictures.claimed_png(28, 28, pictures.chunk(b"iCCP", b"x\0\0" + PACKED) * 3000),
    "a BMP of 2 MB in runs of one pixel": b"BM" + bytes(28) + b"\1" + bytes(1023) + b"\1\1" * 2**20,
}


@pytest.mark.parametrize("name", COSTLY)
def test_what_would_take_long_to_decode_is_refused_before(name: str) -> None:
    started = time.process_time()
    with pytest.raises(NotAPicture):
        preprocess(COSTLY[name])
    assert time.process_time() - started < 0.5


def scanned(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes that many times."""
    file = saved(bar().resize((side, side)), "JPEG", progressive=True)
    at = file.rindex(b"\xff\xda")
    return file[:at] + file[at:-2] * scans + file[-2:]


def test_a_jpeg_of_more_pixels_than_are_read_is_too_large_however_few_its_scans() -> None:
    file = bytearray(saved(bar().resize((8, 8)), "JPEG"))
    at = file.index(b"\xff\xc0")
    file[at + 5 : at + 9] = struct.pack(">HH", 16_000, 16_000)
    with pytest.raises(PictureTooLarge, match="as a JPEG that is not progressive 50"):
        costs.check(bytes(file))


def test_a_large_jpeg_may_have_fewer_scans_than_a_small_one() -> None:
    assert preprocess(scanned(640, 60)).picture.any()
    with pytest.raises(NotAPicture, match="JPEG of more than 29 scans"):
        preprocess(scanned(4096, 60))


def test_a_film_behind_the_end_of_a_photo_is_no_part_of_it() -> None:
    film = JPEG + b"\xff\xda" * 500_000  # as phones append to their photos
    assert (preprocess(film).picture == preprocess(JPEG).picture).all()


def test_many_large_pictures_in_one_form_have_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    from serving import answer

    clock = iter([0.0, 0.5, 1.0, 1.5, 2.0])
    monkeypatch.setattr(answer.time, "thread_time", lambda: next(clock))
    results = servers.Wsgi().ask(*form(*[saved(bar(), "PNG")] * 4)).json["results"]
    assert [one.get("digit", one["error"]) for one in results] == [1, 1, answer.NO_TIME, answer.NO_TIME]


@pytest.mark.parametrize("middle", [b";a=" * 2_000_000 + b";base64,AAAA", b";base64," + b"AA " * 2_000_000])
def test_a_data_url_takes_little_more_memory_than_its_length(middle: bytes) -> None:
    import tracemalloc

    body = b"data:image/png" + middle
    tracemalloc.start()
    try:
        assert servers.Wsgi().ask(body).status == 400
        assert tracemalloc.get_traced_memory()[1] < 5 * len(body)
    finally:
        tracemalloc.stop()


def test_a_webp_may_have_as_many_pixels_as_its_decoder_has_memory_for() -> None:
    webp = {"Content-Type": "image/webp"}
    answer = servers.Wsgi().ask(saved(Image.new("L", (3001, 3000), "white"), "WEBP"), webp)
    assert (answer.status, answer.json["error"]) == (
        413,
        "The picture is too large. A WebP may have up to 9 million pixels; send it as PNG or JPEG.",
    )
    largest = Image.new("L", (3000, 3000), "white")
    largest.paste("black", (1400, 500, 1600, 2500))
    assert servers.Wsgi().ask(saved(largest, "WEBP"), webp).json["digit"] == 1


def test_only_a_single_picture_can_be_explained() -> None:
    body, headers = form(saved(bar(), "PNG"), saved(bar(), "PNG"))
    answer = servers.Wsgi().ask(body, headers, query="explain=1")
    assert (answer.status, answer.json) == (
        400,
        {"result": 0, "data": [], "error": "Only a single picture can be explained; send one at a time."},
    )


# --- exactly how much may be decoded ----------------------------------------------------------------


def png(*chunks: bytes) -> bytes:
    return costs.PNG_START + b"".join(chunks)


def jpeg(*segments: bytes, end: bytes = b"\xff\xd9") -> bytes:
    return b"\xff\xd8" + b"".join(segments) + end


def frame(marker: int, height: int, width: int, colours: int = 3) -> bytes:
    """The segment of a JPEG that states its size."""
    return b"\xff" + bytes([marker]) + struct.pack(">HBHHB", 8, 8, height, width, colours)


def scan(colours: int = 3) -> bytes:
    """The start of a JPEG's scan of so many colours."""
    return b"\xff\xda\0\3" + bytes([colours])


def webp(kind: bytes, size: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + size


EMPTY, SEGMENT = pictures.chunk(b"teXt", b""), b"\xff\xe1\0\2"
TOO_LARGE = "The picture is too large. It may have up to "
PIXELS = TOO_LARGE + "16 million pixels, as a JPEG that is not progressive 50."
SIDES = TOO_LARGE + "16,384 pixels a side."
WEBP = "The picture is too large. A WebP may have up to 9 million pixels; send it as PNG or JPEG."
SAVE = "Save it again."
WHOLE_AND_MORE = [
    (png(EMPTY * 4095), png(EMPTY * 4096), f"The picture is a PNG of more than 4096 pieces. {SAVE}"),
    (png(pictures.chunk(b"iCCP", b"x")), png(pictures.chunk(b"iCCP", b"x") * 2), costs.DAMAGED),
    (jpeg(SEGMENT * 1000), jpeg(SEGMENT * 1001), f"The picture is a JPEG of more than 1000 segments. {SAVE}"),
    (jpeg(scan() * 100), jpeg(scan() * 101), f"The picture is a JPEG of more than 100 scans. {SAVE}"),
    (
        jpeg(frame(0xC0, 4000, 4000), scan() * 31),
        jpeg(frame(0xC0, 4000, 4000), scan() * 32),
        f"The picture is a JPEG of more than 31 scans. {SAVE}",
    ),
    (jpeg(b"\xff" * 64, SEGMENT), jpeg(b"\xff" * 65, SEGMENT), costs.DAMAGED),
    (jpeg(SEGMENT, b"\xff" * 64, scan()), jpeg(SEGMENT, b"\xff" * 65, scan()), costs.DAMAGED),
    (jpeg(SEGMENT, end=b"x" * 64), jpeg(SEGMENT, end=b"x" * 65), costs.DAMAGED),
    (jpeg(scan(), b"x" * 65, scan(), end=b"x" * 65), jpeg(b"x" * 65, scan()), costs.DAMAGED),
    (jpeg(frame(0xC2, 4096, 4096), scan(1)), jpeg(frame(0xC2, 4096, 4097), scan(1)), PIXELS),
    (jpeg(frame(0xC1, 5000, 5000), scan()), jpeg(frame(0xC9, 5000, 5000), scan()), PIXELS),
    (jpeg(frame(0xC0, 5000, 5000), scan()), jpeg(frame(0xC0, 5000, 5000), scan(1)), PIXELS),
    (jpeg(frame(0xC4, 5000, 5000), scan()), jpeg(frame(0xCF, 5000, 5000), scan()), PIXELS),
    (jpeg(SEGMENT, end=b"\xff\xd9" + SEGMENT * 2000), jpeg(SEGMENT * 1001, end=b""), "The picture is a JPEG of more"),
    (
        b"BM" + bytes(28) + b"\1" + bytes(2**20 - 31),
        b"BM" + bytes(28) + b"\2" + bytes(2**20 - 30),
        "The picture is a run-length encoded BMP of more than 1 MB. Save it as PNG.",
    ),
    (
        b"BM" + bytes(28) + b"\3" + bytes(2**20),
        b"BM" + bytes(28) + b"\1" + bytes(2**20),
        "The picture is a run-length encoded BMP of more than 1 MB. Save it as PNG.",
    ),
    (
        webp(b"VP8X", b"\0\0\0\0" + (2999).to_bytes(3, "little") * 2),
        webp(b"VP8X", b"\0\0\0\0" + (2999).to_bytes(3, "little") + (3000).to_bytes(3, "little")),
        WEBP,
    ),
    (
        webp(b"VP8L", b"/" + (2999 | 2999 << 14).to_bytes(4, "little") + bytes(5)),
        webp(b"VP8L", b"/" + (2999 | 3000 << 14).to_bytes(4, "little") + bytes(5)),
        WEBP,
    ),
    (
        webp(b"VP8 ", bytes(6) + struct.pack("<HH", 3000 | 1 << 14, 3000 | 1 << 14)),
        webp(b"VP8 ", bytes(6) + struct.pack("<HH", 3000, 3001)),
        WEBP,
    ),
    (webp(b"VP8X", b"\xff" * 9), webp(b"VP8X", b"\xff" * 10), SIDES),
]


@pytest.mark.parametrize(("whole", "more", "sentence"), WHOLE_AND_MORE)
def test_as_much_as_is_allowed_may_be_decoded_and_nothing_more(whole: bytes, more: bytes, sentence: str) -> None:
    costs.check(whole)
    with pytest.raises((NotAPicture, PictureTooLarge)) as caught:
        costs.check(more)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("width", "height", "kind", "sentence"),
    [
        (16_384, 1024, "PNG", ""),
        (1, 16_385, "PNG", SIDES),
        (16_385, 1, "JPEG", SIDES),
        (4096, 4096, "GIF", ""),
        (4096, 4097, "GIF", PIXELS),
        (10_000, 5000, "JPEG", ""),
        (10_000, 5000, "MPO", ""),
        (10_000, 5001, "MPO", PIXELS),
        (3000, 3000, "WEBP", ""),
        (3000, 3001, "WEBP", WEBP),
        (4096, 4096, None, ""),
    ],
)
def test_a_picture_may_have_so_many_pixels(width: int, height: int, kind: str | None, sentence: str) -> None:
    with pytest.raises(PictureTooLarge, match=f"^{re.escape(sentence)}$") if sentence else nullcontext():
        costs.check_size(width, height, kind)
