"""What the tests of the page share: a browser, a page that must stay quiet, and a hand that draws.

A digit is a list of strokes, a stroke a list of points (x, y) in 0..1, x to the right and y down; `Hand` puts
it onto the page's paper with real pointer events.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import servers

Point = tuple[float, float]
BLANK = "about:blank"
Digit = list[list[Point]]

ROOT = Path(__file__).parent.parent
STATIC = sorted(path for path in (ROOT / "static").rglob("*") if path.is_file())
MODULES = [path for path in STATIC if path.suffix == ".js"]

WHOLE = (0.15, 0.15, 0.7, 0.7)  # left, top, width, height on a paper of 1 x 1
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {
    "viewport": {"width": 375, "height": 667},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}


def arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Points on an ellipse from one angle to another: degrees, 0 to the right, growing clockwise."""
    angles = [math.radians(start + (end - start) * i / 7) for i in range(8)]
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


DIGITS: dict[int, Digit] = {
    0: [arc(0.5, 0.5, 0.33, 0.48, -80, 285)],
    1: [[(0.5, 0.02), (0.5, 0.98)]],
    2: [[*arc(0.48, 0.28, 0.32, 0.26, -170, 35), (0.16, 0.95), (0.86, 0.95)]],
    3: [[*arc(0.45, 0.26, 0.33, 0.24, -150, 95), *arc(0.45, 0.73, 0.37, 0.25, -85, 150)]],
    4: [[(0.3, 0.02), (0.16, 0.56), (0.86, 0.56)], [(0.68, 0.1), (0.68, 0.98)]],
    5: [[(0.8, 0.04), (0.28, 0.05), (0.24, 0.42), *arc(0.45, 0.68, 0.36, 0.28, -110, 140)]],
    6: [[(0.68, 0.02), (0.4, 0.25), (0.25, 0.55), *arc(0.5, 0.7, 0.27, 0.26, 180, -180)]],
    7: [[(0.14, 0.05), (0.86, 0.05), (0.55, 0.5), (0.4, 0.98)]],
    8: [
        [
            *arc(0.5, 0.27, 0.26, 0.25, -40, -270),
            *arc(0.5, 0.75, 0.3, 0.23, -90, 270),
            *arc(0.5, 0.27, 0.26, 0.25, 90, -40),
        ]
    ],
    9: [[*arc(0.47, 0.3, 0.28, 0.27, -10, -350), (0.75, 0.32), (0.73, 0.6), (0.66, 0.98)]],
}


class Hand:
    """Draws on the paper of a page as a person would: with a mouse, a finger or a pen."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self._cdp: Any = None

    @property
    def cdp(self) -> Any:
        """The browser's own protocol: the only way to send real touch and pen input."""
        if self._cdp is None:
            self._cdp = self.page.context.new_cdp_session(self.page)
        return self._cdp

    def at(self, point: Point, box: tuple[float, float, float, float] = (0, 0, 1, 1)) -> Point:
        """Where on the screen (CSS pixels) a point of a digit lies that is drawn into a box of the paper."""
        paper = self.page.locator("#paper").bounding_box()
        x, y = box[0] + point[0] * box[2], box[1] + point[1] * box[3]
        return paper["x"] + x * paper["width"], paper["y"] + y * paper["height"]

    def draw(self, digit: Digit, box: tuple[float, float, float, float] = WHOLE) -> None:
        """Draws with the mouse, stroke by stroke."""
        for stroke in digit:
            self.page.mouse.move(*self.at(stroke[0], box))
            self.page.mouse.down()
            for point in stroke[1:]:
                self.page.mouse.move(*self.at(point, box))
            self.page.mouse.up()

    def touch(self, digit: Digit, box: tuple[float, float, float, float] = WHOLE) -> None:
        """Draws with one finger."""
        for stroke in digit:
            self.finger("touchStart", stroke[0], box)
            for point in stroke[1:]:
                self.finger("touchMove", point, box)
            self.finger("touchEnd")

    def finger(self, kind: str, *where: Any, others: list[Point] | None = None) -> None:
        """One touch event; `others` are the places of further fingers that are down."""
        points = [self.at(*where)] if where else []
        points += [self.at(other) for other in others or []]
        touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def pen(self, kind: str, point: Point, force: float = 0.5) -> None:
        """One event of a pen: "mousePressed", "mouseMoved" or "mouseReleased"."""
        x, y = self.at(point)
        event = {
            "type": kind,
            "x": x,
            "y": y,
            "button": "left",
            "buttons": 0 if kind == "mouseReleased" else 1,
        }
        self.cdp.send("Input.dispatchMouseEvent", {**event, "pointerType": "pen", "force": force, "clickCount": 1})

    def settle(self) -> None:
        """Wait until the canvas shows the strokes: it is redrawn with the next frame."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")

    def ink(self) -> int:
        """How many pixels of the visible canvas hold ink, once it has been redrawn."""
        self.settle()
        inked: int = self.page.evaluate(
            """() => { const c = document.getElementById("paper");
                 const data = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
                 let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 127; return n; }"""
        )
        return inked


@pytest.fixture
def visit(browser: Any, http_server: servers.Server) -> Iterator[Callable[..., Any]]:
    """Opens the page: `visit(PHONE, color_scheme="dark")`. What the browser complains about fails the test,
    except for lines that hold one of `visit.allowed`."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(kind: dict[str, Any] | None = None, *, url: str = http_server.url, **options: Any) -> Any:
        settings = {"service_workers": "block", **(kind or DESK), **options}
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # a busy machine is no failure
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        if options.get("java_script_enabled", True) and url != BLANK:
            page.wait_for_selector("html[data-scripted]")
        return page

    # `Hand.ink` reads the canvas, which draws a remark on speed; the other one is Playwright's own
    open_page.allowed = ["willReadFrequently", "blocked by Playwright"]  # type: ignore[attr-defined]
    open_page.site = http_server.url  # type: ignore[attr-defined]
    yield open_page
    for context in contexts:
        context.close()
    allowed = open_page.allowed  # type: ignore[attr-defined]
    assert [line for line in complaints if not any(part in line for part in allowed)] == []


def unfold(page: Any) -> None:
    """Opens what is folded away: the kept drawings and the keys."""
    for fold in ("drawings", "keys"):
        if not page.evaluate(f"document.getElementById('{fold}').open"):
            page.click(f"#{fold} > summary")


@contextmanager
def posts(page: Any) -> Iterator[list[str]]:
    """The URLs that are posted to while the block runs."""
    seen: list[str] = []

    def note(request: Any) -> None:
        if request.method == "POST":
            seen.append(request.url)

    page.on("request", note)
    yield seen
    page.remove_listener("request", note)


def until(page: Any, expression: str, seconds: float = 60) -> None:
    """Waits until a JavaScript expression holds.

    Playwright's own `wait_for_function` needs `eval`, which the page's Content-Security-Policy forbids.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not within {seconds} s: {expression}"
        page.wait_for_timeout(30)


def answered(page: Any) -> str:
    """Waits until no answer is awaited any more and returns the headline."""
    page.wait_for_selector('#answer[aria-busy="false"]')
    headline: str = page.inner_text("#headline")
    return headline


def predict(page: Any) -> str:
    """Presses Predict and returns the headline of the answer."""
    page.click("#predict")
    return answered(page)
