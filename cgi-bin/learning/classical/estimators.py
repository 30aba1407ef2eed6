"""The scikit-learn models: support vectors, forests, a linear model, and a vote of them all.

Every model is a pipeline whose preprocessing is part of it:

    deskew      upright digits (`deskew.py`, which serving runs in front of the exported model)
    gradients   where ink begins and ends, in eight directions, averaged over overlapping windows
    model       the classifier itself, calibrated: its scores are probabilities

It is exported to ONNX without its first step. Nothing is ever pickled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit, log_softmax, logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reading import deskew

DIGITS = 10
SIDE = 28
HELD_BACK = 0.1  # share of the training pictures that calibration looks at
UNSURE = 0.03  # share of the held-back pictures, the least sure ones, that count as unsure
TINY = 1e-9  # added to a probability before its logarithm is taken
FLOOR = 1e-3  # added to a forest's share of votes before its logarithm is taken

# Where a neighbour lies, in rows and columns: a filter answers where that one has more ink than its opposite.
DIRECTIONS = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
WINDOW, STRIDE = 7, 3  # pixels
PAIRS = np.triu_indices(DIGITS, 1)  # the order of the pairwise decisions of an SVM


# --- steps


class Deskew(TransformerMixin, BaseEstimator):
    """Set digits upright: float32 (n, 784) in 0..1, ink 1, to the same; see `deskew.deskew`."""

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Deskew:
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that there is nothing to learn."""
        return True

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the upright pictures, float32 (n, 784)."""
        return deskew.deskew(X.reshape(-1, SIDE, SIDE)).reshape(len(X), -1)


class Gradients(TransformerMixin, BaseEstimator):
    """Directed edges, averaged over windows: float32 (n, 784) in 0..1 to float32 (n, 512) in 0..1.

    A plain form of the histogram of oriented gradients (N. Dalal, B. Triggs 2005, "Histograms of Oriented
    Gradients for Human Detection"). Pixels are rounded to 1/255 and filters add and subtract them whole, so
    the sums are exact and a tree decides in ONNX as it does here, to the last bit.
    """

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> Gradients:
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that there is nothing to learn."""
        return True

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the averages, by direction, then row and column of the window."""
        batches = np.array_split(X, max(1, len(X) // deskew.BATCH))
        return np.concatenate([_gradients(batch) for batch in batches])


def _gradients(X: np.ndarray) -> np.ndarray:
    pixels = np.rint(X.reshape(-1, SIDE, SIDE) * np.float32(255))
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))
    there = {(r, c): padded[:, 1 + r : 29 + r, 1 + c : 29 + c] for r in (-1, 0, 1) for c in (-1, 0, 1)}
    edges = np.stack([np.maximum(there[r, c] - there[-r, -c], 0) for r, c in DIRECTIONS], axis=1)
    sums = _pooled(_pooled(edges).swapaxes(2, 3)).swapaxes(2, 3)
    return (sums / np.float32(255 * WINDOW**2)).reshape(len(X), -1)


def _pooled(edges: np.ndarray) -> np.ndarray:
    """Return the sums over windows of the last axis: (n, 8, rows, 28) to (n, 8, rows, windows)."""
    # One product of two matrices; numpy is ten times slower at many small ones.
    return (edges.reshape(-1, SIDE) @ _windows().T).reshape(*edges.shape[:-1], -1)


def _windows() -> np.ndarray:
    """Return float32 (windows, 28): 1 where a window of one dimension has a pixel."""
    starts = np.arange(0, SIDE - WINDOW + 1, STRIDE)[:, None]
    pixels = np.arange(SIDE)
    return ((pixels >= starts) & (pixels < starts + WINDOW)).astype(np.float32)


# --- calibration


def _held_back(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the pictures to fit with and of those to calibrate with."""
    return train_test_split(np.arange(len(y)), test_size=HELD_BACK, stratify=y, random_state=seed)


class _OnHeldBack:
    """What a model learns from what it thinks of the held-back pictures."""

    def _calibrate(self, raw: np.ndarray, y: np.ndarray) -> None:
        self.scale_ = _scale(raw, y)
        self.held_back_ = softmax(_evidence(raw, self.scale_), axis=1)
        self.held_back_accuracy_ = float((self.held_back_.argmax(1) == y).mean())
        self.threshold_ = float(np.quantile(self.held_back_.max(1), UNSURE))


class Calibrated(_OnHeldBack, ClassifierMixin, BaseEstimator):
    """A classifier whose scores are made probabilities, and which knows when to be unsure.

    It is fitted twice: without a tenth of the training pictures, on which one or two numbers are then chosen
    that make the log loss least (temperature scaling: C. Guo et al. 2017, "On Calibration of Modern Neural
    Networks"), and again with all of them. `threshold_` is the confidence under which the least sure `UNSURE` of
    the held-back pictures lie.
    """

    def __init__(self, estimator: Any = None, seed: int = 0) -> None:
        """Wrap a classifier that is not fitted; `seed` chooses what is held back."""
        self.estimator = estimator
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray, originals: int | None = None) -> Calibrated:
        """Fit to X (n, features) and y (n,) in 0..9.

        Shifted or turned variants follow the first `originals` rows. The fit for calibration goes without them,
        for a variant of a held-back picture would give it away.
        """
        y = y.astype(np.int64)  # what skl2onnx asks of labels
        fit, held = _held_back(y[:originals], self.seed)
        self._calibrate(_raw(clone(self.estimator).fit(X[fit], y[fit]), X[held]), y[held])
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = np.arange(DIGITS)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, float (n, 10)."""
        return softmax(_evidence(_raw(self.estimator_, X), self.scale_), axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return digits, int (n,)."""
        return self.predict_proba(X).argmax(1)


def _raw(estimator: Any, X: np.ndarray) -> np.ndarray:
    """Return what a classifier thinks: (n, 45) decisions between pairs, or (n, 10), one a digit."""
    if hasattr(estimator, "decision_function"):
        return estimator.decision_function(X)
    return np.log(estimator.predict_proba(X) + FLOOR)


def _evidence(raw: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return logits (n, 10) from raw thoughts and the one or two numbers of their calibration.

    Decisions between pairs become probabilities by a logistic curve, and a digit's evidence is the product of
    those of its nine pairs: voting, but softly.
    """
    if raw.shape[1] == DIGITS:
        return raw * scale[0]
    pairs = scale[1] * raw
    first, second = (1.0 * (np.arange(DIGITS) == PAIRS[each][:, None]) for each in (0, 1))  # (45, 10)
    return scale[0] * (log_expit(pairs) @ first + log_expit(-pairs) @ second)


def _scale(raw: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the one or two positive numbers that make the log loss of these pictures least."""

    def loss(logarithms: np.ndarray) -> float:
        logits = _evidence(raw, np.exp(logarithms))
        return -log_softmax(logits, axis=1)[np.arange(len(y)), y].mean()

    start = np.zeros(1 if raw.shape[1] == DIGITS else 2)
    return np.exp(minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6}).x)


class Vote(_OnHeldBack, ClassifierMixin, BaseEstimator):
    """The weighted mean of the probabilities of several `Calibrated` models, calibrated once more.

    The weights are those that make the log loss of the held-back pictures least; no part has seen these then.
    """

    def __init__(self, parts: list[tuple[str, Calibrated]] | None = None, seed: int = 0) -> None:
        """Take the parts by name, not fitted; all must hold the same pictures back, so give all one seed."""
        self.parts = parts
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray, originals: int | None = None) -> Vote:
        """Fit each part, then the weights; as `Calibrated.fit`."""
        self.parts_ = [clone(part).fit(X, y, originals) for _, part in self.parts or []]
        held = y[:originals][_held_back(y[:originals], self.seed)[1]]  # what each part held back
        scores = np.stack([part.held_back_ for part in self.parts_])
        self.weights_ = _weights(scores, held)
        self._calibrate(np.log(self._mean(scores) + TINY), held)
        self.classes_ = np.arange(DIGITS)
        return self

    def _mean(self, scores: np.ndarray) -> np.ndarray:
        return np.tensordot(self.weights_, scores, 1)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities, float (n, 10)."""
        raw = np.log(self._mean(np.stack([part.predict_proba(X) for part in self.parts_])) + TINY)
        return softmax(_evidence(raw, self.scale_), axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return digits, int (n,)."""
        return self.predict_proba(X).argmax(1)


def _weights(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return weights (parts,) that sum to 1, from the parts' probabilities (parts, n, 10)."""
    right = np.log(scores[:, np.arange(len(y)), y] + TINY)  # (parts, n)

    def loss(logits: np.ndarray) -> float:
        return -logsumexp(log_softmax(logits)[:, None] + right, axis=0).mean()

    return softmax(minimize(loss, np.zeros(len(scores)), method="Nelder-Mead").x)


# --- models

SETTINGS: dict[str, dict[str, Any]] = {
    "svm": {"C": 3.0, "gamma": "scale", "kernel": "rbf", "degree": 3},
    "forest": {"n_estimators": 25, "max_depth": None},
    "extra": {"n_estimators": 25, "max_depth": None},
    "sgd": {"loss": "log_loss", "penalty": "l2", "alpha": 1e-6},
}
PARTS = tuple(SETTINGS)  # of the vote
SETTINGS["voting"] = {key: value for part in PARTS for key, value in SETTINGS[part].items()}
TITLES = {
    "svm": "Support vector machine",
    "forest": "Random forest",
    "extra": "Extremely randomised trees",
    "sgd": "Linear model, stochastic gradient descent",
    "voting": "Vote of the four classical models",
}
COMPONENTS = 60  # of the PCA in front of the SVM
# Trees, leaves and features were chosen on held-back training images, for files of one size: 25 trees of 1,000 leaves
# read 98.12 and 97.97 % of them (forest and extra), 50 of 500 98.00 and 97.67 %, 16 of 1,600 98.12 and 97.90 %.
LEAVES = 1000  # at most, of each tree; what keeps a forest's file small
TRIED = {"forest": 45, "extra": 90}  # features that each split is chosen from; random splits need more of them


def pipeline(name: str, settings: dict[str, Any], seed: int) -> Pipeline:
    """Return a model that is not fitted, by name, with all of its settings.

    A vote takes the settings of all its parts. Pictures go in as float32 (n, 784) in 0..1, ink 1.
    """
    if name == "voting":
        own = {part: {key: settings[key] for key in SETTINGS[part]} for part in PARTS}
        parts = [(part, Calibrated(classifier(part, own[part], seed), seed)) for part in PARTS]
        model: Any = Vote(parts, seed)
    else:
        model = Calibrated(classifier(name, settings, seed), seed)
    return Pipeline([("deskew", Deskew()), ("gradients", Gradients()), ("model", model)])


def classifier(name: str, settings: dict[str, Any], seed: int) -> Any:
    """Return the bare classifier behind deskew and gradients, without calibration."""
    if name == "svm":
        svc = SVC(decision_function_shape="ovo", cache_size=1000, **settings)
        return Pipeline([("pca", PCA(COMPONENTS, random_state=seed)), ("svc", svc)])
    if name == "sgd":
        sgd = SGDClassifier(random_state=seed, average=True, max_iter=20, tol=None, n_jobs=-1, **settings)
        return Pipeline([("scale", StandardScaler()), ("sgd", sgd)])
    kind = {"forest": RandomForestClassifier, "extra": ExtraTreesClassifier}[name]
    return kind(random_state=seed, n_jobs=-1, max_leaf_nodes=LEAVES, max_features=TRIED[name], **settings)
