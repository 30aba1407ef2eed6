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
    count, said, true = by_confidence(confidence, right, bins)
    return float(np.abs(count * (said - true)).sum() / len(confidence))


def by_confidence(confidence: Float, right: Bools, bins: int = 15) -> tuple[Ints, Float, Float]:
    """How many answers there are in each of `bins` equally wide bins, their mean confidence, and their accuracy.

    int, float and float (bins,); mean and accuracy are 0 in an empty bin.
    """
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(which, minlength=bins)
    said, true = (np.bincount(which, values, minlength=bins) / np.maximum(count, 1) for values in (confidence, right))
    return count, said, true


def on_test_set(scores: Float, y: Ints) -> Card:
    """The part of a card that says how well scores (n, 10) fit labels (n,)."""
    right = scores.argmax(1) == y
    return {
        "accuracy": float(right.mean()),
        "test_images": len(y),
        "test_errors": int((~right).sum()),
        "calibration_error": round(calibration_error(scores.max(1), right), 5),
    }
