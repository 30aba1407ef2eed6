"""The models in a folder: which can be chosen, what they say, and what is said of damaged ones."""

import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from reading import cards, classifier
from reading.errors import BrokenModel, NoModel, UnknownModel

SEED = 3
WEIGHTS = np.random.default_rng(SEED).normal(0, 0.2, (784, 11)).astype(np.float32)
PICTURES = np.random.default_rng(SEED).random((5, 28, 28), np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.fixture(scope="session")
def tiny_tflite() -> bytes:
    """softmax(picture @ WEIGHTS): eleven scores, as the CNN's file gives them."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28, 1], tf.float32)])
    def scores(picture):
        return tf.nn.softmax(tf.reshape(picture, [-1, 784]) @ WEIGHTS)

    return tf.lite.TFLiteConverter.from_concrete_functions([scores.get_concrete_function()]).convert()


@pytest.fixture(scope="session")
def tiny_onnx() -> bytes:
    """The same with ten scores, a label in front, as skl2onnx writes classifiers."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("MatMul", ["picture", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [None, 784])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 10]),
        ],
        [numpy_helper.from_array(WEIGHTS[:, :10].copy(), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return model.SerializeToString()


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(cards, "MODELS", tmp_path)
    monkeypatch.setattr(classifier, "_kept", {})
    return tmp_path


def put(folder: Path, name: str, file: str, data: bytes, **changed) -> dict:
    card = {
        "name": name,
        "title": name.upper(),
        "file": file,
        "sha256": hashlib.sha256(data).hexdigest(),
        "unsure": {"confidence": 0.5},
        **changed,
    }
    (folder / file).write_bytes(data)
    (folder / f"{name}.json").write_text(json.dumps(card))
    return card


def test_the_cnn_gives_ten_scores_that_leave_not_a_digit_out(models, tiny_tflite):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    scores = classifier.load().score(PICTURES)
    expected = softmax((PICTURES.reshape(5, -1) @ WEIGHTS)[:, :10])
    assert scores.data.dtype == np.float32
    np.testing.assert_allclose(scores.data, expected, atol=1e-5)
    np.testing.assert_array_equal(scores.unsure, expected.max(1) < 0.5)


def test_a_picture_scores_the_same_alone_and_among_many(models, tiny_tflite):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    model = classifier.load("cnn")
    many = np.concatenate([PICTURES] * 60)  # more than one batch, the last one shorter
    together = model.score(many).data
    alone = np.concatenate([model.score(picture[None]).data for picture in PICTURES])
    np.testing.assert_allclose(together, np.concatenate([alone] * 60), atol=1e-6)


def test_no_picture_gives_no_scores(models, tiny_tflite):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    scores = classifier.load("cnn").score(np.zeros((0, 28, 28), np.float32))
    assert scores.data.shape == (0, 10)
    assert scores.unsure.shape == (0,)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"confidence": 0.0}, [False] * 5),
        ({"confidence": 1.0}, [True] * 5),
        ({"confidence": 0.0, "foreign": 0.0}, [True] * 5),
        ({"confidence": 0.0, "foreign": 1.0}, [False] * 5),
    ],
)
def test_doubt_follows_the_rule_in_the_card(models, tiny_tflite, rule, expected):
    put(models, "cnn", "cnn.tflite", tiny_tflite, unsure=rule)
    assert classifier.load("cnn").score(PICTURES).unsure.tolist() == expected


def test_not_a_digit_is_doubted_exactly_above_its_threshold(models, tiny_tflite):
    foreign = softmax(PICTURES.reshape(5, -1) @ WEIGHTS)[:, 10]
    threshold = float(np.median(foreign)) + 1e-6
    put(models, "cnn", "cnn.tflite", tiny_tflite, unsure={"confidence": 0.0, "foreign": threshold})
    unsure = classifier.load("cnn").score(PICTURES).unsure
    np.testing.assert_array_equal(unsure, foreign > threshold)
    assert unsure.sum() == 2


def test_a_classical_model_gives_the_probabilities_of_its_onnx_file(models, tiny_onnx):
    put(models, "svm", "svm.onnx", tiny_onnx)
    scores = classifier.load("svm").score(PICTURES)
    np.testing.assert_allclose(scores.data, softmax(PICTURES.reshape(5, -1) @ WEIGHTS[:, :10]), atol=1e-5)


def test_a_card_can_ask_for_upright_digits(models, tiny_onnx):
    from reading.deskew import deskew

    put(models, "svm", "svm.onnx", tiny_onnx, input="deskewed")
    scores = classifier.load("svm").score(PICTURES)
    upright = deskew(PICTURES).reshape(5, -1)
    np.testing.assert_allclose(scores.data, softmax(upright @ WEIGHTS[:, :10]), atol=1e-5)


def test_cards_list_the_default_model_first_and_leave_damaged_ones_out(models, tiny_onnx, tiny_tflite, caplog):
    forest = put(models, "forest", "forest.onnx", tiny_onnx)
    cnn = put(models, "cnn", "cnn.tflite", tiny_tflite)
    (models / "broken.json").write_text("{")
    put(models, "gone", "gone.onnx", tiny_onnx)
    (models / "gone.onnx").unlink()
    assert cards.available() == [cnn, forest]
    assert caplog.messages == ["The card broken.json is damaged. Train it again: python cgi-bin/train.py -M broken"]


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "said",
    [
        *(f'"more": {nested(levels)}' for levels in (30, 900, 980, 200_000)),
        '"accuracy": NaN',  # JSON has no word for it: a browser could read none of the list
        '"accuracy": 1e999',
        f'"accuracy": {"9" * 5000}',
    ],
    ids=lambda said: said[:16] + str(len(said)),
)
def test_a_card_that_no_list_can_hold_is_left_out_and_the_others_stay(models, tiny_onnx, said, caplog):
    forest = put(models, "forest", "forest.onnx", tiny_onnx)
    put(models, "svm", "svm.onnx", tiny_onnx)
    card = (models / "svm.json").read_text()
    (models / "svm.json").write_text(card[:-1] + f", {said}}}")
    assert cards.available() == [forest]
    assert caplog.messages == ["The card svm.json is damaged. Train it again: python cgi-bin/train.py -M svm"]


def test_a_folder_in_the_place_of_a_model_s_file_is_said_and_the_others_stay(models, tiny_tflite, tiny_onnx):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    svm = put(models, "svm", "svm.onnx", tiny_onnx)
    (models / "cnn.tflite").unlink()
    (models / "cnn.tflite").mkdir()
    assert refusal(BrokenModel) == (
        "The model file cnn.tflite can't be read: Is a directory. Train it again: python cgi-bin/train.py"
    )
    assert cards.available() == [svm]


def test_a_file_s_name_that_no_file_can_have_is_a_damaged_card(models, tiny_onnx):
    put(models, "svm", "svm.onnx", tiny_onnx)
    card = json.loads((models / "svm.json").read_text())
    (models / "svm.json").write_text(json.dumps(card | {"file": "svm\0.onnx"}))
    assert refusal(BrokenModel, "svm") == "The card svm.json is damaged. Train it again: python cgi-bin/train.py -M svm"


def test_an_empty_folder_has_no_cards(models):
    assert cards.available() == []


def test_a_model_is_loaded_once_and_again_when_its_file_was_replaced(models, tiny_tflite):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    first = classifier.load("cnn")
    assert classifier.load("cnn") is first
    put(models, "cnn", "cnn.tflite", tiny_tflite, title="newer")
    assert classifier.load("cnn").card["title"] == "newer"


def test_threads_may_share_a_model(models, tiny_tflite):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    model, wrong = classifier.load("cnn"), []
    expected = model.score(PICTURES).data

    def score_often(count: int) -> None:
        for _ in range(50):
            if not np.allclose(model.score(PICTURES[:count]).data, expected[:count], atol=1e-6):
                wrong.append(count)

    threads = [threading.Thread(target=score_often, args=(count,)) for count in (1, 2, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- what can be wrong ---


def refusal(kind: type[Exception], name: str = "cnn") -> str:
    with pytest.raises(kind) as caught:
        classifier.load(name)
    return str(caught.value)


def test_without_any_model_the_error_names_the_command_that_trains_one(models):
    assert refusal(NoModel) == (
        "There is no trained model 'cnn': its card cnn.json is missing. Train it again: python cgi-bin/train.py"
    )


@pytest.mark.parametrize("name", ["mlp", "", "../cnn", "cnn.json", "CNN", "*", "cnn\0"])
def test_an_unknown_model_is_refused_with_those_that_exist(models, tiny_tflite, tiny_onnx, name):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    put(models, "svm", "svm.onnx", tiny_onnx)
    assert refusal(UnknownModel, name) == "There is no model of that name. Choose one of: cnn, svm."


def test_a_missing_file_of_a_listed_model_is_named(models, tiny_onnx):
    put(models, "svm", "svm.onnx", tiny_onnx)
    (models / "svm.onnx").unlink()
    assert refusal(NoModel, "svm") == (
        "The model file svm.onnx is missing. Train it again: python cgi-bin/train.py -M svm"
    )


def test_a_file_without_its_card_is_named(models, tiny_tflite):
    (models / "cnn.tflite").write_bytes(tiny_tflite)
    assert refusal(NoModel) == (
        "There is no trained model 'cnn': its card cnn.json is missing. Train it again: python cgi-bin/train.py"
    )


DIFFERS = "is not the one its card {} describes (SHA-256 differs). Train it again: {}"


def test_a_truncated_file_is_refused(models, tiny_tflite):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    (models / "cnn.tflite").write_bytes(tiny_tflite[:-1])
    assert refusal(BrokenModel) == "The model file cnn.tflite " + DIFFERS.format("cnn.json", "python cgi-bin/train.py")


def test_swapped_files_are_refused(models, tiny_tflite, tiny_onnx):
    put(models, "svm", "svm.onnx", tiny_onnx)
    put(models, "forest", "forest.onnx", tiny_onnx + b"\0")
    svm, forest = models / "svm.onnx", models / "forest.onnx"
    svm.write_bytes(forest.read_bytes())
    assert refusal(BrokenModel, "svm") == "The model file svm.onnx " + DIFFERS.format(
        "svm.json", "python cgi-bin/train.py -M svm"
    )


@pytest.mark.parametrize(
    ("name", "file", "said"),
    [
        ("cnn", "cnn.tflite", "LiteRT can't load cnn.tflite. Train it again: python cgi-bin/train.py"),
        (
            "svm",
            "svm.onnx",
            "ONNX Runtime can't load svm.onnx. Train it again: python cgi-bin/train.py -M svm",
        ),
    ],
)
def test_a_file_that_is_no_model_is_refused_though_its_checksum_fits(models, name, file, said):
    put(models, name, file, b"this is text")
    assert refusal(BrokenModel, name) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"name": "svm"}',
        '{"name": "svm", "file": 3, "sha256": "", "unsure": {}}',
        b"\xff",
    ],
)
def test_a_damaged_card_is_named(models, tiny_onnx, text):
    (models / "svm.onnx").write_bytes(tiny_onnx)
    (models / "svm.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refusal(BrokenModel, "svm") == (
        "The card svm.json is damaged. Train it again: python cgi-bin/train.py -M svm"
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "cnn"},
        {"file": "../svm.onnx"},
        {"unsure": {"confidence": 2}},
        {"unsure": {"confidence": 0.5, "foreign": 2}},
    ],
)
def test_a_card_of_another_model_or_place_is_refused(models, tiny_onnx, changed):
    put(models, "svm", "svm.onnx", tiny_onnx)
    card = json.loads((models / "svm.json").read_text())
    (models / "svm.json").write_text(json.dumps({**card, **changed}))
    assert refusal(BrokenModel, "svm") == (
        "The card svm.json is of another model. Train it again: python cgi-bin/train.py -M svm"
    )


def test_scores_that_are_no_numbers_are_refused(models, tiny_tflite):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    with pytest.raises(BrokenModel, match="gives no ten scores"):
        classifier.load("cnn").score(np.full((1, 28, 28), np.nan, np.float32))


def test_deleting_the_file_under_a_loaded_model_is_noticed(models, tiny_onnx):
    put(models, "svm", "svm.onnx", tiny_onnx)
    classifier.load("svm")
    (models / "svm.onnx").unlink()
    assert "svm.onnx is missing" in refusal(NoModel, "svm")


def test_serving_imports_nothing_of_training(models, tiny_tflite, tiny_onnx):
    put(models, "cnn", "cnn.tflite", tiny_tflite)
    put(models, "svm", "svm.onnx", tiny_onnx)
    code = (
        "import sys, numpy\n"
        "from reading import classifier\n"
        "for name in ('cnn', 'svm'):\n"
        "    classifier.load(name).score(numpy.zeros((1, 28, 28), numpy.float32))\n"
        "heavy = {'tensorflow', 'tflearn', 'sklearn', 'matplotlib', 'scipy', 'skimage'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(classifier.__file__).parents[1]), "MNIST_MODELS": str(models)},
    )
    assert result.stdout == "[]\n"
