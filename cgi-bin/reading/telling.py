"""The network at work in words: what a tower concludes, what adds up to that, and how one value came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading import convnet
from reading.cards import DIGITS

if TYPE_CHECKING:
    from reading.activations import Cell
    from reading.arrays import Float

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MOST = 0.999  # no network is certain


def shares(logits: Float, temperature: float) -> Float:
    """Ten scores that sum to 1, float32 (10,), of outputs (classes,); what is no digit is left out."""
    scores: Float = convnet.softmax(logits[None, :DIGITS] / temperature)[0]
    return scores


def best(scores: Float) -> str:
    """The digit with the best of ten scores: "seven, 97.1 %"; never "100 %"."""
    score = float(scores.max())
    share = f"{score:.1%}" if score <= MOST else f"over {MOST:.1%}"
    return f"{NAMES[scores.argmax()]}, {share}".replace("%", " %")


def conclusion(view: str, logits: Float, temperature: float) -> str:
    """What a tower concludes, in two sentences."""
    first, second = np.argsort(-logits[:DIGITS], kind="stable")[:2]
    says = f"This tower sees the picture {view}. Alone it says {best(shares(logits, temperature))}."
    outputs = f"{plain(logits[first])} for {NAMES[first]}, {plain(logits[second])} for {NAMES[second]}"
    return f"{says} Its highest outputs: {outputs}."


def addition(added: Float, shown: list[int], bias: float, digit: int) -> str:
    """What the shown channels (channels,) add to the output for a digit, and the others, and the bias; a sentence."""
    here, all_ = float(added[shown].sum()), float(added.sum())
    others = len(added) - len(shown)
    rest = f", the other {others} {signed(all_ - here)}" if others else ""
    sums = f"the {len(shown)} maps that count most add {signed(here)}{rest}, the bias {signed(bias)}"
    return f"For {NAMES[digit]}, {sums}: {plain(all_ + bias)}."


def brightest(name: str, shown: Float) -> str:
    """Where a map (h, w) of that name is brightest: "map 17, at most 2.31 at row 4, column 7"."""
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    return f"{name}, at most {plain(float(shown.max()))} at row {row}, column {column}"


def work(cell: Cell, shown: list[int]) -> str:
    """The sum of a cell: the inputs shown one by one, the others, and the bias; then ReLU."""
    parts = [signed(cell.sums[channel]) for channel in shown]
    if others := len(cell.sums) - len(shown):
        parts.append(f"{signed(cell.sums.sum() - cell.sums[shown].sum())} ({others} other maps)")
    end = "which ReLU leaves as it is" if cell.value > 0 else "of which ReLU makes 0"
    return f"{' '.join(parts)} {signed(cell.bias)} (bias) = {plain(cell.sums.sum() + cell.bias)}, {end}."


def signed(number: float) -> str:
    """A number to two decimals, with its sign."""
    return f"{number:+.2f}".replace("-", "\N{MINUS SIGN}")


def plain(number: float) -> str:
    """A number to two decimals."""
    return f"{number:.2f}".replace("-", "\N{MINUS SIGN}")
