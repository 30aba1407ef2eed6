"""Answers as HTML, whole pages: a digit, several files, a number, a failure, and the list of models."""

from typing import Any

from serving.html import page

HEAD = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>MNIST Draw</title>\n<h1>MNIST Draw</h1>\n'
SEEN = '<img width="112" height="112" alt="the picture as the model reads it" src="{}">'
SCORES = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0996, 0.0004]
ROWS = (
    "<ul>\n<li>0: 0.0%</li>\n<li>1: 0.0%</li>\n<li>2: 0.0%</li>\n<li>3: 0.0%</li>\n<li>4: 0.0%</li>\n"
    "<li>5: 0.0%</li>\n<li>6: 0.0%</li>\n<li>7: 90.0%</li>\n<li>8: 10.0%</li>\n<li>9: 0.0%</li>\n</ul>"
)


def one(**changed: Any) -> dict[str, Any]:
    """The answer to a picture of a seven."""
    said = {"result": 1, "error": "", "model": "a&b", "digit": 7, "confidence": 0.9, "unsure": False, "data": SCORES}
    return said | {"seen": 'data:"7"'} | changed


def digit(number: int, confidence: float, unsure: bool) -> dict[str, Any]:
    """A digit of a number."""
    return {"digit": number, "confidence": confidence, "unsure": unsure, "seen": f"data:{number}"}


def whole(main: str) -> str:
    return f"{HEAD}{main}\n</html>\n"


def test_a_digit_is_its_sentence_its_picture_and_ten_shares() -> None:
    picture = SEEN.format("data:&quot;7&quot;")
    for unsure, sure in ((False, "this is"), (True, "not sure, perhaps")):
        said = f"<p>a&amp;b: {sure} <strong>7</strong> (90.0%)</p>\n<p>{picture}</p>\n{ROWS}"
        assert page(one(unsure=unsure)) == whole(said)
        assert page(one(unsure=unsure, number="7")) == whole(said)  # a number of one digit


def test_several_files_have_their_names_above_their_answers() -> None:
    said = f"<p>a&amp;b: this is <strong>7</strong> (90.0%)</p>\n<p>{SEEN.format('data:&quot;7&quot;')}</p>\n{ROWS}"
    failed = {"result": 0, "data": [], "error": "Not <a> picture.", "file": "<b>"}
    answer = {"result": 1, "error": "", "results": [one(file="a & b.png"), failed, one(file="")]}
    sections = [f"<h2>a &amp; b.png</h2>\n{said}", "<h2>&lt;b&gt;</h2>\n<p>Not &lt;a&gt; picture.</p>", said]
    assert page(answer) == whole("\n".join(sections))


def test_a_number_is_its_rows_and_each_digit_with_its_confidence() -> None:
    digits = [digit(4, 0.5, True), digit(2, 0.999, False), digit(7, 0.75, False)]
    pictures = " ".join(SEEN.format(f"data:{number}") for number in (4, 2, 7))
    shares = "<ul>\n<li>4: 50.0%, not sure</li>\n<li>2: 99.9%</li>\n<li>7: 75.0%</li>\n</ul>"
    answer = one(number="427", rows=["42", "<7>"], digits=digits)
    said = "a&amp;b: not sure, perhaps <strong>42<br>&lt;7&gt;</strong>"
    assert page(answer) == whole(f"<p>{said}</p>\n<p>{pictures}</p>\n{shares}")
    sure = one(number="27", rows=["27"], digits=digits[1:], file="n.png")
    pictures, shares = pictures.partition("> ")[2], "<ul>\n<li>2: 99.9%</li>\n<li>7: 75.0%</li>\n</ul>"
    said = "<h2>n.png</h2>\n<p>a&amp;b: this is <strong>27</strong></p>"
    assert page(sure) == whole(f"{said}\n<p>{pictures}</p>\n{shares}")


def test_a_failure_is_its_sentence() -> None:
    assert page({"result": 0, "data": [], "error": "5 < 6"}) == whole("<p>5 &lt; 6</p>")


def test_models_are_a_list_of_titles_and_names() -> None:
    models = [{"title": "A <CNN>", "name": "cnn"}, {"name": "svm"}, {"title": "None"}]
    items = "<li>A &lt;CNN&gt; (cnn)</li>\n<li> (svm)</li>\n<li>None ()</li>"
    assert page({"result": 1, "error": "", "models": models, "default": "cnn"}) == whole(f"<ul>\n{items}\n</ul>")
