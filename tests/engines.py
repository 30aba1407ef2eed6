"""The engines that people's browsers are made of, each started here and driven by Selenium.

Chromium by Debian's chromedriver, Firefox by its own Marionette, and WebKit (whose engine is Safari's) as Debian's
MiniBrowser by WebKitWebDriver. The last two get a screen of their own, as without one they have no clipboard.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service as ChromeService
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.webkitgtk.service import Service as WebKitService

from marionette import CHROME_CONTEXT, Marionette
from needs import lacking, program

WINDOW = (1280, 900)  # CSS pixels, what is around the page included
Resize = Callable[[int, int], Any]
CANNOT = {
    ("webkit", "touch"): "WebKitWebDriver sends a finger as a mouse",
    ("firefox", "pen"): "Firefox's driver has no pen",
    ("webkit", "right button"): "WebKitWebDriver lets go of the left button in place of the right one",
    ("webkit", "clipboard"): "WebKitGTK hands no picture of the clipboard to a page",
}


class Taste(NamedTuple):
    """What somebody has chosen for all pages."""

    dark: bool = False
    still: bool = False  # reduced motion


class Browser(NamedTuple):
    """One that runs, with an empty profile."""

    name: str
    driver: Any
    complaints: Callable[[], list[str]]  # what it has said of the page since this was last asked: errors and warnings
    downloads: Path
    resize: Resize  # its window's width and height in CSS pixels

    def needs(self, ability: str) -> None:
        """Skip a journey that this engine can't make."""
        if (self.name, ability) in CANNOT:
            pytest.skip(CANNOT[self.name, ability])


@contextmanager
def chromium(folder: Path, taste: Taste) -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]:
        options.add_argument(flag)
    for flag, wanted in [("--force-dark-mode", taste.dark), ("--force-prefers-reduced-motion", taste.still)]:
        options.add_argument(flag) if wanted else None
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "WARNING"})
    driver = webdriver.Chrome(options, ChromeService(program("chromedriver", "chromium-driver")))
    try:
        yield ready("chromium", driver, lambda: [line["message"] for line in driver.get_log("browser")], folder)
    finally:
        driver.quit()


FIREFOX = {
    "marionette.port": 0,
    "browser.download.folderList": 2,
    "browser.shell.checkDefaultBrowser": False,
    "dom.w3c_touch_events.enabled": 1,
    "services.settings.server": "data:,#remote-settings-dummy/v1",  # Mozilla's own word for none
}


@contextmanager
def firefox(folder: Path, taste: Taste) -> Iterator[Browser]:
    """Debian's Firefox ESR on a screen of its own."""
    path = program("firefox-esr")
    settings = FIREFOX | {
        "browser.download.dir": str(folder),
        "layout.css.prefers-color-scheme.content-override": 0 if taste.dark else 1,
        "ui.prefersReducedMotion": int(taste.still),
    }
    lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in settings.items()]
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text("".join(lines))
    command = [path, "-marionette", "-remote-allow-system-access", "-no-remote", "-profile", str(profile)]
    with (
        screen() as display,
        (folder / "firefox.log").open("w") as log,
        subprocess.Popen(command, env={**os.environ, "DISPLAY": display}, stdout=log, stderr=log) as process,
    ):
        try:
            driver = webdriver.Remote(Marionette(port_of(profile)), options=webdriver.FirefoxOptions())
            yield ready(
                "firefox",
                driver,
                lambda: within_firefox(driver, SAID),
                folder,
                lambda *size: within_firefox(driver, RESIZE, *size),
            )
            driver.quit()
        finally:
            process.terminate()


def port_of(profile: Path) -> int:
    """The port that a Firefox with this profile listens on, once it does."""
    file, end = profile / "MarionetteActivePort", time.monotonic() + 60
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < end, "Firefox does not listen"
        time.sleep(0.1)
    return int(file.read_text())


SAID = """const all = Services.console.getMessageArray().filter(each => each instanceof Ci.nsIScriptError);
  Services.console.reset();
  return all.filter(each => /^https?:/.test(each.sourceName)).map(each => each.errorMessage);"""

# The driver's own command waits five seconds for a window manager, which nobody runs here.
RESIZE = "Services.wm.getMostRecentWindow('navigator:browser').resizeTo(...arguments)"


def within_firefox(driver: Any, script: str, *arguments: Any) -> Any:
    """What a script returns that has the rights of Firefox itself: no page's script can do what it does."""
    driver.execute(CHROME_CONTEXT, {"value": "chrome"})
    try:
        return driver.execute_script(script, *arguments)
    finally:
        driver.execute(CHROME_CONTEXT, {"value": "content"})


@contextmanager
def webkit(folder: Path, taste: Taste) -> Iterator[Browser]:
    """WebKitGTK's MiniBrowser on a screen of its own. It tells nobody of errors before its first script ran."""
    path = program("WebKitWebDriver", "webkit2gtk-driver")
    binary = next(Path("/usr/lib").glob("*/webkit*gtk-*/MiniBrowser"), None)
    if not binary:
        lacking("MiniBrowser is not installed: apt-get install webkit2gtk-driver")
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(binary)
    for flag in ["--automation", *(["--dark-mode"] if taste.dark else [])]:
        options.add_argument(flag)
    (folder / "gtk-3.0").mkdir()
    (folder / "gtk-3.0" / "settings.ini").write_text(f"[Settings]\ngtk-enable-animations={int(not taste.still)}\n")
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}  # downloads go home
    sandbox = {} if os.geteuid() else {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}  # root can't have one
    with screen() as display:
        env = {**os.environ, **home, **sandbox, "DISPLAY": display}
        driver = webdriver.WebKitGTK(options, WebKitService(path, env=env))
        try:
            yield ready("webkit", driver, lambda: driver.execute_script("return window.said?.splice(0) ?? []"), folder)
        finally:
            driver.quit()


@contextmanager
def screen() -> Iterator[str]:
    """The name of an X display that nobody sees."""
    reader, writer = os.pipe()
    command = [program("Xvfb", "xvfb"), "-displayfd", str(writer), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as process, os.fdopen(reader) as said:
        os.close(writer)
        try:
            yield f":{said.readline().strip()}"
        finally:
            process.terminate()


def ready(
    name: str, driver: Any, complaints: Callable[[], list[str]], folder: Path, resize: Resize | None = None
) -> Browser:
    """A browser that was just started, with a window as on a desk."""
    driver.file_detector = UselessFileDetector()  # files are on this machine: their paths will do
    browser = Browser(name, driver, complaints, folder, resize or (lambda *size: driver.set_window_rect(0, 0, *size)))
    browser.resize(*WINDOW)
    return browser


ENGINES = {"chromium": chromium, "firefox": firefox, "webkit": webkit}
