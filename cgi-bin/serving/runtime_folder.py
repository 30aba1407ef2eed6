"""A folder of this user's own, where the resident reader's socket and lock are.

Names in a temporary folder can be guessed, and whoever is first may put something else in their place: so a folder is
only used if it is a real one, belongs to this user, and nobody else may enter it.
"""

import os
import stat
import sys
import zlib

PROTOCOL = 1  # changes when script and reader would no longer understand each other
LONGEST_PATH = 103  # bytes; macOS has room for no longer address of a socket
SOCKET, LOCK, LOG = ".socket", ".lock", ".log"
CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def address() -> str:
    """Return the path, without ending, of the reader for this user, folder, Python and settings; "" for none."""
    folder = find()
    path = f"{folder}/{short_sum(identity())}"
    return path if folder and len(os.fsencode(path + SOCKET)) + 1 <= LONGEST_PATH else ""


def short_sum(text: str) -> str:
    """Return 16 letters and digits, nearly always others for another text."""
    content = os.fsencode(text)
    return f"{zlib.crc32(content):08x}{zlib.adler32(content):08x}"


def identity() -> str:
    """Return all that makes readers differ."""
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if is_setting(name)]
    return "\0".join([str(PROTOCOL), CODE, sys.executable, sys.version, *settings])


def is_setting(name: str) -> bool:
    """Tell whether a variable of the environment changes what a reader does."""
    return name.startswith(("MNIST_", "PYTHON", "LD_", "DYLD_"))


def find() -> str:
    """Return the first private folder there is or can be made, "" if there is none."""
    for above, name, private in _candidates():
        try:
            if private:
                check(above)
            make(f"{above}/{name}")
        except OSError:
            continue
        return f"{above}/{name}"
    return ""


def _candidates() -> "list[tuple[str, str, bool]]":
    """Return the folders that may hold ours, its name in there, and whether the former have to be private."""
    home, temporary = os.environ.get("HOME"), os.environ.get("TMPDIR") or "/tmp"  # nosec B108
    own = os.environ.get("XDG_RUNTIME_DIR")
    found = [(own, "mnist-draw", True)] if own else []
    found.append((temporary, f"mnist-draw-{os.getuid()}", False))
    return [*found, (f"{home}/.cache", "mnist-draw", False)] if home else found


def make(folder: str) -> None:
    """Make the folder unless it is there. Raises OSError if it can't be made, or is not private."""
    try:
        check(folder)
    except FileNotFoundError:
        try:  # noqa: SIM105 - contextlib takes long to import
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # another process was quicker
        check(folder)


def check(folder: str) -> None:
    """Raise OSError unless it is a real folder of this user's, which nobody else may enter."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user's own with mode 700")
