"""Classifiers whose scores are probabilities, and which know when to be unsure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit, log_softmax, logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import train_test_split

from reading.cards import DIGITS

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


HELD_BACK = 0.1  # share of the training pictures that calibration looks at
UNSURE = 0.03  # share of the held-back pictures, the least sure ones, that count as unsure
TINY = 1e-9  # added to a probability before its logarithm is taken
FLOOR = 1e-3  # added to a forest's share of votes before its logarithm is taken
PAIRS = np.triu_indices(DIGITS, 1)  # the order of the pairwise decisions of an SVM


def _held_back(y: Ints, seed: int) -> tuple[Ints, Ints]:
    """Return the numbers of the pictures to fit with and of those to calibrate with."""
    rows: tuple[Ints, Ints] = train_test_split(np.arange(len(y)), test_size=HELD_BACK, stratify=y, random_state=seed)
    return rows


class _OnHeldBack:
    """Calibration on held-back pictures, from raw scores."""

    def _calibrate(self, raw: Float, y: Ints) -> None:
        self.scale_ = _scale(raw, y)
        self.held_back_ = softmax(_evidence(raw, self.scale_), axis=1)
        self.held_back_accuracy_ = float((self.held_back_.argmax(1) == y).mean())
        self.threshold_ = float(np.quantile(self.held_back_.max(1), UNSURE))


class Calibrated(_OnHeldBack, ClassifierMixin, BaseEstimator):
    """A classifier whose scores are made probabilities, and which knows when to be unsure.

    It is fitted twice. The first fit leaves out a tenth of the training pictures; on these, one or two numbers are
    chosen that make the log loss least (temperature scaling: C. Guo et al. 2017, "On Calibration of Modern Neural
    Networks"). The second fit has all pictures. `threshold_` is a confidence: a share of `UNSURE` of the held-back
    pictures stays below it.
    """

    def __init__(self, estimator: Any = None, seed: int = 0) -> None:
        """Wrap a classifier that is not fitted; `seed` chooses what is held back."""
        self.estimator = estimator
        self.seed = seed

    def fit(self, X: Float, y: Ints, originals: int | None = None) -> Calibrated:
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

    def predict_proba(self, X: Float) -> Float:
        """Return probabilities, float (n, 10)."""
        scores: Float = softmax(_evidence(_raw(self.estimator_, X), self.scale_), axis=1)
        return scores

    def predict(self, X: Float) -> Ints:
        """Return digits, int (n,)."""
        digits: Ints = self.predict_proba(X).argmax(1)
        return digits


def _raw(estimator: Any, X: Float) -> Float:
    """Return raw scores: (n, 45) decision values, one for each pair of digits, or (n, 10), one for each digit."""
    if hasattr(estimator, "decision_function"):
        decisions: Float = estimator.decision_function(X)
        return decisions
    logarithms: Float = np.log(estimator.predict_proba(X) + FLOOR)
    return logarithms


def _evidence(raw: Float, scale: Float) -> Float:
    """Return logits (n, 10) from raw scores and the one or two numbers of their calibration.

    Decision values of pairs become probabilities by a logistic curve. A digit's logit is the logarithm of the product
    of its nine probabilities: a soft vote.
    """
    if raw.shape[1] == DIGITS:
        one_each: Float = raw * scale[0]
        return one_each
    pairs = scale[1] * raw
    first, second = (1.0 * (np.arange(DIGITS) == PAIRS[each][:, None]) for each in (0, 1))  # (45, 10)
    logits: Float = scale[0] * (log_expit(pairs) @ first + log_expit(-pairs) @ second)
    return logits


def _scale(raw: Float, y: Ints) -> Float:
    """Return the one or two positive numbers that make the log loss of these pictures least."""

    def loss(logarithms: Float) -> float:
        logits = _evidence(raw, np.exp(logarithms))
        return float(-log_softmax(logits, axis=1)[np.arange(len(y)), y].mean())

    start = np.zeros(1 if raw.shape[1] == DIGITS else 2)
    scale: Float = np.exp(minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6}).x)
    return scale


class Vote(_OnHeldBack, ClassifierMixin, BaseEstimator):
    """The weighted mean of the probabilities of several `Calibrated` models, calibrated once more.

    The weights are those that make the log loss of the held-back pictures least; no part has seen these then.
    """

    def __init__(self, parts: list[tuple[str, Calibrated]] | None = None, seed: int = 0) -> None:
        """Take the parts by name, not fitted; all must hold the same pictures back, so give all one seed."""
        self.parts = parts
        self.seed = seed

    def fit(self, X: Float, y: Ints, originals: int | None = None) -> Vote:
        """Fit each part, then the weights; as `Calibrated.fit`."""
        self.parts_ = [clone(part).fit(X, y, originals) for _, part in self.parts or []]
        held = y[:originals][_held_back(y[:originals], self.seed)[1]]  # what each part held back
        scores = np.stack([part.held_back_ for part in self.parts_])
        self.weights_ = _weights(scores, held)
        self._calibrate(np.log(self._mean(scores) + TINY), held)
        self.classes_ = np.arange(DIGITS)
        return self

    def _mean(self, scores: Float) -> Float:
        return np.tensordot(self.weights_, scores, 1)

    def predict_proba(self, X: Float) -> Float:
        """Return probabilities, float (n, 10)."""
        raw = np.log(self._mean(np.stack([part.predict_proba(X) for part in self.parts_])) + TINY)
        scores: Float = softmax(_evidence(raw, self.scale_), axis=1)
        return scores

    def predict(self, X: Float) -> Ints:
        """Return digits, int (n,)."""
        digits: Ints = self.predict_proba(X).argmax(1)
        return digits


def _weights(scores: Float, y: Ints) -> Float:
    """Return weights (parts,) that sum to 1, from the parts' probabilities (parts, n, 10)."""
    right = np.log(scores[:, np.arange(len(y)), y] + TINY)  # (parts, n)

    def loss(logits: Float) -> float:
        return float(-logsumexp(log_softmax(logits)[:, None] + right, axis=0).mean())

    weights: Float = softmax(minimize(loss, np.zeros(len(scores)), method="Nelder-Mead").x)
    return weights
