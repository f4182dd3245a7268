"""A new job is one module and one line of registration: everything else is there already."""

import ast
import re
from pathlib import Path
from typing import ClassVar

import pytest

from recsys_ops.runs import open_run
from tests.suites import cli, squares
from tests.suites.job import JobSuite

MOST_LINES = 40


def test_a_whole_job_takes_fewer_lines_than_forty() -> None:
    source = Path(squares.__file__).read_text()
    strings = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    documentation = {node.lineno for node in strings if isinstance(node.value, ast.Constant)}
    lines = [n for n, line in enumerate(source.splitlines(), 1) if line.strip() and n not in documentation]
    assert len(lines) < MOST_LINES


class TestSquares(JobSuite):
    """Six shards of one number each."""

    module: ClassVar[str] = "tests.suites.squares"
    tables: ClassVar[tuple[str, ...]] = ("squares",)
    n_shards: ClassVar[int] = 6

    @pytest.fixture(scope="class")
    @classmethod
    def arguments(cls) -> list[str]:
        """Each takes most of a second."""
        return ["squares", "--n", "6", "--pause", "0.7", "--shards", str(cls.n_shards)]

    def test_its_run_is_listed_and_read_like_any_other(self, calm: Path) -> None:
        listed = cli.run_command("runs", "--out", str(calm.parents[1]))
        assert re.search(r"r\s+│\s+squares\s+│.*complete", listed.stdout)
        rows = open_run(str(calm)).table("squares").to_table().to_pylist()
        assert [row["square"] for row in rows] == [0, 1, 4, 9, 16, 25]

    def test_two_of_its_runs_are_compared_row_by_row(self, calm: Path) -> None:
        out = calm.parents[1]
        other = cli.run_command(
            "squares", "--n", "5", "--add", "1", "--out", str(out), "--run-id", "s", module=self.module
        )
        assert other.code == 0, other.stderr
        compared = cli.run_command("runs", "--out", str(out), "--diff", "r,s").stdout
        assert "squares: 6 rows before, 5 after; 0 added, 1 removed, 5 changed" in compared
        assert "number 2: square 4 -> 5" in compared
