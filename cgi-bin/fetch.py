"""Fetch MNIST and save it as one HDF5 file, if wanted with shifted and turned variants; or fetch digits as pen strokes.

python cgi-bin/fetch.py                       writes mnist.h5
python cgi-bin/fetch.py -s -o shifted.h5      five times as many training images
python cgi-bin/fetch.py --samples 20 samples  twenty test images as PNG files, to try uploading with
python cgi-bin/fetch.py --strokes             digits of 185 people with a pen, kept for train.py
"""

import argparse
import os
import signal
import sys
from pathlib import Path


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
    from learning.arguments import named, path, seed
    from learning.data.variants import STEEPEST, TURNS

    made = argparse.ArgumentParser(prog="fetch.py", description=(__doc__ or "").split("\n\n")[0])
    add = made.add_argument
    add("-o", "--outpath", type=path, default=Path("mnist.h5"), help="HDF5 file to write (default: %(default)s)")
    add("-s", "--shift", action="store_true", help="add each training image shifted by a pixel, four ways")
    add("-r", "--rotate", action="store_true", help=f"add each turned {TURNS} times by up to {STEEPEST:.0f} degrees")
    add("--seed", type=seed, default=0, help="of the angles and of the choice of samples (default: %(default)s)")
    add(
        "--samples",
        nargs=2,
        metavar=("N", "DIR"),
        help="write N test images as PNG files named by their label to DIR, and no HDF5 file",
    )
    add("--strokes", action="store_true", help="get two corpora of pen digits for train.py, and write no HDF5 file")
    add(
        "--data",
        type=named,
        metavar="SOURCE",
        help="folder or URL with the four IDX files; else the cache, or a download",
    )
    add(
        "--checksums",
        type=path,
        metavar="FILE",
        help="what sha256sum prints about the four unpacked files, if they are not MNIST's",
    )
    return made


def run(chosen: argparse.Namespace) -> int:
    """Fetch as the command line says."""
    return _strokes() if chosen.strokes else _mnist(chosen)


def _strokes() -> int:
    from learning.data import corpora

    for said in corpora.fetch():
        print(said, flush=True)
    return 0


def _mnist(chosen: argparse.Namespace) -> int:
    from learning.data import dataset, hdf5, variants
    from learning.data.mnist import SHA256
    from learning.replacing import check_regular

    count, folder = chosen.samples or ("0", "")
    if chosen.samples:
        _check_samples(count, folder)
    if not chosen.samples:
        check_regular(chosen.outpath)
    sums = dataset.read_checksums(chosen.checksums) if chosen.checksums else SHA256
    mnist = dataset.load(chosen.data, sums)
    if chosen.samples:
        print(f"{variants.write_samples(mnist, int(count), Path(folder), chosen.seed)} test images are in {folder}.")
        return 0
    mnist = variants.with_variants(mnist, chosen.shift, chosen.rotate, chosen.seed)
    hdf5.write(chosen.outpath, mnist, chosen.seed)
    print(f"{len(mnist.y_train):,} training and {len(mnist.y_test):,} test images are in {chosen.outpath}.")
    return 0


def _check_samples(count: str, folder: str) -> None:
    """Raise BadSetting for what --samples does not take."""
    from learning.arguments import named, whole
    from reading.errors import BadSetting

    try:
        whole(count)
    except argparse.ArgumentTypeError as error:
        raise BadSetting(f"--samples wants a number of images from 1 on: {error}.") from error
    try:
        named(folder)
    except argparse.ArgumentTypeError as error:
        raise BadSetting("--samples wants a folder after the number, and its name is empty.") from error


if __name__ == "__main__":
    sys.exit(main())
