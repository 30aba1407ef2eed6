"""How well a model does, in numbers and pictures, from its scores."""

from pathlib import Path

import numpy as np
from sklearn.metrics import classification_report, confusion_matrix

from learning.errors import BadSetting


def metrics(title: str, y: np.ndarray, scores: np.ndarray) -> str:
    """Return a classification report and a confusion matrix, for labels (n,) and scores (n, 10).

    `title` names the pictures: "10,000 test images".
    """
    answers = scores.argmax(1)
    table = classification_report(y, answers, labels=range(10), digits=4, zero_division=0)
    return f"Report on {title}\n\n{table}\nConfusion matrix: a row for each label, a column for each answer\n\n" + (
        _table(confusion(y, answers))
    )


def confusion(y: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return int (10, 10): how many pictures of the label (row) were read as the answer (column)."""
    return confusion_matrix(y, answers, labels=range(10))


def _table(matrix: np.ndarray) -> str:
    head = "     " + "".join(f"{digit:6d}" for digit in range(10))
    rows = [f"{digit:5d}" + "".join(f"{count:6d}" for count in row) for digit, row in enumerate(matrix)]
    return "\n".join([head, *rows])


def save_plots(folder: Path, X: np.ndarray, y: np.ndarray, scores: np.ndarray, search: dict | None = None) -> None:
    """Save plots of how pictures (n, 784) in 0..1 with labels (n,) were scored, and of a grid search if there was one.

    Raises BadSetting if the folder can't be written.
    """
    from learning import plots

    matrix = confusion(y, scores.argmax(1))
    try:
        plots.confusion_matrix(matrix, folder / "confusion.png")
        plots.digit_bars(matrix, folder / "digits.png")
        plots.misread(X.reshape(-1, 28, 28), y, scores, folder / "misread.png")
        if search:
            plots.heat_map(search["candidates"], folder / "search.png")
    except OSError as error:
        raise BadSetting(f"Can't save plots in {folder}: {error.strerror}.") from error
