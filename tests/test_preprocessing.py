"""Reading pictures: every kind of file, paper and light gives the picture that MNIST would have made of the digit."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from learning.data import dataset
from reading import costs, decoding
from reading.errors import FormatNotAllowed, NoInk, NotAPicture, PictureTooLarge, Problem
from reading.normalising import _means, normalise
from reading.preprocessing import preprocess, to_png

SEED = 5
FIVE = [[(150, 70), (105, 75), (98, 125), (135, 112), (160, 140), (150, 180), (95, 190)], [(150, 70), (185, 66)]]


def drawn(
    strokes: list = FIVE,
    pen: float = 14,
    move: tuple[float, float] = (0, 0),
    scale: float = 1,
    side: int = 280,
    mode: str = "L",
    paper: object = 255,
    colour: object = 0,
) -> Image.Image:
    """Strokes with round ends on a square canvas, drawn three times as large and averaged down."""
    image = Image.new("L", (3 * side, 3 * side), 0)
    draw = ImageDraw.Draw(image)
    radius = 1.5 * pen
    for stroke in strokes:
        points = [(3 * (scale * x + move[0]), 3 * (scale * y + move[1])) for x, y in stroke]
        draw.line(points, fill=255, width=round(2 * radius))
        for x, y in points:
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    canvas = Image.new(mode, (side, side), paper)
    canvas.paste(colour, (0, 0, side, side), image.reduce(3))
    return canvas


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture_of(image: Image.Image, kind: str = "PNG", **options: object) -> np.ndarray:
    return preprocess(saved(image, kind, **options)).picture


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pictures: 1 for the same, about 0.9 where a stroke has a pixel more."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.fixture(scope="module")
def five() -> np.ndarray:
    return picture_of(drawn())


# --- MNIST's normalisation ---


def test_a_drawing_fills_twenty_pixels_and_its_mass_is_in_the_middle(five):
    assert five.shape == (28, 28)
    assert five.dtype == np.float32
    assert five.min() == 0
    assert five.max() == pytest.approx(1, abs=0.01)
    rows, columns = np.flatnonzero(five.max(1) > 0.3), np.flatnonzero(five.max(0) > 0.3)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20, 21)
    index = np.arange(28)
    assert (five.sum(1) @ index / five.sum(), five.sum(0) @ index / five.sum()) == pytest.approx((14, 14), abs=0.05)


def test_the_steps_are_told_in_words():
    assert preprocess(saved(drawn())).steps == [
        "turned dark ink on light paper into light on dark",
        "cropped to the ink, 105 by 139 pixels",
        "scaled the longer side to 20 pixels",
        "put its centre of mass in the middle",
    ]


def test_a_bar_keeps_its_proportions():
    bar = np.zeros((100, 300), np.float32)
    bar[40:60, 50:250] = 1  # ten times as long as high: 20 by 2 pixels
    expected = np.zeros((28, 28), np.float32)
    expected[13:16, 4:25] = 1  # 14 in the middle, so that half a pixel is inked on each side
    expected[[13, 15]] /= 2
    expected[:, [4, 24]] /= 2
    np.testing.assert_allclose(normalise(bar), expected, atol=1e-5)


def test_grey_levels_are_kept_where_a_pixel_is_partly_inked():
    square = np.zeros((60, 60), np.float32)
    square[10:50, 10:50] = 1
    square[20:40, 20:40] = 0.5
    got = normalise(square)
    assert got[14, 14] == pytest.approx(0.5, abs=0.01)


def test_a_digit_whose_mass_is_far_off_its_middle_is_not_cut():
    flag = np.zeros((200, 200), np.float32)
    flag[:40] = 1
    flag[:, 95:105] = 1  # a pole under it: nearly all the ink is in the upper fifth
    got = normalise(flag)
    assert got.sum() == pytest.approx(flag.sum() / 100, rel=1e-4)
    assert got[-1].max() == 1  # the pole ends exactly at the edge


def test_pictures_of_mnist_stay_as_they_are(five):
    as_mnist = np.rint(five * 255).astype(np.uint8)
    reading = preprocess(to_png(as_mnist / 255))  # our own pictures are of MNIST's kind
    assert reading.steps == ["left as it is: it already has MNIST's size and place"]
    assert np.abs(reading.picture * 255 - as_mnist).max() <= 1


def test_the_mnist_test_set_stays_as_it_is(mnist_folder):
    pictures = dataset.load(mnist_folder).X_test[::50]
    changed = [np.abs(preprocess(to_png(picture / 255)).picture * 255 - picture).max() for picture in pictures]
    assert max(changed) <= 1.01  # the brightest level of some is 254, which becomes 255


# --- the same digit, drawn another way ---


@pytest.mark.parametrize("move", [(-60, -40), (0.5, 0.25), (70, 60)])
def test_place_does_not_matter(five, move):
    assert np.abs(picture_of(drawn(move=move)) - five).max() < 0.15
    assert alike(picture_of(drawn(move=move)), five) > 0.999


@pytest.mark.parametrize("scale", [0.3, 0.5, 2])
def test_size_does_not_matter(five, scale):
    side = max(280, round(280 * scale))
    assert alike(picture_of(drawn(scale=scale, pen=14 * scale, side=side)), five) > 0.98


def test_black_on_white_and_white_on_black_are_the_same(five):
    np.testing.assert_allclose(picture_of(drawn(paper=0, colour=255)), five, atol=1e-6)


def test_neither_grey_paper_nor_grey_ink_matters(five):
    assert np.abs(picture_of(drawn(paper=200, colour=60)) - five).max() < 0.02
    assert np.abs(picture_of(drawn(paper=90, colour=140)) - five).max() < 0.04


@pytest.mark.parametrize("paper_side", [(500, 280), (280, 700)])
def test_the_shape_of_the_paper_does_not_matter(five, paper_side):
    sheet = Image.new("L", paper_side, 255)
    sheet.paste(drawn().crop((60, 40, 220, 230)), (90, 30))
    assert np.abs(picture_of(sheet) - five).max() < 0.05


def test_a_thin_pen_does_not_vanish(five):
    thin = picture_of(drawn(pen=2))
    assert thin.max() == 1
    assert (thin > 0.5).sum() > 0.5 * (five > 0.5).sum()
    assert "broadened the thin strokes" in preprocess(saved(drawn(pen=2))).steps


def test_a_single_dot_is_read():
    dot = picture_of(drawn([[(140, 140)]]))
    assert dot[14, 14] == 1
    assert dot[0].max() == 0


def test_a_drawing_that_touches_the_edge_is_whole(five):
    cropped = drawn().crop((91, 59, 192, 197))
    assert alike(picture_of(cropped), five) > 0.99


# --- files ---


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"optimize": True}),
        ("BMP", {}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 80}),
        ("JPEG", {"quality": 75}),
        ("JPEG", {"quality": 90, "progressive": True}),
    ],
)
def test_every_format_gives_the_same_picture(five, kind, options):
    image = drawn().convert("RGB") if kind == "WEBP" else drawn()
    assert np.abs(picture_of(image, kind, **options) - five).max() < 0.06


def sixteen_bit() -> Image.Image:
    return Image.fromarray(np.asarray(drawn()).astype(np.uint16) * 257)


@pytest.mark.parametrize(
    "convert",
    [
        lambda image: image.convert("RGB"),
        lambda image: image.convert("RGBA"),
        lambda image: image.convert("LA"),
        lambda image: image.convert("P"),
        lambda image: image.convert("RGB").quantize(16),
        lambda image: sixteen_bit(),
    ],
    ids=["RGB", "RGBA", "LA", "palette of greys", "palette of 16", "16 bit"],
)
def test_every_mode_of_png_gives_the_same_picture(five, convert: Callable[[Image.Image], Image.Image]):
    assert np.abs(picture_of(convert(drawn())) - five).max() < 0.06


def test_one_bit_a_pixel_is_enough(five):
    assert alike(picture_of(drawn().convert("1", dither=Image.Dither.NONE)), five) > 0.99


def test_a_cmyk_jpeg_is_read(five):
    assert np.abs(picture_of(drawn().convert("RGB").convert("CMYK"), "JPEG") - five).max() < 0.06


@pytest.mark.parametrize(
    ("paper", "colour"),
    [
        ((255, 255, 255), (255, 235, 0)),
        ((255, 255, 255), (0, 60, 220)),
        ((30, 60, 40), (240, 240, 230)),
        ((200, 40, 40), (40, 120, 40)),
    ],
    ids=["yellow on white", "blue on white", "chalk on a blackboard", "green on red"],
)
def test_colours_do_not_matter(five, paper, colour):
    assert np.abs(picture_of(drawn(mode="RGB", paper=paper, colour=colour)) - five).max() < 0.06


@pytest.mark.parametrize("colour", [(0, 0, 0, 255), (255, 255, 255, 255), (90, 90, 200, 255)])
def test_transparent_counts_as_paper_whatever_the_ink(five, colour):
    canvas = Image.new("RGBA", (280, 280), colour)
    canvas.putalpha(drawn(paper=0, colour=255))
    for kind in ("PNG", "WEBP"):
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        reading = preprocess(saved(canvas, kind, **options))
        assert reading.steps[0] == "took what is not transparent as ink"
        assert np.abs(reading.picture - five).max() < 0.02


def test_a_sheet_on_transparent_ground_is_paper_too(five):
    sheet = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    sheet.paste(drawn(mode="RGBA", paper=(255, 255, 255, 255), colour=(0, 0, 0, 255)), (50, 70))
    assert np.abs(picture_of(sheet) - five).max() < 0.02


def test_transparent_colours_of_gif_and_palette_count_as_paper(five):
    image = drawn().point(lambda level: 255 if level > 127 else 0).convert("P")
    white = image.getpixel((0, 0))
    assert alike(picture_of(image, "GIF", transparency=white), five) > 0.99
    assert alike(picture_of(image, "PNG", transparency=white), five) > 0.99


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


UNDO = {  # what a camera does to the pixels when it writes that orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", [1, *UNDO])
def test_a_photo_is_turned_as_its_exif_data_says(five, kind, value):
    image = drawn(mode="RGB", paper=(255, 255, 255), colour=(0, 0, 0))
    image = image.transpose(UNDO[value]) if value > 1 else image
    reading = preprocess(saved(image, kind, exif=orientation(value)))
    assert alike(reading.picture, five) > 0.99
    assert ("turned upright" in reading.steps) == (value > 1)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_data_is_ignored(five, exif):
    assert np.abs(picture_of(drawn(), "JPEG", exif=exif) - five).max() < 0.06


# --- photos ---


def photo(image: Image.Image, light: str, noise: float = 0.03, contrast: float = 0.45) -> Image.Image:
    """A pencil digit on paper, photographed: uneven light, soft focus, noise."""
    side = image.size[0]
    y, x = np.mgrid[0:side, 0:side] / side
    lights = {
        "even light": np.full((side, side), 0.75),
        "gradient": 0.3 + 0.55 * (0.7 * x + 0.3 * y),
        "shadow of a hand": 0.85 - 0.4 / (1 + np.exp(-(x + y - 1.5) / 0.06)),
        "dark corners": 0.9 - 0.9 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
    }
    pencil = 1 - np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)), float) / 255
    grain = np.random.default_rng(SEED).normal(0, noise, pencil.shape)
    seen = lights[light] * (1 - contrast * pencil) + grain
    return Image.fromarray(np.clip(seen * 255, 0, 255).astype(np.uint8)).convert("RGB")


LIGHTS = ["even light", "gradient", "shadow of a hand", "dark corners"]


@pytest.mark.parametrize("light", LIGHTS)
def test_a_pencil_digit_is_read_from_a_photo(five, light):
    big = drawn(scale=3, pen=42, side=900, move=(20, 20))
    reading = preprocess(saved(photo(big, light), "JPEG", quality=75))
    assert reading.steps[:2] == [
        "turned dark ink on light paper into light on dark",
        "took the uneven background away",
    ]
    assert alike(reading.picture, five) > 0.97


@pytest.mark.parametrize("light", LIGHTS)
def test_a_faint_thin_pencil_is_read_from_a_photo(light):
    thin = drawn(scale=2, pen=8, side=900, move=(100, 150))
    got = picture_of(photo(thin, light, noise=0.02, contrast=0.25), "JPEG", quality=75)
    assert alike(got, picture_of(thin)) > 0.95


def test_chalk_is_read_from_a_photo_of_a_blackboard(five):
    big = photo(drawn(scale=3, pen=42, side=900, move=(20, 20)), "gradient", contrast=0.6)
    negative = Image.eval(big, lambda level: 255 - level)
    reading = preprocess(saved(negative, "JPEG"))
    assert alike(reading.picture, five) > 0.95
    assert "turned dark ink on light paper into light on dark" not in reading.steps


@pytest.mark.parametrize("light", ["even light", "gradient", "dark corners"])
def test_a_photo_of_empty_paper_has_no_ink(light):
    with pytest.raises(NoInk):
        picture_of(photo(Image.new("L", (600, 600), 255), light), "JPEG")


# --- specks ---


def test_a_stray_pixel_does_not_blow_up_the_crop(five):
    image = drawn()
    image.putpixel((5, 270), 0)
    reading = preprocess(saved(image))
    assert "left out specks" in reading.steps
    assert np.abs(reading.picture - five).max() < 0.02


def test_dust_all_over_does_not_either(five):
    image = drawn()
    rng = np.random.default_rng(SEED)
    for x, y in rng.integers(0, 279, (40, 2)).tolist():
        image.paste(0, (x, y, x + 2, y + 2))
    assert alike(picture_of(image), five) > 0.98


def test_a_dot_of_the_same_pen_is_kept():
    with_dot = picture_of(drawn([*FIVE, [(215, 190)]]))
    assert with_dot[18:, 20:].sum() > 1


def test_a_detached_bar_is_kept():
    body, bar = [[(140, 90), (140, 220)]], [[(110, 60), (170, 60)]]
    both, alone = picture_of(drawn(body + bar)), picture_of(drawn(body))
    assert both[:8].sum() > 3
    assert alike(both, alone) < 0.95


def test_dashes_are_one_digit():
    dashes = [[(140, y), (140, y + 12)] for y in range(60, 220, 32)]
    got = picture_of(drawn(dashes, pen=8))
    assert np.flatnonzero(got.max(1) > 0.3).size >= 12
    assert np.ptp(np.flatnonzero(got.max(1) > 0.3)) >= 18


# --- what can't be read ---


def refusal(kind: type[Problem], data: bytes) -> str:
    with pytest.raises(kind) as caught:
        preprocess(data)
    return str(caught.value)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA"])
def test_a_blank_picture_has_no_ink(mode, level):
    blank = Image.new("L", (280, 280), level).convert(mode, dither=Image.Dither.NONE)
    assert refusal(NoInk, saved(blank)) == "There is nothing drawn on the picture. Draw a digit."


def test_a_transparent_canvas_has_no_ink():
    assert refusal(NoInk, saved(Image.new("RGBA", (280, 280), (0, 0, 0, 0)))) == (
        "There is nothing drawn on the picture. Draw a digit."
    )


@pytest.mark.parametrize("mode", ["L", "RGBA", "1", "P"])
def test_one_pixel_has_no_ink(mode):
    refusal(NoInk, saved(Image.new(mode, (1, 1))))


def test_normalising_nothing_has_no_ink():
    with pytest.raises(NoInk):
        normalise(np.zeros((50, 50), np.float32))


@pytest.mark.parametrize("data", [b"", b"\0", b"this is text", b"\x89PNG", b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBP"])
def test_what_is_no_picture_is_called_so(data):
    refusal(NotAPicture, data)


@pytest.mark.parametrize(
    ("kind", "name"), [("TIFF", "TIFF"), ("PPM", "PPM"), ("ICO", "icon"), ("PDF", "PDF"), ("JPEG2000", "JPEG 2000")]
)
def test_other_formats_are_named(kind, name):
    image = drawn(mode="RGB", paper=(255, 255, 255), colour=(0, 0, 0))
    assert refusal(FormatNotAllowed, saved(image, kind)) == (
        f"{name} pictures are not read. Send PNG, JPEG, WebP, GIF or BMP."
    )


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"MM\0*", "TIFF"),
        (b"8BPS\0\1", "Photoshop"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"\0\0\0\x20ftypavif", "AVIF"),
        (b"\0\0\0\x20ftypheic", "HEIC"),
        (b"\0\0\0\x20ftypmif1", "HEIC"),
        (b"P4 8 8 ", "PBM"),
        (b"P5 8 8 255 ", "PGM"),
    ],
)
def test_other_formats_are_named_by_how_they_begin(start, name):
    assert name in refusal(FormatNotAllowed, start + bytes(50))


def test_svg_is_named():
    assert "SVG" in refusal(FormatNotAllowed, b'<svg xmlns="http://www.w3.org/2000/svg"/>')


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_picture_is_damaged(kind, share):
    rng = np.random.default_rng(SEED)
    image = Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8))
    data = saved(image, kind)
    refusal(NotAPicture, data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_refused(kind):
    frames = [drawn().convert("RGB"), drawn(pen=20).convert("RGB")]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    assert refusal(NotAPicture, data) == "This is an animation. Send a single picture of a digit."


def png_header(width: int, height: int, bits: int = 1) -> bytes:
    """A PNG that says how large it is and then has nothing."""
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return costs.PNG_START + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


TOO_LONG = "The picture is too large. It may have up to 16,384 pixels a side."
TOO_LARGE = "The picture is too large. It may have up to 16 million pixels, as a JPEG that is not progressive 50."


@pytest.mark.parametrize("size", [(16_385, 1), (1, 16_385), (1, 89_000_000), (2**31 - 1, 2**31 - 1)])
def test_a_long_png_is_refused_from_its_header(size):
    assert refusal(PictureTooLarge, png_header(*size)) == TOO_LONG


@pytest.mark.parametrize("size", [(4097, 4096), (10_000, 10_000), (16_384, 1025)])
def test_a_large_png_is_refused_from_its_header(size):
    assert refusal(PictureTooLarge, png_header(*size)) == TOO_LARGE


@pytest.mark.parametrize("kind", ["GIF", "BMP", "JPEG"])
def test_a_long_picture_is_refused_whatever_its_format(kind):
    assert refusal(PictureTooLarge, saved(Image.new("L", (16_385, 3)), kind)) == TOO_LONG


def resized(data: bytes, width: int, height: int, frame: bytes = b"\xc0") -> bytes:
    """A JPEG that claims another size."""
    at = data.index(b"\xff" + frame) + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def test_a_large_jpeg_is_refused_from_its_header():
    plain = saved(drawn(mode="RGB"), "JPEG")
    assert refusal(PictureTooLarge, resized(plain, 8000, 6251)) == TOO_LARGE


def test_a_jpeg_of_several_scans_may_have_no_more_pixels_than_other_pictures():
    progressive, plain = (saved(drawn(mode="RGB"), "JPEG", progressive=how) for how in (True, False))
    assert refusal(PictureTooLarge, resized(progressive, 4097, 4096, b"\xc2")) == TOO_LARGE
    scan = plain.index(b"\xff\xda")
    one_colour = plain[: scan + 4] + b"\1" + plain[scan + 5 :]
    assert refusal(PictureTooLarge, resized(one_colour, 4097, 4096)) == TOO_LARGE


@pytest.mark.parametrize(("kind", "size"), [("JPEG", (8000, 6000)), ("PNG", (8000, 2000)), ("BMP", (1000, 12_000))])
def test_a_picture_with_a_side_above_4096_pixels_is_scaled_down(five, kind, size):
    image = Image.new("L", size, 255)
    side = min(size) - 20
    image.paste(drawn(scale=4, pen=56, side=1120).resize((side, side)), (10, 10))
    assert alike(picture_of(image, kind), five) > 0.98


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("alpha", [True, False])
def test_the_size_of_a_webp_is_read_from_all_three_headers(lossless, alpha):
    image = Image.new("RGBA" if alpha else "RGB", (123, 45), (1, 2, 3, 4) if alpha else 0)
    assert costs._webp_size(saved(image, "WEBP", lossless=lossless)) == (123, 45)


def test_the_largest_picture_is_read():
    image = Image.new("1", (4096, 4096), 1)
    image.paste(0, (2000, 1000, 2200, 3000))
    assert picture_of(image)[14, 14] == 1


def test_a_png_of_a_million_empty_chunks_is_refused():
    data = png_header(28, 28)[:33] + chunk(b"teXt", b"") * 600_000
    assert refusal(NotAPicture, data) == "The picture is a PNG of more than 4096 pieces. Save it again."


def test_a_jpeg_of_many_scans_is_refused():
    file = saved(drawn(), "JPEG", progressive=True)
    at = file.rindex(b"\xff\xda")
    bomb = file[:at] + file[at:-2] * 200 + file[-2:]
    assert refusal(NotAPicture, bomb) == "The picture is a JPEG of more than 100 scans. Save it again."


def test_a_gif_of_many_frames_is_refused_at_the_second():
    two = saved(drawn(), "GIF", save_all=True, append_images=[drawn(pen=20)])
    frames = two[two.index(b"\x21\xf9") : -1]
    bomb = two.replace(frames, frames * 500)
    started = time.process_time()
    assert refusal(NotAPicture, bomb) == "This is an animation. Send a single picture of a digit."
    assert time.process_time() - started < 0.5


def test_a_small_file_that_unpacks_to_much_text_is_refused():
    bomb = chunk(b"zTXt", b"key\0\0" + zlib.compress(b" " * 50_000_000))
    refusal(NotAPicture, png_header(28, 28)[:33] + bomb + png_header(28, 28)[33:])


# --- whatever comes ---


def answer(data: bytes) -> np.ndarray | None:
    """A picture that keeps all promises, or None where a Problem was raised; anything else raises."""
    try:
        reading = preprocess(data)
    except Problem:
        return None
    assert reading.picture.shape == (28, 28)
    assert reading.picture.dtype == np.float32
    assert np.isfinite(reading.picture).all()
    assert reading.picture.min() >= 0
    assert 0.2 < reading.picture.max() <= 1
    return reading.picture


FILES = [saved(drawn(side=60, scale=0.2, pen=3).convert("RGB"), kind) for kind in decoding.FORMATS]
LIGHT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LIGHT
@given(data=st.binary(max_size=300))
def test_any_bytes_are_answered(data):
    answer(data)


@LIGHT
@given(file=st.sampled_from(FILES), data=st.data())
def test_any_damage_to_a_picture_is_answered(file, data):
    broken = bytearray(file)
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    answer(bytes(broken[: data.draw(st.integers(1, len(broken)))]))


@LIGHT
@given(
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["noise", "few dots", "halves", "ramp"]),
    mode=st.sampled_from(["1", "L", "LA", "RGB", "RGBA", "P"]),
)
def test_any_pixels_are_answered(width, height, seed, kind, mode):
    rng = np.random.default_rng(seed)
    levels = {
        "noise": rng.integers(0, 256, (height, width)),
        "few dots": np.where(rng.random((height, width)) < 0.03, 0, 255),
        "halves": np.where(np.arange(width) < width // 2, 20, 200) + np.zeros((height, 1), int),
        "ramp": np.linspace(0, 255, width * height).reshape(height, width),
    }[kind]
    answer(saved(Image.fromarray(levels.astype(np.uint8)).convert(mode)))


@LIGHT
@given(x=st.floats(-80, 80), y=st.floats(-50, 70), scale=st.floats(0.4, 1.0), dark=st.booleans())
def test_a_drawing_gives_nearly_the_same_picture_wherever_it_is(x, y, scale, dark):
    levels = {"paper": 255, "colour": 0} if dark else {"paper": 0, "colour": 255}
    corner = (140 - 140 * scale, 130 - 130 * scale)
    move = (corner[0] + x * scale, corner[1] + y * scale)
    assert alike(picture_of(drawn(move=move, scale=scale, pen=14 * scale, **levels)), picture_of(drawn())) > 0.98


def test_means_over_rows_and_parts_of_rows_count_the_last_row_and_paper_beyond_it():
    values = np.array([[0], [4], [8]], np.float32)
    low, high = np.array([0, 1, 2, 2.5, -1, 2]), np.array([3, 2, 3, 3, 1, 4])
    assert _means(values, low, high).ravel().tolist() == [4, 4, 8, 8, 0, 4]


def test_in_the_spot_of_a_lamp_a_pencil_digit_is_read_as_in_even_light():
    x, y = np.meshgrid(np.linspace(0, 1, 400), np.linspace(0, 1, 400))
    spot = 0.5 + 0.5 * np.exp(-((x - 0.3) ** 2 + (y - 0.7) ** 2) / 0.02)
    image = Image.new("L", (400, 400), 200)
    ImageDraw.Draw(image).line([(120, 100), (280, 100), (180, 320)], fill=90, width=14, joint="curve")
    grain = np.random.default_rng(SEED).normal(0, 3, (400, 400))
    even, lit = (
        picture_of(Image.fromarray(np.clip(np.asarray(image) * light + grain, 0, 255).astype(np.uint8)))
        for light in (1, spot)
    )
    assert np.corrcoef(even.ravel(), lit.ravel())[0, 1] > 0.98
