"""The page for everyone: screen readers, keys, large text, narrow and wide screens; without a server; and its weight.

Screenshots of each state go to $SCREENSHOTS (default: out/screenshots below the project), for people to look at.
"""

import json
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

import servers
from page_kit import DESK, DIGITS, MODULES, PHONE, ROOT, STATIC, Hand, answered, predict, unfold, until

SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", ROOT / "out" / "screenshots"))
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WEIGHT = 160_000  # bytes, uncompressed: HTML, CSS, JavaScript and icons together, with what is kept for later visits
WEIGHT_IN_ALL = 192 * 1024


def violations(page) -> list[str]:
    """What axe finds wrong, as `rule: element`."""
    found = Axe().run(page, options={"runOnly": AXE_RULES}).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def empty(page) -> None:
    """Nothing drawn."""


def result(page) -> None:
    Hand(page).draw(DIGITS[7])
    answered(page)


def explained(page) -> None:
    result(page)
    page.click("#why")
    page.wait_for_selector("#heat:not([hidden])")
    page.click("#inside")
    page.wait_for_selector(".net canvas")
    page.click("[data-at=every]")
    page.wait_for_selector("[data-at='counts,0']")
    page.click(".net .layer canvas")
    page.click("[data-at=map]")
    page.wait_for_selector(".windows table")
    page.click("#fool")
    page.wait_for_selector(".chart .curve")
    page.click("#compare")
    until(page, "![...document.querySelectorAll('#compared td')].some(cell => cell.textContent === '…')")
    page.keyboard.press("1")
    until(page, "document.getElementById('tally').textContent.includes('corrected 1')")
    unfold(page)


def other_model(page) -> None:
    result(page)
    page.select_option("#model", "voting")
    page.click("#inside")
    page.wait_for_selector(".towers table")
    page.focus(".net .layer [role=gridcell]")
    page.click("#fool")
    page.wait_for_selector(".chart .curve")
    page.click("#fool ~ div summary")


def error(page) -> None:
    page.click("#predict")
    page.wait_for_selector('#answer[data-state="failed"]')
    page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"seven"})
    page.wait_for_selector("#pictures .failed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", [empty, result, explained, other_model, error])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_to_object_to(visit, scheme, state, screen):
    page = visit(screen, color_scheme=scheme, reduced_motion="reduce")
    state(page)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    name = f"{state.__name__}-{scheme}-{'phone' if screen is PHONE else 'desk'}.png"
    page.screenshot(path=SCREENSHOTS / name, full_page=True)
    assert violations(page) == []


def sticking_out(page) -> int:
    """How many pixels the page is wider than what its window shows of it beside the scroll bar."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("width", "state"),
    [*((width, explained) for width in (320, 375, 768, 1280, 3840)), (320, other_model), (768, other_model)],
)
def test_nothing_sticks_out_sideways(visit, width, state):
    page = visit({"viewport": {"width": width, "height": 900}})
    state(page)
    assert sticking_out(page) == 0


def test_nothing_sticks_out_when_the_text_is_twice_as_large(visit):
    page = visit({"viewport": {"width": 640, "height": 900}})
    explained(page)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert sticking_out(page) == 0


def test_the_page_works_from_right_to_left(visit):
    page = visit(PHONE)
    page.evaluate("document.documentElement.dir = 'rtl'")
    Hand(page).touch(DIGITS[7])
    assert answered(page) == "Seven"
    assert sticking_out(page) == 0


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_what_can_be_pressed_is_44_pixels_large(visit, screen):
    page = visit(screen)
    explained(page)
    small = page.eval_on_selector_all(
        "button, select, input[type=range], input[type=file], label:has(input)",
        """all => all.filter((each) => each.offsetParent).map((each) => [each.id || each.textContent,
             each.offsetWidth, each.offsetHeight]).filter(([, w, h]) => w < 44 || h < 44)""",
    )
    assert small == []


def test_the_answer_is_announced_to_screen_readers(visit):
    page = visit()
    Hand(page).draw(DIGITS[7])
    answered(page)
    assert re.fullmatch(r"Seven, \d\d percent; (next: [a-z]+|nothing else comes near)\.", page.inner_text("#announce"))
    assert page.get_attribute("#announce", "aria-live") == "polite"


def test_the_tab_key_reaches_everything_in_reading_order(visit):
    page = visit()
    result(page)
    unfold(page)
    page.focus("#theme")
    reached = ["theme"]
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        if reached[-1] == "single":
            break
    wanted = ["theme", "paper", "undo", "eraser", "clear", "predict", "width", "live", "model", "inside", "why"]
    wanted += ["compare", "file", "forget", "mine", "single"]
    assert [name for name in reached if name in wanted] == wanted


def test_the_colours_can_be_chosen_and_stay_chosen(visit):
    page = visit(color_scheme="light")
    page.select_option("#theme", "dark")
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark
    page.select_option("#theme", "light")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != dark


@pytest.mark.parametrize(("motion", "seconds"), [("reduce", "0s"), ("no-preference", "0.4s")])
def test_bars_move_only_for_who_does_not_mind(visit, motion, seconds):
    page = visit(reduced_motion=motion)
    style = "bar => getComputedStyle(bar, '::after').transitionDuration"
    assert page.eval_on_selector("#scores .bar", style) == seconds


@pytest.mark.parametrize(
    "altered",
    [
        "CanvasRenderingContext2D.prototype.getImageData = (x, y, w, h) => new ImageData(w, h)",
        "HTMLCanvasElement.prototype.toDataURL = () => 'data:image/png;base64,AAAA'",
    ],
)
def test_a_browser_that_alters_canvas_pixels_is_warned_about(visit, altered):
    page = visit(url="about:blank")
    page.add_init_script(altered)
    page.goto(visit.site)
    page.wait_for_selector("html[data-scripted]")
    assert page.inner_text("#privacy").startswith("This browser alters what pages read back from a canvas")


def test_an_ordinary_browser_is_not_warned(visit):
    assert visit().locator("#privacy").is_hidden()


# --- without a server, and weight -------------------------------------------------------------------


def serve(log: Path, port: int):
    """`python -m http.server --cgi` on a port of our choice, so that it can come back where it was."""
    command = [sys.executable, "-u", "-m", "http.server", "--cgi", "--bind", "127.0.0.1", str(port)]
    environment = servers.environment()
    return servers.running("http.server", [*servers.unprivileged(), *command], log, port, cwd=ROOT, env=environment)


def test_the_page_opens_draws_and_recovers_while_its_server_comes_and_goes(visit, tmp_path):
    visit.allowed.append("Failed to load resource")
    port = servers.free_port()
    with serve(tmp_path / "log", port) as server:
        page = visit(url=server.url, service_workers="allow")
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    Hand(page).draw(DIGITS[7])
    page.wait_for_selector('#answer[data-state="failed"]')
    assert page.inner_text("#detail").startswith("The server can't be reached.")
    with serve(tmp_path / "log", port):
        page.wait_for_selector('#answer[data-state="sure"]')
        assert page.inner_text("#headline") == "Seven"


def test_what_was_opened_once_opens_without_the_server_and_what_was_not_says_why(visit, tmp_path):
    visit.allowed += ["Failed to load resource", "ERR_"]
    kept = "(async () => !!(await caches.match('static/think/{}')))()"
    with serve(tmp_path / "log", servers.free_port()) as server:
        page = visit(url=server.url, service_workers="allow")
        page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        assert page.evaluate(kept.format("think.js"))
        page.reload()  # from now on the service worker hears what is loaded
        page.wait_for_selector("html[data-scripted]")
        assert not page.evaluate(kept.format("network.js"))
        page.click("#inside")
        for file in ("network.js", "place.js", "think.css"):
            until(page, kept.format(file))
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    page.click("#inside")
    page.wait_for_selector("text='Draw a digit, and watch the network read it.'")
    page.click("#fool")
    page.wait_for_selector("text=The server can't be reached.")


def test_a_new_release_shows_at_the_next_visit(visit):
    page = visit(service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    page.evaluate(
        """async () => { const cache = await caches.open("mnist-draw");
             for (const key of await cache.keys()) await cache.put(key, new Response("<h1>old</h1>")); }"""
    )
    page.reload()
    page.wait_for_selector("html[data-scripted]")
    assert page.inner_text("h1") == "MNIST Draw"


def test_the_manifest_names_the_page_and_icons_that_are_there():
    manifest = json.loads((ROOT / "static/manifest.webmanifest").read_text("utf-8"))
    assert (manifest["name"], manifest["start_url"], manifest["display"]) == ("MNIST Draw", "../", "standalone")
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}
    assert all((ROOT / "static" / icon["src"]).is_file() for icon in manifest["icons"])


def test_the_service_worker_keeps_every_file_of_the_page():
    listed = set(re.findall(r'"(static/[^"]+)"', (ROOT / "sw.js").read_text("utf-8")))
    assert listed == {path.relative_to(ROOT).as_posix() for path in STATIC}


def test_a_visit_loads_at_most_160_kilobytes(visit):
    page = visit(url="about:blank")
    loaded = {ROOT / "sw.js"}
    page.on("request", lambda request: loaded.add(ROOT / (urlsplit(request.url).path.lstrip("/") or "index.html")))
    page.goto(visit.site)
    Hand(page).draw(DIGITS[7])
    answered(page)
    files = [path for path in loaded if path in (ROOT / "index.html", ROOT / "sw.js", *STATIC)]
    assert len(files) > 40
    assert sum(path.stat().st_size for path in files) <= WEIGHT


def test_with_what_the_service_worker_keeps_for_later_a_first_visit_weighs_at_most_160_kilobytes():
    shell = (ROOT / "sw.js").read_text("utf-8").partition("const LATER")[0]
    files = {ROOT / "index.html", ROOT / "sw.js", *(ROOT / path for path in re.findall(r'"(static/[^"]+)"', shell))}
    assert len(files) > 40
    assert sum(path.stat().st_size for path in files) <= WEIGHT


def test_with_all_that_is_loaded_when_it_is_opened_the_page_weighs_at_most_192_kilobytes():
    files = [ROOT / "index.html", ROOT / "sw.js", *STATIC]
    assert sum(path.stat().st_size for path in files) <= WEIGHT_IN_ALL


def test_the_first_paint_needs_at_most_6_requests(visit):
    page = visit(url="about:blank")
    let_through = []

    def first_six(route):
        let_through.append(route.request.url)
        return route.continue_() if len(let_through) <= 6 else route.abort()

    visit.allowed.append("ERR_FAILED")
    page.route("**/*", first_six)
    page.goto(visit.site)
    until(page, "performance.getEntriesByName('first-contentful-paint').length > 0")
    assert page.locator("#predict").is_visible()
    assert page.evaluate("getComputedStyle(document.getElementById('paper')).touchAction") == "none"


def test_each_module_does_one_job_in_under_200_lines():
    assert [p.name for p in MODULES if p.read_text("utf-8").count("\n") >= 200] == []


def test_predict_still_works_after_an_error(visit):
    page = visit()
    error(page)
    Hand(page).draw(DIGITS[7])
    assert predict(page) == "Seven"
