"""Everything that requests need, loaded before the first one. Nothing in here comes from a client."""

import ctypes
import io
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module

from reading.errors import Problem
from serving import answer
from serving.body import Picture
from serving.focus import Focus
from serving.request import Explanation

ON_DEMAND = (
    "reading.digits",
    "reading.numbers.number",
    "reading.explain",
    "reading.inspection",
    "reading.deskew",
    "reading.gradients",
    "reading.convnet",
    "serving.html",
    "multipart",
    "urllib.parse",
)
PR_SET_THP_DISABLE = 41  # of Linux's <linux/prctl.h>


def preload() -> None:
    """Import what is imported on demand, load each model, and read one picture of each kind with it.

    What can't be loaded is named in the log; a child that needs it tells its client.
    """
    for name in ON_DEMAND:
        _attempt(partial(import_module, name))
    _attempt(_formats)
    _attempt(_models)
    _attempt(_trim)


def _trim() -> None:
    """Give memory back that loading has left unused: half as much again as what is used. Only glibc has to be told.

    Linux would fill the gaps again, while it makes huge pages of what children have copied: no more of them from here.
    """
    with suppress(AttributeError):
        system = ctypes.CDLL(None)
        system.malloc_trim(0)
        system.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


def _attempt(work: Callable[[], object]) -> None:
    """Do the work; if it fails, say so in the log."""
    try:
        work()
    except (Problem, ImportError, OSError, MemoryError, RuntimeError, ValueError):
        traceback.print_exc()


def _models() -> None:
    """Load and warm each model, and what shows it at work."""
    from reading import cards

    picture, at_work = [Picture("", _drawing("PNG"))], Explanation("network", None, Focus())
    for card in cards.available():
        _attempt(partial(answer.score, picture, answer.How(card["name"], explanation=at_work)))


def _formats() -> None:
    """Read a picture in each format: Pillow imports what reads it when the first one comes."""
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        _attempt(partial(_read, kind))


def _read(kind: str) -> None:
    """Read a picture of that kind."""
    from reading.preprocessing import preprocess

    preprocess(_drawing(kind))


def _drawing(kind: str) -> bytes:
    """Return a stroke on a canvas of 280x280 pixels, as a file of that kind."""
    from PIL import Image

    canvas, file = Image.new("RGB", (280, 280), "white"), io.BytesIO()
    canvas.paste("black", (130, 60, 150, 220))
    canvas.save(file, kind)
    return file.getvalue()
