"""The folder of answers: a file for each part, complete or not there, and what the whole is the answer to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from reading.errors import BadSetting
from scaling.listing import Part

JOB = "job.json"
FILE = re.compile(r"part-(\d+)-([0-9a-f]{12})-(\d+)\.(jsonl|parquet)")


class Answers:
    """A folder with files part-INDEX-DIGEST-UNREAD.ENDING."""

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        """Open a folder, which is made if need be, for the answers to `job`. Raises BadSetting."""
        self.folder, self.ending = folder, job["format"]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._check(job)
            self.write(JOB, json.dumps(job, indent=1).encode() + b"\n")
            names = [path.name for path in folder.iterdir()]
        except OSError as error:
            raise BadSetting(f"Can't write to the folder {folder}: {error.strerror}.") from error
        found = [match for match in map(FILE.fullmatch, names) if match]
        self.files = {int(match[1]): match[0] for match in found}
        self.unread = {int(match[1]): int(match[3]) for match in found}

    def _check(self, job: dict[str, Any]) -> None:
        """Raise BadSetting if the folder has the answers to something else."""
        file = self.folder / JOB
        if not file.exists():
            if any(self.folder.iterdir()):
                raise BadSetting(f"The folder {self.folder} has other files; name an empty one, or a new one.")
            return
        try:
            before = json.loads(file.read_text("utf-8"))
        except ValueError:
            before = None
        if before != job:
            other = "answers to other pictures, by another model or in another format"
            raise BadSetting(f"The folder {self.folder} has {other}; name an empty one, or a new one.")

    def have(self, part: Part) -> bool:
        """Tell whether a part's answers are there."""
        return self.files.get(part.number, "").startswith(f"{self.stem(part)}-")

    def stem(self, part: Part) -> str:
        """Return how the name of a part's file begins."""
        return f"part-{part.number:06}-{part.digest()}"

    def put(self, stem: str, content: bytes, unread: int) -> None:
        """Write a part's answers, in the place of those to the pictures that were there before. Raises BadSetting."""
        name = f"{stem}-{unread}.{self.ending}"
        index = int(stem.split("-")[1])
        try:
            self.write(name, content)
            before = self.files.get(index, name)
            if before != name:
                (self.folder / before).unlink(missing_ok=True)
        except OSError as error:
            raise BadSetting(f"Can't write to the folder {self.folder}: {error.strerror}.") from error
        self.files[index], self.unread[index] = name, unread

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all. Raises OSError."""
        part = self.folder / f".{name}.part"
        part.write_bytes(content)
        part.replace(self.folder / name)

    def end(self, parts: int) -> int:
        """Remove what is beyond that many parts, pictures that are gone since; the number that could not be read."""
        for index in [index for index in self.files if index >= parts]:
            (self.folder / self.files.pop(index)).unlink(missing_ok=True)
            del self.unread[index]
        return sum(self.unread.values())
