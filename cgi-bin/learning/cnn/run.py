"""One training run of the CNN, from MNIST to the files in `models/`; `train.py` is its command line.

    augmented pictures -> epochs, each with a checkpoint -> mean of the last weights -> folded network
    -> temperature and doubt from held-back digits -> test set, once -> export, check, replace

Held back are training images that the network never learns from. What is chosen is chosen on them; the test
set is looked at once, at the end, and nothing depends on what it says but the accuracy in the card.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from learning.augment.epoch import NOT_A_DIGIT, Augmenter, ignore_interrupt
from learning.cnn import weights
from learning.data.dataset import Mnist
from learning.figures import on_test_set
from reading.errors import BadDataset, BadSetting, TrainingFailed

AGREEMENT = 1e-4  # the most that a score of the exported network may differ from TFLearn's
CONFIDENCE_SHARE = 0.9  # of the digits that may be marked unsure, those that are so for their low confidence
SETTLE = 30_000  # pictures that batch normalisation sees once the weights are averaged
GO_ON = "Put that right, and go on with --resume."


@dataclass(frozen=True)
class Settings:
    """What one run depends on; a checkpoint is only taken up by a run that learns with the same ones."""

    epochs: int = 34
    batch_size: int = 128  # pictures a step
    learning_rate: float = 0.002  # at its highest, of Adam
    seed: int = 1
    held_back: int = 2500  # training images to choose temperature and doubt on
    averaged: int = 8  # last epochs whose weights are averaged
    drawn: float = 0.48  # share of pictures drawn anew with a pen
    foreign: float = 0.08  # share of pictures that are no digit
    doubted: float = 0.052  # share of held-back digits that may be marked unsure
    fast: bool = True  # whether convolutions compute in bfloat16

    def of_learning(self) -> dict[str, Any]:
        """The ones that the weights depend on: doubt can be fitted again to the same weights."""
        return {name: value for name, value in asdict(self).items() if name != "doubted"}


def train(mnist: Mnist, settings: Settings, folder: Path, work: Path, resume: bool) -> dict[str, Any]:
    """Train, check, and replace the model in `folder`; checkpoints and learning curve go to `work`.

    Returns the card. Raises BadSetting if a folder can't be written to, there is nothing to resume or no bfloat16,
    BadDataset if a digit is missing, TrainingFailed if the exported network doesn't do as the trained one or can't be
    saved. Until the very end `folder` is left as it was.
    """
    for place in (folder, work):
        check_folder(place)
    kept, held = split(len(mnist.y_train), settings)
    check_labels(mnist.y_train[kept])
    run = Run(settings, work, resume)
    run.learn(mnist.X_train[kept], mnist.y_train[kept], mnist.X_train[held], mnist.y_train[held])
    network, facts = finish(run, mnist.X_train[held], mnist.y_train[held])
    card = facts | describe(network, mnist, settings) | {"fit_seconds": round(run.seconds)}
    card |= evaluate(network, mnist.X_test, mnist.y_test)
    publish(network, card, folder)
    return card


def split(count: int, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the images to learn from, and of those held back."""
    if settings.held_back >= count:
        raise BadSetting(f"{settings.held_back:,} images can't be held back of {count:,}.")
    order = np.random.default_rng(settings.seed).permutation(count)
    return order[settings.held_back :], order[: settings.held_back]


# --- what any training depends on ------------------------------------------------------------------------------


def check_labels(y: np.ndarray) -> None:
    """Raise BadDataset unless there are enough training images of each digit to learn from."""
    counts = np.bincount(y, minlength=10)
    if counts.min() < 10:
        digit = int(counts.argmin())
        raise BadDataset(f"There are {counts[digit]} training images of the digit {digit}; it takes at least 10.")


def check_folder(folder: Path) -> None:
    """Raise BadSetting unless files can be written to a folder, which is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.part"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadSetting(f"Can't write to the folder {folder}: {error.strerror}.") from error


@contextmanager
def saving(what: str, folder: Path, then: str) -> Iterator[None]:
    """Turn what may go wrong in writing files into TrainingFailed; `then` says what there is, or what to do."""
    from tensorflow.errors import OpError

    try:
        yield
    except OSError as error:
        raise TrainingFailed(f"Can't save {what} in {folder}: {error.strerror}. {then}") from error
    except OpError as error:  # many lines: the graph's, then "FILE; REASON", then the node's and a hint
        reason = error.message.partition("\n\t [[")[0].rpartition("\n")[2].rpartition("; ")[2]
        raise TrainingFailed(f"Can't save {what} in {folder}: {reason}. {then}") from error


# --- epochs ----------------------------------------------------------------------------------------------------


class Run:
    """The epochs of a run: where they stand, and the checkpoint that `--resume` takes up."""

    def __init__(self, settings: Settings, work: Path, resume: bool) -> None:
        from model import Training, has_bfloat16

        if settings.fast and not has_bfloat16():
            raise BadSetting("This processor does not compute in bfloat16, as --fast would; train with --no-fast.")
        self.settings, self.work = settings, work
        self.training = Training(settings.seed, fast=settings.fast)
        self.epoch, self.seconds, self.history = 0, 0.0, list[dict[str, float]]()
        self.sum: dict[str, np.ndarray] = {}
        if resume:
            self._take_up()

    def learn(self, X: np.ndarray, y: np.ndarray, X_held: np.ndarray, y_held: np.ndarray) -> None:
        """Learn from uint8 (n, 28, 28) pictures and their labels, epoch by epoch, each with a checkpoint."""
        started = time.time()
        with Variety(X, y, self.settings) as variety:
            for pictures, labels in variety.epochs(self.epoch):
                loss = self._learn_epoch(pictures, labels)
                accuracy = float((self.training.logits(X_held)[:, :10].argmax(1) == y_held).mean())
                now = time.time()
                self._note(loss, accuracy, now - started)
                started = now
            self._average(variety.last())

    # The mean of the weights at the end of the last epochs generalises better than any one of them (stochastic
    # weight averaging, Izmailov et al., 2018).
    def _average(self, pictures: np.ndarray) -> None:
        count = min(self.settings.averaged, self.settings.epochs)
        self.training.set({name: total / count for name, total in self.sum.items()})
        size = self.settings.batch_size * 4
        self.training.settle([pictures[at : at + size] for at in range(0, min(SETTLE, len(pictures)), size)])

    def _learn_epoch(self, pictures: np.ndarray, labels: np.ndarray) -> float:
        size, losses = self.settings.batch_size, []
        steps = max(len(labels) // size, 1)
        title = f"epoch {self.epoch + 1}/{self.settings.epochs}"
        for step in tqdm(range(steps), title, unit="step", leave=False, disable=None):
            part = slice(step * size, (step + 1) * size)
            losses.append(self.training.learn(pictures[part], labels[part], self._rate(self.epoch + step / steps)))
        return float(np.mean(losses))

    def _rate(self, epoch: float) -> float:
        """Learning rate: up during the first half epoch, then down to nothing along a cosine."""
        falling = 0.5 + 0.5 * np.cos(np.pi * epoch / self.settings.epochs)
        return self.settings.learning_rate * min(1.0, 0.01 + 2 * epoch) * falling

    def _note(self, loss: float, accuracy: float, seconds: float) -> None:
        from learning.plots import learning_curve

        self.epoch += 1
        self.seconds += seconds
        self.history.append({"epoch": self.epoch, "loss": round(loss, 5), "val_accuracy": accuracy})
        if self.epoch > self.settings.epochs - self.settings.averaged:
            self.sum = {name: self.sum.get(name, 0) + value for name, value in self.training.get().items()}
        self._keep()
        with saving("the learning curve", self.work, GO_ON):
            learning_curve(self.history, self.work / "learning-curve.png")
        left = (self.settings.epochs - self.epoch) * self.seconds / self.epoch / 60
        print(
            f"epoch {self.epoch}: loss {loss:.4f}, held back {accuracy:.2%}, {left:.0f} minutes left",
            flush=True,
        )

    # The folder is complete before it gets its name, and the one before it goes last: a run that is cut short at any
    # point leaves one of them.
    def _keep(self) -> None:
        part, place, old = (self.work / name for name in ("checkpoint.part", "checkpoint", "checkpoint.old"))
        shutil.rmtree(part, ignore_errors=True)
        try:
            with saving("a checkpoint", self.work, GO_ON if place.exists() else "Nothing is left to resume."):
                self._write(part)
                if place.exists():
                    shutil.rmtree(old, ignore_errors=True)
                    place.rename(old)
                part.rename(place)
                shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _write(self, part: Path) -> None:
        part.mkdir(parents=True)
        with self.training.graph.as_default():
            self.training.dnn.save(str(part / "cnn"))
        flat: dict[str, Any] = {name.replace("/", "|"): value for name, value in self.sum.items()}
        np.savez(part / "sum.npz", **flat)
        state = {"settings": self.settings.of_learning(), "seconds": self.seconds, "history": self.history}
        (part / "state.json").write_text(json.dumps(state))

    def _take_up(self) -> None:
        from tensorflow.errors import OpError

        places = [self.work / "checkpoint", self.work / "checkpoint.old"]
        place = next((place for place in places if (place / "state.json").exists()), None)
        if place is None:
            raise BadSetting(f"There is no checkpoint in {self.work} to resume from; train without --resume.")
        try:
            self._read(place)
        except (OpError, OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise BadSetting(
                f"The checkpoint in {place} is damaged, or another version's; train without --resume."
            ) from error

    def _read(self, place: Path) -> None:
        state = json.loads((place / "state.json").read_text())
        if state["settings"] != self.settings.of_learning():
            raise BadSetting(f"The checkpoint in {place} was made with other settings: {state['settings']}")
        with self.training.graph.as_default():
            self.training.dnn.load(str(place / "cnn"), verbose=False)
        self.seconds, self.history = state["seconds"], state["history"]
        self.epoch = len(self.history)
        with np.load(place / "sum.npz") as kept:
            self.sum = {name.replace("|", "/"): kept[name] for name in kept.files}


class Variety:
    """A process of its own that prepares the next epoch's pictures while the network learns from this one's."""

    def __init__(self, X: np.ndarray, y: np.ndarray, settings: Settings) -> None:
        self.settings = settings
        self.pool = get_context("spawn").Pool(1, _prepare, [Augmenter(X, y)])

    def __enter__(self) -> Variety:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.terminate()
        self.pool.join()

    def epochs(self, first: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The pictures and labels of each epoch from `first` on."""
        self.coming = self._ask(first)
        for epoch in range(first, self.settings.epochs):
            pictures, labels = self.coming.get()
            self.coming = self._ask(epoch + 1)
            yield pictures, labels

    def last(self) -> np.ndarray:
        """The pictures of one epoch more, which nothing is learnt from."""
        return self.coming.get()[0]

    def _ask(self, epoch: int) -> AsyncResult:
        wanted = ([self.settings.seed, epoch], self.settings.drawn, self.settings.foreign)
        return self.pool.apply_async(_pictures_of, wanted)


_augmenter: Augmenter  # of the process that Variety starts


def _prepare(augmenter: Augmenter) -> None:
    global _augmenter
    ignore_interrupt()
    _augmenter = augmenter


def _pictures_of(seed: list[int], drawn: float, foreign: float) -> tuple[np.ndarray, np.ndarray]:
    return _augmenter.epoch(seed, drawn, foreign)


# --- what the network is worth ---------------------------------------------------------------------------------


def finish(run: Run, X_held: np.ndarray, y_held: np.ndarray) -> tuple[Any, dict[str, Any]]:
    """The inference network, calibrated, with its doubt fitted on held-back digits; and these facts for the card."""
    from model import Inference, fold

    temperature = round(best_temperature(run.training.logits(X_held)[:, :10], y_held), 4)  # as the card has it
    network = Inference(temperature)
    network.set(fold(run.training.get()))
    drawn, labels = Augmenter(X_held, y_held).epoch([run.settings.seed], drawn=1.0, foreign=0.0)
    digits = network.score(np.concatenate([X_held, drawn]).astype(np.float32) / 255)
    facts = {"temperature": temperature, "unsure": doubt(digits, run.settings.doubted)}
    facts["on_held_back"] = {
        "accuracy": float((digits[: len(y_held), :10].argmax(1) == y_held).mean()),
        "accuracy_drawn": float((digits[len(y_held) :, :10].argmax(1) == labels).mean()),
    }
    return network, facts


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least cross entropy for (n, 10) logits (Guo et al., 2017), between 0.3 and 3."""
    candidates = np.exp(np.linspace(np.log(0.3), np.log(3), 400))
    costs = []
    for temperature in candidates:
        scaled = logits / temperature
        top = scaled.max(1, keepdims=True)
        log_sum = np.log(np.exp(scaled - top).sum(1)) + top[:, 0]
        costs.append((log_sum - scaled[np.arange(len(labels)), labels]).mean())
    return float(candidates[int(np.argmin(costs))])


def doubt(digits: np.ndarray, share: float) -> dict[str, Any]:
    """When not to believe the network, from its (n, 11) probabilities for digits that it should believe.

    Two thresholds together mark about `share` of them. Most of that goes to low confidence, because most wrong
    answers are seen there; the rest is enough for the eleventh output to catch what is no digit.
    """
    low, odd = CONFIDENCE_SHARE * share, (1 - CONFIDENCE_SHARE) * share
    ten = digits[:, :10] / digits[:, :10].sum(1, keepdims=True)
    confidence = float(np.quantile(ten.max(1), low))
    foreign = float(np.quantile(digits[:, NOT_A_DIGIT], 1 - odd))
    rule = (
        f"Unsure when the best of the ten scores is below {confidence:.3f} (so are {low:.2%} of held-back digits, "
        f"scanned and drawn) or the eleventh output, 'not a digit', above {foreign:.3f} ({odd:.2%})."
    )
    return {"rule": rule, "confidence": round(confidence, 4), "foreign": round(foreign, 4)}


def evaluate(network: Any, X_test: np.ndarray, y_test: np.ndarray) -> dict[str, Any]:
    """Accuracy and calibration of the ten scores on uint8 (n, 28, 28) pictures."""
    scores = network.score(X_test.astype(np.float32) / 255)[:, :10]
    return on_test_set(scores / scores.sum(1, keepdims=True), y_test)


def describe(network: Any, mnist: Mnist, settings: Settings) -> dict[str, Any]:
    """The part of the card that doesn't depend on how well the network did."""
    import model

    layers = [
        f"convolution 3x3, {c} channels, {p}, ReLU{', pooling 2x2, antialiased' if pooled else ''}"
        for c, p, pooled in model.LAYERS
    ]
    packages = ("tensorflow", "tflearn", "numpy", "scipy", "scikit-image")
    return {
        "name": "cnn",
        "title": "Convolutional network",
        "architecture": [
            *layers,
            f"fully connected, {model.CLASSES} outputs, the last for what is no digit",
            f"{len(model.TOWERS)} such networks side by side, which see the picture: {', '.join(model.TOWERS)}; "
            "logits averaged, softmax",
        ],
        "parameters": network.parameters(),
        "dataset": {"source": "MNIST", "train_images": len(mnist.y_train), "sha256": mnist.sha256} | overlap(mnist),
        **asdict(settings),
        "trained": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }


def overlap(mnist: Mnist) -> dict[str, int]:
    """How many test images are, to the pixel, also training images."""
    seen = {picture.tobytes() for picture in mnist.X_train}
    return {"test_images_also_in_training": sum(picture.tobytes() in seen for picture in mnist.X_test)}


# --- out into the world ----------------------------------------------------------------------------------------


def publish(network: Any, card: dict[str, Any], folder: Path) -> None:
    """Write checkpoint, exported network and card beside `folder`'s own, check them, and move them into place.

    `card` gets the facts about the files. Raises TrainingFailed, and the old model is whole then.
    """
    part = folder / ".cnn.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        with saving("the model", folder, "The old one stays."):
            write_model(network, card, part)
            with uninterrupted():
                replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def replace(part: Path, folder: Path) -> None:
    """Move the files of `part` to `folder`, all or none: those that were there are put back if one can't be moved."""
    names, old = sorted(path.name for path in part.iterdir()), part / "old"
    old.mkdir()
    for name in names:
        if (folder / name).exists():
            shutil.copy2(folder / name, old)
    try:
        for name in names:
            (part / name).replace(folder / name)
    except OSError:
        for name in names:
            (folder / name).unlink(missing_ok=True)
            if (old / name).exists():
                (old / name).replace(folder / name)
        raise


def write_model(network: Any, card: dict[str, Any], part: Path) -> None:
    """Write checkpoint, exported network and card to a new folder; `card` gets the facts about the files."""
    part.mkdir(parents=True)
    network.save(part / weights.CHECKPOINT)
    (part / "checkpoint").unlink(missing_ok=True)  # TensorFlow's list of checkpoints; it names this folder
    card["checkpoint_sha256"] = {path.name: digest(path.read_bytes()) for path in sorted(part.iterdir())}
    (part / "cnn.tflite").write_bytes(exported := network.export())
    check_agreement(network, exported)
    card |= weights.entries(part / weights.CHECKPOINT)
    weights.check_agreement(network, card, (part / card["weights"]["file"]).read_bytes(), AGREEMENT)
    card |= {"file": "cnn.tflite", "bytes": len(exported), "sha256": digest(exported)}
    card["layers"] = layer_notes()
    (part / "cnn.json").write_text(json.dumps(card, indent=1) + "\n")


def digest(data: bytes) -> str:
    """The SHA-256 of a file's bytes, as cards note it."""
    return hashlib.sha256(data).hexdigest()


def check_agreement(network: Any, exported: bytes) -> None:
    """Raise TrainingFailed unless LiteRT scores as TFLearn does, on noise, which is harder to agree on than ink."""
    from ai_edge_litert.interpreter import Interpreter

    pictures = np.random.default_rng(0).random((100, 28, 28), np.float32) ** 4
    interpreter = Interpreter(model_content=exported)
    given, got = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(given, [len(pictures), 28, 28, 1])
    interpreter.allocate_tensors()
    interpreter.set_tensor(given, pictures[..., None])
    interpreter.invoke()
    apart = float(np.abs(interpreter.get_tensor(got) - network.score(pictures)).max())
    if not apart < AGREEMENT:  # so that NaN fails, too
        raise TrainingFailed(f"The exported network scores up to {apart:.1e} apart from TFLearn; the old model stays.")


def layer_notes() -> list[dict[str, str]]:
    """What each feature map shows, for the page."""
    import model

    return [{"name": f"convolution {i + 1}", "note": note} for i, note in enumerate(NOTES[: len(model.LAYERS)])]


NOTES = [
    "Edges and bits of stroke: each small picture lights up where one direction of ink begins or ends.",
    "Strokes: thick lines, gaps between lines, and the paper around them, at half the detail.",
    "Bends, ends and crossings begin to stand apart from straight lines.",
    "Parts of digits: an arc open to one side, a corner, a closed loop; bright where such a part is.",
    "Groups of parts, where the digit as a whole is now only five pixels wide.",
    "What the answer is made from: which parts are there, and roughly where.",
]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C, a polite kill and a closed terminal back until files that belong together are all in place."""
    late: list[int] = []
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(name, lambda number, _: late.append(number)) for name in names]
    try:
        yield
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)
        if late:
            sys.exit(1)
