"""The house rules that a program can check, and the README, which must be true."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

import jobs.__main__
from recsys_ops.datasets.mapping import parse_mapping

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = sorted(path for package in ("recsys_ops", "jobs") for path in (ROOT / package).rglob("*.py"))
FOLDERS = ("recsys_ops", "jobs", "tests", "cluster", ".ci")
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:work|tmp|root|opt)\b")
MOST_LINES = 300


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.usefixtures("machine")
def test_the_readme_runs_from_top_to_bottom(tmp_path: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("RAY_ADDRESS", None)
    started = {"bash": ["bash", "-euc"], "python": [sys.executable, "-W", "error", "-c"]}
    found = re.findall(r"^```(bash|python)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    runs = [[*started[language], block] for language, block in found]
    assert {language for language, _ in found} == started.keys()
    for run in runs:
        done = subprocess.run(
            run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, f"{run[-1]}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip()


def test_every_block_of_the_readme_is_of_a_kind_that_is_checked() -> None:
    fences = re.findall(r"^```(\w*)$", README, flags=re.MULTILINE)
    assert set(fences) == {"bash", "python", "yaml", ""}
    assert fences.count("") == len(fences) / 2


def test_the_readmes_features_yaml_is_one() -> None:
    (block,) = blocks("yaml")
    assert {rule.kind for rule in parse_mapping(block, "README.md").features} == {"text", "tags", "category", "number"}


def test_every_make_target_of_the_readme_exists() -> None:
    defined = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = re.findall(r"(?:^    |`)make ([a-z]+)", README, flags=re.MULTILINE)
    assert {"demo", "test"} <= set(named) <= set(defined)


def test_every_option_and_job_of_the_readme_exists() -> None:
    app: Any = typer.main.get_command(jobs.__main__.make_app())
    commands = [*app.commands.values(), *app.commands["submit"].commands.values()]
    known = set().union(*(options_of(command) for command in commands)) | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) <= known
    named = set(re.findall(r"recsys-ops ([a-z]+)", README))
    assert named - {"gives", "is"} <= set(app.commands)
    table = re.findall(r"^\| `recsys-ops ([a-z]+)` \|", README, flags=re.MULTILINE)
    assert sorted(table) == sorted(app.commands)


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
