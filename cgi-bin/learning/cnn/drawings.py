"""The CSV file of labelled drawings that the page exports.

It has the format of Kaggle's digit competition, a row a drawing, `label,pixel0,...,pixel783`: the label 0..9 and the
pixels 0..255, ink 255.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from learning.errors import BadDataset

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints


COLUMNS = ["label", *(f"pixel{i}" for i in range(784))]


def read(path: Path) -> tuple[Bytes, Ints]:
    """Read a CSV file of labelled drawings: uint8 (n, 28, 28) and int64 (n,). Raises BadDataset."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{path} can't be read as CSV: {error}") from error
    except ValueError as error:  # no header to unpack
        raise BadDataset(f"{path} is empty.") from error
    if header != COLUMNS:
        raise BadDataset(f"{path} should begin with the line label,pixel0,...,pixel783, as the page exports it.")
    numbers = np.array([_row(path, line, row) for line, row in enumerate(rows, 2)], np.int64).reshape(-1, 785)
    if len(numbers) < 2:
        raise BadDataset(
            f"{path} has {len(numbers)} drawings; at least two are needed to learn from one and test another."
        )
    return numbers[:, 1:].astype(np.uint8).reshape(-1, 28, 28), numbers[:, 0]


def _row(path: Path, line: int, row: list[str]) -> list[int]:
    if len(row) != 785 or not all(text.isdecimal() for text in row):
        raise BadDataset(f"{path}, line {line}: 785 whole numbers are expected.")
    numbers = [int(text) for text in row]
    if numbers[0] > 9 or max(numbers[1:]) > 255:
        raise BadDataset(f"{path}, line {line}: a label is 0 to 9, a pixel 0 to 255.")
    return numbers
