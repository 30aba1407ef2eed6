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
from typing import NamedTuple

import numpy as np
from errors import FormatNotAllowed, NoInk, NotAPicture, PictureTooLarge
from PIL import Image, PngImagePlugin

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MAX_SIDE = 4096  # pixels a side of a picture that is decoded at all
SIDE = 28  # pixels a side of the picture that the models read
BOX = 20  # pixels of its longer side that the digit fills
CENTRE = (
    14.5  # where the centre of mass goes, in pixels from the edge: MNIST's mean is 14.00 in indices, so + 0.5
)
PEN = 1.8  # pixels: a thinner pen is broadened to this; one in ten of MNIST's digits has a thinner one
WORK_SIDE = 640  # a larger picture is first averaged down to about this
COARSE = 64  # cells a side of the grid on which the paper's shading is estimated
MAX_CHUNKS = 4096  # a PNG of 8 MB has about 1,000 in practice; each costs time whatever its size
ALLOWED = "PNG, JPEG, WebP, GIF or BMP"

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
    MemoryError,
    struct.error,
)


class Reading(NamedTuple):
    """What was read from a picture."""

    picture: np.ndarray  # float32 (28, 28), 0 paper to 1 ink
    done: list[str]  # what was done to get there, one clause in plain English each


def read(data: bytes) -> Reading:
    """Decode a picture file and normalise the digit on it as MNIST's are.

    Raises NotAPicture, FormatNotAllowed, PictureTooLarge (all before or while decoding) and NoInk.
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
    Image.fromarray(levels).save(file, "PNG")
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
        image.draft(
            None, (WORK_SIDE, WORK_SIDE)
        )  # a JPEG is decoded at a half, a quarter or an eighth, if large
        image.load()
    except Image.UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large() from error
    except DECODER_ERRORS as error:
        raise NotAPicture("The picture is damaged or cut off. Save or send it again.") from error
    return image


def _open(data: bytes) -> Image.Image:
    if data.startswith(PNG_START):
        # Image.open would first load the decoders of five formats, which takes a fresh process 10 ms.
        return PngImagePlugin.PngImageFile(io.BytesIO(data))
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _refuse_bombs(data: bytes) -> None:
    """Refuse what costs before Pillow knows the size: WebP allocates its canvas, PNG parses every chunk."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _check_side(*_webp_size(data))
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
    """Tell ink from paper: any decoded picture -> float32 (h, w), 0 paper to 1 ink. Raises NoInk."""
    image = _eight_bit(image)
    factor = max(image.size) // WORK_SIDE
    if factor > 1:
        image = image.reduce(factor)
    if image.has_transparency_data:
        levels, alpha = _levels(image.convert("RGBA"))
        if alpha.min() == 255:
            return _ink_of_levels(levels, done)
        if not _is_sheet(levels, alpha):
            done.append("took what is not transparent as ink")
            return _scaled(alpha.astype(np.float32))
        return _ink_of_levels(np.where(alpha < 128, _commonest(levels[alpha >= 128]), levels), done)
    return _ink_of_levels(_levels(image)[0], done)


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        levels = np.asarray(image).astype(np.float32) / 257
        return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    return image


def _levels(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels uint8 (h, w) in which the ink stands out most, and opacity uint8 (h, w)."""
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L")), np.full(image.size[::-1], 255, np.uint8)
    colours = np.asarray(image.convert("RGBA"))
    alpha = colours[..., 3]
    bands = [colours[..., band] for band in range(3)]
    if not (np.array_equal(bands[0], bands[1]) and np.array_equal(bands[1], bands[2])):
        bands.insert(0, np.asarray(image.convert("RGB").convert("L")))
        spread = [band[alpha >= 128].std() if (alpha >= 128).any() else 0 for band in bands]
        spread[0] *= (
            1.2  # a single band is noisier: it must be clearly better, as it is for yellow ink on white
        )
        return bands[int(np.argmax(spread))], alpha
    return bands[0], alpha


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


def _ink_of_levels(levels: np.ndarray, done: list[str]) -> np.ndarray:
    paper = _flat_paper(levels)
    if paper is None:
        return _ink_of_photo(levels, done)
    contrast = levels.astype(np.float32) - paper
    if -contrast.sum() > contrast.sum():
        done.append("turned dark ink on light paper into light on dark")
        contrast = -contrast
    return _scaled(np.maximum(contrast, 0))


def _flat_paper(levels: np.ndarray) -> int | None:
    """The one level of the paper if the picture is drawn, not photographed; else None.

    Drawn means: most of the edge has one level, and nearly all of the picture has that one or the ink's.
    """
    edge = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    paper = _commonest(edge)
    contrast = np.abs(levels.astype(np.int16) - paper)
    near = contrast <= 3
    if (np.abs(edge.astype(np.int16) - paper) <= 3).mean() < 0.6 or near.mean() < 0.3:
        return None
    if near.all() or max(levels.shape) <= 2 * SIDE:
        return paper
    rest = contrast[~near]
    return paper if near.mean() + (rest > 0.6 * rest.max()).sum() / levels.size > 0.85 else None


def _ink_of_photo(levels: np.ndarray, done: list[str]) -> np.ndarray:
    """Ink of a photo or scan: uneven light and noise are told from strokes by their width.

    The paper is what wide neighbourhoods agree on; contrast is measured against it as a share of its
    brightness, because a shadow dims paper and ink alike.
    """
    light = levels.astype(np.float32) / 255
    middle = _rank(light, 0.5)
    if ((light - middle) ** 3).mean() < 0:
        done.append("turned dark ink on light paper into light on dark")
    else:
        light = 1 - light
    done.append("took the uneven background away")
    rough = _rank(light, 0.7) - light
    rough -= np.median(rough)
    paper = _smooth_paper(light, rough < _otsu(rough))
    return _stretched(1 - light / np.maximum(paper, 0.02))


def _coarse(values: np.ndarray) -> np.ndarray:
    """Averages over a grid of at most COARSE cells a side."""
    height, width = values.shape
    scale = min(1.0, COARSE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _fine(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(Image.fromarray(values).resize(shape[::-1], Image.Resampling.BILINEAR))


def _rank(light: np.ndarray, share: float) -> np.ndarray:
    """The level that `share` of a neighbourhood (about a quarter of the picture wide) is darker than."""
    from PIL import ImageFilter

    size = 17
    coarse = np.pad(_coarse(light), size // 2, mode="edge")
    ranked = Image.fromarray(coarse).filter(ImageFilter.RankFilter(size, int(share * size * size)))
    inside = np.asarray(ranked)[size // 2 : -(size // 2), size // 2 : -(size // 2)]
    return _fine(np.ascontiguousarray(inside), light.shape)


def _otsu(values: np.ndarray) -> float:
    """The threshold that parts values best in two (Otsu, "A threshold selection method...", 1979)."""
    counts, edges = np.histogram(values, 128)
    below = np.cumsum(counts)
    total = np.cumsum(counts * edges[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (total[-1] * below / below[-1] - total) ** 2 / (below * (below[-1] - below))
    return float(edges[int(np.nanargmax(between[:-1])) + 1])


def _smooth_paper(light: np.ndarray, is_paper: np.ndarray) -> np.ndarray:
    """Local mean of the paper's pixels alone: a Gaussian blur in which ink has no weight."""
    weight = _coarse(is_paper.astype(np.float32))
    mean = _coarse(np.where(is_paper, light, 0).astype(np.float32))
    rows, columns = (_gaussian(side, 3.0) for side in weight.shape)
    blurred = (rows @ mean @ columns) / np.maximum(rows @ weight @ columns, 1e-6)
    return _fine(blurred.astype(np.float32), light.shape)


def _gaussian(side: int, sigma: float) -> np.ndarray:
    apart = np.arange(side)[:, None] - np.arange(side)
    return np.exp(-0.5 * (apart / sigma) ** 2)


def _stretched(contrast: np.ndarray) -> np.ndarray:
    """Contrast against paper -> ink 0..1: noise goes to 0, the inside of a stroke to 1. Raises NoInk."""
    noise = 1.4826 * float(np.median(np.abs(contrast - np.median(contrast))))
    threshold = max(_otsu(contrast), 4 * noise)
    strokes = contrast[contrast > threshold]
    if strokes.size < 4 or float(np.median(strokes)) < 0.06:
        raise NoInk("There is no digit to be seen on the picture. Draw one with a darker pen.")
    low, high = threshold / 2, float(np.percentile(strokes, 60))
    return np.clip((contrast - low) / (high - low), 0, 1).astype(np.float32)


# --- normalisation ---


def _is_normalised(ink: np.ndarray) -> bool:
    """Whether this is a picture that MNIST has or could have: right size, right box, mass in the middle."""
    if ink.shape != (SIDE, SIDE):
        return False
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    away = max(abs(centre - CENTRE) for centre in _centre(ink))
    return bool(BOX - 1 <= longer <= BOX and away <= 0.6)


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
    """Top, bottom, left, right of what is at least a quarter inked."""
    inked = ink >= 0.25
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
    return (
        2 * float(inked.sum()) / (float(outline) * np.pi / 4)
    )  # steps count pi/4 too much, over all directions


# --- specks ---


def _without_specks(ink: np.ndarray, done: list[str]) -> np.ndarray:
    """Blank what is no stroke: spots much smaller than the pen's own dot, and taps far off the digit."""
    top, bottom, left, right = _box(ink)
    factor = max(1, -(-max(bottom - top, right - left) // 96))
    cells = _pooled(ink, factor)
    labels, count = _label(cells >= 0.15)
    if count < 2:
        return ink
    mass = np.bincount(labels.ravel(), cells.ravel(), count + 1)[1:] * factor * factor
    dot = (0.5 * _pen_width(ink[top:bottom, left:right])) ** 2
    keep = mass >= min(max(dot, 0.002 * mass.sum()), mass.max())
    if keep.all():
        return ink
    done.append("left out specks")
    kept = np.concatenate([[False], keep])[labels]
    grown = np.pad(kept, 1)
    near = sum(grown[y : y + kept.shape[0], x : x + kept.shape[1]] for y in range(3) for x in range(3))
    mask = np.repeat(np.repeat(near > 0, factor, 0), factor, 1)[: ink.shape[0], : ink.shape[1]]
    return np.where(mask, ink, 0)


def _pooled(ink: np.ndarray, factor: int) -> np.ndarray:
    """Means over factor x factor pixels, the last ones padded with paper."""
    height, width = (-(-side // factor) * factor for side in ink.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    return padded.reshape(height // factor, factor, width // factor, factor).mean((1, 3))


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
