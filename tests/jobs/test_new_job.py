"""A new job is one module and one line of registration: everything else is there already."""

import ast
import re
import signal
import time
from pathlib import Path
from typing import ClassVar

import pytest

from recsys_ops.runs import open_run
from tests.suites import cli, squares
from tests.suites.cli import CommandLine
from tests.suites.job import KilledJobSuite, digests_of

MOST_LINES = 40


def test_a_whole_job_takes_fewer_lines_than_forty() -> None:
    source = Path(squares.__file__).read_text()
    strings = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    documentation = {node.lineno for node in strings if isinstance(node.value, ast.Constant)}
    lines = [n for n, line in enumerate(source.splitlines(), 1) if line.strip() and n not in documentation]
    assert len(lines) < MOST_LINES


class TestSquares(KilledJobSuite):
    """Six shards of one number each."""

    module: ClassVar[str] = "tests.suites.squares"
    tables: ClassVar[tuple[str, ...]] = ("squares",)
    outside_contract: ClassVar[tuple[str, ...]] = ("squares",)
    n_shards: ClassVar[int] = 6

    @pytest.fixture(scope="class")
    @classmethod
    def arguments(cls) -> list[str]:
        """From none to a second and a half."""
        return ["squares", "--n", "6", "--pause", "0.3", "--shards", str(cls.n_shards)]

    def test_its_run_is_listed_and_read_as_any_other(self, command_line: CommandLine, calm: Path) -> None:
        listed = command_line("runs", "--out", str(calm.parents[1]))
        assert re.search(r"r\s+│\s+squares\s+│.*complete", listed.stdout)
        rows = open_run(str(calm)).table("squares").to_table().to_pylist()
        assert [row["square"] for row in rows] == [0, 1, 4, 9, 16, 25]

    def test_two_of_its_runs_are_compared_row_by_row(self, command_line: CommandLine, calm: Path) -> None:
        out = str(calm.parents[1])
        other = command_line("squares", "--n", "5", "--add", "1", "--out", out, "--run-id", "s")
        assert other.code == 0, other.stderr
        compared = command_line("runs", "--out", out, "--diff", "r,s").stdout
        assert "squares: 6 rows before, 5 after; 0 added, 1 removed, 5 changed" in compared
        assert "number 2: square 4 -> 5" in compared

    @pytest.mark.benchmark  # KilledJobSuite loses one, too
    def test_a_run_that_loses_a_worker_has_the_bytes_of_an_undisturbed_one(
        self, arguments: list[str], calm: Path, tmp_path: Path
    ) -> None:
        run = tmp_path / "out/runs/r"
        log = tmp_path / "log"
        options = ["--out", str(tmp_path / "out"), "--run-id", "r", "--workers", "2"]
        with cli.started(*arguments, *options, log=log, module=self.module) as driver:
            cli.wait_for_shards(run, 1, driver=driver)
            victims = cli.wait_for_busy_workers(driver.pid)
            cli.kill(victims[0])
            assert driver.wait(90) == 0, log.read_text()
        assert digests_of(run, self.tables) == digests_of(calm, self.tables)

    def test_an_interrupted_driver_ends_in_seconds_with_code_4_and_says_how_to_continue(self, tmp_path: Path) -> None:
        run, log = tmp_path / "out/runs/r", tmp_path / "log"
        minutes = ("squares", "--n", "6", "--pause", "60", "--shards", "6", "--workers", "2")  # but for the first shard
        with cli.started(
            *minutes, "--out", str(tmp_path / "out"), "--run-id", "r", log=log, module=self.module
        ) as driver:
            cli.wait_for_shards(run, 1, driver=driver)
            cli.wait_for_busy_workers(driver.pid)
            family = cli.descendants(driver.pid)
            sent = time.monotonic()
            driver.send_signal(signal.SIGTERM)  # handled as SIGINT is
            assert driver.wait(30) == 4, log.read_text()
            seconds = time.monotonic() - sent
            left_alive = cli.wait_until_gone(family, 10)
        assert seconds < 10
        assert not left_alive, "Ray outlived its driver"
        assert "Traceback" not in log.read_text()
        assert log.read_text().strip().splitlines()[-1] == (
            "recsys-ops: run r: interrupted; 1 of 6 shards are complete and kept. Nothing was committed. "
            "Continue with --run-id r --resume."
        )
        assert [record.name for record in run.glob("_shards/*")] == ["00000.json"]
        assert not (run / "_manifest.json").exists()
