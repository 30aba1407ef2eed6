"""Install what a requirements file names, as far as this machine has it: `python deploy/install.py serve` or `all`.

What has no package for this Python or this kind of machine is left out, with a sentence that says what does not work
without it; what nothing works without has to be there.
"""

import importlib.util
import platform
import re
import subprocess  # nosec B404
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


class Optional(NamedTuple):
    """A package that has no wheel everywhere."""

    module: str
    without: str  # what becomes of MNIST Draw without it
    wanted: tuple[str, ...]  # by which of the two installations


OPTIONAL = {
    "ai-edge-litert": Optional("ai_edge_litert", "the CNN is computed by numpy, more slowly", ("serve", "all")),
    "onnxruntime": Optional("onnxruntime", "only the CNN answers, not the scikit-learn models", ("serve", "all")),
    "tensorflow": Optional("tensorflow", "train.py trains the scikit-learn models only", ("all",)),
    "tflearn": Optional("tflearn", "", ()),
}


class NotInstalled(Exception):
    """What nothing works without can't be installed; the argument is what pip said."""


def main(what: str) -> int:
    """Install for "serve" or "all"; returns the exit status."""
    file, failed = requirements(what), {}
    try:
        if pip("-r", str(file)) is not None:
            failed = install_apart(file)
    except NotInstalled as problem:
        print(problem, end="", file=sys.stderr)
        print("The packages can't be installed; is the network there? Then type the same again.", file=sys.stderr)
        return 1
    for sentence in missing(what, failed):
        print(sentence, file=sys.stderr)
    return 0


def pip(*arguments: str) -> str | None:
    """Have pip install something; returns what it says if it can't."""
    ended = subprocess.run([*PIP, *arguments], capture_output=True, text=True)  # nosec B603
    return ended.stderr if ended.returncode else None


def requirements(what: str) -> Path:
    """The file that names what is needed. Without CGI in `http.server` a WSGI server is needed to serve."""
    if what == "all":
        return ROOT / "requirements-dev.txt"
    return ROOT / ("requirements-serve.txt" if sys.version_info < (3, 15) else "deploy/requirements.in")


def install_apart(file: Path) -> dict[str, str]:
    """Install what is necessary together, then each optional package by itself.

    Returns what pip says about each package that it can't install. Raises NotInstalled.
    """
    lines = requirement_lines(file)
    optional = [line for line in lines if name_of(line) in OPTIONAL]
    said = pip(*(line for line in lines if line not in optional))
    if said is not None:
        raise NotInstalled(said)
    tried = {name_of(line): pip(line) for line in optional}
    return {name: said for name, said in tried.items() if said is not None}


def requirement_lines(file: Path) -> list[str]:
    """The requirements in a file and in those that it includes, without comments."""
    found = []
    for line in file.read_text("utf-8").splitlines():
        requirement = re.sub(r"(^|\s)#.*", "", line).strip()
        if requirement.startswith("-r "):
            found += requirement_lines(file.parent / requirement.removeprefix("-r ").strip())
        elif requirement:
            found.append(requirement)
    return list(dict.fromkeys(found))


def name_of(requirement: str) -> str:
    """The package that a requirement is about."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def missing(what: str, failed: dict[str, str]) -> list[str]:
    """One sentence for each optional package that is not here, with the reason; `failed` is what pip said of some."""
    return [
        f"{reason(name, failed.get(name))}: {package.without}."
        for name, package in OPTIONAL.items()
        if what in package.wanted and importlib.util.find_spec(package.module) is None
    ]


def reason(name: str, said: str | None) -> str:
    """Why a package is not here. Nothing was said of one that the requirements leave out on this machine."""
    if said is None or ("No matching distribution" in said and "connection broken" not in said):
        here = f"Python {platform.python_version()} on {sys.platform} {platform.machine()}"
        return f"PyPI has no wheel of {name} for {here}"
    return f"{name} could not be downloaded (`make clean`, then the same again, tries once more)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
