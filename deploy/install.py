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


def main(what: str) -> int:
    """Install for "serve" or "all"; returns the exit status."""
    file = requirements(what)
    ended = subprocess.run([*PIP, "-r", str(file)], capture_output=True, text=True)  # nosec B603
    if ended.returncode and not install_apart(file):
        print(ended.stderr, end="", file=sys.stderr)
        print("The packages can't be installed; is the network there? Then type the same again.", file=sys.stderr)
        return 1
    for sentence in missing(what):
        print(sentence, file=sys.stderr)
    return 0


def requirements(what: str) -> Path:
    """The file that names what is needed. Without CGI in `http.server` a WSGI server is needed to serve."""
    if what == "all":
        return ROOT / "requirements-dev.txt"
    return ROOT / ("requirements-serve.txt" if sys.version_info < (3, 15) else "deploy/requirements.in")


def install_apart(file: Path) -> bool:
    """Install what is necessary together, then each optional package by itself; whether the necessary was."""
    lines = requirement_lines(file)
    optional = [line for line in lines if name_of(line) in OPTIONAL]
    necessary = [line for line in lines if line not in optional]
    if subprocess.run([*PIP, *necessary], capture_output=True).returncode:  # nosec B603
        return False
    for line in optional:
        subprocess.run([*PIP, line], capture_output=True)  # nosec B603
    return True


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


def missing(what: str) -> list[str]:
    """One sentence for each optional package that is not here."""
    here = f"Python {platform.python_version()} on {sys.platform} {platform.machine()}"
    return [
        f"No package {name} for {here}: {package.without}."
        for name, package in OPTIONAL.items()
        if what in package.wanted and importlib.util.find_spec(package.module) is None
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
