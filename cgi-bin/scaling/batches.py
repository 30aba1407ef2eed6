"""Many pictures read by many workers, with Ray Data: what `predict.py --cluster` does.

names -> parts of a thousand -> workers with the model loaded -> a file of answers for each part

A part is written whole or not at all, so a run that was cut short goes on where it was. A worker that dies has its
part read by another one. What is held at a time are the names, compressed, and a few parts: memory does not grow with
the pictures.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from reading import cards
from reading.errors import OutOfLimits
from scaling.answers import Answers
from scaling.cluster import LOCAL, MODELS, connected
from scaling.listing import Part, listed, parts
from scaling.reader import Row, model_files, read_part


class Job(NamedTuple):
    """What is asked for."""

    images: list[str]  # files, folders, patterns, addresses
    endings: set[str]  # of files that count as pictures
    model: str
    how: str  # "auto", "one" or "number" is read
    folder: Path  # of the answers
    parquet: bool


class Tally(NamedTuple):
    """What is to be done, and what is done already."""

    todo: list[Row]
    parts: int
    pictures: int
    done: int  # pictures that were read before


def run(job: Job, address: str) -> int:
    """Read all pictures; the exit status: 0, or 1 if some could not be read. Raises a Problem."""
    files = model_files(job.model)
    answers = Answers(job.folder, described(job, files))
    tally = planned(job, answers)
    if tally.done:
        print(f"{tally.done:,} of {tally.pictures:,} pictures were read before.", file=sys.stderr)
    if tally.todo:
        with connected(address, files):
            read(tally, job, address, answers)
    unread = answers.end(tally.parts)
    told = f"{tally.pictures - unread:,} pictures read, {unread:,} not; the answers are in {job.folder}."
    print(told, file=sys.stderr)
    return int(unread > 0)


def described(job: Job, files: dict[str, bytes]) -> dict[str, Any]:
    """Return what the answers in a folder depend on."""
    digest = hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()
    ending = "parquet" if job.parquet else "jsonl"
    images = [image if "://" in image else str(Path(image).absolute()) for image in job.images]
    return {"images": images, "read": job.how, "model": job.model, "model_sha256": digest, "format": ending}


def planned(job: Job, answers: Answers) -> Tally:
    """Return the parts that are left to read."""
    todo, number, pictures, done = [], 0, 0, 0
    for part in parts(listed(job.images, job.endings)):
        number, pictures = number + 1, pictures + len(part.pictures)
        if answers.have(part):
            done += len(part.pictures)
        else:
            todo.append(packed(part, answers))
    return Tally(todo, number, pictures, done)


def packed(part: Part, answers: Answers) -> Row:
    """Return a part as Ray Data takes it: names, which are much alike, are kept compressed."""
    return {"name": answers.stem(part), "pictures": zlib.compress(json.dumps(part.pictures).encode())}


def read(tally: Tally, job: Job, address: str, answers: Answers) -> None:
    """Have workers read what is left, and write their answers. Raises OutOfLimits, BadSetting."""
    bar = tqdm(total=tally.pictures, initial=tally.done, unit="picture", leave=False, disable=None)
    with bar:
        for row in rows(tally, job, address):
            unread = json.loads(row["unread"])
            answers.put(row["name"], row["content"], len(unread))
            for file, error in unread:
                bar.write(f"{shown(file)}: {error}", sys.stderr)
            bar.update(row["size"])


def rows(tally: Tally, job: Job, address: str) -> Iterator[Row]:
    """Yield the parts that workers have read, as they come. Raises OutOfLimits if no worker can read one."""
    import ray
    from ray.exceptions import RayError

    ray.data.DataContext.get_current().enable_progress_bars = False  # ours counts pictures
    todo = ray.data.from_items(tally.todo, override_num_blocks=len(tally.todo))
    made = (job.model, cards.MODELS if address == LOCAL else MODELS, job.how, str(Path.cwd()), job.parquet)
    try:
        yield from todo.map(read_part, fn_args=made, num_cpus=1).iter_rows()
    except RayError as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise OutOfLimits(f"The cluster could not read the pictures: {reason}. What was read is kept.") from error


def shown(file: str) -> str:
    """Return a file's name as a terminal may have it: without line ends and escape codes that are in it."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in file)
