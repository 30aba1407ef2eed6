"""How well a model does, in numbers and pictures, from its scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.metrics import classification_report, confusion_matrix

from reading.cards import Card
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Float, Ints


PLOTS = ("confusion.png", "digits.png", "misread.png", "search.png")


def metrics(title: str, y: Ints, scores: Float) -> str:
    """Return a classification report and a confusion matrix, for labels (n,) and scores (n, 10).

    `title` names the pictures: "10,000 test images".
    """
    answers = scores.argmax(1)
    table = classification_report(y, answers, labels=range(10), digits=4, zero_division=0)
    return f"Report on {title}\n\n{table}\nConfusion matrix: a row for each label, a column for each answer\n\n" + (
        _table(confusion(y, answers))
    )


def confusion(y: Ints, answers: Ints) -> Ints:
    """Return int (10, 10): how many pictures of the label (row) were read as the answer (column)."""
    matrix: Ints = confusion_matrix(y, answers, labels=range(10))
    return matrix


def _table(matrix: Ints) -> str:
    head = "     " + "".join(f"{digit:6d}" for digit in range(10))
    rows = [f"{digit:5d}" + "".join(f"{count:6d}" for count in row) for digit, row in enumerate(matrix)]
    return "\n".join([head, *rows])


def save_plots(folder: Path, X: Float, y: Ints, scores: Float, search: Card | None = None) -> None:
    """Save plots of how pictures (n, 784) in 0..1 with labels (n,) were scored, and of a grid search if there was one.

    Raises BadSetting if the folder can't be written.
    """
    from learning import plots

    matrix = confusion(y, scores.argmax(1))
    places = [folder / name for name in PLOTS]
    try:
        plots.confusion_matrix(matrix, places[0])
        plots.digit_bars(matrix, places[1])
        plots.misread(X.reshape(-1, 28, 28), y, scores, places[2])
        if search:
            plots.heat_map(search["candidates"], places[3])
    except OSError as error:
        raise BadSetting(f"Can't save plots in {folder}: {error.strerror}.") from error
