"""Any picture of a digit, turned into the 28x28 picture that MNIST would have made of it.

    reading = ink.read(open("five.jpg", "rb").read())
    reading.picture    # float32 (28, 28), 0 paper to 1 ink
    reading.done       # ["turned dark ink on light into light on dark", "cropped to ...", ...]

Pure functions; no model, no file, no network. MNIST's normalisation is described by LeCun, Bottou, Bengio
and Haffner, "Gradient-based learning applied to document recognition" (1998), section III A: the longer side
is scaled to 20 pixels, the aspect ratio kept, grey levels left by the antialiasing, and the centre of mass put
in the middle of 28x28. What is said of MNIST below was measured on its 60,000 training pictures.
"""

from __future__ import annotations

import io
import struct
import warnings
from functools import reduce
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, PngImagePlugin

from reading.errors import FormatNotAllowed, NoInk, NotAPicture, OutOfLimits, PictureTooLarge

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MAX_SIDE = 4096  # pixels a side of a picture that is decoded at all
SIDE = 28  # pixels a side of the picture that the models read
BOX = 20  # pixels of its longer side that the digit fills
CENTRE = 14.5  # where the centre of mass goes, in pixels from the edge: MNIST's mean is 14.00 in indices, so + 0.5
PEN = 1.8  # pixels: a thinner pen is broadened to this; one in ten of MNIST's digits has a thinner one
WORK_SIDE = 640  # a larger picture is first averaged down to about this
PHOTO_SIDE = 320  # and what is no flat drawing to about this
LEAST_CONTRAST = 0.05  # of ink against paper, as a share of the paper's brightness
INKED = 0.25  # a pixel with less ink than this is no part of the digit's box
COARSE = 64  # cells a side of the grid on which the paper's shading is estimated
MAX_CHUNKS = 4096  # a PNG of 8 MB has about 1,000 in practice; each costs time whatever its size
DARK_ON_LIGHT = "turned dark ink on light paper into light on dark"
MAX_SCANS = 100  # of a progressive JPEG; cameras and browsers write about ten, and each costs as much as a picture
ALLOWED = "PNG, JPEG, WebP, GIF or BMP"
DAMAGED = "The picture is damaged or cut off. Save or send it again."

PNG_START = b"\x89PNG\r\n\x1a\n"
OTHER_FORMATS = (  # (offset, bytes there, name): enough to say what a file is, without any decoder for it
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"%PDF", "PDF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\x01\0", "icon"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "SVG"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (0, b"P4", "PBM"),
    (0, b"P5", "PGM"),
    (0, b"P6", "PPM"),
)
# What Pillow's decoders raise on broken data, found by feeding them such; anything else is a bug of ours.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    struct.error,
)


class Reading(NamedTuple):
    """What was read from a picture."""

    picture: np.ndarray  # float32 (28, 28), 0 paper to 1 ink
    done: list[str]  # what was done to get there, one clause in plain English each


def read(data: bytes) -> Reading:
    """Decode a picture file and normalise the digit on it as MNIST's are.

    Raises NotAPicture, FormatNotAllowed, PictureTooLarge, OutOfLimits (all before or while decoding) and NoInk.
    """
    done: list[str] = []
    image = _upright(_decode(data), done)
    ink = _ink(image, done)
    if _is_normalised(ink):
        return Reading(ink, [*done, "left as it is: it already has MNIST's size and place"])
    return Reading(_normalise(ink, done), done)


def normalise(ink: np.ndarray) -> np.ndarray:
    """Crop, scale and centre ink as MNIST does: float32 (h, w), 0 paper to 1 ink -> float32 (28, 28).

    Raises NoInk.
    """
    return _normalise(np.asarray(ink, np.float32), [])


def to_png(picture: np.ndarray) -> bytes:
    """Write float (28, 28), ink 1, as MNIST is shown: 8-bit grey PNG, white ink on black."""
    file = io.BytesIO()
    levels = np.clip(np.rint(np.asarray(picture) * 255), 0, 255).astype(np.uint8)
    file.name = "seen.png"  # its ending is enough; asked for a format, Pillow would load five coders, which takes 10 ms
    Image.fromarray(levels).save(file)
    return file.getvalue()


# --- decoding ---


def _decode(data: bytes) -> Image.Image:
    """Open, check the size that the header states, then decode."""
    _refuse_bombs(data)
    try:
        image = _open(data)
        _check_side(*image.size)
        if image.format in ("PNG", "GIF", "WEBP") and getattr(image, "is_animated", False):
            raise NotAPicture("This is an animation. Send a single picture of a digit.")
        image.draft(None, (WORK_SIDE, WORK_SIDE))  # a JPEG is decoded at a half, a quarter or an eighth, if large
        image.load()
    except Image.UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large() from error
    except MemoryError as error:
        raise OutOfLimits("The picture takes more memory than there is. Send a smaller one.") from error
    except DECODER_ERRORS as error:
        raise NotAPicture(DAMAGED) from error
    if image.mode == "P" and image.palette is None:
        raise NotAPicture(DAMAGED)
    return image


def _open(data: bytes) -> Image.Image:
    if data.startswith(PNG_START):
        # Image.open would first load the decoders of five formats, which takes a fresh process 10 ms.
        return PngImagePlugin.PngImageFile(io.BytesIO(data))
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _refuse_bombs(data: bytes) -> None:
    """Refuse what costs before Pillow knows the size: a canvas, scans, chunks."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _check_side(*_webp_size(data))
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise NotAPicture(f"The picture is a JPEG of more than {MAX_SCANS} scans. Save it again.")
    if data.startswith(PNG_START):
        offset = len(PNG_START)
        for _ in range(MAX_CHUNKS):
            if offset + 8 > len(data):
                return
            offset += 12 + int.from_bytes(data[offset : offset + 4], "big")
        raise NotAPicture(f"The picture is a PNG of more than {MAX_CHUNKS} pieces. Save it again.")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header of a WebP file (RFC 9649, sections 2.5 to 2.7); (0, 0) without one."""
    kind, head = data[12:16], data[20:30]
    if len(head) < 10:
        return 0, 0
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", head[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _check_side(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE:
        raise _too_large()


def _too_large() -> PictureTooLarge:
    return PictureTooLarge(f"The picture is too large. It may have up to {MAX_SIDE} pixels a side.")


def _unidentified(data: bytes) -> NotAPicture | FormatNotAllowed:
    for offset, start, name in OTHER_FORMATS:
        if data[offset:].startswith(start):
            return FormatNotAllowed(f"{name} pictures are not read. Send {ALLOWED}.")
    return NotAPicture(f"This is not a picture that can be read. Send {ALLOWED}.")


def _upright(image: Image.Image, done: list[str]) -> Image.Image:
    """Turn a photo as its EXIF data says."""
    if not {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"} & image.info.keys():
        return image
    from PIL import ImageOps  # not on the way of a drawing, which has no EXIF data

    try:
        turned = ImageOps.exif_transpose(image)
    except DECODER_ERRORS:  # broken EXIF data says nothing about the pixels: read the picture as it lies
        return image
    if turned.size != image.size or turned.tobytes() != image.tobytes():
        done.append("turned upright")
    return turned


# --- ink ---


def _ink(image: Image.Image, done: list[str]) -> np.ndarray:
    """Tell ink from paper: any decoded picture -> float32 (h, w), 0 paper to 1 ink. Raises NoInk.

    Paper around the ink may be gone. What is done to a whole drawing is done by Pillow, on bytes: with floats it
    would take longer than scoring.
    """
    image = _plain(image)
    factor = max(image.size) // WORK_SIDE
    if factor > 1:
        image = image.reduce(factor)
    if image.mode == "RGBA" and any(image.getchannel("A").histogram()[:255]):
        return _ink_of_layer(image, done)
    return _ink_of_levels(_levels(image), done)


def _ink_of_layer(image: Image.Image, done: list[str]) -> np.ndarray:
    """Ink of an RGBA picture that is transparent somewhere."""
    image = _cropped(image, image.getchannel("A").getbbox())
    levels, alpha = np.asarray(_levels(image)), np.asarray(image.getchannel("A"))
    if not _is_sheet(levels, alpha):
        done.append("took what is not transparent as ink")
        return _scaled(alpha.astype(np.float32))
    paper = _commonest(levels[alpha >= 128])
    return _ink_of_levels(Image.fromarray(np.where(alpha < 128, paper, levels).astype(np.uint8)), done)


def _cropped(image: Image.Image, box: tuple[int, int, int, int] | None) -> Image.Image:
    """Only what is inside the box; all of it where there is none, and where the size might be MNIST's."""
    return image.crop(box) if box and image.size != (SIDE, SIDE) else image


def _plain(image: Image.Image) -> Image.Image:
    """Any mode of Pillow's as 8-bit grey (L), RGB or RGBA."""
    if image.mode.startswith(("I", "F")):  # 16-bit grey
        levels = np.asarray(image).astype(np.float32) / 257
        return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


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


def _is_sheet(levels: np.ndarray, alpha: np.ndarray) -> bool:
    """Whether the opaque part is a sheet with something on it, rather than the ink itself."""
    opaque = alpha >= 128
    if not opaque.any():
        return False
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return bool(opaque.sum() > 0.85 * box and np.ptp(levels[opaque]) > 64)


def _commonest(levels: np.ndarray) -> int:
    return int(np.bincount(levels.ravel(), minlength=256).argmax())


def _scaled(ink: np.ndarray, least: float = 12) -> np.ndarray:
    """Ink on a scale of 0..255 -> 0..1, its darkest place 1. Raises NoInk below a contrast of `least`."""
    peak = float(ink.max())
    if peak < least:
        raise NoInk("There is nothing drawn on the picture. Draw a digit.")
    return (ink / peak).astype(np.float32)


def _ink_of_levels(image: Image.Image, done: list[str]) -> np.ndarray:
    paper = _flat_paper(image)
    if paper is None:
        return _ink_of_photo(np.asarray(image), done)
    count, contrast = np.array(image.histogram()), np.arange(256, dtype=np.float32) - paper
    if count @ contrast < 0:
        done.append(DARK_ON_LIGHT)
        contrast = -contrast
    ink = _scaled(np.where(count > 0, np.maximum(contrast, 0), 0))  # of each of the 256 levels
    inked = image.point([255 * (level > 0) for level in ink.tolist()])
    return ink[np.asarray(_cropped(image, inked.getbbox()))]


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


def _ink_of_photo(levels: np.ndarray, done: list[str]) -> np.ndarray:
    """Ink of a photo or scan: uneven light and noise are told from strokes by their width and connection.

    The paper is what wide neighbourhoods agree on; contrast is measured against it as a share of its
    brightness, because a shadow dims paper and ink alike.
    """
    light = _averaged(levels)
    if _is_dark_on_light(light - _trend(light)):
        done.append(DARK_ON_LIGHT)
    else:
        light = 255 - light
    done.append("took the uneven background away")
    light = light / np.maximum(_trend(light), 8) * 128
    paper = _rank(light, 0.5)
    for _ in range(2):  # the first guess is biased where the light changes, the second is not
        contrast = _softened(1 - light / np.maximum(paper, 8))
        darker = contrast > 0.35 * _peak(contrast)
        paper = _smooth_paper(light, ~darker | _wide(darker))
    return _strokes(1 - light / np.maximum(paper, 8))


def _averaged(levels: np.ndarray) -> np.ndarray:
    """Grey levels averaged down to PHOTO_SIDE, which takes most of the noise away: float32."""
    factor = max(1, round(max(levels.shape) / PHOTO_SIDE))
    return np.asarray(Image.fromarray(levels).reduce(factor), np.float32)


def _trend(light: np.ndarray) -> np.ndarray:
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


def _is_dark_on_light(light: np.ndarray) -> bool:
    """Whether what stands out of its neighbourhood is dark; light ink must stand out clearly more to win."""
    out = _softened(light - _rank(light, 0.5))
    return _peak(out) < 1.3 * _peak(-out)


def _softened(values: np.ndarray) -> np.ndarray:
    """Means over 3 x 3 pixels."""
    padded = np.pad(values, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9


def _peak(values: np.ndarray) -> float:
    """The level that only one pixel in a thousand, the core of a stroke, is above."""
    return float(np.percentile(values, 99.9))


def _coarse(values: np.ndarray) -> np.ndarray:
    """Averages over a grid of at most COARSE cells a side."""
    height, width = values.shape
    scale = min(1.0, COARSE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _fine(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    height, width = shape
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))


def _rank(light: np.ndarray, share: float) -> np.ndarray:
    """The level that `share` of a neighbourhood (about a quarter of the picture wide) is darker than."""
    from PIL import ImageFilter

    size = 17
    coarse = np.pad(_coarse(light), size // 2, mode="edge")
    ranked = Image.fromarray(coarse).filter(ImageFilter.RankFilter(size, int(share * size * size)))
    inside = np.asarray(ranked)[size // 2 : -(size // 2), size // 2 : -(size // 2)]
    return _fine(np.ascontiguousarray(inside), light.shape)


def _wide(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask that are too wide for a stroke, a seventh of the picture at least: shadows."""
    from PIL import ImageFilter

    coarse = Image.fromarray((_coarse(mask.astype(np.float32)) > 0.5).astype(np.uint8))
    opened = coarse.filter(ImageFilter.MinFilter(9)).filter(ImageFilter.MaxFilter(9))
    return np.asarray(opened.resize(mask.shape[::-1], Image.Resampling.NEAREST)) > 0


def _smooth_paper(light: np.ndarray, is_paper: np.ndarray) -> np.ndarray:
    """Local mean of the paper's pixels alone: a Gaussian blur in which ink has no weight."""
    weight = _coarse(is_paper.astype(np.float32))
    mean = _coarse(np.where(is_paper, light, 0))
    rows, columns = (_gaussian(side, 2.5) for side in weight.shape)
    blurred = (rows @ mean @ columns) / np.maximum(rows @ weight @ columns, 1e-6)
    return _fine(blurred.astype(np.float32), light.shape)


def _gaussian(side: int, sigma: float) -> np.ndarray:
    apart = np.arange(side)[:, None] - np.arange(side)
    return np.exp(-0.5 * (apart / sigma) ** 2)


def _strokes(contrast: np.ndarray) -> np.ndarray:
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
    labels, count = _label(soft > max(0.3 * peak, 2.5 * noise))
    strong = np.bincount(labels[soft > 0.6 * peak], minlength=count + 1) > 0
    strong[0] = False
    strong &= _inside(labels, strong)
    high = float(np.median(contrast[strong[labels] & (soft > 0.6 * peak)]))
    ink = np.clip((contrast / high - 0.25) / 0.65, 0, 1)
    return np.where(_grown(strong[labels]), ink, 0).astype(np.float32)


def _inside(labels: np.ndarray, strong: np.ndarray) -> np.ndarray:
    """Which parts don't touch the edge, where a sheet ends and shadows begin; all of them if that is too much."""
    area = np.bincount(labels.ravel(), minlength=len(strong)) * strong
    area[0] = 0
    inside = area > 0
    inside[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = False
    return inside if area[inside].sum() > 0.1 * area.sum() else area > 0


def _grown(mask: np.ndarray) -> np.ndarray:
    """A mask and its eight neighbours."""
    padded = np.pad(mask, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]


# --- normalisation ---


def _is_normalised(ink: np.ndarray) -> bool:
    """Whether this is a picture that MNIST has or could have: right size, right box, mass in the middle."""
    if ink.shape != (SIDE, SIDE):
        return False
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    away = max(abs(centre - CENTRE) for centre in _centre(ink))
    return bool(BOX - 1 <= longer <= BOX + 2 and away <= 0.6)  # MNIST is within 20 and 0.5, our own a little over


def _normalise(ink: np.ndarray, done: list[str]) -> np.ndarray:
    ink = _without_specks(ink, done)
    top, bottom, left, right = _box(ink)
    ink = ink[top:bottom, left:right]
    height, width = ink.shape
    done.append(f"cropped to the ink, {width} by {height} pixels")
    step = max(height, width) / BOX  # pixels of the drawing for one of ours
    done.append(f"scaled the longer side to {BOX} pixels")
    pen = _pen_width(ink) / step
    spread = max(1.0, 1.0 + PEN - pen)
    if spread > 1.2:
        done.append("broadened the thin strokes")
    (low_row, high_row), (low_column, high_column) = (
        _window(side, centre, step, spread) for side, centre in zip(ink.shape, _centre(ink), strict=True)
    )
    done.append("put its centre of mass in the middle")
    gain = spread / min(pen, 1.0) if spread > 1 else 1.0
    means = _means(_means(ink, low_row, high_row).T, low_column, high_column).T
    return np.clip(gain * means, 0, 1).astype(np.float32)


def _centre(ink: np.ndarray) -> tuple[float, float]:
    """Centre of mass, rows then columns, in pixels from the edge (the first pixel's middle is 0.5)."""
    rows, columns = ink.sum(1, dtype=np.float64), ink.sum(0, dtype=np.float64)
    total = rows.sum()
    return (
        float(rows @ np.arange(len(rows)) / total) + 0.5,
        float(columns @ np.arange(len(columns)) / total) + 0.5,
    )


def _box(ink: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of what is inked."""
    inked = ink >= INKED
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    if not len(rows):
        raise NoInk("There is nothing drawn on the picture. Draw a digit.")
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _window(side: int, centre: float, step: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Where each of our 28 pixels begins and ends along a side of the drawing, `centre` being in the middle.

    Each is `step` pixels from the next and `spread` times as wide: 1 is plain area-averaging. The digit never
    leaves the 28, however far its centre of mass is from its middle.
    """
    start = min(max(centre - CENTRE * step, side - SIDE * step), 0.0)
    middle = start + (np.arange(SIDE) + 0.5) * step
    return middle - spread * step / 2, middle + spread * step / 2


def _means(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Means over the rows from low to high, fractions of a row counted as such, paper beyond the ends.

    float32 (h, w), float (n,), float (n,) -> float32 (n, w). By running sums: a product of matrices would wait
    for the threads of numpy's BLAS, on a busy machine ten times as long.
    """
    sums = np.zeros((len(values) + 1, values.shape[1]), np.float32)
    np.cumsum(values, axis=0, out=sums[1:])

    def up_to(row: np.ndarray) -> np.ndarray:
        row = np.clip(row, 0, len(values))
        whole = np.minimum(row.astype(np.intp), len(values) - 1)
        return sums[whole] + (row - whole).astype(np.float32)[:, None] * values[whole]

    return (up_to(high) - up_to(low)) / (high - low).astype(np.float32)[:, None]


def _pen_width(ink: np.ndarray) -> float:
    """Mean width of the strokes in pixels: twice the area over the outline, which is exact for a long bar."""
    inked = np.pad(ink >= 0.5, 1)
    outline = (inked[1:] != inked[:-1]).sum() + (inked[:, 1:] != inked[:, :-1]).sum()
    if not outline:  # faint throughout
        return 1.0
    return 2 * float(inked.sum()) / (float(outline) * np.pi / 4)  # steps count pi/4 too much, over all directions


# --- specks ---


def _without_specks(ink: np.ndarray, done: list[str]) -> np.ndarray:
    """Blank what is much smaller than a dot of the same pen: dust, a stray pixel."""
    top, bottom, left, right = _box(ink)
    factor = -(-max(bottom - top, right - left) // 96)  # cells of so many pixels a side, for speed
    labels, count = _label(_cells(ink, factor, np.maximum) >= INKED)
    if count < 2:
        return ink
    mass = np.bincount(labels.ravel(), _cells(ink, factor, np.add).ravel(), count + 1)
    dot = (0.5 * _pen_width(ink[top:bottom, left:right])) ** 2
    keep = mass >= min(max(dot, 0.002 * mass.sum()), mass[1:].max())
    if keep[1:].all():
        return ink
    done.append("left out specks")
    keep[0] = False
    mask = np.repeat(np.repeat(_grown(keep[labels]), factor, 0), factor, 1)
    return np.where(mask[: ink.shape[0], : ink.shape[1]], ink, 0)


def _cells(ink: np.ndarray, factor: int, combine: np.ufunc) -> np.ndarray:
    """Sum or maximum over cells of factor x factor pixels, the last ones filled up with paper."""
    height, width = (-(-side // factor) * factor for side in ink.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    # Slices of every factor-th row, then column, are combined many times faster than axes of a few each.
    rows = reduce(combine, [padded[at::factor] for at in range(factor)])
    return reduce(combine, [rows[:, at::factor] for at in range(factor)])


def _label(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the connected parts (eight neighbours) from 1: bool (h, w) -> int (h, w), and how many."""
    runs, parent = _runs(mask), []
    before: list[tuple[int, int, int]] = []
    here: list[tuple[int, int, int]] = []
    row_now = -2
    for number, (row, start, stop) in enumerate(runs):
        parent.append(number)
        if row != row_now:
            before, here, row_now = (here if row == row_now + 1 else []), [], row
        for other, other_start, other_stop in before:
            if other_start <= stop and start <= other_stop:
                parent[_root(parent, other)] = _root(parent, number)
        here.append((number, start, stop))
    roots = [_root(parent, number) for number in range(len(runs))]
    names = {root: name for name, root in enumerate(dict.fromkeys(roots), 1)}
    labels = np.zeros(mask.shape, np.intp)
    for (row, start, stop), root in zip(runs, roots, strict=True):
        labels[row, start:stop] = names[root]
    return labels, len(names)


def _runs(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """Horizontal runs of True as (row, start, stop), in reading order."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    stops = np.nonzero(steps == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number
