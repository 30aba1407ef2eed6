"""The checkpoint of a training run, which `--resume` takes up."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from learning.cnn.settings import Settings
from learning.cnn.training import Training
from learning.publishing import saving
from reading.errors import BadSetting

if TYPE_CHECKING:
    from reading.arrays import Float


GO_ON = "Put that right, and go on with --resume."


@dataclass
class Progress:
    """Where a run stands."""

    seconds: float = 0.0  # that it took until now
    history: list[dict[str, float]] = field(default_factory=list)  # a row an epoch: epoch, loss, val_accuracy
    refined: dict[str, Any] = field(default_factory=dict)  # the run whose weights it began with: what a card says of it
    sum: dict[str, Float] = field(default_factory=dict)  # of the weights at the end of each of the last epochs, by name


# The folder is complete before it gets its name, and the one before it goes last: a run that is cut short at any point
# leaves one of them.
def keep(work: Path, training: Training, settings: Settings, progress: Progress) -> None:
    """Replace the checkpoint in the folder `work`. Raises TrainingFailed; the one before is whole then."""
    part, place, old = (work / name for name in ("checkpoint.part", "checkpoint", "checkpoint.old"))
    shutil.rmtree(part, ignore_errors=True)
    try:
        with saving("a checkpoint", work, GO_ON if place.exists() else "Nothing is left to resume."):
            with as_os_errors():
                _write(part, training, settings, progress)
            if place.exists():
                shutil.rmtree(old, ignore_errors=True)
                place.rename(old)
            part.rename(place)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def as_os_errors() -> Iterator[None]:
    """Raise what TensorFlow raises about files as OSError."""
    from tensorflow.errors import OpError

    try:
        yield
    except OpError as error:  # many lines: the graph's, then "FILE; REASON", then the node's and a hint
        reason = error.message.partition("\n\t [[")[0].rpartition("\n")[2].rpartition("; ")[2]
        raise OSError(errno.EIO, reason) from error


def _write(part: Path, training: Training, settings: Settings, progress: Progress) -> None:
    part.mkdir(parents=True)
    training.save(part / "cnn")
    flat: dict[str, Any] = {name.replace("/", "|"): value for name, value in progress.sum.items()}
    np.savez(part / "sum.npz", **flat)
    state = {"settings": settings.of_learning(), "seconds": progress.seconds}
    state |= {"history": progress.history, "refined": progress.refined}
    (part / "state.json").write_text(json.dumps(state))


def take_up(work: Path, training: Training, settings: Settings) -> Progress:
    """Give `training` the weights of the checkpoint in the folder `work`; return where that run stood.

    Raises BadSetting if there is no checkpoint, if it is damaged, or if it was made with other settings.
    """
    from tensorflow.errors import OpError

    folders = [work / "checkpoint", work / "checkpoint.old"]
    folder = next((folder for folder in folders if (folder / "state.json").exists()), None)
    if folder is None:
        raise BadSetting(f"There is no checkpoint in {work} to resume from; train without --resume.")
    try:
        return _read(folder, training, settings)
    except (OpError, OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise BadSetting(
            f"The checkpoint in {folder} is damaged, or another version's; train without --resume."
        ) from error


def begin_with(work: Path, training: Training) -> Progress:
    """Give `training` the weights of the checkpoint in the folder `work`, whatever settings it was made with.

    Returns a run that has not begun, but for the time that the other one took.

    Raises BadSetting if there is no checkpoint, or none that fits.
    """
    from tensorflow.errors import OpError

    if not (work / "checkpoint" / "state.json").exists():
        raise BadSetting(f"There is no checkpoint in {work} to refine; train without --refine.")
    try:
        training.load(work / "checkpoint" / "cnn")
        state = json.loads((work / "checkpoint" / "state.json").read_text())
        return Progress(refined=_told(state))
    except (OpError, OSError, ValueError, KeyError) as error:
        raise BadSetting(
            f"The checkpoint in {work} is damaged, or another version's; train without --refine."
        ) from error


def _told(state: dict[str, Any]) -> dict[str, Any]:
    """What a card says of the run that this is the state of."""
    told = {name: state["settings"][name] for name in ("epochs", "learning_rate")}
    return told | {"seconds": round(state["seconds"])}


def _read(folder: Path, training: Training, settings: Settings) -> Progress:
    state = json.loads((folder / "state.json").read_text())
    if state["settings"] != settings.of_learning():
        raise BadSetting(f"The checkpoint in {folder} was made with other settings: {state['settings']}")
    training.load(folder / "cnn")
    with np.load(folder / "sum.npz") as kept:
        total = {name.replace("|", "/"): kept[name] for name in kept.files}
    return Progress(state["seconds"], state["history"], state["refined"], total)
