"""Import what is slow to import, or may be missing, only once a request is known to need it."""

import sys
from importlib import import_module
from types import ModuleType

from reading.errors import MissingPackage


def need(name: str) -> ModuleType:
    """Import a module. Raises MissingPackage with what to do."""
    try:
        return import_module(name)
    except ImportError as error:
        missing = (error.name or name).partition(".")[0]
        raise MissingPackage(
            f"The Python that ran this script, {sys.executable} ({sys.version.split()[0]}), has no usable "
            f"package {missing!r}. Start the server with `make serve`, or activate the environment in which "
            "`pip install -r requirements.txt` was run before you start the server."
        ) from error
