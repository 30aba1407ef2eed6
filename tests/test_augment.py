"""Augmentation: what a digit may become, and what it must stay."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytest.importorskip("skimage", reason="training packages are not installed: pip install -r requirements.txt")

import augment

STROKES = {
    0: [(9, 4, 18, 23)],
    1: [(14, 4, 14, 23)],
    4: [(9, 4, 9, 14), (9, 14, 19, 14), (17, 4, 17, 23)],
    7: [(8, 5, 19, 5), (19, 5, 12, 23)],
}


def picture(digit):
    image = Image.new("L", (28, 28))
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[digit]:
        if digit == 0:
            draw.ellipse(stroke, outline=255, width=2)
        else:
            draw.line(stroke, fill=255, width=2)
    return np.asarray(image)


@pytest.fixture(scope="module")
def augmenter():
    labels = np.array([0, 1, 4, 7] * 30)
    return augment.Augmenter(np.stack([picture(d) for d in labels]), labels)


def test_a_straight_stroke_leaves_a_skeleton_along_its_middle(augmenter):
    field, points = augmenter.skeletons.fields[1], augmenter.skeletons.points[1]
    assert np.ptp(points[:, 0]) < 1
    assert np.ptp(points[:, 1]) == pytest.approx(19, abs=2)
    row = field[augment.PAD + 14].astype(float)
    assert row.argmin() == augment.PAD + round(float(points[:, 0].mean()))
    assert row[augment.PAD + 9] == pytest.approx(points[:, 0].mean() - 9, abs=0.4)


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others(augmenter):
    first, again, other = (augmenter.epoch([seed], 0.5, 0.1) for seed in (3, 3, 4))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_an_epoch_has_every_picture_once_and_the_asked_share_of_what_is_no_digit(augmenter):
    pictures, labels = augmenter.epoch([1], 0.5, 0.0)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (120, 28, 28)
    assert np.bincount(labels, minlength=11).tolist() == [30, 30, 0, 0, 30, 0, 0, 30, 0, 0, 0]
    _, labels = augmenter.epoch([1], 0.0, 1.0)
    assert set(labels.tolist()) <= {1, 4, augment.NOT_A_DIGIT}
    assert (labels == augment.NOT_A_DIGIT).mean() > 0.8


@pytest.mark.parametrize(
    "share", [{"drawn": 1.0, "foreign": 0.0}, {"drawn": 0.0, "foreign": 0.0}, {"drawn": 0.0, "foreign": 1.0}]
)
def test_every_picture_has_ink_inside_a_margin_of_paper(augmenter, share):
    pictures, _ = augmenter.epoch([5], **share)
    assert pictures.max((1, 2)).min() > 60
    edge = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], 1)
    assert (edge.max(1) < 60).mean() > 0.85


def test_a_drawn_digit_fills_the_box_of_mnist_whatever_the_pen(augmenter):
    pictures = augmenter.drawn(np.arange(120), np.random.default_rng(0)) > 0.3
    rows, columns = pictures.any(2).sum(1), pictures.any(1).sum(1)
    longer = np.maximum(rows, columns)
    assert 17 <= np.median(longer) <= 21
    assert longer.max() <= 25


@pytest.mark.parametrize("pen", [0.6, 1.0, 2.5, 4.0])
def test_a_pen_covers_its_own_width_of_ink(pen):
    distance = np.abs(np.arange(28) - 14.0)[None, None].repeat(28, 1).astype(np.float32)
    for soft in (0.5, 1.0):
        covered = augment.ink(distance, np.array([pen], np.float32), np.array([soft], np.float32))
        assert covered[0].sum(1) == pytest.approx(np.full(28, pen), abs=1e-5)


def test_distance_to_a_segment_is_measured_to_its_ends_and_its_middle():
    at = np.zeros((1, 28, 28, 2), np.float32)
    at[0, 0, 0], at[0, 0, 1], at[0, 0, 2] = (5, 3), (0, 0), (14, 4)
    segments = np.full((1, 2, 4), np.nan, np.float32)
    segments[0, 0] = (3, 0, 11, 0)
    assert augment.distance_to_segments(at, segments)[0, 0, :3].tolist() == pytest.approx([3, 3, 5])


def test_without_segments_everything_is_far():
    nothing = np.full((1, 2, 4), np.nan, np.float32)
    assert (augment.distance_to_segments(np.zeros((1, 28, 28, 2), np.float32), nothing) == augment.FAR).all()


def test_styles_are_drawn_onto_their_own_digit_only(augmenter):
    points, labels = augmenter.skeletons.points, augmenter.labels
    has = ~np.isnan(augment.draw_styles(points, labels, np.random.default_rng(0))[:, 0, 0])
    shares = {int(d): has[labels == d].mean() for d in (0, 1, 7)}
    assert all(0.2 < share < 0.9 for share in shares.values()), shares
    assert not has[labels == 4].any()  # this open four is too wide for a lid: it would be a nine


def test_a_redrawn_zero_goes_round_once_and_closes_nearly(augmenter):
    zero, rng = augmenter.skeletons.points[0], np.random.default_rng(0)
    for _ in range(20):
        way = augment.redraw_zero(zero, rng)[:-1].reshape(-1, 2, 2)
        assert np.array_equal(way[1:, 0], way[:-1, 1])  # one stroke
        away = np.hypot(*(way - zero.mean(0)).reshape(-1, 2).T)
        assert 2 < away.min() <= away.max() < 18
        angles = np.unwrap(np.arctan2(*(way[:, 0] - zero.mean(0)).T))
        assert 250 < abs(np.degrees(angles[-1] - angles[0])) < 440


def test_an_unfinished_four_goes_down_and_to_the_right(augmenter):
    four = augmenter.skeletons.points[2]
    start, *_, end = augment.unfinish_four(four, np.random.default_rng(0)).reshape(-1, 2)
    assert start == pytest.approx((9, 4), abs=1.5)
    assert end == pytest.approx((19, 14), abs=3)


def test_another_proportion_moves_the_middle_and_leaves_the_ends():
    moved = augment.proportion(30, (0, 3), np.random.default_rng(0))
    assert moved.shape == (30, 28, 28, 2)
    assert (moved[..., 0] == 0).all()
    assert 2 < np.abs(moved[:, 13, :, 1]).max() <= 3
    assert np.abs(moved[:, 4, :, 1]).max() < 0.3


def test_a_map_without_any_change_gives_the_picture_back(augmenter):
    middle = np.full((1, 2), 13.5, np.float32)
    at = augment.sources(
        np.eye(2, dtype=np.float32)[None], middle, np.zeros((1, 2), np.float32), np.zeros((1, 28, 28, 2))
    )
    same = augment.sample(augmenter.pictures[:1].astype(np.float32), at)
    assert np.abs(same - augmenter.pictures[:1]).max() < 0.6


def test_bending_moves_no_pixel_far():
    moved = augment.bend(50, 1.0, np.random.default_rng(0))
    assert moved.shape == (50, 28, 28, 2)
    assert 0.2 < moved.std() < 1
    assert np.abs(moved).max() < 5
