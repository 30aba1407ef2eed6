"""Answers as a small HTML page, for a form without JavaScript and for who looks at an address with a browser."""

import html
from collections.abc import Iterable
from typing import Any


def page(answer: dict[str, Any]) -> str:
    """Return a small page, without scripts or styles, that says what the JSON would; all of it is escaped."""
    if "models" in answer:
        main = _list(f"{card.get('title', '')} ({card.get('name', '')})" for card in answer["models"])
    else:
        main = "\n".join(_section(one) for one in answer.get("results", [answer]))
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>MNIST Draw</title>\n'
        f"<h1>MNIST Draw</h1>\n{main}\n</html>\n"
    )


def _section(one: dict[str, Any]) -> str:
    """Return the HTML of one picture's answer."""
    title = f"<h2>{html.escape(one['file'])}</h2>\n" if one.get("file") else ""
    if not one["result"]:
        return f"{title}<p>{html.escape(one['error'])}</p>"
    sure = "not sure, perhaps" if one["unsure"] else "this is"
    rows = _list(f"{digit}: {share:.1%}" for digit, share in enumerate(one["data"]))
    said = f"{html.escape(one['model'])}: {sure} <strong>{one['digit']}</strong> ({one['confidence']:.1%})"
    if len(one.get("number", "")) > 1:
        return f"{title}{_number(one)}"
    return f"{title}<p>{said}</p>\n<p>{_seen(one)}</p>\n{rows}"


def _number(one: dict[str, Any]) -> str:
    """Return the HTML of a picture's answer that is a number."""
    digits = one["digits"]
    sure = "not sure, perhaps" if any(digit["unsure"] for digit in digits) else "this is"
    read = "<br>".join(html.escape(row) for row in one["rows"])
    said = f"{html.escape(one['model'])}: {sure} <strong>{read}</strong>"
    return f"<p>{said}</p>\n<p>{' '.join(_seen(digit) for digit in digits)}</p>\n" + _list(
        f"{digit['digit']}: {digit['confidence']:.1%}{', not sure' if digit['unsure'] else ''}" for digit in digits
    )


def _seen(one: dict[str, Any]) -> str:
    """Return the picture of a digit as an HTML image."""
    seen = f'alt="the picture as the model reads it" src="{html.escape(one["seen"])}"'
    return f'<img width="112" height="112" {seen}>'


def _list(lines: Iterable[str]) -> str:
    """Return lines of text as an HTML list."""
    return "<ul>\n" + "".join(f"<li>{html.escape(line)}</li>\n" for line in lines) + "</ul>"
