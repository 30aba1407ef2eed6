"""Say which digits pictures show: files, whole folders, or standard input.

python cgi-bin/predict.py five.png            prints five.png: 5 (99.7 %)
python cgi-bin/predict.py -m svm -v folder    another model; all scores, and the picture that it read
cat five.png | python cgi-bin/predict.py -    reads standard input
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from reading.ink import Reading

BATCH = 250  # pictures that go through the model together
ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}  # of the files of a folder that count as pictures
SHADES = " .:-=+*#%@"  # from paper to ink


class Source(NamedTuple):
    """Where a picture is to be read from; `error` is a sentence if there is none to read."""

    file: str  # or "-" for standard input
    error: str = ""


class Answer(NamedTuple):
    """What became of one picture; `error` is a sentence, or empty and then the rest is there."""

    file: str
    error: str = ""
    scores: Any = None  # float32 (10,)
    unsure: bool = False
    reading: Any = None  # ink.Reading


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 (a picture or the model failed) or 2 (usage)."""
    if "GATEWAY_INTERFACE" in os.environ:  # files of this machine are not for visitors of a web server
        print("Content-Type: text/plain\n\nThis is a command; pictures are sent to mnist.py.")
        return 1
    if not hasattr(os, "fork"):
        print("predict.py: this needs fork, as Linux and macOS have it; on Windows run it in WSL.", file=sys.stderr)
        return 1
    chosen = parser().parse_args(arguments)
    try:
        import tqdm  # noqa: F401

        from reading import ink  # noqa: F401  (what they import may not be installed)
        from reading.errors import Problem
    except ModuleNotFoundError as missing:
        print(f"predict.py: {missing.name} is not installed; run: pip install -r requirements.txt", file=sys.stderr)
        return 1
    try:
        return run(chosen)
    except Problem as problem:
        print(f"predict.py: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\npredict.py: stopped.", file=sys.stderr)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="predict.py", description=(__doc__ or "").split("\n\n")[0])
    made.add_argument("-m", "--model", default="cnn", help="name of the model (default: %(default)s)")
    made.add_argument("-v", "--verbose", action="store_true", help="show all ten scores, and the picture as text")
    made.add_argument("--json", action="store_true", help="print one JSON object a line")
    made.add_argument("images", nargs="+", metavar="IMAGE", help="a picture, a folder of them, or - (standard input)")
    return made


def run(chosen: argparse.Namespace) -> int:
    """Predict as the command line says."""
    from tqdm import tqdm

    from reading import classifier

    model = classifier.load(chosen.model)
    if model.note:
        print(f"predict.py: {model.note}", file=sys.stderr)
    failed = False
    for answer in answers(expanded(chosen.images), model):
        failed |= bool(answer.error)
        if answer.error and not chosen.json:
            tqdm.write(f"{answer.file}: {answer.error}", sys.stderr)
        else:
            tqdm.write(as_json(answer, chosen.model) if chosen.json else as_text(answer, chosen.verbose))
    return int(failed)


def expanded(images: list[str]) -> list[Source]:
    """Return the pictures that arguments stand for: those of a folder, by name; anything else stands for itself."""
    found: list[Source] = []
    for image in images:
        try:
            found += pictures_in(image)
        except OSError as error:
            found.append(Source(image, f"Can't read it: {error.strerror}."))
    return found


def pictures_in(image: str) -> list[Source]:
    """Return the pictures of one argument; a folder without any is an error. Raises OSError."""
    if image == "-" or not Path(image).is_dir():
        return [Source(image)]
    files = sorted(path for path in Path(image).iterdir() if path.suffix.lower() in ENDINGS)
    nothing = Source(image, f"This folder has no picture ({', '.join(sorted(ENDINGS))}).")
    return [Source(str(file)) for file in files] or [nothing]


def answers(files: list[Source], model: Any) -> Iterator[Answer]:
    """Read and score pictures, many at once, in their order; with a progress bar if there are many."""
    bar = progress(len(files))
    for start in range(0, len(files), BATCH):
        readings = [read(file, bar) for file in files[start : start + BATCH]]
        yield from scored(readings, model)
    bar.close()


def progress(total: int) -> Any:
    """Return a progress bar, which shows on a terminal only, or for a single picture not at all."""
    from tqdm import tqdm

    return tqdm(total=total, unit="picture", leave=False, disable=None if total > 1 else True)


def read(source: Source, bar: Any) -> "tuple[str, Reading | str]":
    """Return the file's name, and the picture or a sentence that says why there is none."""
    from reading import ink
    from reading.errors import Problem

    bar.update()
    if source.error:
        return source
    file = source.file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return file, ink.read(data)
    except OSError as error:
        return file, f"Can't read the file: {error.strerror}."
    except Problem as problem:
        return file, str(problem)


def scored(readings: "list[tuple[str, Reading | str]]", model: Any) -> Iterator[Answer]:
    """Score those that could be read, all at once."""
    import numpy as np

    pictures = [reading.picture for _, reading in readings if not isinstance(reading, str)]
    scores = model.score(np.reshape(pictures, (-1, 28, 28)))
    each = zip(scores.data, scores.unsure, strict=True)
    for file, reading in readings:
        if isinstance(reading, str):
            yield Answer(file, reading)
        else:
            data, unsure = next(each)
            yield Answer(file, "", data, bool(unsure), reading)


def as_text(answer: Answer, verbose: bool) -> str:
    """Return the line of an answer, or the lines."""
    digit = int(answer.scores.argmax())
    doubt = ", unsure" if answer.unsure else ""
    line = f"{answer.file}: {digit} ({100 * answer.scores[digit]:.1f} %{doubt})"
    if not verbose:
        return line
    shares = [(each, 100 * float(score)) for each, score in enumerate(answer.scores)]
    bars = [f"  {each}  {share:6.2f} % {'#' * round(share * 0.4)}".rstrip() for each, share in shares]
    return "\n".join([line, *bars, drawing(answer.reading.picture), ""])


def drawing(picture: "np.ndarray") -> str:
    """Return a picture (28, 28) in 0..1 as 28 lines of text."""
    shades = (picture.clip(0, 1) * (len(SHADES) - 1)).round().astype(int)
    # Letters are twice as high as wide.
    return "\n".join("".join(2 * SHADES[shade] for shade in row).rstrip() for row in shades)


def as_json(answer: Answer, model: str) -> str:
    """Return an answer as one line of JSON, with the keys that the web server uses."""
    if answer.error:
        return json.dumps({"file": answer.file, "result": 0, "data": [], "error": answer.error})
    digit = int(answer.scores.argmax())
    scores = [round(float(score), 6) for score in answer.scores]
    facts = {"file": answer.file, "result": 1, "data": scores, "error": "", "digit": digit}
    return json.dumps(facts | {"confidence": scores[digit], "unsure": answer.unsure, "model": model})


if __name__ == "__main__":
    sys.exit(main())
