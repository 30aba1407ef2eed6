"""Specks, as a local threshold leaves them on noise, are no part of a digit, however many there are."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pictures import STROKES, canvas, encoded
from reading.preprocessing import preprocess

PICTURES = {digit: np.asarray(canvas(digit, pen=14).getchannel("A")) < 128 for digit in STROKES}  # True is paper


def black_on_white(paper: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(paper, 255, 0).astype(np.uint8))


def difference(image: Image.Image, digit: int) -> float:
    """How much of the ink that is read is elsewhere than on a clean picture."""
    clean, read = (preprocess(encoded(one)).picture for one in (black_on_white(PICTURES[digit]), image))
    return float(np.abs(clean - read).sum() / clean.sum())


def specked(digit: int, share: float, side: int) -> Image.Image:
    """A digit with specks up to `side` pixels a side on about that share of the picture."""
    rng, paper = np.random.default_rng(digit), PICTURES[digit].copy()
    for _ in range(int(share * paper.size / ((side + 1) / 2) ** 2)):
        (top, left), (height, width) = rng.integers(0, 280, 2), rng.integers(1, side + 1, 2)
        paper[top : top + height, left : left + width] = False
    return black_on_white(paper)


@pytest.mark.parametrize(
    ("share", "side"), [(0.001, 1), (0.01, 1), (0.05, 1), (0.08, 1), (0.02, 3), (0.05, 3), (0.02, 5)]
)
@pytest.mark.parametrize("digit", STROKES)
def test_specks_are_left_out_whatever_their_size_and_number(digit: int, share: float, side: int) -> None:
    assert difference(specked(digit, share, side), digit) < 0.25


@pytest.mark.parametrize("grain", [0, 1, 2])
@pytest.mark.parametrize("digit", STROKES)
def test_a_local_threshold_of_a_noisy_photo_is_read(digit: int, grain: float) -> None:
    rng = np.random.default_rng(digit)
    noise = (
        np.asarray(
            Image.fromarray(rng.normal(128, 40, (280, 280)).clip(0, 255).astype(np.uint8)).filter(
                ImageFilter.GaussianBlur(grain)
            ),
            np.float32,
        )
        - 128
    )
    light = np.where(PICTURES[digit], 200, 100) - np.linspace(0, 60, 280) + 6 * noise / noise.std()
    photo = Image.fromarray(light.clip(0, 255).astype(np.uint8))
    around = np.asarray(photo.filter(ImageFilter.BoxBlur(15)), np.float32)
    assert difference(black_on_white(np.asarray(photo) > around - 9), digit) < 0.25


def test_the_steps_tell_of_specks() -> None:
    assert "left out specks" in preprocess(encoded(specked(2, 0.05, 1))).steps
