"""What is seen without scrolling, on a phone and on a laptop; that it stays in its place; and the page's face."""

import pytest

from page_kit import BLANK, DIGITS, Hand, answered, until

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
LAPTOP = {"viewport": {"width": 1280, "height": 720}}
# A wider one is taken for 14.
H = [[(0.25, 0.02), (0.25, 0.98)], [(0.75, 0.02), (0.75, 0.98)], [(0.25, 0.5), (0.75, 0.5)]]
PLACES = ["#paper", "#sign", "#answer", "#undo", "#predict", "#width", "#scores", "#labels", "#models", "#why"]


def places(page) -> dict[str, list[float]]:
    """Where each part is: left, top, right and bottom, in CSS pixels."""
    return page.evaluate(
        """(all) => Object.fromEntries(all.map((place) => {
             const { left, top, right, bottom } = document.querySelector(place).getBoundingClientRect();
             return [place, [left, top + scrollY, right, bottom + scrollY].map((value) => Math.round(value * 10) / 10)];
           }))""",
        PLACES,
    )


@pytest.mark.parametrize("drawn", [None, DIGITS[7], H], ids=["empty", "sure", "unsure"])
def test_a_phone_shows_paper_answer_and_ten_bars_without_scrolling(visit, drawn):
    page = visit(PHONE)
    if drawn:
        Hand(page).touch(drawn)
        answered(page)
    bottoms = {place: box[3] for place, box in places(page).items() if place in ("#paper", "#answer", "#scores")}
    assert {place: bottom for place, bottom in bottoms.items() if not 0 < bottom <= 844} == {}
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("drawn", [None, DIGITS[7], H], ids=["empty", "sure", "unsure"])
def test_a_laptop_shows_all_down_to_the_correction_row_without_scrolling(visit, drawn):
    page = visit(LAPTOP)
    if drawn:
        Hand(page).draw(drawn)
        answered(page)
    bottoms = {place: box[3] for place, box in places(page).items() if place != "#why"}
    assert {place: bottom for place, bottom in bottoms.items() if not 0 < bottom <= 720} == {}


@pytest.mark.parametrize("screen", [PHONE, LAPTOP], ids=["phone", "laptop"])
def test_nothing_jumps_from_the_first_paint_to_answers_sure_and_unsure(visit, screen):
    page = visit(url=BLANK, kind=screen)
    held, let_go = [], []
    page.route("**/cgi-bin/mnist.py*", lambda route: route.continue_() if let_go else held.append(route))
    page.goto(visit.site)
    page.wait_for_selector("html[data-scripted]")
    hand = Hand(page)
    seen = [places(page)]
    hand.draw(DIGITS[7])
    until(page, "document.getElementById('busy').textContent === 'Reading…'")
    seen.append(places(page))
    let_go.append(True)
    for route in held:
        route.continue_()
    page.wait_for_selector("#models:not([hidden])")
    answered(page)
    seen.append(places(page))
    page.click("#clear")
    hand.draw(H)
    answered(page)
    seen.append(places(page))
    page.select_option("#model", index=1)
    answered(page)
    seen.append(places(page))
    moved = [{place for place in PLACES if state[place] != seen[0][place]} for state in seen]
    assert moved == [set()] * len(seen)


def test_an_empty_paper_shows_a_digit_being_drawn_which_goes_with_the_first_stroke(visit):
    page = visit()
    moving = "getComputedStyle(document.querySelector('.ghost path')).strokeDashoffset"
    first = page.evaluate(moving)
    until(page, f"{moving} !== '{first}'")
    Hand(page).draw(DIGITS[7])
    assert page.locator(".ghost").is_hidden()
    page.click("#clear")
    assert page.locator(".ghost").is_visible()


def test_the_ghost_stands_still_for_who_wants_no_motion(visit):
    page = visit(reduced_motion="reduce")
    style = page.evaluate(
        """[...document.querySelectorAll('.ghost path')].map((path) => {
             const { animationName, opacity, strokeDashoffset } = getComputedStyle(path);
             return [animationName, Number(opacity) > 0, strokeDashoffset]; })"""
    )
    assert style == [["none", True, "0px"], ["none", False, "0px"], ["none", False, "0px"]]


def test_predict_steps_back_while_the_page_answers_by_itself(visit):
    page = visit()
    width = "(id) => document.getElementById(id).offsetWidth"
    colour = "() => getComputedStyle(document.getElementById('predict')).backgroundColor"
    assert page.evaluate(width, "predict") <= page.evaluate(width, "clear") + 1
    quiet = page.evaluate(colour)
    page.uncheck("#live")
    assert page.evaluate(colour) != quiet


def test_the_answer_is_written_on_the_stencil_with_its_rival_dotted_when_unsure(visit):
    page = visit()
    reply = {"result": 1, "error": "", "data": [0, 0.5, 0, 0, 0, 0, 0, 0.4, 0, 0.1], "digit": 1, "confidence": 0.5}
    page.route("**/cgi-bin/mnist.py*", lambda route: route.fulfill(json={**reply, "unsure": True}))
    Hand(page).draw(DIGITS[7])
    assert answered(page) == "I'm not sure: 1 or 7?"
    drawn = page.eval_on_selector_all(
        "#sign path", "all => all.map((path) => [path.className.baseVal, path.getAttribute('d')])"
    )
    assert drawn[1:] == [["rival", "M0 0H10L0 10V20"], ["stroke", "M0 10 10 0V20"]]


def test_keys_and_kept_drawings_are_folded_away_until_they_are_asked_for(visit):
    page = visit(PHONE)
    assert page.locator("#single").is_hidden()
    assert page.locator("#album").is_hidden()
    page.click("#keys > summary")
    assert page.locator("#single").is_visible()


def test_the_whole_page_of_a_phone_is_at_most_three_screens_long(visit):
    page = visit(PHONE)
    page.wait_for_selector("#models:not([hidden])")
    assert page.evaluate("document.documentElement.scrollHeight") <= 3 * 844
