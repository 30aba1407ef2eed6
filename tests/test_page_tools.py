"""The page's tools: live answers, undo and eraser, other ways in, reasons, corrections, keys."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from benchmarks import gallery
from page_kit import DESK, DIGITS, PHONE, WHOLE, Hand, answered, posts, unfold, until

LINES = {"upper": [[(0.1, 0.2), (0.9, 0.2)]], "lower": [[(0.1, 0.8), (0.9, 0.8)]]}
ALL = (0, 0, 1, 1)


def in_half(page, name: str) -> bool:
    """Whether there is ink in the upper or lower half of the paper."""
    Hand(page).settle()
    return page.evaluate(
        """(name) => { const c = document.getElementById("paper"), half = Math.floor(c.height / 2);
             const { data } = c.getContext("2d").getImageData(0, name === "lower" ? half : 0, c.width, half);
             return data.some((value, i) => i % 4 === 3 && value > 127); }""",
        name,
    )


def picture(tmp_path: Path, name: str = "seven.png") -> Path:
    """A file with a seven in it."""
    image = Image.new("L", (200, 300), 250)
    ImageDraw.Draw(image).line([(40, 50), (160, 50), (90, 260)], fill=20, width=18)
    image.save(tmp_path / name)
    return tmp_path / name


# --- live -------------------------------------------------------------------------------------------


def test_the_answer_follows_the_drawing_without_pressing_predict(visit):
    page = visit()
    Hand(page).draw(DIGITS[7])
    assert answered(page) == "Seven"


def test_with_live_switched_off_only_predict_asks_and_a_changed_drawing_says_so(visit):
    page = visit()
    page.uncheck("#live")
    hand = Hand(page)
    with posts(page) as sent:
        hand.draw(DIGITS[7])
        assert page.inner_text("#busy") == "Press Predict for an answer."
        assert sent == []
        page.click("#predict")
        assert answered(page) == "Seven"
        hand.draw([[(0.3, 0.5), (0.7, 0.5)]])
        assert len(sent) == 1
    assert page.inner_text("#busy") == "The drawing has changed. Press Predict for a new answer."


def test_there_are_never_two_questions_under_way_and_the_newest_drawing_wins(visit):
    page = visit()
    under_way, most, last = [0], [0], [""]

    def slow(route):
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        last[0] = route.request.post_data
        page.wait_for_timeout(120)
        under_way[0] -= 1
        route.continue_()

    page.route("**/cgi-bin/mnist.py*", slow)
    for digit in range(10):
        Hand(page).draw(DIGITS[digit], (0.2, 0.2, 0.5, 0.5))
        if digit < 9:
            page.click("#clear")
    assert answered(page) == "Nine"
    shown = page.evaluate(
        "async () => (await import('/static/draw/paint.js')).toPng(JSON.parse(await new Promise((resolve) => {"
        " const open = indexedDB.open('mnist-draw'); open.onsuccess = () => {"
        " const all = open.result.transaction('drawings').objectStore('drawings').getAll();"
        " all.onsuccess = () => resolve(JSON.stringify("
        " all.result.sort((a, b) => b.when - a.when)[0].strokes)); }; })))"
    )
    assert most == [1]
    assert shown == last[0]


def test_an_answer_that_comes_after_clear_is_not_shown(visit):
    page = visit()
    held = []
    page.route("**/cgi-bin/mnist.py*", lambda route: held.append(route))
    Hand(page).draw(DIGITS[7])
    page.click("#clear")
    with page.expect_response("**/cgi-bin/mnist.py*") as response:
        held.pop().continue_()
    response.value.finished()
    Hand(page).settle()
    assert page.inner_text("#headline") == "Nothing drawn yet"
    assert page.locator("#seen").is_hidden()


def test_while_the_server_is_slow_the_page_says_so_and_goes_on_drawing(visit):
    page = visit()
    held, open_again = [], []
    page.route("**/cgi-bin/mnist.py*", lambda route: route.continue_() if open_again else held.append(route))
    hand = Hand(page)
    hand.draw(DIGITS[7])
    ink = hand.ink()
    until(page, "document.getElementById('busy').textContent === 'Reading…'")
    until(page, "document.getElementById('busy').textContent.startsWith('Still waiting for the server.')")
    hand.draw([[(0.3, 0.5), (0.7, 0.5)]])
    assert hand.ink() > ink
    open_again.append(True)
    held.pop().continue_()
    assert answered(page) == "Seven"
    assert page.inner_text("#busy") == ""


# --- canvas -----------------------------------------------------------------------------------------


def test_strokes_can_be_undone_and_redone_by_button_and_by_key(visit):
    page = visit()
    hand = Hand(page)
    hand.draw(LINES["upper"], ALL)
    hand.draw(LINES["lower"], ALL)
    page.keyboard.press("Control+z")
    assert (in_half(page, "upper"), in_half(page, "lower")) == (True, False)
    page.click("#undo")
    assert (in_half(page, "upper"), page.is_disabled("#undo")) == (False, True)
    page.keyboard.press("Control+y")
    page.keyboard.press("Control+Shift+z")
    assert (in_half(page, "upper"), in_half(page, "lower")) == (True, True)
    assert page.is_disabled("#redo")


def test_clear_can_be_undone(visit):
    page = visit()
    Hand(page).draw(DIGITS[7])
    page.click("#clear")
    page.click("#undo")
    assert in_half(page, "upper")
    assert answered(page) == "Seven"


def test_the_eraser_takes_away_the_whole_stroke_it_touches_and_no_other(visit):
    page = visit()
    hand = Hand(page)
    hand.draw(LINES["upper"], ALL)
    hand.draw(LINES["lower"], ALL)
    page.click("#eraser")
    hand.draw([[(0.5, 0.1), (0.5, 0.3)]], ALL)
    assert (in_half(page, "upper"), in_half(page, "lower")) == (False, True)


def test_a_wider_pen_leaves_more_ink(visit):
    page = visit()
    hand = Hand(page)
    amounts = []
    for width in ("6", "36"):
        page.fill("#width", width)
        hand.draw(LINES["upper"], ALL)
        amounts.append(hand.ink())
        page.click("#clear")
    assert amounts[1] == pytest.approx(6 * amounts[0], rel=0.25)


def test_a_pen_that_presses_harder_draws_thicker(visit):
    page = visit()
    hand = Hand(page)
    amounts = []
    for force in (0.1, 0.9):
        hand.pen("mousePressed", (0.2, 0.5), force)
        hand.pen("mouseMoved", (0.5, 0.5), force)
        hand.pen("mouseMoved", (0.8, 0.5), force)
        hand.pen("mouseReleased", (0.8, 0.5), force)
        amounts.append(hand.ink())
        page.click("#clear")
    assert amounts[1] > 1.8 * amounts[0] > 0


def test_a_pen_takes_the_paper_from_the_palm(visit):
    page = visit(PHONE)
    hand = Hand(page)
    hand.finger("touchStart", (0.8, 0.9))
    hand.finger("touchMove", (0.7, 0.9))
    hand.pen("mousePressed", (0.2, 0.2))
    hand.pen("mouseMoved", (0.8, 0.2))
    hand.pen("mouseReleased", (0.8, 0.2))
    hand.finger("touchEnd")
    assert (in_half(page, "upper"), in_half(page, "lower")) == (True, False)


def test_turning_the_phone_keeps_the_drawing(visit):
    page = visit(PHONE)
    hand = Hand(page)
    hand.touch(DIGITS[7])
    share = hand.ink() / page.evaluate("document.getElementById('paper').width ** 2")
    page.set_viewport_size({"width": 667, "height": 375})
    hand.settle()
    turned = hand.ink() / page.evaluate("document.getElementById('paper').width ** 2")
    assert turned == pytest.approx(share, rel=0.03)


# --- other ways in ----------------------------------------------------------------------------------


def test_several_files_are_read_and_what_can_not_be_has_its_own_explanation(visit, tmp_path):
    (tmp_path / "notes.txt").write_text("seven")
    (tmp_path / "broken.png").write_bytes(picture(tmp_path).read_bytes()[:120])
    (tmp_path / "empty.png").write_bytes(b"")
    names = ["seven.png", "notes.txt", "broken.png", "empty.png"]
    page = visit()
    page.set_input_files("#file", [tmp_path / name for name in names])
    until(page, "![...document.querySelectorAll('#pictures li')].some(li => li.textContent.includes('Reading'))")
    lines = dict(line.split("\n", 1) for line in page.locator("#pictures li").all_inner_texts())
    assert lines["seven.png"].startswith("Seven.")
    assert lines["notes.txt"] == "This is not a picture. Send PNG, JPEG, WebP, GIF or BMP."
    assert lines["empty.png"] == "This file is empty."
    assert page.locator("#pictures li.failed").count() == 3


def test_a_mistake_of_the_page_with_one_picture_does_not_stop_the_others(visit, tmp_path):
    for name in ("first.png", "second.png"):
        (tmp_path / name).write_bytes(picture(tmp_path).read_bytes())
    page = visit()
    visit.allowed.append("ranking")
    visit.allowed.append("undefined")
    broken = {"result": 1, "results": []}  # a form that the page's check lets pass and its words can't be made of
    page.route("**/cgi-bin/mnist.py*", lambda route: route.fulfill(json=broken), times=1)
    page.set_input_files("#file", [tmp_path / "first.png", tmp_path / "second.png"])
    until(page, "![...document.querySelectorAll('#pictures li')].some(li => li.textContent.includes('Reading'))")
    lines = dict(line.split("\n", 1) for line in page.locator("#pictures li").all_inner_texts())
    assert lines["first.png"] == "This page made a mistake with this picture. The browser's console says more."
    assert lines["second.png"].startswith("Seven.")


def opened_picture(visit, tmp_path):
    """A page that shows a picture of a seven in the big view."""
    page = visit()
    page.set_input_files("#file", picture(tmp_path))
    page.click("#pictures button:not([disabled])")
    assert page.inner_text("#headline") == "Seven"
    assert page.locator("#shown").is_visible()
    return page


def test_a_picture_can_be_opened_in_the_big_view_and_drawing_takes_it_away(visit, tmp_path):
    page = opened_picture(visit, tmp_path)
    Hand(page).draw(LINES["upper"], ALL)
    assert page.locator("#shown").is_hidden()


def test_a_picture_that_is_shown_and_a_file_that_is_none_are_let_go_of(visit, tmp_path):
    page = visit()
    page.evaluate("""() => {
        window.held = new Set();
        const [make, free] = [URL.createObjectURL, URL.revokeObjectURL];
        URL.createObjectURL = (what) => { const url = make.call(URL, what); held.add(url); return url; };
        URL.revokeObjectURL = (url) => { free.call(URL, url); held.delete(url); };
    }""")
    (tmp_path / "none.png").write_text("no picture")
    page.set_input_files("#file", [picture(tmp_path), tmp_path / "none.png"])
    page.click("#pictures button:not([disabled])")
    assert page.locator("#shown").is_visible()
    until(page, "document.querySelector('#pictures li.failed') && held.size === 0")


@pytest.mark.parametrize("way", ["button", "key"])
def test_a_picture_that_is_shown_can_be_cleared_with_its_answer(visit, tmp_path, way):
    page = opened_picture(visit, tmp_path)
    page.click("#clear") if way == "button" else page.keyboard.press("c")
    until(page, "document.getElementById('answer').dataset.state === 'empty'")
    assert page.locator("#shown").is_hidden()
    assert page.locator("#seen").is_hidden()
    assert page.locator("#hint").is_visible()
    assert set(page.locator("#scores td").all_inner_texts()) == {"–"}
    assert page.locator("#clear").is_disabled()
    page.click("#predict")  # the picture is not merely out of sight
    page.wait_for_selector('#answer[data-state="failed"]')


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_pictures_can_be_dropped_and_pasted(visit, tmp_path, way):
    page = visit()
    page.evaluate(
        """([way, bytes]) => {
             const data = new DataTransfer();
             data.items.add(new File([new Uint8Array(bytes)], "seven.png", { type: "image/png" }));
             const event = way === "drop" ? new DragEvent("drop", { dataTransfer: data, cancelable: true })
               : new ClipboardEvent("paste", { clipboardData: data, cancelable: true });
             window.dispatchEvent(event); }""",
        [way, list(picture(tmp_path).read_bytes())],
    )
    page.wait_for_selector("#pictures button:not([disabled])")
    assert page.inner_text("#pictures li").startswith("seven.png\nSeven.")


def test_a_picture_too_large_for_the_server_is_scaled_down_first(visit, tmp_path):
    Image.open(picture(tmp_path)).resize((3400, 5100)).save(tmp_path / "large.png")
    page = visit()
    page.set_input_files("#file", tmp_path / "large.png")
    page.wait_for_selector("#pictures button:not([disabled])")
    assert page.inner_text("#pictures li").startswith("large.png\nSeven.")


def test_every_sample_can_be_drawn_and_is_read_as_what_it_is(visit):
    page = visit()
    wrong = {}
    for button in page.locator("#samples button").all():
        style = button.get_attribute("title")
        button.click()
        answered(page)
        winner = page.inner_text("#scores .first th")
        if winner != style[0]:
            wrong[style] = winner
    assert page.locator("#samples button").count() == 19
    assert wrong == {}


def test_each_sample_says_how_often_such_drawings_are_read(visit):
    page = visit()
    drawn, read = gallery.on_page()
    assert page.locator("#samples small").all_inner_texts() == [f"{each} of {drawn}" for each in read]
    label = page.locator("#samples button").nth(1).get_attribute("aria-label")
    assert label == f"Sample: 1 with a flag: Germany, Poland. {read[1]} of {drawn} like it are read right"


# --- understanding ----------------------------------------------------------------------------------


def test_what_spoke_for_each_digit_is_shown_as_a_heat_map(visit):
    page = visit()
    Hand(page).draw(DIGITS[7])
    answered(page)
    page.click("#why")
    page.wait_for_selector("#heat:not([hidden])")
    assert page.is_checked('#why-digits input[value="7"]')
    assert heat(page) > 0
    with page.expect_response("**/cgi-bin/mnist.py*digit=1*"):
        page.click('#why-digits label:has-text("1")')
    until(page, "document.getElementById('why-says').textContent.includes('one')")
    page.click("#clear")
    assert page.locator("#heat").is_hidden()


def heat(page) -> int:
    """How many of the heat map's pixels are coloured."""
    return page.evaluate(
        """() => { const c = document.getElementById("heat-map");
             const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
             return data.filter((value, i) => i % 4 === 3 && value > 0).length; }"""
    )


def cards(page) -> list[dict]:
    """What the server says of its models."""
    return page.request.get(page.url + "cgi-bin/mnist.py").json()["models"]


@pytest.mark.parametrize("width", [320, 1280])
def test_the_menu_offers_every_model_and_one_sentence_says_how_good_the_chosen_one_is(visit, width):
    page = visit({"viewport": {"width": width, "height": 800}})
    page.wait_for_selector("#models:not([hidden])")
    known = {card["name"]: (card["title"], f"{100 * card['accuracy']:.2f}\u00a0%") for card in cards(page)}
    options = page.eval_on_selector_all("#model option", "all => all.map((each) => [each.value, each.text])")
    assert len(known) > 1
    assert dict(options) == {name: title for name, (title, _) in known.items()}
    for name, (_, accuracy) in known.items():
        page.select_option("#model", name)
        assert page.inner_text("#card") == f"right on {accuracy} of MNIST's test"
        assert page.inner_text("main").count(accuracy) == 1
        for place in ("#model", "#card"):
            box = page.locator(place).bounding_box()
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width


def test_all_models_can_be_asked_at_once(visit):
    page = visit()
    page.wait_for_selector("#models:not([hidden])")
    Hand(page).draw(DIGITS[7])
    answered(page)
    page.click("#compare")
    until(page, "![...document.querySelectorAll('#compared td')].some(cell => cell.textContent === '…')")
    titles = [card["title"] for card in cards(page)]
    assert page.locator("#compared-rows th").all_inner_texts() == titles
    assert page.locator("#compared-rows td:first-of-type").all_inner_texts() == ["Seven"] * len(titles)


def test_another_model_answers_when_it_is_chosen(visit):
    page = visit()
    page.wait_for_selector("#models:not([hidden])")
    Hand(page).draw(DIGITS[7])
    answered(page)
    other = page.eval_on_selector("#model", "menu => [...menu.options].find(option => !option.selected).value")
    with page.expect_response(f"**/cgi-bin/mnist.py?model={other}"):
        page.select_option("#model", other)
    assert answered(page) == "Seven"


# --- teaching ---------------------------------------------------------------------------------------


def drawn_and_labelled(page) -> None:
    """A seven that is left as it is, and a two of which we say that it was a three."""
    hand = Hand(page)
    hand.draw(DIGITS[7])
    answered(page)
    page.wait_for_selector("#album li", state="attached")
    page.click("#clear")
    hand.draw(DIGITS[2])
    answered(page)
    until(page, "document.querySelectorAll('#album li').length === 2")
    page.keyboard.press("3")
    until(page, "document.getElementById('tally').textContent.includes('corrected 1')")
    unfold(page)


def test_answers_can_be_corrected_and_are_counted_also_after_a_reload(visit):
    page = visit()
    drawn_and_labelled(page)
    assert page.inner_text("#tally") == "Right 1 of 2 here; you corrected 1."
    page.reload()
    until(page, "document.querySelectorAll('#album li').length === 2")
    assert page.inner_text("#tally") == "Right 1 of 2 here; you corrected 1."
    unfold(page)
    assert page.locator("#album span").all_inner_texts() == ["3, read as 2", "7"]


def test_a_kept_drawing_can_be_opened_and_corrected_again(visit):
    page = visit()
    drawn_and_labelled(page)
    page.click("#album li:first-child button")
    assert answered(page) == "Two"
    until(page, "!document.querySelector('#labels button').disabled")
    page.click("#labels button:nth-child(3)")
    until(page, "document.getElementById('tally').textContent === 'Right 2 of 2 here: you corrected none.'")


def test_the_labelled_drawings_can_be_saved_as_kaggle_csv_and_as_json_with_strokes(visit, tmp_path):
    page = visit()
    drawn_and_labelled(page)
    files = {}
    for only_mine in (True, False):
        page.set_checked("#mine", only_mine)
        for kind in ("csv", "json"):
            with page.expect_download() as download:
                page.click(f"#{kind}")
            files[kind, only_mine] = Path(download.value.path()).read_text()
    header, *rows = csv.reader(io.StringIO(files["csv", False]))
    assert header == ["label", *(f"pixel{i}" for i in range(784))]
    assert [row[0] for row in rows] == ["3", "7"]
    assert all(max(map(int, row[1:])) == 255 and row[1] == "0" for row in rows)
    assert len(list(csv.reader(io.StringIO(files["csv", True])))) == 2
    assert [d["label"] for d in json.loads(files["json", True])["drawings"]] == [3]
    assert json.loads(files["json", False])["drawings"][1]["strokes"][0]["width"] == 16


def test_what_is_exported_is_what_the_network_saw(visit):
    page = visit()
    drawn_and_labelled(page)
    same = page.evaluate(
        """async () => {
             const { greys } = await import("/static/keep/png.js");
             const image = document.getElementById("seen");
             const canvas = document.createElement("canvas");
             canvas.width = canvas.height = 28;
             canvas.getContext("2d").drawImage(image, 0, 0);
             const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
             const pixels = await greys(image.src);
             return pixels.length === 784 && pixels.every((value, i) => value === data[4 * i]); }"""
    )
    assert same is True


def test_forget_all_forgets_all(visit):
    page = visit()
    drawn_and_labelled(page)
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#forget")
    until(page, "document.getElementById('tally').textContent === 'Nothing kept yet.'")
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    until(page, "document.getElementById('tally').textContent === 'Nothing kept yet.'")


def test_a_browser_that_can_not_keep_a_drawing_says_so_and_keeps_it_for_now(visit):
    page = visit()
    assert page.text_content("#kept") == "Drawings are kept in this browser and never leave this machine."
    page.evaluate(  # fails as late as a full disk does: not when asked to write, but when all is to be written for good
        """() => { const { add, put } = IDBObjectStore.prototype;
             IDBObjectStore.prototype.put = function (row) { add.call(this, row); return add.call(this, row); };
             window.mend = () => { IDBObjectStore.prototype.put = put; }; }"""
    )
    Hand(page).draw(DIGITS[7])
    assert answered(page) == "Seven"
    until(page, "document.getElementById('kept').textContent.startsWith('This browser does not keep them now')")
    assert page.inner_text("#tally") == "Right 1 of 1 here: you corrected none."
    page.evaluate("mend()")
    page.click("#labels button:nth-child(8)")
    until(page, "document.getElementById('kept').textContent.startsWith('Drawings are kept in this browser')")


def test_a_browser_that_refuses_to_forget_says_so_and_still_shows_what_it_keeps(visit):
    page = visit()
    drawn_and_labelled(page)
    page.evaluate("() => { IDBObjectStore.prototype.clear = () => { throw new DOMException('no'); }; }")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#forget")
    until(page, "document.getElementById('kept').textContent.startsWith('This browser refused to forget them')")
    assert page.locator("#album li").count() == 2


# --- keys -------------------------------------------------------------------------------------------


def test_a_digit_can_be_drawn_with_the_keyboard_alone(visit):
    page = visit()
    page.keyboard.press("d")
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    for key, times in (("ArrowRight", 13), ("ArrowDown", 3)):
        for _ in range(times):
            page.keyboard.press(key)
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert answered(page) == "Seven"
    assert page.inner_text("#announce").startswith("Seven, ")
    page.keyboard.press("c")
    assert page.inner_text("#headline") == "Nothing drawn yet"


def test_single_keys_can_be_switched_off(visit):
    page = visit(DESK)
    Hand(page).draw(DIGITS[7], WHOLE)
    answered(page)
    unfold(page)
    page.uncheck("#single")
    page.keyboard.press("c")
    assert page.inner_text("#headline") == "Seven"
    page.keyboard.press("Control+z")
    assert page.inner_text("#headline") == "Nothing drawn yet"


ODD_RECORDS = """(strokes) => new Promise((done) => {
    const opened = indexedDB.open("mnist-draw", 1);
    opened.onsuccess = () => {
      const transaction = opened.result.transaction("drawings", "readwrite");
      const good = { when: 1, guess: 3, confidence: 1, label: null, pixels: new Uint8Array(784) };
      strokes.forEach((each, i) => transaction.objectStore("drawings").put({ ...good, id: `${i}`, strokes: each }));
      transaction.objectStore("drawings").put({ id: "other", theirs: true });
      transaction.oncomplete = () => done(opened.result.close());
    };
  })"""


def test_stored_drawings_that_lack_what_is_shown_are_left_out_and_the_others_stay(visit):
    page = visit()
    until(page, "document.getElementById('tally').textContent === 'Nothing kept yet.'")
    line = [{"width": 16, "points": [{"x": 9, "y": 9, "pressure": 0.5}]}]
    strange = [None, [], "none", [None], [{"width": 16, "points": []}], [{"points": line[0]["points"]}]]
    page.evaluate(ODD_RECORDS, [line, *strange, [{"width": 16, "points": [{"x": 1, "y": None, "pressure": 1}]}]])
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    until(page, "document.getElementById('tally').textContent === 'Right 1 of 1 here: you corrected none.'")
    assert page.locator("#album li").count() == 1
    assert page.inner_text("#kept") == "Some drawings that this browser keeps can't be read and are left out."
