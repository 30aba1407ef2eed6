"""How well real pen digits are read, drawn in six ways, and how honest the doubt is; prints tables.

    python benchmarks/drawn.py
    python benchmarks/drawn.py --model svm --limit 500 --sheet misread.png

Each digit of the corpus is drawn as strokes on a white canvas, saved as PNG, and goes the way that a drawing on the
page goes: `preprocess`, then the model's `score`. MNIST's test images go the same way, as PNG pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "cgi-bin"), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from cores import on_all_cores  # noqa: E402
from pen_digits import CONDITIONS, CORPORA, Digit, Strokes, digits, drawing  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from learning import plots  # noqa: E402
from learning.data import dataset  # noqa: E402
from learning.figures import calibration_error  # noqa: E402
from reading import cards, classifier  # noqa: E402
from reading.errors import NoInk, Problem  # noqa: E402
from reading.normalising import SIDE  # noqa: E402
from reading.preprocessing import Preprocessed, preprocess, to_png  # noqa: E402

SEED = 2026


# --- reading, on all cores ---


def _read_drawing(job: tuple[int, Strokes, str]) -> Preprocessed:
    index, strokes, condition = job
    rng = np.random.default_rng([SEED, list(CONDITIONS).index(condition), index])
    return _read(drawing(strokes, condition, rng))


def _read(file: bytes) -> Preprocessed:
    """A picture file as the models read it, blank if it has no ink."""
    try:
        return preprocess(file, "one")
    except NoInk:
        return Preprocessed(np.zeros((SIDE, SIDE), np.float32), [])


def _read_scan(picture: np.ndarray) -> Preprocessed:
    return _read(to_png(picture / 255))


def pictures(corpus: list[Digit], conditions: Sequence[str] = tuple(CONDITIONS)) -> dict[str, list[Preprocessed]]:
    """Every digit in every condition, as the models read it."""
    jobs = [(index, digit.strokes, name) for name in conditions for index, digit in enumerate(corpus)]
    read = on_all_cores(_read_drawing, jobs, "drawings")
    return {name: read[at * len(corpus) :][: len(corpus)] for at, name in enumerate(conditions)}


def scans(images: np.ndarray) -> list[Preprocessed]:
    """MNIST's own images, uint8 (n, 28, 28), as the models read them from PNG files."""
    return on_all_cores(_read_scan, list(images), "scans")


def stacked(read: Sequence[Preprocessed]) -> np.ndarray:
    """The pictures of n: float32 (n, 28, 28)."""
    return np.reshape([one.picture for one in read], (-1, SIDE, SIDE))


def in_bytes(read: np.ndarray) -> np.ndarray:
    """Pictures of 0 to 1 in 8 bits: what is shown and saved, a quarter as large, but not what is scored."""
    grey: np.ndarray = np.rint(read * 255).astype(np.uint8)
    return grey


# --- figures ---


class Result(NamedTuple):
    """What a model said of n pictures, and what was true."""

    labels: np.ndarray  # int (n,)
    answers: np.ndarray  # int (n,); -1 where no ink was found
    confidence: np.ndarray  # float (n,), the winner's score
    unsure: np.ndarray  # bool (n,)

    @property
    def right(self) -> np.ndarray:
        """Which answers are right: bool (n,)."""
        right: np.ndarray = self.answers == self.labels
        return right


def judge(
    model: classifier.Model, read: Sequence[Preprocessed], labels: np.ndarray, with_strokes: bool = True
) -> Result:
    """Score n pictures, with the strokes that they hold or without, against int (n,) labels."""
    seen = stacked(read)
    scores = model.judged(model.heard(seen, [one.strokes if with_strokes else () for one in read]))
    answers = np.where(seen.any((1, 2)), scores.data.argmax(1), -1)
    return Result(labels, answers, scores.data.max(1), scores.unsure)


def share(part: np.ndarray) -> str:
    """A share of True as a percentage, or a dash where there is nothing to count."""
    return f"{100 * part.mean():.2f} %" if len(part) else "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def summary(results: dict[str, Result]) -> str:
    """One row a condition: accuracy, how many are unsure, accuracy of the others."""
    head = ["", "digits", "accuracy", "marked unsure", "accuracy of the others"]
    rows = [
        [name, f"{len(one.labels):,}", share(one.right), share(one.unsure), share(one.right[~one.unsure])]
        for name, one in results.items()
    ]
    return table(head, rows)


def by_digit(results: dict[str, Result]) -> str:
    """One row a digit, one column a condition."""
    rows = [[str(digit), *(share(one.right[one.labels == digit]) for one in results.values())] for digit in range(10)]
    return table(["digit", *results], rows)


def confusions(results: dict[str, Result], worst: int = 10) -> str:
    """The commonest mistakes over all conditions."""
    pairs = Counter(
        (int(label), int(answer))
        for one in results.values()
        for label, answer in zip(one.labels[~one.right], one.answers[~one.right], strict=True)
    )
    rows = [
        [f"{label} read as {answer}" if answer >= 0 else f"{label} not seen", str(count)]
        for (label, answer), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:worst]
    ]
    return table(["mistake", "times"], rows)


def by_halves(result: Result) -> str:
    """MNIST's test set, whole and in its two halves, whose writers differ (the first ones are harder)."""
    first = np.arange(len(result.labels)) < len(result.labels) // 2
    parts = {"test set": first | True, "first half": first, "second half": ~first}
    return summary({name: Result(*(column[part] for column in result)) for name, part in parts.items()})


def misread(results: dict[str, Result], read: dict[str, list[Preprocessed]]) -> list[tuple[np.ndarray, str]]:
    """Pictures that were misread, with truth and answer, and a question mark where the answer was unsure."""
    return [
        (in_bytes(read[name][at].picture), f"{one.labels[at]} as {one.answers[at]}{' ?' if one.unsure[at] else ''}")
        for name, one in results.items()
        for at in np.flatnonzero(~one.right)
    ]


def contact_sheet(cells: Sequence[tuple[np.ndarray, str]], columns: int = 20) -> Image.Image:
    """Pictures uint8 (28, 28) of white ink, each with a line of text, as one picture of black ink."""
    paper = Image.new("L", (64 * columns, 76 * max(1, -(-len(cells) // columns))), 255)
    draw = ImageDraw.Draw(paper)
    for place, (picture, words) in enumerate(cells):
        x, y = 64 * (place % columns), 76 * (place // columns)
        paper.paste(Image.fromarray(255 - picture).resize((56, 56), Image.Resampling.NEAREST), (x + 4, y + 2))
        draw.text((x + 6, y + 60), words, fill=0)
    return paper


# --- the command ---


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    said = (__doc__ or "").partition("\n")[0]
    result = argparse.ArgumentParser(prog="drawn.py", description=said)
    result.add_argument("--model", default=cards.DEFAULT, help="name of the model (default: %(default)s)")
    corpora = "corpora, .jsonl or .jsonl.gz (default: both to measure on, in ../shared/strokes)"
    result.add_argument("--strokes", type=Path, nargs="+", metavar="FILE", default=CORPORA, help=corpora)
    result.add_argument(
        "--limit", type=_positive, metavar="N", help="take N digits of each, spread evenly (default: all)"
    )
    result.add_argument("--sheet", type=Path, metavar="OUT.png", help="save a contact sheet of all misread digits")
    result.add_argument("--reliability", type=Path, metavar="OUT.png", help="save a reliability diagram")
    result.add_argument("--scan-sheet", type=Path, metavar="OUT.png", help="the same of MNIST's misread test images")
    result.add_argument(
        "--pictures", type=Path, metavar="OUT.npz", help="save the 28x28 pictures and labels, as OUT-CORPUS.npz"
    )
    result.add_argument("--data", help="folder or URL of MNIST's IDX files (default: as train.py finds them)")
    result.add_argument("--no-mnist", action="store_true", help="leave MNIST's test set out")
    return result


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of digits from 1")
    return int(text)


def measured(model: classifier.Model, corpus: list[Digit], title: str) -> tuple[dict[str, Result], dict[str, Any]]:
    """Read a corpus in every condition and print the tables; returns the results, and the pictures by condition."""
    labels = np.array([digit.label for digit in corpus])
    read = pictures(corpus)
    if model.trajectory:
        alone = {name: judge(model, read[name], labels, with_strokes=False) for name in read}
        print(f"{title}, from their pictures alone:\n\n{summary(alone)}")
        print(f"Expected calibration error of all six ways, 15 bins: {100 * gap(alone.values()):.2f} %\n")
    results = {name: judge(model, read[name], labels) for name in read}
    print(f"{title}:\n\n{summary(results)}")
    print(f"Accuracy by digit:\n\n{by_digit(results)}\nCommonest mistakes:\n\n{confusions(results)}")
    print(f"Expected calibration error of all six ways, 15 bins: {100 * gap(results.values()):.2f} %\n")
    return results, read


def gap(results: Iterable[Result]) -> float:
    """The expected calibration error of several results together, 0..1."""
    return calibration_error(*_joined(list(results)))


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    model = classifier.load(options.model)
    corpora = {path: digits(path, options.limit) for path in options.strokes}
    print(f"Model {model.card['name']}, digits drawn as on the page.\n")
    cells, curves = [], {}
    for path, corpus in corpora.items():
        name = path.name.partition(".")[0]
        results, read = measured(model, corpus, f"{name}, {len(corpus):,} digits")
        cells += misread(results, read)
        curves[name] = list(results.values())
        if options.pictures:
            save_pictures(options.pictures.with_name(f"{options.pictures.stem}-{name}.npz"), corpus, read)
    if options.sheet:
        contact_sheet(cells).save(options.sheet)
    if not options.no_mnist:
        curves["MNIST's test images"] = [on_mnist(model, options)]
    if options.reliability:
        plots.reliability({name: _joined(results) for name, results in curves.items()}, options.reliability)


def _joined(results: list[Result]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([one.confidence for one in results]), np.concatenate([one.right for one in results])


def save_pictures(path: Path, corpus: list[Digit], read: dict[str, list[Preprocessed]]) -> None:
    """Save the 28x28 pictures of a corpus by condition, and its labels."""
    saved = {name: in_bytes(stacked(one)) for name, one in read.items()}
    np.savez_compressed(path, labels=np.array([digit.label for digit in corpus]), **saved)  # type: ignore[arg-type]


def on_mnist(model: classifier.Model, options: argparse.Namespace) -> Result:
    """Read MNIST's test images and print their tables."""
    test = dataset.load(options.data)
    scanned = scans(test.X_test)
    result = judge(model, scanned, test.y_test)
    print(f"MNIST's test images, read from PNG files:\n\n{by_halves(result)}\n{confusions({'scans': result})}")
    error = calibration_error(result.confidence, result.right)
    print(f"Expected calibration error on them, 15 bins: {100 * error:.2f} %")
    if options.scan_sheet:
        contact_sheet(misread({"scans": result}, {"scans": scanned})).save(options.scan_sheet)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        run(options)
    except Problem as problem:
        print(f"drawn.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
