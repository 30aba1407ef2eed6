"""What a person feels of the page, measured in Debian's Chromium: the wait, the jerks, what piles up, and Lighthouse.

    python benchmarks/page.py                                                          # a first look
    python benchmarks/page.py --answers 30 --strokes 200 --digits 500 --lighthouse     # all, as in docs/performance.md

Starts the server as `make serve` does, with and without a resident reader, draws with a mouse, and prints
- from the pointer's release to the frame that shows the bars of the whole drawing (median and slowest), with
  live reading on, in milliseconds;
- the longest task of the page's main thread while strokes are drawn without a rest. The browser reports tasks of
  50 ms and more only;
- how much more memory (JavaScript's heap, after garbage collection), elements and listeners the page holds after all
  digits than after a fifth of them;
- Lighthouse's scores, for a phone and a desk, median of three runs. It comes by npx, which is a part of Node.js.

A busy machine makes all times longer: the ratio of the two servers is what counts then.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import servers
from needs import program
from page_kit import DIGITS, Hand, answered

LIGHTHOUSE = "lighthouse@12"  # the last for Node.js before 22
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
STEP_MS = 8  # between two places of the mouse: 125 a second
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

# When the pointer was released last, when the bars changed last and were painted, and the tasks of 50 ms and more.
WATCH = """() => {
  window.measured = { released: 0, shown: 0, tasks: [] };
  addEventListener("pointerup", (event) => { measured.released = event.timeStamp; }, true);
  const painted = () => requestAnimationFrame(() => setTimeout(() => { measured.shown = performance.now(); }));
  new MutationObserver(painted).observe(document.getElementById("scores"), { childList: true, subtree: true });
  new PerformanceObserver((list) => measured.tasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: "longtask" });
}"""
FRAMES = (
    "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => done()))))"
)


def main() -> int:
    """Measure and print."""
    args = _arguments().parse_args()
    with tempfile.TemporaryDirectory() as folder, _browser() as browser:
        figures = _measure(browser, Path(folder), args)
    if args.lighthouse:
        with tempfile.TemporaryDirectory() as folder, servers.make_serve(Path(folder) / "log") as server:
            figures["lighthouse"] = {form: _lighthouse(server.url, form) for form in ("mobile", "desktop")}
    print(json.dumps(figures, indent=2) if args.json else _words(figures, args))
    return 0


def _arguments() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--answers", type=int, default=5, help="drawings that are timed with each server (default 5)")
    parser.add_argument("--strokes", type=int, default=20, help="strokes without a rest (default 20)")
    parser.add_argument("--digits", type=int, default=20, help="digits drawn, answered and cleared (default 20)")
    parser.add_argument("--lighthouse", action="store_true", help="ask Lighthouse, too")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser


@contextmanager
def _browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=QUIET)
        yield browser
        browser.close()


def _measure(browser: Browser, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """All but Lighthouse; the two servers answer in turn."""
    with (
        servers.make_serve(folder / "resident") as resident,
        servers.make_serve(folder / "cold", MNIST_RESIDENT="0") as cold,
    ):
        pages = {"resident": _page(browser, resident.url), "cold": _page(browser, cold.url)}
        waits: dict[str, list[float]] = {name: [] for name in pages}
        for _ in range(args.answers):
            for name, page in pages.items():
                waits[name].append(_wait(page))
        pages.pop("cold").context.close()
        page = pages["resident"]
        return {"answer_ms": waits, "tasks_ms": _tasks(page, args.strokes), "grown": _growth(page, args.digits)}


def _page(browser: Browser, url: str) -> Page:
    """A page that is watched, after a first answer: that one starts the reader and fills caches."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}, service_workers="block").new_page()
    page.set_default_timeout(120_000)  # a busy machine is no failure
    page.goto(url)
    page.wait_for_selector("html[data-scripted]")
    page.evaluate(WATCH)
    _wait(page)
    return page


def _wait(page: Page) -> float:
    """Draw a seven on an empty paper; the milliseconds from the pointer's release to its bars."""
    if page.is_enabled("#clear"):
        page.click("#clear")
    _drag(page, DIGITS[7][0])
    answered(page)
    page.evaluate(FRAMES)
    times = page.evaluate("measured")
    assert times["shown"] > times["released"], "no bars after the pointer's release"
    return float(times["shown"] - times["released"])


def _drag(page: Page, stroke: list[tuple[float, float]]) -> None:
    """Draw a stroke as a hand does: at its pace, with places between its corners."""
    hand = Hand(page)
    page.mouse.move(*hand.at(stroke[0], (0.2, 0.2, 0.6, 0.6)))
    page.mouse.down()
    for point in stroke[1:]:
        page.mouse.move(*hand.at(point, (0.2, 0.2, 0.6, 0.6)), steps=8)
        page.wait_for_timeout(STEP_MS)
    page.mouse.up()


def _tasks(page: Page, strokes: int) -> list[float]:
    """The main thread's tasks of 50 ms and more (in ms) while strokes are drawn; a full paper is cleared."""
    page.evaluate("() => { measured.tasks = []; }")
    for number in range(strokes):
        if number % 20 == 0 and page.is_enabled("#clear"):
            page.click("#clear")
        _drag(page, DIGITS[number % 10][0])
    answered(page)
    page.evaluate(FRAMES)
    return [float(each) for each in page.evaluate("measured.tasks")]


def _growth(page: Page, digits: int) -> dict[str, int]:
    """By how much the page grows from a fifth of the digits to all of them: bytes of heap, elements, listeners."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("Performance.enable")
    early: dict[str, int] = {}
    for number in range(1, digits + 1):
        if page.is_enabled("#clear"):
            page.click("#clear")
        Hand(page).draw(DIGITS[number % 10])
        answered(page)
        if number == max(1, digits // 5):
            early = _held(protocol)
    late = _held(protocol)
    return {name: late[name] - early[name] for name in late}


def _held(protocol: CDPSession) -> dict[str, int]:
    """What a page holds once its garbage is gone."""
    protocol.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in protocol.send("Performance.getMetrics")["metrics"]}
    return {"heap": int(metrics["JSHeapUsedSize"]), "nodes": metrics["Nodes"], "listeners": metrics["JSEventListeners"]}


def _lighthouse(url: str, form: str) -> dict[str, int]:
    """Lighthouse's scores (0 to 100), medians of three runs, as on a phone ("mobile") or a desk ("desktop")."""
    command = ["npx", "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}"]
    command += ["--chrome-flags=--headless=new --no-sandbox", *(["--preset=desktop"] if form == "desktop" else [])]
    env = {**os.environ, "CHROME_PATH": program("chromium")}
    runs = [
        json.loads(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout)["categories"]
        for _ in range(3)
    ]
    return {name: round(100 * statistics.median(run[name]["score"] for run in runs)) for name in CATEGORIES}


def _words(figures: dict[str, Any], args: argparse.Namespace) -> str:
    """The figures, in lines."""
    lines = [
        f"from pointer-up to bars, {name}: median {statistics.median(each):.0f} ms, slowest {max(each):.0f} ms"
        for name, each in figures["answer_ms"].items()
    ]
    tasks = figures["tasks_ms"]
    longest = f"{len(tasks)} of 50 ms and more, the longest {max(tasks):.0f} ms" if tasks else "none of 50 ms or more"
    lines.append(f"tasks during {args.strokes} strokes: {longest}")
    grown = figures["grown"]
    lines.append(
        f"grown from {max(1, args.digits // 5)} to {args.digits} digits: {grown['heap'] / 1024:.0f} KB of heap, "
        f"{grown['nodes']} elements, {grown['listeners']} listeners"
    )
    for form, scores in figures.get("lighthouse", {}).items():
        lines.append(f"Lighthouse, {form}: " + ", ".join(f"{name} {score}" for name, score in scores.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
