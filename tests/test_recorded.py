"""What reading makes of a hundred odd pictures is what it made of them when that was recorded: each pixel, each step.

A change that is meant: look at what differs, then `python tests/test_recorded.py` records what is now
(recorded_pictures.json: the steps, and 28 rows of ink from 0 to f; or the sentence of the refusal).
"""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "cgi-bin"), str(HERE.parent)]  # as pytest does, for who runs this file itself

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from PIL import Image, ImageDraw, ImageFilter  # noqa: E402

import pictures  # noqa: E402
from reading.errors import Problem  # noqa: E402
from reading.numbers.writing import Writing  # noqa: E402
from reading.preprocessing import preprocess  # noqa: E402

RECORDED = HERE / "recorded_pictures.json"
LEVELS = 15  # of ink, as they are recorded
SIDE = 280
Draw = Callable[[ImageDraw.ImageDraw], None]


# --- the pictures -----------------------------------------------------------------------------------


def ink(digit: int, side: int = SIDE, pen: float = 16, share: float = 1.0) -> Image.Image:
    """A digit as ink of 0 to 255, in the middle of a square, `share` of the usual size."""
    fine = Image.new("L", (3 * side, 3 * side))
    draw, scale, half = ImageDraw.Draw(fine), 3 * side / SIDE, 1.5 * pen
    for stroke in pictures.STROKES[digit]:
        points = [tuple(scale * (140 + share * (at - 140)) for at in point) for point in stroke]
        draw.line(points, fill=255, width=round(2 * half), joint="curve")
        for x, y in points:
            draw.ellipse([x - half, y - half, x + half, y + half], fill=255)
    return fine.reduce(3)


def on_paper(digit: int, paper: object = 255, colour: object = 0, mode: str = "L", **how: float) -> Image.Image:
    """A digit on plain paper."""
    mask = ink(digit, **how)
    image = Image.new(mode, mask.size, paper)
    image.paste(colour, (0, 0, *mask.size), mask)
    return image


def with_marks(digit: int, marks: Draw, share: float = 0.5, paper: int = 255, **how: float) -> Image.Image:
    """A digit on paper, on which marks were drawn before."""
    image = Image.new("L", (SIDE, SIDE), paper)
    marks(ImageDraw.Draw(image))
    image.paste(0, (0, 0, SIDE, SIDE), ink(digit, share=share, **how))
    return image


def box(inset: int, width: int, fill: int | None = None, outline: int = 0, radius: int = 0) -> Draw:
    """A square."""
    corners = [inset, inset, SIDE - 1 - inset, SIDE - 1 - inset]
    return lambda draw: draw.rounded_rectangle(corners, radius, fill, outline, width)


def ring(inset: int, width: int) -> Draw:
    """A circle."""
    return lambda draw: draw.ellipse([inset, inset, SIDE - 1 - inset, SIDE - 1 - inset], outline=0, width=width)


def line(*points: int, width: int = 3) -> Draw:
    """A line from point to point."""
    return lambda draw: draw.line(points, fill=0, width=width)


def all_of(*parts: Draw) -> Draw:
    """Several marks, one on the other."""

    def draw_all(draw: ImageDraw.ImageDraw) -> None:
        for part in parts:
            part(draw)

    return draw_all


def photo(digit: int, light: str, contrast: float = 0.45, noise: float = 0.02, **how: float) -> Image.Image:
    """A digit in pencil, photographed in that light."""
    how = {"side": 420, "pen": 18} | how
    mask = np.asarray(ink(digit, **how).filter(ImageFilter.GaussianBlur(1.2)), float) / 255
    y, x = np.mgrid[0 : len(mask), 0 : len(mask)] / len(mask)
    lights = {
        "even": 0.75 + 0 * x,
        "falling": 0.3 + 0.55 * (0.7 * x + 0.3 * y),
        "shadow": 0.85 - 0.4 / (1 + np.exp(-(x + y - 1.1) / 0.05)),
        "corners": 0.9 - 0.9 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
        "lamp": 0.35 + 0.5 * np.exp(-((x - 0.3) ** 2 + (y - 0.4) ** 2) / 0.06),
        "bar": 0.8 - 0.45 * (x > 0.72),
    }
    grain = np.random.default_rng(5).normal(0, noise, mask.shape)
    return Image.fromarray(np.clip(255 * (lights[light] * (1 - contrast * mask) + grain), 0, 255).astype(np.uint8))


def specked(digit: int, share: float, side: int) -> Image.Image:
    """A digit with specks on that share of the picture."""
    rng, image = np.random.default_rng(digit), on_paper(digit).point(lambda level: 255 * (level > 127))
    for x, y in rng.integers(0, SIDE, (int(share * SIDE**2 / side**2), 2)).tolist():
        image.paste(0, (x, y, x + side, y + side))
    return image


def layer(digit: int, **how: float) -> Image.Image:
    """A digit in grey on a transparent ground."""
    image = Image.new("RGBA", (SIDE, SIDE))
    image.paste((90, 90, 90, 255), (0, 0, SIDE, SIDE), ink(digit, **how))
    return image


def sheet() -> Image.Image:
    """A digit on a sheet that lies on a transparent ground."""
    image = Image.new("RGBA", (SIDE, SIDE))
    image.paste(on_paper(4, share=0.7).crop((30, 20, 250, 260)).convert("RGBA"), (30, 20))
    return image


def turned(digit: int, orientation: int) -> bytes:
    """A photo whose EXIF data say how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    on_paper(digit).save(file, "JPEG", exif=exif)
    return file.getvalue()


def stripes(*levels: int) -> Image.Image:
    """A digit below stripes of other levels."""
    image = on_paper(7, share=0.6)
    for number, level in enumerate(levels):
        image.paste(level, (0, 12 * number, SIDE, 12 * number + 12))
    return image


def deep(digit: int) -> Image.Image:
    """A digit in 16 bits of grey."""
    return Image.fromarray((np.asarray(on_paper(digit), np.uint16) * 257).astype(np.uint16))


def dotted(radius: float) -> Image.Image:
    """A one with a dot beside it."""
    image = on_paper(1)
    ImageDraw.Draw(image).ellipse([215 - radius, 190 - radius, 215 + radius, 190 + radius], fill=0)
    return image


def offset(image: Image.Image) -> Image.Image:
    """A picture that lies on a transparent ground, not in its middle."""
    ground = Image.new("RGBA", (image.width + 90, image.height + 130))
    ground.paste(image.convert("RGBA"), (70, 25))
    return ground


def frames_cut() -> dict[str, Image.Image]:
    """A digit in a frame of which one side is cut off, or lies on the edge."""
    framed, far = with_marks(4, box(12, 4)), SIDE - 12
    boxes = {
        "left": (12, 0, SIDE, SIDE),
        "top": (0, 12, SIDE, SIDE),
        "right": (0, 0, far, SIDE),
        "foot": (0, 0, SIDE, far),
    }
    return {side: framed.crop(box) for side, box in boxes.items()}


PAPERS = {"ruled": (80, 0), "finely ruled": (31, 0), "squared": (40, 40), "oblong": (70, 45), "columned": (0, 60)}
BARS = {f"{height} by {width}": (height, width) for height, width in ((200, 10), (200, 60), (40, 200), (3, 90), (1, 1))}
PICTURES: dict[str, Image.Image | bytes] = {
    **{f"a drawn {digit}": on_paper(digit) for digit in pictures.STROKES},
    **{f"a 2 of a pen of {pen}": on_paper(2, pen=pen) for pen in (2, 5, 9, 40, 70)},
    **{f"a 4 of {side} pixels a side": on_paper(4, side=side, pen=side / 14) for side in (20, 28, 57, 700, 1400)},
    **{f"a bar, {name}": Image.new("L", (SIDE, SIDE), 255) for name in BARS},
    "white on black": on_paper(2, 0, 255),
    "grey on grey": on_paper(2, 140, 100),
    "too faint": on_paper(2, 140, 130),
    "yellow on white": on_paper(7, "white", "yellow", "RGB"),
    "blue on red": on_paper(4, "red", "blue", "RGB"),
    "red on dark blue": on_paper(0, "navy", "red", "RGB"),
    "on a transparent ground": layer(4),
    "faint, on a transparent ground": layer(2, pen=3),
    "a sheet on a transparent ground": sheet(),
    **{
        f"a photo in light: {light}": photo(2, light)
        for light in ("even", "falling", "shadow", "corners", "lamp", "bar")
    },
    "a thin pencil": photo(4, "falling", contrast=0.25, pen=7),
    "a small digit on a photo": photo(7, "corners", share=0.4),
    "a fat pen on a photo": photo(7, "shadow", pen=45),
    "a photo of a blackboard": Image.eval(photo(0, "falling", 0.6), lambda level: 255 - level),
    "a noisy photo": photo(2, "even", 0.3, noise=0.12),
    "a photo of nearly nothing": photo(2, "falling", contrast=0.04),
    "in a frame": with_marks(2, box(8, 3)),
    "in a thick frame with round corners": with_marks(4, box(20, 14, radius=45)),
    "in two frames": with_marks(7, all_of(box(4, 2), box(16, 2))),
    "in a frame that is too narrow": with_marks(2, box(95, 3), share=0.3),
    "in a circle": with_marks(2, ring(10, 5)),
    "in a circle that is crossed": with_marks(1, all_of(ring(40, 12), line(100, 180, 180, 100)), share=0.1),
    "on a panel": with_marks(2, box(30, 0, fill=190), paper=60),
    "on a panel in a frame": with_marks(4, all_of(box(6, 3), box(40, 0, fill=200))),
    "beside axes": with_marks(7, line(40, 30, 40, 240, 250, 240)),
    "beside thick axes": with_marks(7, line(40, 30, 40, 240, 250, 240, width=20)),
    "above a line along the edge": with_marks(2, line(0, 276, 280, 276)),
    "above a line away from the edge": with_marks(2, line(0, 250, 280, 250)),
    "above a short line along the edge": with_marks(2, line(60, 276, 280, 276)),
    "between two lines": with_marks(4, all_of(line(2, 0, 2, 280), line(277, 0, 277, 280))),
    "with a few specks": specked(2, 0.0005, 2),
    "with many specks": specked(4, 0.05, 1),
    "with large specks": specked(7, 0.02, 5),
    **{f"a one with a dot of {radius}": dotted(radius) for radius in (1, 3, 5, 12)},
    "below two stripes": stripes(200, 120),
    "below many stripes": stripes(20, 60, 100, 140, 180, 220, 240),
    "in 16 bits": deep(4),
    **{f"turned as EXIF says: {orientation}": turned(4, orientation) for orientation in (1, 3, 6)},
    "a wide picture": on_paper(2).resize((1900, 300)),
    **{
        f"{text} on {name} paper, lines of {light}": pictures.lined(text, *paper, light)
        for name, paper in PAPERS.items()
        for text, light in (("4", 60), ("27", 150))
    },
    **{
        f"a photo of {name} paper, turned by {degrees}": pictures.tilted(
            pictures.lined("2", *PAPERS[name], 40), degrees
        )
        for name in ("ruled", "squared")
        for degrees in (0, 2, -3)
    },
    "large, on ruled paper": pictures.lined("7", 80, 0, 60).resize((1500, 1700)),
    "lines alone": pictures.lined("1", 40, 40, 0).crop((0, 0, 100, 100)),
    "in boxes": pictures.boxed("47"),
    "in thick boxes": pictures.boxed("20", width=9),
    "in boxes, one above the other": pictures.boxed("02").transpose(Image.Transpose.TRANSPOSE),
    **{f"{text}, with its place": pictures.number(text) for text in ("12", "404")},
    "a number on a transparent ground": offset(pictures.number("71")),
    "a number in a large picture": pictures.number("41").resize((2600, 1500)),
    "a number of five digits, with gaps": pictures.number("27104", 60),
    **{f"in a frame, {side} pixels a side": with_marks(2, box(8, 5)).resize((side, side)) for side in (40, 90, 150)},
    **{f"in a frame that touches the {side}": cut for side, cut in frames_cut().items()},
}
for name, (height, width) in BARS.items():
    bar = PICTURES[f"a bar, {name}"]
    assert isinstance(bar, Image.Image)
    bar.paste(0, (60, 50, 60 + width, 50 + height))


# --- what is made of them ---------------------------------------------------------------------------


def outcome(picture: Image.Image | bytes) -> dict[str, object]:
    """What reading makes of a picture, as it is recorded."""
    try:
        read = preprocess(picture if isinstance(picture, bytes) else pictures.encoded(picture))
    except Problem as problem:
        return {"refused": str(problem)}
    rows = ["".join(f"{level:x}" for level in row) for row in np.rint(read.picture * LEVELS).astype(int).tolist()]
    return {"steps": read.steps, "rows": rows, "may be a number": read.writing and kept(read.writing)}


def kept(writing: Writing) -> list[object]:
    """The size of what is kept in case it is a number, its place on the picture, and its shape."""
    place = (round(float(at), 2) for at in (writing.left, writing.top, writing.step))
    return [*np.shape(writing.ink), *place, round(float(writing.shape.wide), 2), writing.shape.stacked]


def levels(rows: list[str]) -> np.ndarray:
    """Recorded rows as numbers."""
    return np.array([[int(level, 16) for level in row] for row in rows])


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_read_as_it_was_when_that_was_recorded(name: str) -> None:
    recorded, now = json.loads(RECORDED.read_text())[name], outcome(PICTURES[name])
    was_rows, rows = (levels(one.pop("rows", [])) for one in (recorded, now))
    assert now == recorded
    assert np.shape(rows) == np.shape(was_rows)
    assert np.abs(rows - was_rows).max(initial=0) <= 1  # other versions of Pillow round otherwise
    assert np.abs(rows - was_rows).sum() <= 0.02 * was_rows.sum()


def test_each_recorded_picture_is_looked_at() -> None:
    assert list(json.loads(RECORDED.read_text())) == list(PICTURES)


if __name__ == "__main__":
    RECORDED.write_text(json.dumps({name: outcome(picture) for name, picture in PICTURES.items()}, indent=1) + "\n")
