"""Requests and replies, under each server: in-process WSGI, `make serve`, lighttpd, gunicorn, and Ray where it is."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

import pictures
from needs import RAY

Server = Any
KEYS = ["result", "data", "error", "digit", "confidence", "unsure", "model", "seen", "done"]
SEVEN = pictures.png(7)


def refused(answer: Any, status: int) -> str:
    """Check that an answer is a refusal in the agreed shape, and nothing else; return its sentence."""
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    error = answer.json["error"]
    assert answer.json == {"result": 0, "data": [], "error": error}
    assert error.endswith((".", "five.png", "train.py"))
    assert "Traceback" not in error
    return error


# --- what it is for ---------------------------------------------------------------------------------


def test_a_drawn_seven_is_answered_with_ten_scores_and_what_was_seen(server: Server) -> None:
    answer = server.ask(pictures.data_url(SEVEN)).json
    assert list(answer) == KEYS
    assert (answer["result"], answer["error"], answer["model"]) == (1, "", "cnn")
    assert len(answer["data"]) == 10
    assert sum(answer["data"]) == pytest.approx(1, abs=1e-5)
    assert (answer["digit"], answer["confidence"]) == (
        answer["data"].index(max(answer["data"])),
        max(answer["data"]),
    )
    assert answer["digit"] == 7
    assert answer["unsure"] is False


@pytest.mark.parametrize("digit", [0, 1, 2, 4])
def test_a_clear_digit_is_read_without_doubt(server: Server, digit: int) -> None:
    answer = server.ask(pictures.data_url(pictures.png(digit))).json
    assert (answer["digit"], answer["unsure"]) == (digit, False)


def test_what_was_seen_is_a_28x28_picture_with_light_ink(server: Server) -> None:
    kind, _, data = server.ask(pictures.data_url(SEVEN)).json["seen"].partition(",")
    seen = Image.open(io.BytesIO(base64.b64decode(data)))
    assert (kind, seen.format, seen.mode, seen.size) == ("data:image/png;base64", "PNG", "L", (28, 28))
    assert (seen.getpixel((0, 0)), seen.getextrema()) == (0, (0, 255))


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "text/plain;charset=UTF-8",
        "image/png",
        "image/tiff",  # as a picture it would be refused; what the data URL holds is a PNG
        "image/svg+xml",
        "",
    ],
)
def test_a_data_url_is_read_whatever_its_content_type(server: Server, kind: str) -> None:
    assert server.ask(pictures.data_url(SEVEN), {"Content-Type": kind}).json["digit"] == 7


def test_all_three_ways_to_send_a_picture_give_the_same_answer(server: Server) -> None:
    headers, form = pictures.form(("seven.png", SEVEN))
    url = server.ask(pictures.data_url(SEVEN)).json
    assert server.ask(form, headers).json == url
    assert server.ask(SEVEN, {"Content-Type": "image/png"}).json == url


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF", "BMP"])
def test_every_allowed_format_is_read(wsgi: Server, kind: str) -> None:
    picture = pictures.encoded(pictures.canvas(7), kind)
    assert wsgi.ask(picture, {"Content-Type": f"image/{kind.lower()}"}).json["digit"] == 7


def test_of_several_files_each_has_its_own_result(server: Server) -> None:
    files = [("seven.png", SEVEN), ("note.txt", b"not a picture"), ("one.png", pictures.png(1))]
    headers, form = pictures.form(*files)
    answer = server.ask(form, headers).json
    results = answer.pop("results")
    assert answer == {"result": 1, "error": ""}
    assert [one["file"] for one in results] == [name for name, _ in files]
    assert [one["result"] for one in results] == [1, 0, 1]
    assert list(results[0]) == [*KEYS, "file"]
    assert list(results[1]) == ["result", "data", "error", "file"]
    assert (results[0]["digit"], results[1]["data"], results[2]["digit"]) == (7, [], 1)


def test_several_files_of_which_none_can_be_read_are_a_failure(wsgi: Server) -> None:
    headers, form = pictures.form(("a.txt", b"a"), ("b.txt", b"b"))
    answer = wsgi.ask(form, headers).json
    results = answer.pop("results")
    assert answer == {"result": 0, "data": [], "error": "None of the 2 pictures could be read."}
    assert [(one["result"], one["file"]) for one in results] == [(0, "a.txt"), (0, "b.txt")]


def test_get_lists_the_models(server: Server) -> None:
    answer = server.ask(method="GET").json
    assert list(answer) == ["result", "error", "models", "default"]
    assert (answer["result"], answer["error"], answer["default"]) == (1, "", "cnn")
    assert answer["models"][0]["name"] == "cnn"
    assert {"title", "accuracy"} <= set(answer["models"][0])


def test_head_is_get_without_the_body(server: Server) -> None:
    head, get = server.ask(method="HEAD"), server.ask(method="GET")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(get.body)))


@pytest.mark.parametrize("query", ["rubbish", "a+b+--help", "%41%20", "=;&&=", "model", "-c+import%20os"])
def test_get_ignores_a_query_that_means_nothing(server: Server, query: str) -> None:
    assert server.ask(method="GET", query=query).json == server.ask(method="GET").json


def test_a_model_is_chosen_by_name(server: Server) -> None:
    assert server.ask(pictures.data_url(SEVEN), query="model=cnn").json["model"] == "cnn"


def test_an_unknown_model_is_refused(server: Server) -> None:
    assert "cnn" in refused(server.ask(pictures.data_url(SEVEN), query="model=../cnn"), 404)


# --- headers and pages ------------------------------------------------------------------------------


def test_every_reply_forbids_caching_guessing_and_embedding(server: Server) -> None:
    for answer in (server.ask(method="GET"), server.ask(b"x"), server.ask(pictures.data_url(SEVEN))):
        wanted = {
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        }
        assert {name: answer.headers[name] for name in wanted} == wanted
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")


def test_a_browser_that_posts_a_form_gets_a_page(server: Server) -> None:
    headers, form = pictures.form(("<b>seven</b>.png", SEVEN), ("bad", b"x"))
    accept = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = server.ask(form, headers | accept)
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h2>&lt;b&gt;seven&lt;/b&gt;.png</h2>" in page
    assert "<strong>7</strong>" in page
    assert page.count("<li>") == 10
    assert '<img width="112" height="112"' in page


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        ("text/html, application/json", False),
        ("application/json;q=0.5, text/html;q=0.9", True),
        ("text/html;q=rubbish", False),
        ("text/html;q=0", False),
        (";;;,,,q=1", False),
    ],
)
def test_json_is_the_rule_and_a_page_is_for_who_prefers_it(wsgi: Server, accept: str, html: bool) -> None:
    kind = wsgi.ask(method="GET", headers={"Accept": accept}).headers["content-type"]
    assert kind.startswith("text/html" if html else "application/json")


def test_an_error_on_a_page_is_escaped(wsgi: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from reading import errors, preprocessing

    def refuse(data: bytes, how: str) -> None:
        raise errors.NotAPicture("<script>&\ud800")

    monkeypatch.setattr(preprocessing, "preprocess", refuse)
    answer = wsgi.ask(SEVEN, {"Content-Type": "image/png", "Accept": "text/html"})
    assert b"<p>&lt;script&gt;&amp;?</p>" in answer.body


# --- bad input --------------------------------------------------------------------------------------


def test_an_empty_body_is_refused(server: Server) -> None:
    assert "empty" in refused(server.ask(b""), 400)


def test_a_body_without_a_length_is_refused(wsgi: Server, http_server: Server) -> None:
    for server in (wsgi, http_server):  # lighttpd answers that itself
        assert "Content-Length" in refused(server.ask(b"", length=None), 411)


@pytest.mark.parametrize("length", ["-5", "5.0", "five", "1e3", "0x10", "+5", "5,5", "٥", "²", "1" * 5000])
def test_a_length_that_is_no_number_of_bytes_is_refused(wsgi: Server, length: str) -> None:
    refused(wsgi.ask(b"12345", length=length), 413 if length[0] == "1" and len(length) > 9 else 400)


@pytest.mark.parametrize("length", ["-5", "five", "1e3"])
def test_the_real_server_passes_such_lengths_on_and_they_are_refused(http_server: Server, length: str) -> None:
    assert refused(http_server.ask(b"12345", length=length), 400) == "Content-Length is not a number of bytes."


def test_a_body_shorter_than_promised_is_refused(wsgi: Server, http_server: Server) -> None:
    for server in (wsgi, http_server):
        error = refused(server.ask(pictures.data_url(SEVEN), length="99999"), 400)
        assert "of the 99999 bytes" in error


def test_a_body_longer_than_promised_is_read_as_far_as_promised(wsgi: Server, http_server: Server) -> None:
    for server in (wsgi, http_server):
        url = pictures.data_url(SEVEN)
        assert server.ask(url + b"what follows is not read", length=str(len(url))).json["digit"] == 7
        refused(server.ask(url, length=str(len(url) - 1000)), 400)


def chunked(*pieces: bytes) -> bytes:
    """A whole request whose body comes in chunks, without a word on its length."""
    lines = ["POST /cgi-bin/mnist.py HTTP/1.1", "Host: localhost", "Connection: close", "Transfer-Encoding: chunked"]
    head = "\r\n".join([*lines, "", ""]).encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def test_a_chunked_body_is_refused_and_the_client_sees_why(http_server: Server) -> None:
    reply = http_server.raw(chunked(b"data:image/png;base64,", b"A" * 50_000))
    assert b"Status: 411 " in reply
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["result"] == 0


def test_a_chunked_body_is_refused_under_wsgi_which_tells_no_length_of_it(wsgi: Server) -> None:
    answer = wsgi.ask(pictures.data_url(SEVEN), {"Transfer-Encoding": "chunked"}, length=None)
    assert "bodies sent in chunks are not read" in refused(answer, 411)


@pytest.mark.parametrize("server", ["lighttpd", "gunicorn", *RAY])
def test_a_chunked_body_is_read_where_the_server_puts_it_together(server: str, request: Any) -> None:
    url = pictures.data_url(SEVEN)
    reply = request.getfixturevalue(server).raw(chunked(url[:1000], url[1000:]))
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["digit"] == 7


def test_a_body_over_the_limit_is_refused_and_the_client_sees_why(server: Server) -> None:
    assert "8 MB" in refused(server.ask(b"data:image/png;base64," + b"A" * 8 * 2**20), 413)


BAD_BODIES = {
    "text": (b"hello", "", 415),
    "a form of names and values": (b"a=1&b=2", "application/x-www-form-urlencoded", 415),
    "a picture without its type": (SEVEN, "application/octet-stream", 415),
    "a data URL of text": (b"data:text/plain;base64,aGVsbG8=", "", 400),
    "a data URL without base64": (b"data:image/png,abc", "", 400),
    "a data URL without a comma": (b"data:image/png;base64", "", 400),
    "a data URL of nothing": (b"data:image/png;base64,", "", 400),
    "not base64": (b"data:image/png;base64,!!!not*base64!!!", "", 400),
    "base64 cut short": (pictures.data_url(SEVEN)[:-2], "", 400),
    "base64 of text": (pictures.data_url(b"hello, this is text"), "", 400),
    "a truncated PNG": (pictures.data_url(SEVEN[: len(SEVEN) // 2]), "", 400),
    "a PNG that is only a header": (pictures.data_url(SEVEN[:33]), "", 400),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415),
    "a TIFF": (pictures.data_url(pictures.encoded(pictures.canvas(7), "TIFF")), "", 415),
    "an icon": (pictures.data_url(pictures.encoded(pictures.canvas(7), "ICO")), "", 415),
    "a picture of one pixel": (pictures.data_url(pictures.encoded(Image.new("L", (1, 1)))), "", 422),
    "a blank canvas": (pictures.data_url(pictures.png(None)), "", 422),
    "white paper": (pictures.data_url(pictures.encoded(Image.new("RGB", (280, 280), "white"))), "", 422),
    "a picture of 16,385 pixels a side": (pictures.data_url(pictures.claimed_png(16_385, 2)), "", 413),
    "a form without a boundary": (b"--x\r\n\r\n--x--\r\n", "multipart/form-data", 400),
    "a form that is cut short": (
        pictures.form(("a.png", SEVEN))[1][:-20],
        "multipart/form-data; boundary=----edge",
        400,
    ),
    "a form without a file": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
        400,
    ),
    "a form with an empty file": (pictures.form(("", b""))[1], "multipart/form-data; boundary=----edge", 400),
    "a form with a strange boundary": (b"\x00" * 50, 'multipart/form-data; boundary="\x7f"', 400),
    "a form with 101 files": (
        pictures.form(*[("a", b"a")] * 101)[1],
        "multipart/form-data; boundary=----edge",
        413,
    ),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_with_a_sentence(wsgi: Server, name: str) -> None:
    body, kind, status = BAD_BODIES[name]
    refused(wsgi.ask(body, {"Content-Type": kind}), status)
    assert wsgi.log.getvalue() == ""


@pytest.mark.parametrize(
    "name",
    ["text", "not base64", "a truncated PNG", "a TIFF", "a blank canvas", "a picture of 16,385 pixels a side"],
)
def test_the_real_servers_refuse_a_bad_body_the_same_way(
    http_server: Server, lighttpd: Server, wsgi: Server, name: str
) -> None:
    body, kind, status = BAD_BODIES[name]
    sentence = refused(wsgi.ask(body, {"Content-Type": kind}), status)
    for server in (http_server, lighttpd):
        assert refused(server.ask(body, {"Content-Type": kind}), status) == sentence


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "post", "BREW", "\x00"])
def test_other_methods_are_refused_and_the_right_ones_named(wsgi: Server, method: str) -> None:
    answer = wsgi.ask(pictures.data_url(SEVEN), method=method, length="5")
    refused(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("below", ["/", "/train.py", "/../mnist.py/x", "/mnist.py/", "/%2e%2e/x"])
def test_an_address_below_the_script_is_not_found(wsgi: Server, http_server: Server, below: str) -> None:
    for server in (wsgi, http_server):  # lighttpd does not even ask the script
        refused(server.ask(pictures.data_url(SEVEN), path="/cgi-bin/mnist.py/sub" + below), 404)
