"""Small corpora of pen strokes of our own making, in the formats of the real ones, and servers for them."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

PEN_DIGITS = "/static/public/81/pen+based+recognition+of+handwritten+digits.zip"
RECORD = "/api/records/1195803"
ARCHIVE = "unipen-CDROM-train_r01_v07.tgz"
CONTENT = f"{RECORD}/files/{ARCHIVE}/content"


def compress(content: bytes) -> bytes:
    """What Unix' compress could make of it: 9-bit codes, all of them single bytes, with a reset before they grow."""
    codes = bytearray()
    for start in range(0, len(content), 240):
        group = [*content[start : start + 240], 256]  # 256 clears the table
        group += [0] * (-len(group) % 8)  # after that the rest of eight codes is passed by
        bits = sum(code << (9 * at) for at, code in enumerate(group))
        codes += bits.to_bytes(9 * len(group) // 8, "little")
    return b"\x1f\x9d\x90" + bytes(codes)


def pen_text(writer: int, *digits: tuple[int, list[list[tuple[int, int]]]]) -> str:
    """Digits as UCI's original files have them."""
    lines, number = [".COORD X Y", ""], 0
    for at, (label, strokes) in enumerate(digits):
        last = number + len(strokes) - 1
        lines += [f'.SEGMENT DIGIT {number}-{last} ? "{label}"', f".COMMENT {label} {writer} {at}"]
        for stroke in strokes:
            lines += [".PEN_DOWN", *(f"  {x}  {y}" for x, y in stroke), ".PEN_UP", ".DT 100"]
        number = last + 1
    return "\n".join(lines) + "\n"


def zipped(texts: Mapping[str, str]) -> bytes:
    """A ZIP archive of the texts, each compressed by `compress`; the keys are file names without .Z."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in texts.items():
            archive.writestr(f"{name}.Z", compress(text.encode()))
    return file.getvalue()


def tarred(texts: Mapping[str, str | bytes]) -> bytes:
    """A tar archive as UNIPEN's; the keys are paths below train_r01_v07."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, text in texts.items():
            content = text if isinstance(text, bytes) else text.encode("latin-1")
            member = tarfile.TarInfo(f"unipen/CDROM/train_r01_v07/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def record(archive: bytes, **changes: Any) -> bytes:
    """What Zenodo says of the archive."""
    file = {"key": ARCHIVE, "checksum": f"md5:{hashlib.md5(archive).hexdigest()}", "size": len(archive)}
    file["links"] = {"self": f"https://zenodo.org{CONTENT}"}
    return json.dumps({"id": 1195803, "files": [file | changes]}).encode()


STROKES = """
.INCLUDE lib/tablet.doc
.PEN_DOWN
0 100 100
0 600 100
.PEN_UP
.PEN_DOWN
0 600 100
0 100 1100
.PEN_UP
0 7 7
.PEN_DOWN
0 2000 500
.PEN_UP
"""
UNIPEN = {
    "data/1a/apa/apa00/app0032.dat": """
.VERSION 1.0
.INCLUDE apa/data/apa00/app0032.dat
.SEGMENT DIGIT 0,2 OK "7"
.SEGMENT DIGIT 4 ? "1"
.SEGMENT DIGIT 0-2 ? "seven"
.SEGMENT DIGIT 99 ? "7"
.SEGMENT DIGIT 1 OK "7"
.SEGMENT DIGIT 2-0 OK "7"
""",
    "data/1a/uqb/ja.dat": '.INCLUDE UQB/data/ja.dat\n.SEGMENT DIGIT 0 "4"\n',
    "data/1a/zzz/nobody.dat": '.INCLUDE apa/data/apa00/app0032.dat\n.SEGMENT DIGIT 0 OK "7"\n',
    "data/1c/apa/apa00/app0032.dat": '.INCLUDE apa/data/apa00/app0032.dat\n.SEGMENT CHARACTER 0 OK "a"\n',
    "include/lib/tablet.doc": ".COMMENT a tablet\n.COORD T X Y\n",
    "include/apa/data/apa00/app0032.dat": STROKES,
    "include/uqb/data/ja.dat": ".COORD X Y T\n.PEN_DOWN\n10 0 0\nx y z\n10 20 1\n.PEN_UP\n",
    "include/other.dat": ".PEN_DOWN\n1 1\n",
}
