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
    seen = f'alt="the picture as the model reads it" src="{html.escape(one["seen"])}"'
    return f'{title}<p>{said}</p>\n<p><img width="112" height="112" {seen}></p>\n{rows}'


def _list(lines: Iterable[str]) -> str:
    """Return lines of text as an HTML list."""
    return "<ul>\n" + "".join(f"<li>{html.escape(line)}</li>\n" for line in lines) + "</ul>"
