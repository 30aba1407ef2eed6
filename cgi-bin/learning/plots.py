"""Pictures of a training run, as PNG files: learning curve, confusion matrix, digit by digit, misread digits.

matplotlib is used without a display. Each file is written beside its place and then moved there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from learning.figures import by_confidence
from learning.replacing import replacing

if TYPE_CHECKING:
    from reading.arrays import Bools, Float, Ints

DPI = 120
LEAST_IN_BIN = 20  # answers, in a bin of a reliability diagram
BLUE, ORANGE, GREY = "#2563ab", "#d9730d", "#8a8f98"


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Give a figure of that many inches; save it as PNG when the block ends well."""
    # A Figure of its own, without pyplot, needs no display and leaves no state behind.
    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=DPI)


def learning_curve(history: list[dict[str, Any]], path: Path) -> None:
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


def _line(axes: mpl.axes.Axes, history: list[dict[str, Any]], key: str, label: str, color: str) -> None:
    rows = [row for row in history if row.get(key) is not None]
    scale = 100 if "accuracy" in key else 1
    epochs, values = [row["epoch"] for row in rows], [scale * row[key] for row in rows]
    axes.plot(epochs, values, label=label, color=color, marker=".")


def reliability(answers: dict[str, tuple[Float, Bools]], path: Path) -> None:
    """Draw how often answers of each confidence are right, a line each (DeGroot and Fienberg, 1983).

    `answers` has confidence (n,) in 0..1 and whether right (n,) by name. Bins of less than 20 answers are left out.
    """
    with _figure(path, 5.2, 4.6) as figure:
        axes = figure.subplots()
        axes.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle="--", label="as sure as right")
        for (name, (confidence, right)), colour in zip(answers.items(), (BLUE, ORANGE, "#3d7a3d"), strict=False):
            count, said, true = by_confidence(confidence, right, 10)
            enough = count >= LEAST_IN_BIN
            axes.plot(100 * said[enough], 100 * true[enough], marker="o", color=colour, label=name)
        axes.set(xlabel="confidence (%)", ylabel="accuracy (%)", xlim=(0, 100), ylim=(0, 100))
        axes.legend(loc="upper left", frameon=False)
        axes.grid(alpha=0.3)


def confusion_matrix(matrix: Ints, path: Path) -> None:
    """Draw int (10, 10), a row for each label and a column for each answer; the diagonal is left pale.

    Raises OSError if `path` can't be written, as all of these.
    """
    wrong = matrix - np.diag(np.diag(matrix))
    with _figure(path, 6.4, 5.6) as figure:
        axes = figure.subplots()
        # Colour shows mistakes only: next to a thousand right answers they would all look alike.
        image = axes.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(1, wrong.max()))
        _count_cells(axes, matrix, wrong)
        axes.set(xlabel="answer", ylabel="label", xticks=range(10), yticks=range(10))
        figure.colorbar(image, label="misread pictures")


def _count_cells(axes: mpl.axes.Axes, matrix: Ints, wrong: Ints) -> None:
    for (row, column), count in np.ndenumerate(matrix):
        color = "white" if wrong[row, column] > wrong.max() / 2 else GREY if row == column else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=9)


def digit_bars(matrix: Ints, path: Path) -> None:
    """Draw precision and recall of each digit as bars, from the matrix that `confusion_matrix` draws."""
    right = np.diag(matrix)
    bars = {"recall": right / np.maximum(matrix.sum(1), 1), "precision": right / np.maximum(matrix.sum(0), 1)}
    with _figure(path, 8, 3.6) as figure:
        axes = figure.subplots()
        for place, (name, shares), color in zip((-0.2, 0.2), bars.items(), (BLUE, ORANGE), strict=True):
            axes.bar(np.arange(10) + place, 100 * shares, 0.4, label=name, color=color)
        lowest = 100 * min(shares.min() for shares in bars.values())
        axes.set(xlabel="digit", ylabel="%", xticks=range(10), ylim=(max(0, 1.5 * lowest - 51), 100))
        axes.legend(loc="lower right", ncols=2)


def misread(pictures: Float, y: Ints, scores: Float, path: Path) -> None:
    """Draw up to 40 misread pictures (n, 28, 28), the most confident mistakes first, with label and answer."""
    wrong = np.flatnonzero(scores.argmax(1) != y)
    wrong = wrong[np.argsort(-scores[wrong].max(1), kind="stable")][:40]
    with _figure(path, 9, 6) as figure:
        cells = figure.subplots(5, 8).ravel()
        for cell in cells:
            cell.axis("off")
        for cell, number in zip(cells, wrong, strict=False):
            cell.imshow(pictures[number], cmap="gray_r")
            answer, sure = scores[number].argmax(), scores[number].max()
            cell.set_title(f"{y[number]}, read as {answer} ({sure:.0%})", fontsize=7)


def heat_map(candidates: list[dict[str, Any]], path: Path) -> None:
    """Draw the accuracy of a grid search over its two settings; a row holds these and "accuracy" in 0..1."""
    across, down = [name for name in candidates[0] if name not in ("accuracy", "deviation")]
    columns = list(dict.fromkeys(row[across] for row in candidates))
    rows = list(dict.fromkeys(row[down] for row in candidates))
    table = np.full((len(rows), len(columns)), np.nan)
    for row in candidates:
        table[rows.index(row[down]), columns.index(row[across])] = 100 * row["accuracy"]
    with _figure(path, 1.6 + 1.3 * len(columns), 1.6 + 0.7 * len(rows)) as figure:
        axes = figure.subplots()
        image = axes.imshow(table, cmap="Blues", aspect="auto")
        for (y, x), percent in np.ndenumerate(table):
            color = "white" if percent > (table.min() + table.max()) / 2 else "black"
            axes.text(x, y, f"{percent:.2f}", ha="center", va="center", color=color)
        axes.set(xlabel=across, ylabel=down)
        axes.set_xticks(range(len(columns)), [str(value) for value in columns])
        axes.set_yticks(range(len(rows)), [str(value) for value in rows])
        figure.colorbar(image, label="accuracy (%)")
