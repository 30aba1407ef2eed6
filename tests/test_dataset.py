"""MNIST is found where it should be, downloaded when it must be, and never trusted unchecked."""

import gzip
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import small_mnist
from learning.data import dataset, download, idx
from learning.data.dataset import load
from learning.data.mnist import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, Mnist
from learning.errors import BadDataset

FILES = small_mnist.files()
NAMES = tuple(FILES)
SUMS = small_mnist.checksums(FILES)


class Server:
    """A mirror on this machine; `answers` maps a path to a body, `cut` and `status` say how it misbehaves."""

    def __init__(self) -> None:
        self.answers = {f"/{name}.gz": gzip.compress(content) for name, content in FILES.items()}
        self.cut: dict[str, int] = {}  # path -> how many more times its answer is cut half-way
        self.status: dict[str, list[int]] = {}  # path -> statuses of the next answers
        self.encoding: str | None = None
        self.headers: list[Message] = []  # of what was asked
        self.length: str | None = None
        self.endless = b""  # what is sent again and again, without a length, in the place of every answer
        self.drip = 0.0  # seconds between two bytes of an answer
        self.redirects = False  # whether an endless answer is a redirection
        self.asked: list[str] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/"

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.headers.append(self.headers)
                if server.endless:
                    self.send_for_ever()
                    return
                statuses = server.status.get(self.path)
                status = statuses.pop(0) if statuses else 200 if self.path in server.answers else 404
                body = server.answers.get(self.path, b"") if status == 200 else b"no"
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"/moved{self.path}")
                self.send_header("Content-Length", server.length or str(len(body)))
                if server.encoding:
                    self.send_header("Content-Encoding", server.encoding)
                self.end_headers()
                cut = server.cut.get(self.path, 0)
                server.cut[self.path] = cut - 1
                self.wfile.write(body[: len(body) // 2] if cut > 0 else body)

            def send_for_ever(self) -> None:
                self.send_response(302 if server.redirects else 200)
                if server.redirects:
                    self.send_header("Location", "/nowhere")
                self.end_headers()
                with suppress(OSError):
                    while True:
                        self.wfile.write(server.endless)
                        time.sleep(server.drip)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


Serve = Callable[[], Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = []

    def start() -> Server:
        servers.append(Server())
        threading.Thread(target=servers[-1].http.serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, no MNIST_DIR, and no long waits between tries."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache" / "mnist-draw"))
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setattr(download, "PAUSE", 0.01)
    return tmp_path / "cache" / "mnist-draw" / SUMS[TRAIN_IMAGES][:12]


def content(mnist: Mnist) -> dict[str, bytes]:
    return dict(zip(NAMES, map(small_mnist.idx, mnist[:4]), strict=True))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


CACHED = sorted(f"{name}.gz" for name in NAMES)


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_of_idx_files_is_read_compressed_or_not(tmp_path: Path, packed: bool) -> None:
    folder = small_mnist.write(tmp_path / "idx", FILES, packed)
    mnist = load(folder, SUMS)
    assert content(mnist) == FILES
    assert [array.dtype for array in mnist[:4]] == [np.uint8] * 4
    assert (mnist.source, mnist.sha256) == (str(folder), SUMS)


def test_the_folder_of_mnist_dir_is_read_when_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", str(small_mnist.write(tmp_path / "idx", FILES)))
    assert content(load(sha256=SUMS)) == FILES


def test_a_given_folder_goes_before_mnist_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "nowhere"))
    assert content(load(small_mnist.write(tmp_path / "idx", FILES), SUMS)) == FILES


def test_a_download_is_cached_and_the_next_one_asks_no_server(serve: Serve, cache: Path) -> None:
    mirror = serve()
    first = load(sha256=SUMS, mirrors=(mirror.url,))
    asked = list(mirror.asked)
    second = load(sha256=SUMS, mirrors=(mirror.url,))
    assert content(first) == content(second) == FILES
    assert asked == mirror.asked == [f"/{name}.gz" for name in NAMES]
    assert names(cache) == CACHED
    assert second.source == str(cache)


def test_an_address_is_downloaded_from_even_when_the_cache_is_full(serve: Serve) -> None:
    mirror = serve()
    load(mirror.url, SUMS)
    again = load(mirror.url, SUMS)
    assert (content(again), again.source, len(mirror.asked)) == (FILES, mirror.url, 8)


def test_a_connection_that_is_cut_half_way_is_tried_again(serve: Serve, cache: Path) -> None:
    mirror = serve()
    mirror.cut = {f"/{TRAIN_IMAGES}.gz": 1}
    assert content(load(mirror.url, SUMS)) == FILES
    assert mirror.asked.count(f"/{TRAIN_IMAGES}.gz") == 2
    assert names(cache) == CACHED


def test_a_connection_that_is_always_cut_is_an_error_and_leaves_nothing(serve: Serve, cache: Path) -> None:
    mirror = serve()
    mirror.cut = {f"/{TRAIN_IMAGES}.gz": 99}
    with pytest.raises(BadDataset) as error:
        load(mirror.url, SUMS)
    assert str(error.value) == (
        f"Can't download {mirror.url}{TRAIN_IMAGES}.gz: the connection failed or was cut. "
        "A folder that has the files can be named by the environment variable MNIST_DIR."
    )
    assert mirror.asked == [f"/{TRAIN_IMAGES}.gz"] * download.TRIES
    assert names(cache) == []


def test_a_server_in_trouble_is_asked_again(serve: Serve) -> None:
    mirror = serve()
    mirror.status = {f"/{TEST_LABELS}.gz": [503, 500]}
    assert content(load(mirror.url, SUMS)) == FILES


def test_the_second_mirror_is_asked_for_what_the_first_has_not(serve: Serve, cache: Path) -> None:
    first, second = serve(), serve()
    del first.answers[f"/{TRAIN_LABELS}.gz"]
    assert content(load(sha256=SUMS, mirrors=(first.url, second.url))) == FILES
    assert (first.asked.count(f"/{TRAIN_LABELS}.gz"), second.asked) == (1, [f"/{TRAIN_LABELS}.gz"])
    assert names(cache) == CACHED


def test_the_second_mirror_is_asked_when_the_first_serves_a_wrong_file(serve: Serve) -> None:
    first, second = serve(), serve()
    first.answers[f"/{TRAIN_LABELS}.gz"] = b"<html>Moved to our new site</html>"
    assert content(load(sha256=SUMS, mirrors=(first.url, second.url))) == FILES


def test_when_no_mirror_has_a_file_each_is_named_with_its_reason(serve: Serve, cache: Path) -> None:
    first, second = serve(), serve()
    del first.answers[f"/{TEST_IMAGES}.gz"]
    second.http.shutdown()
    second.http.server_close()
    with pytest.raises(BadDataset) as error:
        load(sha256=SUMS, mirrors=(first.url, second.url))
    assert str(error.value) == (
        f"Can't download {first.url}{TEST_IMAGES}.gz: the server answers 404. "
        f"Can't download {second.url}{TEST_IMAGES}.gz: the connection failed or was cut. "
        "A folder that has the files can be named by the environment variable MNIST_DIR."
    )
    assert f"{TEST_IMAGES}.gz" not in names(cache)


def test_swapped_files_are_named_and_not_cached(serve: Serve, cache: Path) -> None:
    mirror = serve()
    train, test = f"/{TRAIN_IMAGES}.gz", f"/{TEST_IMAGES}.gz"
    mirror.answers[train], mirror.answers[test] = mirror.answers[test], mirror.answers[train]
    with pytest.raises(BadDataset, match=f"{TRAIN_IMAGES}.gz holds {TEST_IMAGES}: the files were swapped."):
        load(mirror.url, SUMS)
    assert names(cache) == []


def test_a_server_that_unpacks_on_the_way_does_no_harm(serve: Serve) -> None:
    mirror = serve()
    mirror.encoding = "gzip"
    assert content(load(mirror.url, SUMS)) == FILES
    assert content(load(sha256=SUMS, mirrors=())) == FILES


def test_a_reply_is_asked_for_and_saved_as_it_is(serve: Serve, cache: Path) -> None:
    mirror = serve()
    mirror.encoding = "gzip"
    load(mirror.url, SUMS)
    assert {headers["Accept-Encoding"] for headers in mirror.headers} == {"identity"}
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {
        name.removeprefix("/"): body for name, body in mirror.answers.items()
    }


def test_a_small_reply_that_unpacks_to_a_giant_is_refused_and_never_unpacked_to_the_cache(
    serve: Serve, cache: Path
) -> None:
    mirror = serve()
    mirror.encoding = "gzip"
    mirror.answers[f"/{TRAIN_IMAGES}.gz"] = gzip.compress(bytes(2**27), 1)
    with pytest.raises(BadDataset, match=rf"^{mirror.url}{TRAIN_IMAGES}\.gz unpacks to more than 64 MiB: it is not of"):
        load(mirror.url, SUMS)
    assert names(cache) == []


@pytest.mark.parametrize("redirects", [False, True])
def test_a_reply_without_end_is_cut_off(serve: Serve, cache: Path, redirects: bool) -> None:
    mirror = serve()
    mirror.endless, mirror.redirects = bytes(2**20), redirects
    with pytest.raises(BadDataset) as error:
        load(mirror.url, SUMS)
    address = f"{mirror.url}{TRAIN_IMAGES}.gz"
    said = (
        "Can't download {}: the server answers 302." if redirects else "{} is longer than 64 MiB: it is not of MNIST."
    )
    assert str(error.value).startswith(said.format(address))
    assert names(cache) == []


def test_a_reply_that_drips_is_given_up(serve: Serve, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LONGEST", 0.5)
    mirror = serve()
    mirror.endless, mirror.drip = b"x", 0.05
    started = time.monotonic()
    with pytest.raises(
        BadDataset, match=rf"^Can't download {mirror.url}{TRAIN_IMAGES}\.gz: it takes longer than 0\.5 s"
    ):
        load(mirror.url, SUMS)
    assert time.monotonic() - started < 5
    assert names(cache) == []


def test_a_file_that_has_moved_is_followed(serve: Serve) -> None:
    mirror = serve()
    mirror.answers[f"/moved/{TEST_LABELS}.gz"] = mirror.answers[f"/{TEST_LABELS}.gz"]
    mirror.status = {f"/{TEST_LABELS}.gz": [302]}
    assert content(load(mirror.url, SUMS)) == FILES


def test_a_length_that_is_no_number_is_passed_by(serve: Serve) -> None:
    mirror = serve()
    mirror.length = "9" * 5000
    assert content(load(mirror.url, SUMS)) == FILES


def test_what_dead_runs_have_left_in_the_cache_is_tidied_and_nothing_else(serve: Serve, cache: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, running, old, fresh = f"tmp1.{ended.pid}.part", f"tmp2.{os.getppid()}.part", "tmp3.part", "tmp4.part"
    for name in (left, running, old, fresh):
        (cache / name).mkdir(parents=True)
        (cache / name / "file").write_text("x")
    os.utime(cache / old, (0, 0))
    load(serve().url, SUMS)
    assert names(cache) == sorted([*CACHED, running, fresh])


def test_a_run_that_is_killed_leaves_what_the_next_one_tidies(serve: Serve, cache: Path) -> None:
    mirror = serve()
    mirror.endless, mirror.drip = b"x", 0.05
    code = f"from learning.data import download as d, mnist; from pathlib import Path; p = Path({str(cache)!r})"
    code += f"; d.download(p / 'a.gz', mnist.TRAIN_IMAGES, mnist.SHA256, ({mirror.url!r},))"
    run = subprocess.Popen([sys.executable, "-c", code], cwd=Path(download.__file__).parents[2])
    until = time.monotonic() + 20
    while not names(cache) and time.monotonic() < until:
        time.sleep(0.05)
    run.kill()
    run.wait()
    assert len(names(cache)) == 1
    mirror.endless = b""
    load(mirror.url, SUMS)
    assert names(cache) == CACHED


def test_a_damaged_file_in_the_cache_is_downloaded_again(
    serve: Serve, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirror = serve()
    load(mirror.url, SUMS)
    damaged = cache / f"{TRAIN_LABELS}.gz"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    mirror.asked.clear()
    assert content(load(sha256=SUMS, mirrors=(mirror.url,))) == FILES
    assert mirror.asked == [f"/{TRAIN_LABELS}.gz"]
    assert f"{damaged} is cut short" in caplog.text


def test_other_data_has_a_cache_of_its_own(serve: Serve, tmp_path: Path) -> None:
    mirror = serve()
    load(mirror.url, SUMS)
    other = small_mnist.files(n_train=30)
    mirror.answers = {f"/{name}.gz": gzip.compress(body) for name, body in other.items()}
    load(mirror.url, small_mnist.checksums(other))
    assert content(load(sha256=SUMS, mirrors=())) == FILES


def test_a_cache_folder_that_cannot_be_made_is_an_error(serve: Serve, cache: Path) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file where the folder should be")
    with pytest.raises(BadDataset, match=r"^Can't save train-images-idx3-ubyte .*: Not a dir"):
        load(serve().url, SUMS)


def broken(name: str, body: bytes) -> dict[str, bytes]:
    return {**FILES, name: body}


SHORT = FILES[TRAIN_IMAGES][:-784]
FLIPPED = FILES[TEST_LABELS][:-1] + bytes([FILES[TEST_LABELS][-1] ^ 1])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (broken(TRAIN_IMAGES, SHORT), "it has 46,272 bytes where its header announces 47,056."),
        (broken(TRAIN_LABELS, b"60000"), "it is no IDX file of unsigned bytes."),
        (broken(TRAIN_LABELS, b""), "it is no IDX file of unsigned bytes."),
        (broken(TEST_LABELS, FLIPPED), f"its SHA-256 is {hashlib.sha256(FLIPPED).hexdigest()}."),
    ],
)
def test_a_wrong_file_in_a_folder_is_named_with_what_is_wrong(
    tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    (name,) = [name for name in FILES if files[name] != FILES[name]]
    folder = small_mnist.write(tmp_path / "idx", files, packed=False)
    with pytest.raises(BadDataset) as error:
        load(folder, SUMS)
    assert str(error.value) == f"{folder / name} is not the right {name}: {sentence}"


def test_a_compressed_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    folder = small_mnist.write(tmp_path / "idx", FILES)
    path = folder / f"{TEST_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadDataset) as error:
        load(folder, SUMS)
    assert str(error.value) == f"{path} is cut short: the compressed data ends too early."


def test_a_compressed_file_with_a_damaged_byte_is_named(tmp_path: Path) -> None:
    folder = small_mnist.write(tmp_path / "idx", FILES)
    path = folder / f"{TEST_IMAGES}.gz"
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 255
    path.write_bytes(body)
    with pytest.raises(BadDataset, match=f"^Can't read {path}: "):
        load(folder, SUMS)


def test_a_file_that_unpacks_to_far_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "MAX_BYTES", 2**20)
    folder = small_mnist.write(tmp_path / "idx", broken(TRAIN_IMAGES, bytes(2**21)))
    with pytest.raises(BadDataset, match=r"unpacks to more than 1 MiB: it is not of MNIST\.$"):
        load(folder, SUMS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = small_mnist.write(tmp_path / "idx", FILES)
    (folder / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(BadDataset) as error:
        load(folder, SUMS)
    assert str(error.value) == f"{folder} has neither {TEST_LABELS} nor {TEST_LABELS}.gz."


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match=f"^{tmp_path / 'nowhere'} is no folder"):
        load(tmp_path / "nowhere")


def test_the_wrong_data_with_its_own_right_checksums_is_still_refused(tmp_path: Path) -> None:
    cases = {
        "should hold pictures of 28x28": broken(TRAIN_IMAGES, FILES[TRAIN_LABELS]),
        "should hold a list of labels": broken(TRAIN_LABELS, FILES[TEST_IMAGES]),
        "60 pictures and 20 labels": broken(TRAIN_LABELS, FILES[TEST_LABELS]),
        "has the label 10; digits are 0 to 9": broken(TEST_LABELS, FILES[TEST_LABELS][:-1] + b"\x0a"),
        "its header announces": broken(TRAIN_IMAGES, SHORT),
    }
    for number, (sentence, files) in enumerate(cases.items()):
        with pytest.raises(BadDataset, match=sentence):
            load(small_mnist.write(tmp_path / str(number), files), small_mnist.checksums(files))


def test_checksums_are_read_as_sha256sum_prints_them(tmp_path: Path) -> None:
    folder = small_mnist.write(tmp_path / "idx", FILES)
    assert dataset.read_checksums(folder / "SHA256SUMS") == SUMS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no SHA-256 for train-images-idx3-ubyte; it should hold what sha256sum prints."),
        (None, "No such"),
    ],
)
def test_a_list_of_checksums_that_lacks_one_is_an_error(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        (tmp_path / "sums").write_text(text)
    with pytest.raises(BadDataset, match=sentence):
        dataset.read_checksums(tmp_path / "sums")


def test_the_built_in_checksums_are_those_of_mnist(mnist_folder: Path) -> None:
    mnist = load(mnist_folder)
    assert [array.shape for array in mnist[:4]] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    published = hashlib.md5(small_mnist.idx(mnist.X_train)).hexdigest()
    assert published == "6bbc9ace898e44ae57da46a324031adb"
