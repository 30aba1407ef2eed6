"""The trajectory network: what it sees of strokes, what it computes, and how an answer takes it into account."""

import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pictures
import servers
from reading import cards, classifier, trajectory
from reading.classifier import Model
from reading.digits import ALSO_READ, classify, read
from reading.errors import BrokenModel
from reading.numbers.strokes import lie_on, placed
from reading.preprocessing import preprocess

MODELS = Path(cards.MODELS)
BAR = [np.array([[50.0, 0.0], [50.0, 320.0]])]


def of(*strokes: list[tuple[float, float]]) -> list[np.ndarray]:
    return [np.array(stroke, float) for stroke in strokes]


# --- what it sees -----------------------------------------------------------------------------------


def test_a_bar_is_32_equal_segments_downwards() -> None:
    segments, stroke = trajectory.even(BAR)
    ends = np.linspace(0, 320, 33)
    np.testing.assert_allclose(segments[:, 0, 1], ends[:-1])
    np.testing.assert_allclose(segments[:, 1, 1], ends[1:])
    assert (set(segments[..., 0].ravel()), set(stroke)) == ({50}, {0})


@pytest.mark.parametrize(
    ("strokes", "segments"),
    [
        (of([(0, 0), (30, 0)], [(0, 0), (0, 10)]), [24, 8]),
        (of([(0, 0), (30, 40)], [(5, 5)], [(0, 0), (50, 0)]), [16, 1, 15]),  # a dot is a segment, too
        (of([(7, 7)]), [32]),
        (of([(7, 7)], [(8, 8)]), [31, 1]),
        (of(*[[(at, 0), (at, 9)] for at in range(40)]), [1] * 32),  # of more strokes the first ones
    ],
)
def test_strokes_have_segments_by_their_lengths(strokes: list[np.ndarray], segments: list[int]) -> None:
    found, stroke = trajectory.even(strokes)
    assert np.bincount(stroke).tolist() == segments
    assert found.shape == (32, 2, 2)


def test_points_however_unevenly_they_lie_are_the_same_trajectory() -> None:
    again = of([(50, 0), (50, 1), (50, 1), (50, 2), (50, 200), (50, 320)])
    np.testing.assert_allclose(trajectory.steps(again), trajectory.steps(BAR), atol=1e-6)


def test_a_step_is_its_middle_its_direction_its_length_and_whether_a_stroke_begins() -> None:
    steps = trajectory.steps(of([(0, 0), (0, 100)], [(0, 100), (50, 100)]))
    assert (steps.shape, steps.dtype) == ((32, 6), np.float32)
    begins = np.flatnonzero(steps[:, 5])
    assert begins[0] == 0
    assert len(begins) == 2
    first, last = steps[0], steps[-1]
    assert first[0] == -0.5  # half as wide as high, so from -0.5 to 0.5
    assert -1 < first[1] < -0.9
    assert 0.4 < last[0] < 0.5
    assert last[1] == 1
    assert first[2:4].tolist() == pytest.approx([0, 1])  # down
    assert last[2:4].tolist() == pytest.approx([1, 0])  # to the right
    assert steps[:, 4].sum() / 8 == pytest.approx(1.5)


def test_size_and_place_make_no_difference() -> None:
    seven = of([(0, 0), (60, 0), (20, 90)])
    larger = [stroke * 37 + (500, -20) for stroke in seven]
    np.testing.assert_allclose(trajectory.steps(larger), trajectory.steps(seven), atol=1e-5)


def test_a_dot_is_seen_without_dividing_by_zero() -> None:
    assert np.isfinite(trajectory.steps(of([(7, 7)]))).all()


# --- what it computes -------------------------------------------------------------------------------


def small(channels: tuple[int, ...] = (3, 4), seed: int = 1) -> bytes:
    """The file of a small network with random weights."""
    rng, sizes = np.random.default_rng(seed), [6, *channels]
    shapes = [(5 * before, after) for before, after in zip(sizes, channels, strict=False)]
    shapes.append((32 // 2 ** (len(channels) - 1) * channels[-1], 11))
    values = [rng.normal(0, 0.3, size) for shape in shapes for size in (shape, shape[1])]
    return framed(b"".join(value.astype("<f2").tobytes() for value in values), {"channels": channels})


def framed(weights: bytes, facts: dict[str, object]) -> bytes:
    return json.dumps({"sha256": hashlib.sha256(weights).hexdigest()} | facts).encode() + b"\n" + weights


def by_hand(network: trajectory.Network, seen: np.ndarray) -> np.ndarray:
    """The network's probabilities for one trajectory, cell by cell."""
    for at, layer in enumerate(network.layers):
        kernel = layer.kernel.reshape(5, seen.shape[1], -1)
        rows = [
            sum((seen[step + k - 2] @ kernel[k] for k in range(5) if 0 <= step + k - 2 < len(seen)), layer.bias)
            for step in range(len(seen))
        ]
        seen = np.maximum(np.array(rows), 0)
        if at < len(network.layers) - 1:
            seen = np.array([np.maximum(seen[step], seen[step + 1]) for step in range(0, len(seen), 2)])
    logits = seen.ravel() @ network.kernel + network.bias
    return np.exp(logits) / np.exp(logits).sum()


@pytest.mark.parametrize("channels", [(3,), (3, 4), (2, 3, 4)])
def test_it_computes_what_is_computed_by_hand(channels: tuple[int, ...]) -> None:
    network = trajectory.parsed(small(channels))
    seen = np.random.default_rng(2).normal(0, 1, (5, 32, 6)).astype(np.float32)
    found = network.score(seen)
    assert found.shape == (5, 11)
    np.testing.assert_allclose(found, [by_hand(network, each) for each in seen], atol=1e-5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON\n" + small().partition(b"\n")[2],
        b"[" * 100_000 + b"\n",
        small()[:-2],
        small() + b"\0\0",
        small()[:-1] + bytes([small()[-1] ^ 1]),
        framed(b"", {"channels": [3]}),
        framed(b"\0" * 100, {}),
        framed(b"\0" * 100, {"channels": 3}),
        framed(b"\0" * 100, {"channels": ["3"]}),
        framed(b"\0" * 100, {"channels": [-3]}),
        framed(b"\0" * 100, {"channels": [10**9]}),
        framed(b"\0" * 100, {"channels": []}),
    ],
)
def test_a_damaged_file_is_a_broken_model(data: bytes) -> None:
    with pytest.raises(BrokenModel, match=r"trajectory\.weights is damaged\. Train it again: .* -M trajectory"):
        trajectory.parsed(data)


# --- both together ----------------------------------------------------------------------------------


def sharp(digit: int, sure: float) -> np.ndarray:
    return np.where(np.arange(11) == digit, sure, (1 - sure) / 10).astype(np.float32)[None]


def test_both_together_are_their_geometric_mean() -> None:
    picture, way = sharp(3, 0.6), sharp(9, 0.7)
    softened = 0.99 * way + 0.01 / 11
    expected = np.exp((np.log(picture) + np.log(softened)) / 2)
    np.testing.assert_allclose(trajectory.joined(picture, way), expected / expected.sum(), rtol=1e-5)


def test_who_is_surer_wins() -> None:
    assert trajectory.joined(sharp(3, 0.6), sharp(9, 0.9)).argmax() == 9
    assert trajectory.joined(sharp(3, 0.9999), sharp(9, 0.6)).argmax() == 3
    assert trajectory.joined(sharp(3, 0.6), sharp(3, 0.9)).max() > 0.75


def test_a_trajectory_alone_rules_nothing_out() -> None:
    certain = np.zeros((1, 11), np.float32)
    certain[0, 9] = 1
    assert trajectory.joined(sharp(3, 0.99999), certain).argmax() == 3


def test_only_pictures_whose_strokes_are_known_are_joined() -> None:
    network = trajectory.parsed(small())
    outputs = np.repeat(sharp(7, 0.8), 4, 0)
    many = [np.array([[at, 0.0], [at, 9.0]]) for at in range(9)]
    found = network.heard(outputs, [BAR, [], many, many[:8]])
    expected = trajectory.joined(outputs[:1], network.score(trajectory.steps(BAR)[None]))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-6)
    np.testing.assert_array_equal(found[1:3], outputs[1:3])
    assert not np.array_equal(found[3], outputs[3])
    np.testing.assert_array_equal(outputs, np.repeat(sharp(7, 0.8), 4, 0))  # which stay as they are


def test_a_model_of_ten_outputs_answers_for_itself() -> None:
    outputs = np.full((1, 10), 0.1, np.float32)
    assert trajectory.parsed(small()).heard(outputs, [BAR]) is outputs


# --- which models have it ---------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with the CNN and the SVM alone, from which they are loaded."""
    for path in [*MODELS.glob("cnn.*"), *MODELS.glob("svm.*")]:
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(cards, "MODELS", str(tmp_path))
    monkeypatch.setattr(classifier, "_kept", {})
    return tmp_path


def test_the_cnn_reads_trajectories_where_their_network_is_and_no_other_model_does(models: Path) -> None:
    assert classifier.load("cnn").trajectory is None
    (models / trajectory.FILE).write_bytes(small())
    assert classifier.load("cnn").trajectory is not None
    assert classifier.load("svm").trajectory is None


def test_a_network_that_is_replaced_is_read_again(models: Path) -> None:
    (models / trajectory.FILE).write_bytes(small(seed=1))
    before = classifier.load("cnn")
    assert classifier.load("cnn") is before
    (models / "other").write_bytes(small(seed=2))
    (models / "other").replace(models / trajectory.FILE)
    assert classifier.load("cnn").trajectory.score(trajectory.steps(BAR)[None]).tolist() != (
        before.trajectory.score(trajectory.steps(BAR)[None]).tolist()
    )


def test_a_cnn_that_was_taught_ones_own_hand_is_not_gainsaid(models: Path) -> None:
    (models / trajectory.FILE).write_bytes(small())
    card = json.loads((models / "cnn.json").read_text())
    (models / "cnn.json").write_text(json.dumps(card | {"extra": {"drawings": 5}}))
    assert classifier.load("cnn").trajectory is None


def test_a_damaged_network_is_told_and_not_passed_over(models: Path) -> None:
    (models / trajectory.FILE).write_bytes(b"x")
    with pytest.raises(BrokenModel, match=r"trajectory\.weights is damaged"):
        classifier.load("cnn")


def test_a_network_that_can_not_be_read_is_told(models: Path) -> None:
    (models / trajectory.FILE).mkdir()
    with pytest.raises(BrokenModel, match=r"The file trajectory.weights can't be read: Is a directory\."):
        classifier.load("cnn")


# --- whose strokes they are -------------------------------------------------------------------------

INK = np.zeros((100, 60))
INK[:, :20], INK[:20] = 1, 1  # an upside down L, with a pen 20 pixels wide
OWN = of([(10, 90), (10, 10), (50, 10)])


@pytest.mark.parametrize(
    ("strokes", "own"),
    [
        (OWN, True),
        ([np.add(stroke, (1.5, -1)) for stroke in OWN], True),
        (of([(10, 90), (10, 10)], [(10, 10), (50, 10)]), True),
        ([], False),
        ([np.add(stroke, (12, 0)) for stroke in OWN], False),  # beside it
        (of([(10, 90), (10, 50)]), False),  # a part of it
        (of([(10, 90), (10, 10), (50, 10), (50, 60)]), False),  # more than it
        (of([(-40, 90), (10, 10), (50, 10)]), False),
        ([stroke * 1000 for stroke in OWN], False),
    ],
)
def test_strokes_are_those_of_ink_that_they_lie_on_and_end_with(strokes: list[np.ndarray], own: bool) -> None:
    assert lie_on(INK, strokes) is own


def test_strokes_are_placed_in_pixels_of_the_ink() -> None:
    assert [one.tolist() for one in placed(of([(30, 20), (34, 26)]), (30.0, 10.0, 2.0))] == [[[0, 5], [2, 8]]]


SEVEN = pictures.written("7")
DRAWN = pictures.encoded(pictures.drawn(SEVEN))


def in_pixels() -> list[list[list[float]]]:
    return [[list(point) for point in stroke] for stroke in SEVEN]


@pytest.mark.parametrize("how", ["auto", "one", "number"])
def test_a_drawing_is_read_from_its_strokes_too_and_says_so(how: str) -> None:
    sent = pictures.with_strokes(DRAWN, in_pixels())
    assert len(preprocess(sent, how).strokes) == len(SEVEN)
    model = classifier.load()
    alone, both = (next(classify([preprocess(each, how)], model)) for each in (DRAWN, sent))
    assert [*alone.steps, ALSO_READ] == both.steps
    expected = model.judged(model.heard(both.picture[None], [preprocess(sent, how).strokes]))
    assert both.scores == pytest.approx(expected.data[0].tolist(), abs=1e-6)
    assert both.scores != alone.scores
    assert (both.digit, both.unsure) == (7, False)


def test_strokes_of_another_drawing_are_passed_over() -> None:
    shifted = [[[x + 40, y] for x, y in stroke] for stroke in in_pixels()]
    assert read(pictures.with_strokes(DRAWN, shifted)).facts() == read(DRAWN).facts()


def test_the_other_models_answer_from_the_picture_alone() -> None:
    sent = pictures.with_strokes(DRAWN, in_pixels())
    assert read(sent, "svm").facts() == read(DRAWN, "svm").facts()


def test_of_several_pictures_each_has_its_own_strokes() -> None:
    sent = [pictures.with_strokes(DRAWN, in_pixels()), DRAWN, pictures.png(7)]
    model: Model = classifier.load()
    together = [one.scores for one in classify([preprocess(each) for each in sent], model)]
    assert together == [pytest.approx(read(each).scores, abs=1e-5) for each in sent]
    assert not math.isclose(together[0][7], together[1][7])


# --- why ---------------------------------------------------------------------------------------------


def explained(wsgi: servers.Wsgi, data: bytes, query: str) -> dict[str, Any]:
    network: dict[str, Any] = wsgi.ask(data, {"Content-Type": "image/png"}, query).json["network"]
    return network


def test_the_network_at_work_tells_what_the_way_of_the_pen_says_alone(wsgi: servers.Wsgi) -> None:
    sent = pictures.with_strokes(DRAWN, in_pixels())
    told = explained(wsgi, sent, "explain=network")["trajectory"]
    network = trajectory.load()
    assert network is not None
    scores = network.score(trajectory.steps(preprocess(sent).strokes)[None])[0, :10]
    assert told["data"] == pytest.approx((scores / scores.sum()).tolist(), abs=1e-4)
    assert told["says"].startswith("seven, ")


@pytest.mark.parametrize("query", ["explain=network&model=svm", "explain=network"])
def test_of_a_picture_alone_and_of_other_models_there_is_no_trajectory(wsgi: servers.Wsgi, query: str) -> None:
    data = pictures.with_strokes(DRAWN, in_pixels()) if "svm" in query else DRAWN
    assert "trajectory" not in explained(wsgi, data, query)
