"""A worker of a cluster: it loads the model once, and reads the pictures of one part after another."""

from __future__ import annotations

import io
import json
import os
import stat
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reading import cards, classifier
from reading.digits import classify
from reading.errors import Problem
from reading.preprocessing import preprocess
from scaling.listing import Listed, filesystem

if TYPE_CHECKING:
    from reading.preprocessing import Preprocessed

BATCH = 250  # pictures that go through the model together
MAX_BYTES = 64 * 2**20  # of a file; the largest picture that is decoded has fewer
Row = dict[str, Any]


def model_files(name: str) -> dict[str, bytes]:
    """Return the files of a model by their names. Raises UnknownModel, NoModel, BrokenModel."""
    trajectory = [cards.TRAJECTORY] if classifier.load(name).trajectory else []
    card = cards.read(name)
    names = [f"{name}.json", card["file"], *([card["weights"]["file"]] if "weights" in card else []), *trajectory]
    folder = Path(cards.MODELS)
    return {each: (folder / each).read_bytes() for each in names if (folder / each).exists()}


def read_part(row: Row, name: str, models: str, how: str, base: str, parquet: bool) -> Row:
    """Return a part's answers, by the reader that this process has made for the first part; see Reader."""
    return _reader(name, models, how, base, parquet)(row)


@lru_cache(1)
def _reader(name: str, models: str, how: str, base: str, parquet: bool) -> Reader:
    return Reader(name, models, how, base, parquet)


class Reader:
    """Reads parts."""

    def __init__(self, name: str, models: str, how: str, base: str, parquet: bool) -> None:
        """Load the model `name` from the folder `models`; pictures' paths begin at the folder `base`.

        `how` to read them is "auto", "one" or "number".
        """
        cards.MODELS = models
        self.model = classifier.load(name)
        self.how, self.base, self.parquet = how, base, parquet

    def __call__(self, row: Row) -> Row:
        """Return a part's answers as the bytes of a file, and which of its pictures could not be read."""
        pictures = [Listed(*each) for each in json.loads(zlib.decompress(row["pictures"]))]
        answers = [answer for start in range(0, len(pictures), BATCH) for answer in self.read(pictures[start:][:BATCH])]
        unread = [[answer["file"], answer["error"]] for answer in answers if not answer["result"]]
        content = as_parquet(answers) if self.parquet else as_lines(answers)
        return {"name": row["name"], "size": len(answers), "content": content, "unread": json.dumps(unread)}

    def read(self, pictures: list[Listed]) -> Iterator[Row]:
        """Yield the answer to each picture, with the keys that the web server uses."""
        read = [self.preprocessed(picture) for picture in pictures]
        digits = iter(classify([one for one in read if not isinstance(one, str)], self.model))
        for picture, one in zip(pictures, read, strict=True):
            said = one if isinstance(one, str) else next(digits)
            yield {"file": picture.file} | (failed(said) if isinstance(said, (str, Problem)) else said.facts())

    def preprocessed(self, picture: Listed) -> Preprocessed | str:
        """Return a picture as the model takes it, or a sentence that says why there is none."""
        if picture.error:
            return picture.error
        try:
            return preprocess(content(picture.file, self.base), self.how)
        except OSError as error:
            return f"Can't read the file: {error.strerror or error}."
        except Problem as problem:
            return str(problem)


def failed(reason: str | Problem) -> Row:
    """Return the answer for a picture that could not be read."""
    return {"result": 0, "data": [], "error": str(reason)}


def content(file: str, base: str) -> bytes:
    """Return the bytes of a file. Raises OSError, also for what never ends."""
    if "://" in file:
        store, path = filesystem(file)
        with store.open_input_stream(path) as stream:
            return bounded(stream.read(MAX_BYTES + 1))
    descriptor = os.open(Path(base, file), os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no regular file")
        return bounded(opened.read(MAX_BYTES + 1))


def bounded(read: bytes) -> bytes:
    """Return what was read of a file. Raises OSError if that is too much."""
    if len(read) > MAX_BYTES:
        raise OSError(f"it has more than {MAX_BYTES // 2**20} MB")
    return read


def as_lines(answers: list[Row]) -> bytes:
    """Return answers as lines of JSON, as `predict.py --json` prints them."""
    return b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)


def as_parquet(answers: list[Row]) -> bytes:
    """Return answers as a Parquet file, without the pictures."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {
        "file": pa.string(),
        "result": pa.int8(),
        "error": pa.string(),
        "digit": pa.int8(),
        "confidence": pa.float32(),
        "unsure": pa.bool_(),
        "data": pa.list_(pa.float32()),
        "model": pa.string(),
        "number": pa.string(),
    }
    rows = [{name: answer.get(name) for name in columns} for answer in answers]
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, pa.schema(columns)), file)
    return file.getvalue()
