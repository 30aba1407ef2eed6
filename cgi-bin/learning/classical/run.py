"""One training run of a scikit-learn model, from MNIST to the files in `models/`; `train.py` is its command line.

pictures -> (grid search) -> fit, calibrate -> test set, once -> export, check, replace
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from tqdm import tqdm

from learning.classical.estimators import DIGITS, SETTINGS, TITLES, UNSURE, classifier, pipeline
from learning.cnn.run import check_folder, check_labels, overlap, uninterrupted
from learning.data.dataset import SHA256, Mnist
from learning.figures import on_test_set
from reading.errors import BadSetting, TrainingFailed

MODELS = Path(__file__).resolve().parents[3] / "models"
AGREEMENT = 1e-4  # the most that a score of the exported model may differ from scikit-learn's
COMPARED = 2000  # test images that this is checked on
VALIDATION = 0.1  # share of the training images that --validation keeps for itself
FOLDS = 5  # of the cross-validation in a grid search
SEARCHED = 10_000  # training images that a grid search looks at, chosen at random; its time grows faster than they do
GRIDS: dict[str, dict[str, list[Any]]] = {
    "svm": {"C": [3.0, 10.0, 30.0], "gamma": ["scale", 0.3, 0.6, 1.2]},
    "forest": {"n_estimators": [12, 25], "max_depth": [8, 12, 16, None]},
    "extra": {"n_estimators": [12, 25], "max_depth": [8, 12, 16, None]},
    "sgd": {"loss": ["hinge", "log_loss", "modified_huber"], "alpha": [1e-6, 1e-5, 1e-4]},
}


# --- command line


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def whole(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def gamma(text: str) -> float | str:
    """What SVC takes as gamma, for argparse."""
    return text if text in ("scale", "auto") else positive(text)


# One row a setting: its name in scikit-learn, the flags, what argparse needs, help
OPTIONS: list[tuple[str, list[str], dict[str, Any], str]] = [
    ("C", ["-C", "--regularization"], {"type": positive, "metavar": "C"}, "price of a misread picture"),
    (
        "gamma",
        ["-G", "--gamma"],
        {"type": gamma, "metavar": "G"},
        "narrowness of the kernel, a number above 0, scale or auto",
    ),
    ("kernel", ["--kernel"], {"choices": ["rbf", "poly", "linear", "sigmoid"]}, "shape of the kernel"),
    ("degree", ["--degree"], {"type": whole, "metavar": "N"}, "degree of the kernel poly"),
    ("n_estimators", ["-E", "--estimators"], {"type": whole, "metavar": "N"}, "number of trees"),
    ("max_depth", ["-D", "--max_depth"], {"type": whole, "metavar": "N"}, "questions on a way down a tree, at most"),
    (
        "loss",
        ["-L", "--loss"],
        {"choices": ["log_loss", "hinge", "modified_huber", "squared_hinge", "perceptron"]},
        "what a wrong score costs",
    ),
    ("penalty", ["-P", "--penalty"], {"choices": ["l2", "l1", "elasticnet"]}, "what large weights cost"),
    ("alpha", ["-A", "--alpha"], {"type": positive, "metavar": "A"}, "weight of the penalty"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the scikit-learn models."""
    group = parser.add_argument_group("scikit-learn models", "An option names the models that have it.")
    add = group.add_argument
    add("-V", "--validation", action="store_true", help="report on a tenth of the training images, kept apart")
    add("-g", "--gridsearch", action="store_true", help="choose settings by cross-validation, overriding single ones")
    add("--subset", type=whole, metavar="N", help="train on N training images, chosen at random (default: all)")
    for name, flags, details, text in OPTIONS:
        models = [model for model in SETTINGS if name in SETTINGS[model]]
        usual = SETTINGS[models[0]][name]
        note = f"{text}: {', '.join(models)} (default: {'no limit' if usual is None else usual})"
        add(*flags, dest=name, help=note, **details)


NAMES = {flags[-1]: name for name, flags, _, _ in OPTIONS}  # of the setting that a flag is for


def flags(model: str) -> list[str]:
    """Return the long flags that only concern how a scikit-learn model is trained, of those that `model` has."""
    own = [flags[-1] for name, flags, _, _ in OPTIONS if name in SETTINGS[model]]
    search = ["--gridsearch"] if model in GRIDS else []
    return ["--validation", "--subset", *search, *own]


def settings_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the chosen model: its usual ones, and those of the command line in their place."""
    given = {name: getattr(chosen, name) for name in SETTINGS[chosen.model]}
    return SETTINGS[chosen.model] | {name: value for name, value in given.items() if value is not None}


# --- one run


class Pictures(NamedTuple):
    """Pictures with their labels; shifted or turned variants follow the first `originals` rows."""

    X: np.ndarray  # float32 (n, 784) in 0..1, ink 1
    y: np.ndarray  # int64 (n,) in 0..9
    originals: int


class Outcome(NamedTuple):
    """What a run gives: the card, and the scores of the pictures that it reports on."""

    card: dict[str, Any]
    title: str  # of the pictures: "10,000 test images"
    X: np.ndarray  # float32 (n, 784)
    y: np.ndarray  # int64 (n,)
    scores: np.ndarray  # float (n, 10)


def train(mnist: Mnist, chosen: argparse.Namespace) -> Outcome:
    """Train the chosen model, check it, and replace the one in the folder `chosen.outpath`, or else `MODELS`.

    Until the end that folder is left as it was. Raises BadDataset, BadSetting, or TrainingFailed if the exported
    model doesn't score as the trained one.
    """
    folder = chosen.outpath or MODELS
    check_folder(folder)
    training, validation = pictures_of(mnist, chosen)
    with Steps(chosen) as step:
        started = time.perf_counter()
        settings, search = settings_of(chosen), {}
        if chosen.gridsearch:
            search = grid_search(chosen.model, settings, training, chosen.seed)
            settings |= search["best"]
        searched = time.perf_counter()
        step("fitting")
        model = pipeline(chosen.model, settings, chosen.seed)
        model.fit(training.X, training.y, model__originals=training.originals)
        seconds = {"fit_seconds": round(time.perf_counter() - searched, 1)}
        if search:
            search["seconds"] = round(searched - started, 1)
        step("scoring the test images")
        test = Pictures(_flat(mnist.X_test), mnist.y_test.astype(np.int64), len(mnist.y_test))
        upright = model[0].transform(test.X)
        scores = model[1:].predict_proba(upright)
        step("exporting")
        card = describe(chosen, mnist, training, settings, model) | seconds | on_test_set(scores, test.y)
        card |= {"search": search} if search else {}
        outcome = Outcome(card, f"{len(test.y):,} test images", test.X, test.y, scores)
        if validation:
            outcome = _validated(model, validation, card)
        publish(model, card, folder, upright[:COMPARED], scores[:COMPARED])
    return outcome


def _validated(model: Pipeline, held: Pictures, card: dict[str, Any]) -> Outcome:
    scores = model.predict_proba(held.X)
    card["validation"] = {"images": len(held.y), "accuracy": float((scores.argmax(1) == held.y).mean())}
    return Outcome(card, f"{len(held.y):,} validation images", held.X, held.y, scores)


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


def pictures_of(mnist: Mnist, chosen: argparse.Namespace) -> tuple[Pictures, Pictures | None]:
    """Return the pictures to train on and, with --validation, those to report on; the latter are originals only."""
    labels, originals = mnist.y_train, len(mnist.y_train) // mnist.copies
    rows = np.arange(originals)
    held = np.zeros(0, int)
    if chosen.subset:
        rows = _subset(rows, chosen)
    check_labels(labels[rows])
    if chosen.validation:
        rows, held = train_test_split(rows, test_size=VALIDATION, stratify=labels[rows], random_state=chosen.seed)
    everything = np.concatenate([rows + copy * originals for copy in range(mnist.copies)])
    return _pick(mnist, everything, len(rows)), _pick(mnist, held, len(held)) if len(held) else None


def _subset(rows: np.ndarray, chosen: argparse.Namespace) -> np.ndarray:
    if chosen.subset > len(rows):
        raise BadSetting(f"--subset {chosen.subset} is more than the {len(rows):,} training images there are.")
    return np.sort(np.random.default_rng(chosen.seed).choice(rows, chosen.subset, replace=False))


def _pick(mnist: Mnist, rows: np.ndarray, originals: int) -> Pictures:
    return Pictures(_flat(mnist.X_train[rows]), mnist.y_train[rows].astype(np.int64), originals)


def _flat(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1) / np.float32(255)


# --- grid search


def grid_search(name: str, settings: dict[str, Any], pictures: Pictures, seed: int) -> dict[str, Any]:
    """Return the best settings of a grid and how all did, by cross-validation on up to `SEARCHED` originals.

    "candidates" has a row for each: its settings, mean accuracy and standard deviation over the folds.
    """
    import joblib  # type: ignore[import-untyped]

    rows = np.random.default_rng(seed).permutation(pictures.originals)[:SEARCHED]
    X, y = pipeline(name, settings, seed)[:-1].transform(pictures.X[rows]), pictures.y[rows]
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(X, y))
    grid = list(ParameterGrid(GRIDS[name]))
    jobs = [
        joblib.delayed(_fold)(classifier(name, settings | each, seed), X, y, *fold) for each in grid for fold in folds
    ]
    done = joblib.Parallel(n_jobs=-1, return_as="generator")(jobs)
    scores = list(tqdm(done, "grid search", len(jobs), unit="fit", disable=None))
    table = np.array(scores).reshape(len(grid), FOLDS)
    candidates = [
        each | {"accuracy": round(float(row.mean()), 5), "deviation": round(float(row.std()), 5)}
        for each, row in zip(grid, table, strict=True)
    ]
    best = grid[int(table.mean(1).argmax())]
    return {"best": best, "folds": FOLDS, "images": len(y), "candidates": candidates}


def search_table(search: dict[str, Any]) -> str:
    """Return what a grid search found, a line a candidate, the best one last."""
    rows = sorted(search["candidates"], key=lambda row: row["accuracy"])
    lines = [f"{row['accuracy']:.2%} +- {row['deviation']:.2%}  {_settings(row)}" for row in rows]
    return "\n".join(
        [
            *lines,
            f"best of {len(rows)} by {search['folds']}-fold cross-validation on "
            f"{search['images']:,} images, in {search['seconds']} s: {_settings(search['best'])}",
        ]
    )


def _settings(row: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in row.items() if key not in ("accuracy", "deviation"))


def _fold(estimator: Any, X: np.ndarray, y: np.ndarray, fit: np.ndarray, held: np.ndarray) -> float:
    return float((clone(estimator).fit(X[fit], y[fit]).predict(X[held]) == y[held]).mean())


# --- card and files

# Where the steps of a pipeline keep what they have learnt: PCA and scaling, support vectors, a linear model
LEARNT = ("components_", "mean_", "scale_", "support_vectors_", "dual_coef_", "coef_", "intercept_")


def describe(
    chosen: argparse.Namespace, mnist: Mnist, training: Pictures, settings: dict[str, Any], model: Pipeline
) -> dict[str, Any]:
    """Return the part of the card that doesn't depend on how well the model does."""
    packages = ("scikit-learn", "skl2onnx", "onnx", "numpy", "scipy")
    last = model[-1]
    threshold = last.threshold_
    return {
        "name": chosen.model,
        "title": TITLES[chosen.model],
        "input": "deskewed",
        "architecture": architecture(model),
        "parameters": sum(learnt(part.estimator_) for part in parts_of(last)),
        "settings": settings,
        "dataset": {
            "source": "MNIST" if mnist.sha256 == SHA256 else "not MNIST",
            "train_images": training.originals,
            "variants": len(training.y) - training.originals,
            "sha256": mnist.sha256,
        }
        | overlap(mnist),
        "seed": chosen.seed,
        "held_back": len(last.held_back_),
        "on_held_back": {"accuracy": last.held_back_accuracy_},
        "temperature": round(1 / float(last.scale_[0]), 4),
        "unsure": {
            "rule": f"Unsure when the best of the ten scores is below {threshold:.3f}: "
            f"so are {UNSURE:.0%} of the held-back training digits.",
            "confidence": min(round(threshold, 6), 0.999999),  # 1 would doubt everything
        },
        "trained": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }


def architecture(model: Pipeline) -> list[str]:
    """Return the steps of a fitted pipeline, in words."""
    steps = ["deskewed by image moments", "ink gradients in 8 directions, averaged over 8x8 windows of 7x7 pixels"]
    parts = parts_of(model[-1])
    steps += [_words(part.estimator_) for part in parts]
    if len(parts) > 1:
        names = [name for name, _ in model[-1].parts]
        weights = [f"{weight:.2f} {name}" for weight, name in zip(model[-1].weights_, names, strict=True)]
        steps.append(f"weighted mean of their probabilities: {', '.join(weights)}")
    return [*steps, "calibrated by temperature"]


def parts_of(model: Any) -> list[Any]:
    """Return the models of which a fitted vote consists, or the only one there is."""
    return getattr(model, "parts_", [model])


def learnt(estimator: Any) -> int:
    """Return how many numbers a fitted classifier has learnt; a tree's are its questions and its leaves' shares."""
    if hasattr(estimator, "steps"):
        return sum(learnt(step) for _, step in estimator.steps)
    if hasattr(estimator, "estimators_"):
        leaves = sum(int(tree.tree_.n_leaves) for tree in estimator.estimators_)
        splits = sum(tree.tree_.node_count for tree in estimator.estimators_) - leaves
        return 2 * splits + DIGITS * leaves
    return sum(getattr(estimator, name).size for name in LEARNT if hasattr(estimator, name))


def _words(estimator: Any) -> str:
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    kind = type(last).__name__
    if hasattr(last, "support_"):
        count = estimator[0].n_components_
        return f"{count} principal components, {kind} with {len(last.support_):,} support vectors"
    if hasattr(last, "estimators_"):
        leaves = sum(tree.tree_.n_leaves for tree in last.estimators_)
        return f"{kind}, {len(last.estimators_)} trees with {leaves:,} leaves"
    return f"standardised, {kind}"


def publish(model: Pipeline, card: dict[str, Any], folder: Path, upright: np.ndarray, scores: np.ndarray) -> None:
    """Export a model, check it, and move it and its card into place; `card` gets the facts about the file.

    `scores` are those of scikit-learn for `upright`, deskewed pictures float32 (n, 784).
    """
    from learning.classical.onnx_export import export

    exported = export(model)
    check_agreement(exported, upright, scores)
    card["file"] = f"{card['name']}.onnx"
    card |= {"bytes": len(exported), "sha256": hashlib.sha256(exported).hexdigest()}
    files = {card["file"]: exported, f"{card['name']}.json": (json.dumps(card, indent=1) + "\n").encode()}
    parts = {folder / f".{name}.part": folder / name for name in files}
    try:
        for part, content in zip(parts, files.values(), strict=True):
            part.write_bytes(content)
        with uninterrupted():
            for part, place in parts.items():
                part.replace(place)
    except OSError as error:
        raise TrainingFailed(f"Can't save the model in {folder}: {error.strerror}. The old one stays.") from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def check_agreement(exported: bytes, upright: np.ndarray, scores: np.ndarray) -> None:
    """Raise TrainingFailed unless ONNX Runtime scores as scikit-learn does."""
    import onnxruntime

    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    apart = float(np.abs(session.run(None, {"picture": upright})[0] - scores).max())
    if not apart < AGREEMENT:  # so that NaN fails, too
        raise TrainingFailed(
            f"The exported model scores up to {apart:.1e} apart from scikit-learn; the old model stays."
        )
