"""Pictures for tests: digits drawn with a few straight lines, and files that are no pictures."""

import base64
import io
import itertools
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw

# Strokes as points on a canvas of 280x280 pixels, as a person with a mouse would draw them.
STROKES = {
    0: [[(140, 50), (95, 80), (80, 140), (95, 200), (140, 230), (185, 200), (200, 140), (185, 80), (140, 50)]],
    1: [[(140, 45), (140, 235)]],
    2: [[(85, 95), (110, 55), (160, 50), (190, 85), (180, 125), (130, 175), (85, 225), (200, 225)]],
    4: [[(110, 50), (90, 145), (200, 145)], [(175, 60), (175, 235)]],
    7: [[(80, 60), (200, 60), (125, 230)]],
}


def canvas(digit: int | None, size: int = 280, pen: float = 20) -> Image.Image:
    """A transparent RGBA canvas with a digit in black, or with nothing when `digit` is None."""
    image = Image.new("RGBA", (size, size))
    draw, scale = ImageDraw.Draw(image), size / 280
    for stroke in STROKES[digit] if digit is not None else []:
        points = [(x * scale, y * scale) for x, y in stroke]
        draw.line(points, fill="black", width=round(pen * scale), joint="curve")
        for x, y in (points[0], points[-1]):
            half = pen * scale / 2
            draw.ellipse([x - half, y - half, x + half, y + half], fill="black")
    return image


def written(text: str, *gaps: float) -> list[list[tuple[float, float]]]:
    """The strokes of digits side by side, 20 or these pixels apart, in turn; each is 280 high with its margins."""
    strokes: list[list[tuple[float, float]]] = []
    right = 40.0
    for digit, gap in zip(text, itertools.cycle(gaps or (20,)), strict=False):
        own = STROKES[int(digit)]
        left = min(x for stroke in own for x, _ in stroke)
        strokes += [[(x - left + right, y) for x, y in stroke] for stroke in own]
        right = max(x for stroke in strokes for x, _ in stroke) + 20 + gap  # the pen is 20 pixels wide
    return strokes


def number(text: str, gap: float = 20) -> Image.Image:
    """A white canvas with digits side by side in black, a pen of 20 pixels."""
    return drawn(written(text, gap))


def drawn(strokes: list[list[tuple[float, float]]], pen: int = 20) -> Image.Image:
    """A white canvas with these strokes in black, of a pen so many pixels wide."""
    right, foot = (max(point[axis] for stroke in strokes for point in stroke) for axis in (0, 1))
    image = Image.new("L", (round(right) + 40, max(round(foot) + 40, 280)), 255)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        draw.line(stroke, fill=0, width=pen, joint="curve")
        for x, y in (stroke[0], stroke[-1]):
            draw.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=0)
    return image


def lined(text: str, level: int, upright: int, light: int) -> Image.Image:
    """Digits on white paper with lines so many pixels apart, none if 0, of that grey level."""
    digits = np.pad(np.asarray(number(text)), 60, constant_values=255)
    paper = Image.fromarray(np.full_like(digits, 255))
    draw = ImageDraw.Draw(paper)
    for y in range(17, paper.height, level or paper.height):
        draw.line([(0, y), (paper.width, y)], fill=light, width=3)
    for x in range(11, paper.width if upright else 0, upright or 1):
        draw.line([(x, 0), (x, paper.height)], fill=light, width=3)
    return Image.fromarray(np.minimum(digits, np.asarray(paper)))


def tilted(picture: Image.Image, turned: float) -> Image.Image:
    """A picture as a camera might see it: turned by some degrees, unevenly lit, and noisy."""
    margin = int(abs(np.sin(np.radians(turned))) * picture.width) // 2 + 2
    whole = picture.rotate(turned, Image.Resampling.BILINEAR)
    seen = np.asarray(whole.crop((margin, margin, whole.width - margin, whole.height - margin)), float)
    shade = np.linspace(1, 0.7, seen.shape[1]) * np.linspace(1, 0.85, seen.shape[0])[:, None]
    noisy = (60 + 0.6 * seen) * shade + np.random.default_rng(0).normal(0, 4, seen.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def boxed(text: str, width: int = 3, apart: int = 0) -> Image.Image:
    """Digits in the boxes of a form, so many pixels apart; with 0 they share their sides."""
    form = Image.new("L", (80 + 260 * len(text), 360), 255)
    for at, digit in enumerate(text):
        alone = number(digit)
        form.paste(alone, (40 + 260 * at + (260 - alone.width) // 2, 40))
    for at in range(len(text)):
        box = [40 + 260 * at + apart // 2, 40, 300 + 260 * at - apart // 2, 320]
        ImageDraw.Draw(form).rectangle(box, outline=0, width=width)
    return form


def with_strokes(data: bytes, strokes: object, size: object = None, kind: bytes = b"tEXt") -> bytes:
    """A PNG file with strokes in a chunk of text after its header; `size` is its own unless stated."""
    size = size or list(struct.unpack(">II", data[16:24]))
    text = json.dumps({"size": size, "strokes": strokes}).encode()
    return with_text(data, b"strokes\0" + (b"\0\0\0\0" if kind == b"iTXt" else b"") + text, kind)


def with_text(data: bytes, text: bytes, kind: bytes = b"tEXt") -> bytes:
    """A PNG file with one more chunk after its header."""
    return data[:33] + chunk(kind, text) + data[33:]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """The image as the bytes of a file."""
    file = io.BytesIO()
    if kind in ("JPEG", "BMP") and image.mode == "RGBA":  # formats that know no transparency
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image.save(file, kind)
    return file.getvalue()


def png(digit: int | None) -> bytes:
    """A canvas as the bytes of a PNG file."""
    return encoded(canvas(digit))


def data_url(data: bytes, kind: str = "image/png") -> bytes:
    """Bytes as the data URL that a canvas gives."""
    return f"data:{kind};base64,".encode() + base64.b64encode(data)


def form(*files: tuple[str, bytes], boundary: str = "----edge") -> tuple[dict[str, str], bytes]:
    """A multipart form with these (name, bytes) files: its headers and its body."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="f{number}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for number, (name, data) in enumerate(files)
    ]
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, b"".join(
        [*parts, f"--{boundary}--\r\n".encode()]
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    """One piece of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claimed_png(width: int, height: int, *pieces: bytes, bits: int = 1) -> bytes:
    """A grey PNG that claims to have that many pixels, all paper if it is believed."""
    row = b"\0" + b"\xff" * ((width * bits + 7) // 8)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    return start + b"".join(pieces) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
