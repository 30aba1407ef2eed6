"""Ink told from paper: a decoded picture in, how much ink each pixel holds out.

Drawings on paper of one level are handled here, photos and scans in `photo.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops

from reading.errors import NoInk
from reading.normalising import SIDE
from reading.photo import DARK_ON_LIGHT, ink_of_photo

if TYPE_CHECKING:
    from reading.arrays import Bytes, Float


def ink_of(image: Image.Image, steps: list[str]) -> Float:
    """Tell ink from paper: a picture of mode L, RGB or RGBA -> float32 (h, w), 0 paper to 1 ink. Raises NoInk.

    Paper around the ink may be gone. What is done to a whole drawing is done by Pillow, on bytes: with floats it
    would take longer than scoring.
    """
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return _ink_of_layer(image, steps)
    return _ink_of_levels(_levels(image), steps)


def _ink_of_layer(image: Image.Image, steps: list[str]) -> Float:
    """Ink of an RGBA picture that is transparent somewhere."""
    image = _cropped(image, image.getchannel("A").getbbox())
    levels, alpha = np.asarray(_levels(image)), np.asarray(image.getchannel("A"))
    if not _is_sheet(levels, alpha):
        steps.append("took what is not transparent as ink")
        return _scaled(alpha.astype(np.float32))
    paper = _commonest(levels[alpha >= 128])
    return _ink_of_levels(Image.fromarray(np.where(alpha < 128, paper, levels).astype(np.uint8)), steps)


def _cropped(image: Image.Image, box: tuple[int, int, int, int] | None) -> Image.Image:
    """Only what is inside the box; all of it where there is none, and where the size might be MNIST's."""
    return image.crop(box) if box and image.size != (SIDE, SIDE) else image


def _levels(image: Image.Image) -> Image.Image:
    """The grey levels, 8 bits, in which the ink stands out most."""
    if image.mode == "L":
        return image
    red, green, blue = (image.getchannel(band) for band in range(3))
    if not ImageChops.difference(red, green).getbbox() and not ImageChops.difference(green, blue).getbbox():
        return red
    bands = [image.convert("L"), red, green, blue]
    seen = np.asarray(image.getchannel("A")) >= 128 if image.mode == "RGBA" else slice(None)
    levels = [np.asarray(band)[seen] for band in bands]
    spread = [float(np.std(level)) if level.size else 0.0 for level in levels]
    spread[0] *= 1.2  # one band alone is noisier: it must be clearly better, as blue is for yellow ink on white
    return bands[int(np.argmax(spread))]


def _is_sheet(levels: Bytes, alpha: Bytes) -> bool:
    """Whether the opaque part is a sheet with something on it, rather than the ink itself."""
    opaque = alpha >= 128
    if not opaque.any():
        return False
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return bool(np.count_nonzero(opaque) > 0.85 * box and np.ptp(levels[opaque]) > 64)


def _commonest(levels: Bytes) -> int:
    return int(np.bincount(levels.ravel(), minlength=256).argmax())


def _scaled(ink: Float, least: float = 12) -> Float:
    """Ink on a scale of 0..255 -> 0..1, its darkest place 1. Raises NoInk below a contrast of `least`."""
    peak = float(ink.max())
    if peak < least:
        raise NoInk("There is nothing drawn on the picture. Draw a digit.")
    return (ink / peak).astype(np.float32, copy=False)


def _ink_of_levels(image: Image.Image, steps: list[str]) -> Float:
    paper = _flat_paper(image)
    if paper is None:
        return ink_of_photo(np.asarray(image), steps)
    count, contrast = np.array(image.histogram()), np.arange(256, dtype=np.float32) - paper
    if count @ contrast < 0:
        steps.append(DARK_ON_LIGHT)
        contrast = -contrast
    ink = _scaled(np.where(count > 0, np.maximum(contrast, 0), 0))  # of each of the 256 levels
    inked = image.point([255 * (level > 0) for level in ink.tolist()])
    drawn: Float = ink[np.asarray(_cropped(image, inked.getbbox()))]
    return drawn


def _flat_paper(image: Image.Image) -> int | None:
    """The one level of the paper if the picture is drawn, not photographed; else None.

    Drawn means: most of the edge has one level, and nearly all of the picture has that one or the ink's.
    """
    levels = np.asarray(image)
    edge = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    paper = _commonest(edge)
    share = np.array(image.histogram()) / levels.size
    away = np.abs(np.arange(256) - paper)
    near, contrast = away <= 3, int(away[share > 0].max())
    if near[edge].mean() < 0.6 or share[near].sum() < 0.3:
        return None
    if contrast <= 3 or max(image.size) <= 2 * SIDE:
        return paper
    return paper if share[near | (away > 0.6 * contrast)].sum() > 0.85 else None
