"""Ink on a photo or scan, told from paper that is unevenly lit, shadowed and noisy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from reading.errors import NoInk
from reading.parts import grown, label

if TYPE_CHECKING:
    from reading.arrays import Bools, Bytes, Float, Ints

PHOTO_SIDE = 320  # pixels of its longer side to which a photo is averaged down
LEAST_CONTRAST = 0.05  # of ink against paper, as a share of the paper's brightness
COARSE = 64  # cells a side of the grid on which the paper's shading is estimated
DARK_ON_LIGHT = "turned dark ink on light paper into light on dark"


def ink_of_photo(levels: Bytes, steps: list[str]) -> Float:
    """Ink of a photo or scan: uneven light and noise are told from strokes by their width and connection.

    The paper is what wide neighbourhoods agree on; contrast is measured against it as a share of its
    brightness, because a shadow dims paper and ink alike.
    """
    light = _averaged(levels)
    if _is_dark_on_light(light - _trend(light)):
        steps.append(DARK_ON_LIGHT)
    else:
        light = 255 - light
    steps.append("took the uneven background away")
    light = light / np.maximum(_trend(light), 8) * 128
    paper = _rank(light, 0.5)
    for _ in range(2):  # the first guess is biased where the light changes, the second is not
        contrast = _softened(1 - light / np.maximum(paper, 8))
        darker = contrast > 0.35 * _peak(contrast)
        paper = _smooth_paper(light, ~darker | _wide(darker))
    return _strokes(1 - light / np.maximum(paper, 8))


def _averaged(levels: Bytes) -> Float:
    """Grey levels averaged down to PHOTO_SIDE, which takes most of the noise away: float32."""
    factor = max(1, round(max(levels.shape) / PHOTO_SIDE))
    return np.asarray(Image.fromarray(levels).reduce(factor), np.float32)


def _trend(light: Float) -> Float:
    """The quadratic surface that most of the picture lies on, by reweighted least squares."""
    coarse = _coarse(light)
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in coarse.shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)
    levels, weight = coarse.ravel(), np.ones(coarse.size)
    for _ in range(4):
        weighted = terms * weight[:, None]
        surface = terms @ np.linalg.solve(terms.T @ weighted + 1e-6 * np.eye(6), weighted.T @ levels)
        away = levels - surface
        weight = 1 / (1 + (away / (2 * np.median(np.abs(away)) + 1e-3)) ** 2)
    return _fine(surface.reshape(coarse.shape).astype(np.float32), light.shape)


def _is_dark_on_light(light: Float) -> bool:
    """Whether what stands out of its neighbourhood is dark; light ink must stand out clearly more to win."""
    out = _softened(light - _rank(light, 0.5))
    return _peak(out) < 1.3 * _peak(-out)


def _softened(values: Float) -> Float:
    """Means over 3 x 3 pixels."""
    padded = np.pad(values, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9


def _peak(values: Float) -> float:
    """The level that only one pixel in a thousand, the core of a stroke, is above."""
    return float(np.percentile(values, 99.9))


def _coarse(values: Float) -> Float:
    """Averages over a grid of at most COARSE cells a side."""
    height, width = values.shape
    scale = min(1.0, COARSE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _fine(values: Float, shape: tuple[int, ...]) -> Float:
    height, width = shape
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def _rank(light: Float, share: float) -> Float:
    """The level that `share` of a neighbourhood (about a quarter of the picture wide) is darker than."""
    from PIL import ImageFilter

    size = 17
    coarse = np.pad(_coarse(light), size // 2, mode="edge")
    ranked = Image.fromarray(coarse).filter(ImageFilter.RankFilter(size, int(share * size * size)))
    inside = np.asarray(ranked)[size // 2 : -(size // 2), size // 2 : -(size // 2)]
    return _fine(np.ascontiguousarray(inside), light.shape)


def _wide(mask: Bools) -> Bools:
    """The parts of a mask that are too wide for a stroke, a seventh of the picture at least: shadows."""
    from PIL import ImageFilter

    coarse = Image.fromarray((_coarse(mask.astype(np.float32)) > 0.5).astype(np.uint8))
    opened = coarse.filter(ImageFilter.MinFilter(9)).filter(ImageFilter.MaxFilter(9))
    return np.asarray(opened.resize(mask.shape[::-1], Image.Resampling.NEAREST)) > 0


def _smooth_paper(light: Float, is_paper: Bools) -> Float:
    """Local mean of the paper's pixels alone: a Gaussian blur in which ink has no weight."""
    weight = _coarse(is_paper.astype(np.float32))
    mean = _coarse(np.where(is_paper, light, 0))
    rows, columns = (_gaussian(side, 2.5) for side in weight.shape)
    blurred = (rows @ mean @ columns) / np.maximum(rows @ weight @ columns, 1e-6)
    return _fine(blurred.astype(np.float32), light.shape)


def _gaussian(side: int, sigma: float) -> Float:
    apart = np.arange(side)[:, None] - np.arange(side)
    return np.exp(-0.5 * (apart / sigma) ** 2)


def _strokes(contrast: Float) -> Float:
    """Contrast against paper, noise and all -> ink 0..1. Raises NoInk.

    A stroke is what is connected above a low threshold and somewhere above a high one (hysteresis, as in Canny,
    "A computational approach to edge detection", 1986).
    """
    soft = _softened(contrast)
    margin = max(soft.shape) // 32  # at the very edge the paper is guessed worst
    inner = soft[margin:-margin, margin:-margin] if min(soft.shape) > 3 * margin > 0 else soft
    peak, noise = _peak(inner), 1.4826 * float(np.median(np.abs(soft - np.median(soft))))
    if peak < max(LEAST_CONTRAST, 5 * noise, 2 * _peak(-inner)):  # ink is on one side of paper, guesses on both
        raise NoInk("There is no digit to be seen on the picture. Draw one with a darker pen.")
    labels, count = label(soft > max(0.3 * peak, 2.5 * noise))
    strong = np.bincount(labels[soft > 0.6 * peak], minlength=count + 1) > 0
    strong[0] = False
    strong &= _inside(labels, strong)
    high = float(np.median(contrast[strong[labels] & (soft > 0.6 * peak)]))
    ink = np.clip((contrast / high - 0.25) / 0.65, 0, 1)
    return np.where(grown(strong[labels]), ink, 0).astype(np.float32)


def _inside(labels: Ints, strong: Bools) -> Bools:
    """Which parts don't touch the edge, where a sheet ends and shadows begin; all of them if that is too much."""
    area = np.bincount(labels.ravel(), minlength=len(strong)) * strong
    area[0] = 0
    inside = area > 0
    inside[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    return inside if area[inside].sum() > 0.1 * area.sum() else area > 0
