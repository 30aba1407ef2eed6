"""What runs a model: LiteRT or numpy the CNN, ONNX Runtime the others; neither TensorFlow nor scikit-learn is needed.

The CNN's card names a `.tflite` file, and a file of weights from which numpy alone answers where LiteRT is not
installed (`convnet.py`). Every engine is asked for one thread: a server scores as many pictures side by side as there
are cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from reading import cards
from reading.cards import DEFAULT, Card, has_weights, read_checked, train_again
from reading.errors import BadSetting, BrokenModel, MissingPackage, NoModel

if TYPE_CHECKING:
    from reading.arrays import Float
    from reading.convnet import Network

ENGINES = ("litert", "numpy")  # what can run the CNN; without a word in MNIST_ENGINE the first that is installed does

Run: TypeAlias = "Callable[[Float], Float]"  # float32 (n, 28, 28) -> float (n, 10) or (n, 11)


class _Interpreter(Protocol):
    """What is used of LiteRT's interpreter."""

    def allocate_tensors(self) -> None: ...
    def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None: ...
    def set_tensor(self, index: int, value: Float) -> None: ...
    def get_tensor(self, index: int) -> Float: ...
    def invoke(self) -> None: ...
    def get_input_details(self) -> list[dict[str, Any]]: ...
    def get_output_details(self) -> list[dict[str, Any]]: ...


class _Value(Protocol):
    """What is used of an input or output of ONNX Runtime."""

    name: str


class _Session(Protocol):
    """What is used of ONNX Runtime's session."""

    def get_inputs(self) -> Sequence[_Value]: ...
    def get_outputs(self) -> Sequence[_Value]: ...
    def run(self, outputs: list[str], inputs: dict[str, Float]) -> list[Float]: ...


def run_of(card: Card) -> Run:
    """What scores pictures with the model of a card. Raises NoModel, BrokenModel, MissingPackage, BadSetting."""
    return _cnn(card) if card["file"].endswith(".tflite") else onnx(card)


def _cnn(card: Card) -> Run:
    """The CNN in the engine that MNIST_ENGINE asks for; else in LiteRT, or in numpy where LiteRT or its file is not."""
    engine = os.environ.get("MNIST_ENGINE", "")
    if engine not in ("", *ENGINES):
        raise BadSetting(f"MNIST_ENGINE is {engine!r}, which is no engine. Choose one of: {', '.join(ENGINES)}.")
    if engine == "numpy":
        return network(card).score
    try:
        return litert(card)
    except (MissingPackage, NoModel):
        if engine or not has_weights(card):
            raise
        return network(card).score


def network(card: Card) -> Network:
    """The CNN in numpy, from the weights that its card names. Raises NoModel, BrokenModel."""
    from reading import convnet

    name = card["name"]
    if "weights" not in card:
        raise BrokenModel(f"The card {name}.json names no weights for numpy. {train_again(name)}")
    file = card["weights"]["file"]
    try:
        return convnet.build(card, read_checked(cards.MODELS, file, card["checkpoint_sha256"][file], name))
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenModel(f"The weights in {file} do not fit the card {name}.json. {train_again(name)}") from error


def litert(card: Card, data: bytes | None = None) -> Run:
    """The CNN in LiteRT, from its file or, before that is published, from what is to be in it.

    Raises NoModel, BrokenModel, MissingPackage.
    """
    try:
        from ai_edge_litert import interpreter
    except ImportError as error:
        raise _missing("ai-edge-litert") from error
    data = data or read_checked(cards.MODELS, card["file"], card["sha256"], card["name"])
    try:
        with silent_stderr():
            loaded: _Interpreter = interpreter.Interpreter(model_content=data, num_threads=1)
            loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise BrokenModel(f"LiteRT can't load {card['file']}. {train_again(card['name'])}") from error
    return _run_in(loaded)


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what C++ code writes to descriptor 2: LiteRT tells of its XNNPACK delegate there, and has no switch for it.

    What another thread writes meanwhile is lost too; errors are raised, not written. A server may have closed it.
    """
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _run_in(loaded: _Interpreter) -> Run:
    entry, exit_ = loaded.get_input_details()[0], loaded.get_output_details()[0]["index"]
    ready = [int(entry["shape"][0])]  # pictures the tensors are laid out for

    def run(pictures: Float) -> Float:
        if ready[0] != len(pictures):
            loaded.resize_tensor_input(entry["index"], (len(pictures), 28, 28, 1))
            loaded.allocate_tensors()
            ready[0] = len(pictures)
        loaded.set_tensor(entry["index"], pictures[..., None])
        loaded.invoke()
        return loaded.get_tensor(exit_)

    return run


def onnx(card: Card, data: bytes | None = None) -> Onnx:
    """A scikit-learn model in ONNX Runtime; `data` as in `litert`. Raises NoModel, BrokenModel, MissingPackage."""
    # From 1.29 on it would tell Microsoft about its use, by a thread of its own; see its docs/Privacy.md.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing("onnxruntime", f"; the model {DEFAULT!r} works without it") from error
    data = data or read_checked(cards.MODELS, card["file"], card["sha256"], card["name"])
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.enable_cpu_mem_arena = False  # it would keep megabytes of working memory for the next picture
    try:
        with _as_file(data) as model:
            session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base but Exception
        raise BrokenModel(f"ONNX Runtime can't load {card['file']}. {train_again(card['name'])}") from error
    return Onnx(session, upright=card.get("input") == "deskewed")


@contextmanager
def _as_file(data: bytes) -> Iterator[str | bytes]:
    """The path of a file in memory that holds the bytes, which ONNX Runtime would keep a copy of; else the bytes."""
    if not hasattr(os, "memfd_create") or not os.path.isdir("/proc/self/fd"):
        yield data
        return
    descriptor = os.memfd_create("model")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


class Onnx:
    """A scikit-learn model in ONNX Runtime; called with pictures, it scores them as every engine does."""

    def __init__(self, session: _Session, upright: bool) -> None:
        """Run a session, whose last output is the scores; `upright` says that it wants upright pictures."""
        self._session, self._upright = session, upright
        self._exits = [each.name for each in session.get_outputs()]

    def __call__(self, pictures: Float) -> Float:
        """Score pictures float32 (n, 28, 28)."""
        return self._run(self.seen(pictures), self._exits[-1:])[0]

    def seen(self, pictures: Float) -> Float:
        """Pictures float32 (n, 28, 28) as the model sees them."""
        if not self._upright:
            return pictures
        from reading.deskew import deskew

        return deskew(pictures)

    def told(self, seen: Float) -> dict[str, Float]:
        """What the model tells of n pictures that `seen` returned, float32 (n, 10) each: last its scores."""
        told = zip(self._exits, self._run(seen, self._exits), strict=True)
        return {name: each for name, each in told if each.shape == (len(seen), cards.DIGITS)}

    def _run(self, seen: Float, exits: list[str]) -> list[Float]:
        return self._session.run(exits, {self._session.get_inputs()[0].name: seen.reshape(len(seen), -1)})


def _missing(package: str, more: str = "") -> MissingPackage:
    return MissingPackage(
        f"The package {package} is not installed for this Python{more}. Run: pip install -r requirements.txt"
    )
