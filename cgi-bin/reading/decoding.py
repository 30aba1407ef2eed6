"""The bytes of a picture file, decoded within limits: what a file costs is known before it is paid.

Pixels a side, scans and chunks are checked in the bytes, where Pillow would only find out while it decodes.
"""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from reading.errors import FormatNotAllowed, NotAPicture, OutOfLimits, PictureTooLarge

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
MAX_SIDE = 4096  # pixels a side of a picture that is decoded at all
WORK_SIDE = 640  # pixels a side that are worth having: a larger picture is averaged down to about this
MAX_CHUNKS = 4096  # a PNG of 8 MB has about 1,000 in practice; each costs time whatever its size
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


def decode(data: bytes) -> Image.Image:
    """Open, check the size that the header states, then decode."""
    _refuse_bombs(data)
    try:
        image = _open(data)
        _check_side(*image.size)
        if image.format in ("PNG", "GIF", "WEBP") and getattr(image, "is_animated", False):
            raise NotAPicture("This is an animation. Send a single picture of a digit.")
        image.draft(None, (WORK_SIDE, WORK_SIDE))  # a JPEG is decoded at a half, a quarter or an eighth, if large
        image.load()
    except UnidentifiedImageError as error:
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


def upright(image: Image.Image, steps: list[str]) -> Image.Image:
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
