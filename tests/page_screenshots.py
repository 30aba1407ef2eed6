"""Takes the pictures of the page that the docs show, from a server that is running:

make serve &
python tests/page_screenshots.py --url http://127.0.0.1:8000/ --out docs
"""

import argparse
import io
import math
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from page_kit import DESK, DIGITS, PHONE, WHOLE, Hand, answered

FILMED = {"width": 1180, "height": 680}  # pixels of the animated picture
STEP = 0.03  # of the paper's side between two points of a slow hand
POINTS_A_FRAME = 4
STROKE_PAUSE_MS = 40
FRAMES_OF_BARS = 8  # after the last stroke, while the bars move
FRAME_MS, LAST_MS = 90, 2500  # how long a frame is shown


def shoot(browser: Browser, url: str, screen: dict, digit: int, path: Path, **options: str) -> None:
    """Draw a digit and keep what the screen then shows as a PNG file."""
    page = browser.new_page(**{**screen, "service_workers": "block", **options})
    page.set_default_timeout(120_000)  # a busy machine is no failure
    page.goto(url)
    page.wait_for_selector("#models:not([hidden])")
    hand = Hand(page)
    (hand.touch if screen is PHONE else hand.draw)(DIGITS[digit])
    answered(page)
    page.mouse.move(5, 5)
    page.wait_for_timeout(600)  # bars grow for a quarter of a second
    shot = Image.open(io.BytesIO(page.screenshot()))
    shot.convert("RGB").quantize(96).save(path, optimize=True)  # a third of the bytes, and no visible loss
    page.close()


def record(browser: Browser, url: str, digit: int, path: Path) -> None:
    """Draw a digit slowly and keep what the screen shows meanwhile as an animated WebP file."""
    page = browser.new_page(viewport=FILMED, service_workers="block", color_scheme="light")
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector("#models:not([hidden])")
    frames = [frame(page)]
    hand = Hand(page)
    for stroke in DIGITS[digit]:
        points = [hand.at(point, WHOLE) for point in between(stroke)]
        page.mouse.move(*points[0])
        page.mouse.down()
        for number, point in enumerate(points):
            page.mouse.move(*point)
            if number % POINTS_A_FRAME == 0:
                page.wait_for_timeout(STROKE_PAUSE_MS)
                frames.append(frame(page))
        page.mouse.up()
    answered(page)
    for _ in range(FRAMES_OF_BARS):
        page.wait_for_timeout(60)
        frames.append(frame(page))
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=times, loop=0, quality=70, method=6)
    page.close()


def frame(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def between(stroke: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points along a stroke, no further apart than a hand's."""
    for (x0, y0), (x1, y1) in pairwise(stroke):
        count = max(1, round(math.hypot(x1 - x0, y1 - y0) / STEP))
        yield from ((x0 + (x1 - x0) * i / count, y0 + (y1 - y0) * i / count) for i in range(count))
    yield stroke[-1]


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of the page that the docs show.")
    parser.add_argument("--url", default="http://127.0.0.1:8000/", help="the running page (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder to write to (default: %(default)s)")
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    binary = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        shoot(browser, settings.url, DESK, 3, settings.out / "page.png", color_scheme="light")
        shoot(browser, settings.url, PHONE, 5, settings.out / "page-phone.png", color_scheme="dark")
        record(browser, settings.url, 5, settings.out / "draw.webp")
        browser.close()


if __name__ == "__main__":
    main()
