"""Digits on ruled and squared paper, and in the boxes of a form: their lines are left out, strokes are not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

import pictures
import reading
from reading import ruled
from reading.preprocessing import preprocess


def read(picture: Image.Image) -> tuple[str, bool]:
    """The number on a picture, or its digit, and whether lines of the paper were left out."""
    found = reading.read(pictures.encoded(picture))
    return found.number.text if found.number else str(found.digit), ruled.NO_RULES in found.steps


PAPER = {"ruled": (80, 0), "squared": (40, 40)}


@pytest.mark.parametrize("light", [0, 110, 170])
@pytest.mark.parametrize("paper", PAPER.values(), ids=list(PAPER))
def test_a_number_on_lined_paper_is_read(paper: tuple[int, int], light: int) -> None:
    assert read(pictures.lined("2704", *paper, light)) == ("2704", True)


@pytest.mark.parametrize("turned", [0, 1.5])
@pytest.mark.parametrize("paper", PAPER.values(), ids=list(PAPER))
def test_a_number_on_a_photo_of_lined_paper_is_read(paper: tuple[int, int], turned: float) -> None:
    assert read(pictures.tilted(pictures.lined("2704", *paper, 0), turned)) == ("2704", True)


@pytest.mark.parametrize("paper", PAPER.values(), ids=list(PAPER))
@pytest.mark.parametrize("digit", "0247")
def test_a_digit_on_lined_paper_is_read(digit: str, paper: tuple[int, int]) -> None:
    assert read(pictures.lined(digit, *paper, 60)) == (digit, True)


@pytest.mark.parametrize("apart", [0, 20])
def test_the_boxes_of_a_form_are_no_digits(apart: int) -> None:
    assert read(pictures.boxed("2704", apart=apart))[0] == "2704"


SQUARE = {
    "0": [[(30, 40), (200, 40), (200, 240), (30, 240), (30, 40)]],
    "8": [[(30, 40), (200, 40), (200, 240), (30, 240), (30, 40)], [(30, 140), (200, 140)]],
    "2": [[(30, 40), (200, 40), (200, 140), (30, 140), (30, 240), (200, 240)]],
}


@pytest.mark.parametrize("pen", [3, 20])
@pytest.mark.parametrize("strokes", SQUARE.values(), ids=list(SQUARE))
def test_a_digit_of_straight_lines_is_no_paper(strokes: list[list[tuple[int, int]]], pen: int) -> None:
    image = Image.new("L", (230, 280), 255)
    for stroke in strokes:
        ImageDraw.Draw(image).line(stroke, fill=0, width=pen)
    for each in (image, image.crop((30, 40, 201, 241))):
        assert ruled.NO_RULES not in preprocess(pictures.encoded(each)).steps


def test_paper_without_a_digit_is_not_left_out() -> None:
    empty = np.full((300, 300), 255, np.uint8)
    empty[::30] = empty[:, ::30] = 0
    assert ruled.rules(empty == 0) is None


def test_where_a_stroke_crosses_a_line_the_stroke_stays() -> None:
    mask = np.zeros((200, 200), bool)
    mask[20::40] = mask[21::40] = True
    mask[:, 95:105] = True
    found = ruled.rules(mask)
    assert found is not None
    assert np.array_equal(mask & ~found, np.broadcast_to((np.arange(200) >= 95) & (np.arange(200) < 105), mask.shape))
