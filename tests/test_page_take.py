"""What a person takes along: a picture with the answer, a link that holds the strokes, a printed page."""

from pathlib import Path

from PIL import Image

from page_kit import DIGITS, Hand, answered, until


def test_the_drawing_and_its_answer_can_be_saved_as_a_picture(visit):
    page = visit(color_scheme="dark")
    assert page.is_disabled("#picture")
    Hand(page).draw(DIGITS[7])
    answered(page)
    with page.expect_download() as download:
        page.click("#picture")
    assert download.value.suggested_filename == "digit.png"
    image = Image.open(Path(download.value.path())).convert("L")
    assert image.size == (2 * (280 + 300 + 72), 2 * (280 + 96))
    assert image.getpixel((0, 0)) == 255
    assert image.crop((2 * 24, 2 * 24, 2 * 304, 2 * 304)).getextrema()[0] == 0  # ink
    bars = [image.getpixel((2 * 352, 2 * (24 + 28 * digit + 10))) < 128 for digit in range(10)]
    assert bars == [digit == 7 for digit in range(10)]


def test_a_link_opens_the_drawing_elsewhere_and_no_server_is_told_of_it(visit):
    page = visit()
    Hand(page).draw(DIGITS[7], (0.55, 0.2, 0.4, 0.6))
    answered(page)
    page.click("#link")
    page.wait_for_selector("#taken:not(:empty)")
    link = page.url
    assert len(link) < 2048
    other = visit(url="about:blank")
    told = []
    other.on("request", lambda request: told.append(request.url))
    other.goto(link)
    other.wait_for_selector("html[data-scripted]")
    until(other, "document.getElementById('headline').textContent === 'Seven'")
    assert Hand(other).ink() > 0
    assert [url for url in told if "draw=" in url.partition("#")[0]] == []
    Hand(other).draw([[(0.1, 0.9), (0.3, 0.9)]])
    other.click("#link")
    other.wait_for_selector("#taken:not(:empty)")
    assert other.url != link


def test_a_printed_page_has_the_drawing_and_the_answer_in_dark_ink_and_no_buttons(visit):
    page = visit(color_scheme="dark")
    Hand(page).draw(DIGITS[7])
    answered(page)
    page.emulate_media(media="print")
    assert page.locator("#undo").is_hidden()
    assert page.locator("#keys").is_hidden()
    assert page.locator("#headline").is_visible()
    lightest = """() => { const c = document.getElementById("paper");
      const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
      return Math.max(...data.filter((_, i) => i % 4 === 0 && data[i + 3] === 255)); }"""
    until(page, f"({lightest})() < 64")
