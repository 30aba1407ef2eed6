"""Everything that is raised on purpose: each exception class has a status of HTTP, and is found by its name."""

import re
from collections.abc import Iterator

import pytest

import learning.errors  # noqa: F401  (so that its classes are there)
import serving.errors
from reading.errors import Problem


def below(base: type[Problem]) -> Iterator[type[Problem]]:
    """The class and all that are derived from it."""
    yield base
    for each in base.__subclasses__():
        yield from below(each)


CLASSES = list(below(Problem))


def test_the_problems_of_all_three_packages_are_looked_at() -> None:
    assert {each.__module__ for each in CLASSES} >= {"reading.errors", "serving.errors", "learning.errors"}


@pytest.mark.parametrize("problem", CLASSES, ids=lambda each: each.__name__)
def test_each_problem_has_the_status_line_of_a_failure(problem: type[Problem]) -> None:
    assert re.fullmatch(r"[45]\d\d [A-Z][A-Za-z ]+", problem.status)


@pytest.mark.parametrize("problem", CLASSES, ids=lambda each: each.__name__)
def test_each_problem_is_found_by_its_name(problem: type[Problem]) -> None:
    assert serving.errors.named(problem.__name__) is problem


def test_no_two_problems_share_a_name() -> None:
    names = [each.__name__ for each in CLASSES]
    assert sorted(set(names)) == sorted(names)


def test_a_name_that_no_problem_has_stands_for_a_mistake_of_the_server() -> None:
    assert serving.errors.named("ValueError") is Problem
    assert Problem.status == "500 Internal Server Error"
