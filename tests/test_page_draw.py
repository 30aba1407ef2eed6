"""The page through a real browser and the real server: draw, press Predict, read the answer."""

import re

import pytest

from page_kit import DIGITS, PHONE, WHOLE, Hand, posts, predict, until

NAMES = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"]
SMALL_AND_OFF_CENTRE = [(0.03, 0.05, 0.22, 0.24), (0.7, 0.68, 0.25, 0.28), (0.72, 0.06, 0.2, 0.2)]


def scores(page) -> list[list[str]]:
    return page.eval_on_selector_all("#scores tr", "rows => rows.map(row => [...row.cells].map(c => c.textContent))")


def reads(page, digits: list[int], box=WHOLE) -> dict[int, str]:
    """Draws digits one after another on a page; the headline of each answer."""
    hand, headlines = Hand(page), {}
    for digit in digits:
        hand.draw(DIGITS[digit], box)
        headlines[digit] = predict(page)
        page.click("#clear")
    return headlines


def test_each_digit_drawn_with_the_mouse_is_named(visit):
    assert reads(visit(), list(range(10))) == dict(enumerate(NAMES))


@pytest.mark.parametrize("box", SMALL_AND_OFF_CENTRE)
def test_small_digits_off_centre_are_named_as_well(visit, box):
    assert reads(visit(), [2, 4, 7], box) == {2: "Two", 4: "Four", 7: "Seven"}


@pytest.mark.parametrize("width", [6, 16, 36])
def test_the_way_of_the_pen_is_read_too_however_wide_the_pen_and_however_quick_the_hand(visit, width):
    page = visit()
    page.evaluate(f"width.value = {width}; width.dispatchEvent(new Event('input'))")
    page.uncheck("#live")  # nobody asks for an answer to a part of the drawing
    for digit in (4, 7):
        Hand(page).draw(DIGITS[digit])  # only a few points, so that the page rounds corners off
        with page.expect_response(lambda answer: answer.request.method == "POST") as heard:
            predict(page)
        assert "read from the way of the pen, too" in heard.value.json()["done"]
        page.click("#clear")


def test_a_sure_answer_comes_with_its_certainty_and_the_runner_up(visit):
    page = visit()
    Hand(page).draw(DIGITS[7])
    assert (predict(page), page.inner_text("#sign")) == ("Seven", "7")
    assert re.fullmatch(
        r"[^.]*[0-9.]+\s% sure\. (Next: [a-z]+, .*[0-9]\s%|Nothing else comes near)\.", page.inner_text("#detail")
    )


def test_a_letter_gets_a_question_instead_of_a_certainty(visit):
    page = visit()
    Hand(page).draw([[(0.25, 0.02), (0.25, 0.98)], [(0.75, 0.02), (0.75, 0.98)], [(0.25, 0.5), (0.75, 0.5)]])  # H
    assert re.fullmatch(r"I'm not sure: ([0-9] or [0-9]|is it a [0-9] at all)\?", predict(page))
    assert (page.inner_text("#sign"), page.get_attribute("#answer", "data-state")) == ("?", "unsure")
    assert page.inner_text("#detail").startswith("Best guess: ")


def test_the_chart_has_ten_labelled_bars_and_marks_the_winner(visit):
    page = visit()
    Hand(page).draw(DIGITS[7])
    predict(page)
    rows = scores(page)
    assert [label for label, _ in rows] == [str(digit) for digit in range(10)]
    assert all(share.endswith("%") for _, share in rows)
    assert page.inner_text("#scores .first th") == "7"
    widths = page.eval_on_selector_all(".bar", "bars => bars.map(bar => +bar.style.getPropertyValue('--share'))")
    assert sum(widths) == pytest.approx(1, abs=1e-3)


def test_the_longest_score_has_room_beside_its_bar(visit):
    page = visit()
    Hand(page).draw(DIGITS[7])
    predict(page)
    longest = "one => { one.textContent = '>\u00a099.9\u00a0%'; return one.scrollWidth - one.clientWidth }"
    assert page.eval_on_selector(".first .share", longest) == 0


def test_what_the_network_sees_is_shown_with_28_pixels_a_side(visit):
    page = visit()
    Hand(page).draw(DIGITS[3])
    predict(page)
    until(page, "document.getElementById('seen').naturalWidth > 0")
    size = page.eval_on_selector("#seen", "image => [image.naturalWidth, image.naturalHeight]")
    assert size == [28, 28]
    assert page.locator("#seen").bounding_box()["width"] >= 28 * 5
    assert page.locator("#steps").is_hidden()
    page.click("figure summary")
    assert page.inner_text("#steps").startswith("Done to it: ")


def test_clear_empties_everything(visit):
    page = visit()
    hand = Hand(page)
    before = page.inner_text("main")
    hand.draw(DIGITS[7])
    predict(page)
    assert page.inner_text("main") != before
    page.click("#clear")
    until(page, "document.getElementById('answer').dataset.state === 'empty'")
    assert hand.ink() == 0
    assert page.locator("#seen").is_hidden()
    assert [share for _, share in scores(page)] == ["–"] * 10
    assert page.inner_text("#headline") == "Nothing drawn yet"


def test_predict_on_empty_paper_says_so_and_asks_nobody(visit):
    page = visit()
    with posts(page) as sent:
        page.click("#predict")
        until(page, "document.getElementById('answer').dataset.state === 'failed'")
    assert page.inner_text("#detail").startswith("There is nothing on the paper yet. Draw a digit")
    assert sent == []


@pytest.mark.parametrize("way", ["button", "key"])
def test_what_is_said_about_empty_paper_can_be_cleared(visit, way):
    page = visit()
    assert page.locator("#clear").is_disabled()
    page.click("#predict")
    page.wait_for_selector('#answer[data-state="failed"]')
    page.click("#clear") if way == "button" else page.keyboard.press("c")
    until(page, "document.getElementById('answer').dataset.state === 'empty'")
    assert page.inner_text("#headline") == "Nothing drawn yet"
    assert page.inner_text("#announce") == ""
    assert page.locator("#clear").is_disabled()


def test_a_finger_draws_and_the_page_stays_where_it_is(visit):
    page = visit(PHONE)
    Hand(page).touch(DIGITS[2])
    assert page.evaluate("scrollY") == 0
    assert predict(page) == "Two"


def test_a_second_finger_leaves_no_mark(visit):
    page = visit(PHONE)
    hand = Hand(page)
    hand.finger("touchStart", (0.2, 0.2))
    hand.finger("touchMove", (0.5, 0.2))
    hand.finger("touchStart", (0.5, 0.2), others=[(0.8, 0.8)])
    hand.finger("touchMove", (0.7, 0.2), others=[(0.3, 0.8)])
    hand.finger("touchEnd")
    assert ink_below_the_middle_and_above(page)[1] > 0
    assert ink_below_the_middle_and_above(page)[0] == 0


def test_a_cancelled_pointer_ends_its_stroke_and_the_next_one_draws(visit):
    page = visit(PHONE)
    hand = Hand(page)
    hand.finger("touchStart", (0.2, 0.3))
    hand.finger("touchMove", (0.8, 0.3))
    hand.finger("touchCancel")
    first = hand.ink()
    hand.touch([[(0.2, 0.7), (0.8, 0.7)]], (0, 0, 1, 1))
    assert first > 0
    assert hand.ink() == pytest.approx(2 * first, rel=0.05)


def test_a_stroke_goes_on_when_the_pointer_leaves_the_paper_and_ends_when_it_is_released_outside(visit):
    page = visit()
    hand = Hand(page)
    page.mouse.move(*hand.at((0.5, 0.5)))
    page.mouse.down()
    page.mouse.move(*hand.at((1.4, 0.5)), steps=4)
    page.mouse.move(*hand.at((1.4, 0.8)), steps=4)
    page.mouse.move(*hand.at((0.5, 0.8)), steps=4)
    page.mouse.move(*hand.at((1.4, 0.9)), steps=4)
    page.mouse.up()
    ink = hand.ink()
    assert ink_below_the_middle_and_above(page)[0] > 0
    page.mouse.move(*hand.at((0.2, 0.2)), steps=4)
    assert hand.ink() == ink


def test_only_the_main_button_draws(visit):
    page = visit()
    hand = Hand(page)
    page.mouse.move(*hand.at((0.3, 0.3)))
    page.mouse.down(button="right")
    page.mouse.move(*hand.at((0.7, 0.7)), steps=3)
    page.mouse.up(button="right")
    assert hand.ink() == 0


@pytest.mark.parametrize("density", [1, 1.5, 3])
def test_the_canvas_is_as_sharp_as_the_screen(visit, density):
    page = visit({"viewport": {"width": 500, "height": 800}, "device_scale_factor": density})
    until(
        page,
        "(() => { const c = document.getElementById('paper');"
        " return Math.abs(c.width - c.getBoundingClientRect().width * devicePixelRatio) < 1; })()",
    )


def test_what_is_sent_is_black_ink_on_opaque_white_whatever_the_screen_shows(visit):
    sent = []
    for options in ({"color_scheme": "light"}, {"color_scheme": "dark", "device_scale_factor": 2}):
        page = visit({"viewport": {"width": 1280, "height": 800}}, **options)
        Hand(page).draw(DIGITS[4])
        with page.expect_request(lambda request: request.method == "POST") as request:
            page.click("#predict")
        sent.append(request.value.post_data)
        page.wait_for_selector('#answer[data-state="sure"], #answer[data-state="unsure"]')
    assert sent[0] == sent[1]
    assert page.evaluate(CORNER_AND_SIZE, sent[0]) == [280, 280, 255, 255, 255, 255]


CORNER_AND_SIZE = """async (url) => { const image = new Image(); image.src = url; await image.decode();
  const canvas = document.createElement("canvas"); canvas.width = image.width; canvas.height = image.height;
  const context = canvas.getContext("2d"); context.drawImage(image, 0, 0);
  return [image.width, image.height, ...context.getImageData(0, 0, 1, 1).data]; }"""


def ink_below_the_middle_and_above(page) -> tuple[int, int]:
    Hand(page).settle()
    below, above = page.evaluate(
        """() => { const c = document.getElementById("paper"), half = Math.floor(c.height / 2);
             const ink = (top) => c.getContext("2d").getImageData(0, top, c.width, half).data
               .reduce((n, value, i) => n + (i % 4 === 3 && value > 127), 0);
             return [ink(half), ink(0)]; }"""
    )
    return below, above
