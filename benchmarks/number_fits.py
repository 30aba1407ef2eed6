"""Fit what `reading.numbers` reads numbers with to train strokes: never to those that figures are taken on.

`whole_numbers.py --help` names the ways.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import pairwise

import cut_weights
import numpy as np
import verifier_weights
from made_numbers import GAPS, SEED, TOUCHING, Written, alone, made, written
from number_weights import fitted, samples
from pen_digits import some
from tqdm import tqdm

from learning.data import strokes
from reading import classifier
from reading.numbers import rows as row_finder
from reading.numbers.pieces import of_parts
from reading.preprocessing import preprocess

TRAIN = ("unipen-digits-train.jsonl.gz", "pendigits-train.jsonl.gz")


def digits(options: argparse.Namespace) -> list[Written]:
    """The digits to measure on."""
    if options.part == "held":
        return verifier_weights.division(written(options.strokes / TRAIN[0]), held_back=True)
    return written(options.strokes / f"unipen-digits-{options.part}.jsonl.gz")


def size(options: argparse.Namespace) -> int:
    """How many numbers are made."""
    return options.limit or 2000


def rows(options: argparse.Namespace) -> None:
    """Tell in how many rows the parts of single train digits lie, and how wide gaps are below and beside each other."""
    every = [digit for name in TRAIN for digit in written(options.strokes / name)]
    counts, gaps, beside, rng = Counter[int](), list[float](), list[float](), np.random.default_rng(SEED)
    for digit in tqdm(some(every, options.limit), unit=" digits", leave=False):
        writing = preprocess(alone(digit, rng).png(with_strokes=False), "number").writing
        parts = of_parts(writing.ink.astype(np.float32) / 255) if writing else None
        found = row_finder.rows(parts) if parts else []
        counts[len(found)] += 1
        gaps += [row_finder.gap(*pair) for pair in pairwise(found)]
        beside.append(row_finder.gap_beside(parts) if parts else 0)
    told = ", ".join(f"{number:,} in {count}" for count, number in sorted(counts.items()))
    print(f"Digits by their rows: {told}. The widest gaps: {_largest(gaps)}")
    print(f"The widest gaps between parts side by side, in heights of the digit: {_largest(beside)}")


def _largest(every: list[float]) -> str:
    return ", ".join(f"{one:.2f}" for one in sorted(every)[-8:])


def fit(options: argparse.Namespace) -> None:
    """Fit the path's weights to numbers of train digits by the held-back writers, and print them.

    A model and a verifier that do not know these writers are to be there (`--divide`, `--fit-verifier`): what they have
    learnt by heart they are too sure of.
    """
    others = verifier_weights.division(written(options.strokes / TRAIN[0]), held_back=True)
    count, rng = size(options), np.random.default_rng(SEED)
    drawings = [
        *made(others, count, rng, (*GAPS, TOUCHING), (2, 3, 4, 6)),
        *made(others, count // 2, rng, (TOUCHING,), (2,)),
    ]
    model = classifier.load(options.model)
    print(fitted(samples(drawings, model)))


def fit_cuts(options: argparse.Namespace) -> None:
    """Fit the cuts' weights to numbers of train digits that touch, and print them."""
    every, count, rng = written(options.strokes / TRAIN[0]), size(options), np.random.default_rng(SEED)
    known = list(cut_weights.known(tqdm(made(every, count, rng, (TOUCHING,), (2, 3)), total=count)))
    print(cut_weights.fitted(known))
    shares = [f"{100 * cut_weights.found_first(known, most):.1f} % of {most}" for most in (1, 2, 4, 8, 40)]
    print(f"A right cut is found among the likeliest, with the weights that are used now: {', '.join(shares)}")


def divide(options: argparse.Namespace) -> None:
    """Write the train digits without those of the writers who are held back, for a model that does not know these."""
    for name in TRAIN:
        own = verifier_weights.division(written(options.strokes / name), held_back=False)
        records = (
            (one.writer, int(one.label), [np.rint(stroke).astype(int).tolist() for stroke in one.strokes])
            for one in own
        )
        print(f"{strokes.write(options.divide / name, records):,} digits in {options.divide / name}")


def fit_verifier(options: argparse.Namespace) -> None:
    """Train the verifier on numbers and digits of both train corpora."""
    corpora = [written(options.strokes / name) for name in TRAIN]
    print(verifier_weights.train(corpora, size(options), classifier.load(options.model), SEED, options.everybody))


FITS = {"fit": fit, "fit_cuts": fit_cuts, "fit_verifier": fit_verifier, "divide": divide, "rows": rows}
