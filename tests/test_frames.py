"""What lies inside a frame, on a panel or between axes is what is meant; and a zero is no frame."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pictures import STROKES
from reading.ink import ink_of
from reading.preprocessing import Preprocessed, preprocess

SIDE = 280  # pixels of a picture
FINE = 3  # drawn this much larger, then averaged down
Draw = Callable[[ImageDraw.ImageDraw], None]


def drawn(
    digit: int | None, around: Draw, paper: int = 255, ink: int = 0, share: float = 0.5, pen: float = 12
) -> Image.Image:
    """A grey picture of a digit in the middle, `share` of the usual size, on what `around` has drawn before."""
    image = Image.new("L", (SIDE * FINE, SIDE * FINE), paper)
    draw = ImageDraw.Draw(image)
    around(draw)
    for stroke in STROKES[digit] if digit is not None else []:
        points = [(FINE * (140 + share * (x - 140)), FINE * (140 + share * (y - 140))) for x, y in stroke]
        draw.line(points, fill=ink, width=round(pen * FINE))
        for x, y in points:
            half = pen * FINE / 2
            draw.ellipse([x - half, y - half, x + half, y + half], fill=ink)
    return image.reduce(FINE)


def nothing(_: ImageDraw.ImageDraw) -> None:
    """A digit alone."""


def frame(inset: float, width: float, radius: float = 0, ink: int = 0, fill: int | None = None) -> Draw:
    """A square, whose corners may be round; filled, it is a panel."""
    box = [FINE * inset, FINE * inset, FINE * (SIDE - inset) - 1, FINE * (SIDE - inset) - 1]
    return lambda draw: draw.rounded_rectangle(box, FINE * radius, fill, ink, round(FINE * width))


def circle(inset: float, width: float, ink: int = 0) -> Draw:
    box = [FINE * inset, FINE * inset, FINE * (SIDE - inset) - 1, FINE * (SIDE - inset) - 1]
    return lambda draw: draw.ellipse(box, outline=ink, width=round(FINE * width))


def both(*parts: Draw) -> Draw:
    def draw_all(draw: ImageDraw.ImageDraw) -> None:
        for part in parts:
            part(draw)

    return draw_all


def ticks(inset: float, ink: int = 0) -> Draw:
    """The marks and numbers of a plot, left of and below a square."""

    def draw_ticks(draw: ImageDraw.ImageDraw) -> None:
        low, high, long = FINE * inset, FINE * (SIDE - inset), FINE * 5
        for at in np.linspace(low + 10, high - 10, 6):
            draw.line([at, high, at, high + long], fill=ink, width=FINE)
            draw.line([low - long, at, low, at], fill=ink, width=FINE)
            draw.text((at - 10, high + 2 * long), f"{at / 100:.1f}", fill=ink, font_size=24)
            draw.text((low - 5 * long, at - 12), f"{at / 100:.1f}", fill=ink, font_size=24)
        draw.text((320, low - 40), "a digit", fill=ink, font_size=30)

    return draw_ticks


def axes(draw: ImageDraw.ImageDraw) -> None:
    """Two lines at a right angle, with marks and numbers."""
    draw.line([120, 120, 120, 720, 780, 720], fill=0, width=2 * FINE)
    ticks(40)(draw)


def read(image: Image.Image, kind: str = "PNG") -> Preprocessed:
    file = io.BytesIO()
    image.save(file, kind)
    return preprocess(file.getvalue())


def distance(one: Preprocessed, other: Preprocessed) -> float:
    """How much two pictures differ, as a share of the ink that one has."""
    return float(np.abs(one.picture - other.picture).sum() / one.picture.sum())


FRAMES = {
    f"{name}, {inset} from the edge, {width} wide": make(inset, width)
    for name, make in (
        ("square", frame),
        ("round corners", lambda inset, width: frame(inset, width, 20)),
        ("rounder corners", lambda inset, width: frame(inset, width, 45)),
        ("grey square", lambda inset, width: frame(inset, width, ink=150)),
        ("circle", circle),
    )
    for inset in (0, 1, 8, 25)
    for width in (1, 3, 8, 16)
    if inset or name not in ("circle", "rounder corners")
}
OTHERS = {
    "two frames": both(frame(4, 2), frame(16, 2)),
    "a frame, then a circle": both(frame(4, 6), circle(20, 3)),
    "a plot": both(frame(40, 1), ticks(40)),
    "axes": axes,
}


@pytest.mark.parametrize("name", [*FRAMES, *OTHERS])
@pytest.mark.parametrize("digit", STROKES)
def test_what_is_inside_a_frame_is_read_as_if_it_stood_alone(digit: int, name: str) -> None:
    framed = read(drawn(digit, (FRAMES | OTHERS)[name]))
    assert distance(read(drawn(digit, nothing)), framed) < 0.02
    assert {"took what is inside the frame", "took what is on the panel"} & set(framed.steps)


def test_the_steps_tell_of_a_frame_once_and_first() -> None:
    steps = read(drawn(7, OTHERS["two frames"])).steps
    assert steps[:2] == ["took what is inside the frame", "turned dark ink on light paper into light on dark"]
    assert steps.count("took what is inside the frame") == 1


PANELS = {
    f"{name}, {inset} from the edge, {paper} on {behind}": (
        behind,
        ink,
        frame(inset, 1, radius, ink=paper, fill=paper),
    )
    for name, radius in (("square", 0), ("round corners", 20))
    for inset in (3, 20, 40)
    for behind, paper, ink in ((255, 0, 255), (255, 60, 230), (200, 90, 255), (30, 240, 0), (0, 128, 255))
}


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("digit", STROKES)
def test_what_is_on_a_panel_is_read_as_if_it_stood_alone(digit: int, name: str) -> None:
    behind, ink, panel = PANELS[name]
    found = read(drawn(digit, panel, paper=behind, ink=ink))
    assert distance(read(drawn(digit, nothing)), found) < 0.02
    assert found.steps[0] == "took what is on the panel"


@pytest.mark.parametrize("digit", STROKES)
def test_a_panel_in_a_frame_is_read(digit: int) -> None:
    found = read(drawn(digit, both(frame(3, 2), frame(20, 1, fill=40)), ink=255))
    assert distance(read(drawn(digit, nothing)), found) < 0.02
    assert found.steps[:2] == ["took what is inside the frame", "took what is on the panel"]


@pytest.mark.parametrize("digit", STROKES)
def test_a_picture_in_a_plot_is_read(digit: int) -> None:
    plotted = drawn(digit, both(frame(40, 1, fill=0), ticks(40)), ink=255)
    assert distance(read(drawn(digit, nothing)), read(plotted)) < 0.02


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("side", [84, 280, 1200])
@pytest.mark.parametrize("around", [frame(12, 4), frame(20, 1, fill=40, ink=40)], ids=["frame", "panel"])
def test_neither_size_nor_format_matters(around: Draw, side: int, kind: str) -> None:
    ink = 0 if drawn(None, around).getpixel((140, 140)) > 128 else 255
    image = drawn(2, around, ink=ink).resize((side, side), Image.Resampling.LANCZOS)
    alone = drawn(2, nothing).resize((side, side), Image.Resampling.LANCZOS)
    assert distance(read(alone, kind), read(image, kind)) < 0.2


def lines(sides: str, inset: float, width: float, ink: int = 0) -> Draw:
    """Lines along some sides of the picture, as a screenshot or a careless crop has them."""
    low, high, full = FINE * inset, FINE * (inset + width) - 1, FINE * SIDE
    boxes = {
        "top": [0, low, full, high],
        "bottom": [0, full - 1 - high, full, full - 1 - low],
        "left": [low, 0, high, full],
        "right": [full - 1 - high, 0, full - 1 - low, full],
    }
    return both(*(lambda draw, box=boxes[side]: draw.rectangle(box, fill=ink) for side in sides.split()))


SIDES = ["top", "bottom", "left", "right", "top bottom", "left right", "top left", "bottom right", "top left right"]


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize(("inset", "width", "ink"), [(0, 1, 0), (0, 2, 0), (0, 5, 90), (3, 1, 0), (2, 3, 150)])
@pytest.mark.parametrize("digit", STROKES)
def test_a_line_along_the_edge_is_left_out(digit: int, sides: str, inset: float, width: float, ink: int) -> None:
    found = read(drawn(digit, lines(sides, inset, width, ink)))
    assert distance(read(drawn(digit, nothing)), found) < 0.02


def test_the_steps_tell_of_a_line_along_the_edge() -> None:
    assert read(drawn(4, lines("left", 0, 3))).steps[0] == "left out a line along the edge"


def test_a_line_alone_is_a_one() -> None:
    assert not any("left out" in step for step in read(drawn(None, lines("left", 3, 5))).steps)


@pytest.mark.parametrize("pen", [50, 80, 110])
@pytest.mark.parametrize("digit", [0, 2, 4, 7])
@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (240, 60)])
def test_a_thick_pen_cropped_tight_is_read_as_on_wide_paper(digit: int, pen: float, paper: int, ink: int) -> None:
    wide = drawn(digit, nothing, paper, ink, 0.7, pen)
    box = Image.fromarray(np.asarray(wide) != paper).getbbox()
    assert distance(read(wide), read(wide.crop(box))) < 0.02


def boxed(share: float, pen: float, mark: Draw = nothing) -> Image.Image:
    """A zero with four corners, by a person with a ruler."""
    corners = [(90, 50), (190, 50), (190, 230), (90, 230), (90, 50)]
    points = [(FINE * (140 + share * (x - 140)), FINE * (140 + share * (y - 140))) for x, y in corners]
    return drawn(None, both(lambda draw: draw.line(points, fill=0, width=round(pen * FINE), joint="curve"), mark))


def mark(kind: str) -> Draw:
    """What people put in a zero."""
    lines = {"dot": [(140, 138), (140, 142)], "slash": [(120, 175), (160, 105)], "bar": [(120, 140), (160, 140)]}[kind]
    return lambda draw: draw.line([(FINE * x, FINE * y) for x, y in lines], fill=0, width=10 * FINE)


@pytest.mark.parametrize("pen", [4, 12, 24, 40])
@pytest.mark.parametrize("share", [0.4, 1])
def test_a_zero_with_corners_is_no_frame_and_no_panel(share: float, pen: float) -> None:
    assert not any("took" in step for step in read(boxed(share, pen)).steps)


@pytest.mark.parametrize("kind", ["dot", "slash", "bar"])
@pytest.mark.parametrize("width", [70, 90, 100])
def test_a_round_zero_with_a_mark_inside_is_no_frame(kind: str, width: int) -> None:
    box = [FINE * (140 - width), FINE * 40, FINE * (140 + width), FINE * 240]
    image = drawn(None, both(lambda draw: draw.ellipse(box, outline=0, width=12 * FINE), mark(kind)))
    assert not any("took" in step for step in read(image).steps)


def test_a_zero_with_corners_and_a_dot_is_no_frame() -> None:
    assert not any("took" in step for step in read(boxed(1, 12, mark("dot"))).steps)


def test_an_empty_frame_is_left_as_it_is() -> None:
    assert not any("took" in step for step in read(drawn(None, frame(40, 6))).steps)


def test_an_empty_panel_is_left_as_it_is() -> None:
    steps: list[str] = []
    assert ink_of(drawn(None, frame(40, 1, fill=0)), steps).ink.mean() > 0.9
    assert steps == ["turned dark ink on light paper into light on dark"]
