"""The names of files in a form, and what a form's headers may cost: read, or refused for the true reason."""

import time
from typing import Any

import pytest

import pictures
import servers

SEVEN = pictures.png(7)
KIND = {"Content-Type": "multipart/form-data; boundary=e"}


def sent(*heads: bytes, end: bytes = b"\r\n") -> Any:
    """What a form is answered whose parts, each a seven, have these headers."""
    parts = (b"--e\r\n" + head + b"\r\n\r\n" + SEVEN + b"\r\n" for head in heads)
    return servers.Wsgi().ask(b"".join([*parts, b"--e--", end]), KIND)


def named(name: bytes) -> bytes:
    """The header of a part with a file of that name."""
    return b'Content-Disposition: form-data; name="file"; filename="' + name + b'"'


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("é ß.png".encode(), "é ß.png"),
        ("é ß.png".encode("latin-1"), "é ß.png"),
        (b"\xff\xfe\x80", "\xff\xfe\x80"),
        ("七.png".encode(), "七.png"),
        (b"a%22b.png", 'a"b.png'),
        (b"x" * 5000 + b"/seven.png", "x" * 190 + "/seven.png"),
        (b"x" * 65000 + b".png", "x" * 196 + ".png"),
    ],
)
def test_a_file_is_read_whatever_bytes_its_name_has(name: bytes, told: str) -> None:
    answer = sent(named(name), named(b"other.png"))
    assert [(one["file"], one["digit"]) for one in answer.json["results"]] == [(told, 7), ("other.png", 7)]


@pytest.mark.parametrize("head", [named(b"x" * 70_000), named(b"a") + b"\r\nX-Y: z" * 8])
def test_headers_beyond_what_is_read_are_named_as_such(head: bytes) -> None:
    answer = sent(head)
    assert (answer.status, answer.json["error"]) == (
        413,
        "A part of the form has more headers, or longer ones, than are read: 8 of 64 KB each.",
    )


def test_files_and_other_fields_are_counted_together_and_a_hundred_are_read() -> None:
    field = b'Content-Disposition: form-data; name="a"'
    assert sent(*[field] * 99, named(b"seven.png")).json["digit"] == 7
    answer = sent(*[field] * 100, named(b"seven.png"))
    assert (answer.status, answer.json["error"]) == (413, "At most 100 files and other fields are read at once.")


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n" * 40_000])
def test_line_ends_behind_the_end_of_a_form_are_no_part_of_it(end: bytes) -> None:
    assert sent(named(b"seven.png"), end=end).json["digit"] == 7


def test_headers_that_go_on_over_many_lines_cost_next_to_nothing() -> None:
    head = b"\r\n".join([named(b"a"), *[b"X: a" + b"\r\n a" * 16_000] * 7])
    body = (b"--e\r\n" + head + b"\r\n\r\nx\r\n") * (8 * 2**20 // (len(head) + 12)) + b"--e--\r\n"
    servers.Wsgi().ask(SEVEN, KIND)  # loads what any form needs
    begun = time.process_time()
    answer = servers.Wsgi().ask(body, KIND)
    assert time.process_time() - begun < 0.5
    assert (answer.status, answer.json["error"]) == (400, "The form is damaged or cut short. Please send it again.")
