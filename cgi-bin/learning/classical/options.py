"""The command line of the scikit-learn models."""

from __future__ import annotations

import argparse
from typing import Any

from learning.arguments import positive, whole
from learning.classical.estimators import REGRESSION, SETTINGS


def gamma(text: str) -> float | str:
    """What SVC takes as gamma, for argparse."""
    return text if text in ("scale", "auto") else positive(text)


LOSSES = ["log_loss", "hinge", "modified_huber", "squared_hinge", "perceptron", *REGRESSION]


def loss(text: str) -> str:
    """What SGDClassifier takes as loss, for argparse; `log` is what log_loss was called once."""
    return "log_loss" if text == "log" else text


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
        {"choices": LOSSES, "type": loss, "metavar": "LOSS"},
        f"what a wrong score costs, one of {', '.join(LOSSES)}",
    ),
    ("penalty", ["-P", "--penalty"], {"choices": ["l2", "l1", "elasticnet"]}, "what large weights cost"),
    ("alpha", ["-A", "--alpha"], {"type": positive, "metavar": "A"}, "weight of the penalty"),
]
NAMES = {flags[-1]: name for name, flags, _, _ in OPTIONS}  # of the setting that a flag is for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the scikit-learn models."""
    group = parser.add_argument_group("scikit-learn models", "An option names the models that have it.")
    add = group.add_argument
    add("-V", "--validation", action="store_true", help="report on a tenth of the training images, kept apart")
    add("-g", "--gridsearch", action="store_true", help="choose settings by cross-validation, overriding single ones")
    add("--subset", type=whole, metavar="N", help="train on N training images, chosen at random (default: all)")
    for name, flags, details, text in OPTIONS:
        usual = {model: settings[name] for model, settings in SETTINGS.items() if name in settings}
        add(*flags, dest=name, help=f"{text}: {', '.join(usual)} (default: {_told(usual)})", **details)


def _told(usual: dict[str, Any]) -> str:
    """A setting's usual value, and of which models it is another one."""
    first, *others = ("no limit" if value is None else str(value) for value in usual.values())
    exceptions = [f", {model} {value}" for model, value in zip(list(usual)[1:], others, strict=True) if value != first]
    return first + "".join(exceptions)


def flags(model: str) -> list[str]:
    """Return the long flags that only concern how a scikit-learn model is trained, of those that `model` has."""
    own = [flags[-1] for name, flags, _, _ in OPTIONS if name in SETTINGS[model]]
    return ["--validation", "--subset", "--gridsearch", *own]


def settings_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the chosen model: its usual ones, and those of the command line in their place."""
    given = {name: getattr(chosen, name) for name in SETTINGS[chosen.model]}
    return SETTINGS[chosen.model] | {name: value for name, value in given.items() if value is not None}
