"""What a request may say, exactly: lengths, parameters, weights and names up to their bounds, and one beyond."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from reading.errors import Problem
from serving import body, focus, local, origin, reply, request, settings
from serving.errors import BodyTooSlow, Busy
from serving.focus import Focus
from serving.request import Explanation

HOW = request.HOW
NO_LENGTH = (
    "The request has no Content-Length. If it is empty, put a picture into it; bodies sent in chunks are not read."
)
MUCH = "More than 8 MB are not read; send a smaller picture."


def told(work: Callable[..., Any], *arguments: Any) -> Any:
    """What comes of a call: its result, or the status and sentence of its problem."""
    try:
        return work(*arguments)
    except Problem as problem:
        return int(problem.status[:3]), str(problem)


@pytest.mark.parametrize(
    ("text", "number", "refused"),
    [
        ("1", 1, None),
        ("8388608", 8388608, None),
        ("0" * 20 + "8388608", 0, None),  # as a number, too long to be believed before it is checked
        ("8388609", 8388609, (413, MUCH)),
        ("9" * 15, 999_999_999_999_999, (413, MUCH)),
        ("9" * 16, 0, (413, MUCH)),
        ("1" + "0" * 5000, 0, (413, MUCH)),
        ("", 0, (411, f"{NO_LENGTH} {HOW}")),
        ("0", 0, (400, f"The request is empty. {HOW}")),
        ("00", 0, (400, f"The request is empty. {HOW}")),
        ("-1", 0, (400, "Content-Length is not a number of bytes.")),
        ("1.5", 0, (400, "Content-Length is not a number of bytes.")),
        ("\u0661", 0, (400, "Content-Length is not a number of bytes.")),  # an Arabic one
    ],
)
def test_a_length_is_a_number_of_bytes_up_to_eight_megabytes(text: str, number: int, refused: Any) -> None:
    environ = {"CONTENT_LENGTH": text}
    assert (request.announced_length(environ), told(request.check_length, environ)) == (number, refused)


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        (("", ""), None),
        (("/", ""), None),
        (("/cgi-bin/mnist.py", ""), None),
        (("", "/anywhere/mnist.py"), None),
        (("/cgi-bin/mnist.py", "/"), 404),
        (("/cgi-bin/mnist.py", "/x"), 404),
        (("", "/mnist.pyx"), 404),
        (("", "/xmnist.py"), 404),
    ],
)
def test_an_address_ends_with_the_script(path: tuple[str, str], refused: int | None) -> None:
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": path[0], "PATH_INFO": path[1]}
    found = told(request.check_method, environ)
    assert found == (refused and (404, "There is nothing at this address; pictures go to cgi-bin/mnist.py."))


def test_an_address_may_have_twenty_parameters() -> None:
    query = "&".join(f"a{number}=" for number in range(20))
    assert told(request.query_of, {"QUERY_STRING": query}) == {f"a{number}": "" for number in range(20)}
    sentence = "The address has too many parameters; only ?model=NAME is read."
    assert told(request.query_of, {"QUERY_STRING": f"{query}&b"}) == (400, sentence)
    assert told(request.query_of, {}) == {}


@pytest.mark.parametrize(("method", "allowed"), [("GET", 1), ("HEAD", 1), ("POST", 1), ("PUT", 0), ("get", 0), ("", 0)])
def test_three_methods_are_allowed(method: str, allowed: int) -> None:
    refused = 405, "Use GET to list the models, POST to have a picture read."
    assert told(request.check_method, {"REQUEST_METHOD": method}) == (None if allowed else refused)


FOREIGN = (403, "Pages of other origins may not send pictures here; MNIST_HOSTS gives this server more names.")
WRONG = (421, "This server does not go by that name; MNIST_HOSTS gives it more names.")


@pytest.mark.parametrize(
    ("method", "refused"),
    [("GET", None), ("HEAD", None), ("OPTIONS", None), ("PUT", None), ("post", None), ("POST", FOREIGN)],
)
def test_only_what_is_posted_depends_on_the_page_that_sends_it(method: str, refused: Any) -> None:
    environ = {"REQUEST_METHOD": method, "HTTP_HOST": "localhost", "HTTP_ORIGIN": "https://elsewhere.example"}
    assert told(request.check_sender, environ) == refused
    site = {"REQUEST_METHOD": method, "HTTP_ORIGIN": "http://a", "HTTP_HOST": "a", "HTTP_SEC_FETCH_SITE": "cross-site"}
    assert told(request.check_sender, site) == refused
    assert told(request.check_sender, {"REQUEST_METHOD": method}) is None


@pytest.mark.parametrize(
    ("address", "name", "refused"),
    [
        ("127.0.0.1", None, WRONG),
        ("127.8.8.8", "elsewhere", WRONG),
        ("::1", None, WRONG),
        (None, "127.0.0.1", WRONG),
        ("", "::1", WRONG),
        ("::0", None, None),
        ("::2", None, None),
        ("10.0.0.1", "127.0.0.1", None),
        ("192.0.2.1", None, None),
        (None, "example.org", None),
        (None, None, None),
    ],
)
def test_names_are_checked_where_only_this_machine_is_listened_to(
    address: str | None, name: str | None, refused: Any
) -> None:
    environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": "elsewhere.example"}
    told_by_server = {"SERVER_ADDR": address, "SERVER_NAME": name}
    environ |= {key: value for key, value in told_by_server.items() if value is not None}
    assert told(request.check_sender, environ) == refused


HOWS = (400, "?read=one reads one digit, ?read=number several; without it the program decides.")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "auto"),
        ({"read": ""}, "auto"),
        ({"read": "auto"}, "auto"),
        ({"read": "one"}, "one"),
        ({"read": "number"}, "number"),
        ({"read": "two"}, HOWS),
    ],
)
def test_a_picture_is_read_as_the_address_says_or_as_the_program_decides(query: dict[str, str], found: Any) -> None:
    assert told(request.read_of, query) == found


DIGIT = (400, "?digit= takes one digit, 0 to 9.")
PLACE = (400, "?at= takes the place of a digit in the number, 0 for the first one.")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, None),
        ({"digit": "4", "at": "3"}, None),
        ({"explain": "1"}, Explanation("1", None, Focus(), None)),
        ({"explain": "1", "digit": "0", "at": "0"}, Explanation("1", 0, Focus(), 0)),
        ({"explain": "network", "at": "99"}, Explanation("network", None, Focus(), 99)),
        ({"explain": "1", "at": "100"}, PLACE),
        ({"explain": "1", "at": "-1"}, PLACE),
        ({"explain": "1", "digit": "10"}, DIGIT),
        ({"explain": "1", "digit": "\u0661"}, DIGIT),
        ({"digit": "x"}, DIGIT),
        ({"at": "100"}, PLACE),
        ({"explain": ""}, None),
        (
            {"explain": "2"},
            (400, "?explain=1 says what spoke for the answer, ?explain=network shows the network at work."),
        ),
    ],
)
def test_what_is_to_be_explained_is_a_digit_and_a_place(query: dict[str, str], found: Any) -> None:
    assert told(request.explanation_of, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, Focus(0, (), None, None)),
        ({"tower": "999", "whole": "0"}, Focus(999, (), 0, None)),
        ({"together": "0,1,4", "cell": "2,17,5,6"}, Focus(0, (0, 1, 4), None, (2, 17, 5, 6))),
        ({"together": ",".join(["1"] * 99)}, Focus(0, (1,) * 99, None, None)),
        ({"together": ",".join(["1"] * 100)}, "together"),
        ({"tower": "1000"}, "tower"),
        ({"tower": "1,2"}, "tower"),
        ({"whole": "-1"}, "whole"),
        ({"cell": "1,2,3"}, "cell"),
        ({"cell": "1,2,3,4,5"}, "cell"),
        ({"cell": "1,2,,4"}, "cell"),
    ],
)
def test_a_part_of_the_network_is_named_by_whole_numbers(query: dict[str, str], found: Any) -> None:
    if isinstance(found, str):
        wanted = "whole numbers with commas between" if found in ("together", "cell") else "one whole number"
        found = 400, f"?{found}= takes {wanted}, counted from 0."
    assert told(focus.focus_of, query) == found


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html;q=0.9, application/json;q=0.8", True),
        ("text/html;q=0.8, application/json;q=0.8", False),
        ("text/html;q=0.4, application/*;q=0.3", True),
        ("text/html;q=0.4, application/*;q=0.5, */*;q=0.1", False),
        ("text/html;q=0.4, */*;q=0.3", True),
        ("text/html;q=0.4, */*;q=0.5", False),
        ("text/html;level=1;q=0.001", True),
        ("text/html;q=1.", True),
        ("text/html;q=0.1234", False),
        ("text/html;q=2", False),
        ("TEXT/HTML ; Q=0.5", True),
        ("", False),
        ("text/html", True),
        ("text/html;q=0", False),
        ("application/json;q=0.5", False),
        ("image/png, application/json;q=0", False),
        ("text/html;q=0, application/json;q=2", False),
        ("text/html;q=0, application/*;q=0", False),
        ("text/html;q=0.5;x=y", True),
        ("a/b;q=0.1, text/html;q=0.9, */*;q=0.8", True),
    ],
)
def test_a_page_is_sent_when_it_has_more_weight_than_json(accept: str, html: bool) -> None:
    assert request.prefers_html(accept) is html


def test_a_media_type_is_read_without_its_parameters_and_its_case() -> None:
    kinds = [request.media_type({"CONTENT_TYPE": text}) for text in ("Image/PNG; x=y", " image/gif ", "")]
    assert kinds == ["image/png", "image/gif", ""]
    assert request.media_type({}) == ""


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("", True),
        ("localhost", True),
        ("LOCALHOST.:8000", True),
        ("127.0.0.1:80", True),
        ("[::1]:80", True),
        ("localhost:80x", False),
        ("example.org", False),
        ("draw.example.org", True),
        ("a.example.net", True),
        ("example.net", False),
        ("aexample.net", False),
    ],
)
def test_a_host_is_this_machine_a_number_or_a_name_that_was_given(host: str, ours: bool) -> None:
    refused = 421, "This server does not go by that name; MNIST_HOSTS gives it more names."
    assert told(origin.check_host, host, "Draw.example.org *.example.net") == (None if ours else refused)


@pytest.mark.parametrize(
    ("origin_", "site", "host", "refused"),
    [
        ("", "", "a", None),
        ("", "cross-site", "a", None),
        ("http://a", "", "a", None),
        ("HTTP://A", "", "a", None),
        ("http://a", "", "A", None),
        ("http://a", "", "b", FOREIGN),
        ("http://c", "", "b", FOREIGN),
        ("null", "", "", None),
        ("null", "", "a", FOREIGN),
        ("null", "same-origin", "a", None),
        ("http://c", "none", "a", None),
        ("http://a", "same-site", "a", FOREIGN),
        ("http://a", "cross-site", "a", FOREIGN),
        ("https://d.example:8000", "cross-site", "a", None),
        ("https://e.example", "", "a", FOREIGN),
    ],
)
def test_a_page_may_post_where_it_is_from_or_where_its_name_is_given(
    origin_: str, site: str, host: str, refused: Any
) -> None:
    assert told(origin.check_origin, origin_, site, host, "D.example *.f.example") == refused


class Asked:
    """A request as `http.server` has it, and what it is answered."""

    def __init__(self, command: str, **headers: str) -> None:
        self.command, self.headers = command, {name.replace("_", "-"): value for name, value in headers.items()}
        self.answered, self.wfile = list[Any](), io.BytesIO()

    def send_response(self, status: int) -> None:
        self.answered.append(status)

    def send_header(self, name: str, value: str) -> None:
        self.answered.append((name, value))

    def end_headers(self) -> None:
        self.answered.append("end")


@pytest.mark.parametrize(
    ("request_", "checks", "refused"),
    [
        (Asked("GET", Host="localhost"), True, None),
        (Asked("GET"), True, None),
        (Asked("GET", Host="b.example"), True, None),
        (Asked("GET", Host="a.example"), True, WRONG),
        (Asked("GET", Host="a.example"), False, None),
        (Asked("GET", Host="localhost", Origin="http://a.example"), True, None),
        (Asked("HEAD", Host="localhost", Origin="http://a.example"), True, None),
        (Asked("POST", Host="localhost", Origin="http://a.example"), True, FOREIGN),
        (Asked("POST", Host="a.example", Origin="http://a.example", Sec_Fetch_Site="cross-site"), False, FOREIGN),
        (Asked("POST", Host="localhost", Origin="http://b.example"), True, None),
        (Asked("PUT", Host="localhost", Origin="http://a.example"), True, FOREIGN),
    ],
)
def test_on_ones_own_machine_a_page_of_another_name_gets_no_file(
    request_: Any, checks: bool, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_HOSTS", "b.example")
    assert local._is_allowed(request_, checks) is (refused is None)
    if refused is None:
        assert (request_.answered, request_.wfile.getvalue()) == ([], b"")
        return
    content = json.dumps({"result": 0, "data": [], "error": refused[1]}).encode() + b"\n"
    assert request_.wfile.getvalue() == content
    kind, length = ("Content-Type", "application/json"), ("Content-Length", str(len(content)))
    assert request_.answered == [refused[0], kind, length, "end"]


# --- bodies -----------------------------------------------------------------------------------------


class Stream:
    """A client that sends `size` bytes, as many at a time as it is asked for, and says how many that were."""

    def __init__(self, size: int, ends: type[Exception] | None = None) -> None:
        self.size, self.ends, self.asked = size, ends, list[int]()

    def read(self, size: int, /) -> bytes:
        self.asked.append(size)
        if self.ends and not self.size:
            raise self.ends("The picture did not arrive in time.")
        block = b"x" * min(size, self.size)
        self.size -= len(block)
        return block


def test_a_body_is_read_in_blocks_and_no_byte_beyond_its_length() -> None:
    stream = Stream(200_000)
    assert body.Body(stream, 150_000).read() == b"x" * 150_000
    assert stream.asked == [65_536, 65_536, 18_928]


def test_a_body_that_ends_early_is_told_with_what_came() -> None:
    sentence = (
        "The picture was cut short: only 7 of the 9 bytes came that Content-Length promised. Please send it again."
    )
    assert told(body.Body(Stream(7), 9).read) == (400, sentence)
    assert told(body.Body(Stream(7, BodyTooSlow), 9).read) == (408, "The picture did not arrive in time.")


@pytest.mark.parametrize("ends", [None, BodyTooSlow, OSError])
def test_what_is_left_of_a_refused_body_is_read_up_to_a_bound_whatever_its_client_does(
    ends: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "DISCARD_BYTES", 100_000)
    for size, read in ((100_000, 100_000), (200_000, 100_000), (70_000, 70_000)):
        stream = Stream(size, ends)
        body.Body(stream, 10**9).discard()
        assert size - stream.size == read


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"data:image/png;base64,QUI=", b"AB"),
        (b"DATA:image/svg+xml;charset=utf-8;BASE64,QUI=", b"AB"),
        (b"data:image/png;base64,Q U\r\nI\t=\v\f", b"AB"),
        (b"data:image/png;a=" + b"x" * (1024 - 25) + b";base64,QUI=", b"AB"),
        (b"data:image/png;a=" + b"x" * (1024 - 24) + b";base64,QUI=", "start"),
        (b"data:text/plain;base64,QUI=", "start"),
        (b"data:image/png,QUI=", "start"),
        (b"data:image/png;base64,QUI", "base64"),
        (b"data:image/png;base64,QU\xff=", "base64"),
        (b"data:image/png;base64,", "nothing"),
    ],
)
def test_a_data_url_is_base64_behind_a_head_of_at_most_a_kilobyte(data: bytes, found: Any) -> None:
    sentences = {
        "start": "Only data URLs that start like data:image/png;base64, are read.",
        "base64": "What follows the comma of the data URL is not base64.",
        "nothing": "The data URL has nothing after its comma.",
    }
    assert told(body.from_data_url, data) == ((400, sentences[found]) if isinstance(found, str) else found)


NONE_OF_THREE = (415, f"This is none of the three kinds of request that are read. {HOW}")
KINDS = (415, "Send the picture as PNG, JPEG, WebP, GIF or BMP.")


@pytest.mark.parametrize(
    ("kind", "data", "found"),
    [
        ("image/png", b"a file", [("", b"a file")]),
        ("IMAGE/x; a=b", b"data", [("", b"data")]),
        ("image/png", b"DATA:image/png;base64,QUI=", [("", b"AB")]),
        ("image/png", b"data;", [("", b"data;")]),
        ("image/tiff", b"a file", KINDS),
        ("image/svg+xml", b"a file", KINDS),
        ("text/plain", b"a file", NONE_OF_THREE),
        ("multipart/mixed", b"a file", NONE_OF_THREE),
        ("", b"a file", NONE_OF_THREE),
        ("multipart/form-data", b"a form", (400, "The form's Content-Type names no boundary.")),
        (
            "multipart/form-data; boundary=e",
            b"a form",
            (400, "The form is damaged or cut short. Please send it again."),
        ),
        (
            "multipart/form-data; boundary=e",
            b"--e--\r\n",
            (400, "The form holds no file, or an empty one. Choose one: --form file=@five.png"),
        ),
    ],
)
def test_a_body_is_a_data_url_a_form_or_a_picture(kind: str, data: bytes, found: Any) -> None:
    assert told(body.pictures, {"CONTENT_TYPE": kind}, data) == found


def test_a_reply_says_how_long_it_is_when_to_come_back_and_what_is_allowed() -> None:
    kind, length = ("Content-Type", "a/b"), ("Content-Length", "7")
    assert reply.headers_of("200 OK", {}, "a/b", 7) == [*reply.HEADERS, kind, length]
    allow = ("Allow", "GET, HEAD, POST")
    assert reply.headers_of("405 Method Not Allowed", {}, "a/b", 7) == [*reply.HEADERS, kind, length, allow]
    status, answer = reply.of_problem(Busy("Later."))
    assert (status, answer) == (
        "503 Service Unavailable",
        {"result": 0, "data": [], "error": "Later.", "retry_after": 2},
    )
    assert reply.headers_of(status, answer, "a/b", 7) == [*reply.HEADERS, kind, length, ("Retry-After", "2")]
    assert reply.of_problem(Problem("No.")) == (Problem.status, {"result": 0, "data": [], "error": "No."})


@pytest.mark.parametrize("environ", [{}, {"HTTP_ACCEPT": None}, {"HTTP_ACCEPT": "*/*"}])
def test_an_answer_is_json_with_a_line_end(environ: dict[str, Any]) -> None:
    assert reply.render({"a": "\u00e9"}, environ) == ("application/json", b'{"a": "\\u00e9"}\n')
    kind, page = reply.render({"result": 0, "error": "\ud800"}, {"HTTP_ACCEPT": "text/html"})
    assert (kind, b"<p>?</p>" in page) == ("text/html; charset=utf-8", True)


def test_the_end_of_a_long_name_is_kept() -> None:
    assert settings.MAX_BODY == 8 * 2**20
    assert body._name("a" + "b" * 199 + "c") == "b" * 199 + "c"
