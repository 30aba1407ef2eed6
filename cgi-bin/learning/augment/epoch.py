"""Variety for training: one picture of MNIST in, a new one every epoch out, as if another hand had written it.

MNIST was written with pencil and scanned; people draw with a mouse, a finger or a tablet pen of even width,
in the styles of their own country. So a picture is reduced to its *skeleton* once, and kept as the distance of
every point to it. From such a distance field a pen of any width draws the digit again, after it was turned,
slanted, stretched and bent; and a further stroke (the slash of a zero, the bar of a seven) is the distance to
a line segment, merged by taking the smaller of the two. Half of the pictures are drawn that way, the other
half keep MNIST's own grey values. About a tenth are not digits at all: they teach the eleventh output to doubt.

`Augmenter(X_train, y_train).epoch(...)` is what `training.py` calls. numpy here; scipy and scikit-image make the
skeletons.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from functools import cache
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

SIDE = 28  # pixels a side of a picture
BOX = 20.0  # pixels: MNIST fits the longer side of a digit into this
PAD = 4  # pixels of margin that a distance field has around the picture
FAR = 9.0  # pixels: distances are kept up to this one
POINTS = 48  # points kept of each skeleton, to know its outline and its ends
ZOOM = 3  # a skeleton is sought in a picture this much larger, to know it to a third of a pixel
SEGMENTS = 12  # line segments that one picture may have on top of its skeleton
NOT_A_DIGIT = 10  # the label of what is no digit
PENS = (0.55, 5.0)  # pixels: the thinnest and the widest pen, when the digit fills the box
NARROW = 0.32  # of its stem: a seven whose top reaches less far is, outside of MNIST, a one with a flag
# The share of a digit that is drawn is the share of all to this power, so that none stays none and all stays all.
# Other schools write a 0 in more ways than MNIST's writers, and a 1, 9 or 0 like much that a drawn 7 or 8 would be.
DRAWN_POWER = np.array([0.55, 1, 1, 1, 1, 1, 1, 2, 1.4, 1])
REDRAWN = np.array([0.4, 0, 0, 0, 0, 0, 0, 0, 0, 0.2])  # of each drawn digit: the share whose stroke is made anew
# Interpolation softens, and a network that has seen soft scans only takes a sharp one for drawn: it misread more
# training images as they are than turned and bent. So a share of the scanned pictures is not interpolated, and the
# others are on a finer grid, which softens them less.
SHARP = 0.33
FINER = 3  # times the pixels, a side, by cubic splines
CHUNK = 500  # pictures augmented at a time: small enough for the processor's cache


class Skeletons(NamedTuple):
    """Digits as pens leave them. All coordinates are pixels of the 28x28 picture, x to the right, y down."""

    fields: np.ndarray  # float16 (n, 36, 36): distance of each pixel's centre to the skeleton, at most FAR
    points: np.ndarray  # float32 (n, POINTS, 2): x and y of points on the skeleton, evenly chosen


# --- skeletons -------------------------------------------------------------------------------------------------


def skeletonize(pictures: np.ndarray) -> Skeletons:
    """Find the skeletons of uint8 (n, 28, 28) pictures, on every processor core.

    Thinning is Zhang and Suen's (1984) as in scikit-image, the distance the exact Euclidean one of scipy.
    """
    parts = [pictures[at : at + 1000] for at in range(0, len(pictures), 1000)]
    if len(parts) == 1:
        return _skeletonize_part(pictures)
    with get_context("spawn").Pool(initializer=ignore_interrupt) as pool:
        done = list(tqdm(pool.imap(_skeletonize_part, parts), "skeletons", len(parts), leave=False, disable=None))
    return Skeletons(*(np.concatenate(arrays) for arrays in zip(*done, strict=True)))


def ignore_interrupt() -> None:
    """Leave Ctrl-C to the process that started this one, which then ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _skeletonize_part(pictures: np.ndarray) -> Skeletons:
    fields, points = zip(*(_skeleton(picture) for picture in pictures), strict=True)
    return Skeletons(np.stack(fields), np.stack(points))


def _skeleton(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom
    from skimage.morphology import skeletonize as thin

    large = zoom(np.pad(picture, PAD).astype(np.float32) / 255, ZOOM, order=1, grid_mode=True, mode="grid-constant")
    bones = thin(gaussian_filter(large, 0.3 * ZOOM) > 0.45)
    if not bones.any():  # a stroke too faint to leave one: its darkest point stands for it
        bones[np.unravel_index(large.argmax(), large.shape)] = True
    field = distance_transform_edt(~bones)[ZOOM // 2 :: ZOOM, ZOOM // 2 :: ZOOM] / ZOOM
    y, x = np.nonzero(bones)
    chosen = np.linspace(0, len(x) - 1, POINTS).astype(int)
    at = np.stack([x[chosen], y[chosen]], axis=1) / ZOOM - PAD - 0.5 + 0.5 / ZOOM
    return np.minimum(field, FAR).astype(np.float16), at.astype(np.float32)


# --- national styles: further strokes, as line segments (n, SEGMENTS, 4) of x0, y0, x1, y1, absent ones NaN ----


def draw_styles(points: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Strokes that other schools than MNIST's writers' add to a digit, for float32 (n, POINTS, 2) skeletons.

    Each keeps the digit legible as itself: a slash or bar through zero, or an end that runs past its start, a flag
    and a foot on one, a bar through seven or a serif at its start, four closed at the top, nine with a hooked tail.
    """
    segments = np.full((len(points), SEGMENTS, 4), np.nan, np.float32)
    for digit, draw in STYLES.items():
        for i in np.flatnonzero(labels == digit):
            strokes = draw(points[i], rng)
            if strokes:
                segments[i, : len(strokes)] = strokes
    return segments


def _zero(p: np.ndarray, rng: np.random.Generator) -> list:
    centre, size = (p.min(0) + p.max(0)) / 2, (p.max(0) - p.min(0)) / 2
    strokes = []
    if rng.random() < 0.5:
        strokes.append(_slash(centre, size, rng))
    if rng.random() < 0.2:  # the end of the stroke runs past its start, into the zero or out of it
        start = p[rng.integers(POINTS)]
        outward = (start - centre) / max(np.hypot(*(start - centre)), 1)
        along = rng.choice([-1, 1]) * outward[::-1] * (1, -1) + rng.uniform(-0.9, 0.5) * outward
        strokes.append((*start, *(start + along * size.max() * rng.uniform(0.2, 0.7))))
    return strokes


def redraw_zero(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A zero that does not close, or runs past its start: float32 (SEGMENTS, 4), from a zero's (POINTS, 2) points.

    Its points, in the order of their angle, are a way round that may begin anywhere and end too early, too late,
    inside or outside.
    """
    centre = (points.min(0) + points.max(0)) / 2
    spokes = (points - centre)[np.argsort(np.arctan2(*(points - centre).T))]
    begin, long = rng.integers(POINTS), POINTS * rng.uniform(0.84, 1.2)
    way = begin + np.linspace(0, long, SEGMENTS).astype(int)
    further = np.linspace(1, np.exp(rng.normal(0, 0.2)), SEGMENTS)[:, None]
    segments = np.full((SEGMENTS, 4), np.nan, np.float32)
    segments[:-1] = _chain(centre + spokes[way % POINTS] * further)
    if rng.random() < 0.3:
        segments[-1] = _slash(centre, np.abs(spokes).max(0), rng)
    return segments


def redraw_nine(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A nine with a flat loop: float32 (SEGMENTS, 4), one stroke, from a nine's (POINTS, 2) points.

    Its loop is pressed towards a line, level or rising to the right, which makes it look like a seven.
    """
    bottom, height = points[points[:, 1].argmax()], np.ptp(points[:, 1])
    upper = points[points[:, 1] < points[:, 1].min() + 0.5 * height]
    centre = upper.mean(0)
    spokes = (upper - centre)[np.argsort(np.arctan2(*(upper - centre).T))]
    rise = np.radians(rng.uniform(-10, 70))
    across = np.array([np.sin(rise), np.cos(rise)])
    flatness = rng.uniform(0.2, 0.7)  # flatter, it would be a seven or a one
    spokes = spokes - flatness * (spokes @ across)[:, None] * across
    begin = (spokes[:, 0] - rng.uniform(0, 1) * spokes[:, 1]).argmax()  # the right or upper right
    way = begin - np.linspace(0, len(spokes) * rng.uniform(0.85, 1.1), SEGMENTS - 1).astype(int)
    start, *loop = centre + spokes[way % len(spokes)]
    middle = (start + bottom) / 2 + rng.normal(0, 0.06, 2) * height
    return _chain(np.array([*loop[::-1], start, middle, bottom])).astype(np.float32)


def _slash(centre: np.ndarray, size: np.ndarray, rng: np.random.Generator) -> tuple:
    angle = rng.choice([rng.uniform(25, 88), rng.uniform(-75, -25), rng.uniform(-12, 12)], p=[0.82, 0.08, 0.1])
    reach = rng.uniform(0.6, 1.5) * np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
    along = reach * np.hypot(*size) / np.sqrt(2)
    shift = rng.normal(0, 0.8, 2)
    return (*(centre + shift - along), *(centre + shift + along))


def _one(p: np.ndarray, rng: np.random.Generator) -> list:
    if rng.random() < 0.15:
        return []
    top, bottom = p[p[:, 1].argmin()], p[p[:, 1].argmax()]
    height = bottom[1] - top[1]
    foot = rng.random() < 0.35
    strokes = []
    if rng.random() < 0.9:
        # without a foot, a flag that reaches far to the left would make it one of MNIST's own sevens
        steepest, widest = (70, 0.6) if foot else (78, 0.31)
        angle = np.radians(rng.uniform(20, steepest))
        length = height * min(rng.uniform(0.12, 0.6), widest / np.sin(angle))
        tip = top + length * np.array([-np.sin(angle), np.cos(angle)])
        middle = (top + tip) / 2 + rng.normal(0, 0.1) * length
        strokes += [(*top, *middle), (*middle, *tip)]
    if foot:
        left, right = height * rng.uniform(0.1, 0.5, 2)
        tilt = rng.normal(0, 0.08) * height
        strokes.append((bottom[0] - left, bottom[1] + tilt, bottom[0] + right, bottom[1] - tilt))
    elif rng.random() < 0.35:  # the upstroke to the next letter
        right, up = height * rng.uniform((0.1, 0), (0.3, 0.35))
        strokes.append((*bottom, bottom[0] + right, bottom[1] - up))
    return strokes


def _four(p: np.ndarray, rng: np.random.Generator) -> list:
    if rng.random() < 0.6:
        return []
    upper = p[p[:, 1] < p[:, 1].min() + 0.5 * np.ptp(p[:, 1])]
    left, right = upper[(upper[:, 1] + upper[:, 0]).argmin()], upper[(upper[:, 1] - upper[:, 0]).argmin()]
    if right[0] - left[0] > 0.4 * np.ptp(p[:, 1]):  # a lid on a wide four would make it a nine
        return []
    return [(*left, *right)]


def _seven(p: np.ndarray, rng: np.random.Generator) -> list:
    strokes = []
    height = np.ptp(p[:, 1])
    if rng.random() < 0.5:
        level = p[:, 1].min() + height * rng.uniform(0.4, 0.62)
        stem = p[np.abs(p[:, 1] - level).argmin()]
        left, right = height * rng.uniform(0.12, 0.38, 2)
        tilt = rng.normal(0, 0.08) * height
        strokes.append((stem[0] - left, stem[1] + tilt, stem[0] + right, stem[1] - tilt))
    if rng.random() < 0.2:
        upper = p[p[:, 1] < p[:, 1].min() + 0.35 * height]
        start = upper[upper[:, 0].argmin()]
        strokes.append((*start, start[0] + rng.normal(0, 0.5), start[1] + height * rng.uniform(0.07, 0.22)))
    return strokes


def _nine(p: np.ndarray, rng: np.random.Generator) -> list:
    if rng.random() < 0.65:
        return []
    end, height = p[p[:, 1].argmax()], np.ptp(p[:, 1])
    reach = height * rng.uniform(0.12, 0.42)
    turn = np.array([end[0] - 0.5 * reach, end[1] + 0.12 * reach])
    return [(*end, *turn), (*turn, end[0] - reach, end[1] - reach * rng.uniform(0.0, 0.5))]


def overhang(points: np.ndarray) -> float:
    """How far a seven's (POINTS, 2) points reach from the line of its stem at the top, as a share of its length."""
    bottom = points[points[:, 1].argmax()]
    upper = points[points[:, 1] < points[:, 1].min() + 0.4 * np.ptp(points[:, 1])]
    corner, start = upper[(upper[:, 0] - upper[:, 1]).argmax()], upper[upper[:, 0].argmin()]
    stem = corner - bottom
    return float(abs((start - corner) @ (stem[1], -stem[0])) / max(stem @ stem, 1e-6))


STYLES = {0: _zero, 1: _one, 4: _four, 7: _seven, 9: _nine}


# --- what is no digit ------------------------------------------------------------------------------------------


def draw_scrawl(rng: np.random.Generator) -> np.ndarray:
    """One drawing that is no digit, as float32 (SEGMENTS, 4) line segments in a box of 20 pixels.

    Sticks between random corners, right angles, closed shapes with corners, stars, waves, scribbles, and discs and
    blocks filled with hatching. No letter is drawn on purpose: whether letters are doubted is measured, not taught.
    """
    kinds = [_sticks, _corner, _polygon, _star, _wave, _scribble, _hatching]
    kind = kinds[rng.choice(len(kinds), p=[0.35, 0.06, 0.1, 0.1, 0.12, 0.22, 0.05])]
    strokes = kind(rng)[:SEGMENTS]
    segments = np.full((SEGMENTS, 4), np.nan, np.float32)
    segments[: len(strokes)] = strokes
    return segments * BOX + (SIDE - BOX) / 2 - 0.5


def unfinish_four(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The first stroke of an open four: float32 (SEGMENTS, 4) segments, from a four's (POINTS, 2) points.

    The page asks while a person is still drawing: the best guess is 4 then, and the answer not to be believed.
    """
    upper = p[p[:, 1] < p[:, 1].min() + 0.75 * np.ptp(p[:, 1])]
    start, corner = upper[upper.sum(1).argmin()], upper[(2 * upper[:, 0] - upper[:, 1]).argmin()]
    level = p[np.abs(p[:, 1] - corner[1]) < 0.2 * np.ptp(p[:, 1])]
    end = level[level[:, 0].argmax()]
    t = np.linspace(0, 1, SEGMENTS + 1)[:, None]
    sharp = np.where(t < 0.5, start + 2 * t * (corner - start), corner + (2 * t - 1) * (end - corner))
    rounded = (1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end
    return _chain(sharp + rng.uniform(0, 1) * (rounded - sharp)).astype(np.float32)


def _chain(corners: np.ndarray) -> np.ndarray:
    return np.concatenate([corners[:-1], corners[1:]], axis=1)


def _sticks(rng: np.random.Generator) -> np.ndarray:
    grid = np.array([(x, y) for y in (0, 0.5, 1) for x in (0, 0.5, 1)]) * (rng.uniform(0.5, 1), 1)
    count = rng.integers(3, 6)
    ends = grid[np.stack([rng.permutation(9)[:2] for _ in range(count)])] + rng.normal(0, 0.03, (count, 2, 2))
    return ends.reshape(count, 4)


def _corner(rng: np.random.Generator) -> np.ndarray:
    side = rng.integers(0, 2)  # the angle is at the lower left or the lower right
    corners = np.array([(side, 0), (side, 1), (1 - side, 1)]) * (rng.uniform(0.4, 1), 1) + rng.normal(0, 0.06, (3, 2))
    return _chain(corners)


def _polygon(rng: np.random.Generator) -> np.ndarray:
    count = rng.integers(3, 6)
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 6.3) + rng.normal(0, 0.12, count)
    corners = 0.5 + 0.5 * np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.6, 1, 2)
    return _chain(corners[[*range(count), 0]])


def _star(rng: np.random.Generator) -> np.ndarray:
    count = rng.integers(3, 5) if rng.random() < 0.6 else 5
    angles = np.linspace(0, np.pi, count, endpoint=False) + rng.uniform(0, 3.2) + rng.normal(0, 0.1, count)
    arms = np.stack([np.cos(angles), np.sin(angles)], 1) / 2 * rng.uniform(0.7, 1, (count, 1))
    return np.concatenate([0.5 - arms, 0.5 + arms], axis=1)


def _wave(rng: np.random.Generator) -> np.ndarray:
    t = np.linspace(0, 1, SEGMENTS + 1)
    high = rng.uniform(0.15, 0.5) * np.sin(2 * np.pi * (t * rng.uniform(1.2, 2.5) + rng.random()))
    corners = np.stack([t, 0.5 + high], 1)
    return _chain(corners if rng.random() < 0.5 else corners[:, ::-1])


def _scribble(rng: np.random.Generator) -> np.ndarray:
    return _chain(rng.random((SEGMENTS + 1, 2)) * rng.uniform(0.5, 1, 2))


def _hatching(rng: np.random.Generator) -> np.ndarray:
    t = np.linspace(-1, 1, SEGMENTS + 1)
    high = np.maximum(np.sqrt(1 - t**2), 0.15) if rng.random() < 0.7 else 1  # a disc or a block
    corners = np.stack([t, (-1.0) ** np.arange(SEGMENTS + 1) * high], 1)
    return _chain(0.5 + corners / 2 * rng.uniform(0.5, 1, 2))


# --- geometry --------------------------------------------------------------------------------------------------


def _spline_basis(count: int) -> np.ndarray:
    """Cubic B-spline weights of `count` control values at the 28 pixels: float32 (28, count)."""
    t = np.abs(np.linspace(0.5, count - 1.5, SIDE)[:, None] - np.arange(count))
    return np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6).astype(np.float32)


BASIS = _spline_basis(6)


def bend(n: int, most: float, rng: np.random.Generator) -> np.ndarray:
    """Elastic distortion (after Simard et al., 2003), float32 (n, 28, 28, 2): a smooth shift of each pixel.

    Control values on a 6x6 grid, normal with a deviation drawn between 0 and `most` pixels for each picture.
    """
    control = rng.standard_normal((n, 6, 6, 2), np.float32) * rng.uniform(0, most, (n, 1, 1, 1)).astype(np.float32)
    return np.einsum("ya,nabc,xb->nyxc", BASIS, control, BASIS, optimize=True)


def proportion(n: int, most: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """A slow shift of the middle against both ends, float32 (n, 28, 28, 2), by up to `most` pixels in x and y.

    Some write a nine with a small loop and a long stem, others the other way round.
    """
    wave = np.cos(np.pi * np.clip((np.arange(SIDE) - (SIDE - 1) / 2) / BOX, -0.5, 0.5))
    x, y = (rng.uniform(-much, much, (n, 1, 1)) for much in most)
    return np.stack(np.broadcast_arrays(x * wave, y * wave[:, None]), -1).astype(np.float32)


def matrices(n: int, turn: float, slant: float, stretch: float, rng: np.random.Generator) -> np.ndarray:
    """Random float32 (n, 2, 2) maps of x, y: turned by up to `turn` degrees, slanted, stretched, area kept."""
    angle = np.radians(rng.uniform(-turn, turn, n))
    shear, aspect = rng.uniform(-slant, slant, n), np.exp(rng.uniform(-stretch, stretch, n) / 2)
    c, s = np.cos(angle), np.sin(angle)
    rows = [[c * aspect, (c * shear - s) / aspect], [s * aspect, (s * shear + c) / aspect]]
    return np.array(rows).transpose(2, 0, 1).astype(np.float32)


def fit(matrix: np.ndarray, points: np.ndarray, pen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale float32 (n, 2, 2) maps so that (n, p, 2) points, NaN where absent, drawn with pens fill MNIST's box.

    Returns the maps, the scale (n,) and the mass centre (n, 2) of the points before the map.
    """
    moved = np.einsum("nij,npj->npi", matrix, points)
    extent = (np.nanmax(moved, 1) - np.nanmin(moved, 1)).max(1)
    scale = (BOX - pen) / np.maximum(extent, 4)
    return matrix * scale[:, None, None], scale, np.nanmean(points, 1)


def sources(matrix: np.ndarray, centre: np.ndarray, shift: np.ndarray, bent: np.ndarray) -> np.ndarray:
    """Where each of the 28x28 output pixels comes from: float32 (n, 28, 28, 2) of x, y."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    out = np.stack([x, y], -1) - (SIDE - 1) / 2 - shift[:, None, None] + bent
    return np.einsum("nij,nyxj->nyxi", np.linalg.inv(matrix), out) + centre[:, None, None]


def sample(images: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Bilinear values of (n, h, w) images at (n, 28, 28, 2) points x, y, clamped to the border; float32."""
    n, h, w = images.shape
    at = np.clip(at, 0, np.array([w, h], np.float32) - 1.001)
    corner = at.astype(np.int32)
    fx, fy = np.moveaxis(at - corner, -1, 0)
    flat = images.reshape(-1)
    first = corner[..., 1] * w + corner[..., 0] + (np.arange(n, dtype=np.int32) * (h * w))[:, None, None]
    upper = flat[first] * (1 - fx) + flat[first + 1] * fx
    return upper * (1 - fy) + (flat[first + w] * (1 - fx) + flat[first + w + 1] * fx) * fy


def move(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Padded float32 (n, 36, 36) pictures shifted by up to a pixel each way: float32 (n, 28, 28), the same values."""
    everywhere = np.lib.stride_tricks.sliding_window_view(pictures, (SIDE, SIDE), axis=(1, 2))
    x, y = rng.integers(PAD - 1, PAD + 2, (2, len(pictures)))
    return everywhere[np.arange(len(pictures)), y, x]


def warp(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Padded float32 (n, 36, 36) pictures turned, zoomed, shifted and bent at random: float32 (n, 28, 28), 0..1."""
    n = len(pictures)
    matrix = matrices(n, 12, 0.15, 0.15, rng) * rng.uniform(0.9, 1.08, (n, 1, 1)).astype(np.float32)
    middle = np.full((n, 2), (SIDE - 1) / 2, np.float32)
    at = sources(matrix, middle, rng.uniform(-1.5, 1.5, (n, 2)).astype(np.float32), bend(n, 0.9, rng))
    finer = _finer()
    made = sample(finer @ pictures @ finer.T, (at + PAD + 0.5) * FINER - 0.5)
    return np.clip(made, 0, 1)  # splines swing beyond the values at both sides of an edge


@cache
def _finer() -> np.ndarray:
    """The weights of cubic splines that make FINER rows of each row of a padded picture: float32 (108, 36)."""
    from scipy.ndimage import zoom

    return zoom(np.eye(SIDE + 2 * PAD, dtype=np.float32), (FINER, 1), order=3, grid_mode=True, mode="grid-constant")


def distance_to_segments(at: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Distance of (n, 28, 28, 2) points to the nearest of (n, s, 4) segments, FAR where there are none."""
    nearest = np.full(at.shape[:3], FAR, np.float32)
    for s in range(segments.shape[1]):
        have = np.flatnonzero(~np.isnan(segments[:, s, 0]))
        if have.size:
            start, end = segments[have, s, :2], segments[have, s, 2:]
            along = (end - start)[:, None, None]
            offset = at[have] - start[:, None, None]
            t = np.clip((offset * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-6), 0, 1)
            nearest[have] = np.minimum(nearest[have], np.hypot(*np.moveaxis(offset - t[..., None] * along, -1, 0)))
    return nearest


def ink(distance: np.ndarray, pen: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """How much of each pixel a pen of width (n,) pixels covers at a distance (n, 28, 28) from its path: 0..1.

    Seen through a box of twice `soft` (n,) pixels: 0.5 is a sharp picture, more is a smaller one enlarged.
    """
    half, soft = pen[:, None, None] / 2, soft[:, None, None]
    return np.clip((np.minimum(half, distance + soft) - np.maximum(-half, distance - soft)) / (2 * soft), 0, 1)


# --- the pictures of one epoch ---------------------------------------------------------------------------------


class Augmenter:
    """Makes the pictures of each epoch from X_train uint8 (n, 28, 28) and y_train (n,) of 0..9."""

    def __init__(self, X_train: np.ndarray, y_train: np.ndarray) -> None:
        self.pictures, self.labels = X_train, y_train.astype(np.int64)
        self.skeletons = skeletonize(X_train)
        self.like_one = np.zeros(len(self.labels), bool)  # these stay scanned: drawn, they are what others write as 1
        for i in np.flatnonzero(self.labels == 7):
            self.like_one[i] = overhang(self.skeletons.points[i]) < NARROW

    def epoch(self, seed: Sequence[int], drawn: float, foreign: float) -> tuple[np.ndarray, np.ndarray]:
        """All pictures once, each changed in its own way, in a new order.

        Returns uint8 (n, 28, 28) and int64 (n,) labels of 0..10, NOT_A_DIGIT for a share of about `foreign`; about
        a share of `drawn` (DRAWN_POWER) is drawn with a pen of even width. The same seed gives the same pictures.
        """
        order = np.random.default_rng(seed).permutation(len(self.labels))
        parts = [order[at : at + CHUNK] for at in range(0, len(order), CHUNK)]
        pictures = np.empty((len(order), SIDE, SIDE), np.uint8)
        labels = self.labels[order]
        for i, part in enumerate(parts):
            here = slice(i * CHUNK, i * CHUNK + len(part))
            new, labels[here] = self._part(part, drawn, foreign, np.random.default_rng([*seed, i]))
            pictures[here] = new * 255 + 0.5
        return pictures, labels

    def _part(self, part: np.ndarray, drawn: float, foreign: float, rng: np.random.Generator) -> tuple:
        kind = rng.random(len(part))
        pictures = np.empty((len(part), SIDE, SIDE), np.float32)
        labels = self.labels[part].copy()
        pen = (kind < drawn ** DRAWN_POWER[labels]) & ~self.like_one[part]
        odd = kind >= 1 - foreign
        grey = ~pen & ~odd
        pictures[grey] = self.scanned(part[grey], rng)
        pictures[pen] = self.drawn(part[pen], rng)
        pictures[odd], labels[odd] = self.foreign(part[odd], rng)
        return pictures, labels

    def scanned(self, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """MNIST's own grey values, mildly turned, zoomed, shifted and bent, or (SHARP) only shifted by whole pixels."""
        pictures = np.pad(self.pictures[chosen], ((0, 0), (PAD, PAD), (PAD, PAD))) / np.float32(255)
        sharp = rng.random(len(chosen)) < SHARP
        made = np.empty((len(chosen), SIDE, SIDE), np.float32)
        made[sharp], made[~sharp] = move(pictures[sharp], rng), warp(pictures[~sharp], rng)
        return made

    def drawn(self, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Drawn anew with a pen of even width, in the styles of other schools, at more slants."""
        n = len(chosen)
        points = self.skeletons.points[chosen]
        segments = draw_styles(points, self.labels[chosen], rng)
        redrawn = rng.random(n) < REDRAWN[self.labels[chosen]]
        for i in np.flatnonzero(redrawn):
            redraw = redraw_nine if self.labels[chosen[i]] == 9 else redraw_zero
            segments[i] = redraw(points[i], rng)
        return self._draw(chosen, matrices(n, 22, 0.35, 0.4, rng), segments, rng, plain=redrawn)

    def foreign(self, chosen: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Not digits: digits on their side, two of them next to each other, and scrawls; and their labels.

        What might be one, a one that lies and a four that is not finished, is labelled as it half of the time.
        """
        n = len(chosen)
        matrix, segments = matrices(n, 20, 0.3, 0.4, rng), np.full((n, SEGMENTS, 4), np.nan, np.float32)
        kind = rng.random(n)
        kind[(kind < 0.3) & (self.labels[chosen] == 0)] = 0.5  # a zero on its side is still a zero
        turned, pair, plain = kind < 0.3, (kind >= 0.3) & (kind < 0.6), kind >= 0.6
        fours = np.flatnonzero(self.labels == 4)
        unfinished = (kind >= 0.9) & (len(fours) > 0)
        quarter = np.array([[0, -1], [1, 0]], np.float32)
        matrix[turned] = matrix[turned] @ (quarter * rng.choice([-1, 1], (turned.sum(), 1, 1)))
        for i in np.flatnonzero(plain & ~unfinished):
            segments[i] = draw_scrawl(rng)
        for i in np.flatnonzero(unfinished):
            segments[i] = unfinish_four(self.skeletons.points[rng.choice(fours)], rng)
        pictures = self._draw(chosen, matrix, segments, rng, plain)
        others = rng.integers(0, len(self.labels), pair.sum())
        pictures[pair] = _side_by_side(pictures[pair], self.drawn(others, rng), rng)
        guess = np.where(unfinished, 4, np.where(turned & (self.labels[chosen] == 1), 1, NOT_A_DIGIT))
        return pictures, np.where(rng.random(n) < 0.5, guess, NOT_A_DIGIT)

    def _draw(
        self,
        chosen: np.ndarray,
        matrix: np.ndarray,
        segments: np.ndarray,
        rng: np.random.Generator,
        plain: np.ndarray,
    ) -> np.ndarray:
        """Draw skeletons (those that are not `plain`) and segments, mapped, with a pen of any width."""
        n = len(chosen)
        points = np.where(plain[:, None, None], np.nan, self.skeletons.points[chosen])
        ends = segments.reshape(n, 2 * SEGMENTS, 2)
        middles = (ends[:, ::2] + ends[:, 1::2]) / 2
        pen = rng.uniform(PENS[0] ** 0.5, PENS[1] ** 0.5, n).astype(np.float32) ** 2
        matrix, scale, centre = fit(matrix, np.concatenate([points, ends, middles], 1), pen)
        matrix *= rng.uniform(0.94, 1.06, (n, 1, 1)).astype(np.float32)
        bent = bend(n, 0.9, rng) + proportion(n, (2, 3), rng)
        at = sources(matrix, centre, rng.uniform(-1.1, 1.1, (n, 2)).astype(np.float32), bent)
        distance = sample(self.skeletons.fields[chosen].astype(np.float32), at + PAD)
        distance[plain] = FAR
        distance = np.minimum(distance, distance_to_segments(at, segments)) * scale[:, None, None]
        soft = np.maximum(rng.uniform(-0.3, 1.3, n), 0.5).astype(np.float32)
        return _darken(ink(distance, pen, soft), rng)


def _darken(drawings: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of (n, 28, 28) drawings as they are, half, and all faint ones, with their grey stretched to full ink."""
    peak = drawings.max((1, 2), keepdims=True)
    return np.where((rng.random(peak.shape) < 0.5) | (peak < 0.5), drawings / np.maximum(peak, 0.3), drawings)


def _side_by_side(left: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two (n, 28, 28) pictures in one, each half as wide, at a random distance."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    both = np.zeros_like(left)
    for pictures, side in ((left, -1), (right, 1)):
        n = len(pictures)
        squeeze, away = rng.uniform(1.5, 2.1, (n, 1, 1)), rng.uniform(4.3, 6.2, (n, 1, 1))
        middle = (SIDE - 1) / 2
        at_x = (x - middle - side * away) * squeeze + middle
        at_y = (y - middle) * rng.uniform(0.95, 1.6, (n, 1, 1)) + middle
        padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
        both = np.maximum(both, sample(padded, np.stack([at_x, at_y], -1).astype(np.float32) + 1))
    return both
