"""What the card says of the CNN's layers and weights, and whether a TFLearn checkpoint is the one it describes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import small_convnet
from learning.cnn import weights
from learning.errors import TrainingFailed
from reading import cards, convnet, engines
from reading.errors import BrokenModel, NoModel

CHECKPOINT = {f"cnn.tfl.{ending}": ending.encode() for ending in ("data-00000-of-00001", "index", "meta")}
SUMS = {file: hashlib.sha256(content).hexdigest() for file, content in CHECKPOINT.items()}
TRAIN = "Train it again: python cgi-bin/train.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a checkpoint; what is in it doesn't matter before it is loaded."""
    for file, content in CHECKPOINT.items():
        (tmp_path / file).write_bytes(content)
    return tmp_path


def test_a_whole_checkpoint_is_found_under_the_name_that_tensorflow_wants(folder):
    assert weights.checkpoint_path(folder, {"checkpoint_sha256": SUMS}) == f"{folder}/cnn.tfl"


@pytest.mark.parametrize("file", CHECKPOINT)
def test_a_checkpoint_with_one_byte_changed_is_refused(folder, file):
    content = CHECKPOINT[file]
    (folder / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BrokenModel) as refused:
        weights.checkpoint_path(folder, {"checkpoint_sha256": SUMS})
    assert str(refused.value) == (
        f"The model file {file} is not the one its card cnn.json describes (SHA-256 differs). {TRAIN}"
    )


@pytest.mark.parametrize("sums", [None, {}, [], {"cnn.tfl.index": SUMS["cnn.tfl.index"]}])
def test_a_checkpoint_without_all_its_checksums_is_refused(folder, sums):
    with pytest.raises(BrokenModel, match=r"cnn\.tfl\.data-00000-of-00001 is not the one its card cnn\.json describes"):
        weights.checkpoint_path(folder, {"checkpoint_sha256": sums})


def test_a_checkpoint_that_lacks_a_file_is_named(folder):
    (folder / "cnn.tfl.data-00000-of-00001").unlink()
    with pytest.raises(NoModel) as refused:
        weights.checkpoint_path(folder, {"checkpoint_sha256": SUMS})
    assert str(refused.value) == f"The model file cnn.tfl.data-00000-of-00001 is missing. {TRAIN}"


# --- what the card says ---


def test_the_shipped_card_says_of_its_checkpoint_what_is_in_it():
    pytest.importorskip("tensorflow", reason="training packages are not installed: pip install -r requirements.txt")
    models = Path(cards.MODELS)
    card = json.loads((models / "cnn.json").read_text())
    entries = weights.entries(models / "cnn.tfl")
    assert entries == {name: card[name] for name in ("network", "weights")}


def test_every_weight_of_the_shipped_network_is_used_once():
    card = json.loads(Path(cards.MODELS, "cnn.json").read_text())
    towers = engines.network(card).towers
    used = [array for tower in towers for layer in tower.layers for array in (layer.kernel, layer.bias)]
    used += [array for tower in towers for array in (tower.kernel, tower.bias)]
    assert sum(array.size for array in used) == card["parameters"]


def test_a_checkpoint_whose_tensors_lie_otherwise_is_refused():
    tensors = {"is_training": np.array(False), "tower0_out/b": np.arange(3, dtype=np.float32)}
    data = tensors["is_training"].tobytes() + tensors["tower0_out/b"].tobytes()
    assert weights._offsets(tensors, data) == {"tower0_out/b": 1}
    with pytest.raises(TrainingFailed, match="The tensor tower0_out/b is not where it should be in the checkpoint"):
        weights._offsets(tensors, data[:-1] + b"x")


class Shifted:
    """A trained network whose scores lie a little beside those of numpy."""

    def __init__(self, entries: dict, data: bytes, by: float) -> None:
        self.network, self.by = convnet.build(entries, data), by

    def score(self, pictures: np.ndarray) -> np.ndarray:
        return self.network.score(pictures) + self.by


@pytest.mark.parametrize("by", [2e-4, np.nan])
def test_weights_that_score_otherwise_in_numpy_are_refused(by):
    entries, data = small_convnet.chance(["as it is"])
    weights.check_agreement(Shifted(entries, data, 5e-5), entries, data, 1e-4)
    with pytest.raises(TrainingFailed, match="apart from TFLearn; the old model stays"):
        weights.check_agreement(Shifted(entries, data, by), entries, data, 1e-4)
