"""How many small changes to the code of `serving` and `reading` the tests notice: a sample of Cosmic Ray's mutants.

    pip install cosmic-ray
    python benchmarks/mutants.py                    # 100 mutants, an hour or two; or: make mutants
    python benchmarks/mutants.py --number 20 --seed 7 --part reading

Each mutant is one change (a comparison, a number, a condition turned round) to a copy of the project, in which the
tests of its module are run until one fails. Prints each mutant that survives, and the share of those that were caught;
exit status 1 below 90 %. docs/mutants.md lists the survivors that are known, and why they survive.
"""

import argparse
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome

ROOT = Path(__file__).resolve().parents[1]
SHARE = 0.9  # of all mutants that are to be caught
SECONDS = 900  # a mutant that keeps its tests longer than that is caught
# `int | None` is an annotation, and so is nearly every other |; strings and small numbers that are equal are the same.
NO_CHANGE = re.compile("BitOr|_Eq_Is$|_NotEq_IsNot$")

# The tests of a module, quick ones first. What is not named here is tested by the last row of its part.
TESTS = {
    "serving": {
        "connections fingerprint leftovers peer runtime_folder server_process": "serving_alone resident",
        "admission child errors packages": "limits_alone serving_alone request_trouble requests",
        "settings": "serving_alone request_trouble",
        "stdin": "client_alone request_trouble requests",
        "cgi": "starter_alone request_trouble requests",
        "client": "client_alone resident",
        "preload": "limits_alone resident",
        "reader": "reader_alone serving_alone resident",
        "starter worker": "starter_alone serving_alone resident",
        "local": "request_bounds origin start",
        "body focus origin reply request": "request_bounds forms origin requests inspection",
        "html": "html_answers requests",
        "answer": "limits_alone requests numbers explain inspection request_trouble",
        "": "forms costs requests request_trouble",
    },
    "reading": {
        "activations fields inspection telling": "inspection",
        "cards classifier digits": "classifier numbers requests",
        "convnet engines": "convnet classifier",
        "costs decoding": "recorded costs preprocessing hostile",
        "classical deskew gradients": "classical classical_at_work classifier",
        "explain views": "explain convnet",
        "frames": "recorded frames",
        "ruled": "recorded ruled",
        "ink": "recorded preprocessing frames numbers",
        "": "recorded preprocessing shipped frames specks",
    },
    "numbers": {
        "cuts necks outlines seams": "recorded_cuts recorded_numbers cuts numbers",
        "rows signs": "number_rows recorded_numbers numbers",
        "verifier": "verifier recorded_numbers numbers",
        "strokes writing": "number_writing recorded_numbers numbers",
        "pieces": "number_pieces recorded_numbers numbers",
        "lattice": "number_lattice recorded_numbers numbers",
        "path": "number_paths number_read recorded_numbers numbers",
        "number": "number_read recorded_numbers numbers",
        "": "recorded_numbers numbers",
    },
}
FOLDERS = {"serving": "serving", "reading": "reading", "numbers": "reading/numbers"}  # of the parts, below cgi-bin


def main() -> int:
    """Make mutants and run tests; 1 if too many survive."""
    args = _arguments().parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = Path(name)
        _copy(folder)
        os.chdir(folder)
        chosen = _sample(folder, args)
        survived = [one for number, one in enumerate(chosen, 1) if not _is_caught(one, f"{number}/{len(chosen)}")]
    share = 1 - len(survived) / len(chosen)
    print(f"{len(chosen)} mutants with seed {args.seed}: {share:.1%} were caught, {len(survived)} survived")
    return int(share < SHARE)


def _arguments() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--number", type=int, default=100, help="how many mutants (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (default 0)")
    parser.add_argument("--part", choices=TESTS, help="one package only")
    parser.add_argument("--module", help="one module only, such as costs")
    return parser


def _copy(folder: Path) -> None:
    """Copy the project's files there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def _sample(folder: Path, args: argparse.Namespace) -> list[MutationSpec]:
    """Choose mutants at random, as many as asked for."""
    parts = [args.part] if args.part else list(TESTS)
    paths = [
        path for part in parts for path in sorted((folder / "cgi-bin" / FOLDERS[part]).glob(f"{args.module or '*'}.py"))
    ]
    with use_db(folder / "session.sqlite") as session:
        init(paths, session, {})
        all_ = [one for item in session.work_items for one in item.mutations if _changes(one)]
    all_.sort(key=lambda one: (str(one.module_path), one.operator_name, one.occurrence))
    print(f"{len(all_):,} mutants can be made", flush=True)
    return random.Random(args.seed).sample(all_, min(args.number, len(all_)))


def _changes(mutant: MutationSpec) -> bool:
    """Whether a mutant does something else than the code."""
    return not NO_CHANGE.search(mutant.operator_name)


def _is_caught(mutant: MutationSpec, number: str) -> bool:
    """Run the tests of a mutant's module; print what came of it."""
    begun, path = time.monotonic(), mutant.module_path
    tests = [f"tests/test_{name}.py" for name in _tests(path.parent.name, path.stem).split()]
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests]
    result = mutate_and_test([mutant], shlex.join(command), SECONDS)
    # A test's process that takes itself for a child ends well, but without a word on its tests.
    is_caught = result.test_outcome is not TestOutcome.SURVIVED or " passed" not in (result.output or "")
    name = f"{path.parent.name}/{path.name}:{mutant.start_pos[0]} {mutant.operator_name.removeprefix('core/')}"
    print(f"{number} {'caught' if is_caught else 'SURVIVED'} {name}, {time.monotonic() - begun:.0f} s", flush=True)
    lines = ((result.output or "") if is_caught else (result.diff or "")).splitlines()
    told = ("FAILED", "ERROR") if is_caught else ("-", "+")
    print(*(f"    {line[:160]}" for line in lines if line.startswith(told)), sep="\n", flush=True)
    return is_caught


def _tests(part: str, module: str) -> str:
    """Return the names of the tests of a module."""
    rows = TESTS[part]
    return next((tests for modules, tests in rows.items() if module in modules.split()), rows[""])


if __name__ == "__main__":
    sys.exit(main())
