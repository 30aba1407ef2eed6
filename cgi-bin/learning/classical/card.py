"""The card of a scikit-learn model: what it is, what it learnt from, and how sure it has to be."""

from __future__ import annotations

import argparse
import platform
import time
from importlib.metadata import version
from typing import Any

from sklearn.pipeline import Pipeline

from learning.classical.calibrated import UNSURE
from learning.classical.estimators import TITLES
from learning.classical.pictures import Pictures
from learning.data.mnist import SHA256, Mnist, overlap
from learning.data.strokes import StrokeDigits, facts
from reading.cards import DIGITS, Card

# Where the steps of a pipeline keep what they have learnt: PCA and scaling, support vectors, a linear model
LEARNT = ("components_", "mean_", "scale_", "support_vectors_", "dual_coef_", "coef_", "intercept_")


def describe(
    chosen: argparse.Namespace,
    mnist: Mnist,
    strokes: StrokeDigits,
    training: Pictures,
    settings: dict[str, Any],
    model: Pipeline,
) -> Card:
    """Return the part of the card that doesn't depend on how well the model does."""
    packages = ("scikit-learn", "skl2onnx", "onnx", "numpy", "scipy")
    last = model[-1]
    return {
        "name": chosen.model,
        "title": TITLES[chosen.model],
        "input": "deskewed",
        "architecture": architecture(model),
        "parameters": sum(learnt(part.estimator_) for part in parts_of(last)),
        "settings": settings,
        "dataset": _dataset(mnist, training),
        "strokes": facts(strokes),
        "seed": chosen.seed,
        "held_back": len(last.held_back_),
        "on_held_back": {"accuracy": last.held_back_accuracy_},
        "temperature": round(1 / float(last.scale_[0]), 4),
        "unsure": _doubt(last.threshold_),
        "trained": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }


def _dataset(mnist: Mnist, training: Pictures) -> Card:
    return {
        "source": "MNIST" if mnist.sha256 == SHA256 else "not MNIST",
        "train_images": training.originals,
        "variants": len(training.y) - training.originals - training.drawn,
        "sha256": mnist.sha256,
    } | overlap(mnist)


def _doubt(threshold: float) -> Card:
    rule = (
        f"Unsure when the best of the ten scores is below {threshold:.3f}: "
        f"so are {UNSURE:.0%} of the held-back training digits."
    )
    return {"rule": rule, "confidence": min(round(threshold, 6), 0.999999)}  # 1 would doubt everything


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
        return int(2 * splits + DIGITS * leaves)
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
