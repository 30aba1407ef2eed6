"""What training makes of a digit works on anything: a dot, a dash, a single point, under any label and any seed."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from learning.augment.coordinates import POINTS, SEGMENTS
from learning.augment.epoch import INVENTED, Augmenter
from learning.augment.not_digits import unfinish_four
from learning.augment.styles import draw_styles, overhang, redraw_nine, redraw_zero

PLACES = st.floats(-4, 32, width=32)  # of a point of a skeleton, in pixels of 28x28
PAIRS = st.tuples(PLACES, PLACES)


@st.composite
def skeletons(draw: st.DrawFn) -> np.ndarray:
    """Float32 (POINTS, 2): one point, a dash (level, upright or slanting), a few dots, or any points."""
    kind = draw(st.sampled_from(["point", "level", "upright", "slanting", "dots", "any"]))
    if kind in ("dots", "any"):
        few = draw(st.lists(PAIRS, min_size=1, max_size=3 if kind == "dots" else POINTS))
        return np.resize(np.array(few, np.float32), (POINTS, 2))
    start, end = (np.array(draw(PAIRS), np.float32) for _ in range(2))
    end = {"point": start, "level": end * (1, 0) + start * (0, 1), "upright": end * (0, 1) + start * (1, 0)}.get(
        kind, end
    )
    return np.linspace(start, end, POINTS).astype(np.float32)


def check_segments(segments: np.ndarray, shape: tuple[int, ...]) -> None:
    """Each segment is there with four numbers, or absent with none."""
    assert segments.shape == shape
    there = np.isfinite(segments)
    assert (there.all(-1) | np.isnan(segments).all(-1)).all()


@pytest.mark.parametrize("label", range(10))
@given(points=skeletons(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_style_is_drawn_on_any_skeleton(label: int, points: np.ndarray, seed: int) -> None:
    drawn = draw_styles(points[None], np.array([label]), np.random.default_rng(seed))
    check_segments(drawn, (1, SEGMENTS, 4))


@pytest.mark.parametrize("redraw", [redraw_zero, redraw_nine, unfinish_four])
@given(points=skeletons(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_stroke_is_made_anew_from_any_skeleton(
    redraw: Callable[[np.ndarray, np.random.Generator], np.ndarray], points: np.ndarray, seed: int
) -> None:
    check_segments(redraw(points, np.random.default_rng(seed)), (SEGMENTS, 4))


@given(points=skeletons())
@settings(max_examples=60, deadline=None)
def test_the_overhang_of_any_skeleton_is_a_share(points: np.ndarray) -> None:
    reach = overhang(points)
    assert np.isfinite(reach)
    assert reach >= 0


def picture(*line: tuple[float, float]) -> np.ndarray:
    """A dash, or a dot where it ends where it begins: uint8 (28, 28)."""
    paper = Image.new("L", (28, 28))
    ImageDraw.Draw(paper).line(line, fill=255, width=2)
    return np.asarray(paper)


MARKS = {
    "a point": picture((14, 14), (14, 14)),
    "a level dash": picture((5, 14), (23, 14)),
    "an upright dash": picture((14, 5), (14, 23)),
    "a slanting dash": picture((6, 20), (22, 8)),
    "nothing": np.zeros((28, 28), np.uint8),
}


@pytest.mark.parametrize("name", MARKS)
def test_an_epoch_is_made_of_marks_under_every_label(name: str) -> None:
    """As `train.py --extra` gives them to it."""
    labels = np.repeat(np.arange(10), 12)
    augmenter = Augmenter(np.repeat(MARKS[name][None], len(labels), 0), labels)
    for seed in range(5):
        pictures, made = augmenter.epoch([seed], 0.9, 0.1)
        count = len(labels) + int(INVENTED * len(labels))
        assert (pictures.shape, pictures.dtype) == ((count, 28, 28), np.uint8)
        assert set(made.tolist()) <= set(range(11))
