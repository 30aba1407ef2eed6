"""The CSV file of labelled drawings that the page exports.

It has the format of Kaggle's digit competition, a row a drawing, `label,pixel0,...,pixel783`: the label 0..9 and the
pixels 0..255, ink 255. A table program may have saved it again, with semicolons or tabs, and with empty lines.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from learning.errors import BadDataset

if TYPE_CHECKING:
    from reading.arrays import Bytes, Ints


SEPARATORS = ",;\t"
MOST = 2**28  # characters: more than 100,000 drawings
COLUMNS = ["label", *(f"pixel{i}" for i in range(784))]


def read(path: Path) -> tuple[Bytes, Ints]:
    """Read a CSV file of labelled drawings: uint8 (n, 28, 28) and int64 (n,). Raises BadDataset."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            text = file.read(MOST + 1)
        if len(text) > MOST:
            raise BadDataset(f"{path} is longer than {MOST // 2**20} MiB; so many drawings are not learnt from.")
        header, *rows = _lines(text)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{path} can't be read as CSV: {error}") from error
    except ValueError as error:  # no header to unpack
        raise BadDataset(f"{path} is empty.") from error
    if [name.strip() for name in header[1]] != COLUMNS:
        raise BadDataset(f"{path} should begin with the line label,pixel0,...,pixel783, as the page exports it.")
    numbers = np.array([_row(path, line, row) for line, row in rows], np.int64).reshape(-1, 785)
    if len(numbers) < 2:
        raise BadDataset(
            f"{path} has {len(numbers)} drawings; at least two are needed to learn from one and test another."
        )
    return numbers[:, 1:].astype(np.uint8).reshape(-1, 28, 28), numbers[:, 0]


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """The number of each line that is not empty, and its cells; Excel separates these as the language's lists are."""
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]


def _row(path: Path, line: int, row: list[str]) -> list[int]:
    cells = [text.strip() for text in row]
    if len(cells) != 785 or not all(text.isascii() and text.isdecimal() for text in cells):
        raise BadDataset(f"{path}, line {line}: 785 whole numbers are expected.")
    # More digits than 255 has are too many, and of thousands of digits Python makes no number.
    numbers = [int(text) if len(text) <= 3 else 256 for text in cells]
    if numbers[0] > 9 or max(numbers[1:]) > 255:
        raise BadDataset(f"{path}, line {line}: a label is 0 to 9, a pixel 0 to 255.")
    return numbers
