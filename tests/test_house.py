"""The house rules that a program can check; what the pages say is checked in tests/docs."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for package in ("recsys_ops", "jobs") for path in (ROOT / package).rglob("*.py"))
FOLDERS = ("recsys_ops", "jobs", "tests", "cluster", "docs", "examples", ".ci")
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:work|tmp|root|opt)\b")
MOST_LINES = 300
FLOORS = (
    {"arrow", "errors", "libraries", "quality", "solver", "status", "storage", "tables"},
    {"parts", "manifest", "features"},
    {"runs", "datasets"},
    {"models", "metrics"},
    {"evaluation"},
    {"ridge"},
    {"recourse", "counterfactuals", "antidote", "acceptance"},
)
"""Of the library, from the ground up; what is not named stands above all of them."""


def test_a_module_is_small_enough_to_read() -> None:
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {path: length for path, length in lengths.items() if length > MOST_LINES}


def test_what_is_public_has_a_docstring() -> None:
    silent = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        public = [node for node in tree.body if is_public(node)]
        methods = [child for node in public if isinstance(node, ast.ClassDef) for child in node.body]
        silent += [] if ast.get_docstring(tree) else [shown(path)]
        silent += [
            f"{shown(path)}: {node.name}"
            for node in (*public, *filter(is_public, methods))
            if not ast.get_docstring(node)
        ]
    assert not silent


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_public(node: ast.stmt) -> bool:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return isinstance(node, definitions) and not node.name.startswith("_")


def test_the_library_knows_neither_ray_nor_the_jobs() -> None:
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "."]
            is_library = path.is_relative_to(ROOT / "recsys_ops")
            wrong += [(shown(path), name) for name in names if is_library and re.match(r"(ray|jobs)\b|\.", name)]
    assert not wrong


def test_a_floor_of_the_library_imports_only_from_lower_ones_and_no_question_from_another() -> None:
    height = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    wrong = []
    for path in (ROOT / "recsys_ops").rglob("*.py"):
        own = path.relative_to(ROOT / "recsys_ops").parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if own in height and isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recsys_ops."):
                other = (node.module or "").split(".")[1]
                is_lower = height.get(other, len(FLOORS)) < height[own] or (height[own] == 0 and other in FLOORS[0])
                wrong += [] if other == own or is_lower else [f"{shown(path)}: {other}"]
    assert not wrong


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pins = re.findall(r"^([\w.-]+)==[\w.+!]+", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert {plain(re.match(r"[\w.-]+", line)[0]) for line in direct} <= {plain(name) for name in pins}


def plain(name: str) -> str:
    """A distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_file_names_a_place_of_one_machine() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [path for path in ROOT.iterdir() if path.is_file()]
    found = []
    for path in files:
        if "__pycache__" in path.parts:
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line}" for n, line in enumerate(lines, 1) if MACHINE_PATH.search(line)
        ]
    assert not found
