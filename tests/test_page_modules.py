"""The page's arithmetic, module by module, run in the browser that will run it."""

import base64
import io
import itertools

import pytest
from PIL import Image, ImageFilter

from page_kit import until


@pytest.fixture
def run(visit):
    """Runs the body of an async function in which `m` is a module of static/, and `a` the argument."""
    page = visit()

    def body(module: str, code: str, argument=None):
        script = f"async (a) => {{ const m = await import('/static/{module}.js'); {code} }}"
        return page.evaluate(script, argument)

    body.page = page  # type: ignore[attr-defined]
    return body


ODD_STROKES = {
    "a single point": [(140, 140)],
    "the same point twice": [(140, 140), (140, 140)],
    "two points": [(10, 10), (200, 90)],
    "there and back": [(10, 10), (200, 10), (10, 10)],
    "jitter of half a unit": [(100 + i % 2 / 2, 100) for i in range(9)],
    "outside of the paper": [(-500, 900), (900, -500)],
}


@pytest.mark.parametrize("name", ODD_STROKES)
def test_a_smooth_line_is_whole_and_starts_and_ends_where_the_stroke_does(run, name):
    points = [{"x": x, "y": y, "pressure": 0.5} for x, y in ODD_STROKES[name]]
    pieces = run("draw/geometry", "return m.curves({ width: 16, points: a });", points)
    assert pieces[0]["from"] == points[0]
    assert (pieces[-1]["to"]["x"], pieces[-1]["to"]["y"]) == ODD_STROKES[name][-1] or len(pieces) == 1
    assert all(one["to"] == two["from"] for one, two in itertools.pairwise(pieces))
    assert all(piece["width"] == 16 for piece in pieces)


def test_a_walk_ends_at_its_end_and_takes_no_step_that_is_too_long(run):
    steps = run("draw/geometry", "return m.walk({ x: 0, y: 0 }, { x: 30, y: 40 }, 8);")
    assert steps[-1] == {"x": 30, "y": 40}
    assert len(steps) == 7
    assert run("draw/geometry", "return m.walk({ x: 5, y: 5 }, { x: 5, y: 5 }, 8);") == [{"x": 5, "y": 5}]


def test_undo_brings_back_every_state_and_redo_every_later_one(run):
    states = run(
        "draw/drawing",
        """const drawing = new m.Drawing(), seen = [], point = (x) => ({ x, y: x, pressure: 0.5 });
           const note = () => seen.push(drawing.strokes.map((stroke) => stroke.points.length));
           const steps = [() => { drawing.begin(point(10), 4); drawing.extend([point(20), point(30)]); drawing.end(); },
             () => { drawing.begin(point(90), 4); drawing.end(); }, () => drawing.erase(point(15), 1),
             () => drawing.clear(),
             () => drawing.replace([{ width: 4, points: [point(1)] }])];
           note(); for (const step of steps) { step(); note(); }
           const forth = seen.splice(0);
           note(); while (drawing.canUndo) { drawing.undo(); note(); }
           const back = seen.splice(0).reverse();
           note(); while (drawing.canRedo) { drawing.redo(); note(); }
           return [forth, back, seen];""",
    )
    assert states == [[[], [3], [3, 1], [1], [], [1]]] * 3


def test_a_stroke_that_is_cancelled_leaves_nothing_to_undo(run):
    code = """const drawing = new m.Drawing(); drawing.begin({ x: 1, y: 1, pressure: 0.5 }, 4); drawing.cancel();
              return [drawing.empty, drawing.canUndo];"""
    assert run("draw/drawing", code) == [True, False]


def test_shares_are_never_rounded_up_to_certainty_or_down_to_nothing(run):
    shares = [1, 0.9999, 0.998, 0.986, 0.97, 0.5, 0.0999, 0.012, 0.0009, 0]
    said = [text.replace("\u00a0", " ") for text in run("show/words", "return a.map((x) => m.percent(x));", shares)]
    assert said == [
        *["over 99.9 %", "over 99.9 %", "99.8 %", "98.6 %", "97 %", "50 %", "10.0 %", "1.2 %"],
        *["under 0.1 %", "under 0.1 %"],
    ]


@pytest.mark.parametrize(
    ("scores", "unsure", "headline"),
    [
        ({4: 0.9, 9: 0.1}, False, "Four"),
        ({4: 0.5, 9: 0.45, 1: 0.05}, True, "I'm not sure: 4 or 9?"),
        ({4: 0.97, 9: 0.03}, True, "I'm not sure: is it a 4 at all?"),
        (dict.fromkeys(range(10), 0.1), True, "I'm not sure: 0 or 1?"),
    ],
)
def test_the_headline_is_a_question_when_the_model_is_unsure(run, scores, unsure, headline):
    reply = {"data": [scores.get(digit, 0) for digit in range(10)], "unsure": unsure}
    assert run("show/words", "return m.verdict(a).headline;", reply) == headline


SCRIPT = "the server is there, but its script could not run"
KILLED = "the server is there, but its script ended without an answer"
FILES = "this server hands out files"


@pytest.mark.parametrize(
    ("status", "text", "retry_after", "outcome"),
    [
        (200, '{"result": 1, "data": [], "error": ""}', None, "fine"),
        (200, '{"result": 0, "data": [], "error": "Blank."}', None, "Blank. (null)"),
        (503, '{"result": 0, "data": [], "error": "Busy."}', "2", "Busy. (2)"),
        (200, '{"result": 0, "data": [], "error": "Busy.", "retry_after": 1}', None, "Busy. (1)"),
        (503, '{"result": 0, "data": [], "error": "No model."}', None, "No model. (null)"),
        (200, "", None, KILLED),
        (200, '{"result": 1, "da', None, KILLED),
        (200, "Traceback (most recent call last):", None, SCRIPT),
        (200, "null", None, SCRIPT),
        (500, "<h1>Internal Server Error</h1>", None, KILLED),
        (501, "<h1>Unsupported method</h1>", None, FILES),
        (200, "#!/usr/bin/env python3\n", None, FILES),
    ],
)
def test_every_reply_is_understood_or_explained(run, status, text, retry_after, outcome):
    code = """try { m.understand(...a); return "fine"; }
              catch (failure) { if (!(failure instanceof m.Failure)) throw failure;
                return `${failure.message} (${failure.retry})`; }"""
    said = run("ask/request", code, [status, text, retry_after])
    assert said == outcome or said.lower().startswith(outcome)


def test_the_pixels_of_a_png_are_read_whatever_filters_it_uses(run):
    flat, slope = Image.new("L", (28, 28), 77), Image.linear_gradient("L").resize((28, 28))
    noise = Image.effect_noise((28, 28), 90)
    for image in (flat, slope, noise, noise.filter(ImageFilter.BLUR), slope.rotate(30)):
        file = io.BytesIO()
        image.save(file, "PNG")
        url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        assert bytes(run("keep/png", "return [...await m.greys(a)];", url)) == image.tobytes()


@pytest.mark.parametrize("number", range(5))
def test_each_of_the_five_png_filters_is_undone(run, number):
    pixels = [[0, 200, 3], [255, 1, 90], [7, 7, 254]]
    rows = [value for y, row in enumerate(pixels) for value in (number, *filtered(pixels, y, row, number))]
    assert run("keep/png", "return [...m.unfilter(a, 3, 3)];", rows) == [value for row in pixels for value in row]


def filtered(pixels: list[list[int]], y: int, row: list[int], number: int) -> list[int]:
    """A row after PNG's filter of that number (PNG specification, section 9.2)."""

    def guess(x: int) -> int:
        left = row[x - 1] if x else 0
        up = pixels[y - 1][x] if y else 0
        corner = pixels[y - 1][x - 1] if x and y else 0
        nearest = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
        return [0, left, up, (left + up) // 2, nearest][number]

    return [(value - guess(x)) % 256 for x, value in enumerate(row)]


def test_evidence_is_blue_where_it_spoke_for_and_orange_where_against(run):
    evidence = [[0.0] * 28 for _ in range(28)]
    evidence[0][1], evidence[0][2] = 0.5, -0.125
    colours = run("show/heat", "return [...m.colours(a)];", evidence)
    assert colours[4:8] == [43, 108, 255, 230]
    assert colours[8:12] == [255, 122, 0, 115]
    assert set(colours[3::4]) == {0, 115, 230}
    assert set(run("show/heat", "return [...m.colours(a)];", [[1e-9] * 28] * 28)[3::4]) == {0}


def test_answers_to_a_drawing_that_is_gone_are_dropped_and_failures_tried_again(run):
    told = run(
        "ask/asker",
        """const told = [], answers = [];
           const tell = { waiting: () => {}, asking: (job) => told.push(`ask ${job}`),
             answer: (reply) => told.push(`show ${reply}`),
             trouble: (failure, { again }) => told.push(`${failure.message} ${again}`), rest: () => told.push("rest") };
           let job = "one";
           const ask = () => new Promise((...ends) => answers.push(ends));
           const asker = new m.Asker({ take: () => job, tell, ask });
           const turn = () => new Promise((done) => setTimeout(done));
           asker.want(); asker.want(); asker.forget(); job = "two"; asker.want();
           answers[0][0]("old"); await turn();
           answers[1][1](Object.assign(new Error("busy"), { retry: 0 })); await turn();
           while (answers.length < 3) await turn();
           answers[2][0]("new"); await turn();
           return told;""",
    )
    assert told == ["ask one", "ask two", "busy true", "ask two", "show new", "rest"]


def test_pauses_grow_whatever_chance_says_and_are_never_shorter_than_the_server_asks_for(run):
    code = "return a.map((chance) => [1, 2, 3, 4, 5, 6, 99].map((tries) => m.pauseAfter(tries, 2, chance)));"
    shortest, longest = run("ask/patience", code, [0, 1])
    assert shortest == [2, 2.5, 3, 4, 6, 6, 6]
    assert longest == [2.5, 3, 4, 6, 10, 10, 10]


ASK_IN_VAIN = """const waits = [], asked = [], heard = [], later = globalThis.setTimeout;
    globalThis.setTimeout = (wake, ms) => { waits.push(ms / 1000); return later(wake); };
    const busy = Object.assign(new Error("busy"), { retry: 1 });
    const ask = async () => { asked.push(asked.length); if (asked.length <= a) throw busy; return "Seven"; };"""


def test_what_is_asked_on_demand_is_tried_six_times_with_growing_pauses(run):
    code = f"""{ASK_IN_VAIN}
        const said = await m.patiently(ask, {{ waits: (failure) => heard.push(failure.message) }}).catch(String);
        return [said, asked.length, heard.length, waits];"""
    *answered, waits = run("ask/patience", code, 5)
    assert answered == ["Seven", 6, 5]
    assert waits == sorted(waits)
    assert [1 + least <= wait for wait, least in zip(waits, [0, 0.5, 1, 2, 4], strict=True)] == [True] * 5
    assert run("ask/patience", code, 6)[:3] == ["Error: busy", 6, 5]


def test_nobody_asks_again_for_what_is_no_longer_wanted_or_will_not_pass(run):
    code = f"""{ASK_IN_VAIN}
        const wanted = () => heard.push("?") < 2;
        await m.patiently(ask, {{ wanted }}).catch(String);
        delete busy.retry;
        await m.patiently(ask).catch(String);
        return [asked.length, waits.length];"""
    assert run("ask/patience", code, 9) == [2, 1]


def test_drawings_are_asked_about_again_with_growing_pauses(run):
    code = f"""{ASK_IN_VAIN}
        await new Promise((done) => {{
          const idle = () => {{}};
          const tell = {{ waiting: idle, asking: idle, trouble: idle, answer: idle, rest: done }};
          new m.Asker({{ take: () => "drawing", ask, tell }}).want(); }});
        return waits;"""
    waits = run("ask/asker", code, 5)
    assert waits == sorted(waits)
    assert [1 + least <= wait for wait, least in zip(waits, [0, 0.5, 1, 2, 4], strict=True)] == [True] * 5


def test_a_model_that_nobody_has_measured_is_offered_by_its_title_alone(run):
    cards = [{"name": "a", "title": "Ants", "accuracy": 0.9956}, {"name": "b", "title": "Bees"}, {"name": "c"}]
    assert run("show/words", "return a.map(m.menuLine);", cards) == ["Ants (99.56\u00a0%)", "Bees", "c"]


def test_the_tally_counts_what_nobody_corrected_as_right(run):
    records = [{"label": None, "guess": 3}, {"label": 4, "guess": 4}, {"label": 9, "guess": 4}]
    assert run("keep/history", "return m.tallySentence(a);", records) == "Right 2 of 3 here; you corrected 1."
    assert run("keep/history", "return m.tallySentence(a);", []) == "Nothing kept yet."


def test_choices_last_as_long_as_the_page_where_storage_is_forbidden(visit):
    page = visit(url="about:blank")
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });"
        "Object.defineProperty(window, 'indexedDB', { value: { open() { throw new DOMException('no'); } } });"
    )
    page.goto(visit.site)
    page.wait_for_selector("html[data-scripted]")
    page.uncheck("#live")
    until(page, "document.getElementById('tally').textContent === 'Nothing kept yet.'")
    code = "async () => (await import('/static/browser/settings.js')).get('live', true)"
    assert page.evaluate(code) is False
