"""How far to believe the CNN: its temperature, and when to doubt it, from digits that it has not learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.augment.not_digits import NOT_A_DIGIT
from reading.cards import Card

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


CONFIDENCE_SHARE = 0.9  # of the digits that may be marked unsure, those that are so for their low confidence


def best_temperature(logits: Float, labels: Ints) -> float:
    """The temperature of least cross entropy for (n, 10) logits (Guo et al., 2017), between 0.3 and 3."""
    candidates = np.exp(np.linspace(np.log(0.3), np.log(3), 400))
    costs = []
    for temperature in candidates:
        scaled = logits / temperature
        top = scaled.max(1, keepdims=True)
        log_sum = np.log(np.exp(scaled - top).sum(1)) + top[:, 0]
        costs.append((log_sum - scaled[np.arange(len(labels)), labels]).mean())
    return float(candidates[int(np.argmin(costs))])


def doubt(digits: Float, share: float) -> Card:
    """The rule by which an answer counts as unsure, from probabilities (n, 11) of digits that the network can read.

    Two thresholds together mark about `share` of them. Most of that goes to low confidence, because most wrong
    answers are seen there; the rest is enough for the eleventh output to catch what is no digit.
    """
    low, odd = CONFIDENCE_SHARE * share, (1 - CONFIDENCE_SHARE) * share
    ten = digits[:, :10] / digits[:, :10].sum(1, keepdims=True)
    confidence = float(np.quantile(ten.max(1), low))
    foreign = float(np.quantile(digits[:, NOT_A_DIGIT], 1 - odd))
    rule = (
        f"Unsure when the best of the ten scores is below {confidence:.3f} (so are {low:.2%} of held-back digits, "
        f"scanned and drawn) or the eleventh output, 'not a digit', above {foreign:.3f} ({odd:.2%})."
    )
    return {"rule": rule, "confidence": round(confidence, 4), "foreign": round(foreign, 4)}
