"""Train the verifier of `reading.numbers` (`reading/numbers/verifier.py`) on candidates whose ink is known.

They are those of numbers, touching or not, and of single digits, all made of train strokes: never of those that figures
are taken on. A quarter of the writers is held back to judge it by, unless it is to learn from everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cores import on_all_cores
from made_numbers import GAPS, TOUCHING, Drawing, Written, alone, made
from number_weights import purity, read_row

from learning.cnn.fitting import Fitting
from learning.data.writers import hand
from learning.replacing import replacing
from model import pool
from reading import classifier
from reading.numbers import verifier

PURE = 0.8  # with more of a digit a candidate is whole
MIXED = 0.6  # with less it is not; what is between them is left out
MOST = 40  # candidates of a drawing
CHANNELS = (16, 32, 48)  # of its convolutions, all but the last one pooled
EPOCHS, BATCH = 12, 128  # with 6 of them 98.4 % of what held-back writers wrote are judged right, not 98.6 %
RATE = 0.002  # of Adam at the beginning, down to nothing along a cosine
KEPT = 0.6  # share of the last features that is kept in training
HELD = 4  # one of so many writers is held back


def division(digits: Sequence[Written], held_back: bool) -> list[Written]:
    """The digits of the writers that the verifier learns from, or of those that are held back.

    A writer may have several files, which all go to one side (`writers.hand`).
    """
    hands = sorted({hand(one.writer) for one in digits})
    chosen = set(hands[::HELD])
    return [one for one in digits if (hand(one.writer) in chosen) == held_back]


def drawings(corpora: Sequence[Sequence[Written]], count: int, rng: np.random.Generator) -> Iterator[Drawing]:
    """What it learns from: of each corpus so many numbers, touching pairs, numbers of one digit alike, and digits."""
    gaps = (*GAPS, TOUCHING, TOUCHING, TOUCHING)
    for digits in corpora:
        yield from made(digits, count, rng, gaps, (2, 3, 4, 5, 7, 9))
        yield from made(digits, count, rng, (TOUCHING,), (2,))
        for label in "0123456789":
            alike = [one for one in digits if one.label == label]
            yield from made(alike, count // 20, rng, gaps, (2, 3, 4, 6, 9))
        yield from (alone(digits[at], rng) for at in rng.integers(len(digits), size=count))


def known(every: Sequence[Drawing], model: classifier.Model, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Views uint8 (n, HIGH, WIDE, 2) of candidates, and whether each is a whole digit; every third from strokes."""
    jobs = [(drawing, at % 3 == 0, model.card["name"], [seed, at]) for at, drawing in enumerate(every)]
    found = [one for one in on_all_cores(_known, jobs, "drawings") if one]
    views, labels = zip(*found, strict=True)
    return np.concatenate(views), np.concatenate(labels)


def _known(job: tuple[Drawing, bool, str, list[int]]) -> tuple[np.ndarray, np.ndarray] | None:
    """The same of the candidates of one drawing, MOST at most; None if there are none."""
    drawing, with_strokes, name, seed = job
    read = read_row(drawing, classifier.load(name), with_strokes)
    if not read:
        return None
    pure = purity(read).max(1)
    clear = np.random.default_rng(seed).permutation(np.flatnonzero((pure > PURE) | (pure < MIXED)))[:MOST]
    if not len(clear):
        return None
    inks = [read.row.candidates[number].ink for number in clear]
    views = np.rint(255 * verifier.views(inks, read.row.around, read.row.height)).astype(np.uint8)
    return views, pure[clear] > PURE


def layers(tflearn: Any) -> Any:
    """The network, as `verifier.py` runs it, with dropout."""
    net = tflearn.input_data([None, verifier.HIGH, verifier.WIDE, 2])
    for at, channels in enumerate(CHANNELS):
        net = tflearn.conv_2d(net, channels, 3, activation="relu", scope=f"conv{at}")
        net = pool(tflearn, net) if at < len(CHANNELS) - 1 else net
    net = tflearn.dropout(tflearn.flatten(net), KEPT)
    return tflearn.fully_connected(net, 2, activation="softmax", scope="out")


def learn(fitting: Fitting, views: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> None:
    """Pass over all views, in a new order each time."""
    whole = len(views) // BATCH * BATCH
    order = np.concatenate([rng.permutation(len(views))[:whole] for _ in range(EPOCHS)]).reshape(-1, BATCH)
    batches = ((views[part] / np.float32(255), labels[part].astype(int)) for part in order)
    fitting.learn(batches, len(order), RATE)


def accuracy(fitting: Fitting, views: np.ndarray, labels: np.ndarray) -> float:
    """The share of views that it judges as it should."""
    return float(((fitting.score(views / np.float32(255))[:, 1] > 0.5) == labels).mean())


def save(fitting: Fitting, path: Path) -> None:
    """Write the weights, float16, as `verifier.py` reads them."""
    with replacing(path) as part, part.open("wb") as file:
        halved: dict[str, Any] = {name: value.astype(np.float16) for name, value in fitting.values().items()}
        np.savez_compressed(file, **halved)


def train(corpora: Sequence[Sequence[Written]], count: int, model: classifier.Model, seed: int, everybody: bool) -> str:
    """Train the verifier and write its file; returns how well it judges candidates of writers who were held back.

    It learns from these, too, if it is to learn from everybody: then nobody is left to judge it.
    """
    rng = np.random.default_rng(seed)
    own, others = ([division(digits, held) for digits in corpora] for held in (False, True))
    views, labels = known(list(drawings(own, count, rng)), model, seed)
    asked = known(list(drawings(others, max(count // HELD, 1), rng)), model, seed + 1)
    if everybody:
        views, labels = np.concatenate([views, asked[0]]), np.concatenate([labels, asked[1]])
    fitting = Fitting(layers, seed)
    learn(fitting, views, labels, rng)
    save(fitting, verifier.FILE)
    said = f"{len(views):,} candidates learnt"
    if everybody:
        return said
    return f"{said}; of {len(asked[1]):,} of held-back writers {accuracy(fitting, *asked):.2%} are judged right"
