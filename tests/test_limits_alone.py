"""Limits and answers, each module alone: slots, children's bounds, what is loaded, and what several pictures get."""

import ctypes
import gc
import io
import json
import os
import resource
import select
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from reading import cards, errors
from serving import admission, answer, child, packages, preload, runtime_folder
from serving.body import Picture
from serving.errors import BadRequest, Busy, named
from serving.focus import Focus
from serving.reply import failure
from serving.request import Explanation
from stand_ins import Clock, Ended, end, noted

# --- slots and places -------------------------------------------------------------------------------


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with this installation's locks."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path / f"mnist-draw-{os.getuid()}"


@pytest.mark.parametrize(("slots", "made"), [(2, 2), (0, 3)])
def test_a_slot_is_one_of_as_many_as_are_set_or_as_there_are_cores(
    locks: Path, monkeypatch: pytest.MonkeyPatch, slots: int, made: int
) -> None:
    monkeypatch.setattr(admission, "SLOTS", slots)
    monkeypatch.setattr(admission, "cores", lambda: 3)
    with admission.slot():
        name = runtime_folder.short_sum(runtime_folder.CODE)
    wanted = {f"{name}-turn-0", *(f"{name}-slot-{number}" for number in range(made))}
    assert {path.name: path.stat().st_mode & 0o777 for path in locks.iterdir()} == dict.fromkeys(wanted, 0o600)


def test_without_a_setting_locks_are_in_the_usual_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(runtime_folder, "make", noted(made, "make"))
    monkeypatch.setattr(admission, "_open", lambda path: os.open(os.devnull, os.O_RDONLY))
    folder = f"/tmp/mnist-draw-{os.getuid()}"
    name = runtime_folder.short_sum(runtime_folder.CODE)
    assert admission._locks("place", 2) == [f"{folder}/{name}-place-0", f"{folder}/{name}-place-1"]
    assert made == [("make", folder)]


def test_who_is_first_looks_for_a_free_slot_again_and_again(locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, found = Clock(10.0), [None, None, os.open(os.devnull, os.O_RDONLY)]
    monkeypatch.setattr(admission, "time", clock)
    monkeypatch.setattr(admission, "_first_free", lambda paths: found.pop(0))
    with admission.slot():
        assert clock.slept == [0.005, 0.005]


@pytest.mark.parametrize(("left", "after"), [(50.0, 47.0), (3.5, 0.5), (3.0, 0.001), (1.0, 0.001), (0.0, 0)])
def test_an_alarm_that_was_set_before_goes_on_with_what_is_left_of_it(
    monkeypatch: pytest.MonkeyPatch, left: float, after: float
) -> None:
    clock, events = Clock(2.0), list[Any]()
    monkeypatch.setattr(admission, "time", clock)
    monkeypatch.setattr(signal, "setitimer", noted(events, "timer", (left, 0.0)))
    monkeypatch.setattr(signal, "signal", noted(events, "signal", "before"))
    with admission._at_most(7):
        clock.now = 5.0
    over = events[0][2]
    assert events == [
        ("signal", signal.SIGALRM, over),
        ("timer", signal.ITIMER_REAL, 7),
        ("timer", signal.ITIMER_REAL, after),
        ("signal", signal.SIGALRM, "before"),
    ]
    with pytest.raises(Busy):
        over()


def test_cores_are_those_that_this_process_may_use_and_one_where_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", {0: {3, 5, 9}}.__getitem__, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert admission.cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert admission.cores() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert admission.cores() == 1


# --- children ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
def test_a_child_is_ended_and_waited_for_whatever_comes_of_it(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """First of all: with a mistake of `child` a test's own process may take itself for the child, and end."""
    events: list[Any] = []
    content = KeyboardInterrupt() if fails else b'["answer", {"result": 1}]'
    for module, name, stand_in in (
        (os, "fork", lambda: 99),
        (os, "kill", noted(events, "kill")),
        (os, "waitpid", noted(events, "wait", (99, 9))),
        (child, "_child", noted(events, "child", RuntimeError("no child"))),
        (child, "_received", noted(events, "received", content)),
        (child, "time", Clock(10.0)),
        (child, "SCORE_SECONDS", 4),
    ):
        monkeypatch.setattr(module, name, stand_in)
    work = noted(events, "work")
    if fails:
        with pytest.raises(KeyboardInterrupt):
            child.isolated(work)
    else:
        assert child.isolated(work) == {"result": 1}
    (name, receiver, until), *rest = events
    assert (name, until, rest) == ("received", 14.0, [("kill", 99, signal.SIGKILL), ("wait", 99, 0)])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(receiver)


@pytest.mark.parametrize(
    ("hard", "bounds"),
    [
        (resource.RLIM_INFINITY, [(2**30 + 4096, -1), (60, -1), (0, -1)]),
        (2**40, [(2**30 + 4096, 2**40), (60, 2**40), (0, 2**40)]),
        (7, [(7, 7), (7, 7), (0, 7)]),
        (0, [(0, 0), (0, 0), (0, 0)]),
    ],
)
def test_a_child_is_bounded_beyond_what_was_loaded_and_no_bound_is_raised(
    monkeypatch: pytest.MonkeyPatch, hard: int, bounds: list[tuple[int, int]]
) -> None:
    events: list[Any] = []
    for module, name, stand_in in (
        (signal, "signal", noted(events, "signal")),
        (signal, "setitimer", noted(events, "timer")),
        (gc, "disable", noted(events, "disable")),
        (resource, "getrlimit", lambda kind: (kind, hard)),
        (resource, "setrlimit", noted(events, "bound")),
        (child, "SCORE_SECONDS", 4),
    ):
        monkeypatch.setattr(module, name, stand_in)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    child.limit(4096)
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_CORE)
    first = [("signal", signal.SIGALRM, signal.SIG_DFL), ("timer", signal.ITIMER_REAL, 5), ("disable",)]
    assert events == [*first, *(("bound", *each) for each in zip(kinds, bounds, strict=True))]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("blocks", "waits", "content"),
    [
        ([b"ab", b"c", b"", b"more"], [1.5, 1.0, 0.5], b"abc"),
        ([b"ab", b"c", b"d", b"e", b"f"], [1.5, 1.0, 0.5, 0.0, 0.0, 0.0], b"abcdef"),
    ],
)
def test_what_a_child_sends_is_waited_for_until_it_ends_or_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, blocks: list[bytes], waits: list[float], content: bytes
) -> None:
    clock, asked = Clock(10.0), list[float]()

    def ready(*given: Any) -> tuple[list[int], list[int], list[int]]:
        assert given[:3] == ([7], [], [])
        asked.append(given[3])
        clock.now += 0.5
        return ([7], [], []) if len(asked) <= 5 else ([], [7], [7])

    monkeypatch.setattr(child, "time", clock)
    monkeypatch.setattr(select, "select", ready)
    monkeypatch.setattr(os, "read", lambda descriptor, size: blocks.pop(0))
    assert (child._received(7, 11.5), asked) == (content, waits)


def test_a_child_sends_all_of_its_outcome_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = b""

    def write(descriptor: int, content: bytes) -> int:
        nonlocal sent
        assert descriptor == 7
        sent += content[:5]
        return len(content[:5])

    limits: list[Any] = []
    monkeypatch.setattr(child, "limit", noted(limits, "limit"))
    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(Ended) as caught:
        child._child(lambda: {"result": 1}, 7)
    assert (caught.value.args, limits) == ((0,), [("limit",)])
    assert json.loads(sent) == ["answer", {"result": 1}]


def test_the_beginning_of_what_can_not_be_understood_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(errors.OutOfLimits):
        child._unpacked(b"x" * 79 + b"yz", 9)
    said = f"Scoring ended early, with wait status 9, after b'{'x' * 79}y'\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("kind", ["answer", "NoInk", "answers", "Zebra", "ANSWER"])
def test_only_an_answer_is_one(kind: str) -> None:
    content = json.dumps([kind, "what it is"]).encode()
    if kind == "answer":
        assert child._unpacked(content, 0) == "what it is"
    else:
        with pytest.raises(errors.Problem, match="what it is"):
            child._unpacked(content, 0)


def all_below(base: type[errors.Problem]) -> list[type[errors.Problem]]:
    return [base, *(one for each in base.__subclasses__() for one in all_below(each))]


def test_a_problem_is_found_by_its_name_and_an_unknown_one_is_just_a_problem() -> None:
    kinds = all_below(errors.Problem)
    assert len(kinds) > 15
    assert [named(kind.__name__) for kind in kinds] == kinds
    assert {named(name) for name in ("", "Aardvark", "Unheard", "zebra")} == {errors.Problem}


# --- what is loaded ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [errors.Problem, ImportError, OSError, MemoryError, RuntimeError, ValueError])
def test_what_can_not_be_loaded_is_told_in_the_log(kind: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    preload._attempt(noted([], "", kind("what is wrong")))
    assert "what is wrong" in capsys.readouterr().err


def test_a_bug_ends_the_loading() -> None:
    with pytest.raises(KeyError):
        preload._attempt(noted([], "", KeyError("a bug")))


def test_a_drawing_is_a_black_stroke_on_white() -> None:
    canvas = Image.open(io.BytesIO(preload._drawing("PNG")))
    black = canvas.convert("L").point([255 - level for level in range(256)])
    assert (canvas.size, canvas.getcolors()) == ((280, 280), [(280 * 280 - 20 * 160, (255,) * 3), (20 * 160, (0,) * 3)])
    assert black.getbbox() == (130, 60, 150, 220)


def test_everything_that_requests_need_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    monkeypatch.setattr(preload, "import_module", noted(events, "import"))
    for name in ("_formats", "_models", "_trim"):
        monkeypatch.setattr(preload, name, noted(events, name))
    preload.preload()
    assert events == [*(("import", name) for name in preload.ON_DEMAND), ("_formats",), ("_models",), ("_trim",)]


def test_a_picture_of_each_kind_is_read_and_each_model_scores_one(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    monkeypatch.setattr(preload, "_drawing", lambda kind: kind)
    monkeypatch.setattr("reading.preprocessing.preprocess", noted(events, "read"))
    monkeypatch.setattr(answer, "score", noted(events, "score"))
    monkeypatch.setattr(cards, "available", lambda: [{"name": "a"}, {"name": "b"}])
    preload._formats()
    preload._models()
    at_work = Explanation("network", None, Focus())
    hows = [answer.How(name, "auto", at_work) for name in ("a", "b")]
    read = [("read", kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")]
    assert events == [*read, *(("score", [Picture("", "PNG")], how) for how in hows)]


def test_memory_is_given_back_and_huge_pages_are_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = []
    system = SimpleNamespace(malloc_trim=noted(events, "trim"), prctl=noted(events, "prctl"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: system if name is None else None)
    preload._trim()
    assert events == [("trim", 0), ("prctl", 41, 1, 0, 0, 0)]
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())  # a system that is not glibc
    preload._trim()


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(name: str) -> str:
        with pytest.raises(errors.MissingPackage) as caught:
            packages.need(name)
        return str(caught.value)

    version = sys.version.split(maxsplit=1)[0]
    said = (
        f"The Python that ran this script, {sys.executable} ({version}), has no usable package {{!r}}. Start the "
        "server with `make serve`, or activate the environment in which `pip install -r requirements.txt` was run "
        "before you start the server."
    )
    assert told("no_such_package.part") == said.format("no_such_package")
    monkeypatch.setattr(packages, "import_module", noted([], "", ImportError("broken", name="inner.part")))
    assert told("outer.part") == said.format("inner")
    monkeypatch.setattr(packages, "import_module", noted([], "", ImportError("broken")))
    assert told("outer.part") == said.format("outer")


# --- answers ----------------------------------------------------------------------------------------


class Read:
    """A digit that was read."""

    def facts(self) -> dict[str, Any]:
        return {"result": 1, "digit": 7}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock of processor time at 2 seconds; each picture takes as long as it says, "x" can't be read."""
    clock = Clock(2.0)

    def preprocess(data: bytes, how: str) -> str:
        assert how == "one"
        if data == b"x":
            raise errors.NoInk("No ink.")
        clock.now += float(data)
        return data.decode()

    def classify(pictures: list[str], model: str) -> Any:
        assert model == "m"
        return (errors.NoInk("No digit.") if picture == "0" else Read() for picture in pictures)

    parts = {
        "reading.preprocessing": SimpleNamespace(preprocess=preprocess),
        "reading.digits": SimpleNamespace(classify=classify),
    }
    monkeypatch.setattr(answer, "need", parts.__getitem__)
    monkeypatch.setattr(answer, "_model", lambda name: name)
    monkeypatch.setattr(answer, "time", clock)
    return clock


ONE = answer.How("m", "one")


@pytest.mark.parametrize(
    ("takes", "found"),
    [
        (["1", "0.125", "1"], [7, 7, 7]),
        (["1", "0.2", "1"], [7, 7, answer.NO_TIME]),
        (["1.25", "x"], [7, answer.NO_TIME]),
        (["0.5", "x", "0", "1", "1"], [7, "No ink.", "No digit.", 7, answer.NO_TIME]),
    ],
)
def test_pictures_are_read_until_their_time_is_over(reads: Clock, takes: list[str], found: list[Any]) -> None:
    assert answer.BUDGET_SECONDS == 1.2
    asked = [Picture(f"{number}.png", text.encode()) for number, text in enumerate(takes)]
    digit = {"result": 1, "digit": 7}
    results = [(digit if one == 7 else failure(one)) | {"file": f"{at}.png"} for at, one in enumerate(found)]
    assert answer.score(asked, ONE) == {"result": 1, "error": "", "results": results}


def test_a_lone_picture_is_an_answer_of_its_own_or_raises(reads: Clock) -> None:
    assert answer.score([Picture("a.png", b"9")], ONE) == {"result": 1, "digit": 7}
    for data, sentence in ((b"x", "No ink."), (b"0", "No digit.")):
        with pytest.raises(errors.NoInk, match=sentence):
            answer.score([Picture("a.png", data)], ONE)


def test_pictures_none_of_which_can_be_read_are_a_failure(reads: Clock) -> None:
    results = [failure("No ink.") | {"file": "a"}, failure("No ink.") | {"file": "b"}]
    wanted = failure("None of the 2 pictures could be read.") | {"results": results}
    assert answer.score([Picture("a", b"x"), Picture("b", b"x")], ONE) == wanted


class Evidence:
    """What spoke for a digit, as numbers that can be rounded."""

    def __init__(self, value: float) -> None:
        self.value = value

    def round(self, places: int) -> "Evidence":
        return Evidence(round(self.value, places))

    def tolist(self) -> list[float]:
        return [self.value]


DIGITS = [SimpleNamespace(picture="first", digit=4), SimpleNamespace(picture="second", digit=2)]


@pytest.mark.parametrize(
    ("digit", "at", "is_number", "asked"),
    [
        (None, None, True, ("whole", 8)),
        (0, None, True, ("whole", 0)),
        (None, 0, True, ("first", 4)),
        (5, 1, True, ("second", 5)),
        (None, 2, True, "?at=2 asks for a digit that is not there: 2 were read as a number."),
        (None, 3, True, "?at=3 asks for a digit that is not there: 2 were read as a number."),
        (None, 0, False, "?at=0 asks for a digit that is not there: 0 were read as a number."),
    ],
)
def test_what_is_explained_is_the_digit_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, digit: int | None, at: int | None, is_number: bool, asked: Any
) -> None:
    explained: list[Any] = []
    evidence = SimpleNamespace(evidence=noted(explained, "evidence", Evidence(0.123456789)))
    monkeypatch.setattr(answer, "need", {"reading.explain": evidence}.__getitem__)
    number = SimpleNamespace(digits=DIGITS) if is_number else None
    read: Any = SimpleNamespace(picture="whole", digit=8, number=number)
    model: Any = "m"
    if isinstance(asked, str):
        with pytest.raises(BadRequest) as caught:
            answer._explained(read, model, Explanation("1", digit, Focus(), at))
        assert str(caught.value) == asked
    else:
        found = answer._explained(read, model, Explanation("1", digit, Focus(), at))
        assert found == {"evidence": [0.123457], "explained": asked[1]}
        assert explained == [("evidence", "m", *asked)]


@pytest.mark.parametrize(
    ("at", "shown", "found"),
    [
        (None, {"a": 1}, {"network": {"a": 1, "way": "s"}}),
        (1, {"a": 1}, {"network": {"a": 1}}),  # of one digit of a number the strokes are not told apart
        (None, {}, {}),
    ],
)
def test_the_network_at_work_is_shown_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, at: int | None, shown: dict[str, Any], found: dict[str, Any]
) -> None:
    asked: list[Any] = []
    inspection = {"network": noted(asked, "network", dict(shown)), "trajectory": lambda _, strokes: {"way": strokes}}
    monkeypatch.setattr(answer, "need", lambda name: SimpleNamespace(**inspection))
    read: Any = SimpleNamespace(picture="whole", digit=8, number=SimpleNamespace(digits=DIGITS), strokes="s")
    model: Any = "m"
    focus = Focus(1, (2, 3), 4, (5, 6, 7, 8))
    assert answer._explained(read, model, Explanation("network", None, focus, at)) == found
    picture, digit = ("whole", 8) if at is None else ("second", 2)
    assert asked == [("network", "m", picture, digit, 1, (2, 3), 4, (5, 6, 7, 8))]
