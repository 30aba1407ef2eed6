"""Say which digits and numbers pictures show: files, whole folders, or standard input.

python cgi-bin/predict.py five.png            prints five.png: 5 (99.7 %)
python cgi-bin/predict.py -m svm -v folder    another model; all scores, and the picture that it read
cat five.png | python cgi-bin/predict.py -    reads standard input
python cgi-bin/predict.py --read one five.png reads one digit, however many there seem to be
"""

import argparse
import json
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from reading.ways import WAYS

if TYPE_CHECKING:
    from reading.arrays import Float
    from reading.classifier import Model
    from reading.digits import Digit
    from reading.preprocessing import Preprocessed

BATCH = 250  # pictures that go through the model together
ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}  # of the files of a folder that count as pictures
MAX_BYTES = 64 * 2**20  # of a file; the largest picture that is decoded has fewer
BLOCK = 2**16  # bytes read at a time
PATIENCE_SECONDS = 10  # without a byte, until a pipe is given up
SHADES = " .:-=+*#%@"  # from paper to ink


class Bar(Protocol):
    """What is used of a progress bar."""

    def update(self) -> object:
        """One more is done."""

    def close(self) -> None:
        """All is done."""


class Source(NamedTuple):
    """Where a picture is to be read from; `error` is a sentence if there is none to read."""

    file: str  # or "-" for standard input
    error: str = ""


class Answer(NamedTuple):
    """What became of one picture: a digit, or a sentence that says why there is none."""

    file: str
    digit: "Digit | None" = None
    error: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 (a picture or the model failed) or 2 (usage)."""
    if "GATEWAY_INTERFACE" in os.environ:  # files of this machine are not for visitors of a web server
        print("Content-Type: text/plain\n\nThis is a command; pictures are sent to mnist.py.")
        return 1
    if not hasattr(os, "fork"):
        print("predict.py: this needs fork, as Linux and macOS have it; on Windows run it in WSL.", file=sys.stderr)
        return 1
    chosen = parser().parse_args(arguments)
    if bool(chosen.cluster) != bool(chosen.outpath) or (chosen.parquet and not chosen.cluster):
        parser().error("--cluster and --outpath need each other, and --parquet needs both")
    try:
        import tqdm  # noqa: F401

        from reading import digits  # noqa: F401  (what they import may not be installed)
        from reading.errors import Problem
    except ModuleNotFoundError as missing:
        print(f"predict.py: {missing.name} is not installed; run: pip install -r requirements.txt", file=sys.stderr)
        return 1
    try:
        return run_until_stopped(chosen)
    except Problem as problem:
        print(f"predict.py: {problem}", file=sys.stderr)
    return 1


def run_until_stopped(chosen: argparse.Namespace) -> int:
    """Predict as the command line says, until somebody stops it or the answers can't be written any more."""
    try:
        return run(chosen)
    except KeyboardInterrupt:
        print("\npredict.py: stopped.", file=sys.stderr)
    except BrokenPipeError:  # `| head` has seen enough
        close_output()
    except OSError as error:  # of standard output: a full disk
        close_output()
        print(f"predict.py: Can't write the answers: {error.strerror}.", file=sys.stderr)
    return 1


def close_output() -> None:
    """Let nothing more be written to standard output, so that Python does not try it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="predict.py", description=(__doc__ or "").split("\n\n")[0])
    made.add_argument("-m", "--model", default="cnn", help="name of the model (default: %(default)s)")
    made.add_argument("-v", "--verbose", action="store_true", help="show all ten scores, and the picture as text")
    made.add_argument("--json", action="store_true", help="print one JSON object a line")
    made.add_argument(
        "--read",
        choices=WAYS,
        default=WAYS[0],
        help="read one digit or a number; auto decides by the picture (default: %(default)s)",
    )
    add_cluster(made)
    made.add_argument("images", nargs="+", metavar="IMAGE", help="a picture, a folder of them, or - (standard input)")
    return made


def add_cluster(made: argparse.ArgumentParser) -> None:
    """Add the options of many pictures."""
    group = made.add_argument_group("many pictures", "Folders count with all below them; patterns and s3:// are read.")
    where = "read them with Ray, on this machine's cores or on the cluster at ADDRESS (HOST:PORT or auto)"
    group.add_argument("--cluster", nargs="?", const="local", metavar="ADDRESS", help=where)
    goes_on = "folder of the answers, a JSON object a line; the same command goes on where it was cut short"
    group.add_argument("-o", "--outpath", type=Path, metavar="FOLDER", help=goes_on)
    group.add_argument("--parquet", action="store_true", help="write Parquet files")


def run_on_cluster(chosen: argparse.Namespace) -> int:
    """Predict on a cluster as the command line says."""
    from scaling.batches import Job, run

    return run(Job(chosen.images, ENDINGS, chosen.model, chosen.read, chosen.outpath, chosen.parquet), chosen.cluster)


def run(chosen: argparse.Namespace) -> int:
    """Predict as the command line says."""
    if chosen.cluster:
        return run_on_cluster(chosen)
    from tqdm import tqdm

    from reading import classifier

    model = classifier.load(chosen.model)
    failed = False
    for file, digit, error in answers(expanded(chosen.images), model, chosen.read):
        failed |= digit is None
        if chosen.json:
            tqdm.write(as_json(file, digit, error))
        elif digit:
            tqdm.write(as_text(file, digit, chosen.verbose))
        else:
            tqdm.write(f"{shown(file)}: {error}", sys.stderr)
    sys.stdout.flush()
    return int(failed)


def shown(file: str) -> str:
    """Return a file's name as a terminal may have it: without line ends and escape codes that are in it."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in file)


def expanded(images: list[str]) -> list[Source]:
    """Return the pictures that arguments stand for: those of a folder, by name; anything else stands for itself."""
    found: list[Source] = []
    for image in images:
        try:
            found += pictures_in(image)
        except OSError as error:
            found.append(Source(image, f"Can't read the file: {error.strerror}."))
    return found


def pictures_in(image: str) -> list[Source]:
    """Return the pictures of one argument; a folder without any is an error. Raises OSError."""
    if image == "-" or not Path(image).is_dir():
        return [Source(image)]
    files = sorted(path for path in Path(image).iterdir() if path.suffix.lower() in ENDINGS)
    nothing = Source(image, f"This folder has no picture ({', '.join(sorted(ENDINGS))}).")
    return [Source(str(file)) for file in files] or [nothing]


def answers(sources: list[Source], model: "Model", how: str) -> Iterator[Answer]:
    """Read and score pictures, many at once, in their order; with a progress bar if there are many."""
    bar = progress(len(sources))
    for start in range(0, len(sources), BATCH):
        yield from scored([read(source, how, bar) for source in sources[start : start + BATCH]], model)
    bar.close()


def progress(total: int) -> Bar:
    """Return a progress bar, which shows on a terminal only, or for a single picture not at all."""
    from tqdm import tqdm

    bar: Bar = tqdm(total=total, unit="picture", leave=False, disable=None if total > 1 else True)
    return bar


def read(source: Source, how: str, bar: Bar) -> "tuple[str, Preprocessed | str]":
    """Return the file's name, and the picture or a sentence that says why there is none."""
    from reading.errors import Problem
    from reading.preprocessing import preprocess

    bar.update()
    if source.error:
        return source
    file = source.file
    try:
        return file, preprocess(content(file), how)
    except OSError as error:
        return file, f"Can't read the file: {error.strerror or error}."
    except Problem as problem:
        return file, str(problem)


def content(file: str) -> bytes:
    """Return the bytes of a file, "-" being standard input. Raises OSError, also for what never ends."""
    if file == "-":
        if sys.stdin is None:
            raise OSError("standard input is closed")
        return bounded(iter(lambda: os.read(0, BLOCK), b""))
    # A pipe that nobody writes to would else keep this command waiting already while it is opened.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        return bounded(iter(lambda: arrived(descriptor), b""))
    finally:
        os.close(descriptor)


def arrived(descriptor: int) -> bytes:
    """Return what a file has next, b"" at its end. Raises OSError if nothing comes of a pipe."""
    if not select.select([descriptor], [], [], PATIENCE_SECONDS)[0]:
        raise OSError(f"nothing came for {PATIENCE_SECONDS} seconds")
    return os.read(descriptor, BLOCK)


def bounded(blocks: Iterator[bytes]) -> bytes:
    """Return blocks in one piece. Raises OSError if there are too many."""
    whole = bytearray()
    for block in blocks:
        whole += block
        if len(whole) > MAX_BYTES:
            raise OSError(f"it has more than {MAX_BYTES // 2**20} MB")
    return bytes(whole)


def scored(read: "list[tuple[str, Preprocessed | str]]", model: "Model") -> Iterator[Answer]:
    """Score those that could be read, all at once."""
    from reading.digits import classify
    from reading.errors import Problem

    digits = iter(classify([one for _, one in read if not isinstance(one, str)], model))
    for file, one in read:
        said = one if isinstance(one, str) else next(digits)
        yield Answer(file, error=str(said)) if isinstance(said, (str, Problem)) else Answer(file, said)


def as_text(file: str, digit: "Digit", verbose: bool) -> str:
    """Return the line of an answer, or the lines."""
    number = digit.number
    read = [digit] if number is None else number.digits
    shares = ", ".join(f"{100 * one.confidence:.1f} %" for one in read)
    doubt = ", unsure" if any(one.unsure for one in read) else ""
    line = f"{shown(file)}: {digit.digit if number is None else number.text} ({shares}{doubt})"
    return "\n".join(
        [line, *(part for one in read for part in details(one.scores, one.picture))] if verbose else [line]
    )


def details(scores: list[float], picture: "Float") -> list[str]:
    """Return lines of text that show ten scores, and the picture as the model read it."""
    shares = [(each, 100 * score) for each, score in enumerate(scores)]
    bars = [f"  {each}  {share:6.2f} % {'#' * round(share * 0.4)}".rstrip() for each, share in shares]
    return [*bars, drawing(picture), ""]


def drawing(picture: "Float") -> str:
    """Return a picture (28, 28) in 0..1 as 28 lines of text."""
    shades = (picture.clip(0, 1) * (len(SHADES) - 1)).round().astype(int)
    # Letters are twice as high as wide.
    return "\n".join("".join(2 * SHADES[shade] for shade in row).rstrip() for row in shades)


def as_json(file: str, digit: "Digit | None", error: str) -> str:
    """Return an answer as one line of JSON, with the keys that the web server uses."""
    facts = digit.facts() if digit else {"result": 0, "data": [], "error": error}
    return json.dumps({"file": file} | facts)


if __name__ == "__main__":
    sys.exit(main())
