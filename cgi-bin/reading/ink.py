"""Ink told from paper: a decoded picture in, how much ink each pixel holds out, and where in the picture that is.

Drawings on paper of one level are handled here, photos and scans in `photo.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageChops

from reading import frames, ruled
from reading.errors import NoInk
from reading.normalising import SIDE
from reading.parts import INKED
from reading.photo import DARK_ON_LIGHT, ink_of_photo

if TYPE_CHECKING:
    from reading.arrays import Bools, Bytes, Float

RULED = 1024  # pixels of the longer side with which lines of the paper are looked for, at most
DEEPEST = 3  # panels and frames in each other


class Sheet(NamedTuple):
    """Ink, and where it is in the decoded picture."""

    ink: Float  # float32 (h, w), 0 paper to 1 ink
    left: float  # of the ink's first column, in pixels of the decoded picture
    top: float
    step: float  # pixels of the decoded picture for one of the ink's


def ink_of(image: Image.Image, steps: list[str]) -> Sheet:
    """Tell ink from paper in a picture of mode L, RGB or RGBA. Raises NoInk.

    Paper around the ink may be gone. What is done to a whole drawing is done by Pillow, on bytes: with floats it
    would take longer than scoring.
    """
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        return _ink_of_layer(image, steps)
    return _ink_of_levels(_levels(image), steps)


def _ink_of_layer(image: Image.Image, steps: list[str]) -> Sheet:
    """Ink of an RGBA picture that is transparent somewhere."""
    left, top, right, bottom = _crop(image, image.getchannel("A"))
    image = image.crop((left, top, right, bottom))
    alpha = np.asarray(image.getchannel("A"))
    opaque = alpha >= 128
    levels = np.asarray(_levels(image)) if _is_sheet(opaque) else None
    if levels is None or np.ptp(levels[opaque]) <= 64:  # the ink itself, or a sheet with nothing on it
        steps.append("took what is not transparent as ink")
        return Sheet(_framed(_scaled(alpha.astype(np.float32)), steps), left, top, 1)
    paper = _commonest(levels[opaque])
    inside = _ink_of_levels(Image.fromarray(np.where(alpha < 128, paper, levels).astype(np.uint8)), steps)
    return inside._replace(left=left + inside.left, top=top + inside.top)


def _crop(image: Image.Image, inked: Image.Image) -> tuple[int, int, int, int]:
    """The box of what is inked; all of the picture where nothing is, and where the size might be MNIST's."""
    box = None if image.size == (SIDE, SIDE) else inked.getbbox()
    return box or (0, 0, *image.size)


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
    # Rounded, so that of two bands that stand out as much it is the first, whatever numpy adds up in which order.
    spread = [round(float(np.std(level)), 6) if level.size else 0.0 for level in levels]
    spread[0] *= 1.2  # one band alone is noisier: it must be clearly better, as blue is for yellow ink on white
    return bands[int(np.argmax(spread))]


def _is_sheet(opaque: Bools) -> bool:
    """Whether the opaque part fills a rectangle, as a sheet does and ink does not."""
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    if not len(rows):
        return False
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return bool(np.count_nonzero(opaque) > 0.85 * box)


def _commonest(levels: Bytes) -> int:
    return int(np.bincount(levels.ravel(), minlength=256).argmax())


def _scaled(ink: Float, least: float = 12) -> Float:
    """Ink on a scale of 0..255 -> 0..1, its darkest place 1. Raises NoInk below a contrast of `least`."""
    peak = float(ink.max())
    if peak < least:
        raise NoInk("There is nothing drawn on the picture. Draw a digit.")
    return (ink / peak).astype(np.float32, copy=False)


def _ink_of_levels(image: Image.Image, steps: list[str], depth: int = 0) -> Sheet:
    """Ink of a picture of grey levels: of what is on a panel or in a frame, if there is one; `depth` were found."""
    paper = _flat_paper(image)
    if paper is None:
        photo = _unruled(_framed(ink_of_photo(np.asarray(image), steps), steps), steps)
        return Sheet(photo, 0, 0, max(image.size) / max(photo.shape))
    count, contrast = np.array(image.histogram()), np.arange(256, dtype=np.float32) - paper
    is_light = count @ contrast < 0
    ink = _scaled(np.where(count > 0, np.maximum(-contrast if is_light else contrast, 0), 0))  # of each of 256 levels
    inked = _inked(image, ink >= INKED)
    found = _found(inked) if depth < DEEPEST else None
    if found and (inner := _ink_inside(found, image, paper, steps, depth)) is not None:
        return inner
    image = _without_rules(image, inked, paper, steps)
    if is_light:
        steps.append(DARK_ON_LIGHT)
    box = _crop(image, _inked(image, ink > 0))
    drawn: Float = ink[np.asarray(image.crop(box))]
    return Sheet(drawn, box[0], box[1], 1)


def _without_rules(image: Image.Image, inked: Image.Image, paper: int, steps: list[str]) -> Image.Image:
    """A picture of grey levels without the lines of the paper, if it has some; `inked` is 255 where it has ink."""
    factor = -(-max(image.size) // RULED)
    found = ruled.rules(np.asarray(inked.reduce(factor)) > 0)
    if found is None:
        return image
    steps.append(ruled.NO_RULES)
    lines = np.repeat(np.repeat(found, factor, 0), factor, 1)[: image.height, : image.width]
    rubbed = ruled.rubbed(lines, np.asarray(inked) > 0)
    return Image.fromarray(np.where(rubbed, paper, np.asarray(image)).astype(np.uint8))


def _unruled(ink: Float, steps: list[str]) -> Float:
    """Ink (h, w) without the lines of the paper, if it has some."""
    inked = ink >= INKED
    found = ruled.rules(inked)
    if found is None:
        return ink
    steps.append(ruled.NO_RULES)
    return np.where(ruled.rubbed(found, inked), 0, ink)


def _inked(image: Image.Image, is_ink: Bools) -> Image.Image:
    """Where a picture has one of the levels that count as ink, bool (256,): a picture of 0 and 255."""
    return image.point([255 * inked for inked in is_ink.tolist()])


def _found(inked: Image.Image) -> frames.Found | None:
    """What is around the digit on a picture of 0 and 255; its mask is one of pixels."""
    factor = -(-max(inked.size) // frames.CELLS)
    found = frames.find(np.asarray(inked.reduce(factor)) > 0)  # a cell is inked if one of its pixels is
    if not found:
        return None
    pixels = np.repeat(np.repeat(found.meant, factor, 0), factor, 1)[: inked.height, : inked.width]
    return found._replace(meant=pixels)


def _ink_inside(found: frames.Found, image: Image.Image, paper: int, steps: list[str], depth: int) -> Sheet | None:
    """Ink inside a frame or on a panel; None if there is none."""
    levels, within = np.asarray(image), list[str]()
    around = _commonest(levels[found.meant]) if found.is_panel else paper
    inner = Image.fromarray(np.where(found.meant, levels, around).astype(np.uint8))
    try:
        sheet = _ink_of_levels(inner, within, depth + 1)
    except NoInk:
        return None
    if found.is_panel and frames.is_block(sheet.ink >= INKED, found.meant):
        return None
    steps += [found.said, *(step for step in within if step != found.said)]
    return sheet


def _framed(ink: Float, steps: list[str]) -> Float:
    """Ink (h, w) without the frames around it."""
    for _ in range(DEEPEST):
        found = _found(Image.fromarray((ink >= INKED).astype(np.uint8) * 255))
        if not found or found.is_panel:
            break
        ink = np.where(found.meant, ink, 0)
        if found.said not in steps:
            steps.append(found.said)
    return ink


def _flat_paper(image: Image.Image) -> int | None:
    """The one level of the paper if the picture is drawn, not photographed; else None.

    Drawn means: most of the edge, or of where it is without a line along it, has one level, and nearly all of the
    picture has that one or the ink's.
    """
    levels, share = np.asarray(image), np.array(image.histogram()) / (image.width * image.height)
    for inset in (0, min(levels.shape) // 20):
        edge = _ring(levels, inset)
        paper = _commonest(edge)
        away = np.abs(np.arange(256) - paper)
        near, contrast = away <= 3, int(away[share > 0].max())
        if near[edge].mean() >= 0.6:
            break
    else:
        return None
    is_small = contrast <= 3 or max(image.size) <= 2 * SIDE
    if is_small and share[near].sum() >= 0.3 and not inset:
        return paper
    is_flat = share[near | (away > 0.6 * contrast)].sum() > 0.85 or _few_levels(share)
    return paper if is_flat else None


def _ring(levels: Bytes, inset: int) -> Bytes:
    """The levels along the edge of a picture, or so many pixels inside of it."""
    inner = levels[inset : levels.shape[0] - inset, inset : levels.shape[1] - inset]
    return np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])


def _few_levels(share: Float) -> bool:
    """Whether nearly all of a picture has one of three levels, clearly apart, from the share of each of 256."""
    left, found = share.copy(), 0.0
    for _ in range(3):
        level = int(left.argmax())
        found += float(left[max(level - 3, 0) : level + 4].sum())
        left[max(level - 12, 0) : level + 13] = 0
    return found > 0.9
