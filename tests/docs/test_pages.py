"""What the pages say about the code is true: links, options, exit codes, outcomes, keys and columns."""

import importlib.util
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import jobs.__main__
from jobs.errors import ExitCode
from jobs.recourse.config import RecourseConfig
from recsys_ops.acceptance.propensity import Finding
from recsys_ops.datasets.mapping import parse_mapping
from recsys_ops.features.rules import FeatureRule
from recsys_ops.status import Status
from tests.suites.pages import KINDS, PAGES, ROOT, blocks_of, commands_of

MOST_README_LINES = 120
DOCS = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def each_page() -> Any:
    return pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows_of(name: str, first: str) -> list[str]:
    """First cells of the table whose first heading is ``first``."""
    table = re.search(rf"^\| {first} \|.*\n\|[- |]+\n((?:\|.*\n)+)", text_of(name), flags=re.MULTILINE)
    assert table is not None
    return re.findall(r"^\| `?([^`|]+?)`? \|", table[1], flags=re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """What a link to a heading of the page ends in."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    """Every command by its words, such as ``submit recourse``."""
    app: Any = typer.main.get_command(jobs.__main__.make_app())
    nested = {f"submit {name}": command for name, command in app.commands["submit"].commands.items()}
    return {**app.commands, **nested}


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


@each_page()
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    assert {block.kind for block in blocks_of(page)} <= set(KINDS)


@each_page()
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", *DOCS])
def test_every_file_of_ours_that_a_page_names_exists(name: str) -> None:
    named = re.findall(r"`((?:recsys_ops|jobs|tests|docs|examples|cluster)/[\w./-]+)`", text_of(name))
    assert not {path for path in named if not (ROOT / path).exists()}


@each_page()
def test_every_command_has_the_options_that_it_is_shown_with(page: Path, commands: dict[str, Any]) -> None:
    text = page.read_text(encoding="utf-8").replace("python -m jobs ", "recsys-ops ")
    lines = [command for _, command in commands_of(text) if "recsys-ops " in command]
    shown = [part for line in lines for part in re.findall(r"recsys-ops ((?:[a-z]+ )*[a-z]+(?: [^`|]*)?)", line)]
    for command in shown:
        words = command.split()
        name = " ".join(words[:2]) if words[0] == "submit" and " ".join(words[:2]) in commands else words[0]
        if name in commands:
            assert set(_OPTION.findall(command)) <= options_of(commands[name]) | {"--help"}, command


@pytest.mark.parametrize("name", ["README.md", *DOCS])
def test_every_option_in_a_page_exists(name: str, commands: dict[str, Any]) -> None:
    known = set().union(*(options_of(command) for command in commands.values())) | {"--help"}
    ours = [line for line in text_of(name).splitlines() if not re.search(r"\b(python cluster|pip|ray|git) ", line)]
    assert set(_OPTION.findall("\n".join(ours))) <= known


def test_the_readme_fits_two_screens_and_lists_every_command(commands: dict[str, Any]) -> None:
    readme = text_of("README.md")
    assert len(readme.splitlines()) <= MOST_README_LINES
    table = re.findall(r"^\| `recsys-ops ([a-z]+)` \|", readme, flags=re.MULTILINE)
    assert sorted(table) == sorted(name for name in commands if " " not in name)


@each_page()
def test_every_make_target_exists(page: Path) -> None:
    defined = re.findall(r"^([a-z]+):", text_of("Makefile"), flags=re.MULTILINE)
    named = re.findall(r"(?:^    |`)make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(named) <= set(defined)


def test_the_exit_codes_are_those_of_the_code() -> None:
    assert [int(code) for code in rows_of("docs/operations.md", "code")] == sorted(ExitCode)


def test_the_outcomes_of_a_fit_are_those_of_the_code() -> None:
    assert set(rows_of("docs/acceptance.md", "status")) == set(Finding)


def test_every_key_of_a_rule_is_explained() -> None:
    keys = re.findall(r"^\| `(\w+)` \|[^|]+\|[^|]+\|[^|]+\|$", text_of("docs/data.md"), flags=re.MULTILINE)
    assert set(keys) == set(FeatureRule.model_fields)


def test_every_status_is_in_the_glossary_and_it_is_alphabetical() -> None:
    words = rows_of("docs/glossary.md", "word")
    assert set(Status) <= set(words)
    assert words == sorted(words, key=str.lower)


def test_the_four_jobs_have_every_option_that_matters_to_them_alone(commands: dict[str, Any]) -> None:
    shared = set.intersection(*(options_of(commands[job]) for job in ("recourse", "counterfactuals", "antidote")))
    for job in ("recourse", "counterfactuals", "antidote", "acceptance"):
        own = {option for option in options_of(commands[job]) - shared if not option.startswith("--no-")}
        assert own <= set(_OPTION.findall(text_of(f"docs/{job}.md"))), job


def test_the_options_of_all_jobs_are_explained_once(commands: dict[str, Any]) -> None:
    shared = set.intersection(*(options_of(commands[job]) for job in ("recourse", "counterfactuals", "antidote")))
    own = {option for option in shared if not option.startswith("--no-")}
    cells = " ".join(re.findall(r"^\| (`--[^|]+) \|", text_of("docs/operations.md"), flags=re.MULTILINE))
    assert set(_OPTION.findall(cells)) == own


def test_the_generated_regions_are_what_the_code_gives() -> None:
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    updated: Callable[[str], str] = module.updated
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        assert text == updated(text), f"{page.name}: run make docs"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_in_yaml_is_read_as_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    if "features" in content:
        assert {rule.kind for rule in parse_mapping(text, path.name).features} >= {"text", "tags", "category", "number"}
    else:
        RecourseConfig(**{name.replace("-", "_"): value for name, value in content.items()})


def test_the_hooks_before_a_commit_are_what_make_check_runs() -> None:
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", text_of("Makefile"), flags=re.MULTILINE)
    assert recipe is not None
    checked = [shlex.split(line.replace("$(BIN)", ".venv/bin")) for line in recipe[1].splitlines()]
    hooks = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    assert [shlex.split(hook["entry"]) for hook in hooks] == checked
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in hooks)


def test_the_citation_names_the_software_and_its_four_papers() -> None:
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == "Apache-2.0"
    assert len(citation["references"]) == 4
    assert all(paper["authors"] and paper["title"] and paper["year"] for paper in citation["references"])
