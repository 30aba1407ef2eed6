"""What the CNN's card says for `reading/convnet.py`: the network's layers, and where its weights lie in the checkpoint.

    card |= weights.entries(part / "cnn.tfl")    # after TFLearn has saved its checkpoint there

A TensorFlow checkpoint has its tensors raw in one file, ordered by name, so that numpy can read them by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from learning.errors import TrainingFailed
from reading import cards, convnet

CHECKPOINT = "cnn.tfl"  # the checkpoint's files begin so
DATA = ".data-00000-of-00001"  # the one with the tensors ends so


def entries(checkpoint: Path) -> dict[str, Any]:
    """The card's entries "network" and "weights" for a checkpoint (its path without the endings).

    Raises TrainingFailed if its tensors don't lie as they should.
    """
    import model

    tensors = _tensors(checkpoint)
    features, classes = tensors["tower0_out/W"].shape
    layers = [
        {"channels": channels, "padding": padding, "pooled": pooled} for channels, padding, pooled in model.LAYERS
    ]
    network = {"towers": list(model.TOWERS), "layers": layers, "features": features, "classes": classes}
    file = Path(f"{checkpoint}{DATA}")
    return {"network": network, "weights": {"file": file.name, "offsets": _offsets(tensors, file.read_bytes())}}


def _tensors(checkpoint: Path) -> dict[str, np.ndarray]:
    """What a checkpoint has, by name."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(checkpoint))
    return {name: np.asarray(reader.get_tensor(name)) for name in reader.get_variable_to_shape_map()}


def _offsets(tensors: dict[str, np.ndarray], data: bytes) -> dict[str, int]:
    """Where each tensor of a tower begins, in bytes from the start of the file."""
    found, at = {}, 0
    for name in sorted(tensors):
        raw = tensors[name].tobytes()
        if data[at : at + len(raw)] != raw:
            raise TrainingFailed(f"The tensor {name} is not where it should be in the checkpoint; the old model stays.")
        if name.startswith("tower"):
            found[name] = at
        at += len(raw)
    return found


def check_agreement(network: Any, card: dict[str, Any], data: bytes, most: float) -> None:
    """Raise TrainingFailed unless numpy, from the file of weights, scores noise as TFLearn does, to within `most`."""
    pictures = np.random.default_rng(0).random((100, 28, 28), np.float32) ** 4
    apart = float(np.abs(convnet.build(card, data).score(pictures) - network.score(pictures)).max())
    if not apart < most:  # so that NaN fails, too
        raise TrainingFailed(f"The numpy engine scores up to {apart:.1e} apart from TFLearn; the old model stays.")


def checkpoint_path(folder: Path, card: dict[str, Any]) -> str:
    """The path of a folder's TFLearn checkpoint, without its endings, if its files are those of the CNN's card.

    Raises NoModel, BrokenModel.
    """
    sums = card.get("checkpoint_sha256")
    known = sums if isinstance(sums, dict) else {}
    parts = {path.name for path in folder.glob(f"{CHECKPOINT}.data-*")}
    for file in sorted(parts | {f"{CHECKPOINT}.index", *known}):
        cards.read_checked(str(folder), file, known.get(file), cards.DEFAULT)
    return f"{folder}/{CHECKPOINT}"
