"""Pictures for tests: digits drawn with a few straight lines, and files that are no pictures."""

import base64
import io
import struct
import zlib

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
