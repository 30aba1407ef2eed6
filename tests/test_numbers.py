"""Numbers: several digits in one picture, from strokes or from pixels, and what is asked about them over HTTP."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pictures
import reading
from commands import ROOT, run
from reading.errors import TooManyDigits
from reading.numbers import number
from reading.numbers.strokes import strokes_in
from servers import Wsgi

CGI = ROOT / "cgi-bin"
NUMBER = pictures.encoded(pictures.number("2704"))
KEYS = ["result", "data", "error", "digit", "confidence", "unsure", "model", "seen", "done"]


def read(picture: bytes, how: str = "auto", model: str = "cnn") -> str:
    """The number on a picture, or its digit in brackets if it is read as one digit."""
    found = reading.read(picture, model, how)
    return found.number.text if found.number else f"[{found.digit}]"


def moved(text: str, right: float) -> list[list[tuple[float, float]]]:
    """The strokes of digits, farther to the right."""
    return [[(x + right, y) for x, y in stroke] for stroke in pictures.written(text)]


@pytest.mark.parametrize("text", ["10", "42", "77", "2704", "0072", "2222222222"])
def test_a_number_is_read_from_pixels_and_from_strokes(text: str) -> None:
    picture = pictures.encoded(pictures.number(text))
    assert read(picture) == read(pictures.with_strokes(picture, pictures.written(text))) == text


@pytest.mark.parametrize("digit", [0, 1, 2, 4, 7])
def test_one_digit_is_no_number(digit: int) -> None:
    assert read(pictures.png(digit)) == f"[{digit}]"


def test_what_is_surely_one_digit_costs_nothing_more() -> None:
    code = (
        "import sys; from reading.preprocessing import preprocess; from reading.digits import read\n"
        "file = sys.stdin.buffer.read(); print(preprocess(file).writing, read(file).digit)\n"
        "print('reading.numbers.number' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CGI, input=pictures.png(1), capture_output=True)
    assert done.stdout.decode() == "None 1\nFalse\n"


def test_digits_that_touch_are_cut_apart() -> None:
    picture = pictures.encoded(pictures.number("42", -20))
    assert read(picture) == read(pictures.with_strokes(picture, pictures.written("42", -20))) == "42"


@pytest.mark.parametrize("model", ["cnn", "extra", "forest", "sgd", "svm", "voting"])
def test_every_model_reads_numbers(model: str) -> None:
    assert read(NUMBER, model=model) == "2704"


def test_numpy_alone_reads_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    from reading import classifier

    monkeypatch.setenv("MNIST_ENGINE", "numpy")
    monkeypatch.setattr(classifier, "_kept", {})
    assert read(NUMBER) == "2704"


MINUS: list[list[tuple[float, float]]] = [[(40, 140), (95, 140)]]
FOUR = pictures.written("4")
SIGNED = {
    "4.12": [*FOUR, [(185, 232)], *moved("12", 185)],
    "4,12": [*FOUR, [(200, 228), (190, 265)], *moved("12", 205)],
    "-72": MINUS + moved("72", 90),
    "-7": MINUS + moved("7", 90),
}


@pytest.mark.parametrize("text", SIGNED)
def test_a_low_dot_is_a_point_a_longer_stroke_a_comma_and_a_level_one_in_front_a_minus(text: str) -> None:
    picture = pictures.encoded(pictures.drawn(SIGNED[text]))
    assert read(picture) == read(pictures.with_strokes(picture, SIGNED[text])) == text
    number = reading.read(picture).number
    assert number is not None
    assert "".join(str(one.digit) for one in number.digits) == re.sub("[-.,]", "", text)


def test_a_small_one_far_from_a_seven_is_not_passed_by() -> None:
    strokes = [[(30, 200), (26, 250)], *moved("7", 110)]
    picture = pictures.encoded(pictures.drawn(strokes))
    assert read(picture) == read(pictures.with_strokes(picture, strokes)) == "17"


@pytest.mark.parametrize(("text", "gap"), [("11", 8), ("111", 4), ("1111", 8)])
def test_ones_with_a_narrow_gap_are_not_one_digit(text: str, gap: int) -> None:
    assert read(pictures.encoded(pictures.number(text, gap))) == text  # on 28 x 28 pixels there is no gap


def loop(x: float, y: float) -> list[tuple[float, float]]:
    """A round stroke around that point."""
    turns = [2 * math.pi * at / 24 for at in range(25)]
    return [(x + 32 * math.sin(turn), y - 38 * math.cos(turn)) for turn in turns]


def test_eights_in_two_loops_are_one_row() -> None:
    upper, lower = [loop(90, 70), loop(200, 70)], [loop(90, 160), loop(200, 160)]
    by_column, by_row = [upper[0], lower[0], upper[1], lower[1]], [*upper, *lower]
    picture = pictures.encoded(pictures.drawn(by_row))
    assert read(pictures.with_strokes(picture, by_column)) == "88"
    assert read(pictures.with_strokes(picture, by_row)) == "00 00"


def test_rows_are_several_numbers() -> None:
    upper, lower = pictures.number("42"), pictures.number("170")
    both = Image.new("L", (max(upper.width, lower.width), 580), 255)
    both.paste(upper, (0, 0))
    both.paste(lower, (0, 300))
    number = reading.read(pictures.encoded(both)).number
    assert number is not None
    assert number.rows == ["42", "170"]
    assert number.text == "42 170"


@pytest.mark.parametrize("text", ["2 7", "2 7 4", "1 0 1 4", "0 4 0 2 7"])
def test_digits_below_each_other_are_several_numbers(text: str) -> None:
    column = [
        [(x + 15 * (row % 2), y + 270 * row) for x, y in stroke]
        for row, digit in enumerate(text.split())
        for stroke in pictures.written(digit)
    ]
    picture = pictures.encoded(pictures.drawn(column))
    assert read(picture) == read(pictures.with_strokes(picture, column)) == text


def test_rows_through_which_there_is_no_path_are_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    touching = pictures.written("24702470", -20)
    rows = [*touching, *([(x, y + 300) for x, y in stroke] for stroke in touching)]
    picture = pictures.encoded(pictures.drawn(rows))
    assert read(picture) == "24702470 24702470"
    monkeypatch.setattr(number, "MOST_SCORED", 0)
    assert re.fullmatch(r"\[\d\]", read(picture))


def test_it_can_be_forced_either_way() -> None:
    assert read(NUMBER, "one").startswith("[")
    assert read(pictures.png(7), "number") == "7"
    assert not reading.read(pictures.png(7), how="number").unsure


def test_more_digits_than_are_read_are_an_error() -> None:
    picture = pictures.encoded(pictures.number("1" * 40))
    for how in ("auto", "number"):
        with pytest.raises(TooManyDigits, match="more than 32 digits"):
            reading.read(picture, how=how)


def test_the_reply_holds_the_number_and_each_digit(wsgi: Wsgi) -> None:
    answer = wsgi.ask(pictures.data_url(NUMBER)).json
    assert list(answer) == [*KEYS, "number", "digits", "rows"]
    assert (answer["number"], answer["rows"], answer["unsure"]) == ("2704", ["2704"], True)
    assert [one["digit"] for one in answer["digits"]] == [2, 7, 0, 4]
    first = answer["digits"][0]
    assert list(first) == ["digit", "confidence", "unsure", "data", "box", "seen"]
    assert first["box"] == pytest.approx([30, 40, 136, 196], abs=3)
    assert (len(first["data"]), first["unsure"], first["seen"][:22]) == (10, False, "data:image/png;base64,")


def test_one_digit_is_answered_as_ever(wsgi: Wsgi) -> None:
    assert list(wsgi.ask(pictures.data_url(pictures.png(7))).json) == KEYS


def test_boxes_are_in_pixels_of_the_picture_sent(wsgi: Wsgi) -> None:
    small = pictures.number("42")
    large = small.resize((small.width * 6, small.height * 6))
    boxes = [wsgi.ask(pictures.data_url(pictures.encoded(one))).json["digits"][1]["box"] for one in (small, large)]
    assert boxes[1] == pytest.approx([6 * side for side in boxes[0]], abs=24)


def test_a_digit_of_a_number_is_explained(wsgi: Wsgi) -> None:
    answer = wsgi.ask(pictures.data_url(NUMBER), query="explain=1&at=2").json
    assert (answer["number"], answer["explained"], len(answer["evidence"])) == ("2704", 0, 28)
    assert "4 were read" in wsgi.ask(pictures.data_url(NUMBER), query="explain=1&at=4").json["error"]
    assert "place of a digit" in wsgi.ask(pictures.data_url(NUMBER), query="explain=1&at=x").json["error"]


def test_how_to_read_is_asked_by_the_address(wsgi: Wsgi) -> None:
    assert "number" not in wsgi.ask(pictures.data_url(NUMBER), query="read=one").json
    assert wsgi.ask(pictures.data_url(pictures.png(7)), query="read=number").json["number"] == "7"
    assert "?read=one reads one digit" in wsgi.ask(pictures.data_url(NUMBER), query="read=two").json["error"]


def test_a_form_may_hold_numbers_and_too_much(wsgi: Wsgi) -> None:
    many = pictures.encoded(pictures.number("1" * 40))
    headers, body = pictures.form(("a.png", NUMBER), ("b.png", many), ("c.png", pictures.png(7)))
    number, refused, digit = wsgi.ask(body, headers).json["results"]
    assert (number["number"], refused["result"], digit["digit"], "number" in digit) == ("2704", 0, 7, False)


def test_a_number_is_shown_on_a_page(wsgi: Wsgi) -> None:
    page = wsgi.ask(pictures.data_url(NUMBER), {"Accept": "text/html"}).body.decode()
    assert "this is <strong>2704</strong>" in page
    assert page.count("<img") == 4


# --- strokes in a PNG ---


@pytest.mark.parametrize("kind", [b"tEXt", b"iTXt"])
def test_strokes_are_found_in_a_chunk_of_text(kind: bytes) -> None:
    strokes = [[[12, 30.5], [14, 33]], [[1, 2]]]
    assert strokes_in(pictures.with_strokes(pictures.png(7), strokes, kind=kind)) == strokes


ONE = [[1, 2], [3, 4]]
BAD: dict[str, Any] = {
    "no list": {},
    "a stroke without points": [ONE, []],
    "a point of three": [[[1, 2, 3]]],
    "text": [[["1", "2"]]],
    "true": [[[True, False]]],
    "NaN": [[[float("nan"), 1]]],
    "infinity": [[[float("inf"), 1]]],
    "1e308": [[[1e308, 1]]],
    "a number of a hundred figures": [[[10**100, 1]]],
    "far away": [[[1, 2000]]],
    "too many strokes": [ONE] * 257,
    "more than 64 KB": [[[1, 2]] * 10_000],
    "none": None,
}


@pytest.mark.parametrize("strokes", BAD.values(), ids=list(BAD))
def test_strokes_that_make_no_sense_are_none(strokes: object) -> None:
    picture = pictures.with_strokes(NUMBER, strokes)
    assert strokes_in(picture) == []
    assert read(picture) == "2704"


@pytest.mark.parametrize("text", [b"[" * 50_000, b"{", b"[]", b'"a"', b"\xff", b""])
def test_text_that_is_no_json_object_holds_no_strokes(text: bytes) -> None:
    assert strokes_in(pictures.with_text(NUMBER, b"strokes\0" + text)) == []


def test_strokes_of_another_size_are_none() -> None:
    assert strokes_in(pictures.with_strokes(pictures.png(7), [ONE], [281, 280])) == []


def test_strokes_of_another_picture_are_not_believed() -> None:
    assert read(pictures.with_strokes(NUMBER, pictures.written("10"))) == "2704"


def test_compressed_strokes_are_not_unpacked() -> None:
    text = json.dumps({"size": [280, 280], "strokes": [ONE]}).encode()
    assert strokes_in(pictures.with_text(pictures.png(7), b"strokes\0\1\0\0\0" + text, b"iTXt")) == []


# --- the command ---


def test_the_command_prints_a_number_and_how_sure_each_digit_is(tmp_path: Path) -> None:
    (tmp_path / "number.png").write_bytes(NUMBER)
    done = run("predict", tmp_path / "number.png")
    assert re.fullmatch(r".*number\.png: 2704 \((\d+\.\d %, ){3}\d+\.\d %\)\n", done.out)
    assert run("predict", "-v", tmp_path / "number.png").out.count("  7  ") == 4
    one = run("predict", "--read", "one", "--json", tmp_path / "number.png")
    assert (done.status, one.status, "number" in json.loads(one.out)) == (0, 0, False)


def test_the_command_says_where_there_are_too_many(tmp_path: Path) -> None:
    (tmp_path / "many.png").write_bytes(pictures.encoded(pictures.number("1" * 40)))
    done = run("predict", tmp_path / "many.png")
    assert (done.status, done.out) == (1, "")
    assert "more than 32 digits" in done.err
