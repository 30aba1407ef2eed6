"""The page's arithmetic, module by module, run in the browser that will run it."""

import base64
import io
import itertools
import json
import re

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


def test_two_hundred_steps_can_be_undone_and_no_more_are_kept(run):
    code = """const drawing = new m.Drawing();
              for (let x = 1; x <= 250; x++) { drawing.begin({ x, y: 1, pressure: 0.5 }, 4); drawing.end(); }
              let steps = 0; while (drawing.canUndo) { drawing.undo(); steps++; }
              return [steps, drawing.strokes.length];"""
    assert run("draw/drawing", code) == [200, 50]


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


def test_of_a_model_that_nobody_has_measured_nothing_is_said(run):
    cards = [{"name": "a", "accuracy": 0.9956}, {"name": "b"}, {"name": "c", "accuracy": None}]
    assert run("show/words", "return a.map(m.accuracy);", cards) == ["99.56\u00a0%", "", ""]


def test_every_digit_has_its_own_way_over_the_stencils_nine_segments(run):
    outlines = run(
        "show/stencil", "return a.map((d) => m.stencil(d).querySelector('.stroke').getAttribute('d'));", [*range(10)]
    )
    ways = [segments(outline) for outline in outlines]
    stencil = run("show/stencil", "return m.stencil(null).querySelector('.dots').getAttribute('d');")
    assert len({frozenset(way) for way in ways}) == 10
    assert set().union(*ways) == segments(stencil)
    assert len(segments(stencil)) == 9


def segments(outline: str) -> set[tuple[tuple[int, int], ...]]:
    """The pieces of a line of M, H, V, L and Z that join neighbouring points of a grid of ten; long ones in two."""
    found: set[tuple[tuple[int, int], ...]] = set()
    x = y = 0
    start = (0, 0)
    for command, numbers in re.findall(r"([MHVLZ]?)([\d ]*)", outline):
        if not (command or numbers.strip()):
            continue
        values = [int(number) for number in numbers.split()]
        if command == "H":
            moves = [(values[0], y)]
        elif command == "V":
            moves = [(x, values[0])]
        else:
            moves = [start] if command == "Z" else list(zip(values[::2], values[1::2], strict=True))
        for i, (to_x, to_y) in enumerate(moves):
            if command == "M" and i == 0:
                start = (to_x, to_y)
            else:
                found |= pieces((x, y), (to_x, to_y))
            x, y = to_x, to_y
    return found


def pieces(one: tuple[int, int], other: tuple[int, int]) -> set[tuple[tuple[int, int], ...]]:
    (x0, y0), (x1, y1) = sorted([one, other])
    if abs(y1 - y0) <= 10:
        return {((x0, y0), (x1, y1))}
    middle = ((x0 + x1) // 2, 10)
    return {((x0, y0), middle), (middle, (x1, y1))}


def test_the_tally_counts_what_nobody_corrected_as_right(run):
    counts = [{"all": 0, "corrected": 0}, {"all": 3, "corrected": 0}, {"all": 3, "corrected": 1}]
    assert run("keep/album", "return a.map(m.tallySentence);", counts) == [
        "Nothing kept yet.",
        "Right 3 of 3 here: you corrected none.",
        "Right 2 of 3 here; you corrected 1.",
    ]


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


# --- think ---

CROSS = [
    {"width": 16, "points": [{"x": x, "y": 140, "pressure": 0.5} for x in range(40, 241, 20)]},
    {"width": 16, "points": [{"x": 140, "y": y, "pressure": 0.5} for y in range(40, 241, 20)]},
]
RESTS = [7, 7, 7, 7, 0, 0]  # steps at which turn, shift, size, pen, noise and rubber change nothing


def changed(run, **moved: int) -> list:
    """The cross after sliders were moved to these steps."""
    names = ["turn", "shift", "size", "pen", "noise", "rubber"]
    steps = [moved.get(name, rest) for name, rest in zip(names, RESTS, strict=True)]
    return run("think/strokes", "return m.changed(a.strokes, a.steps);", {"strokes": CROSS, "steps": steps})


def test_sliders_at_rest_leave_strokes_as_they_were(run):
    assert changed(run) == CROSS


def test_a_quarter_turn_swaps_the_lines_of_a_cross(run):
    turned = changed(run, turn=13)
    assert [(round(p["x"]), round(p["y"])) for p in turned[0]["points"]] == [(140, y) for y in range(40, 241, 20)]


def test_a_shift_moves_every_point_and_size_keeps_the_middle_and_the_pen(run):
    assert {round(point["x"], 6) for point in changed(run, shift=8)[1]["points"]} == {159.6}
    small = changed(run, size=2)
    assert [round(p["x"]) for p in small[0]["points"]][::5] == [100, 140, 180]
    assert small[0]["width"] == 16


def test_the_pen_changes_its_width_alone(run):
    thin = changed(run, pen=2)
    assert [round(stroke["width"], 6) for stroke in thin] == [6.4, 6.4]
    assert [stroke["points"] for stroke in thin] == [stroke["points"] for stroke in CROSS]


def test_noise_moves_points_by_as_much_as_it_says_and_the_same_way_each_time(run):
    noisy = changed(run, noise=14)
    away = [
        p[side] - q[side]
        for one, two in zip(noisy, CROSS, strict=True)
        for p, q in zip(one["points"], two["points"], strict=True)
        for side in "xy"
    ]
    assert max(map(abs, away)) <= 280 * 0.07
    assert max(away) > 5 > -5 > min(away)
    assert noisy == changed(run, noise=14)


def test_the_rubber_takes_the_end_of_what_was_drawn(run):
    assert [len(stroke["points"]) for stroke in changed(run, rubber=5)] == [11, 5]
    assert [len(stroke["points"]) for stroke in changed(run, rubber=14)] == [4]


def test_a_flip_is_where_another_digit_wins_than_one_step_before(run):
    assert run("think/strokes", "return m.flips([4, 4, 9, 9, 4, null]);") == [2, 4, 5]
    assert run("think/strokes", "return m.flips([]);") == []


def test_ink_has_a_middle_a_height_and_a_lean(run):
    upright = [0, 8, 0, 0] * 4
    assert run("think/place", "return m.moments(a, 4);", upright) == {"x": 1.5, "y": 2, "tall": 1.25**0.5, "lean": 0}
    leaning = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert run("think/place", "return m.moments(a, 4);", leaning) == {"x": 2, "y": 2, "tall": 1.25**0.5, "lean": 1}


def test_a_point_is_placed_where_the_same_ink_is_larger_elsewhere_and_leans(run):
    ink = [{"x": 1, "y": 1, "tall": 1, "lean": 0}, {"x": 10, "y": 20, "tall": 2, "lean": 0.5}]
    assert run("think/place", "return m.placed([3, 4], ...a);", ink) == [17, 26]
    assert run("think/place", "return m.placed([17, 26], a[1], a[0]);", ink) == [3, 4]


def test_a_webp_with_more_pixels_than_the_server_reads_is_scaled_down(run):
    code = """const files = [];
        for (const side of [3000, 3001]) {
          const canvas = new OffscreenCanvas(side, 3000);
          canvas.getContext("2d").fillRect(0, 0, 9, 9);
          for (const type of ["image/webp", "image/png"])
            files.push(new File([await canvas.convertToBlob({ type })], "a", { type }));
        }
        return Promise.all(files.map(async (file) => (await m.manageable(file)).type));"""
    assert run("pictures/shrink", code) == ["image/webp", "image/png", "image/jpeg", "image/png"]


# --- numbers ----------------------------------------------------------------------------------------


def png(width: int, height: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def test_a_text_is_written_into_a_png_and_its_pixels_stay(run):
    text = json.dumps({"size": [28, 14], "strokes": [[[1, 2.5]] * 9000]})
    url = run("draw/itxt", "return m.withText(a[0], 'strokes', a[1]);", [png(28, 14), text])
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    image.load()
    assert image.text == {"strokes": text}  # Pillow compares the checksum
    assert image.tobytes() == b"\xff" * 28 * 14 * 3


def test_the_picture_of_a_drawing_holds_its_strokes_unless_they_are_too_many(run):
    code = """const line = (n) => [{ width: 4, points: Array.from({ length: n }, (_, i) =>
                ({ x: i % 2 ? 10.04 : 300 + 1e6 * (i === 2), y: -9000, pressure: 0.5 })) }];
              return [m.toPng(line(3), 560), m.toPng(line(9000))];"""
    pictures = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in run("draw/paint", code)]
    sent = [json.loads(picture.text["strokes"]) if picture.text else None for picture in pictures]
    assert sent == [{"size": [560, 280], "strokes": [[[300, -560], [10, -560], [1120, -560]]]}, None]
    assert [picture.size for picture in pictures] == [(560, 280), (280, 280)]


def test_strokes_go_to_the_box_they_lie_in_and_one_through_two_is_cut(run):
    def line(*across: int) -> dict:
        return {"width": 4, "points": [{"x": x, "y": 50, "pressure": 0.5} for x in across]}

    strokes = [line(10, 20, 30), line(40, 10, 12, 14, 16), line(20, 30, 110, 120), line(140, 150)]
    shares = run("draw/share", "return m.shared(...a);", [strokes, [[0, 0, 40, 100], [100, 0, 40, 100]]])
    assert shares == [
        [line(10, 20, 30), line(40, 10, 12, 14, 16), line(20, 30)],
        [line(110, 120), line(140, 150)],
    ]
    assert run("draw/share", "return m.squared(a);", [line(500, 540)]) == [line(120, 160)]
    assert run("draw/share", "return m.squared(a);", [line(-9, 280)]) == [line(-9, 280)]


def test_numbers_are_spelt_sign_by_sign(run):
    said = run("show/spelling", "return a.map(m.spelt);", ["2026", "-3.14", "07 12,5"])
    assert said == ["two, zero, two, six", "minus, three, point, one, four", "zero, seven, then, one, two, comma, five"]
    assert run("show/spelling", "return a.map(m.nth);", [0, 1, 2, 3, 10, 11, 12, 20, 21, 31]) == [
        *["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "32nd"]
    ]


def digit(value: int, confidence: float, rival: float = 0.0) -> dict:
    data = [0.0] * 10
    data[value], data[(value + 1) % 10] = confidence, rival
    return {"digit": value, "confidence": confidence, "unsure": confidence < 0.95, "data": data, "box": [0, 0, 9, 9]}


@pytest.mark.parametrize(
    ("number", "digits", "headline", "detail", "spoken"),
    [
        (
            "12",
            [digit(1, 0.99), digit(2, 0.97)],
            "12",
            "Least sure digit: 97 %.",
            "One, two; each at least 97 percent.",
        ),
        ("-5", [digit(5, 0.999)], "-5", "Least sure digit: 99.9 %.", "Minus, five; each at least 99 percent."),
        *(
            ("12", [digit(1, 0.99), digit(2, 0.6, rival)], "12?", said, f"One, two. {said}")
            for rival, said in [
                (0.4, "I'm not sure of the 2nd digit: 2 or 3?"),
                (0.01, "I'm not sure of the 2nd digit."),
            ]
        ),
    ],
)
def test_a_number_is_summed_up_by_its_least_sure_digit(run, number, digits, headline, detail, spoken):
    reply = {**digit(8, 0.5), "number": number, "digits": digits}
    said = run("show/spelling", "return m.summary(a);", reply)
    assert {key: text for key, text in said.items() if key != "unsure"} == {
        "headline": headline,
        "detail": detail.replace(" %", "\u00a0%"),
        "spoken": spoken,
    }
    assert said["unsure"] == headline.endswith("?")


def test_a_number_of_one_sign_is_a_digit(run):
    reply = {**digit(7, 0.99), "number": "7", "digits": [digit(7, 0.99)]}
    assert run("show/spelling", "return [m.parts(a), m.summary(a).headline, m.brief(a)];", reply) == [
        *[[], "Seven", ["Seven", "99.0\u00a0%"]]
    ]


# --- links ------------------------------------------------------------------------------------------


def stroke(width: float, *points: tuple[float, float], pressure: float = 0.5) -> dict:
    return {"width": width, "points": [{"x": x, "y": y, "pressure": pressure} for x, y in points]}


def test_a_link_holds_the_strokes_to_the_nearest_unit(run):
    sheet = {"wide": True, "strokes": [stroke(16, (-3, 280.4), (559.6, 0)), stroke(6, (140, 140), pressure=1)]}
    there_and_back = run("keep/link", "return m.fromFragment(m.toFragment(a));", sheet)
    assert there_and_back == {"wide": True, "strokes": [stroke(16, (-3, 280), (560, 0)), stroke(9, (140, 140))]}


def test_a_link_has_at_most_2_kilobytes_with_fewer_points_if_need_be(run):
    scribble = [(140 + 130 * ((7 * i) % 11 - 5) / 5, 140 + 130 * ((3 * i) % 13 - 6) / 6) for i in range(1200)]
    text, sheet = run(
        "keep/link",
        "const text = m.toFragment(a); return [text, m.fromFragment(text)];",
        {"wide": False, "strokes": [stroke(16, *scribble)]},
    )
    assert len(text) <= 2048
    assert 300 <= len(sheet["strokes"][0]["points"]) < 1200
    assert sheet["strokes"][0]["points"][-1] == {
        "x": round(scribble[-1][0]),
        "y": round(scribble[-1][1]),
        "pressure": 0.5,
    }
    many = {"wide": False, "strokes": [stroke(16, (i, 1), (i, 200)) for i in range(400)]}
    assert run("keep/link", "return m.toFragment(a);", many) is None


def test_a_fragment_that_holds_no_drawing_is_left_alone(run):
    odd = ["", "#why", "#draw=", "#draw=A", "#draw=AAAA", "#draw=____________", "#draw=<b>", "#draw=" + "A" * 3000]
    odd += ["#draw=ACACAg", "#draw=ACD_____D_8"]
    assert run("keep/link", "return a.map(m.fromFragment);", odd) == [None] * len(odd)
