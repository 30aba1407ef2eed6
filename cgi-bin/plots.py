"""Pictures of a training run, as PNG files: learning curve, confusion matrix, digit by digit, misread digits.

matplotlib is used without a display. Each file is written beside its place and then moved there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

DPI = 120
BLUE, ORANGE, GREY = "#2563ab", "#d9730d", "#8a8f98"


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Give a figure of that many inches; save it as PNG when the block ends well."""
    # A Figure of its own, without pyplot, needs no display and leaves no state behind.
    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(part, format="png", dpi=DPI)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def learning_curve(history: list[dict], path: Path) -> None:
    """Draw loss and accuracy over the epochs.

    `history` has a row for each epoch with the keys epoch (from 1), loss, accuracy and val_accuracy (0..1);
    a value may be missing or None. Raises OSError if `path` can't be written.
    """
    with _figure(path, 9, 3.6) as figure:
        left, right = figure.subplots(1, 2)
        _line(left, history, "loss", "training", BLUE)
        left.set(xlabel="epoch", ylabel="loss (cross entropy)")
        _line(right, history, "accuracy", "training", BLUE)
        _line(right, history, "val_accuracy", "held back", ORANGE)
        right.set(xlabel="epoch", ylabel="accuracy (%)")
        right.legend(loc="lower right", frameon=False)
        for axes in (left, right):
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)


def _line(axes: mpl.axes.Axes, history: list[dict], key: str, label: str, color: str) -> None:
    rows = [row for row in history if row.get(key) is not None]
    scale = 100 if "accuracy" in key else 1
    epochs, values = [row["epoch"] for row in rows], [scale * row[key] for row in rows]
    axes.plot(epochs, values, label=label, color=color, marker=".")
