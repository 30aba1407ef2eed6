"""One training run of a scikit-learn model, from pictures to the files in `models/`; `train.py` is its command line.

pictures -> (grid search) -> fit, calibrate -> test set, once -> export, check, replace
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from learning import publishing
from learning.classical.card import describe
from learning.classical.estimators import pipeline
from learning.classical.options import settings_of
from learning.classical.pictures import Pictures, flat, pictures_of
from learning.classical.search import Spread, grid_search
from learning.data.mnist import Mnist
from learning.data.strokes import StrokeDigits
from learning.errors import TrainingFailed
from learning.figures import on_test_set
from learning.publishing import check_folder, digest, reserved, write_card
from reading import engines
from reading.cards import Card

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


MODELS = Path(__file__).resolve().parents[3] / "models"
AGREEMENT = 1e-4  # the most that a score of the exported model may differ from scikit-learn's
COMPARED = 2000  # test images that this is checked on


class Outcome(NamedTuple):
    """What a run gives: the card, and the scores of the pictures that it reports on."""

    card: Card
    title: str  # of the pictures: "10,000 test images"
    X: Float  # float32 (n, 784)
    y: Ints  # int64 (n,)
    scores: Float  # float (n, 10)


def train(mnist: Mnist, strokes: StrokeDigits, chosen: argparse.Namespace, spread: Spread | None = None) -> Outcome:
    """Train the chosen model, check it, and replace the one in the folder `chosen.outpath`, or else `MODELS`.

    `spread` has the work of a grid search done elsewhere than on this machine's cores.
    Until the end that folder is left as it was. Raises BadDataset, BadSetting, or TrainingFailed if the exported
    model doesn't score as the trained one.
    """
    folder = chosen.outpath or MODELS
    check_folder(folder, f"{chosen.model}.json", f"{chosen.model}.onnx")
    with reserved(folder):
        return _train(mnist, strokes, chosen, folder, spread)


def _train(
    mnist: Mnist, strokes: StrokeDigits, chosen: argparse.Namespace, folder: Path, spread: Spread | None
) -> Outcome:
    training, validation = pictures_of(mnist, strokes, chosen)
    with Steps(chosen) as step:
        try:
            model, settings, facts, search = _fit(training, chosen, step, spread)
        except ValueError as error:  # numbers that grow beyond all bounds, for one
            raise TrainingFailed(f"With these settings nothing can be fitted: {error} The old model stays.") from error
        step("scoring the test images")
        test = Pictures(flat(mnist.X_test), mnist.y_test.astype(np.int64), len(mnist.y_test))
        upright = model[0].transform(test.X)
        scores = model[1:].predict_proba(upright)
        step("exporting")
        card = (
            describe(chosen, mnist, strokes, training, settings, model) | facts | on_test_set(scores, test.y) | search
        )
        outcome = Outcome(card, f"{len(test.y):,} test images", test.X, test.y, scores)
        if validation:
            outcome = _validated(model, validation, card)
        publish(model, card, folder, upright[:COMPARED], scores[:COMPARED])
    return outcome


def _validated(model: Pipeline, held: Pictures, card: Card) -> Outcome:
    scores = model.predict_proba(held.X)
    card["validation"] = {"images": len(held.y), "accuracy": float((scores.argmax(1) == held.y).mean())}
    return Outcome(card, f"{len(held.y):,} validation images", held.X, held.y, scores)


class Fitted(NamedTuple):
    """A fitted model, and what the card says of how it was fitted."""

    model: Pipeline
    settings: dict[str, Any]
    facts: Card  # how long it took
    search: Card  # what a grid search found, if there was one


def _fit(training: Pictures, chosen: argparse.Namespace, step: Steps, spread: Spread | None) -> Fitted:
    settings, search, started = settings_of(chosen), {}, time.perf_counter()
    if chosen.gridsearch:
        found = grid_search(chosen.model, settings, training, chosen.seed, spread)
        settings |= found["best"]
        search = {"search": found | {"seconds": round(time.perf_counter() - started, 1)}}
        started = time.perf_counter()
    step("fitting")
    model = pipeline(chosen.model, settings, chosen.seed)
    model.fit(training.X, training.y, model__originals=training.originals)
    return Fitted(model, settings, {"fit_seconds": round(time.perf_counter() - started, 1)}, search)


class Steps:
    """Say on standard error what is being done, and how long it took, if asked to."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        """Say something only with --verbose."""
        self.bar = tqdm(total=3, desc=chosen.model, disable=not chosen.verbose, bar_format="{desc} [{elapsed}]")

    def __enter__(self) -> Steps:
        return self

    def __call__(self, what: str) -> None:
        """Begin the next step."""
        self.bar.set_description(what)

    def __exit__(self, *_: object) -> None:
        self.bar.close()


def publish(model: Pipeline, card: Card, folder: Path, upright: Float, scores: Float) -> None:
    """Export a model, check it, and move it and its card into place; `card` gets the facts about the file.

    `scores` are those of scikit-learn for `upright`, deskewed pictures float32 (n, 784).
    """
    from learning.classical.onnx_export import export

    exported = export(model)
    check_agreement(exported, upright, scores)
    card["file"] = f"{card['name']}.onnx"
    card |= {"bytes": len(exported), "sha256": digest(exported)}

    def write(part: Path) -> None:
        (part / card["file"]).write_bytes(exported)
        write_card(card, part)

    publishing.publish(card["name"], folder, write)


def check_agreement(exported: bytes, upright: Float, scores: Float) -> None:
    """Raise TrainingFailed unless ONNX Runtime scores as scikit-learn does."""
    served = engines.onnx({"name": "", "file": ""}, exported)
    apart = float(np.abs(served(upright) - scores).max())
    if not apart < AGREEMENT:  # so that NaN fails, too
        raise TrainingFailed(
            f"The exported model scores up to {apart:.1e} apart from scikit-learn; the old model stays."
        )
