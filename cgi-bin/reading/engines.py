"""What runs a model's file: LiteRT a `.tflite` file, ONNX Runtime an `.onnx` file.

Neither TensorFlow nor scikit-learn is needed. Both engines are asked for one thread: a server scores as many pictures
side by side as there are cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from reading.cards import Card, train_again
from reading.errors import BrokenModel, MissingPackage

if TYPE_CHECKING:
    from reading.arrays import Float

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


def interpreter(data: bytes, file: str, advice: str) -> _Interpreter:
    """LiteRT's interpreter for a model of that file, ready to run; `advice` says what to do about a damaged one.

    Raises BrokenModel, MissingPackage.
    """
    try:
        from ai_edge_litert import interpreter as litert
    except ImportError as error:
        raise missing("ai-edge-litert") from error
    try:
        loaded: _Interpreter = litert.Interpreter(model_content=data, num_threads=1)
        loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise BrokenModel(f"LiteRT can't load {file}. {advice}") from error
    return loaded


def litert(data: bytes, card: Card) -> Run:
    """What scores pictures with the network in a `.tflite` file. Raises BrokenModel, MissingPackage."""
    loaded = interpreter(data, card["file"], train_again(card["name"]))
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


def onnx(data: bytes, card: Card) -> Run:
    """What scores pictures with the model in an `.onnx` file. Raises BrokenModel, MissingPackage."""
    try:
        import onnxruntime
    except ImportError as error:
        raise missing("onnxruntime") from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(data, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base but Exception
        raise BrokenModel(f"ONNX Runtime can't load {card['file']}. {train_again(card['name'])}") from error
    entry, exit_ = session.get_inputs()[0].name, session.get_outputs()[-1].name

    def run(pictures: Float) -> Float:
        if card.get("input") == "deskewed":
            from reading.deskew import deskew

            pictures = deskew(pictures)
        scores: Float = session.run([exit_], {entry: pictures.reshape(len(pictures), -1)})[0]
        return scores

    return run


def missing(package: str) -> MissingPackage:
    """The problem that a package is not installed."""
    return MissingPackage(
        f"The package {package} is not installed for this Python. Run: pip install -r requirements.txt"
    )
