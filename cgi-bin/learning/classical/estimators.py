"""The scikit-learn models: support vectors, forests, a linear model, and a vote of them all.

Every model is a pipeline whose preprocessing is part of it:

    deskew      upright digits (`deskew.py`, which serving runs in front of the exported model)
    gradients   where ink begins and ends, in eight directions, averaged over overlapping windows
    model       the classifier itself, calibrated: its scores are probabilities

It is exported to ONNX without its first step. Nothing is ever pickled.
"""

from __future__ import annotations

from typing import Any

from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from learning.classical.calibrated import Calibrated, Vote
from learning.classical.features import Deskew, Gradients

SETTINGS: dict[str, dict[str, Any]] = {
    "svm": {"C": 3.0, "gamma": "scale", "kernel": "rbf", "degree": 3},
    "forest": {"n_estimators": 25, "max_depth": None},
    "extra": {"n_estimators": 25, "max_depth": None},
    "sgd": {"loss": "log_loss", "penalty": "l2", "alpha": 1e-6},
}
PARTS = tuple(SETTINGS)  # of the vote
# Half of a forest's trees: the search finds no difference, and an idle server holds 9 MB less.
SETTINGS["voting"] = {key: value for part in PARTS for key, value in SETTINGS[part].items()} | {"n_estimators": 12}
TITLES = {
    "svm": "Support vector machine",
    "forest": "Random forest",
    "extra": "Extremely randomised trees",
    "sgd": "Linear model, stochastic gradient descent",
    "voting": "Vote of the four classical models",
}
# Losses of regression, each digit against the others: with the usual rate, which starts high, their weights grow
# beyond all bounds on 512 features.
REGRESSION = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")
SLOW: dict[str, Any] = {"learning_rate": "invscaling", "eta0": 0.001}
COMPONENTS = 60  # of the PCA in front of the SVM
# Trees, leaves and features were chosen on held-back training images, for files of one size: 25 trees of 1,000 leaves
# read 98.12 and 97.97 % of them (forest and extra), 50 of 500 98.00 and 97.67 %, 16 of 1,600 98.12 and 97.90 %.
LEAVES = 1000  # at most, of each tree; what keeps a forest's file small
TRIED = {"forest": 45, "extra": 90}  # features that each split is chosen from; random splits need more of them


def pipeline(name: str, settings: dict[str, Any], seed: int) -> Pipeline:
    """Return a model that is not fitted, by name, with all of its settings.

    A vote takes the settings of all its parts. Pictures go in as float32 (n, 784) in 0..1, ink 1.
    """
    bare = classifier(name, settings, seed)
    model = bare if name == "voting" else Calibrated(bare, seed)
    return Pipeline([("deskew", Deskew()), ("gradients", Gradients()), ("model", model)])


def classifier(name: str, settings: dict[str, Any], seed: int) -> Any:
    """Return the bare classifier behind deskew and gradients, without calibration; only a vote's parts have theirs."""
    if name == "voting":
        own = {part: {key: settings[key] for key in SETTINGS[part]} for part in PARTS}
        return Vote([(part, Calibrated(classifier(part, own[part], seed), seed)) for part in PARTS], seed)
    if name == "svm":
        svc = SVC(decision_function_shape="ovo", cache_size=1000, **settings)
        return Pipeline([("pca", PCA(COMPONENTS, random_state=seed)), ("svc", svc)])
    if name == "sgd":
        rate = SLOW if settings["loss"] in REGRESSION else {}
        sgd = SGDClassifier(random_state=seed, average=True, max_iter=20, tol=None, n_jobs=-1, **rate, **settings)
        return Pipeline([("scale", StandardScaler()), ("sgd", sgd)])
    kind = {"forest": RandomForestClassifier, "extra": ExtraTreesClassifier}[name]
    return kind(random_state=seed, n_jobs=-1, max_leaf_nodes=LEAVES, max_features=TRIED[name], **settings)
