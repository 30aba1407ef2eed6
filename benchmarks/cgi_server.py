"""What benchmarks of CGI scripts share: `http.server` with our script and a bare one, a drawing, a request."""

import base64
import http.client
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from processes import environment

ROOT = Path(__file__).resolve().parents[1]
CGI = ROOT / "cgi-bin"
BARE = "#!/usr/bin/env python3\nprint('Content-Type: application/json\\n\\n{}')\n"


def drawing() -> bytes:
    """A 7 on a 280x280 canvas, as a PNG data URL."""
    from PIL import Image, ImageDraw

    canvas, file = Image.new("RGBA", (280, 280)), io.BytesIO()
    ImageDraw.Draw(canvas).line([(80, 60), (200, 60), (125, 230)], fill="black", width=20, joint="curve")
    canvas.save(file, "PNG")
    return b"data:image/png;base64," + base64.b64encode(file.getvalue())


def post(port: int, path: str, body: bytes) -> Any:
    """Post a body on a fresh connection; the JSON that comes back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", path, body)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


@contextmanager
def server(project: Path = ROOT, **settings: str) -> Iterator[tuple[int, int]]:
    """`python -m http.server --cgi` in a folder with a project's scripts and the bare one; its port and process."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(project / "cgi-bin", home / "cgi-bin", ignore=shutil.ignore_patterns("__pycache__"))
        (home / "cgi-bin" / "bare.py").write_text(BARE)
        (home / "cgi-bin" / "bare.py").chmod(0o755)
        subprocess.run([sys.executable, "-m", "compileall", "-q", home / "cgi-bin"], check=True)
        process = subprocess.Popen(
            [*_as_this_user(), sys.executable, "-u", "-m", "http.server", "--cgi", "--bind", "127.0.0.1", "0"],
            cwd=home,
            env=environment() | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split(b"port ")[1].split()[0]), process.pid
        finally:
            process.terminate()
            process.wait()


def _as_this_user() -> list[str]:
    """What keeps a server that root starts from running scripts as `nobody`; see the Makefile."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--bounding-set", "-all,+dac_read_search"] if setpriv and not os.geteuid() else []
