"""The files of `models/`: a card `NAME.json` for each model, and the file that it names.

A file counts only if its SHA-256 is the one that its card states: one that was damaged, or swapped, is never run.

A training that replaces a model puts all of its new files into the folder `.NAME.new` by one rename, and only then
moves them one by one to where they stay. What is in that folder counts first: so a model is the old or the new one,
whole, at any moment, also after a power cut.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from typing import IO, Any

from reading.errors import BrokenModel, NoModel, UnknownModel

# os.path here and in what else each CGI request imports: pathlib takes long to import.
MODELS = os.environ.get("MNIST_MODELS") or os.path.abspath(f"{__file__}/../../../models")
DEFAULT = "cnn"
DIGITS = 10
DEPTH = 20  # levels of a card's JSON at most
ENDINGS = (".json", ".tflite", ".tfl.data-00000-of-00001", ".onnx")  # of the files that a model is loaded from

TRAJECTORY = "trajectory.weights"  # the file of `trajectory.py`, which the default model is joined with

Card = dict[str, Any]  # what a card's JSON holds


def available() -> list[Card]:
    """The cards of the models that can be chosen, the default one first, then by name.

    A model that is damaged is left out and named in the log: it must not keep the others from being chosen.
    """
    found = []
    for name in sorted(_names(), key=lambda name: (name != DEFAULT, name)):
        try:
            card = read(name)
            _check_sendable(card)
        except (BrokenModel, NoModel) as problem:
            logging.getLogger(__name__).warning("%s", problem)
            continue
        if _is_there(card["file"], name) or has_weights(card):
            found.append(card)
    return found


def _check_sendable(card: Card) -> None:
    """Raise BrokenModel for a card that can't be put into a list as JSON: it would spoil the whole list."""
    try:
        json.dumps(card, allow_nan=False)
        deep = _is_deeper(card, DEPTH)
    except (ValueError, RecursionError) as error:
        raise _damaged(card["name"]) from error
    if deep:
        raise _damaged(card["name"])


def _is_deeper(value: object, levels: int) -> bool:
    """Whether lists and objects are nested more deeply than that."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(each, levels - 1) for each in inside)


def _damaged(name: str) -> BrokenModel:
    return BrokenModel(f"The card {name}.json is damaged. {train_again(name)}")


def stamp(name: str) -> object:
    """What changes when a model's files are replaced."""
    files = [f"{name}{ending}" for ending in ENDINGS]
    states = [_state(f"{MODELS}/{file}") for file in files]
    if _state(new := incoming(MODELS, name)):
        states = [_state(f"{new}/{file}") or state for file, state in zip(files, states, strict=True)]
    states += [_state(f"{MODELS}/{TRAJECTORY}")] if name == DEFAULT else []
    return [state and (state.st_mtime_ns, state.st_size, state.st_ino) for state in states]


def _state(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def check_known(name: str) -> None:
    """Raise UnknownModel unless a model of that name can be chosen."""
    known = {*_names(), DEFAULT}
    if name not in known:
        raise UnknownModel(f"There is no model of that name. Choose one of: {', '.join(sorted(known))}.")


def _names() -> set[str]:
    """The names of the models that `MODELS` has cards for; none where there is no such folder."""
    try:
        files = os.listdir(MODELS)
    except OSError:
        return set()
    coming = {file[1:].removesuffix(".new") for file in files if file.startswith(".") and file.endswith(".new")}
    return {file.removesuffix(".json") for file in files if file.endswith(".json")} | coming


def incoming(folder: str, name: str) -> str:
    """The folder with those files of a new model that are not yet where they stay."""
    return f"{folder}/.{name}.new"


def _open(folder: str, file: str, name: str) -> IO[bytes]:
    """Open a model's file for reading. Raises OSError."""
    try:
        return open(f"{incoming(folder, name)}/{file}", "rb")
    except (FileNotFoundError, NotADirectoryError):
        return open(f"{folder}/{file}", "rb")


def _is_there(file: str, name: str) -> bool:
    return any(os.path.isfile(f"{folder}/{file}") for folder in (MODELS, incoming(MODELS, name)))


def read(name: str) -> Card:
    """The card of that name. Raises NoModel, BrokenModel."""
    file = f"{name}.json"
    try:
        with _open(MODELS, file, name) as opened:
            card: Card = json.loads(opened.read())
        files = [card["file"], *([card["weights"]["file"]] if "weights" in card else [])]
        complete = card["name"] == name and all(os.path.basename(each) == each for each in files)
        rule = card["unsure"]
        complete = complete and isinstance(card["sha256"], str) and 0 <= rule["confidence"] <= 1
        complete = complete and 0 <= rule.get("foreign", 0) <= 1
    except FileNotFoundError as error:
        none = f"There is no trained model {name!r}: its card {file} is missing."
        raise NoModel(f"{none} {train_again(name)}") from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(name) from error
    if not complete:
        raise BrokenModel(f"The card {file} is of another model. {train_again(name)}")
    return card


def read_checked(folder: str, file: str, sha256: object, name: str) -> bytes:
    """The bytes of a model's file, if they are those that its card was written for. Raises NoModel, BrokenModel."""
    try:
        with _open(folder, file, name) as opened:
            data = opened.read()
    except FileNotFoundError as error:
        raise NoModel(f"The model file {file} is missing. {train_again(name)}") from error
    except OSError as error:
        raise BrokenModel(f"The model file {file} can't be read: {error.strerror}. {train_again(name)}") from error
    except ValueError as error:  # from `open`, for a name that no file can have
        raise _damaged(name) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        other = f"The model file {file} is not the one its card {name}.json describes (SHA-256 differs)."
        raise BrokenModel(f"{other} {train_again(name)}")
    return data


def train_again(name: str) -> str:
    """What to do about a model that is missing or damaged, as a sentence."""
    command = "python cgi-bin/train.py" + ("" if name == DEFAULT else f" -M {name}")
    return f"Train it again: {command}"


def has_weights(card: Card) -> bool:
    """Whether there is a file of weights that numpy can run the model from."""
    return "weights" in card and _is_there(card["weights"]["file"], card["name"])
