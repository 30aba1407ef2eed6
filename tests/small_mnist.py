"""A small data set like MNIST, made here: printed digits, shifted and turned, as IDX files."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from learning.data.mnist import FILES


def pictures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return n pictures uint8 (n, 28, 28), white on black, and their labels uint8 (n,): 0 to 9 in turn."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.uint8) % 10
    return np.stack([_picture(str(label), rng) for label in labels]), labels


def _picture(digit: str, rng: np.random.Generator) -> np.ndarray:
    picture = Image.new("L", (28, 28))
    font = ImageFont.load_default(size=int(rng.integers(20, 25)))
    place = (14 + rng.uniform(-1, 1), 14 + rng.uniform(-1, 1))
    weight = int(rng.integers(0, 2))
    ImageDraw.Draw(picture).text(place, digit, fill=255, font=font, anchor="mm", stroke_width=weight)
    return np.asarray(picture.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR))


def idx(array: np.ndarray) -> bytes:
    """Return an array of unsigned bytes in the IDX format."""
    sides = np.array(array.shape, ">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sides + array.astype(np.uint8).tobytes()


def files(n_train: int = 60, n_test: int = 20) -> dict[str, bytes]:
    """Return the content of the four IDX files by name, not compressed."""
    arrays = (*pictures(n_train), *pictures(n_test, seed=1))
    return {name: idx(array) for name, array in zip(FILES, arrays, strict=True)}


def checksums(contents: dict[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def write(folder: Path, contents: dict[str, bytes], packed: bool = True) -> Path:
    """Write the files to a folder, gzip compressed or not, and a list of their checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    rows = [f"{digest}  {name}\n" for name, digest in checksums(contents).items()]
    (folder / "SHA256SUMS").write_text("".join(rows), "utf-8")
    return folder
