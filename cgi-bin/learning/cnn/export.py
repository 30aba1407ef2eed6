"""The CNN's files: its checkpoint, the network exported for LiteRT, and its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from learning import publishing
from learning.cnn import weights
from learning.cnn.card import layer_notes
from learning.cnn.checkpoint import as_os_errors
from learning.errors import TrainingFailed
from learning.publishing import digest, write_card
from model import Inference
from reading import engines
from reading.cards import Card

FILE = "cnn.tflite"
FILES = "cnn.*"  # all that a training replaces
AGREEMENT = 1e-4  # the most that a score of the exported network may differ from TFLearn's


def write_model(network: Inference, card: Card, part: Path) -> None:
    """Write checkpoint, exported network and card to an empty folder; `card` gets the facts about the files."""
    network.save(part / weights.CHECKPOINT)
    (part / "checkpoint").unlink(missing_ok=True)  # TensorFlow's list of checkpoints; it names this folder
    card["checkpoint_sha256"] = {path.name: digest(path.read_bytes()) for path in sorted(part.iterdir())}
    (part / FILE).write_bytes(exported := network.export())
    check_agreement(network, exported)
    card |= weights.entries(part / weights.CHECKPOINT)
    weights.check_agreement(network, card, (part / card["weights"]["file"]).read_bytes(), AGREEMENT)
    card |= {"file": FILE, "bytes": len(exported), "sha256": digest(exported)}
    card["layers"] = layer_notes()
    write_card(card, part)


def check_agreement(network: Inference, exported: bytes) -> None:
    """Raise TrainingFailed unless LiteRT scores as TFLearn does, on noise, which is harder to agree on than ink."""
    pictures = np.random.default_rng(0).random((100, 28, 28), np.float32) ** 4
    served = engines.litert({"name": "cnn", "file": FILE}, exported)
    apart = float(np.abs(served(pictures) - network.score(pictures)).max())
    if not apart < AGREEMENT:  # so that NaN fails, too
        raise TrainingFailed(f"The exported network scores up to {apart:.1e} apart from TFLearn; the old model stays.")


def publish(network: Inference, card: Card, folder: Path) -> None:
    """Write checkpoint, exported network and card beside `folder`'s own, check them, and move them into place.

    `card` gets the facts about the files. Raises TrainingFailed, and the old model is whole then.
    """

    def write(part: Path) -> None:
        with as_os_errors():
            write_model(network, card, part)

    publishing.publish("cnn", folder, write)
