"""What the docs link to is there, and what they show of a command is what it says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import ROOT, help_of, plain

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"""\]\(([^)\s]+)\)|(?:src|href)="([^"]+)\"""")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_code(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    found = (first or second for first, second in LINK.findall(without_code(page.read_text("utf-8"))))
    return [link for link in found if not re.match(r"https?:|mailto:", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_file_of_the_docs_is_linked_to() -> None:
    linked = {(page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)}
    assert [path.name for path in (ROOT / "docs").iterdir() if path.resolve() not in linked] == []


def test_the_way_in_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


FOLDERS = ["", "cgi-bin", "docs"]  # where a path of the docs may begin
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*(/|\.(py|html|js|json|svg|txt|lock|conf|service|yaml|toml|md))|[\w.-]+/[\w-]+")
NO_PATHS = re.compile(r"out/.*|photos/|text/html")  # what commands make, an example, a media type


def paths(page: Path) -> set[str]:
    """What looks like a folder or file of this project, in backticks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    words = {word for code in re.findall(r"`([^`\n]+)`", text) for word in code.split()}
    return {word for word in words if PATH.fullmatch(word) and not NO_PATHS.fullmatch(word)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_of_the_docs_exists(page: Path) -> None:
    named = paths(page)
    assert named
    assert {path for path in named if not any((ROOT / folder / path).exists() for folder in FOLDERS)} == set()


def test_every_sentence_that_troubleshooting_quotes_is_one_that_is_said() -> None:
    said = "".join(path.read_text("utf-8") for path in [ROOT / "Makefile", *code()])
    said = re.sub(r'"\n\s+f?"', "", said)  # a sentence in several pieces
    rows = re.findall(r'^\| "([^"]+)" \|', (ROOT / "docs/use.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) >= 4
    assert [row for row in rows for part in row.split("...") if part.strip() not in said] == []


def code() -> Iterator[Path]:
    """All modules of the product."""
    for folder in ("cgi-bin", "deploy"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def helps() -> list[tuple[str, str]]:
    """Each command whose help is shown, and the text that is shown."""
    block = re.compile(r"^```\n\$ python (\S+)\.py --help\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [found for page in PAGES for found in block.findall(page.read_text("utf-8"))]


def test_the_help_of_each_command_is_shown_once() -> None:
    assert sorted(name for name, _ in helps()) == ["cgi-bin/fetch", "cgi-bin/predict", "cgi-bin/train"]


@pytest.mark.parametrize(("name", "shown"), helps(), ids=[name for name, _ in helps()])
def test_the_help_that_is_shown_is_that_of_the_command(name: str, shown: str) -> None:
    assert plain(shown) == help_of(Path(name).name)
