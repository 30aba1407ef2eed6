"""The verifier of candidates: what it sees, what it says of whole digits and of their halves, how it is trained."""

import numpy as np
import pytest

import pictures
from reading.numbers import verifier
from reading.numbers.pieces import Piece, of_parts
from test_number_lattice import block


def whole(text: str, gap: float, *columns: tuple[float, float]) -> list[float]:
    """How likely what is in these columns, in shares of the width, is a whole digit; `text` is drawn at that gap."""
    ink = 1 - np.asarray(pictures.number(text, gap), np.float32) / 255
    rows, inked = np.flatnonzero(ink.max(1) > 0.25), np.flatnonzero(ink.max(0) > 0.25)
    ink = ink[rows[0] : rows[-1] + 1, inked[0] : inked[-1] + 1]
    edges = [(round(left * ink.shape[1]), round(right * ink.shape[1])) for left, right in columns]
    parts = [Piece(np.ascontiguousarray(ink[:, left:right]), 0, left) for left, right in edges]
    return verifier.whole(parts, Piece(ink, 0, 0), len(ink)).tolist()


def test_a_view_has_a_candidate_in_its_middle_and_the_rest_of_the_row_around_it() -> None:
    left, middle = block(10, 5, 24, 48), block(70, 5, 24, 48)
    row = Piece(np.zeros((48, 84), np.float32), 5, 10)
    row.ink[:, :24] = row.ink[:, 60:] = 1
    first, second = verifier.views([left, middle], row, 48)
    assert first.shape == (verifier.HIGH, verifier.WIDE, 2)
    digit = np.zeros((20, 28))
    digit[4:16, 11:17] = 1
    assert first[..., 0] == pytest.approx(digit)
    assert second[..., 0] == pytest.approx(digit)
    assert first[..., 1] == pytest.approx(np.roll(digit, 15, 1) * (np.arange(28) >= 26))
    assert second[..., 1] == pytest.approx(np.roll(digit, -15, 1) * (np.arange(28) < 2))


def test_a_view_is_as_large_as_the_row_and_not_as_the_candidate() -> None:
    small = block(0, 0, 12, 24)
    (view,) = verifier.views([small], small, 48)
    assert view[..., 0].sum() == pytest.approx(3 * 6)
    assert not view[..., 1].any()


def test_more_candidates_than_are_looked_at_at_once_are_all_judged() -> None:
    row = block(0, 0, 60, 50)
    parts = [block(at, 0, 10, 50) for at in range(50)] * 2
    said = verifier.whole(parts, row, 50)
    assert said.shape == (100,)
    assert said[:50] == pytest.approx(said[50:], abs=1e-6)
    assert ((said >= 0) & (said <= 1)).all()


@pytest.mark.parametrize("text", ["42", "20", "71", "04"])
def test_digits_that_stand_apart_are_whole_and_both_together_are_not(text: str) -> None:
    ink = 1 - np.asarray(pictures.number(text, 20), np.float32) / 255
    pieces = sorted(of_parts(ink) or [], key=lambda one: one.left)
    row = Piece(ink, 0, 0)
    height = max(one.height for one in pieces)
    both = Piece(ink, 0, 0)
    *alone, together = verifier.whole([*pieces, both], row, height).tolist()
    assert len(alone) == 2
    assert min(alone) > 0.5 > together


def test_half_of_a_digit_is_not_whole() -> None:
    for digit in "0247":
        half, other, all_of_it = whole(digit, 0, (0, 0.5), (0.5, 1), (0, 1))
        assert max(half, other) < 0.5 < all_of_it


def test_the_file_holds_a_small_network_of_half_precision() -> None:
    with np.load(verifier.FILE) as file:
        values = {name: file[name] for name in file.files}
    assert {value.dtype for value in values.values()} == {np.dtype(np.float16)}
    assert sum(value.size for value in values.values()) < 30_000
    assert all(np.isfinite(value).all() for value in values.values())
