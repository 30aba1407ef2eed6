"""What the scikit-learn models see of a picture, as steps of a pipeline: upright digits, and ink gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from reading import deskew, gradients

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


SIDE = 28


class Deskew(TransformerMixin, BaseEstimator):
    """Set digits upright: float32 (n, 784) in 0..1, ink 1, to the same; see `deskew.deskew`."""

    def fit(self, X: Float, y: Ints | None = None) -> Deskew:
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that there is nothing to learn."""
        return True

    def transform(self, X: Float) -> Float:
        """Return the upright pictures, float32 (n, 784)."""
        return deskew.deskew(X.reshape(-1, SIDE, SIDE)).reshape(len(X), -1)


class Gradients(TransformerMixin, BaseEstimator):
    """Directed edges, averaged over windows: float32 (n, 784) in 0..1 to float32 (n, 512) in 0..1; see `gradients`."""

    def fit(self, X: Float, y: Ints | None = None) -> Gradients:
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn that there is nothing to learn."""
        return True

    def transform(self, X: Float) -> Float:
        """Return the averages, by direction, then row and column of the window."""
        batches = np.array_split(X.reshape(-1, SIDE, SIDE), max(1, len(X) // deskew.BATCH))
        return np.concatenate([gradients.of(batch).reshape(len(batch), -1) for batch in batches])
