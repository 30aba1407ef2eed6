"""The two corpora of pen strokes: got from where they are published, kept in the form of `strokes.py`.

fetch()          downloads what is not in the cache yet, and says what it did
train_files()    the files in the cache to learn from, or None
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from learning.data import cache, pen_digits, strokes, unipen
from learning.data.download import part_folder
from learning.data.unipen_format import Digit, Skips, in_our_form
from learning.data.writers import DEV, TRAIN
from learning.errors import BadDataset, reason
from learning.replacing import tidy

Found = dict[str, list[tuple[str, Digit]]]


class Corpus(NamedTuple):
    """One corpus, and what is known of it."""

    name: str  # of its files
    fetch: Callable[[Path, Skips], Found]
    known: dict[str, int]  # part -> how many digits it should have

    def file(self, part: str) -> Path:
        """Where a part is kept."""
        return cache.folder("strokes") / f"{self.name}-{part}.jsonl.gz"

    def is_here(self) -> bool:
        """Whether both parts are in the cache."""
        return all(self.file(part).is_file() for part in self.known)


CORPORA = (
    Corpus("pendigits", pen_digits.fetch, {TRAIN: 7_494, DEV: 3_498}),
    Corpus("unipen-digits", unipen.fetch, {TRAIN: 7_480, DEV: 4_128}),
)
PURPOSES = {TRAIN: "to learn from", DEV: "to measure on"}


def train_files() -> list[Path] | None:
    """The files in the cache to learn from, a corpus each; None if there is none."""
    return [path for corpus in CORPORA if (path := corpus.file(TRAIN)).is_file()] or None


def fetch() -> Iterator[str]:
    """Download each corpus that is not in the cache, keep it there; a sentence on each.

    Each is tried, even if one before fails. Raises BadDataset in the end, with what failed.
    """
    failures = []
    for corpus in CORPORA:
        try:
            yield from _kept(corpus) if corpus.is_here() else _fetched(corpus)
        except BadDataset as problem:
            failures.append(str(problem))
    if failures:
        raise BadDataset(" ".join(failures))


def _kept(corpus: Corpus) -> Iterator[str]:
    for part in corpus.known:
        yield f"{corpus.file(part)} is there already."


def _fetched(corpus: Corpus) -> Iterator[str]:
    skips, home = Skips(), corpus.file(TRAIN).parent
    try:
        tidy(home, "*.part")
        with part_folder(home) as part:
            found = corpus.fetch(Path(part), skips)
        for part in corpus.known:
            yield _said(corpus, part, found[part])
    except OSError as error:
        raise BadDataset(f"Can't save {corpus.name} in the cache folder {home}: {reason(error)}.") from error
    if skips:
        what = ", ".join(f"{why} ({count:,})" for why, count in skips.most_common())
        yield f"Skipped in {corpus.name}: {what}."


def _said(corpus: Corpus, part: str, digits: list[tuple[str, Digit]]) -> str:
    """Write one part; what was written."""
    if not digits:
        raise BadDataset(f"No digit was found for {corpus.file(part)}.")
    lines = ((writer, digit.label, in_our_form(digit.strokes)) for writer, digit in digits)
    count = strokes.write(corpus.file(part), lines)
    known = "" if count == corpus.known[part] else f" ({corpus.known[part]:,} were expected)"
    return f"{corpus.file(part)} holds digits {PURPOSES[part]}: {count:,}{known}."
