"""fetch.py --strokes gets both corpora of pen digits and keeps them in one form; nobody is on both sides."""

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests

import fetch
import small_corpora
from learning.data import corpora, download, pen_digits, strokes, unipen, writers
from learning.data.unipen_format import Skips, in_our_form

SEVEN = (7, [[(0, 500), (300, 500), (100, 0)], [(50, 250), (250, 250)]])
PEN = {
    "pendigits-orig.tra": small_corpora.pen_text(3, SEVEN, (1, [[(20, 20)]])),
    "pendigits-orig.tes": small_corpora.pen_text(14, SEVEN),
}


class Internet:
    """The servers that are asked, played by one on this machine."""

    def __init__(self) -> None:
        archive = small_corpora.tarred(small_corpora.UNIPEN)
        self.answers = {
            f"archive.ics.uci.edu{small_corpora.PEN_DIGITS}": small_corpora.zipped(PEN),
            "zenodo.org/records/1195803": b"<html>",
            f"zenodo.org{small_corpora.RECORD}": small_corpora.record(archive),
            f"zenodo.org{small_corpora.CONTENT}": archive,
        }
        self.asked: list[str] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    def replace_archive(self, content: bytes) -> None:
        self.answers[f"zenodo.org{small_corpora.RECORD}"] = small_corpora.record(content)
        self.answers[f"zenodo.org{small_corpora.CONTENT}"] = content

    def _handler(internet) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place = self.path.removeprefix("/")
                internet.asked.append(place)
                if place.startswith("doi.org/"):
                    self.send_response(302)
                    self.send_header("Location", "https://zenodo.org/records/1195803")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = internet.answers.get(place)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@pytest.fixture(autouse=True)
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Internet]:
    """Whatever address is asked for, a server on this machine answers: the path there begins with the host's name."""
    played = Internet()
    threading.Thread(target=played.http.serve_forever, args=(0.01,), daemon=True).start()
    send = requests.adapters.HTTPAdapter.send

    def here(self: Any, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        asked = request.copy()
        _, host, path, query, _ = urlsplit(str(request.url))
        asked.url = urlunsplit(("http", f"127.0.0.1:{played.http.server_port}", f"/{host}{path}", query, ""))
        reply = send(self, asked, **how)
        reply.request, reply.url = request, str(request.url)
        return reply

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", here)
    yield played
    played.http.shutdown()
    played.http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, no long waits, and the checksums of the small files."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.01)
    sums = {part: hashlib.sha256(text.encode()).hexdigest() for part, text in zip(PEN_PARTS, PEN.values(), strict=True)}
    monkeypatch.setattr(pen_digits, "SHA256", sums)
    return tmp_path / "cache" / "strokes"


PEN_PARTS = (writers.TRAIN, writers.DEV)
NAMES = [f"{corpus}-{part}.jsonl.gz" for corpus in ("pendigits", "unipen-digits") for part in ("dev", "train")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_both_corpora_are_kept_in_one_form_and_what_was_skipped_is_said(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch.main(["--strokes"]) == 0
    assert capsys.readouterr() == (
        f"{cache}/pendigits-train.jsonl.gz holds digits to learn from: 2 (7,494 were expected).\n"
        f"{cache}/pendigits-dev.jsonl.gz holds digits to measure on: 1 (3,498 were expected).\n"
        f"{cache}/unipen-digits-train.jsonl.gz holds digits to learn from: 2 (7,480 were expected).\n"
        f"{cache}/unipen-digits-dev.jsonl.gz holds digits to measure on: 1 (4,128 were expected).\n"
        "Skipped in unipen-digits: labels that are no digit (1), strokes that are not there (1), "
        "digits without a point (1), numbers of strokes that make no sense (1), points that are no numbers (1).\n",
        "",
    )
    assert names(cache) == NAMES
    seven = [[[0, 0], [600, 0], [200, 1000]], [[100, 500], [500, 500]]]
    assert lines(cache / "pendigits-train.jsonl.gz") == [
        {"writer": "tra03", "label": 7, "strokes": seven},
        {"writer": "tra03", "label": 1, "strokes": [[[0, 0]]]},
    ]
    assert lines(cache / "pendigits-dev.jsonl.gz") == [{"writer": "tes14", "label": 7, "strokes": seven}]
    assert lines(cache / "unipen-digits-train.jsonl.gz") == [
        {"writer": "apa/apa00/app0032", "label": 7, "strokes": [[[0, 1000], [500, 1000]], [[500, 1000], [0, 0]]]},
        {"writer": "apa/apa00/app0032", "label": 1, "strokes": [[[0, 0]]]},
    ]
    assert lines(cache / "unipen-digits-dev.jsonl.gz") == [
        {"writer": "uqb/ja", "label": 4, "strokes": [[[0, 1000], [0, 0]]]},
    ]


def test_what_is_kept_is_what_training_reads(cache: Path) -> None:
    assert corpora.train_files() is None
    list(corpora.fetch())
    files = corpora.train_files()
    assert files == [cache / "pendigits-train.jsonl.gz", cache / "unipen-digits-train.jsonl.gz"]
    read = strokes.read(*files)
    assert (read.labels.tolist(), read.skipped) == ([7, 1, 7, 1], 0)


def test_the_second_time_no_server_is_asked(internet: Internet, cache: Path) -> None:
    list(corpora.fetch())
    internet.asked.clear()
    assert list(corpora.fetch()) == [
        f"{cache}/{corpus}-{part}.jsonl.gz is there already."
        for corpus in ("pendigits", "unipen-digits")
        for part in ("train", "dev")
    ]
    assert internet.asked == []


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    assert fetch.main(["--strokes"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("fetch.py: ")
    assert said.count("\n") == 1
    return said.removeprefix("fetch.py: ").rstrip("\n")


def test_one_corpus_is_kept_though_the_other_is_not_to_be_had(
    internet: Internet, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del internet.answers[f"archive.ics.uci.edu{small_corpora.PEN_DIGITS}"]
    assert failed(capsys) == f"Can't download {pen_digits.URL}: the server answers 404."
    assert names(cache) == NAMES[2:]
    assert corpora.train_files() == [cache / "unipen-digits-train.jsonl.gz"]


def test_when_no_server_answers_each_is_named(
    internet: Internet, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    internet.http.shutdown()
    internet.http.server_close()
    assert failed(capsys) == (
        f"Can't download {pen_digits.URL}: the connection failed or was cut. "
        f"Can't download doi:10.5281/zenodo.1195803/{unipen.ARCHIVE}: the connection failed or was cut."
    )
    assert names(cache) == []


BROKEN_ZIPS = [
    (b"<html>", f"{pen_digits.URL} is no ZIP archive, or a damaged one: File is not a zip file."),
    (
        small_corpora.zipped({"pendigits-orig.tra": PEN["pendigits-orig.tra"]}),
        f"{pen_digits.URL} has no pendigits-orig.tes.Z in it.",
    ),
    (
        small_corpora.zipped({**PEN, "pendigits-orig.tes": "other"}),
        f"pendigits-orig.tes.Z in {pen_digits.URL} is not the right one: its SHA-256, unpacked, is "
        f"{hashlib.sha256(b'other').hexdigest()}.",
    ),
]


@pytest.mark.parametrize(("content", "sentence"), BROKEN_ZIPS, ids=["no ZIP", "a part missing", "other content"])
def test_a_wrong_zip_archive_is_named_with_what_is_wrong(
    content: bytes, sentence: str, internet: Internet, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    internet.answers[f"archive.ics.uci.edu{small_corpora.PEN_DIGITS}"] = content
    assert failed(capsys) == sentence
    assert names(cache) == NAMES[2:]


def test_without_gzip_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert failed(capsys) == "gzip is not installed, which unpacks these digits. Install it."


UNIPEN_PLACE = f"doi:10.5281/zenodo.1195803/{unipen.ARCHIVE}"


def test_an_archive_that_is_not_what_zenodo_says_is_refused(
    internet: Internet, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    internet.answers[f"zenodo.org{small_corpora.CONTENT}"] += b"x"
    said = failed(capsys)
    assert said.startswith(f"Can't download {UNIPEN_PLACE}: MD5 hash of downloaded file")
    assert names(cache) == NAMES[:2]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"{}", "Can't download {}: Zenodo's record can't be understood."),
        (b"[]", "Can't download {}: Zenodo's record can't be understood."),
        (b"<html>", "Can't download {}: Zenodo's record can't be understood."),
        (small_corpora.record(b"", key="other.tgz"), "Can't download {}: Zenodo's record has no such file."),
    ],
)
def test_a_record_that_has_not_what_it_should_have_is_told(
    answer: bytes, sentence: str, internet: Internet, capsys: pytest.CaptureFixture[str]
) -> None:
    internet.answers[f"zenodo.org{small_corpora.RECORD}"] = answer
    assert failed(capsys) == sentence.format(UNIPEN_PLACE)


@pytest.mark.parametrize("content", [b"no archive", small_corpora.tarred(small_corpora.UNIPEN)[:-60]])
def test_a_damaged_tar_archive_is_named(content: bytes, internet: Internet, capsys: pytest.CaptureFixture[str]) -> None:
    internet.replace_archive(content)
    assert failed(capsys) == f"{UNIPEN_PLACE} is no tar archive, or a damaged one."


def test_an_archive_without_a_digit_is_named(
    internet: Internet, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    internet.replace_archive(small_corpora.tarred({"data/1a/uqb/ja.dat": "nothing"}))
    assert failed(capsys) == f"No digit was found for {cache}/unipen-digits-train.jsonl.gz."


@pytest.mark.parametrize("module", [pen_digits, unipen])
def test_what_is_far_too_long_is_cut_off(
    module: Any, internet: Internet, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "MOST", download.Most(100, "it"))
    assert failed(capsys).endswith(" is longer than 0 MiB: it is not of it.")
    assert len(names(cache)) == 2


def test_a_missing_include_is_counted(internet: Internet, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {name: text for name, text in small_corpora.UNIPEN.items() if name != "include/uqb/data/ja.dat"}
    texts["data/1a/uqb/re.dat"] = small_corpora.UNIPEN["data/1a/apa/apa00/app0032.dat"]
    texts["data/1a/aga/annzchrl.dat"] = texts["data/1a/uqb/re.dat"].replace(".VERSION 1.0", ".INCLUDE nowhere.dat")
    internet.replace_archive(small_corpora.tarred(texts))
    assert fetch.main(["--strokes"]) == 0
    out = capsys.readouterr().out
    assert "to learn from: 4 (7,480" in out
    assert "to measure on: 2 (4,128" in out
    assert "included files that are not there (2)" in out


def test_files_that_include_each_other_are_read_to_an_end() -> None:
    texts = {"a": ".INCLUDE b\n.PEN_DOWN\n1 1\n", "b": ".INCLUDE a\n.PEN_DOWN\n2 2\n"}
    skips = Skips()
    components = unipen.Reader(texts.get, skips).read(texts["a"])
    assert skips == {"included files that are not there": 1}
    assert components[-2:] == [[(2, 2)], [(1, 1)]]


def test_nobody_is_on_both_sides() -> None:
    assert {part: len(names) for part, names in writers.UNIPEN.items()} == {"train": 77, "dev": 64}
    assert not writers.UNIPEN["train"] & writers.UNIPEN["dev"]
    hands = [name for names in writers.UNIPEN.values() for name in names]
    # A name that begins like another could stand for its files, too.
    assert [writers.hand(f"{name}/x" if name[:3] in ("apa", "apb", "app") else name) for name in hands] == hands


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("apa/apa00/app0099", "train"),
        ("apb/apb42/app4299", "dev"),
        ("apb/apb00/app0032", None),
        ("ibm/ibm0/r0104", "train"),
        ("ibm/ibm0/r0011", "dev"),
        ("val/gresai35", "train"),
        ("imp/imp0/imp16", "dev"),
        ("imp/imp0/imp161", None),
        ("gmd/kast", "train"),
        ("gmd/kaster", None),
    ],
)
def test_a_writer_is_known_by_all_files(name: str, part: str | None) -> None:
    assert writers.part_of(name) == part


def test_a_digit_is_turned_over_and_its_longer_side_is_a_thousand() -> None:
    assert in_our_form([[(-5.5, -10), (4.5, 10)], [(-0.5, 0)]]) == [[[0, 1000], [500, 0]], [[250, 500]]]
    assert in_our_form([[(3, 4), (3, 4)]]) == [[[0, 0], [0, 0]]]
