"""Small convolutional networks for tests: the card's entries and the file of weights that belongs to them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = "cnn.tfl.data-00000-of-00001"


def packed(
    towers: list[str], layers: list[tuple[int, str, bool]], tensors: dict[str, np.ndarray]
) -> tuple[dict, bytes]:
    """A card's entries and its weights: layers as (channels, padding, pooled), tensors as TFLearn names them."""
    offsets, data = {}, b"\1"  # as in TensorFlow's file, what is in front shifts the tensors off whole words
    for name in sorted(tensors):
        offsets[name] = len(data)
        data += tensors[name].astype("<f4").tobytes()
    features, classes = tensors["tower0_out/W"].shape
    described = [{"channels": channels, "padding": padding, "pooled": pooled} for channels, padding, pooled in layers]
    network = {"towers": towers, "layers": described, "features": features, "classes": classes}
    entries = {"network": network, "weights": {"file": FILE, "offsets": offsets}, "temperature": 2.0}
    return entries, data


def chance(towers: list[str], classes: int = 11) -> tuple[dict, bytes]:
    """A network of chance weights: two convolutions, the first of which is padded and pooled."""
    rng, tensors = np.random.default_rng(7), {}
    for i in range(len(towers)):
        shapes = {"conv0/W": (3, 3, 1, 4), "conv0/b": (4,), "conv1/W": (3, 3, 4, 3), "conv1/b": (3,)}
        shapes |= {"out/W": (12 * 12 * 3, classes), "out/b": (classes,)}
        tensors |= {f"tower{i}_{part}": rng.normal(0, 0.3, shape) for part, shape in shapes.items()}
    return packed(towers, [(4, "same", True), (3, "valid", False)], tensors)


def two_layers() -> tuple[dict, bytes]:
    """Two maps of the first layer: twice the picture and twice its negative; then the mean of 3x3 pixels."""
    centre = np.zeros((3, 3, 1, 2))
    centre[1, 1, 0] = 2, -2
    mean = np.zeros((3, 3, 2, 1))
    mean[:, :, 0] = 1 / 9
    tensors = {
        "tower0_conv0/W": centre,
        "tower0_conv0/b": np.array([0.0, 2.0]),
        "tower0_conv1/W": mean,
        "tower0_conv1/b": np.zeros(1),
        "tower0_out/W": np.zeros((26 * 26, 10)),
        "tower0_out/b": np.zeros(10),
    }
    return packed(["as it is"], [(2, "same", False), (1, "valid", False)], tensors)


def put(folder: Path, entries: dict[str, Any], data: bytes, **changed: Any) -> dict[str, Any]:
    """Write a card and its weights to a folder, without a file for LiteRT; returns the card."""
    card = {"name": "cnn", "file": "cnn.tflite", "sha256": "0" * 64, "unsure": {"confidence": 0.5}, **entries}
    card |= {"checkpoint_sha256": {FILE: hashlib.sha256(data).hexdigest()}, **changed}
    (folder / FILE).write_bytes(data)
    (folder / "cnn.json").write_text(json.dumps(card))
    return card
