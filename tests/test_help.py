"""The README shows what each command says about itself."""

import pytest

from commands import help_in_readme, help_of


@pytest.mark.parametrize("name", ["fetch", "train", "predict"])
def test_the_help_in_the_readme_is_that_of_the_command(name: str) -> None:
    assert help_in_readme(name) == help_of(name)
