"""The convolutional network in numpy: its layers by hand and by plain loops, and whether it answers as LiteRT does."""

import json
import math
import sys
import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import pictures
import servers
import small_convnet
from reading import cards, classifier, convnet, engines, views
from reading.errors import BadSetting, BrokenModel, MissingPackage, NoModel
from reading.preprocessing import preprocess

RNG = np.random.default_rng(5)
MODELS = servers.ROOT / "models"
SEVEN = pictures.png(7)
TRAIN = "Train it again: python cgi-bin/train.py"


# --- layers ---


def convolved(net: np.ndarray, layer: convnet.Layer) -> np.ndarray:
    """Convolution and ReLU as the textbook has it, number by number."""
    n, h, w, c = net.shape
    edge = 1 if layer.same else 0
    net = np.pad(net, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    kernel = layer.kernel.reshape(3, 3, c, -1)
    found = np.zeros((n, h - 2 + 2 * edge, w - 2 + 2 * edge, kernel.shape[3]))
    for p, y, x, k in np.ndindex(found.shape):
        total = sum(net[p, y + i, x + j, m] * kernel[i, j, m, k] for i, j, m in np.ndindex(3, 3, c))
        found[p, y, x, k] = max(total + layer.bias[k], 0)
    return found


def pooled(net: np.ndarray) -> np.ndarray:
    """The greatest of each 2x2 window that begins in the picture, then the mean of each 2x2 of those."""
    n, h, w, c = net.shape
    greatest = np.zeros(net.shape)
    for p, y, x, k in np.ndindex(net.shape):
        greatest[p, y, x, k] = net[p, y : y + 2, x : x + 2, k].max()
    return greatest.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))


def chance_layer(before: int, after: int, same: bool) -> convnet.Layer:
    kernel, bias = RNG.normal(0, 1, (9 * before, after)), RNG.normal(0, 1, after)
    return convnet.Layer(kernel.astype(np.float32), bias.astype(np.float32), same, False)


@pytest.mark.parametrize(("channels", "same"), list(product([1, 3], [False, True])))
def test_a_convolution_is_what_plain_loops_make_of_it(channels, same):
    net, layer = RNG.random((2, 5, 7, channels), np.float32), chance_layer(channels, 4, same)
    found = convnet.convolution(net, layer)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, convolved(net, layer), atol=1e-5)


def test_a_convolution_does_not_depend_on_how_its_numbers_lie_in_memory():
    net, layer = RNG.random((4, 6, 6, 3), np.float32), chance_layer(3, 2, same=False)
    turned = np.asfortranarray(net)[::2, :, ::-1]
    np.testing.assert_array_equal(
        convnet.convolution(turned, layer), convnet.convolution(np.ascontiguousarray(turned), layer)
    )


def test_windows_are_a_view_of_the_picture():
    net = RNG.random((1, 4, 5, 2), np.float32)
    found = convnet.windows(net)
    assert np.shares_memory(found, net)
    np.testing.assert_array_equal(found[0, 1, 2], net[0, 1:4, 2:5].reshape(3, 6))


def test_pooling_takes_the_greatest_of_overlapping_windows_and_then_means():
    net = np.zeros((1, 4, 4, 1), np.float32)
    net[0, 2, 1] = 4  # is the greatest of the four windows that begin in rows 1 and 2, columns 0 and 1
    assert convnet.pool(net)[0, ..., 0].tolist() == [[2, 0], [2, 0]]


def test_pooling_is_what_plain_loops_make_of_it_and_leaves_its_input_as_it_was():
    net = RNG.normal(0, 1, (2, 6, 8, 3)).astype(np.float32)
    before = net.copy()
    found = convnet.pool(net)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, pooled(net), atol=1e-6)
    np.testing.assert_array_equal(net, before)


def test_softmax_bears_large_logits():
    assert convnet.softmax(np.array([[1000.0, 1000.0], [0.0, math.log(3)]])).round(6).tolist() == [
        [0.5, 0.5],
        [0.25, 0.75],
    ]


# --- views ---


def sampled(picture: np.ndarray, y: float, x: float) -> float:
    """Bilinear interpolation as it is defined: each pixel counts by its nearness down and across."""
    near = [np.maximum(1 - abs(place - np.arange(28)), 0) for place in (y, x)]
    return float(near[0] @ picture @ near[1])


def test_a_picture_is_sampled_between_its_pixels_and_is_paper_outside():
    picture = RNG.random((1, 28, 28), np.float32)
    y, x = (RNG.uniform(-40, 70, (1, 28, 28)).astype(np.float32) for _ in range(2))
    y[0, :14], x[0, :14] = y[0, :14] % 30 - 1.5, x[0, :14] % 30 - 1.5  # most of these are inside
    expected = [[sampled(picture[0], *at) for at in zip(*rows, strict=True)] for rows in zip(y[0], x[0], strict=True)]
    np.testing.assert_allclose(views.sample(picture, y, x)[0], expected, atol=2e-5)


def test_upright_moves_the_centre_of_the_ink_to_the_middle():
    dot = np.zeros((1, 28, 28), np.float32)
    dot[0, 3, 20] = 1  # the middle lies between four pixels
    expected = np.zeros((28, 28))
    expected[13:15, 13:15] = 0.25
    np.testing.assert_allclose(views.upright(dot)[0], expected, atol=1e-4)


def test_upright_sets_a_slanting_line_upright():
    line = np.eye(28, dtype=np.float32)[None]
    expected = np.zeros((28, 28))
    expected[:, 13:15] = 0.5
    np.testing.assert_allclose(views.upright(line)[0], expected, atol=1e-4)


@pytest.mark.parametrize("view", views.VIEWS)
def test_paper_stays_paper_in_every_view_and_pictures_do_not_mix(view):
    drawn = RNG.random((3, 28, 28), np.float32)
    drawn[1] = 0
    found = views.VIEWS[view](drawn)
    assert (found.shape, found.dtype) == ((3, 28, 28), np.float32)
    assert not found[1].any()
    np.testing.assert_allclose(found[2], views.VIEWS[view](drawn[2:])[0], atol=1e-5)


# --- networks ---


def test_a_network_is_the_mean_of_its_towers_over_the_temperature():
    entries, data = small_convnet.chance(["as it is", "upright"])
    drawn = RNG.random((3, 28, 28), np.float32)
    network, logits = convnet.build(entries, data), []
    for tower, seen in zip(network.towers, (drawn, views.upright(drawn)), strict=True):
        last = convolved(pooled(convolved(seen[..., None], tower.layers[0])), tower.layers[1])
        logits.append(last.reshape(3, -1) @ tower.kernel + tower.bias)
    scores = network.score(drawn)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, convnet.softmax(sum(logits) / 2 / 2.0), atol=1e-5)


@pytest.fixture(scope="module")
def shipped() -> convnet.Network:
    return engines.network(json.loads((MODELS / "cnn.json").read_text()))


def test_memory_does_not_grow_with_the_number_of_pictures(shipped):
    def peak(count: int) -> int:
        drawn = np.zeros((count, 28, 28), np.float32)
        tracemalloc.start()
        shipped.score(drawn)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(8 * convnet.PART) < 1.1 * peak(convnet.PART) < 30e6


def test_the_shipped_network_scores_drawings_as_litert_does(shipped):
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed")
    card = json.loads((MODELS / "cnn.json").read_text())
    drawn = np.stack([preprocess(pictures.png(digit)).picture for digit in pictures.STROKES])
    drawn = np.concatenate([drawn, np.random.default_rng(0).random((20, 28, 28), np.float32) ** 4, drawn[:1] * 0])
    np.testing.assert_allclose(shipped.score(drawn), engines.litert(card)(drawn), atol=1e-4)


# --- which engine answers ---


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cards, "MODELS", tmp_path)
    monkeypatch.setattr(classifier, "_kept", {})
    monkeypatch.delenv("MNIST_ENGINE", raising=False)
    return tmp_path


def refusal(kind: type[Exception], name: str = "cnn") -> str:
    with pytest.raises(kind) as caught:
        classifier.load(name)
    return str(caught.value)


def test_without_the_file_for_litert_the_weights_answer(models):
    entries, data = small_convnet.chance(["as it is", "upright"])
    card = small_convnet.put(models, entries, data)
    drawn = RNG.random((4, 28, 28), np.float32)
    expected = convnet.build(entries, data).score(drawn)[:, :10]
    assert cards.available() == [card]
    found = classifier.load().score(drawn).data
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=1e-6)


def test_weights_replaced_under_a_loaded_model_are_noticed(models):
    entries, data = small_convnet.chance(["as it is"])
    small_convnet.put(models, entries, data)
    first = classifier.load()
    assert classifier.load() is first
    (models / small_convnet.FILE).write_bytes(data[:-1] + b"x")
    assert "SHA-256 differs" in refusal(BrokenModel)


def test_damaged_weights_are_refused(models):
    entries, data = small_convnet.chance(["as it is"])
    small_convnet.put(models, entries, data)
    (models / small_convnet.FILE).write_bytes(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    assert refusal(BrokenModel) == (
        f"The model file {small_convnet.FILE} is not the one its card cnn.json describes (SHA-256 differs). {TRAIN}"
    )


def changed(entries: dict, key: str, **more: object) -> dict:
    return {**entries, key: {**entries[key], **more}}


@pytest.mark.parametrize(
    ("spoil", "cut"),
    [
        (lambda entries: entries, 4),  # the file is short
        (lambda entries: changed(entries, "weights", offsets={}), 0),
        (lambda entries: changed(entries, "network", towers=["as it is", "as it is"]), 0),
        (lambda entries: changed(entries, "network", towers=["from behind"]), 0),
        (lambda entries: changed(entries, "network", layers=[{"channels": 4, "padding": "odd", "pooled": False}]), 0),
        (lambda entries: {**entries, "network": None}, 0),
        (lambda entries: {**entries, "temperature": None}, 0),
    ],
)
def test_weights_that_do_not_fit_their_card_are_refused(models, spoil, cut):
    entries, data = small_convnet.chance(["as it is"])
    small_convnet.put(models, spoil(entries), data[: len(data) - cut])
    assert refusal(BrokenModel) == f"The weights in {small_convnet.FILE} do not fit the card cnn.json. {TRAIN}"


def test_weights_of_another_folder_are_refused(models):
    entries, data = small_convnet.chance(["as it is"])
    small_convnet.put(models, changed(entries, "weights", file=f"../{small_convnet.FILE}"), data)
    assert refusal(BrokenModel) == f"The card cnn.json is of another model. {TRAIN}"


def test_without_any_file_the_one_for_litert_is_named(models):
    small_convnet.put(models, *small_convnet.chance(["as it is"]))
    (models / small_convnet.FILE).unlink()
    assert refusal(NoModel) == f"The model file cnn.tflite is missing. {TRAIN}"
    assert cards.available() == []


@pytest.fixture
def no_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if neither LiteRT nor ONNX Runtime were installed."""
    for package in ("ai_edge_litert", "ai_edge_litert.interpreter", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)


def test_without_litert_numpy_answers(no_engines, monkeypatch):
    monkeypatch.setattr(classifier, "_kept", {})
    assert classifier.load().score(preprocess(SEVEN).picture[None]).data.argmax() == 7


def test_a_card_without_weights_needs_litert(models, no_engines):
    entries, data = small_convnet.chance(["as it is"])
    del entries["weights"]
    small_convnet.put(models, entries, data)
    (models / "cnn.tflite").write_bytes(b"")
    assert refusal(MissingPackage) == (
        "The package ai-edge-litert is not installed for this Python. Run: pip install -r requirements.txt"
    )


def test_numpy_cannot_be_asked_for_without_weights(models, monkeypatch):
    entries, data = small_convnet.chance(["as it is"])
    del entries["weights"]
    small_convnet.put(models, entries, data)
    monkeypatch.setenv("MNIST_ENGINE", "numpy")
    assert refusal(BrokenModel) == f"The card cnn.json names no weights for numpy. {TRAIN}"


def test_litert_that_is_asked_for_and_missing_is_named(models, no_engines, monkeypatch):
    small_convnet.put(models, *small_convnet.chance(["as it is"]))
    monkeypatch.setenv("MNIST_ENGINE", "litert")
    assert refusal(MissingPackage) == (
        "The package ai-edge-litert is not installed for this Python. Run: pip install -r requirements.txt"
    )


def test_a_scikit_learn_model_names_the_package_that_it_lacks(no_engines, monkeypatch):
    monkeypatch.setattr(classifier, "_kept", {})
    assert refusal(MissingPackage, "forest") == (
        "The package onnxruntime is not installed for this Python; the model 'cnn' works without it. "
        "Run: pip install -r requirements.txt"
    )


def test_an_engine_that_there_is_not_is_named_with_those_there_are(models, monkeypatch):
    small_convnet.put(models, *small_convnet.chance(["as it is"]))
    monkeypatch.setenv("MNIST_ENGINE", "torch")
    assert refusal(BadSetting) == "MNIST_ENGINE is 'torch', which is no engine. Choose one of: litert, numpy."


# --- through the CGI script ---


def script(tmp_path: Path, litert: str, **settings: str) -> servers.Script:
    """The script with an ai_edge_litert of these lines in place of the real one."""
    (tmp_path / "ai_edge_litert.py").write_text(litert)
    return servers.Script(tmp_path / "log", PYTHONPATH=str(tmp_path), **settings)


def test_the_script_answers_the_same_where_litert_is_not_installed(tmp_path):
    without = script(tmp_path, "raise ModuleNotFoundError('hidden')").ask(pictures.data_url(SEVEN)).json
    expected = engines.network(json.loads((MODELS / "cnn.json").read_text())).score(preprocess(SEVEN).picture[None])
    assert (without["digit"], without["error"]) == (7, "")
    assert without["data"] == pytest.approx(expected[0, :10] / expected[0, :10].sum(), abs=1e-5)
    assert (tmp_path / "log").read_text() == ""


def test_the_script_leaves_litert_alone_where_numpy_is_asked_for(tmp_path):
    asked = (
        script(tmp_path, "raise AssertionError('LiteRT was imported')", MNIST_ENGINE="numpy")
        .ask(pictures.data_url(SEVEN))
        .json
    )
    assert (asked["digit"], asked["error"]) == (7, "")


def test_the_script_says_what_is_wrong_with_the_engine_asked_for(tmp_path):
    answer = (
        script(tmp_path, "raise ModuleNotFoundError('hidden')", MNIST_ENGINE="litert")
        .ask(pictures.data_url(SEVEN))
        .json
    )
    assert answer["error"] == (
        "The package ai-edge-litert is not installed for this Python. Run: pip install -r requirements.txt"
    )
