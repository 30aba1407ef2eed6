"""A picture file, decoded within limits: as 8-bit grey, RGB or RGBA, upright, however odd the file is.

All that Pillow does with a stranger's file happens here, where whatever it raises becomes a sentence.
"""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from reading import costs
from reading.costs import DAMAGED
from reading.errors import FormatNotAllowed, NotAPicture, OutOfLimits

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
WORK_SIDE = 640  # pixels a side that are worth having: a larger picture is averaged down to about this
ALLOWED = "PNG, JPEG, WebP, GIF or BMP"

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


def decode(data: bytes, steps: list[str]) -> Image.Image:
    """Decode a picture file: mode L, RGB or RGBA, no side longer than about WORK_SIDE pixels, upright.

    `steps` gets a clause in plain English for what was done. Raises NotAPicture, FormatNotAllowed, PictureTooLarge,
    OutOfLimits.
    """
    costs.check(data)
    try:
        image = _loaded(data)
        return _smaller(_plain(_upright(_smaller(image), steps)))
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise costs.too_large() from error
    except MemoryError as error:
        raise OutOfLimits("The picture takes more memory than there is. Send a smaller one.") from error
    except DECODER_ERRORS as error:
        raise NotAPicture(DAMAGED) from error


def longer_side(data: bytes) -> int:
    """The longer side of a picture file that `decode` decodes, in pixels, as its header states it."""
    return max(_open(data).size)


def _loaded(data: bytes) -> Image.Image:
    """Open, check the size that the header states, then decode."""
    image = _open(data)
    costs.check_size(*image.size, image.format)
    if image.format in ("PNG", "GIF", "WEBP") and getattr(image, "is_animated", False):
        raise NotAPicture("This is an animation. Send a single picture of a digit.")
    image.draft(None, (WORK_SIDE, WORK_SIDE))  # a JPEG is decoded at a half, a quarter or an eighth, if large
    image.load()
    if image.mode == "P" and image.palette is None:
        raise NotAPicture(DAMAGED)
    # Pillow calls a frame grey whose own colours are, even while its pixels stand for the colours of the whole file.
    return image.convert("RGB") if image.format == "GIF" and image.mode == "L" else image


def _smaller(image: Image.Image) -> Image.Image:
    """A large picture averaged down to about WORK_SIDE, but not where its pixels stand for colours of a list."""
    factor = max(image.size) // WORK_SIDE
    plain = image.mode in ("L", "LA", "RGB", "RGBA") and "transparency" not in image.info
    return image.reduce(factor) if factor > 1 and plain else image


def _plain(image: Image.Image) -> Image.Image:
    """Any mode of Pillow's as 8-bit grey (L), RGB or RGBA."""
    if image.mode.startswith(("I", "F")):  # 16-bit grey
        levels = np.asarray(image).astype(np.float32)
        levels /= 257  # in place: a large picture is 64 MB here
        return Image.fromarray(np.clip(levels, 0, 255, out=levels).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "L" if image.mode in ("1", "L") else "RGB"
    return image if image.mode == mode else image.convert(mode)  # which would copy it even so


def _open(data: bytes) -> Image.Image:
    if data.startswith(costs.PNG_START):
        # Image.open would first load the decoders of five formats, which takes a fresh process 10 ms.
        return PngImagePlugin.PngImageFile(io.BytesIO(data))
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _unidentified(data: bytes) -> NotAPicture | FormatNotAllowed:
    for offset, start, name in OTHER_FORMATS:
        if data[offset:].startswith(start):
            return FormatNotAllowed(f"{name} pictures are not read. Send {ALLOWED}.")
    return NotAPicture(f"This is not a picture that can be read. Send {ALLOWED}.")


def _upright(image: Image.Image, steps: list[str]) -> Image.Image:
    """Turn a photo as its EXIF data says."""
    if not {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"} & image.info.keys():
        return image
    from PIL import ImageOps  # not on the way of a drawing, which has no EXIF data

    try:
        turned = ImageOps.exif_transpose(image)
    except DECODER_ERRORS:  # broken EXIF data says nothing about the pixels: read the picture as it lies
        return image
    if turned.size != image.size or turned.tobytes() != image.tobytes():
        steps.append("turned upright")
    return turned
