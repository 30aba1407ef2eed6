"""The trained models in `models/`: list them, load one, score pictures. Knows nothing of HTTP or training.

    model = classifier.load("cnn")
    scores = model.score(pictures)    # float32 (n, 28, 28), 0 paper to 1 ink
    scores.data                       # float32 (n, 10), rows sum to 1
    scores.unsure                     # bool (n,): better not believed

A model is two files: a card `NAME.json` and the file that the card names. A `.tflite` file is run by LiteRT,
an `.onnx` file by ONNX Runtime; neither TensorFlow nor scikit-learn is needed. Each file is checked against
the SHA-256 in its card before it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reading.errors import BrokenModel, MissingPackage, NoModel, UnknownModel

# No pathlib here, nor in what else each request imports: it takes long to import.
MODELS = os.environ.get("MNIST_MODELS") or os.path.abspath(f"{__file__}/../../../models")
DEFAULT = "cnn"
DIGITS = 10
BATCH = 250  # pictures scored at once: bounds the memory, and more is no faster
CHECKPOINT = f"{DEFAULT}.tfl"
SLOW = "Answered slowly, by TFLearn from its checkpoint, because {file} is missing. {train}"

Run = Callable[[np.ndarray], np.ndarray]  # float32 (n, 28, 28) -> float (n, 10) or (n, 11)


class Scores(NamedTuple):
    """What a model says of n pictures."""

    data: np.ndarray  # float32 (n, 10), 0..1, index is the digit, rows sum to 1
    unsure: np.ndarray  # bool (n,)


class Model:
    """A loaded model; may be shared between threads."""

    def __init__(self, card: dict[str, Any], run: Run, note: str = "") -> None:
        """Wrap `run`; `note` is a sentence for the user, empty as a rule."""
        self.card, self.note = card, note
        self._run, self._lock = run, threading.Lock()

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
        if os.path.isfile(f"{MODELS}/{card['file']}") or (name == DEFAULT and _has_checkpoint()):
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
    states = [_state(f"{MODELS}/{name}{ending}") for ending in (".json", ".tflite", ".onnx")]
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
    if name == DEFAULT and not os.path.isfile(f"{MODELS}/{DEFAULT}.tflite"):
        return _load_checkpoint()
    card = _card(name)
    data = _checked(MODELS, card["file"], card["sha256"], name)
    run = _litert(data, card) if card["file"].endswith(".tflite") else _onnx(data, card)
    return Model(card, run)


def _card(name: str) -> dict[str, Any]:
    file = f"{name}.json"
    try:
        card = json.loads(_read(file))
        complete = card["name"] == name and os.path.basename(card["file"]) == card["file"]
        complete = complete and isinstance(card["sha256"], str) and 0 <= card["unsure"]["confidence"] <= 1
    except FileNotFoundError as error:
        raise NoModel(f"The model {name!r} has no card {file}. {_train(name)}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BrokenModel(f"The card {file} is damaged. {_train(name)}") from error
    if not complete:
        raise BrokenModel(f"The card {file} is of another model. {_train(name)}")
    return card


def _checked(folder: str, file: str, sha256: object, name: str) -> bytes:
    """The bytes of a model's file, if they are those that its card was written for."""
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


def interpreter(data: bytes, file: str, train: str = "") -> Any:
    """LiteRT's interpreter for a model of that file, ready to run. Raises BrokenModel, MissingPackage."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise _missing("ai-edge-litert") from error
    try:
        loaded = Interpreter(model_content=data, num_threads=1)
        loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise BrokenModel(f"LiteRT can't load {file}. {train or _train(DEFAULT)}") from error
    return loaded


def _litert(data: bytes, card: dict[str, Any]) -> Run:
    loaded = interpreter(data, card["file"], _train(card["name"]))
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


def _onnx(data: bytes, card: dict[str, Any]) -> Run:
    # From 1.29 on it would tell Microsoft about its use, by a thread of its own; see its docs/Privacy.md.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime") from error
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


def _missing(package: str) -> MissingPackage:
    return MissingPackage(
        f"The package {package} is not installed for this Python. Run: pip install -r requirements.txt"
    )


# --- the slow way: TFLearn's own checkpoint ---


def checkpoint(folder: str, card: dict[str, Any]) -> str:
    """The path of a folder's TFLearn checkpoint, without its endings, if its files are those of the CNN's card.

    Raises NoModel, BrokenModel.
    """
    sums = card.get("checkpoint_sha256")
    known = sums if isinstance(sums, dict) else {}
    parts = {name for name in os.listdir(folder) if name.startswith(f"{CHECKPOINT}.data-")}
    for file in sorted(parts | {f"{CHECKPOINT}.index", *known}):
        _checked(folder, file, known.get(file), DEFAULT)
    return f"{folder}/{CHECKPOINT}"


def _has_checkpoint() -> bool:
    return os.path.isfile(f"{MODELS}/{CHECKPOINT}.index")


def _take_memory() -> None:
    """Raise this process' soft limit of address space to the hard one: TensorFlow maps 2.5 GB."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _load_checkpoint() -> Model:
    file = f"{DEFAULT}.tflite"
    if not _has_checkpoint():
        raise NoModel(f"There is no trained model: {file} is missing. {_train(DEFAULT)}")
    card = _card(DEFAULT)
    path = checkpoint(MODELS, card)
    _take_memory()
    try:
        import model

        network = model.Inference(card.get("temperature", 1.0))
    except ImportError as error:
        raise _missing("tensorflow") from error
    network.load(path)
    return Model(card, network.score, SLOW.format(file=file, train=_train(DEFAULT)))
