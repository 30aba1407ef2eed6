"""Augmentation: what a digit may become, and what it must stay."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytest.importorskip("skimage", reason="training packages are not installed: pip install -r requirements.txt")

from learning.augment import (
    coordinates,
    epoch,
    geometry,
    hands,
    handwriting,
    not_digits,
    pens,
    scans,
    strokes,
    styles,
)

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
    return epoch.Augmenter(np.stack([picture(d) for d in labels]), labels)


def test_a_straight_stroke_leaves_a_skeleton_along_its_middle(augmenter):
    field, points = augmenter.skeletons.fields[1], augmenter.skeletons.points[1]
    assert np.ptp(points[:, 0]) < 1
    assert np.ptp(points[:, 1]) == pytest.approx(19, abs=2)
    row = field[coordinates.PAD + 14].astype(float)
    assert row.argmin() == coordinates.PAD + round(float(points[:, 0].mean()))
    assert row[coordinates.PAD + 9] == pytest.approx(points[:, 0].mean() - 9, abs=0.4)


def test_a_third_of_the_scanned_pictures_keep_every_grey_value_and_move_by_whole_pixels():
    noise = np.random.default_rng(0).integers(1, 256, (300, 22, 22), np.uint8)
    scans = SimpleNamespace(pictures=np.pad(noise, ((0, 0), (3, 3), (3, 3))))
    made = epoch.Augmenter.scanned(scans, np.arange(300), np.random.default_rng(1)) * 255
    moves = [(y, x) for y in (-2, -1, 0, 1, 2) for x in (-2, -1, 0, 1, 2)]
    apart = [np.abs(np.roll(scans.pictures, move, (1, 2)) - made).max((1, 2)) for move in moves]
    kept = np.min(apart, 0) < 0.001
    assert kept.sum() == pytest.approx(100, abs=25)
    assert len(np.unique(np.argmin(apart, 0)[kept])) == 9  # up to a pixel, in each direction


def test_scans_that_are_turned_and_bent_keep_most_of_their_sharpness():
    def contrast(pictures):  # squared steps from pixel to pixel
        return float(sum((np.diff(pictures, axis=axis) ** 2).sum() for axis in (1, 2)) / len(pictures))

    large = Image.new("L", (280, 280))
    ImageDraw.Draw(large).line([(80, 50), (190, 50), (120, 230)], fill=255, width=24)
    sevens = np.repeat(np.pad(np.asarray(large.reduce(10)), coordinates.PAD)[None], 200, 0) / np.float32(255)
    made = scans.warp(sevens, np.random.default_rng(1))
    assert contrast(made) > 0.75 * contrast(sevens)  # with bilinear interpolation alone it is less
    assert (made.min(), made.max()) == (0, 1)


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others(augmenter):
    first, again, other = (augmenter.epoch([seed], 0.5, 0.1) for seed in (3, 3, 4))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_an_epoch_has_every_picture_once_and_the_asked_share_of_what_is_no_digit(augmenter, monkeypatch):
    monkeypatch.setattr(epoch, "INVENTED", 0)
    pictures, labels = augmenter.epoch([1], 0.5, 0.0)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (120, 28, 28)
    assert np.bincount(labels, minlength=11).tolist() == [30, 30, 0, 0, 30, 0, 0, 30, 0, 0, 0]
    _, labels = augmenter.epoch([1], 0.0, 1.0)
    assert set(labels.tolist()) <= {1, 4, not_digits.NOT_A_DIGIT}
    assert (labels == not_digits.NOT_A_DIGIT).mean() > 0.8


def test_an_epoch_has_each_real_stroke_digit_several_times_and_some_in_invented_hands(augmenter):
    eight = [np.array([(0, 0), (1, 1), (0, 1), (1, 0)])]
    pens = handwriting.Handwriting.of([eight] * 5, np.full(5, 8))
    both = epoch.Augmenter(augmenter.pictures, augmenter.labels, pens)
    pictures, labels = both.epoch([1], 0.5, 0.0, drawings=3)
    invented = int(120 * epoch.INVENTED)
    assert len(pictures) == len(labels) == 120 + 5 * 3 + invented
    assert 5 * 3 <= (labels == 8).sum() <= 5 * 3 + invented
    assert not np.array_equal(*(both.epoch([seed], 0.5, 0.0)[0] for seed in (2, 3)))


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
        covered = pens.ink(distance, np.array([pen], np.float32), np.array([soft], np.float32))
        assert covered[0].sum(1) == pytest.approx(np.full(28, pen), abs=1e-5)


def test_distance_to_a_segment_is_measured_to_its_ends_and_its_middle():
    at = np.zeros((1, 28, 28, 2), np.float32)
    at[0, 0, 0], at[0, 0, 1], at[0, 0, 2] = (5, 3), (0, 0), (14, 4)
    segments = np.full((1, 2, 4), np.nan, np.float32)
    segments[0, 0] = (3, 0, 11, 0)
    assert geometry.distance_to_segments(at, segments)[0, 0, :3].tolist() == pytest.approx([3, 3, 5])


def test_without_segments_everything_is_far():
    nothing = np.full((1, 2, 4), np.nan, np.float32)
    assert (geometry.distance_to_segments(np.zeros((1, 28, 28, 2), np.float32), nothing) == coordinates.FAR).all()


# --- styles: the strokes that are added, on skeletons of which every point is known ---


def skeleton(*strokes):
    """Points of a skeleton, along lines between corners."""
    lines = [pair for stroke in strokes for pair in pairwise(stroke)]
    points = np.concatenate([np.linspace(*line, coordinates.POINTS // len(lines)) for line in lines])
    return np.pad(points, ((0, coordinates.POINTS - len(points)), (0, 0)), "edge").astype(np.float32)


def arc(x, y, radius, start, stop):
    angles = np.radians(np.linspace(start, stop, 12))
    return [(x + radius * np.cos(angle), y + radius * np.sin(angle)) for angle in angles]


WRITTEN = {
    0: skeleton(arc(14, 14, 9, 0, 360)),
    1: skeleton([(14, 4), (14, 23)]),
    4: skeleton([(11, 5), (10, 15), (19, 15)], [(16, 4), (16, 23)]),
    7: skeleton([(8, 4), (20, 4), (12, 23)]),
    9: skeleton(arc(14, 9, 5, 0, 360), [(19, 9), (17, 23)]),
}
HEIGHT = 19  # of the 1, 4, 7 and 9 up there


def added(points, digit, times=1000):
    """What is added to a digit in many draws: a list of (n, 2, 2) strokes, each its two ends, often none."""
    drawn = styles.draw_styles(np.stack([points] * times), np.full(times, digit), np.random.default_rng(digit))
    return [made[~np.isnan(made[:, 0])].reshape(-1, 2, 2) for made in drawn]


@pytest.mark.parametrize("digit", WRITTEN)
def test_many_but_not_all_get_what_other_schools_add(digit):
    assert 0.2 < np.mean([len(made) > 0 for made in added(WRITTEN[digit], digit)]) < 0.9


@pytest.mark.parametrize("digit", [2, 3, 5, 6, 8])
def test_styles_are_drawn_onto_their_own_digit_only(digit):
    assert not any(len(made) for points in WRITTEN.values() for made in added(points, digit, 50))


def test_a_slash_goes_through_the_middle_of_a_zero_and_an_end_runs_on_from_its_line():
    slashes = overruns = 0
    for start, end in (stroke for made in added(WRITTEN[0], 0) for stroke in made):
        if (WRITTEN[0] == start).all(1).any():
            overruns += 1
            assert 1 < np.hypot(*(end - start)) < 10
        else:
            slashes += 1
            assert np.hypot(*((start + end) / 2 - 14)) < 5
            assert 10 < np.hypot(*(end - start)) < 30
    assert slashes > overruns > 100


def test_a_one_gets_a_flag_down_to_the_left_of_its_top():
    flags = [made[:2] for made in added(WRITTEN[1], 1) if has_flag(made)]
    assert len(flags) > 300
    long = 0
    for (top, middle), (again, tip) in flags:
        assert (middle == again).all()
        left, down = np.array([-1, 1]) * (tip - top) / HEIGHT
        assert 0 < left < 1
        assert 0 < down < 1
        if np.hypot(left, down) > 0.36:
            long += 1
            assert down > 0.4 * left  # only a flag that falls is one: level, it would be a seven's top
    assert long > 200


def has_flag(made):
    """Whether the first of the strokes that are added to a one starts at its top."""
    return len(made) > 0 and (made[0, 0] == (14, 4)).all()


def test_a_one_stands_on_a_foot_or_ends_in_an_upstroke():
    feet = upstrokes = 0
    for made in added(WRITTEN[1], 1):
        below = made[2:] if has_flag(made) else made
        assert len(below) < 2
        for left, right in below:
            if (left == (14, 23)).all():
                upstrokes += 1
                assert right[0] > 14
                assert 14 < right[1] <= 23
            else:
                feet += 1
                assert 4 < left[0] < 13 < 15 < right[0] < 24
                assert (left + right)[1] / 2 == pytest.approx(23)
    assert feet > 200
    assert upstrokes > 10


def test_a_lid_closes_a_narrow_four_from_stem_to_stem_and_leaves_a_wide_one_open():
    lids = [made for made in added(WRITTEN[4], 4) if len(made)]
    assert len(lids) > 200
    assert np.array(lids).shape == (len(lids), 1, 2, 2)
    assert (np.array(lids) == [(11, 5), (16, 4)]).all()
    wide = skeleton([(8, 5), (7, 15), (19, 15)], [(17, 4), (17, 23)])  # with a lid it would be a nine
    assert not any(len(made) for made in added(wide, 4))


def test_a_bar_crosses_the_stem_of_a_seven_halfway_and_a_serif_hangs_from_its_start():
    bars = serifs = 0
    for start, end in (stroke for made in added(WRITTEN[7], 7) for stroke in made):
        if (start == (8, 4)).all():
            serifs += 1
            assert abs(end[0] - 8) < 3
            assert 4 < end[1] < 4 + 0.35 * HEIGHT
        else:
            bars += 1
            level = (start + end)[1] / 2
            stem = 20 - 8 * (level - 4) / HEIGHT
            assert 4 + 0.3 * HEIGHT < level < 4 + 0.7 * HEIGHT
            assert start[0] < stem - 1 < stem + 1 < end[0]
    assert bars > serifs > 100


NARROW_SEVEN = skeleton([(10, 7), (14, 4), (12, 23)])


def test_a_seven_s_top_is_measured_from_the_line_of_its_stem():
    slanted = skeleton([(14, 4), (22, 4), (6, 23)])
    assert styles.overhang(WRITTEN[7]) == pytest.approx(0.55, abs=0.02)
    assert styles.overhang(slanted) == pytest.approx(0.25, abs=0.02)
    assert styles.overhang(NARROW_SEVEN) == pytest.approx(0.19, abs=0.02)


def test_a_seven_that_others_would_write_as_a_one_is_never_drawn(monkeypatch):
    points = np.stack([WRITTEN[7], NARROW_SEVEN, NARROW_SEVEN])
    fields = np.full((3, 36, 36), coordinates.FAR, np.float16)
    monkeypatch.setattr(epoch, "skeletonize", lambda _: coordinates.Skeletons(fields, points))
    few = epoch.Augmenter(np.zeros((3, 28, 28), np.uint8), np.array([7, 7, 1]))
    drawn = []
    monkeypatch.setattr(few, "drawn", lambda chosen, _: drawn.append(chosen) or np.zeros((len(chosen), 28, 28)))
    few.epoch([1], drawn=1.0, foreign=0.0)
    assert np.sort(np.concatenate(drawn)).tolist() == [0, 2]


def test_the_tail_of_a_nine_is_hooked_to_the_left_and_up():
    hooks = [made for made in added(WRITTEN[9], 9) if len(made)]
    assert len(hooks) > 200
    for (end, turn), (again, tip) in hooks:
        assert (end == (17, 23)).all()
        assert (turn == again).all()
        assert 17 - 0.5 * HEIGHT < tip[0] < turn[0] < 17
        assert 23 - 0.25 * HEIGHT < tip[1] <= 23 < turn[1] < 25


def test_a_redrawn_zero_goes_round_once_and_closes_nearly(augmenter):
    zero, rng = augmenter.skeletons.points[0], np.random.default_rng(0)
    for _ in range(20):
        way = styles.redraw_zero(zero, rng)[:-1].reshape(-1, 2, 2)
        assert np.array_equal(way[1:, 0], way[:-1, 1])  # one stroke
        away = np.hypot(*(way - zero.mean(0)).reshape(-1, 2).T)
        assert 2 < away.min() <= away.max() < 18
        angles = np.unwrap(np.arctan2(*(way[:, 0] - zero.mean(0)).T))
        assert 250 < abs(np.degrees(angles[-1] - angles[0])) < 440


def test_a_redrawn_nine_is_one_stroke_with_a_loop_flatter_than_the_nine_s_and_ends_at_its_foot():
    nine, rng = WRITTEN[9], np.random.default_rng(0)
    for _ in range(50):
        way = styles.redraw_nine(nine, rng).reshape(-1, 2, 2)
        assert len(way) == coordinates.SEGMENTS
        assert np.array_equal(way[1:, 0], way[:-1, 1])
        assert way[-1, 1] == pytest.approx(nine[nine[:, 1].argmax()])
        loop = way[:-2].reshape(-1, 2)
        spreads = np.sqrt(np.linalg.eigvalsh(np.cov(loop.T)))
        assert spreads[0] < 0.9 * spreads[1]
        assert loop[:, 1].max() < 4 + 0.6 * HEIGHT


def test_hatching_fills_its_shape():
    for seed in range(20):
        way = not_digits._hatching(np.random.default_rng(seed)).reshape(-1, 2, 2)
        assert np.array_equal(way[1:, 0], way[:-1, 1])
        assert 0 <= way.min() < way.max() <= 1
        assert np.diff(way[:, 0, 0]).max() < 0.1
        assert len(np.unique(np.sign(np.diff(way[:, :, 1])))) == 2  # up and down


@pytest.mark.parametrize("drawn", [0.0, 0.3, 1.0])
def test_of_a_digit_that_others_write_in_more_ways_more_is_drawn_and_of_their_ones_and_nines_less(monkeypatch, drawn):
    labels = np.arange(10).repeat(1000)
    points = np.stack([WRITTEN[7]] * len(labels))
    fields = np.full((len(labels), 1, 1), coordinates.FAR, np.float16)
    monkeypatch.setattr(epoch, "skeletonize", lambda _: coordinates.Skeletons(fields, points))
    many, counts = epoch.Augmenter(np.zeros((len(labels), 28, 28), np.uint8), labels), np.zeros(10, int)

    def note(chosen, _):
        counts[:] += np.bincount(labels[chosen], minlength=10)
        return np.zeros((len(chosen), 28, 28))

    monkeypatch.setattr(many, "drawn", note)
    many.epoch([1], drawn=drawn, foreign=0.0)
    if drawn in (0, 1):
        assert (counts == 1000 * drawn).all()
    else:
        assert counts[[1, 2, 3, 4, 5, 6, 9]] == pytest.approx(np.full(7, 300), abs=60)
        assert counts[7] < 150 < counts[8] < 250 < 450 < counts[0] < 600


def test_an_unfinished_four_goes_down_and_to_the_right(augmenter):
    four = augmenter.skeletons.points[2]
    start, *_, end = not_digits.unfinish_four(four, np.random.default_rng(0)).reshape(-1, 2)
    assert start == pytest.approx((9, 4), abs=1.5)
    assert end == pytest.approx((19, 14), abs=3)


def test_another_proportion_moves_the_middle_and_leaves_the_ends():
    moved = geometry.proportion(30, (0, 3), np.random.default_rng(0))
    assert moved.shape == (30, 28, 28, 2)
    assert (moved[..., 0] == 0).all()
    assert 2 < np.abs(moved[:, 13, :, 1]).max() <= 3
    assert np.abs(moved[:, 4, :, 1]).max() < 0.3


def test_a_map_without_any_change_gives_the_picture_back(augmenter):
    middle = np.full((1, 2), 13.5, np.float32)
    at = geometry.sources(
        np.eye(2, dtype=np.float32)[None], middle, np.zeros((1, 2), np.float32), np.zeros((1, 28, 28, 2))
    )
    same = geometry.sample(augmenter.pictures[:1].astype(np.float32), at)
    assert np.abs(same - augmenter.pictures[:1]).max() < 0.6


def test_bending_moves_no_pixel_far():
    moved = geometry.bend(50, 1.0, np.random.default_rng(0))
    assert moved.shape == (50, 28, 28, 2)
    assert 0.2 < moved.std() < 1
    assert np.abs(moved).max() < 5


# --- pen strokes ---


def test_strokes_of_any_kind_become_as_many_segments_which_follow_them():
    dot, dash = [np.array([(5.0, 5.0)])], [np.array([(0.0, 0.0), (0.0, 7.0)])]
    corner = [np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]), np.array([(0.5, 0.5), (0.6, 0.5)])]
    long = [np.stack([np.linspace(0, 1, 500), np.sin(np.linspace(0, 60, 500))], 1)]
    paths = strokes.polylines([dot, dash, corner, long])
    assert paths.segments.shape == (4, strokes.SEGMENTS, 2, 2)
    assert np.abs(paths.segments).max() == pytest.approx(0.5)  # the middle is 0, the longer side 1
    assert not paths.segments[0].any()
    assert paths.segments[1, :, :, 0].tolist() == [[0, 0]] * strokes.SEGMENTS
    assert set(paths.stroke[2].tolist()) == {0, 1}
    corners = {tuple(point) for point in paths.segments[2].reshape(-1, 2).tolist()}
    assert {(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5)} <= corners


def test_many_digits_become_the_same_segments_as_each_alone():
    digits = [[np.array([(0.0, 0.0), (1.0, i % 7), (i % 5, 2.0)])] for i in range(1001)]  # more than one process gets
    many = strokes.polylines(digits)
    assert len(many.segments) == 1001
    for number in (0, 500, 999, 1000):
        alone = strokes.polylines([digits[number]])
        assert np.array_equal(many.segments[number], alone.segments[0])
        assert np.array_equal(many.stroke[number], alone.stroke[0])


def test_a_pixel_is_as_far_from_a_stroke_as_geometry_says():
    rng = np.random.default_rng(0)
    segments = rng.uniform(0, 27, (3, 5, 2, 2)).astype(np.float32)
    y, x = np.mgrid[:28, :28]
    at = np.broadcast_to(np.stack([x, y], -1), (3, 28, 28, 2)).astype(np.float32)
    expected = geometry.distance_to_segments(at, segments.reshape(3, 5, 4))
    found = strokes.distances(segments).reshape(3, 28, 28)
    assert np.abs(np.minimum(found, coordinates.FAR) - expected).max() < 0.02


def test_drawn_strokes_have_ink_on_their_path_and_fill_the_box():
    paths = strokes.polylines([[np.array([(0, 0), (0, 1)])]] * 50)
    rng = np.random.default_rng(0)
    pictures = strokes.draw(paths, np.broadcast_to(np.eye(2, dtype=np.float32), (50, 2, 2)), 0.0, rng)
    assert (pictures.min(), pictures.max()) == (0, 1)
    tall = (pictures > 0.3).any(2).sum(1)
    assert 17 <= np.median(tall) <= 22


def test_digits_are_blended_with_others_of_the_same_label_and_as_many_strokes_only():
    bar, cross = [np.array([(0, 0), (0.1, 1)])], [np.array([(0, 0), (1, 1)]), np.array([(1, 0), (0, 1)])]
    pens_ = handwriting.Handwriting.of([bar, cross, bar, bar, cross, bar], np.array([1, 8, 7, 1, 8, 1]))
    assert [sorted(set(like)) for like in pens_.like.tolist()] == [[3], [4], [2], [0], [1], [0]]


def test_two_digits_side_by_side_are_as_wide_as_both_and_no_digit():
    ring = [np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])]
    both = handwriting.side_by_side(*[strokes.polylines([ring] * 20)] * 2, np.random.default_rng(0))
    wide, high = np.moveaxis(np.ptp(both.segments, axis=(1, 2)), -1, 0)
    assert wide == pytest.approx(np.ones(20), abs=1e-5)
    assert (high < 0.75).all()


def test_a_share_of_what_is_drawn_from_strokes_is_no_digit():
    ring = [np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])]
    pens_ = handwriting.Handwriting.of([ring] * 400, np.full(400, 8))
    pictures, labels = pens_.draw(np.arange(400), 0.5, np.random.default_rng(0))
    assert pictures.shape == (400, 28, 28)
    assert set(labels.tolist()) == {8, not_digits.NOT_A_DIGIT}
    assert 0.3 < (labels == not_digits.NOT_A_DIGIT).mean() < 0.5  # a ring has no last stroke to lose


def test_a_digit_without_its_last_stroke_may_still_be_meant():
    four = [np.array([(0, 0), (0, 1), (1, 1)]), np.array([(1, 0), (1, 2)])]
    seven = [np.array([(0, 0), (1, 0), (0, 2)]), np.array([(0, 1), (1, 1)])]
    paths = strokes.polylines([four] * 100 + [seven] * 100)
    labels = np.repeat([4, 7], 100)
    kept, told = handwriting.without_last_stroke(paths, labels, np.random.default_rng(0))
    assert (kept.stroke == 0).all()
    assert 30 < (told[:100] == not_digits.NOT_A_DIGIT).sum() < 70
    assert (told[100:] == 7).all()


def test_every_invented_hand_is_written_within_its_square_and_none_twice_alike():
    rng = np.random.default_rng(0)
    for hand in hands.HANDS:
        first, second = (np.concatenate(hands.written(hand, rng)) for _ in range(2))
        assert hand.digit in range(10)
        assert min(first.min(), second.min()) > -0.4
        assert max(first.max(), second.max()) < 1.4
        assert not np.array_equal(first, second)
    assert {hand.digit for hand in hands.HANDS} == set(range(10))
    assert len({(hand.digit, hand.what) for hand in hands.HANDS}) == len(hands.HANDS)


def test_a_curve_goes_through_its_points():
    points = np.array([(0, 0), (1, 2), (3, 1), (4, 4)], float)
    assert hands.curve(points)[:: hands.FINE] == pytest.approx(points)
