"""Takes the two pictures of the page that README shows, from a server that is running:

make serve &
python tests/page_screenshots.py --url http://localhost:8000/ --out docs
"""

import argparse
import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from page_kit import DESK, DIGITS, PHONE, Hand, answered


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


def main() -> None:
    """Read the command line and take both pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of the page that README shows.")
    parser.add_argument("--url", default="http://localhost:8000/", help="the running page (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder to write to (default: %(default)s)")
    settings = parser.parse_args()
    settings.out.mkdir(parents=True, exist_ok=True)
    binary = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        shoot(browser, settings.url, DESK, 3, settings.out / "page.png", color_scheme="light")
        shoot(browser, settings.url, PHONE, 5, settings.out / "page-phone.png", color_scheme="dark")
        browser.close()


if __name__ == "__main__":
    main()
