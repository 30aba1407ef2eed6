"""The page when something is wrong, and what it must never do: every failure is a sentence on the page."""

import contextlib
import functools
import http.server
import itertools
import threading
import time

import pytest
from PIL import Image, ImageDraw

import servers
from page_kit import BLANK, DESK, DIGITS, MODULES, PHONE, ROOT, STATIC, Hand, answered, predict, until

FAILED = '#answer[data-state="failed"]'


def trouble(page) -> str:
    page.click("#predict")
    page.wait_for_selector(FAILED)
    return page.inner_text("#detail")


@pytest.fixture
def mortal(tmp_path):
    """A server of its own, and what stops it."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(servers.make_serve(tmp_path / "log")), stack.close


def test_with_the_server_stopped_the_page_says_what_to_do_and_keeps_the_drawing(visit, mortal):
    visit.allowed.append("Failed to load resource")
    server, stop = mortal
    page = visit(url=server.url)
    hand = Hand(page)
    hand.draw(DIGITS[7])
    answered(page)  # else the server might be stopped halfway through an answer, which is another trouble
    ink = hand.ink()
    stop()
    said = trouble(page)
    assert said.startswith("The server can't be reached. Start it with “make serve”")
    assert said.endswith("your drawing stays here. This page keeps trying.")
    assert hand.ink() == ink > 0


@pytest.mark.parametrize("broken", ["bare_server", "silent_server"])
def test_a_script_that_can_not_run_is_explained(visit, request, broken):
    page = visit(url=request.getfixturevalue(broken).url)
    Hand(page).draw(DIGITS[7])
    assert "make serve" in trouble(page)


@pytest.mark.parametrize("reply", ["Traceback (most recent call last):", "<html>It works!</html>"])
def test_a_reply_that_does_not_come_from_the_script_is_explained(visit, reply):
    page = visit()
    page.route("**/cgi-bin/**", lambda route: route.fulfill(status=200, body=reply))
    Hand(page).draw(DIGITS[7])
    assert trouble(page).startswith("The server is there, but its script could not run: the Python that runs")


def test_an_error_of_the_script_is_shown_word_for_word_and_as_text(visit):
    page = visit()
    reply = '{"result": 0, "data": [], "error": "Too big: <b>8 MB</b> at most."}'
    page.route("**/cgi-bin/**", lambda route: route.fulfill(status=200, body=reply))
    Hand(page).draw(DIGITS[7])
    assert trouble(page) == "Too big: <b>8 MB</b> at most."


def test_a_reply_without_ten_scores_is_not_drawn(visit):
    page = visit()
    page.route("**/cgi-bin/**", lambda route: route.fulfill(body='{"result": 1, "data": [1], "error": ""}'))
    Hand(page).draw(DIGITS[7])
    assert trouble(page) == "The server's answer has a form that this page does not know. Reload the page."


# --- busy, or away for a moment ---------------------------------------------------------------------

BUSY = "The server is busy; trying again…"
RESET = "No answer yet; trying again…"


def turn_away(route) -> None:
    body = '{"result": 0, "data": [], "error": "Too many pictures.", "retry_after": 0}'
    route.fulfill(status=503, headers={"Retry-After": "0"}, body=body)


def hang_up(route) -> None:
    route.abort("connectionreset")


def killed(route) -> None:
    """What `http.server` sends for a script that was killed."""
    route.fulfill(status=200, body="")


SHORT_TROUBLES = pytest.mark.parametrize(
    ("fault", "says"), [(turn_away, BUSY), (hang_up, RESET), (killed, RESET)], ids=["busy", "reset", "killed"]
)


def in_vain(page, fault, times=1) -> list[tuple[str, float]]:
    """Has the next questions of each kind come to nothing; the list holds what is asked, and when."""
    asked: list[tuple[str, float]] = []

    def answer(route):
        asked.append((route.request.url, time.monotonic()))
        kind = [url for url, _ in asked if url == route.request.url]
        return fault(route) if len(kind) <= times else route.continue_()

    page.route("**/cgi-bin/**", answer)
    return asked


def listen(page, place: str) -> None:
    """From now on `heard` holds whatever the page says at that place, however short it stands there."""
    page.evaluate(
        """(place) => { window.heard = []; const there = document.querySelector(place);
             const listen = () => heard.push(there.textContent);
             new MutationObserver(listen).observe(there, { childList: true, characterData: true, subtree: true }); }""",
        place,
    )


@pytest.fixture
def ready(visit):
    """A page with an answer and a menu of models, on which the browser may remark on failed requests."""
    visit.allowed += ["Failed to load resource", "503"]
    page = visit()
    page.wait_for_selector("#models:not([hidden])")
    Hand(page).draw(DIGITS[7])
    answered(page)
    return page


@SHORT_TROUBLES
def test_the_page_says_that_it_tries_again_and_why_until_there_is_an_answer(ready, fault, says):
    listen(ready, "#busy")
    asked = in_vain(ready, fault, times=2)
    assert predict(ready) == "Seven"
    assert len(asked) == 3
    assert says in ready.evaluate("heard")
    assert ready.inner_text("#busy") == ""


def test_a_busy_server_gets_more_and_more_rest(ready):
    asked = in_vain(ready, turn_away, times=4)
    assert predict(ready) == "Seven"
    times = [when for _, when in asked]
    pauses = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert len(pauses) == 4
    assert [pause >= least for pause, least in zip(pauses, [0, 0.5, 1, 2], strict=True)] == [True] * 4, pauses


@SHORT_TROUBLES
def test_every_model_answers_the_comparison_also_when_it_is_busy_at_first(ready, fault, says):
    models = ready.locator("#model option").count()
    listen(ready, "#compared-rows")
    asked = in_vain(ready, fault)
    ready.click("#compare")
    until(ready, "![...document.querySelectorAll('#compared td')].some(cell => cell.textContent === '…')")
    assert ready.locator("#compared-rows td:first-of-type").all_inner_texts() == ["Seven"] * models
    assert len(asked) == 2 * models
    assert any(says in text for text in ready.evaluate("heard"))


@SHORT_TROUBLES
@pytest.mark.parametrize(
    ("button", "sentence", "shown"), [("#why", "#why-says", "#heat"), ("#inside", "#think", "#think canvas")]
)
def test_an_explanation_is_tried_again_as_well(ready, fault, says, button, sentence, shown):
    listen(ready, sentence)
    in_vain(ready, fault)
    ready.click(button)
    ready.wait_for_selector(shown)
    assert any(says in text for text in ready.evaluate("heard"))
    assert says not in ready.inner_text(sentence)


@SHORT_TROUBLES
def test_a_picture_is_tried_again_as_well(ready, fault, says, tmp_path):
    image = Image.new("L", (200, 300), 250)
    ImageDraw.Draw(image).line([(40, 50), (160, 50), (90, 260)], fill=20, width=18)
    image.save(tmp_path / "seven.png")
    listen(ready, "#pictures")
    in_vain(ready, fault)
    ready.set_input_files("#file", tmp_path / "seven.png")
    ready.wait_for_selector("#pictures button:not([disabled])")
    assert ready.inner_text("#pictures li").startswith("seven.png\nSeven.")
    assert any(says in text for text in ready.evaluate("heard"))


@SHORT_TROUBLES
def test_the_menu_of_models_is_tried_again_as_well(visit, fault, says):
    visit.allowed += ["Failed to load resource", "503"]
    page = visit(url=BLANK)
    asked = in_vain(page, fault)
    page.goto(visit.site)
    page.wait_for_selector("#models:not([hidden])")
    assert len(asked) == 2


# --- many at once -----------------------------------------------------------------------------------


def test_thirty_pages_that_press_predict_in_the_same_instant_all_get_their_answer(visit, mortal):
    visit.allowed += ["Failed to load resource", "503"]  # resets and busy replies, which the pages get over
    server, _ = mortal
    first = visit(url=server.url)
    first.uncheck("#live")
    pages = [first, *(first.context.new_page() for _ in range(29))]
    for page in pages[1:]:
        page.goto(server.url)
    for page in pages:
        page.wait_for_selector("html[data-scripted]")
        page.bring_to_front()
        Hand(page).draw([[(0.14, 0.05), (0.86, 0.05), (0.4, 0.98)]])
    at = time.time() + 3
    for page in pages:
        page.evaluate(
            "(at) => { setTimeout(() => document.getElementById('predict').click(), at - Date.now()); }", at * 1000
        )
    for page in pages:
        page.bring_to_front()
        page.wait_for_selector('#answer[data-state="sure"]')
        assert page.inner_text("#headline") == "Seven"
    assert time.time() - at < 15


def test_a_server_that_runs_no_scripts_is_named_as_the_cause(visit):
    visit.allowed.append("501")
    handler = functools.partial(QuietFiles, directory=str(ROOT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = visit(url=f"http://127.0.0.1:{server.server_port}/")
        Hand(page).draw(DIGITS[7])
        assert trouble(page).startswith("This server hands out files but does not run scripts.")
        server.shutdown()


def test_the_page_does_not_run_in_a_frame_and_offers_a_tab_of_its_own(visit):
    page = visit(url=BLANK)
    page.route("**/frame.html", lambda route: route.fulfill(content_type="text/html", body="<iframe src=/></iframe>"))
    page.route("**/", lambda route: route.fulfill(path=ROOT / "index.html"))  # as a server that sends no such header
    page.goto(f"{visit.site}/frame.html")
    inside = page.frame_locator("iframe").locator("body")
    link = inside.get_by_role("link", name="Open it in a tab of its own.")
    link.wait_for()
    assert inside.inner_text() == "MNIST Draw does not run inside another page. Open it in a tab of its own."
    assert link.get_attribute("target") == "_blank"


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


def test_no_request_leaves_the_pages_own_origin(visit, http_server):
    context_urls = []
    page = visit(url="about:blank")
    page.on("request", lambda request: context_urls.append(request.url))
    page.goto(http_server.url)
    Hand(page).draw(DIGITS[5])
    predict(page)
    page.click("#clear")
    page.wait_for_load_state("networkidle")
    assert [url for url in context_urls if not url.startswith((http_server.url, "data:image/png"))] == []
    assert any("cgi-bin/mnist.py" in url for url in context_urls)


def test_the_content_security_policy_is_strict_and_nothing_of_ours_breaks_it(visit):
    page = visit()
    policy = page.get_attribute('meta[http-equiv="Content-Security-Policy"]', "content")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page.evaluate("window.broken = []; addEventListener('securitypolicyviolation', e => broken.push(e.blockedURI))")
    Hand(page).draw(DIGITS[5])
    predict(page)
    assert page.evaluate("broken") == []


def test_an_inline_script_does_not_run(visit):
    visit.allowed.append("Content Security Policy")
    page = visit()
    page.evaluate(
        """() => { const script = document.createElement('script');
             script.textContent = 'window.ran = 1'; document.body.append(script); }"""
    )
    assert page.evaluate("window.ran") is None


SHIFTS = """() => new Promise((done) => {
  const sum = (list) => done(list.getEntries().reduce((all, { value }) => all + value, 0));
  new PerformanceObserver(sum).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(0), 500);
})"""


def test_nothing_jumps_when_the_scripts_start_late(visit):
    page = visit(PHONE, url=BLANK)
    held = []
    page.route("**/static/main.js", lambda route: held.append(route))
    page.goto(visit.site, wait_until="commit")
    page.locator("#asleep").wait_for()
    held.pop().continue_()
    page.wait_for_selector("html[data-scripted]")
    assert page.evaluate(SHIFTS) < 0.01


def test_without_javascript_the_page_offers_the_upload_form(visit):
    page = visit(DESK, java_script_enabled=False)
    page.locator("#asleep").wait_for()
    assert page.inner_text("#asleep").startswith("This page's own scripts have not started.")
    assert page.get_attribute("#upload", "action") == "cgi-bin/mnist.py"
    assert page.locator("#file").is_visible()


def test_no_module_writes_html_or_evaluates_text():
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function")
    found = [(p.name, word) for p in MODULES for word in forbidden if word in p.read_text("utf-8")]
    assert found == []


def test_the_page_names_no_address_outside_itself():
    texts = {p: p.read_text("utf-8") for p in [ROOT / "index.html", *STATIC]}
    allowed = ("http://www.w3.org/2000/svg", "http://127.0.0.1:8000/")
    found = [p.name for p, t in texts.items() if "://" in functools.reduce(lambda s, a: s.replace(a, ""), allowed, t)]
    assert found == []
