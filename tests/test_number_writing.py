"""The strokes that a PNG file holds, and what a picture looks like at a glance: each bound, and one beyond."""

import json
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pictures
from reading.digits import Digit, classify
from reading.numbers import writing
from reading.numbers.strokes import MOST_BYTES, strokes_in
from reading.preprocessing import preprocess
from test_number_read import Scripted

LINE = [[1, 2], [3, 4.5]]
Size = tuple[int, int]


def png(width: int, height: int) -> bytes:
    """The header of a PNG file of that size."""
    return b"\x89PNG\r\n\x1a\n" + pictures.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def chunked(text: bytes, kind: bytes = b"tEXt", keyword: bytes = b"strokes", size: Size = (300, 100)) -> bytes:
    return png(*size) + pictures.chunk(kind, keyword + b"\0" + text) + pictures.chunk(b"IEND", b"")


def stated(strokes: object, size: Size = (300, 100)) -> bytes:
    """Strokes as the page writes them."""
    return json.dumps({"size": size, "strokes": strokes}).encode()


# --- strokes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (300, 300)])
@pytest.mark.parametrize(
    ("at", "found"),
    [(-300, True), (-301, False), (-300.5, False), (0, True), (600, True), (601, False), (600.5, False)],
)
def test_points_are_no_farther_away_than_the_longer_side(size: Size, at: float, found: bool) -> None:
    for point in ([at, 5], [5, at], [at, at]):
        strokes = [LINE, [[1, 1], point]]
        assert strokes_in(chunked(stated(strokes, size), size=size)) == (strokes if found else [])


@pytest.mark.parametrize(("count", "found"), [(256, 256), (257, 0)])
def test_there_are_at_most_so_many_strokes(count: int, found: int) -> None:
    assert len(strokes_in(chunked(stated([LINE] * count)))) == found


@pytest.mark.parametrize("strokes", [[[[1]]], [[[1, 2, 3]]], [[[1, 2], 3]], [[]], [[1, 2]], ["12"], [[{}]], {}, 7])
def test_strokes_are_lists_of_points_of_two_numbers(strokes: object) -> None:
    assert strokes_in(chunked(stated(strokes))) == []


@pytest.mark.parametrize("size", [(299, 100), (301, 100), (300, 99), (300, 101), (100, 300)])
def test_the_size_is_that_of_the_header(size: Size) -> None:
    assert strokes_in(chunked(stated([LINE], size))) == []
    assert strokes_in(chunked(stated([LINE], size), size=size)) == [LINE]
    large = (65536 * size[0] + 300, 256 * size[1])
    assert strokes_in(chunked(stated([LINE], large), size=large)) == [LINE]


@pytest.mark.parametrize(("more", "found"), [(0, [LINE]), (1, [])])
def test_the_text_of_strokes_has_at_most_so_many_bytes(more: int, found: list[object]) -> None:
    text = stated([LINE])
    padded = text + b" " * (64 * 1024 + more - len(text))
    assert strokes_in(chunked(padded)) == found
    assert MOST_BYTES == 65_536


@pytest.mark.parametrize(("more", "found"), [(0, [LINE]), (1, [])])
def test_a_chunk_of_strokes_has_at_most_a_hundred_bytes_more(more: int, found: list[object]) -> None:
    text = stated([LINE])
    language = b"x" * (64 * 1024 + 100 + more - len(b"strokes\0" + b"\0\0" + b"\0" + b"\0" + text))
    assert strokes_in(chunked(b"\0\0" + language + b"\0\0" + text, b"iTXt")) == found


def test_international_text_has_flags_a_language_and_a_translated_keyword() -> None:
    text = stated([LINE])
    assert strokes_in(chunked(b"\0\0de\0Striche\0" + text, b"iTXt")) == [LINE]
    assert strokes_in(chunked(b"\0\0\0\0" + text, b"iTXt")) == [LINE]
    assert strokes_in(chunked(b"\1\0\0\0" + text, b"iTXt")) == []
    assert strokes_in(chunked(b"\0\0de\0Striche\0more\0" + text, b"iTXt")) == []
    assert strokes_in(chunked(b"", b"iTXt")) == []
    assert strokes_in(chunked(b"\0\0\0\0" + text, b"tEXt")) == []


@pytest.mark.parametrize("kind", [b"zTXt", b"IDAT", b"text", b"TEXT"])
def test_other_chunks_hold_no_strokes(kind: bytes) -> None:
    assert strokes_in(chunked(stated([LINE]), kind)) == []


def test_the_first_text_with_their_keyword_counts() -> None:
    other = pictures.chunk(b"tEXt", b"Comment\0odd number of bytes") + pictures.chunk(b"tIME", b"1234567")
    first, second = (pictures.chunk(b"tEXt", b"strokes\0" + stated([one])) for one in (LINE, LINE[::-1]))
    assert strokes_in(png(300, 100) + other + first + second) == [LINE]
    assert strokes_in(png(300, 100) + second + other + first) == [LINE[::-1]]
    assert strokes_in(png(300, 100) + pictures.chunk(b"tEXt", b"strokes\0{") + first) == []
    assert strokes_in(chunked(stated([LINE]), keyword=b"stroke")) == strokes_in(b"\0" * 8 + first) == []


def test_a_file_that_is_cut_off_has_strokes_if_they_are_whole() -> None:
    whole = chunked(stated([LINE]))
    least = 33 + 8 + len(b"strokes\0" + stated([LINE]))
    found = [cut for cut in range(len(whole) + 1) if strokes_in(whole[:cut])]
    assert found == list(range(least, len(whole) + 1))


def test_another_file_has_no_strokes() -> None:
    whole = chunked(stated([LINE]))
    assert strokes_in(b"\x88" + whole[1:]) == strokes_in(whole[1:]) == strokes_in(b"") == []


# --- what is kept -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("longer", "factor"), [(560, 1), (561, 2), (1120, 2), (1121, 3), (9, 1)])
def test_ink_is_averaged_down_to_less_than_560_pixels(longer: int, factor: int) -> None:
    shape = writing.Shape(1.5, True)
    for high, wide in ((longer, 7), (7, longer), (longer, longer)):
        ink = np.zeros((high, wide))
        kept = writing.writing(ink, (30.0, 10.0, 0.5), [np.array([[2.0, 4.0], [12.0, 6.0]])], shape, False)
        assert kept.ink.shape == (-(-high // factor), -(-wide // factor))
        assert (kept.left, kept.top, kept.step, kept.shape, kept.forced) == (30, 10, 0.5 * factor, shape, False)
        assert kept.strokes[0].tolist() == [[2 / factor, 4 / factor], [12 / factor, 6 / factor]]


def test_ink_is_kept_in_levels() -> None:
    kept = writing.writing(np.array([[0, 0.1, 0.3, 0.501, 1]]), (0, 0, 1), [], writing.Shape(1, True), True)
    assert (kept.ink.tolist(), kept.strokes, kept.forced) == ([[0, 26, 76, 128, 255]], [], True)


# --- its shape --------------------------------------------------------------------------------------

FULL = np.ones((50, 50))


def shape(*boxes: tuple[int, int, int, int], ink: np.ndarray = FULL, strokes: Any = ()) -> tuple[float, bool]:
    """The shape of a picture with ink in these boxes: first and last row, first and last column."""
    picture = np.zeros((28, 28), np.float32)
    for top, bottom, left, right in boxes:
        picture[top:bottom, left:right] = 0.25
    wide, stacked = writing.shape_of(ink, picture, [np.array(points, float) for points in strokes])
    return round(wide, 3), stacked


def test_one_part_is_stacked_and_has_its_width_to_its_height() -> None:
    assert shape((4, 24, 9, 19)) == (0.5, True)
    assert shape((4, 24, 2, 26)) == (1.2, True)
    assert shape((0, 20, 0, 20)) == (1, True)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("other", "stacked"),
    [((5, 9), True), ((8, 12), True), ((9, 13), False), ((15, 20), False), ((0, 4), True), ((0, 3), False)],
)
def test_parts_that_share_half_of_their_columns_are_stacked(
    other: tuple[int, int], stacked: bool, turned: bool
) -> None:
    wide, narrow = (4, 10, 2, 10), (14, 16, *other)
    if turned:
        wide, narrow = (4, 10, 18, 26), (14, 16, 28 - other[1], 28 - other[0])
    assert shape(wide, narrow)[1] is stacked
    assert shape(narrow, wide)[1] is stacked


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("high", "stacked"), [(7, True), (8, False)])
def test_of_two_high_parts_none_is_above_the_other(high: int, stacked: bool, turned: bool) -> None:
    upper, lower = (4, 4 + high, 9, 15), (24 - 8, 24, 9, 15)
    if turned:
        upper, lower = (28 - 4 - high, 24, 9, 15), (4, 12, 9, 15)
    assert shape(upper, lower)[1] is stacked


def test_a_third_part_counts_as_well() -> None:
    assert shape((4, 14, 9, 15), (16, 18, 9, 15), (20, 22, 9, 15))[1]
    assert not shape((4, 14, 9, 15), (16, 18, 9, 15), (20, 22, 18, 25))[1]
    assert not shape((4, 6, 18, 25), (8, 18, 9, 15), (20, 22, 9, 15))[1]


@pytest.mark.parametrize(
    ("strokes", "stacked"),
    [
        ([], True),
        ([[(0, 0), (40, 90)]], True),
        ([[(40, 90), (0, 0)], [(20, 50), (10, 700)]], True),
        ([[(0, 0), (40, 90)], [(30, 5), (50, 5)]], True),
        ([[(0, 0), (40, 90)], [(31, 5), (51, 5)]], False),
        ([[(60, 0), (20, 90)], [(10, 5), (30, 5)]], True),
        ([[(60, 0), (20, 90)], [(9, 5), (29, 5)]], False),
        ([[(0, 10), (9, 10)], [(20, 10), (30, 10)]], False),
        ([[(20, 10), (30, 10)], [(0, 10), (9, 10)]], False),
        ([[(0, 0), (5, 900)], [(2, 0), (4, 3)]], True),
        ([[(50, 0), (45, 900)], [(46, 800), (48, 803)], [(47, 3), (46, 3)]], True),
    ],
)
def test_strokes_side_by_side_are_not_stacked(strokes: object, stacked: bool) -> None:
    assert shape((4, 24, 9, 19), strokes=strokes)[1] is stacked


def in_bands(*heights: int) -> np.ndarray:
    """Ink in bands of so many rows, with one empty row between any two."""
    rows = [0.25 * (at < high) for high in heights for at in range(high + 1)]
    return np.repeat(np.array(rows[:-1])[:, None], 4, 1)


@pytest.mark.parametrize(
    ("heights", "one"),
    [
        ((20,), True),
        ((20, 10), True),
        ((20, 11), False),
        ((10, 20), True),
        ((11, 20), False),
        ((2, 20, 3), True),
        ((11, 2, 20), False),
        ((20, 20), False),
        ((1, 1), False),
        ((5, 4, 10, 3, 2), True),
    ],
)
def test_of_high_bands_one_digit_has_one(heights: tuple[int, ...], one: bool) -> None:
    assert shape((4, 24, 9, 19), ink=in_bands(*heights))[1] is one


def test_faint_rows_part_bands() -> None:
    ink = in_bands(20, 20)
    ink[20] = 0.249
    assert not shape((4, 24, 9, 19), ink=ink)[1]
    ink[20, 2] = 0.25
    assert shape((4, 24, 9, 19), ink=ink)[1]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("high", "gap", "one"),
    [(35, 1, True), (36, 1, False), (50, 1, False), (50, 0, True), (50, 7, False), (10, 7, True)],
)
def test_an_empty_column_parts_what_is_high(high: int, gap: int, one: bool, turned: bool) -> None:
    ink = np.zeros((50, 30))
    ink[:, :9] = ink[50 - high :, 9 + gap :] = 0.25
    assert shape((4, 24, 9, 19), ink=ink[:, ::-1] if turned else ink)[1] is one


def test_faint_columns_part_digits() -> None:
    ink = np.ones((50, 30))
    ink[:, 15] = 0.249
    assert not shape((4, 24, 9, 19), ink=ink)[1]
    ink[20, 15] = 0.25
    assert shape((4, 24, 9, 19), ink=ink)[1]


def test_of_several_gaps_the_outer_sides_count() -> None:
    ink = np.ones((50, 30))
    ink[:, [10, 20]] = 0
    ink[:20, 11:20] = 0
    assert not shape((4, 24, 9, 19), ink=ink)[1]
    ink[:20, 21:] = 0
    assert shape((4, 24, 9, 19), ink=ink)[1]


def test_what_is_wider_is_not_surely_one_digit() -> None:
    assert writing.Shape(0.7, True).is_one(0.7)
    assert not writing.Shape(0.71, True).is_one(0.7)
    assert not writing.Shape(0.5, False).is_one(0.7)


def paper(width: int) -> bytes:
    """A picture of a block that is 200 pixels high."""
    page = np.full((280, 400), 255, np.uint8)
    page[40:240, 50 : 50 + width] = 0
    return pictures.encoded(Image.fromarray(page))


@pytest.mark.parametrize(("width", "kept"), [(130, False), (160, True)])
def test_what_is_narrow_is_not_kept_as_a_number(width: int, kept: bool) -> None:
    assert (preprocess(paper(width)).writing is not None) is kept


@pytest.mark.parametrize(("width", "batches"), [(215, 1), (260, 2)])
def test_what_is_wide_is_looked_at_as_a_number_even_if_it_is_sure(width: int, batches: int) -> None:
    scripted = Scripted(lambda _batch, at: (at, 1.0))
    (found,) = classify([preprocess(paper(width))], scripted.model)
    assert isinstance(found, Digit)
    assert (found.digit, found.number) == (0, None)
    assert len(scripted.asked) == batches
