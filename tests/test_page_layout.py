"""The page's modules import one way: main.js stands above the folders, `browser` and `ask` below them."""

import graphlib
import json
import re
from pathlib import Path

from page_kit import MODULES, ROOT

STATIC = ROOT / "static"

# What a folder may import besides itself; what lies in `static/` itself may import everything.
ARROWS = {
    "browser": set(),
    "ask": set(),
    "draw": {"browser"},
    "show": {"browser", "ask"},
    "keep": {"browser", "draw", "show"},
    "pictures": {"browser", "ask", "show"},
    "think": {"browser", "ask", "draw", "show"},
    "static": {"browser", "ask", "draw", "show", "keep", "pictures", "think"},
}

# They compute and know no page: each can be tried, and tested, with numbers and texts alone.
ARITHMETIC = {
    "ask/patience.js",
    "browser/base64.js",
    "draw/drawing.js",
    "draw/geometry.js",
    "draw/itxt.js",
    "draw/share.js",
    "keep/link.js",
    "keep/png.js",
    "show/heat.js",
    "show/spelling.js",
    "show/words.js",
}


def imports(module: Path) -> set[Path]:
    """The modules that a module imports. `@import` in a comment loads nothing: it says where a type is described."""
    found = re.findall(r'^(?:import|export) [^;]*?from "([^"]+)";|^import "([^"]+)";', module.read_text("utf-8"), re.M)
    return {(module.parent / (first or second)).resolve() for first, second in found}


def name(module: Path) -> str:
    return module.relative_to(STATIC).as_posix()


def test_nothing_from_npm_is_needed_to_run_the_page_and_what_checks_it_has_one_exact_version():
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    assert "dependencies" not in package
    assert [v for v in package["devDependencies"].values() if not re.fullmatch(r"\d+\.\d+\.\d+", v)] == []
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert lock["packages"][""]["devDependencies"] == package["devDependencies"]
    assert [name for name, of in lock["packages"].items() if "resolved" in of] == []
    assert all(of.get("integrity") for name, of in lock["packages"].items() if name)


def test_every_import_names_a_module_that_is_there():
    wanted = {path for module in MODULES for path in imports(module)}
    assert len(wanted) > 25
    assert wanted <= set(MODULES)


def test_folders_import_one_way():
    arrows = {
        (module.parent.name, path.parent.name)
        for module in MODULES
        for path in imports(module)
        if module.parent != path.parent
    }
    assert {(folder, other) for folder, others in ARROWS.items() for other in others} >= arrows
    assert {folder for folder, _ in arrows} | {"browser", "ask"} == set(ARROWS)


def test_no_module_imports_itself_by_way_of_others():
    order = graphlib.TopologicalSorter({module: imports(module) for module in MODULES})
    assert len(list(order.static_order())) == len(MODULES)


def test_arithmetic_knows_nothing_of_the_page():
    modules = [module for module in MODULES if name(module) in ARITHMETIC]
    assert len(modules) == len(ARITHMETIC)
    assert {name(path) for module in modules for path in imports(module)} <= ARITHMETIC
    page = re.compile(r"\b(?:document|window|localStorage|indexedDB|navigator|HTML\w*Element)\b")
    assert [name(module) for module in modules if page.search(code(module))] == []


def code(module: Path) -> str:
    """The text of a module without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", module.read_text("utf-8"), flags=re.S)
