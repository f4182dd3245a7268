"""What every job must stand: an interrupted, or a killed, driver, and resuming with other numbers of workers.

A job's test class inherits ``InterruptedJobSuite``, or ``KilledJobSuite``, which costs a Ray more, and says in
``arguments`` which run to put through it: at least six shards, long enough that some are under way when something
happens. The bytes compared are those of ``tables``, the tables that must not depend on the clock. What does not depend
on the job is tested once, see tests/jobs/test_new_job.py.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any, ClassVar

import pytest

from jobs.runtime.metrics import RunMetrics
from jobs.store.records import ShardRecord
from recsys_ops.tables import describe_tables, parse_schema
from tests.suites import cli


def digests_of(run: Path, tables: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of every part of these tables."""
    parts = [part for table in tables for part in sorted((run / table).iterdir())]
    return {f"{part.parent.name}/{part.name}": hashlib.sha256(part.read_bytes()).hexdigest() for part in parts}


def manifest_of(run: Path) -> dict[str, Any]:
    """The run's manifest."""
    content: dict[str, Any] = json.loads((run / "_manifest.json").read_text())
    return content


@pytest.mark.usefixtures("machine")
class JobSuite:
    """Faults and determinism of one job, through its command line."""

    tables: ClassVar[tuple[str, ...]]
    n_shards: ClassVar[int]
    module: ClassVar[str] = "jobs"
    """What is run with ``python -m``."""
    outside_contract: ClassVar[tuple[str, ...]] = ()
    """Tables that the project does not describe, as the job is not the project's."""

    @pytest.fixture(scope="class")
    @classmethod
    def arguments(cls) -> list[str]:
        """Job and options, without --out, --run-id, --workers."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def calm(cls, arguments: list[str], ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The undisturbed run, of this session's two workers."""
        out = tmp_path_factory.mktemp("calm")
        assert cli.exit_code_here(*arguments, "--out", str(out), "--run-id", "r") == 0
        run = out / "runs/r"
        assert len(manifest_of(run)["shards"]) == cls.n_shards
        return run

    def test_every_column_that_it_writes_is_described(self, calm: Path) -> None:
        written = {name: table["arrow_schema"] for name, table in manifest_of(calm)["tables"].items()}
        described = describe_tables()
        for name in written.keys() - set(self.outside_contract):
            schema = written[name]
            assert parse_schema(schema).names == list(described[name]), name

    def complete(
        self,
        arguments: list[str],
        calm: Path,
        run: Path,
        command_line: cli.CommandLine,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Resume what is left of ``run``: only what is missing is computed, and the tables are those of ``calm``."""
        assert not (run / "_manifest.json").exists()
        kept = _recorded_shards(run)
        assert 2 <= len(kept) < self.n_shards
        caplog.set_level(logging.INFO)
        resumed = command_line(*arguments, "--run-id", "r", "--resume")
        assert resumed.code == 0, resumed.stderr
        assert f"{len(kept)} of {self.n_shards} shards are complete already" in caplog.text
        assert digests_of(run, self.tables) == digests_of(calm, self.tables)
        assert _recorded_shards(run).items() >= kept.items()
        assert manifest_of(run)["tables"].keys() >= set(self.tables)


class InterruptedJobSuite(JobSuite):
    """For a job whose driver is interrupted."""

    @pytest.mark.benchmark  # resuming is the runtime's: KilledJobSuite has it for the toy job and recourse
    def test_a_run_interrupted_after_two_shards_is_completed_with_the_same_bytes(
        self,
        arguments: list[str],
        calm: Path,
        tmp_path: Path,
        command_line: cli.CommandLine,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        shown = []

        def interrupt(metrics: RunMetrics, record: ShardRecord) -> None:
            shown.append(record)
            if len(shown) == 2:
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RunMetrics, "shard_done", interrupt)
            interrupted = command_line(*arguments, "--out", str(tmp_path / "out"), "--run-id", "r")
        assert interrupted.code == 4, interrupted.stderr
        self.complete([*arguments, "--out", str(tmp_path / "out")], calm, tmp_path / "out/runs/r", command_line, caplog)


class KilledJobSuite(JobSuite):
    """For a job whose worker and driver are killed."""

    def test_what_a_run_left_that_lost_its_worker_and_its_driver_is_completed_by_two_workers_with_the_same_bytes(
        self,
        arguments: list[str],
        calm: Path,
        tmp_path: Path,
        command_line: cli.CommandLine,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        run = tmp_path / "out/runs/r"
        log = tmp_path / "log"
        arguments = [*arguments, "--out", str(tmp_path / "out")]
        with cli.started(*arguments, "--run-id", "r", "--workers", "1", log=log, module=self.module) as driver:
            cli.wait_for_shards(run, 1, driver=driver)
            cli.kill(cli.wait_for_busy_workers(driver.pid)[0])
            cli.wait_for_shards(run, 2, driver=driver)
            family = cli.descendants(driver.pid)
            driver.kill()
            driver.wait(30)
            left_alive = cli.wait_until_gone(family, 20)
        assert not left_alive, f"Ray outlived its driver: {left_alive}"
        self.complete(arguments, calm, run, command_line, caplog)


def _recorded_shards(run: Path) -> dict[str, tuple[int, str]]:
    """Time of change and content of the records of complete shards; one that is computed again is written again."""
    records = sorted(run.glob("_shards/*.json"))
    return {file.name: (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest()) for file in records}
