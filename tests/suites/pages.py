"""The pages of the documentation as programs: their blocks in order, and a run of each that remembers how it ended.

A block of ``bash``, ``python`` or ``yaml`` is run, or saved under the file name in its first line. A block
``text prints`` shows lines of what the step before it prints; ``...`` in it stands for what is left out. ``text`` and
``console`` are only looked at: drawings, and commands for machines that a test does not have.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.suites.cli import CommandLine, CommandResult, environment

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    page
    for folder in ("", "docs", "examples", "cluster", "cluster/object-store")
    for page in sorted((ROOT / folder).glob("*.md"))
)
"""Every page; a page is a sequence of steps that share one working folder."""

KINDS = ("bash", "python", "yaml", "text prints", "text", "console")
"""Of fenced blocks; the first three are run, the fourth is compared with what was run."""

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# ([\w.-]+\.yaml)\b")


@dataclass(frozen=True)
class Step:
    """One thing that a page does: a command, a script, a program, a file, or a look at what was printed."""

    kind: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """Its line in the page, and how it begins."""
        first = next(line for line in self.text.splitlines() if line.strip())
        return f"{self.line} {re.sub(r'[^a-zA-Z0-9-]+', ' ', first).strip()[:50]}"


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    text: str
    line: int

    def steps(self) -> Iterator[Step]:
        """Each command of a block of ``recsys-ops`` commands alone is a step; else the whole block is one."""
        if self.kind not in KINDS[:4]:
            return
        commands = list(commands_of(self.text))
        if self.kind != "bash" or not all(command.startswith("recsys-ops ") for _, command in commands):
            yield Step(self.kind, self.text, self.line)
            return
        for offset, command in commands:
            yield Step("recsys-ops", command, self.line + offset)


def commands_of(script: str) -> Iterator[tuple[int, str]]:
    """Line number and text of each command; comments are left out and continued lines joined."""
    joined = re.sub(r"\\\n\s*", lambda found: " " * (len(found.group()) - 1) + "\0", script)
    number = 1
    for line in joined.split("\n"):
        command = line.replace("\0", " ").strip()
        if command and not command.startswith("#"):
            yield number, command
        number += 1 + line.count("\0")


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(found[1], found[2], text.count("\n", 0, found.start()) + 1) for found in _FENCE.finditer(text)]


def steps_of(page: Path) -> list[Step]:
    """All steps of a page, in order."""
    return [step for block in blocks_of(page) for step in block.steps()]


@dataclass
class PageRun:
    """The steps of a page, run in order in one folder, each once: their ``problems``, and what the last printed."""

    page: Path
    folder: Path
    problems: list[str] = field(default_factory=list)
    printed: str = ""

    def __post_init__(self) -> None:
        """The examples are files in the folder of their page."""
        if self.page.parent.name == "examples":
            shutil.copytree(self.page.parent, self.folder, dirs_exist_ok=True)

    def problem_of(self, number: int, command_line: CommandLine) -> str:
        """What went wrong with a step, the empty text if nothing; the steps before it are run first if they were not.

        A step whose predecessor failed is run all the same, and fails on its own reason.
        """
        for step in steps_of(self.page)[len(self.problems) : number + 1]:
            before = Path.cwd()
            os.chdir(self.folder)
            try:
                self.problems.append(self._run(step, command_line))
            finally:
                os.chdir(before)
        return self.problems[number]

    def _run(self, step: Step, command_line: CommandLine) -> str:
        if step.kind == "text prints":
            return self._compare(step)
        if step.kind == "yaml":
            return self._save(step)
        if step.kind == "python":
            done = run_program(step.text, command_line.capsys)
        elif step.kind == "recsys-ops":
            done = command_line(*shlex.split(step.text, comments=True)[1:])
        else:
            done = run_script(step.text)
        self.printed = done.stdout
        is_good = done.code == 0 and (done.stdout.strip() or step.kind == "bash")
        return "" if is_good else f"exit code {done.code}\n{done.stdout}\n{done.stderr}"

    def _save(self, step: Step) -> str:
        name = _FILE_NAME.match(step.text)
        if name is None:
            return "the first line of a block of YAML is a comment that begins with the name of its file"
        Path(name[1]).write_text(step.text, encoding="utf-8")
        return ""

    def _compare(self, step: Step) -> str:
        """Whether every line shown was printed, whatever the white space and whatever ``...`` stands for."""
        printed = plain(self.printed)
        shown = [plain(part) for line in step.text.splitlines() for part in line.split("...")]
        missing = [part for part in shown if part not in printed]
        return f"not printed: {missing}\nprinted: {self.printed}" if missing else ""


def plain(text: str) -> str:
    """``text`` with one blank where there are several, or line breaks."""
    return " ".join(text.split())


def run_program(text: str, capsys: pytest.CaptureFixture[str]) -> CommandResult:
    """A Python program in this process, in names of its own."""
    capsys.readouterr()
    try:
        exec(compile(text, "program", "exec"), {"__name__": "__main__"})
    except Exception:  # noqa: BLE001 - whatever it is, the page is wrong
        captured = capsys.readouterr()
        return CommandResult(1, captured.out, captured.err + traceback.format_exc())
    captured = capsys.readouterr()
    return CommandResult(0, captured.out, captured.err)


def run_script(text: str) -> CommandResult:
    """A shell script that ends with its first failure, in a process of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", text], env=environment() | {"PATH": path}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    return CommandResult(done.returncode, done.stdout, done.stderr)
