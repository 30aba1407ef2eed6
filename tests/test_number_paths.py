"""What the candidates of a row cost, and the best path through them, compared with every path there is."""

import numpy as np
import pytest

from reading.numbers import lattice, path
from reading.numbers.lattice import Candidate, Row
from test_number_lattice import block, row_of

# --- what they cost ---------------------------------------------------------------------------------


def outputs(*rows: list[float]) -> np.ndarray:
    return np.array(rows, float)


def test_what_a_model_says_of_candidates_is_a_sum_of_logarithms() -> None:
    sure = [0.0] * 9 + [1.0]
    half = [0.5, *[0.0] * 9]
    assert path.said(outputs(sure, half), np.array([3, 3])) == pytest.approx(
        np.array([[0, 0, 0], [np.log(2), 2 * np.log(2), 0]])
    )
    foreign = [*half[:9], 0.25, 0.25]
    found = path.said(outputs(foreign, [*sure[:9], 0.5, 0.5], [0] * 10 + [1]), np.array([1, 2, 3]))
    assert found[0] == pytest.approx([np.log(1.5), 0, np.log(4 / 3)])
    assert found[1] == pytest.approx([0, 0, np.log(2)])
    assert found[2] == pytest.approx(np.log(1e6) * np.array([1, 2, 1]))
    assert path.said(outputs([1.2, *[0.0] * 9]), np.array([1]))[0].tolist() == [0, 0, 0]


def test_the_terms_of_a_candidate_are_in_their_order() -> None:
    row = row_of(block(0, 0, 20, 100), block(20, 0, 20, 100), high=100)
    said, whole = outputs(*[[0.5] + [0.0] * 9] * 3), np.array([1, 0.25, 0])
    found = path.terms(row, said, whole)
    assert found.shape == (3, len(path.TERMS)) == (3, 14)
    two = np.log(2)
    expected = [[two, 0, 0, 0, 1], [two, two, 0, 2 * two, 1], [two, 0, 0, np.log(100), 1]]
    assert found[:, :5] == pytest.approx(np.array(expected))
    assert found[:, 5:].tolist() == [one.geometry for one in row.candidates]
    in_parts = path.geometry(row) + path.cost_of_digit(said, np.array([1, 2, 1])) + path.cost_of_whole(whole)
    assert found @ list(path.WEIGHTS.values()) == pytest.approx(in_parts)


def test_a_sign_costs_nothing() -> None:
    row = row_of(block(0, 0, 20, 100), block(30, 90, 9, 9, sign="."), block(50, 0, 20, 100))
    assert path.geometry(row)[1] == 0
    assert path.geometry(row)[0] == path.WEIGHTS["single"]


ONE = np.array([1.0] + [0.0] * 9)


def test_all_ink_as_one_digit_costs_its_width_and_its_units() -> None:
    least = path.WEIGHTS["single"] - path.FAVOUR
    square = row_of(block(0, 0, 50, 100), block(50, 0, 50, 100))
    assert path.cost_of_one([square], ONE, 1) == pytest.approx(least)
    wide = row_of(block(10, 20, 60, 100), block(110, 20, 100, 100))
    assert path.cost_of_one([wide], ONE, 1) == pytest.approx(path.WIDE / 2 + least)
    below = row_of(block(30, 130, 50, 90))
    assert path.cost_of_one([wide, below], ONE, 1) == pytest.approx(least)
    shifted = row_of(block(250, 130, 70, 70))
    assert path.cost_of_one([wide, shifted], ONE, 1) == pytest.approx(path.WIDE * (310 / 180 - 1.5) + least)
    many = row_of(*(block(10 * at, 0, 10, 100) for at in range(7)))
    half = ONE / 2
    assert path.cost_of_one([many], half, 1) == pytest.approx(path.cost_of_digit(half[None], np.array([5]))[0] + least)
    assert path.cost_of_one([square], half, 0.5) == pytest.approx(
        path.cost_of_digit(half[None], np.array([2]))[0] + path.WEIGHTS["whole"] * np.log(2) + least
    )


def test_what_has_a_sign_or_ink_far_apart_is_not_one_digit() -> None:
    digit, sign = block(0, 0, 50, 100), block(70, 90, 9, 9, sign=".")
    assert path.cost_of_one([row_of(digit, sign)], ONE, 1) == np.inf
    assert path.cost_of_one([row_of(digit), row_of(block(0, 200, 50, 100))], ONE, 1) == np.inf
    assert path.cost_of_one([row_of(digit), row_of(block(0, 102, 50, 100), sign)], ONE, 1) == np.inf
    assert path.cost_of_one([row_of(digit, block(95, 0, 50, 100))], ONE, 1) < np.inf
    assert path.cost_of_one([row_of(digit, block(96, 0, 50, 100))], ONE, 1) == np.inf


# --- the best path ----------------------------------------------------------------------------------


def latticed(units: int, most: int, missing: tuple[int, int] = (9, 9)) -> Row:
    """A row in which each span of so many units is a candidate, but for one."""
    spans = [(first, first + count) for first in range(units) for count in range(1, most + 1) if first + count <= units]
    pieces = [block(10 * at, 0, 9, 9) for at in range(units)]
    nothing = [0.0] * len(lattice.GEOMETRY)
    found = [Candidate(*span, 1, pieces[slice(*span)], nothing) for span in spans if span != missing]
    return Row(pieces, 9, units, units + 1, found)


def every_path(row: Row, at: int = 0) -> list[list[int]]:
    """Each way from a place to the end, as numbers of candidates."""
    if at == row.places - 1:
        return [[]]
    return [
        [number, *rest]
        for number, one in enumerate(row.candidates)
        if one.first == at
        for rest in every_path(row, one.last)
    ]


ROWS = [latticed(1, 1), latticed(2, 2), latticed(3, 3), latticed(4, 2), latticed(4, 3, (0, 1)), latticed(3, 1)]


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("seed", range(4))
def test_the_best_path_is_the_cheapest_of_all(row: Row, seed: int) -> None:
    cost = np.random.default_rng(seed).integers(-40, 100, len(row.candidates)) / 8 + np.arange(len(row.candidates)) / 64
    ways = sorted((float(cost[way].sum()), way) for way in every_path(row))
    (least, chosen), (then, other) = [*ways, (np.inf, [])][:2]
    assert path.best(row, cost) == (chosen, least, then - least, other)
    through = [min([spent for spent, way in ways if at in way], default=np.inf) for at in range(len(row.candidates))]
    assert path.through(row, cost).tolist() == through


def test_where_there_is_no_path_it_costs_without_end() -> None:
    row = latticed(3, 1)
    cost = np.array([1, np.inf, 2])
    assert path.best(row, cost).cost == np.inf
    assert path.through(row, cost).tolist() == [np.inf] * 3
    with pytest.raises(ValueError, match="zip"):
        path.through(row, np.zeros(1))
    without = row._replace(candidates=row.candidates[:2])
    assert path.best(without, np.zeros(2)) == ([], np.inf, np.inf, [])


@pytest.mark.parametrize(("margin", "doubted"), [(np.log(3), set()), (np.log(3) - 0.01, {2, 5}), (0, {2, 5})])
def test_a_path_is_doubted_if_the_next_one_is_a_third_as_likely(margin: float, doubted: set[int]) -> None:
    assert path.Path([1, 2, 5], 1.0, float(margin), [1, 3, 4]).doubted == doubted
