"""Journeys through the page, written once and made in each engine: Chromium, Firefox and WebKit.

What an engine can't do is in `engines.CANNOT` and in docs/platforms.md.
"""

import base64
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput

import servers
from engines import CANNOT, ENGINES, Browser, Taste
from page_kit import DIGITS, ROOT
from visitor import Visitor

NAMES = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"]
ALL = (0.0, 0.0, 1.0, 1.0)
UPPER, LOWER = [[(0.1, 0.2), (0.9, 0.2)]], [[(0.1, 0.8), (0.9, 0.8)]]
# On speed, as the tests read the canvas; and on the file that a visitor comes from, which has no icon: at times late.
REMARKS = ["willReadFrequently", "Layout was forced", "/favicon.ico"]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with ENGINES[request.param](tmp_path_factory.mktemp(request.param), Taste()) as browser:
        yield browser


@pytest.fixture
def visitor(engine: Browser, http_server: servers.Server) -> Iterator[Visitor]:
    """Somebody who is on the page for the first time; what the browser objects to fails the journey."""
    yield from visit(engine, http_server.url, [])


@pytest.fixture
def unlucky(engine: Browser, tmp_path: Path) -> Iterator[tuple[Visitor, "Comings"]]:
    """Somebody whose server comes and goes; of what can't be loaded the browser may speak."""
    server = Comings(tmp_path / "log")
    try:
        server.come()
        for visitor in visit(engine, f"http://127.0.0.1:{server.port}", ["Failed to load", "ERR_"]):
            yield visitor, server
    finally:
        server.go()


def test_the_page_has_an_icon_of_its_own(visitor: Visitor, http_server: servers.Server) -> None:
    address = visitor.run("return document.querySelector('link[rel=icon]').href")
    answer = http_server.ask(method="GET", path=address.removeprefix(http_server.url))
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")


def visit(engine: Browser, url: str, allowed: list[str]) -> Iterator[Visitor]:
    visitor = Visitor(engine, url)
    visitor.arrive()
    yield visitor
    allowed = [*allowed, *REMARKS]
    assert [line for line in visitor.complaints() if not any(part in line for part in allowed)] == []


class Comings:
    """`make serve` on a port that stays the same, so that it can come back where it was."""

    def __init__(self, log: Path) -> None:
        self.log, self.port = log, servers.free_port()

    def come(self) -> None:
        command = ["deploy/start.py", "--bind", "127.0.0.1", str(self.port)]
        environment = servers.environment()
        self._running = servers.running(
            "http.server", [sys.executable, *command], self.log, self.port, cwd=ROOT, env=environment
        )
        self._running.__enter__()

    def go(self) -> None:
        self._running.__exit__(None, None, None)


def seven(folder: Path, name: str = "seven.png") -> Path:
    """A file with a picture of a seven."""
    image = Image.new("L", (200, 300), 250)
    ImageDraw.Draw(image).line([(40, 50), (160, 50), (90, 260)], fill=20, width=18)
    image.save(folder / name)
    return folder / name


# --- drawing ----------------------------------------------------------------------------------------


def test_each_digit_is_named_while_it_is_drawn(visitor):
    headlines = {}
    for digit in range(10):
        visitor.draw(DIGITS[digit])
        headlines[digit] = visitor.answer()
        visitor.press("#clear")
    assert headlines == dict(enumerate(NAMES))


def test_there_are_ten_bars_that_share_one_whole(visitor):
    visitor.draw(DIGITS[7])
    visitor.answer()
    assert visitor.texts("#scores th") == [str(digit) for digit in range(10)]
    assert all(share.endswith("%") for share in visitor.texts("#scores td"))
    assert visitor.text("#scores .first th") == "7"
    widths = visitor.run("return [...document.querySelectorAll('.bar')].map(b => +b.style.getPropertyValue('--share'))")
    assert sum(widths) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_a_finger_and_a_pen_draw_and_the_page_stays_where_it_is(visitor, kind):
    visitor.browser.needs(kind)
    visitor.run("window.kinds = new Set(); addEventListener('pointerdown', (e) => kinds.add(e.pointerType), true)")
    visitor.draw(DIGITS[2], kind=kind)
    assert visitor.answer() == "Two"
    assert visitor.run("return [scrollY, ...kinds]") == [0, kind]


def test_a_second_finger_leaves_no_mark(visitor):
    visitor.browser.needs("touch")
    visitor.run("window.fingers = new Set(); addEventListener('pointermove', (e) => fingers.add(e.pointerId), true)")
    places = {point: visitor.at(point) for point in [(0.2, 0.2), (0.5, 0.2), (0.8, 0.2), (0.8, 0.8), (0.3, 0.8)]}
    both = ActionBuilder(visitor.driver, duration=8)
    one, two = (both.add_pointer_input("touch", name) for name in ("one", "two"))
    glide(one, [places[0.2, 0.2], places[0.5, 0.2], places[0.8, 0.2]])
    two.create_pause(0)
    two.create_pause(0)
    glide(two, [places[0.8, 0.8], places[0.3, 0.8]])
    both.perform()
    assert visitor.run("return fingers.size") == 2
    assert visitor.ink(0, 0.5) > 0
    assert visitor.ink(0.5, 1) == 0


def glide(finger: PointerInput, places: list[tuple[int, int]]) -> None:
    """Have a finger come down, move and go up; each step takes as long as that of another finger."""
    finger.create_pointer_move(duration=0, x=places[0][0], y=places[0][1])
    finger.create_pointer_down(button=0)
    for x, y in places[1:]:
        finger.create_pointer_move(duration=8, x=x, y=y)
    finger.create_pointer_up(0)


def test_a_stroke_goes_on_outside_the_paper_and_ends_where_the_mouse_lets_go(visitor):
    visitor.stroke([visitor.at(point) for point in [(0.5, 0.5), (1.2, 0.5), (1.2, 0.8), (0.5, 0.8), (1.2, 0.9)]])
    ink = visitor.ink()
    assert visitor.ink(0.6, 1) > 0
    hover = ActionBuilder(visitor.driver, duration=8)
    for point in ((0.2, 0.2), (0.8, 0.2)):
        hover.pointer_action.move_to_location(*visitor.at(point))
    hover.perform()
    assert visitor.ink() == ink


def test_only_the_main_button_draws(visitor):
    visitor.browser.needs("right button")
    visitor.run("addEventListener('contextmenu', (event) => event.preventDefault())")
    visitor.stroke([visitor.at((0.3, 0.3)), visitor.at((0.7, 0.7))], button=2)
    assert visitor.ink() == 0


def test_strokes_are_undone_redone_and_cleared_by_buttons_and_by_keys(visitor):
    def halves() -> tuple[bool, bool]:
        return visitor.ink(0, 0.5) > 0, visitor.ink(0.5, 1) > 0

    visitor.draw(UPPER, ALL)
    visitor.draw(LOWER, ALL)
    visitor.keys("CONTROL+z")
    assert halves() == (True, False)
    visitor.press("#undo")
    assert halves() == (False, False)
    visitor.press("#redo")
    visitor.keys("CONTROL+SHIFT+z")
    assert halves() == (True, True)
    visitor.press("#clear")
    assert (halves(), visitor.text("#headline")) == ((False, False), "Nothing drawn yet")
    visitor.press("#undo")
    assert halves() == (True, True)
    visitor.keys("c")
    assert halves() == (False, False)


def test_the_eraser_takes_the_stroke_that_it_touches(visitor):
    visitor.draw(UPPER, ALL)
    visitor.draw(LOWER, ALL)
    visitor.press("#eraser")
    visitor.draw([[(0.5, 0.1), (0.5, 0.3)]], ALL)
    assert visitor.ink(0, 0.5) == 0
    assert visitor.ink(0.5, 1) > 0


def test_a_seven_is_drawn_and_read_by_keys_alone(visitor):
    visitor.keys("d", *["ARROW_LEFT"] * 7, "SPACE", *["ARROW_RIGHT"] * 13, *["ARROW_DOWN"] * 3)
    visitor.keys(*["ARROW_LEFT", "ARROW_DOWN", "ARROW_DOWN"] * 8, "SPACE")
    assert visitor.answer() == "Seven"
    assert visitor.run("return document.getElementById('announce').textContent").startswith("Seven, ")
    visitor.keys("c")
    assert visitor.text("#headline") == "Nothing drawn yet"


def test_the_paper_keeps_the_drawing_when_the_window_changes(visitor):
    visitor.draw(DIGITS[7])
    share = visitor.ink() / visitor.run("return document.getElementById('paper').width ** 2")
    visitor.browser.resize(620, 760)
    visitor.until("innerWidth < 700")
    turned = visitor.ink() / visitor.run("return document.getElementById('paper').width ** 2")
    assert turned == pytest.approx(share, rel=0.03)


# --- answers ----------------------------------------------------------------------------------------


def test_who_switches_live_reading_off_is_answered_when_asking(visitor):
    visitor.press("#live")
    visitor.draw(DIGITS[7])
    assert visitor.text("#headline") == "Nothing drawn yet"
    visitor.press("#predict")
    assert visitor.answer() == "Seven"


def test_empty_paper_gets_a_sentence(visitor):
    visitor.press("#predict")
    visitor.answer()
    assert visitor.text("#detail").startswith("There is nothing on the paper yet.")


def test_another_model_answers_when_it_is_chosen(visitor):
    visitor.until("document.querySelectorAll('#model option').length > 1")
    visitor.draw(DIGITS[7])
    visitor.answer()
    other = visitor.run("return [...document.getElementById('model').options].find((each) => !each.selected).value")
    visitor.choose("#model", other)
    visitor.until(f"performance.getEntriesByType('resource').some((each) => each.name.includes('model={other}'))")
    assert visitor.answer() == "Seven"


def test_all_models_are_asked_at_once(visitor):
    visitor.until("document.querySelectorAll('#model option').length > 1")
    models = visitor.run("return document.getElementById('model').options.length")
    visitor.draw(DIGITS[7])
    visitor.answer()
    visitor.press("#compare")
    visitor.until("![...document.querySelectorAll('#compared td')].some((cell) => cell.textContent === '…')")
    assert visitor.texts("#compared-rows td:first-of-type") == ["Seven"] * models


def test_what_spoke_for_a_digit_is_shown_when_asked_for(visitor):
    visitor.draw(DIGITS[7])
    visitor.answer()
    assert not visitor.sees("#heat-map")
    visitor.press("#why")
    visitor.until("document.getElementById('heat-map').checkVisibility()")
    coloured = """const map = document.getElementById("heat-map");
      const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
      return data.filter((value, i) => i % 4 === 3 && value > 0).length;"""
    visitor.wait(lambda: visitor.run(coloured), "the heat map has colours")


def test_the_network_is_watched_at_work(visitor):
    visitor.draw(DIGITS[7])
    visitor.answer()
    assert not visitor.sees(".net")
    visitor.press("#inside")
    visitor.until("document.querySelector('#think [aria-selected=true]')?.dataset.at === 'digit,7'")
    maps = (
        "return [...document.querySelectorAll('.net .layer')].map((layer) => layer.querySelectorAll('canvas').length)"
    )
    assert visitor.run(maps)[0] == 8
    coloured = """const map = document.querySelector(".net .layer canvas");
      const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
      return new Set(data).size;"""
    visitor.wait(lambda: visitor.run(coloured) > 2, "a map has more than one colour")


# --- what is brought, kept and taken away -----------------------------------------------------------


def test_files_are_read_and_what_is_no_picture_says_so(visitor, tmp_path):
    (tmp_path / "notes.txt").write_text("seven")
    visitor.bring(seven(tmp_path), tmp_path / "notes.txt")
    visitor.until("document.querySelector('#pictures .failed') && document.querySelector('#pictures button:enabled')")
    texts = sorted(visitor.texts("#pictures li"))
    assert texts[0] == "notes.txt This is not a picture. Send PNG, JPEG, WebP, GIF or BMP."
    assert texts[1].startswith("seven.png Seven.")
    visitor.press("#pictures button:enabled")
    assert visitor.answer() == "Seven"


COPY = """const [bytes] = arguments;
  addEventListener("pointerup", () => navigator.clipboard.write([new ClipboardItem({ "image/png":
    new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], { type: "image/png" }) })])
    .then(() => { document.body.dataset.copied = ""; }), { once: true });"""

HAND_OVER = """const [kind, bytes] = arguments, data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "seven.png", { type: "image/png" }));
  dispatchEvent(kind === "drop" ? new DragEvent("drop", { dataTransfer: data, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: data, cancelable: true }));"""


def encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def test_a_picture_is_pasted_from_the_clipboard(visitor, tmp_path):
    if (visitor.browser.name, "clipboard") in CANNOT:
        visitor.run(HAND_OVER, "paste", encoded(seven(tmp_path)))
    else:
        visitor.run(COPY, encoded(seven(tmp_path)))
        visitor.press("h1")
        visitor.until("'copied' in document.body.dataset")
        visitor.keys("CONTROL+v")
    visitor.until("document.querySelector('#pictures button:enabled')")
    assert " Seven." in visitor.text("#pictures li")


def test_a_picture_is_dropped(visitor, tmp_path):
    visitor.run(HAND_OVER, "drop", encoded(seven(tmp_path)))
    visitor.until("document.querySelector('#pictures button:enabled')")
    assert visitor.text("#pictures li").startswith("seven.png Seven.")


def test_samples_are_drawn_and_read(visitor):
    visitor.press("#samples li:first-child button")
    visitor.answer()
    wanted = visitor.run("return document.querySelector('#samples button').title[0]")
    assert visitor.text("#scores .first th") == wanted
    assert visitor.ink() > 0


def corrected(visitor: Visitor) -> None:
    """Draw a two and say that it was a three."""
    visitor.draw(DIGITS[2])
    visitor.answer()
    visitor.until("document.querySelectorAll('#album li').length === 1")
    visitor.press("#labels button:nth-child(4)")
    visitor.until("document.getElementById('tally').textContent.includes('corrected 1')")


def test_a_correction_stays_until_the_next_visit_and_the_drawing_opens_again(visitor):
    corrected(visitor)
    visitor.open()
    visitor.until("document.querySelectorAll('#album li').length === 1")
    assert visitor.run("return document.querySelector('#album span').textContent") == "3, read as 2"
    visitor.press("#album li button")
    assert visitor.answer() == "Two"


def test_corrections_are_saved_as_files_and_forgotten(visitor):
    corrected(visitor)
    folder = visitor.browser.downloads
    before = set(folder.glob("digits*"))
    visitor.press("#csv")
    # WebKit's MiniBrowser moves the page for its list of downloads, maybe under a pointer that is down.
    visitor.wait(lambda: len(saved(folder) - before) == 1, "a file is saved")
    visitor.press("#json")
    visitor.wait(lambda: len(saved(folder) - before) == 2, "two files are saved")
    files = {file.suffix: file.read_text() for file in saved(folder) - before}
    header, row = csv.reader(files[".csv"].splitlines())
    assert (header, row[0], len(row)) == (["label", *(f"pixel{i}" for i in range(784))], "3", 785)
    assert [each["label"] for each in json.loads(files[".json"])["drawings"]] == [3]
    visitor.press("#forget")
    visitor.driver.switch_to.alert.accept()
    visitor.until("document.getElementById('tally').textContent === 'Nothing kept yet.'")


def saved(folder: Path) -> set[Path]:
    """The files that are saved to their end."""
    return {file for file in folder.glob("digits*") if file.suffix in (".csv", ".json") and file.stat().st_size}


# --- look, and trouble ------------------------------------------------------------------------------


def test_nothing_sticks_out_sideways(visitor):
    visitor.draw(DIGITS[7])
    visitor.answer()
    for width in (1280, 900, 520):
        visitor.browser.resize(width, 900)
        visitor.until(f"innerWidth <= {width}")
        sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert (width, visitor.run(sideways)) == (width, 0)


def test_colours_that_were_chosen_stay_chosen(visitor):
    light = visitor.style("html", "backgroundColor")
    visitor.choose("#theme", "dark")
    dark = visitor.style("html", "backgroundColor")
    visitor.open()
    assert (visitor.style("html", "backgroundColor"), dark != light) == (dark, True)


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    """A browser of somebody who wants all pages dark and without motion."""
    with ENGINES[request.param](tmp_path, Taste(dark=True, still=True)) as browser:
        yield browser


def test_who_wants_all_pages_dark_and_still_gets_them_so(night, http_server):
    for visitor in visit(night, http_server.url, []):
        assert visitor.run("return matchMedia('(prefers-color-scheme: dark)').matches")
        assert visitor.run("return matchMedia('(prefers-reduced-motion: reduce)').matches")
        red, green, blue = visitor.style("html", "backgroundColor").strip("rgb()").split(",")
        assert max(int(red), int(green), int(blue)) < 80
        assert visitor.style("#scores .bar", "transitionDuration", "::after") == "0s"
        visitor.draw(DIGITS[7])
        assert visitor.answer() == "Seven"


def test_the_page_opens_and_draws_without_its_server_and_is_answered_when_it_is_back(unlucky):
    visitor, server = unlucky
    visitor.driver.execute_async_script("navigator.serviceWorker.ready.then(() => arguments[0]())")
    server.go()
    visitor.open()
    visitor.draw(DIGITS[7])
    visitor.until("document.getElementById('detail').textContent.startsWith('The server can')")
    assert visitor.text("#detail").startswith("The server can't be reached.")
    server.come()
    visitor.until("document.getElementById('answer').dataset.state === 'sure'")
    assert visitor.text("#headline") == "Seven"


def test_a_browser_that_alters_no_canvas_is_not_warned(visitor):
    assert not visitor.sees("#privacy")
    assert not visitor.sees("#asleep")


def test_what_breaks_the_content_security_policy_is_not_run_and_is_noticed(visitor):
    visitor.run(
        """const script = document.createElement("script"); script.textContent = "document.title = 'broken'";
           document.body.append(script);"""
    )
    assert visitor.driver.title == "MNIST Draw"
    assert any("script-src" in line for line in visitor.complaints())


def test_what_an_engine_can_not_do_is_in_the_docs():
    text = (ROOT / "docs/platforms.md").read_text("utf-8")
    assert [reason for reason in CANNOT.values() if reason not in text] == []
