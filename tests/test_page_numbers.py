"""The page when a picture shows a number: chips, boxes, corrections digit by digit, the wide paper, what is sent."""

import base64
import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from page_kit import DIGITS, PHONE, Hand, answered, predict, unfold, until
from test_page_everyone import violations

NUMBER = [2, 0, 2, 6]


def seen(digit: int) -> str:
    """A 28x28 picture that differs from digit to digit, as a data URL."""
    file = io.BytesIO()
    Image.new("L", (28, 28), 20 * digit).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def reading(digit: int, confidence: float = 0.99, **more) -> dict:
    data = [round((1 - confidence) / 18, 6)] * 10
    data[digit], data[(digit + 7) % 10] = confidence, (1 - confidence) / 2
    unsure = confidence < 0.95
    return {"digit": digit, "confidence": confidence, "unsure": unsure, "data": data, "seen": seen(digit), **more}


def box(i: int, width: int) -> list[int]:
    """Where `write` puts digit `i`, on a paper of that width."""
    return [round((0.05 + 0.23 * i) * width), 80, round(0.2 * width), 120]


def reply(digits: list[int], width: int = 280, confidences: tuple[float, ...] = ()) -> dict:
    """What the server says of a number that `write` has written."""
    sure = confidences or (0.99,) * len(digits)
    parts = [reading(digit, sure[i], box=box(i, width)) for i, digit in enumerate(digits)]
    number = "".join(map(str, digits))
    whole = {"result": 1, "error": "", "model": "cnn", "done": [], **reading(0), "unsure": True}
    return {**whole, "number": number, "rows": [number], "digits": parts} if len(digits) > 1 else whole | parts[0]


def write(page, digits: list[int], first: int = 0) -> None:
    for i, digit in enumerate(digits, first):
        Hand(page).draw(DIGITS[digit], (0.07 + 0.23 * i, 0.32, 0.16, 0.36))


@pytest.fixture
def number(visit):
    """A page on which 2026 was written and read: `number.page`, and what it asked, `number.asked`."""

    def open_page(kind=None, says=None, **options):
        page = visit(kind, **options)
        open_page.asked = []

        def answer(route):
            if route.request.method != "POST":
                return route.continue_()
            open_page.asked.append(route.request)
            answers = says or [reply(NUMBER)]
            return route.fulfill(json=answers[min(len(open_page.asked), len(answers)) - 1])

        page.route("**/cgi-bin/mnist.py*", answer)
        page.uncheck("#live")
        write(page, NUMBER)
        predict(page)
        return page

    return open_page


def chips(page) -> list[list[str]]:
    return page.eval_on_selector_all(
        "#chips button", "all => all.map((chip) => [chip.ariaLabel.replaceAll('\\u00a0', ' '), chip.ariaPressed])"
    )


def test_the_headline_is_the_number_with_a_chip_for_each_digit_and_it_is_said_digit_by_digit(number):
    page = number(says=[reply(NUMBER, confidences=(0.99, 0.98, 0.97, 0.96))])
    assert page.inner_text("#headline") == "2026"
    assert page.inner_text("#detail") == "Least sure digit: 96\u00a0%."
    assert page.inner_text("#announce") == "Two, zero, two, six; each at least 96 percent."
    assert chips(page) == [
        ["1st digit: two, 99.0 % sure", "false"],
        ["2nd digit: zero, 98 % sure", "false"],
        ["3rd digit: two, 97 % sure", "false"],
        ["4th digit: six, 96 % sure", "true"],
    ]
    assert page.locator("#sign").is_hidden()


def test_the_digit_that_is_unsure_is_chosen_and_asked_about(number):
    page = number(says=[reply(NUMBER, confidences=(0.99, 0.6, 0.97, 0.96))])
    assert (page.inner_text("#headline"), page.get_attribute("#answer", "data-state")) == ("2026?", "unsure")
    assert page.inner_text("#detail") == "I'm not sure of the 2nd digit: 0 or 7?"
    assert [pressed for _, pressed in chips(page)] == ["false", "true", "false", "false"]
    assert page.inner_text("#scores .first.doubted th") == "0"


def test_choosing_a_chip_shows_its_bars_its_picture_its_box_and_what_spoke_for_it(number):
    evidence = [[0.5] * 28 for _ in range(28)]
    page = number(says=[reply(NUMBER), {**reply(NUMBER), "evidence": evidence}])
    assert page.inner_text("#scores .first th") == "6"
    page.click("#chips button:nth-child(2)")
    assert page.inner_text("#scores .first th") == "0"
    assert page.get_attribute("#seen", "src") == seen(0)
    assert page.eval_on_selector_all("#boxes rect", "all => all.map((box) => box.matches('.chosen'))") == [
        *[False, True, False, False]
    ]
    page.click("#why")
    page.wait_for_selector("#heat:not([hidden])")
    assert "explain=1" in number.asked[-1].url
    assert "at=1" in number.asked[-1].url
    assert "digit=0" in number.asked[-1].url
    assert page.get_attribute("#heat-seen", "src") == seen(0)
    with page.expect_request("**/cgi-bin/mnist.py*at=2*"):  # what is open follows the choice
        page.click("#chips button:nth-child(3)")
    page.wait_for_selector("#heat:not([hidden])")
    assert page.is_checked('#why-digits input[value="2"]')


@pytest.mark.parametrize("wide", [False, True])
def test_boxes_lie_around_the_digits_on_the_paper(number, wide):
    page = number(says=[reply(NUMBER), reply(NUMBER, 560)])
    if wide:
        page.click("#clear")
        page.click("#wide")
        write(page, NUMBER)
        predict(page)
    paper = page.locator("#paper").bounding_box()
    frames = page.locator("#boxes rect").all()
    for i, frame in enumerate(frames):
        left, top = Hand(page).at((0.05 + 0.23 * i, 80 / 280))
        at = frame.bounding_box()
        assert (at["x"], at["y"]) == (pytest.approx(left, abs=3), pytest.approx(top, abs=3))
        assert at["width"] == pytest.approx(0.2 * paper["width"], abs=4)
    assert len(frames) == 4


def test_what_is_sent_holds_the_strokes_in_pixels_of_the_picture(number):
    page = number()
    sent = [number.asked[0].post_data]
    page.click("#clear")
    page.click("#wide")
    write(page, NUMBER)
    predict(page)
    sent.append(number.asked[1].post_data)
    pictures = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in sent]
    for picture, width in zip(pictures, (280, 560), strict=True):
        told = json.loads(picture.text["strokes"])
        assert picture.size == (width, 280)
        assert told["size"] == [width, 280]
        assert len(told["strokes"]) == 4
        ends = [point for stroke in told["strokes"] for point in (stroke[0], stroke[-1])]
        assert max(picture.convert("L").getpixel((round(x), round(y))) for x, y in ends) < 128


def test_a_wide_paper_is_twice_as_wide_as_high_and_stays_so(visit):
    page = visit()
    page.click("#wide")
    until(page, "document.getElementById('paper').width === 2 * document.getElementById('paper').height")
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    assert page.get_attribute("#wide", "aria-pressed") == "true"
    until(page, "document.getElementById('paper').width === 2 * document.getElementById('paper').height")
    Hand(page).draw(DIGITS[7], (0.7, 0.2, 0.25, 0.6))
    answered(page)
    page.wait_for_selector("#album li", state="attached")
    shown = page.eval_on_selector(
        "#album path", "path => { const { x, width } = path.getBBox(); return x + width / 2; }"
    )
    assert shown == pytest.approx(140, abs=15)  # a kept digit lies on a square of its own
    page.click("#wide")
    ratio = "document.getElementById('paper').clientWidth / document.getElementById('paper').clientHeight"
    assert page.evaluate(ratio) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to_in_a_number(number, scheme):
    says = [reply(NUMBER, confidences=(0.99, 0.6, 0.97, 0.96))]
    assert violations(number(PHONE, says, color_scheme=scheme, reduced_motion="reduce")) == []


def tally(page) -> str:
    return page.inner_text("#tally")


def test_each_digit_is_kept_by_itself_and_corrected_by_a_chip_and_a_key(number):
    page = number()
    until(page, "document.querySelectorAll('#album li').length === 4")
    page.click("#chips button:nth-child(3)")
    page.keyboard.press("7")
    until(page, "document.getElementById('tally').textContent.includes('corrected 1')")
    assert tally(page) == "Right 3 of 4 here; you corrected 1."
    assert page.get_attribute("#labels button:nth-child(8)", "aria-pressed") == "true"
    page.click("#chips button:nth-child(1)")
    assert page.get_attribute("#labels button:nth-child(8)", "aria-pressed") == "false"
    unfold(page)
    assert sorted(page.locator("#album span").all_inner_texts()) == ["0", "2", "6", "7, read as 2"]


def test_a_number_is_corrected_by_typing_it_and_each_digit_is_a_row_of_the_export(number):
    page = number()
    until(page, "document.querySelectorAll('#album li').length === 4")
    page.fill("#typed", "2027")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('tally').textContent === 'Right 3 of 4 here; you corrected 1.'")
    unfold(page)
    with page.expect_download() as download:
        page.click("#csv")
    header, *rows = csv.reader(io.StringIO(Path(download.value.path()).read_text()))
    assert len(header) == 785
    assert sorted((row[0], row[1]) for row in rows) == [("0", "0"), ("2", "40"), ("2", "40"), ("7", "120")]


@pytest.mark.parametrize("typed", ["202", "20267", "2o26"])
def test_another_number_of_digits_than_was_read_is_refused_with_a_sentence(number, typed):
    page = number()
    page.fill("#typed", typed)
    page.keyboard.press("Enter")
    until(page, "document.getElementById('typed').validationMessage === 'Type 4 digits: so many were read.'")
    page.fill("#typed", "2026")
    assert page.evaluate("document.getElementById('typed').validationMessage") == ""


def answer_in_turn(page, answers):
    """Have the server read these digits, one list after the other, which it takes from the front."""
    page.route(
        "**/cgi-bin/mnist.py*",
        lambda route: (
            route.fulfill(json=reply(answers.pop(0))) if route.request.method == "POST" else route.continue_()
        ),
    )


def test_what_becomes_part_of_another_digit_while_it_is_written_is_not_kept(visit):
    answers = [[1], [1, 1], [4]]
    page = visit()
    answer_in_turn(page, answers)
    page.uncheck("#live")
    for place in range(3):
        write(page, [1], first=place)
        predict(page)
        kept = [1, 2, 1][place]
        until(page, f"document.querySelectorAll('#album li').length === {kept}")
    assert answers == []
    assert page.text_content("#album span") == "4"


# A disk that is slow to write: the database is busy for a second after each record.
SLOW_DISK = """() => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (record) {
      const end = performance.now() + 1000;
      const busy = () => { if (performance.now() < end) this.get("").onsuccess = busy; };
      busy();
      return put.call(this, record);
    }; }"""


def test_what_becomes_part_of_another_digit_while_a_slow_disk_writes_is_not_kept(visit):
    answers = [[1], [1, 1], [4]]
    page = visit()
    page.evaluate(SLOW_DISK)
    answer_in_turn(page, answers)
    page.uncheck("#live")
    for place in range(3):
        write(page, [1], first=place)
        predict(page)
    until(page, "[...document.querySelectorAll('#album span')].some(({ textContent }) => textContent === '4')")
    page.wait_for_timeout(1500)  # for what is written after it
    assert page.locator("#album span").all_text_contents() == ["4"]
    assert page.text_content("#tally") == "Right 1 of 1 here: you corrected none."


@pytest.mark.parametrize("screen", [PHONE, {"viewport": {"width": 1280, "height": 720}}], ids=["phone", "laptop"])
def test_a_number_takes_the_room_of_a_digit(number, screen):
    page = number(screen, says=[reply([7]), reply(NUMBER), reply(NUMBER, confidences=(0.5,) * 4), reply([7] * 20)])
    where = (
        "['#answer', '#scores', '#labels', '#why'].map((at) => document.querySelector(at).getBoundingClientRect().y)"
    )
    before = page.evaluate(where)
    for _ in range(3):
        predict(page)
        assert page.evaluate(where) == before
    assert page.locator("#chips button").count() == 20
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]


def test_a_picture_of_a_number_shows_its_boxes_where_its_digits_are(visit, tmp_path):
    Image.new("L", (400, 200), 250).save(tmp_path / "number.png")
    page = visit()
    one = {**reply([2, 6]), "digits": [reading(2, box=[100, 50, 40, 80]), reading(6, box=[200, 50, 40, 80])]}
    page.route("**/cgi-bin/mnist.py*", lambda route: route.fulfill(json=one))
    page.set_input_files("#file", tmp_path / "number.png")
    page.click("#pictures button:not([disabled])")
    assert page.inner_text("#pictures li").startswith("number.png\n26. Least sure digit: 99.0\u00a0%.")
    assert page.inner_text("#headline") == "26"
    paper = page.locator("#paper").bounding_box()
    scale = paper["width"] / 400
    until(page, "document.querySelector('#boxes svg').getAttribute('viewBox') === '0 0 400 200'")
    at = page.locator("#boxes rect").nth(1).bounding_box()
    assert at["x"] == pytest.approx(paper["x"] + 200 * scale, abs=3)
    assert at["y"] == pytest.approx(paper["y"] + paper["height"] / 2 - 50 * scale, abs=3)
    page.click("#clear")
    assert page.locator("#boxes rect").count() == 0
    assert page.locator("#chips").is_hidden()
