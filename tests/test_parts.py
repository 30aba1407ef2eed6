"""Connected parts are those that a flood fill finds, whatever their shape."""

import numpy as np
import pytest

from reading.parts import label


def filled(mask: np.ndarray) -> tuple[list[list[int]], int]:
    """The same numbers as `label`, by walking from each pixel of a new part to its neighbours."""
    numbers, count = np.zeros(mask.shape, int), 0
    for place in np.argwhere(mask):
        if not numbers[tuple(place)]:
            count, left = count + 1, [tuple(place)]
            while left:
                row, column = left.pop()
                if mask[row, column] and not numbers[row, column]:
                    numbers[row, column] = count
                    rows = range(max(row - 1, 0), min(row + 2, mask.shape[0]))
                    columns = range(max(column - 1, 0), min(column + 2, mask.shape[1]))
                    left += [(beside, across) for beside in rows for across in columns]
    return numbers.tolist(), count


@pytest.mark.parametrize("density", [0.05, 0.2, 0.4, 0.6, 0.9])
def test_parts_of_random_masks_are_numbered_in_reading_order(density: float) -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        mask = random.random(random.integers(1, 12, 2)) < density
        labels, count = label(mask)
        assert (labels.tolist(), count) == filled(mask)


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        (["...", "..."], 0),
        (["#.#", "#.#", ".#."], 1),  # two runs in the first row, joined below
        (["#.#", ".#.", "#.#"], 1),  # corner to corner
        (["..#", "...", "#.."], 2),
        (["..#", "#.."], 2),  # a row's end and the next row's beginning are no neighbours
        (["###", "..#", "#.#"], 2),  # what begins below, beside what goes on
        (["#####", "#...#", "#.#.#", "#...#", "#####"], 2),  # inside a ring
    ],
)
def test_parts_are_told_apart(rows: list[str], count: int) -> None:
    mask = np.array([[mark == "#" for mark in row] for row in rows])
    labels, found = label(mask)
    assert found == count
    assert (labels.tolist(), found) == filled(mask)
