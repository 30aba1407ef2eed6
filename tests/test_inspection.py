"""The network at work: what is shown of a tower is what its forward pass computes, and adds up to what it concludes."""

import base64
import json
from math import prod

import numpy as np
import pytest

import pictures
import servers
import small_convnet
from reading import activations, cards, classifier, convnet, engines, fields, inspection, telling
from reading.errors import BrokenModel, NoSuchPart
from reading.preprocessing import preprocess

SEVEN, FOUR = pictures.png(7), pictures.png(4)
LIMIT = 60_000  # bytes of JSON
VIEWS = ["as it is", "upright"]


@pytest.fixture
def picture() -> np.ndarray:
    return preprocess(FOUR).picture


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Puts a small network into the place of the shipped models and loads it."""
    monkeypatch.setattr(cards, "MODELS", tmp_path)

    def load(entries: dict, data: bytes, **changed: object) -> classifier.Model:
        card = small_convnet.put(tmp_path, entries, data, **changed)
        return classifier.Model(card, engines.network(card).score)

    return load


@pytest.fixture
def small(put) -> classifier.Model:
    """Two towers of chance weights, whose first layer is padded and pooled."""
    return put(*small_convnet.chance(VIEWS))


@pytest.fixture(scope="module")
def shipped() -> classifier.Model:
    return classifier.load("cnn")


def decoded(column: dict) -> np.ndarray:
    """The feature maps of a column, (n, h, w), as the page decodes them."""
    levels = np.frombuffer(base64.b64decode(column["maps"]), np.uint8)
    return levels.reshape(-1, column["height"], column["width"]) * (column["top"] / 255)


# --- the last layer -----------------------------------------------------------------------------------


def test_what_the_features_add_and_the_bias_sum_to_the_output_for_each_digit(shipped, picture):
    for tower in range(len(shipped.card["network"]["towers"])):
        for digit in range(10):
            told = inspection.network(shipped, picture, digit, tower=tower)
            output = told["towers"][tower]["logits"][digit]
            assert sum(told["contributions"]) + told["bias"] == pytest.approx(output, abs=2e-4)


def test_the_outputs_of_all_towers_make_the_scores(small, picture):
    told = inspection.network(small, picture, 4, together=(0, 1))
    assert [tower["view"] for tower in told["towers"]] == VIEWS
    mean = np.mean([tower["logits"] for tower in told["towers"]], axis=0)
    scores = convnet.softmax(mean[None] / told["temperature"])[0, :10]
    np.testing.assert_allclose(scores / scores.sum(), small.score(picture[None]).data[0], atol=1e-5)
    np.testing.assert_allclose(told["together"]["data"], small.score(picture[None]).data[0], atol=1e-5)


def test_a_tower_can_be_left_out(small, picture):
    told = inspection.network(small, picture, 4, together=(1,))
    logits = np.array(told["towers"][1]["logits"])[None, :10]
    assert told["together"]["towers"] == [1]
    np.testing.assert_allclose(told["together"]["data"], convnet.softmax(logits / 2)[0], atol=1e-5)
    assert told["together"]["says"] == told["towers"][1]["says"]


def test_without_a_wish_for_several_towers_only_the_shown_one_has_outputs(small, picture):
    told = inspection.network(small, picture, 4, tower=1)
    assert ["logits" in tower for tower in told["towers"]] == [False, True]


def test_the_last_layer_begins_with_what_adds_or_takes_most(small, picture):
    for digit in (0, 4):
        told = inspection.network(small, picture, digit)
        weights = np.abs(told["contributions"])[told["columns"][-1]["shown"]]
        assert weights.tolist() == sorted(np.abs(told["contributions"]), reverse=True)


# --- feature maps -------------------------------------------------------------------------------------


def test_the_maps_are_those_of_the_forward_pass_strongest_first(small, picture):
    for number in range(2):
        tower = engines.network(small.card).towers[number]
        first, last = (maps[0] for maps in tower.maps(tower.view(picture[None])))
        told = inspection.network(small, picture, 4, tower=number)
        for column, maps in zip(told["columns"], (first, last), strict=True):
            expected = maps.transpose(2, 0, 1)[column["shown"]]
            np.testing.assert_allclose(decoded(column), expected, atol=column["top"] / 500)
        brightest = first.max((0, 1))[told["columns"][0]["shown"]].tolist()
        assert brightest == sorted(brightest, reverse=True)


def test_what_a_tower_sees_is_the_picture_in_its_view(small, picture):
    seen = base64.b64decode(inspection.network(small, picture, 4)["seen"])
    assert seen == np.rint(picture * 255).astype(np.uint8).tobytes()


def test_layers_have_the_names_of_the_card_or_numbers(put, picture):
    notes = [{"name": "convolution 1", "note": "Edges."}, {"name": "convolution 2", "note": "Parts."}]
    for told, wanted in ((notes, notes), (notes[:1], [{"name": f"layer {i}", "note": ""} for i in (1, 2)])):
        model = put(*small_convnet.two_layers(), layers=told)
        columns = inspection.network(model, picture, 4)["columns"]
        assert [{key: column[key] for key in ("name", "note")} for column in columns] == wanted


# --- receptive fields ---------------------------------------------------------------------------------


def test_a_value_depends_on_the_pixels_of_its_field_and_on_no_others(small):
    rng, tower = np.random.default_rng(3), engines.network(small.card).towers[0]
    inked = rng.random((28, 28), np.float32)
    for layer, field in enumerate(fields.of(tower)):
        size = list(tower.maps(inked[None]))[layer].shape[1]
        for row, column in ((0, 0), (size // 2, 2), (size - 1, size - 1)):
            top, left = (field.start + field.step * place for place in (row, column))
            outside = np.ones((28, 28), bool)
            outside[max(top, 0) : top + field.size, max(left, 0) : left + field.size] = False
            changed = {}
            for part, mask in (("outside", outside), ("inside", ~outside)):
                others = np.where(mask, rng.normal(0, 1, (20, 28, 28)).astype(np.float32), inked)
                values = list(tower.maps(others))[layer][:, row, column]
                changed[part] = float(np.ptp(values, axis=0).max())
            assert changed["outside"] < 1e-5 < changed["inside"], (layer, row, column)


def test_the_fields_of_the_shipped_network_follow_from_its_card(shipped):
    tower = engines.network(shipped.card).towers[0]
    size, step = 1, 1
    for layer, field in zip(shipped.card["network"]["layers"], fields.of(tower), strict=True):
        size += 2 * step  # each is 3x3
        assert (field.size, field.step) == (size, step)
        if layer["pooled"]:
            size, step = size + 2 * step, 2 * step


# --- one value ----------------------------------------------------------------------------------------


def test_each_value_of_each_map_is_the_sum_of_its_windows_and_the_bias_and_not_below_zero(small, picture):
    passed = activations.forward(small, picture, 0)
    for layer, maps in enumerate(passed.maps):
        for row, column, channel in [(0, 0, 0), (5, 7, 1), (11, 11, 2), (maps.shape[0] - 1, 3, 0)]:
            cell = activations.cell(passed, layer, channel, row, column)
            total = float((cell.window * cell.weights).sum()) + cell.bias
            assert max(total, 0) == pytest.approx(float(maps[row, column, channel]), abs=1e-5)
            np.testing.assert_allclose(cell.sums, (cell.window * cell.weights).sum((0, 1)), atol=1e-6)


def test_the_arithmetic_of_a_cell_adds_up(small, picture):
    cell = inspection.network(small, picture, 4, cell=(1, 2, 5, 6))["cell"]
    assert (len(cell["inputs"]), cell["others"]["count"]) == (3, 1)
    for one in cell["inputs"]:
        assert (np.array(one["values"]) * one["weights"]).sum() == pytest.approx(one["sum"], abs=1e-5)
    sums = [one["sum"] for one in cell["inputs"]]
    assert [abs(each) for each in sums] == sorted(map(abs, sums), reverse=True)
    assert sum(sums) + cell["others"]["sum"] + cell["bias"] == pytest.approx(cell["sum"], abs=1e-5)
    assert cell["value"] == pytest.approx(max(cell["sum"], 0), abs=1e-5)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"tower": 2}, "The network has 2 towers, counted from 0: there is no tower 2."),
        ({"cell": (2, 0, 0, 0)}, "A tower has 2 layers, counted from 0: there is no layer 2."),
        ({"cell": (1, 3, 0, 0)}, "This layer has 3 maps, counted from 0: there is no map 3."),
        ({"cell": (1, 0, 12, 0)}, "A map of this layer has 12 rows, counted from 0: there is no row 12."),
        ({"cell": (1, 0, 0, 99)}, "A map of this layer has 12 columns, counted from 0: there is no column 99."),
        ({"together": (0, 2)}, "The network has 2 towers, counted from 0: there is no tower 2."),
        ({"whole": 2}, "A tower has 2 layers, counted from 0: there is no layer 2."),
    ],
)
def test_what_the_network_does_not_have_is_refused(small, picture, wanted, sentence):
    with pytest.raises(NoSuchPart) as caught:
        inspection.network(small, picture, 4, **wanted)
    assert str(caught.value) == sentence


# --- in words -----------------------------------------------------------------------------------------


def test_words_say_what_a_tower_concludes_and_what_adds_up_to_it(put, picture):
    entries, data = small_convnet.two_layers()
    told = inspection.network(put(entries, data), picture, 4)
    tie = "Alone it says zero, 10.0 %. Its highest outputs: 0.00 for zero, 0.00 for one."
    assert told["says"] == f"This tower sees the picture as it is. {tie}"
    assert told["sum"] == "For four, the 1 maps that count most add +0.00, the bias +0.00: 0.00."


def test_words_say_what_the_maps_that_are_not_shown_add():
    added = np.arange(-2, 10, dtype=np.float32)
    assert telling.addition(added, [11, 10], 0.5, 3) == (
        "For three, the 2 maps that count most add +17.00, the other 10 +25.00, the bias +0.50: 42.50."
    )


def test_words_say_where_a_map_is_brightest():
    shown = np.array([[0, 1, 0], [0, 0, 2.25]], np.float32)
    assert telling.brightest("map 17", shown) == "map 17, at most 2.25 at row 1, column 2"


def test_the_maps_of_the_last_layer_say_what_they_add(small, picture):
    told = inspection.network(small, picture, 4)
    last = told["columns"][-1]
    for words, channel in zip(last["says"], last["shown"], strict=True):
        assert words.startswith(f"map {channel}, at most ")
        assert words.endswith(f", adds {telling.signed(told['contributions'][channel])}")
    assert [words.split(",")[0] for words in told["columns"][0]["says"]] == [
        f"map {channel}" for channel in told["columns"][0]["shown"]
    ]


def test_words_say_how_a_value_came_about():
    sums = np.array([1.0, -3.0, 0.5], np.float32)
    cell = activations.Cell(sums, sums, sums, bias=0.25, value=0.0)
    assert telling.work(cell, [1]) == "−3.00 +1.50 (2 other maps) +0.25 (bias) = −1.25, of which ReLU makes 0."
    cell = cell._replace(bias=2.0, value=0.5)
    assert telling.work(cell, [1, 0, 2]) == "−3.00 +1.00 +0.50 +2.00 (bias) = 0.50, which ReLU leaves as it is."


# --- networks without weights, and damaged ones ----------------------------------------------------------


def test_a_missing_file_of_weights_is_no_failure(small, picture, tmp_path):
    (tmp_path / small_convnet.FILE).unlink()
    assert inspection.network(small, picture, 4) == {}


def test_weights_that_the_card_does_not_describe_are_refused(small, picture, tmp_path):
    (tmp_path / small_convnet.FILE).write_bytes(b"this is text")
    with pytest.raises(BrokenModel, match=r"is not the one its card cnn\.json describes"):
        inspection.network(small, picture, 4)


# --- through the server -------------------------------------------------------------------------------


def ask(wsgi: servers.Wsgi, query: str) -> servers.Answer:
    return wsgi.ask(SEVEN, {"Content-Type": "image/png"}, query)


def test_the_answer_is_the_plain_one_and_the_network_beside_it(wsgi):
    plain, told = ask(wsgi, "").json, ask(wsgi, "explain=network").json
    network = told.pop("network")
    assert told == plain
    assert (network["tower"], network["digit"]) == (0, plain["digit"])
    assert ask(wsgi, "explain=network&digit=3&tower=1").json["network"]["digit"] == 3


def test_an_answer_stays_below_its_limit_whatever_is_wanted(wsgi, shipped):
    layers = len(shipped.card["network"]["layers"])
    for whole in range(layers):
        query = f"explain=network&together=0&whole={whole}&cell={layers - 1},0,1,1"
        assert len(ask(wsgi, query).body) < LIMIT


def test_an_answer_of_a_wide_and_deep_network_stays_below_the_limit(put, picture):
    wide = [(192, "same", False)] * 12
    shapes = [(3, 3, 1 if i == 0 else 192, 192) for i in range(12)]
    tensors = {f"tower0_conv{i}/W": np.zeros(shape) for i, shape in enumerate(shapes)}
    tensors |= {f"tower0_conv{i}/b": np.ones(192) for i in range(12)}
    tensors |= {"tower0_out/W": np.ones((28 * 28 * 192, 11)) / 3e4, "tower0_out/b": np.zeros(11)}
    model = put(*small_convnet.packed(["as it is"], wide, tensors))
    for whole in (None, 11):
        told = inspection.network(model, picture, 4, whole=whole, cell=(11, 0, 5, 5))
        assert len(json.dumps(told)) < LIMIT - 1000  # the answer itself takes 700
        assert all(column["shown"] for column in told["columns"])
        assert sum(prod(decoded(column).shape) for column in told["columns"]) > 30_000


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("tower=x", "?tower= takes one whole number, counted from 0."),
        ("tower=1,2", "?tower= takes one whole number, counted from 0."),
        ("whole=-1", "?whole= takes one whole number, counted from 0."),
        ("cell=1,2,3", "?cell= takes whole numbers with commas between, counted from 0."),
        ("cell=1,2,3,%C2%B2", "?cell= takes whole numbers with commas between, counted from 0."),
        ("cell=1,2,3,4000", "?cell= takes whole numbers with commas between, counted from 0."),
        ("tower=900", "The network has 5 towers, counted from 0: there is no tower 900."),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(wsgi, shipped, query, error):
    reply = ask(wsgi, f"explain=network&{query}")
    error = error.replace("5 towers", f"{len(shipped.card['network']['towers'])} towers")
    assert (reply.status, reply.json) == (400, {"result": 0, "data": [], "error": error})
