"""The packages of cgi-bin: what each may import, how large its files and functions are, and what can be run."""

from __future__ import annotations

import ast
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CGI = ROOT / "cgi-bin"
MODULES = {".".join(path.relative_to(CGI).with_suffix("").parts): path for path in sorted(CGI.rglob("*.py"))}
NAMES = {name.removesuffix(".__init__") for name in MODULES}

# What each part may import of the others: serving -> reading <- learning, and the commands above them
ARROWS = {
    "serving": {"reading"},
    "reading": set(),
    "learning": {"reading", "model"},
    "scaling": {"learning", "reading"},
    "mnist": {"serving"},
    "predict": {"reading", "scaling"},
    "train": {"learning", "model", "reading", "scaling"},
    "fetch": {"learning", "reading"},
    "model": {"reading"},
}
OF_TRAINING = [
    "tensorflow",
    "tflearn",
    "sklearn",
    "scipy",
    "skimage",
    "matplotlib",
    "h5py",
    "pooch",
    "ray",
    "onnx",
    "skl2onnx",
    "joblib",
]
MOST_LINES = 320
MEDIAN_LINES = 10


class Imports(ast.NodeVisitor):
    """The modules that a module imports, those inside its functions included, those for type checkers left out."""

    def __init__(self, module: str) -> None:
        self.package = module.split(".")[:-1]
        self.found: list[str] = []

    def visit_If(self, node: ast.If) -> None:
        """Pass by what only a type checker sees."""
        for child in node.orelse if "TYPE_CHECKING" in ast.unparse(node.test) else [*node.body, *node.orelse]:
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        """Note `import a.b`."""
        self.found += [name.name for name in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Note `from a import b`: a module a.b where there is one, else a."""
        above = self.package[: len(self.package) + 1 - node.level] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        for name in node.names:
            whole = f"{base}.{name.name}"
            self.found.append(whole if whole in NAMES else base)


def imports_of(name: str) -> list[str]:
    visitor = Imports(name)
    visitor.visit(ast.parse(MODULES[name].read_text("utf-8")))
    return visitor.found


IMPORTS = {name.removesuffix(".__init__"): imports_of(name) for name in MODULES}


def top(module: str) -> str:
    return module.partition(".")[0]


def test_every_module_belongs_to_a_part_that_has_its_rule() -> None:
    assert {top(name) for name in NAMES} == set(ARROWS)


def test_serving_and_learning_import_reading_and_never_each_other() -> None:
    arrows = {(name, other) for name, others in IMPORTS.items() for other in others if top(other) in ARROWS}
    wrong = {(one, other) for one, other in arrows if top(one) != top(other) and top(other) not in ARROWS[top(one)]}
    assert wrong == set()


# The same inside `learning`: what each of its packages may import of the others. Its single modules are shared by all.
ARROWS_OF_LEARNING = {"data": set(), "augment": set(), "cnn": {"augment", "data"}, "classical": {"augment", "data"}}


def test_the_packages_of_learning_import_each_other_one_way() -> None:
    wrong = {
        (name, other)
        for name, others in IMPORTS.items()
        for other in others
        if top(name) == top(other) == "learning"
        if (to := package(other)) and to not in {package(name), *ARROWS_OF_LEARNING.get(package(name), set())}
    }
    assert wrong == set()


def package(module: str) -> str:
    """Which package of `learning` a module is in; "" for what they share."""
    inside = module.split(".")[1] if "." in module else ""
    return inside if inside in ARROWS_OF_LEARNING else ""


@pytest.mark.parametrize("part", ["serving", "reading"])
def test_no_training_library_is_needed_to_answer(part: str) -> None:
    found = {(name, other) for name, others in IMPORTS.items() for other in others if top(name) == part}
    assert {(name, other) for name, other in found if top(other) in OF_TRAINING} == set()


def circles(arrows: dict[str, set[str]]) -> list[set[str]]:
    """The sets of modules that all import each other, directly or through others."""
    reach = {name: reachable(name, arrows) for name in arrows}
    rings = {
        frozenset(other for other in reach[name] if name in reach[other]) for name in arrows if name in reach[name]
    }
    return [set(ring) for ring in rings]


def reachable(name: str, arrows: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    to_visit = [*arrows[name]]
    while to_visit:
        other = to_visit.pop()
        if other not in seen:
            seen.add(other)
            to_visit += arrows[other]
    return seen


def test_a_circle_is_found_where_there_is_one() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}, "e": {"a"}}
    assert sorted(map(sorted, circles(arrows))) == [["b", "c"], ["d"]]


def test_no_module_imports_itself_through_others() -> None:
    assert circles({name: NAMES.intersection(others) for name, others in IMPORTS.items()}) == []


def test_only_the_entry_point_of_a_web_server_can_be_executed() -> None:
    listed = subprocess.run(["git", "ls-files", "--stage", "cgi-bin"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert [row[-1] for row in rows if row[0] != "100644"] == ["cgi-bin/mnist.py"]


def lines_of(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def code() -> Iterator[Path]:
    """The files that people read: all text in these folders but lock files."""
    for folder in ("cgi-bin", "static", "deploy", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".js", ".css", ".html", ".conf", ".yaml"} and "node_modules" not in path.parts:
                yield path


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {str(path.relative_to(ROOT)): lines_of(path) for path in code()}
    assert {name: count for name, count in lengths.items() if count > MOST_LINES} == {}


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the signature to the end, without the docstring."""
    documented = isinstance(first := function.body[0], ast.Expr) and isinstance(first.value, ast.Constant)
    lines = (function.end_lineno or 0) - function.lineno + 1
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if documented else 0)


def test_half_of_all_functions_have_ten_lines_at_most() -> None:
    assert statistics.median(map(body_lines, functions())) <= MEDIAN_LINES
