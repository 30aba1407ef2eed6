"""The settings of a request that more than one module needs; each can be set in the server's environment.

One that makes no sense is noted in `wrong`, and its usual value counts: every request is then answered with what to
put right, by whichever process answers it.
"""

import os

LONGEST = 20  # characters of a number

wrong: list[str] = []  # a sentence for each setting that makes no sense


def number(name: str, usual: float, least: float, most: float) -> float:
    """Return a number from the environment, the usual one where there is none or it makes no sense."""
    text = os.environ.get(name) or str(usual)
    try:
        found = float(text) if len(text) <= LONGEST else most + 1
    except ValueError:
        found = most + 1
    if least <= found <= most:  # NaN is not
        return found
    _note(f"{name} has to be a number, {least:g} to {most:g}.")
    return usual


def whole(name: str, usual: int, least: int, most: int) -> int:
    """Return a whole number from the environment, as `number` does."""
    found = number(name, usual, least, most)
    if found != int(found):
        _note(f"{name} has to be a whole number.")
        return usual
    return int(found)


def switch(name: str) -> bool:
    """Return False for "0", and True for "1" or where there is nothing."""
    text = os.environ.get(name) or "1"
    if text not in ("0", "1"):
        _note(f"{name} has to be 0 or 1.")
    return text != "0"


def _note(sentence: str) -> None:
    if sentence not in wrong:
        wrong.append(sentence)


# --- settings ---------------------------------------------------------------------------------------
MAX_BODY = 8 * 1024 * 1024  # bytes of a request's body; a 4096x4096 photo as JPEG fits
DISCARD_BYTES = 8 * MAX_BODY  # of a refused body that much is still read, so that the client gets to see why
READ_SECONDS = number("MNIST_READ_SECONDS", 10, 0.1, 3600)  # a whole body arrives within that time
SCORE_SECONDS = number("MNIST_SCORE_SECONDS", 30, 0.1, 3600)  # a picture is read and scored within that
RESIDENT_SECONDS = number("MNIST_RESIDENT_SECONDS", 60, 1, 86400)  # an unused resident reader ends after that
RESIDENT = switch("MNIST_RESIDENT")  # "0": no resident reader, each request starts afresh
HOSTS = os.environ.get("MNIST_HOSTS", "")  # names of this server with spaces between; see origin.py
# ----------------------------------------------------------------------------------------------------

BLOCK = 64 * 1024  # bytes that are read at a time
