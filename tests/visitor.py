"""Somebody who visits the page in any engine: opens it, draws with a mouse, a finger or a pen, presses, types, looks.

All input goes through WebDriver, which has the browser itself make the events.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys

from engines import WINDOW, Browser
from page_kit import WHOLE, Digit, Point

Box = tuple[float, float, float, float]

# What WebKit's driver tells nobody of; all three are given it.
LISTEN = """window.said = [];
  for (const kind of ["error", "unhandledrejection", "securitypolicyviolation"])
    addEventListener(kind, ({ message, reason, violatedDirective }) =>
      said.push(`${kind}: ${message ?? reason ?? violatedDirective}`));"""

# On a busy machine WebKit now and then never says that a worker is gone, though it is, or never deletes a database
# of a page that was left at once; asked again, it does.
FORGET = """const done = arguments[0], late = (ms, what) => new Promise((go) => setTimeout(() => go(what), ms));
  const forget = async () => {
    for (const key of await caches.keys()) await caches.delete(key);
    for (const worker of await navigator.serviceWorker.getRegistrations())
      await Promise.race([worker.unregister(), late(1000)]);
    for (const { name } of await indexedDB.databases())
      await new Promise((onsuccess, onerror) =>
        Object.assign(indexedDB.deleteDatabase(name), { onsuccess, onerror }));
    localStorage.clear();
    return "";
  };
  Promise.race([forget(), late(8000, "too late")]).then(done, (error) => done(String(error)));"""

SUMMARIES = """const [target] = arguments, found = [];
  for (let each = target; each; each = each.parentElement) {
    const summary = each.matches("details:not([open])") ? each.querySelector(":scope > summary") : null;
    if (summary && !summary.contains(target)) found.unshift(summary);
  }
  return found;"""

INK = """const c = document.getElementById("paper"), [top, bottom] = arguments, from = Math.floor(top * c.height);
  const { data } = c.getContext("2d").getImageData(0, from, c.width, Math.floor((bottom - top) * c.height));
  let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 127; return n;"""

SETTLE = """const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"""


class Visitor:
    """Somebody at a browser, on the page of a server."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.driver, self.url = browser, browser.driver, url
        self._heard: list[str] = []

    # --- coming and going ---

    def arrive(self) -> None:
        """Come to the page as one who has never been here."""
        self.browser.resize(*WINDOW)
        assert "" in (self._forgotten() for _ in range(5)), "the browser does not forget the guest before"
        self.complaints()  # of the guest before, and of a file that has no icon: they are not this one's
        self.open()

    def _forgotten(self) -> str:
        """Have the browser forget the guest before; what was in the way."""
        self.driver.get(f"{self.url}/static/theme.js")
        return str(self.driver.execute_async_script(FORGET))

    def open(self) -> None:
        """Open the page, for the first time or again."""
        self._heard += self.browser.complaints()
        self.driver.get(f"{self.url}/")
        self.run(LISTEN)
        self.until("document.documentElement.dataset.scripted === ''")

    def complaints(self) -> list[str]:
        """What the browser has objected to since the visitor arrived, or since this was last asked."""
        heard, self._heard = self._heard + self.browser.complaints(), []
        return heard

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns that is run in the page."""
        return self.driver.execute_script(script, *arguments)

    def until(self, expression: str, seconds: float = 60) -> None:
        """Wait until a JavaScript expression holds."""
        self.wait(lambda: self.run(f"return Boolean({expression})"), expression, seconds)

    def wait(self, true: Callable[[], Any], what: str, seconds: float = 60) -> None:
        """Wait until something holds; `what` says it in words."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.05)

    # --- looking ---

    def text(self, place: str) -> str:
        """What is to be read at a place of the page, which is given as a CSS selector."""
        return self.texts(place)[0]

    def texts(self, place: str) -> list[str]:
        """What is to be read in each element that a CSS selector names, its lines joined by spaces."""
        shown = self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)", place)
        return [" ".join(each.split()) for each in shown]

    def sees(self, place: str) -> bool:
        """Whether something is there and can be seen."""
        return bool(self.run("return Boolean(document.querySelector(arguments[0])?.checkVisibility())", place))

    def style(self, place: str, name: str, part: str = "") -> str:
        """A computed style of an element, or of a pseudo-element of it."""
        script = "return getComputedStyle(document.querySelector(arguments[0]), arguments[2] || null)[arguments[1]]"
        return str(self.run(script, place, name, part))

    def answer(self) -> str:
        """The headline of the answer, once there is one and no other is awaited."""
        self.until('document.querySelector(\'#answer[aria-busy="false"]:not([data-state="empty"])\')')
        return self.text("#headline")

    def ink(self, top: float = 0, bottom: float = 1) -> int:
        """How many pixels hold ink between two heights of the paper (0 to 1)."""
        self.driver.execute_async_script(SETTLE)
        return int(self.run(INK, top, bottom))

    # --- doing ---

    def press(self, place: str) -> None:
        """Click on something; what it is folded away in is unfolded first."""
        target = self.driver.find_element("css selector", place)
        for summary in self.run(SUMMARIES, target):
            summary.click()
        target.click()

    def choose(self, menu: str, value: str) -> None:
        """Choose from a menu."""
        self.press(f"{menu} option[value={json.dumps(value)}]")

    def bring(self, *files: Path) -> None:
        """Choose files in the form."""
        self.driver.find_element("css selector", "#file").send_keys("\n".join(map(str, files)))

    def keys(self, *names: str) -> None:
        """Press keys, one after another: "c", "ARROW_LEFT", "CONTROL+SHIFT+z"."""
        chain = ActionChains(self.driver, duration=0)
        for name in names:
            *held, last = [getattr(Keys, each, each) for each in name.split("+")]
            for each in held:
                chain.key_down(each)
            chain.send_keys(last)
            for each in held:
                chain.key_up(each)
        chain.perform()

    def draw(self, digit: Digit, box: Box = WHOLE, kind: str = "mouse") -> None:
        """Draw on the paper with a "mouse", a finger ("touch") or a "pen"."""
        for stroke in digit:
            self.stroke([self.at(point, box) for point in stroke], kind)

    def stroke(self, points: list[tuple[int, int]], kind: str = "mouse", button: int = 0) -> None:
        """Press at the first place in the window, go along all others, and let go."""
        builder = ActionBuilder(self.driver, mouse=PointerInput(kind, kind), duration=8)
        builder.pointer_action.move_to_location(*points[0]).pointer_down(button)
        for point in points[1:]:
            builder.pointer_action.move_to_location(*point)
        builder.pointer_action.pointer_up(button)
        builder.perform()

    def at(self, point: Point, box: Box = (0, 0, 1, 1)) -> tuple[int, int]:
        """Where in the window (CSS pixels) a point of a digit lies that is drawn into a box of the paper."""
        left, top, width, height = self.run(
            """const paper = document.getElementById("paper"); paper.scrollIntoView({ block: "nearest" });
               const { x, y, width, height } = paper.getBoundingClientRect(); return [x, y, width, height];"""
        )
        x, y = box[0] + point[0] * box[2], box[1] + point[1] * box[3]
        return round(left + x * width), round(top + y * height)
