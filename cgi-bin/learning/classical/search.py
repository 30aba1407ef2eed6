"""Grid search: the best settings of a scikit-learn model, by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid, StratifiedKFold
from tqdm import tqdm

from learning.classical.estimators import classifier, pipeline
from learning.classical.pictures import Pictures
from learning.data.mnist import check_labels

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


Spread = Callable[[Callable[..., Any], Sequence[Any], Sequence[tuple[Any, ...]]], Iterator[Any]]  # as `on_cores`
FOLDS = 5  # of the cross-validation in a grid search
SEARCHED = 10_000  # training images that a grid search looks at, chosen at random; its time grows faster than they do
LEAST_IN_VOTE = 13  # images of a digit, so that four of five folds are enough for a vote, which holds a tenth back
GRIDS: dict[str, dict[str, list[Any]]] = {
    "svm": {"C": [3.0, 10.0, 30.0], "gamma": ["scale", 0.3, 0.6, 1.2]},
    "forest": {"n_estimators": [12, 25], "max_depth": [8, 12, 16, None]},
    "extra": {"n_estimators": [12, 25], "max_depth": [8, 12, 16, None]},
    "sgd": {"loss": ["hinge", "log_loss", "modified_huber"], "alpha": [1e-6, 1e-5, 1e-4]},
    "voting": {"C": [3.0, 10.0], "n_estimators": [12, 25]},
}
# What counts for the kernel poly in the place of gamma, of the SVM and of the vote's
POLY: dict[str, dict[str, list[Any]]] = {
    "svm": {"C": [0.3, 1.0, 3.0, 10.0], "degree": [2, 3, 4]},
    "voting": {"C": [1.0, 3.0], "degree": [2, 3]},
}


def grid_of(name: str, settings: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the values that a search tries, of two settings, for a model with these other ones."""
    return POLY[name] if settings.get("kernel") == "poly" else GRIDS[name]


def grid_search(
    name: str, settings: dict[str, Any], pictures: Pictures, seed: int, spread: Spread | None = None
) -> dict[str, Any]:
    """Return the best settings of a grid and how all did, by cross-validation on up to `SEARCHED` originals.

    `spread` does the work elsewhere than on this machine's cores.
    "candidates" has a row for each: its settings, mean accuracy and standard deviation over the folds.
    Raises BadDataset if there are too few images of a digit.
    """
    rows = np.random.default_rng(seed).permutation(pictures.originals)[:SEARCHED]
    if name == "voting":
        check_labels(pictures.y[rows], LEAST_IN_VOTE)
    X, y = pipeline(name, settings, seed)[:-1].transform(pictures.X[rows]), pictures.y[rows]
    grid = list(ParameterGrid(grid_of(name, settings)))
    table = _cross_validated([classifier(name, settings | each, seed) for each in grid], X, y, seed, spread or on_cores)
    candidates = [
        each | {"accuracy": round(float(row.mean()), 5), "deviation": round(float(row.std()), 5)}
        for each, row in zip(grid, table, strict=True)
    ]
    best = grid[int(table.mean(1).argmax())]
    return {"best": best, "folds": FOLDS, "images": len(y), "candidates": candidates}


def on_cores(function: Callable[..., Any], shared: Sequence[Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield function(*shared, *call) for each call, in their order, on every processor core."""
    import joblib  # type: ignore[import-untyped]

    jobs = [joblib.delayed(function)(*shared, *call) for call in calls]
    yield from joblib.Parallel(n_jobs=-1, return_as="generator")(jobs)


def _cross_validated(estimators: list[Any], X: Float, y: Ints, seed: int, spread: Spread) -> Float:
    """The accuracy of each of these in each fold: (estimators, FOLDS)."""
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(X, y))
    jobs = [(estimator, *fold) for estimator in estimators for fold in folds]
    done = spread(_fold, [X, y], jobs)
    scores = list(tqdm(done, "grid search", len(jobs), unit="fit", disable=None))
    return np.array(scores).reshape(len(estimators), FOLDS)


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


def _fold(X: Float, y: Ints, estimator: Any, fit: Float, held: Float) -> float:
    return float((clone(estimator).fit(X[fit], y[fit]).predict(X[held]) == y[held]).mean())
