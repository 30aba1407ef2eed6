"""Fetch MNIST and save it as one HDF5 file, if wanted with shifted and turned variants of the training images.

python cgi-bin/fetch.py                       writes mnist.h5
python cgi-bin/fetch.py -s -o shifted.h5      five times as many training images
python cgi-bin/fetch.py --samples 20 samples  twenty test images as PNG files, to try uploading with
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from learning.data.dataset import Mnist

SHIFTS = [(-1, 0), (1, 0), (0, -1), (0, 1)]  # pixels down, pixels right
STEEPEST = 15.0  # degrees; turned further, a 7 begins to look like a 1
TURNS = 2  # turned variants of each training image


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 (failed) or 2 (usage)."""
    if "GATEWAY_INTERFACE" in os.environ:  # a web server would let anybody fill its disk
        print("Content-Type: text/plain\n\nData is fetched from a command line, not through a web server.")
        return 1
    if not hasattr(os, "fork"):
        print("fetch.py: this needs fork, as Linux and macOS have it; on Windows run it in WSL.", file=sys.stderr)
        return 1
    try:
        from learning.data import hdf5  # noqa: F401  (what it imports may not be installed)
        from reading.errors import Problem
    except ModuleNotFoundError as missing:
        print(f"fetch.py: {missing.name} is not installed; run: pip install -r requirements.txt", file=sys.stderr)
        return 1

    chosen = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is like Ctrl-C
    try:
        return run(chosen)
    except Problem as problem:
        print(f"fetch.py: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nfetch.py: stopped; nothing was half-written.", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="fetch.py", description=(__doc__ or "").split("\n\n")[0])
    add = made.add_argument
    add("-o", "--outpath", type=Path, default=Path("mnist.h5"), help="HDF5 file to write (default: %(default)s)")
    add("-s", "--shift", action="store_true", help="add each training image shifted by a pixel, four ways")
    add("-r", "--rotate", action="store_true", help=f"add each turned {TURNS} times by up to {STEEPEST:.0f} degrees")
    add("--seed", type=int, default=0, help="of the angles and of the choice of samples (default: %(default)s)")
    add(
        "--samples",
        nargs=2,
        metavar=("N", "DIR"),
        help="write N test images as PNG files named by their label to DIR, and no HDF5 file",
    )
    add("--data", metavar="SOURCE", help="folder or URL with the four IDX files; else the cache, or a download")
    add(
        "--checksums",
        type=Path,
        metavar="FILE",
        help="what sha256sum prints about the four unpacked files, if they are not MNIST's",
    )
    return made


def run(chosen: argparse.Namespace) -> int:
    """Fetch as the command line says."""
    from learning.data import dataset, hdf5
    from reading.errors import BadSetting

    count, folder = chosen.samples or ("0", "")
    if chosen.samples and (not count.isdecimal() or int(count) < 1):
        raise BadSetting(f"--samples wants a number of images from 1 on, not {count!r}.")
    sums = dataset.read_checksums(chosen.checksums) if chosen.checksums else dataset.SHA256
    mnist = dataset.load(chosen.data, sums)
    if chosen.samples:
        print(f"{write_samples(mnist, int(count), Path(folder), chosen.seed)} test images are in {folder}.")
        return 0
    mnist = with_variants(mnist, chosen.shift, chosen.rotate, chosen.seed)
    hdf5.write(chosen.outpath, mnist, chosen.seed)
    print(f"{len(mnist.y_train):,} training and {len(mnist.y_test):,} test images are in {chosen.outpath}.")
    return 0


def with_variants(mnist: "Mnist", shift: bool, rotate: bool, seed: int) -> "Mnist":
    """Return the data set with variants of the training images after these, in the same order."""
    import numpy as np

    kinds = [mnist.X_train]
    if shift:
        kinds += [shifted(mnist.X_train, *way) for way in SHIFTS]
    if rotate:
        rng = np.random.default_rng(seed)
        kinds += [turned(mnist.X_train, rng) for _ in range(TURNS)]
    X, y = np.concatenate(kinds), np.tile(mnist.y_train, len(kinds))
    return mnist._replace(X_train=X, y_train=y, copies=len(kinds) * mnist.copies)


def shifted(pictures: "np.ndarray", down: int, right: int) -> "np.ndarray":
    """Return uint8 (n, 28, 28) moved by whole pixels, at most 1 each way; paper comes in at the edge."""
    import numpy as np

    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
    return padded[:, 1 - down : 29 - down, 1 - right : 29 - right]


def turned(pictures: "np.ndarray", rng: "np.random.Generator") -> "np.ndarray":
    """Return uint8 (n, 28, 28), each turned about its centre by a random angle, with bilinear interpolation."""
    import numpy as np
    from PIL import Image
    from tqdm import tqdm

    angles = rng.uniform(-STEEPEST, STEEPEST, len(pictures))
    each = tqdm(zip(pictures, angles, strict=True), "turning", len(pictures), unit="image", disable=None)
    how = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(picture).rotate(angle, how)) for picture, angle in each])


def write_samples(mnist: "Mnist", count: int, folder: Path, seed: int) -> int:
    """Write test images, chosen at random, as `LABEL-NUMBER.png` with the number in the test set; return how many.

    They are 8-bit grey as in MNIST, white ink on black. Raises BadSetting if there are not so many, or if the folder
    can't be written.
    """
    import numpy as np
    from PIL import Image

    from reading.errors import BadSetting

    if count > len(mnist.y_test):
        raise BadSetting(f"--samples {count} is more than the {len(mnist.y_test):,} test images there are.")
    rows = np.random.default_rng(seed).permutation(len(mnist.y_test))[:count]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            Image.fromarray(mnist.X_test[row]).save(folder / f"{mnist.y_test[row]}-{row:05d}.png")
    except OSError as error:
        raise BadSetting(f"Can't write samples to {folder}: {error.strerror or error}.") from error
    return len(rows)


if __name__ == "__main__":
    sys.exit(main())
