"""The trained models in `models/`: list them, load one, score pictures. Knows nothing of HTTP or training.

    model = classifier.load("cnn")
    scores = model.score(pictures)    # float32 (n, 28, 28), 0 paper to 1 ink
    scores.data                       # float32 (n, 10), rows sum to 1
    scores.unsure                     # bool (n,): better not believed

A model is two files: a card `NAME.json` and the file that the card names. A `.tflite` file is run by LiteRT,
an `.onnx` file by ONNX Runtime; neither TensorFlow nor scikit-learn is needed. The CNN's card names a file of weights
beside its `.tflite` file, from which numpy alone answers where LiteRT is not installed. Each file is checked against
the SHA-256 in its card before it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reading.errors import BadSetting, BrokenModel, MissingPackage, NoModel, UnknownModel

if TYPE_CHECKING:
    from reading.convnet import Network

# No pathlib here, nor in what else each request imports: it takes long to import.
MODELS = os.environ.get("MNIST_MODELS") or os.path.abspath(f"{__file__}/../../../models")
DEFAULT = "cnn"
DIGITS = 10
BATCH = 250  # pictures scored at once: bounds the memory, and more is no faster
ENDINGS = (".json", ".tflite", ".tfl.data-00000-of-00001", ".onnx")  # of the files that a model is loaded from
ENGINES = ("litert", "numpy")  # what can run the CNN; without a word in MNIST_ENGINE the first that is installed does

Run = Callable[[np.ndarray], np.ndarray]  # float32 (n, 28, 28) -> float (n, 10) or (n, 11)


class Scores(NamedTuple):
    """What a model says of n pictures."""

    data: np.ndarray  # float32 (n, 10), 0..1, index is the digit, rows sum to 1
    unsure: np.ndarray  # bool (n,)


class Model:
    """A loaded model; may be shared between threads."""

    def __init__(self, card: dict[str, Any], run: Run) -> None:
        self.card, self._run, self._lock = card, run, threading.Lock()

    def score(self, pictures: np.ndarray) -> Scores:
        """Score float32 (n, 28, 28) pictures, 0 paper to 1 ink.

        Raises BrokenModel if the answer makes no sense.
        """
        pictures = np.asarray(pictures, np.float32)
        with self._lock:  # LiteRT's interpreter keeps one set of tensors
            parts = [self._run(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
        raw = np.concatenate(parts) if parts else np.zeros((0, DIGITS), np.float32)
        return self._judged(raw)

    def _judged(self, raw: np.ndarray) -> Scores:
        """Split off the eleventh score, "not a digit", and apply the card's rule of doubt."""
        if raw.shape[1] not in (DIGITS, DIGITS + 1) or not np.isfinite(raw).all():
            raise BrokenModel(f"The model {self.card['name']!r} gives no ten scores. {_train(self.card['name'])}")
        digits = raw[:, :DIGITS].astype(np.float32)
        data = digits / np.maximum(digits.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        rule = self.card["unsure"]
        unsure = data.max(1, initial=0) < rule["confidence"]
        if "foreign" in rule and raw.shape[1] > DIGITS:
            unsure |= raw[:, DIGITS] > rule["foreign"]
        return Scores(data, unsure)


# --- which models there are ---


def cards() -> list[dict[str, Any]]:
    """The cards of the models that can be chosen, the default one first, then by name.

    A model that is damaged is left out and named in the log: it must not keep the others from being chosen.
    """
    found = []
    for name in sorted(_stems(".json"), key=lambda name: (name != DEFAULT, name)):
        try:
            card = _card(name)
        except BrokenModel as problem:
            logging.getLogger(__name__).warning("%s", problem)
            continue
        if os.path.isfile(f"{MODELS}/{card['file']}") or has_weights(card):
            found.append(card)
    return found


def load(name: str = DEFAULT) -> Model:
    """The model of that name, kept for the next call unless its files have changed since.

    Raises UnknownModel, NoModel, BrokenModel, MissingPackage.
    """
    kept = _kept.get(name)
    if kept and kept[0] == _stamp(name):
        return kept[1]
    _check_known(name)
    stamp = _stamp(name)
    model = _load(name)
    _kept[name] = (stamp, model)
    return model


_kept: dict[str, tuple[object, Model]] = {}


def _stamp(name: str) -> object:
    """What changes when a model's files are replaced."""
    states = [_state(f"{MODELS}/{name}{ending}") for ending in ENDINGS]
    return [state and (state.st_mtime_ns, state.st_size, state.st_ino) for state in states]


def _state(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _check_known(name: str) -> None:
    known = {*_stems(".json"), DEFAULT}
    if name not in known:
        raise UnknownModel(f"There is no model of that name. Choose one of: {', '.join(sorted(known))}.")


def _stems(ending: str) -> list[str]:
    """The names in `MODELS` that end so, without the ending; none where there is no such folder."""
    try:
        names = os.listdir(MODELS)
    except OSError:
        return []
    return [name.removesuffix(ending) for name in names if name.endswith(ending)]


def _read(file: str) -> bytes:
    with open(f"{MODELS}/{file}", "rb") as opened:
        return opened.read()


def _load(name: str) -> Model:
    card = _card(name)
    return Model(card, _cnn(card) if card["file"].endswith(".tflite") else _onnx(card))


def _card(name: str) -> dict[str, Any]:
    file = f"{name}.json"
    try:
        card = json.loads(_read(file))
        files = [card["file"], *([card["weights"]["file"]] if "weights" in card else [])]
        complete = card["name"] == name and all(os.path.basename(file) == file for file in files)
        complete = complete and isinstance(card["sha256"], str) and 0 <= card["unsure"]["confidence"] <= 1
    except FileNotFoundError as error:
        raise NoModel(f"There is no trained model {name!r}: its card {file} is missing. {_train(name)}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenModel(f"The card {file} is damaged. {_train(name)}") from error
    if not complete:
        raise BrokenModel(f"The card {file} is of another model. {_train(name)}")
    return card


def checked(folder: str, file: str, sha256: object, name: str) -> bytes:
    """The bytes of a model's file, if they are those that its card was written for. Raises NoModel, BrokenModel."""
    try:
        with open(f"{folder}/{file}", "rb") as opened:
            data = opened.read()
    except FileNotFoundError as error:
        raise NoModel(f"The model file {file} is missing. {_train(name)}") from error
    except OSError as error:
        raise BrokenModel(f"The model file {file} can't be read: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BrokenModel(
            f"The model file {file} is not the one its card {name}.json describes (SHA-256 differs). {_train(name)}"
        )
    return data


def _train(name: str) -> str:
    command = "python cgi-bin/train.py" + ("" if name == DEFAULT else f" -M {name}")
    return f"Train it again: {command}"


# --- how each kind is run ---


def _cnn(card: dict[str, Any]) -> Run:
    """The CNN in the engine that MNIST_ENGINE asks for; else in LiteRT, or in numpy where LiteRT or its file is not."""
    engine = os.environ.get("MNIST_ENGINE", "")
    if engine not in ("", *ENGINES):
        raise BadSetting(f"MNIST_ENGINE is {engine!r}, which is no engine. Choose one of: {', '.join(ENGINES)}.")
    if engine == "numpy":
        return network(card).score
    try:
        return _litert(card)
    except (MissingPackage, NoModel):
        if engine or not has_weights(card):
            raise
        return network(card).score


def has_weights(card: dict[str, Any]) -> bool:
    """Whether there is a file of weights that numpy can run the model from."""
    return "weights" in card and os.path.isfile(f"{MODELS}/{card['weights']['file']}")


def network(card: dict[str, Any]) -> Network:
    """The CNN in numpy, from the weights that its card names. Raises NoModel, BrokenModel."""
    from reading import convnet

    name = card["name"]
    if "weights" not in card:
        raise BrokenModel(f"The card {name}.json names no weights for numpy. {_train(name)}")
    file = card["weights"]["file"]
    try:
        return convnet.build(card, checked(MODELS, file, card["checkpoint_sha256"][file], name))
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenModel(f"The weights in {file} do not fit the card {name}.json. {_train(name)}") from error


def _litert(card: dict[str, Any]) -> Run:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise _missing("ai-edge-litert") from error
    data = checked(MODELS, card["file"], card["sha256"], card["name"])
    try:
        loaded = Interpreter(model_content=data, num_threads=1)
        loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise BrokenModel(f"LiteRT can't load {card['file']}. {_train(card['name'])}") from error
    entry, exit_ = loaded.get_input_details()[0], loaded.get_output_details()[0]["index"]
    ready = [int(entry["shape"][0])]  # pictures the tensors are laid out for

    def run(pictures: np.ndarray) -> np.ndarray:
        if ready[0] != len(pictures):
            loaded.resize_tensor_input(entry["index"], (len(pictures), 28, 28, 1))
            loaded.allocate_tensors()
            ready[0] = len(pictures)
        loaded.set_tensor(entry["index"], pictures[..., None])
        loaded.invoke()
        return loaded.get_tensor(exit_)

    return run


def _onnx(card: dict[str, Any]) -> Run:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime", f"; the model {DEFAULT!r} works without it") from error
    data = checked(MODELS, card["file"], card["sha256"], card["name"])
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base but Exception
        raise BrokenModel(f"ONNX Runtime can't load {card['file']}. {_train(card['name'])}") from error
    entry, exit_ = session.get_inputs()[0].name, session.get_outputs()[-1].name

    def run(pictures: np.ndarray) -> np.ndarray:
        if card.get("input") == "deskewed":
            from reading.deskew import deskew

            pictures = deskew(pictures)
        return session.run([exit_], {entry: pictures.reshape(len(pictures), -1)})[0]

    return run


def _missing(package: str, more: str = "") -> MissingPackage:
    return MissingPackage(
        f"The package {package} is not installed for this Python{more}. Run: pip install -r requirements.txt"
    )
