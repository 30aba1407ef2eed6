"""How well numbers of several digits are read, from strokes and from pixels; prints tables.

    python benchmarks/whole_numbers.py
    python benchmarks/whole_numbers.py --model svm --limit 100
    python benchmarks/whole_numbers.py --fit        WEIGHTS of reading/numbers/path.py, from train strokes
    python benchmarks/whole_numbers.py --fit-cuts   SHAPE of reading/numbers/cuts.py, from the same
    python benchmarks/whole_numbers.py --fit-verifier --everybody   reading/numbers/verifier.npz, from the same
    python benchmarks/whole_numbers.py --rows       gaps in single train digits, for FAR and BESIDE of numbers/rows.py
    python benchmarks/whole_numbers.py --sheet OUT.png      the tables, and the digits that spoil numbers

To see how numbers by people are read whom no network knows, a quarter of the train writers is held back:

    python benchmarks/whole_numbers.py --divide DIR     then `train.py --strokes DIR/*.gz -o MODELS`, twice:
                                                        also with -M trajectory
    MNIST_MODELS=MODELS python benchmarks/whole_numbers.py --fit-verifier     writes verifier.npz, as above
    MNIST_MODELS=MODELS python benchmarks/whole_numbers.py --part held

Numbers that people wrote are in `unipen-numbers-dev.jsonl.gz`; others are put together from the digits of one writer.
Each is drawn on a canvas as the page does, and goes the way of a picture that is sent. (The module is not called
`numbers`, which is one of Python's own.)
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "cgi-bin"), str(ROOT / "benchmarks")]
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported: as where a picture is answered

import nondigits  # noqa: E402
import number_fits  # noqa: E402
import numpy as np  # noqa: E402
from cores import on_all_cores  # noqa: E402
from drawn import contact_sheet, in_bytes  # noqa: E402
from made_numbers import (  # noqa: E402
    GAPS,
    LENGTHS,
    SEED,
    TOUCHING,
    Drawing,
    Written,
    alone,
    as_written,
    made,
    written,
)
from number_times import compared  # noqa: E402
from pen_digits import some  # noqa: E402
from tqdm import tqdm  # noqa: E402

from learning.data import dataset  # noqa: E402
from reading import cards, classifier  # noqa: E402
from reading.digits import Digit, classify  # noqa: E402
from reading.errors import Problem  # noqa: E402
from reading.preprocessing import preprocess, to_png  # noqa: E402

STROKES = ROOT.parent / "shared" / "strokes"
FROM = {"strokes": True, "pixels": False}


class Read(NamedTuple):
    """What was read on one drawing."""

    drawing: Drawing
    text: str  # the digits and signs that were read
    is_number: bool
    unsure: bool

    @property
    def right(self) -> bool:
        """Whether all of it is right."""
        return self.text == self.drawing.label


def _read(job: tuple[Drawing, str]) -> list[Read]:
    """Read a drawing from each of FROM, with the model of that name."""
    drawing, name = job
    return [read(drawing, classifier.load(name), with_strokes) for with_strokes in FROM.values()]


def read(drawing: Drawing, model: classifier.Model, with_strokes: bool, how: str = "auto") -> Read:
    """Read a drawing as a request does that says nothing of numbers, or says `how`: as one digit, or as a number."""
    found = answer(drawing.png(with_strokes), model, how)
    if isinstance(found, Digit):
        number = found.number
        return Read(drawing, number.text, True, number.unsure) if number else one(drawing, found)
    return Read(drawing, "", True, True)


def one(drawing: Drawing, found: Digit) -> Read:
    """What was read as one digit."""
    return Read(drawing, str(found.digit), False, found.unsure)


def answer(file: bytes, model: classifier.Model, how: str = "auto") -> Digit | Problem:
    """Read a picture file."""
    return next(classify([preprocess(file, how)], model))


def share(parts: Iterable[bool]) -> str:
    """A share of True as a percentage, with how many there are."""
    every = list(parts)
    return f"{100 * sum(every) / len(every):.1f} % of {len(every)}" if every else "-"


def row(name: str, found: Sequence[Read]) -> str:
    """A row of a table: numbers right, digits right where as many were read, and how honest the doubt is."""
    digits = [
        read == true
        for each in found
        for read, true in zip(each.text.ljust(len(each.drawing.label), "?"), each.drawing.label, strict=False)
    ]
    sure = [each for each in found if not each.unsure]
    wrong = share(not each.right for each in sure)
    return f"| {name} | {share(each.right for each in found)} | {share(digits)} | {len(sure)} | {wrong} |"


HEAD = "| | numbers right | digits right | sure | sure but wrong |\n|---|---:|---:|---:|---:|"


def numbers(drawings: Sequence[Drawing], model: classifier.Model) -> dict[str, list[Read]]:
    """What is read from strokes, and from pixels alone."""
    pairs = on_all_cores(_read, [(each, model.card["name"]) for each in drawings], "drawings")
    return {name: [pair[at] for pair in pairs] for at, name in enumerate(FROM)}


def of_people(path: Path, model: classifier.Model, limit: int | None) -> str:
    """The table of numbers that people wrote."""
    found = numbers([as_written(each) for each in some(written(path), limit)], model)
    return "\n".join(
        ["Numbers that people wrote:\n", HEAD, *(row(f"from {name}", each) for name, each in found.items())]
    )


def put_together(digits: Sequence[Written], count: int, model: classifier.Model, sheet: Path | None) -> str:
    """The tables of numbers that are put together: by gap, by length, and touching pairs.

    `sheet` is where to save the digits that are misread alone, of the wrong numbers in which none touch.
    """
    rng = np.random.default_rng(SEED)
    found = numbers(list(made(digits, count, rng, (*GAPS, TOUCHING), LENGTHS)), model)
    pairs = numbers(list(made(digits, count // 2, rng, (TOUCHING,), (2,))), model)
    lines = ["Put together from digits of one writer:\n", HEAD]
    for name, every in found.items():
        lines += [
            row(f"gap {gap}, from {name}", [one for one in every if one.drawing.gap == gap])
            for gap in (*GAPS, TOUCHING)
        ]
        apart = [one for one in every if one.drawing.gap != TOUCHING]
        lines.append(row(f"all gaps, none touching, from {name}", apart))
        lines += [
            row(f"of them {size} digits, from {name}", [one for one in apart if len(one.drawing.label) == size])
            for size in LENGTHS
        ]
    lines += [row(f"touching pairs, from {name}", each) for name, each in pairs.items()]
    misread = {name: [misread_alone(one, model, FROM[name]) for one in _wrong(each)] for name, each in found.items()}
    if sheet:
        save_sheet(misread, sheet)
    shares = ", ".join(f"from {name} {share(map(bool, each))}" for name, each in misread.items())
    return "\n".join([*lines, "", f"Wrong ones, none touching, with a digit that is misread alone, too: {shares}"])


def _wrong(every: Sequence[Read]) -> list[Drawing]:
    return [one.drawing for one in every if one.drawing.gap != TOUCHING and not one.right]


def misread_alone(drawing: Drawing, model: classifier.Model, with_strokes: bool) -> list[Read]:
    """Those of its digits that, drawn as they are but alone, and read from the same, are misread as well."""
    digits = zip(drawing.label, drawing.digits, strict=True)
    alone = (drawing._replace(label=label, digits=[strokes]) for label, strokes in digits)
    return [found for each in alone if not (found := read(each, model, with_strokes, how="one")).right]


def save_sheet(misread: dict[str, list[list[Read]]], sheet: Path) -> None:
    """Save a contact sheet of digits, each with its label and what was read, as often as they spoil a number."""
    cells = [
        (in_bytes(preprocess(each.drawing.png(FROM[name]), "one").picture), f"{each.drawing.label} as {each.text}")
        for name, every in misread.items()
        for each in sorted((one for number in every for one in number), key=lambda one: one.drawing.label)
    ]
    contact_sheet(cells).save(sheet)


def singles(digits: Sequence[Written], model: classifier.Model) -> str:
    """How many single digits are taken for numbers."""
    rng = np.random.default_rng(SEED)
    found = numbers([alone(digit, rng) for digit in digits], model)
    shares = [f"from {name} {share(one.is_number for one in each)}" for name, each in found.items()]
    return f"Single digits taken for numbers: {', '.join(shares)}"


def nothing(model: classifier.Model, limit: int | None) -> str:
    """How many letters, shapes and scribbles are taken for numbers, and in how many cases without a doubt."""
    rng = np.random.default_rng(SEED)
    every = [Written("", each.name, each.strokes) for each in nondigits.drawings() if each.kind != "two digits"]
    found = numbers([alone(each, rng) for each in some(every, limit)], model)
    shares = [f"from {name} {share(one.is_number for one in each)}" for name, each in found.items()]
    sure = sum(one.is_number and not one.unsure for each in found.values() for one in each)
    return f"Letters, shapes and scribbles taken for numbers: {', '.join(shares)}; {sure} of them without a doubt"


def scans(images: np.ndarray, model: classifier.Model) -> str:
    """How many of MNIST's images are taken for numbers, five times as large."""
    enlarged = (np.kron(image, np.ones((5, 5), np.uint8)) / 255 for image in images)
    found = [answer(to_png(image), model) for image in tqdm(enlarged, total=len(images), leave=False)]
    taken = share(isinstance(one, Digit) and one.number is not None for one in found)
    return f"MNIST's test images, five times as large, taken for numbers: {taken}"


def times(digits: Sequence[Written], model: classifier.Model, rounds: int = 30) -> str:
    """What reading costs, in processor time: one digit as before and now, and a number of five digits."""
    rng = np.random.default_rng(SEED)
    single = [alone(digit, rng).png(with_strokes=True) for digit in digits[:rounds]]
    long = [each.png(with_strokes=True) for each in made(digits, rounds, rng, ("normal",), (5,))]
    ways: dict[str, Callable[[int], object]] = {
        "one digit, ?read=one": lambda at: answer(single[at], model, "one"),
        "one digit": lambda at: answer(single[at], model),
        "five digits": lambda at: answer(long[at], model),
    }
    return compared(ways, len(single))


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    result = argparse.ArgumentParser(prog="whole_numbers.py", description=(__doc__ or "").partition("\n")[0])
    result.add_argument("--model", default=cards.DEFAULT, help="name of the model (default: %(default)s)")
    result.add_argument(
        "--strokes", type=Path, default=STROKES, help="folder of the corpus (default: ../shared/strokes)"
    )
    result.add_argument("--limit", type=int, metavar="N", help="N of each kind of picture (default: all, 2000 made)")
    whose = "whose digits; held: those of train writers whom --divide leaves out (default: %(default)s)"
    result.add_argument("--part", choices=("dev", "train", "held"), default="dev", help=whose)
    result.add_argument("--no-mnist", action="store_true", help="leave MNIST's test set out")
    result.add_argument("--everybody", action="store_true", help="with --fit-verifier: hold no writer back")
    result.add_argument(
        "--sheet", type=Path, metavar="OUT.png", help="save the digits that spoil numbers, none touching, as a picture"
    )
    fits = result.add_mutually_exclusive_group()
    fits.add_argument("--fit", action="store_true", help="print the path's weights fitted to numbers of train digits")
    fits.add_argument("--fit-cuts", action="store_true", help="print the cuts' weights fitted to touching train digits")
    fits.add_argument("--fit-verifier", action="store_true", help="train the verifier on train digits, and write it")
    fits.add_argument("--divide", type=Path, metavar="DIR", help="write the train digits without the held-back writers")
    fits.add_argument("--rows", action="store_true", help="count the rows of single train digits, and their gaps")
    return result


def run(options: argparse.Namespace) -> None:
    """Measure, or fit what is asked for, and print."""
    for asked, work in number_fits.FITS.items():
        if getattr(options, asked):
            work(options)
            return
    model = classifier.load(options.model)
    digits = number_fits.digits(options)
    print(f"Model {model.card['name']}\n")
    if options.part == "dev":
        print(of_people(options.strokes / "unipen-numbers-dev.jsonl.gz", model, options.limit), end="\n\n")
    print(put_together(digits, number_fits.size(options), model, options.sheet), end="\n\n")
    print(singles(some(digits, options.limit), model))
    print(nothing(model, options.limit))
    if not options.no_mnist:
        print(scans(dataset.load(None).X_test[: options.limit], model))
    print(times(digits, model))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    try:
        run(parser().parse_args(arguments))
    except Problem as problem:
        print(f"whole_numbers.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
