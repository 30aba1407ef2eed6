"""The figures that every card and benchmark states in the same way; numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reading.cards import Card

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints


def calibration_error(confidence: Float, right: Bools, bins: int = 15) -> float:
    """Expected calibration error, 0..1: mean gap between confidence and accuracy over equally wide bins.

    `confidence` float (n,) in 0..1, `right` bool (n,). Naeini et al. (2015); Guo et al. (2017).
    """
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(which, confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def on_test_set(scores: Float, y: Ints) -> Card:
    """The part of a card that says how well scores (n, 10) fit labels (n,)."""
    right = scores.argmax(1) == y
    return {
        "accuracy": float(right.mean()),
        "test_images": len(y),
        "test_errors": int((~right).sum()),
        "calibration_error": round(calibration_error(scores.max(1), right), 5),
    }
