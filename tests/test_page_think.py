"""The network at work on the page: it follows the drawing, its sums add up, and keys reach all of it."""

import base64
import re
from itertools import pairwise

import numpy as np
import pytest

from page_kit import DESK, DIGITS, PHONE, Hand, answered, posts, predict, until
from reading.decoding import decode
from reading.ink import ink_of
from reading.normalising import BOX, CENTRE, cropped
from servers import wait_until


def opened(visit, button: str, shown: str):
    """The page with a four on it, and one of its sections open."""
    page = visit()
    Hand(page).draw(DIGITS[4])
    answered(page)
    page.click(button)
    page.wait_for_selector(shown)
    return page


@pytest.fixture
def watching(visit):
    """The page with the network at work."""
    return opened(visit, "#inside", ".net canvas")


def at(page) -> str:
    """Which part of the network has the focus."""
    return page.evaluate("document.activeElement.getAttribute('data-at')")


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-"))


def test_the_network_is_a_grid_of_layers_with_words_for_each_map(watching):
    heads = watching.locator(".net b:not(.outputs [role=gridcell] b)").all_inner_texts()
    assert heads[0] == "picture"
    assert heads.index("outputs") == watching.locator(".net [role=row]").count() - 1 >= 3
    assert watching.locator(".net .layer").first.locator("canvas").count() == 8
    labels = watching.eval_on_selector_all(
        ".net [role=gridcell]", "all => all.map((e) => e.getAttribute('aria-label'))"
    )
    assert labels[0] == "seen as it is"
    assert re.fullmatch(r"map \d+, at most \d+\.\d\d at row \d+, column \d+", labels[1])
    assert re.fullmatch(r"map \d+, .*, adds [+−]\d+\.\d\d", labels[-11])
    assert re.fullmatch(r"four: \d+\.\d\d", labels[-6])


def test_it_follows_the_drawing_while_it_is_open_and_asks_nothing_when_it_is_closed(watching):
    assert watching.locator("#think [aria-selected=true]").get_attribute("data-at") == "digit,4"
    watching.click("#clear")
    watching.evaluate("document.getElementById('paper').scrollIntoView()")
    Hand(watching).draw(DIGITS[7])
    until(watching, "document.querySelector('#think [aria-selected=true]')?.dataset.at === 'digit,7'")
    watching.click("#inside")
    with posts(watching) as sent:
        assert predict(watching) == "Seven"
        watching.wait_for_timeout(200)
    assert [url for url in sent if "explain" in url] == []


def test_an_empty_paper_is_said(watching):
    watching.click("#clear")
    assert watching.inner_text("#think [role=status]") == "Draw a digit, and watch the network read it."
    assert not watching.locator(".net").is_visible()


def test_what_adds_to_another_digit_is_shown_on_demand(watching):
    watching.click("[data-at='digit,9']")
    until(watching, "document.querySelector('#think [aria-selected=true]').dataset.at === 'digit,9'")
    assert watching.locator(".stage path.takes").count() > 0
    sums = watching.locator(".stage + p").inner_text()
    found = re.fullmatch(
        r"For nine, the 8 maps that count most add (\S+), the other \d+ (\S+), the bias (\S+): (\S+)\.", sums
    )
    here, others, bias, output = map(number, found.groups())
    assert here + others + bias == pytest.approx(output, abs=0.02)
    assert number(watching.inner_text("[data-at='digit,9'] span")) == output


def test_all_maps_of_a_layer_are_shown_and_put_away(watching):
    watching.click("[data-at='all,0']")
    many = int(watching.inner_text("[data-at='all,0']").split()[1])
    until(watching, f"document.querySelectorAll('.net .whole canvas').length === {many}")
    watching.click("[data-at='all,0']")
    until(watching, "!document.querySelector('.net .whole')")


def test_arrow_keys_go_from_map_to_map_and_choose_a_value_whose_sum_is_shown(watching):
    watching.focus(".net [tabindex='0']")
    assert at(watching) == "-1,0"
    watching.keyboard.press("ArrowRight")
    assert at(watching).startswith("0,")
    watching.keyboard.press("ArrowDown")
    watching.keyboard.press("ArrowRight")
    assert at(watching).startswith("1,")
    watching.focus("[data-at=map]")
    watching.keyboard.press("ArrowLeft")
    watching.wait_for_selector(".windows table")
    assert at(watching) == "map"
    inputs = [number(text.split(": ")[1]) for text in watching.locator(".windows caption").all_inner_texts()]
    told = watching.locator(".windows + p").inner_text()
    parts = [number(text) for text in re.findall(r"[+−]\d+\.\d\d", told.split(" = ")[0])]
    assert parts[:3] == inputs
    assert sum(parts) == pytest.approx(number(re.search(r" = (−?\d+\.\d\d)", told)[1]), abs=0.04)
    for table, total in zip(watching.locator(".windows table").all(), inputs, strict=True):
        cells = [cell.split("× ") for cell in table.locator("td").all_inner_texts()]
        assert sum(number(value) * number(weight) for value, weight in cells) == pytest.approx(total, abs=0.06)


def test_pointing_at_a_pixel_says_its_value(watching):
    watching.hover("[data-at=pixels]", position={"x": 1, "y": 1})
    assert watching.inner_text(".lens [role=status]") == "Row 0, column 0: 0.00 of full ink."
    watching.focus("[data-at=pixels]")
    watching.keyboard.press("ArrowRight")
    assert watching.inner_text(".lens [role=status]").startswith("Row 0, column 1: ")


def test_a_tower_can_be_switched_and_left_out(watching):
    towers = watching.locator(".towers input[type=radio]")
    assert "The way of the pen: four, " in watching.inner_text(".towers")
    towers.last.check()
    until(watching, "document.querySelector('#think [role=status]').textContent.includes('upright')")
    watching.click("[data-at=every]")
    watching.wait_for_selector("[data-at='counts,0']")
    assert watching.inner_text(".towers [role=status]").startswith("Together: four, ")
    watching.uncheck("[data-at='counts,0']")
    until(watching, "document.querySelectorAll('.towers input[type=checkbox]:not(:checked)').length === 1")
    assert watching.inner_text(".towers [role=status]").startswith("Together: four, ")
    assert at(watching) == "counts,0"


def test_of_a_number_the_chosen_digit_is_shown(visit):
    page = visit()
    for left, digit in ((0.1, 4), (0.55, 7)):
        Hand(page).draw(DIGITS[digit], (left, 0.3, 0.3, 0.45))
    answered(page)
    assert page.inner_text("#headline") == "47"
    page.click("#inside")
    page.wait_for_selector(".net canvas")
    until(page, "document.querySelector('#think [role=status]').textContent.includes('Alone it says seven')")
    page.locator("#chips button").first.click()
    until(page, "document.querySelector('#think [role=status]').textContent.includes('Alone it says four')")


def chosen(page, model: str) -> None:
    """Let another model read, and wait until it is shown at work."""
    page.select_option("#model", model)
    until(page, "document.querySelector('#think [role=status]').textContent.startsWith('This model')")


def test_another_model_shows_the_upright_picture_its_gradients_and_what_spoke_for_the_digit(watching):
    chosen(watching, "svm")
    assert watching.locator(".net b:not([role=gridcell] b)").all_inner_texts() == [
        "picture",
        "ink gradients",
        "outputs",
    ]
    assert watching.get_attribute("[data-at='-1,0']", "aria-label") == "seen upright"
    assert watching.locator("[data-at='-1,0'] canvas").count() == 2
    assert watching.locator(".net .layer canvas").count() == 8
    assert "Blue squares speak for four, orange ones against it." in watching.inner_text(".stage + p")
    watching.click("[data-at='digit,9']")
    until(watching, "document.querySelector('.stage + p').textContent.includes('speak for nine')")
    watching.focus("[data-at='0,2']")
    says = watching.locator(".lens [role=status]").inner_text()
    assert re.match(r"ink gradients, more ink below, row \d, column \d: 0\.\d\d\. It depends on the 9 × 9 pixels", says)
    assert watching.locator(".stage path").count() == watching.locator(".windows").count() == 0


@pytest.mark.parametrize(
    ("model", "heads"), [("forest", ["votes"]), ("voting", ["svm", "forest", "extra", "sgd"])], ids=["forest", "voting"]
)
def test_a_forest_shows_its_votes_and_a_vote_what_each_part_says(watching, model, heads):
    chosen(watching, model)
    assert watching.locator(".towers th[scope=col]").all_inner_texts() == ["Digit", *heads, "answer"]
    four = watching.locator(".towers tbody tr").nth(4).locator("td").all_inner_texts()
    assert len(four) == len(heads) + 1
    assert all(float(re.search(r"[\d.]+", share)[0]) > 60 for share in four)
    chosen_again = "document.querySelector('#think [role=status]').textContent.startsWith('This tower')"
    watching.select_option("#model", "cnn")
    until(watching, chosen_again)
    assert watching.locator(".towers input[type=radio]").count() > 1


# --- on the drawing ---


def framed(page) -> list[tuple[float, float]]:
    """The corners of the frame on the drawing, in pixels of the paper."""
    values = [float(each) for each in page.get_attribute("#boxes polygon", "points").split(",")]
    return list(zip(values[::2], values[1::2], strict=True))


def window(picture: bytes) -> tuple[float, float, float]:
    """Where the 28x28 picture that is made of this one begins, and the side of its pixels: top, left, side."""
    sheet = ink_of(decode(picture, []), [])
    ink, (left, top) = cropped(sheet.ink, [])
    step = max(ink.shape) / BOX
    middle = [ink.sum(1 - axis) @ (np.arange(ink.shape[axis]) + 0.5) / ink.sum() for axis in (0, 1)]
    return (sheet.top + top + middle[0] - CENTRE * step, sheet.left + left + middle[1] - CENTRE * step, step)


def test_a_map_that_is_pointed_at_or_has_the_focus_frames_on_the_drawing_what_it_depends_on(watching):
    frame = watching.locator("#boxes polygon")
    watching.mouse.move(1, 1)  # away from what came up below it
    assert frame.is_hidden()
    watching.focus(".net .layer [role=gridcell]")
    assert frame.is_visible()
    says = watching.inner_text(".lens [role=status]")
    row, column = map(int, re.search(r"row (\d+), column (\d+): ", says).groups())
    corners = framed(watching)
    with watching.expect_request("**/mnist.py*") as sent:
        predict(watching)
    top, left, step = window(base64.b64decode(sent.value.post_data.split(",")[1]))
    for (x, y), (right, down) in zip(corners, [(-1, -1), (2, -1), (2, 2), (-1, 2)], strict=True):  # of 3 x 3 pixels
        assert x == pytest.approx(left + step * (column + right), abs=3)
        assert y == pytest.approx(top + step * (row + down), abs=3)
    watching.hover(".net .layer:nth-child(4) [role=gridcell]")
    assert wait_until(lambda: framed(watching) != corners)
    watching.click("#clear")
    assert frame.is_hidden()


def test_the_frame_goes_when_the_network_is_closed(watching):
    watching.focus(".net .layer [role=gridcell]")
    assert watching.locator("#boxes polygon").is_visible()
    watching.click("#inside")
    watching.locator("#boxes polygon").wait_for(state="hidden")


@pytest.mark.parametrize(("screen", "across"), [(DESK, True), (PHONE, False)])
def test_layers_stand_side_by_side_on_a_desk_and_one_below_the_other_on_a_phone(visit, screen, across):
    page = visit(screen)
    Hand(page).draw(DIGITS[4])
    answered(page)
    page.click("#inside")
    page.wait_for_selector(".net canvas")
    first, second = (page.locator(".net .layer").nth(i).bounding_box() for i in (0, 1))
    assert (second["x"] > first["x"] + first["width"]) == across
    assert (second["y"] >= first["y"] + first["height"]) != across


# --- try to fool it ---


@pytest.fixture
def fooling(visit):
    """The page with the sliders that change a drawing."""
    return opened(visit, "#fool", ".chart .curve")


def says(page) -> str:
    return page.inner_text("#fool ~ [role=status]")


def test_the_answer_along_a_slider_comes_in_one_request_and_its_flips_are_marked(fooling):
    with posts(fooling) as sent:
        fooling.fill(".fool label:has-text('Rubber') input", "14")
        until(fooling, "document.querySelector('#fool ~ [role=status]').textContent.includes('Rubber')")
        fooling.fill(".fool label:has-text('Rubber') input", "0")
        until(fooling, "document.querySelector('#fool ~ [role=status]').textContent.startsWith('Read as four')")
    assert len(sent) == 1
    flips = re.findall(r"from (\w+) to (\w+) at (\d+) %", says(fooling))
    assert flips[0][0] == "four"
    assert len(flips) == fooling.locator(".chart .flip").count() > 0


def test_sliders_change_the_strokes_that_are_shown_and_not_the_drawing(fooling):
    before = fooling.get_attribute(".changed path", "d")
    fooling.fill(".fool label:has-text('Turn') input", "10")
    assert fooling.inner_text(".fool label:has-text('Turn') span") == "45°"
    assert fooling.get_attribute(".changed path", "d") != before
    assert predict(fooling) == "Four"


def test_a_slider_moves_by_keys_from_where_another_has_left_the_drawing(fooling):
    fooling.fill(".fool label:has-text('Turn') input", "10")
    fooling.focus(".fool label:has-text('Pen') input")
    fooling.keyboard.press("ArrowRight")
    until(fooling, "document.querySelector('#fool ~ [role=status]').textContent.includes('slider Pen')")
    assert fooling.inner_text(".fool label:has-text('Pen') span") == "112 %"
    assert fooling.inner_text(".fool label:has-text('Turn') span") == "45°"


def test_an_answer_about_another_slider_is_not_shown_in_place_of_this_ones(fooling):
    held = []
    fooling.route("**/mnist.py*", lambda route: held.append(route))
    fooling.fill(".fool label:has-text('Size') input", "2")
    until(fooling, "document.querySelector('#fool ~ [role=status]').textContent === 'Reading…'")
    fooling.wait_for_timeout(100)
    fooling.fill(".fool label:has-text('Pen') input", "8")
    held[0].continue_()
    fooling.wait_for_timeout(500)
    assert says(fooling) == "Reading…"
    for _ in range(100):  # the next request waits until the one before has its answer
        fooling.wait_for_timeout(100)
        if len(held) > 1:
            break
    held[-1].continue_()
    until(fooling, "document.querySelector('#fool ~ [role=status]').textContent.includes('slider Pen')")


def test_the_curve_is_a_table_too(fooling):
    assert fooling.locator("#fool ~ div table").is_hidden()
    fooling.click("#fool ~ div summary")
    rows = [row.split("\t") for row in fooling.inner_text("#fool ~ div tbody").splitlines()]
    assert [row[0] for row in rows] == [f"{15 * step}°" for step in range(-7, 8)]
    assert fooling.locator("#fool ~ div thead th").all_inner_texts() == ["Turn", "Answer", *"0123456789"]
    assert (rows[7][1], len(rows[7])) == ("Four", 12)
    answers = [row[1] for row in rows]
    assert fooling.locator(".chart .flip").count() == sum(one != two for one, two in pairwise(answers))


def test_there_is_nothing_to_change_on_an_empty_paper(fooling):
    fooling.click("#clear")
    assert says(fooling) == "Draw a digit, then change it."
    assert fooling.locator(".chart .curve").count() == 0
