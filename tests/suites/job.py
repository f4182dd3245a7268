"""What every job must stand: other workers, killed workers, a killed or interrupted driver, and resuming.

A job's test class inherits ``JobSuite`` and says in ``arguments`` which run to put through it: at least six shards of
about a second. The bytes compared are those of ``tables``, the tables that must not depend on the clock.
"""

import hashlib
import json
import logging
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest

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

    @pytest.fixture(scope="class")
    @classmethod
    def arguments(cls) -> list[str]:
        """Job and options, without --out, --run-id, --workers."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def calm(cls, arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The run of one undisturbed worker."""
        out = tmp_path_factory.mktemp("calm")
        done = cli.run_command(*arguments, "--out", str(out), "--run-id", "r", "--workers", "1", module=cls.module)
        assert done.code == 0, done.stderr
        run = out / "runs/r"
        assert len(manifest_of(run)["shards"]) == cls.n_shards
        return run

    def test_every_column_that_it_writes_is_described(self, calm: Path) -> None:
        written = {name: table["arrow_schema"] for name, table in manifest_of(calm)["tables"].items()}
        described = describe_tables()
        for name, schema in written.items():
            assert parse_schema(schema).names == list(described[name]), name

    def test_a_worker_killed_under_two_gives_the_bytes_of_one_undisturbed_worker(
        self, arguments: list[str], calm: Path, tmp_path: Path
    ) -> None:
        run = tmp_path / "out/runs/r"
        log = tmp_path / "log"
        options = ["--out", str(tmp_path / "out"), "--run-id", "r", "--workers", "2"]
        with cli.started(*arguments, *options, log=log, module=self.module) as driver:
            cli.wait_for_shards(run, 1, driver=driver)
            victims = _wait_for_busy_workers(driver.pid)
            cli.kill(victims[0])
            assert driver.wait(90) == 0, log.read_text()
        assert digests_of(run, self.tables) == digests_of(calm, self.tables)

    @pytest.mark.usefixtures("ray_session")
    def test_a_killed_driver_resumed_computes_only_what_is_left_and_gives_the_same_bytes(
        self,
        arguments: list[str],
        calm: Path,
        tmp_path: Path,
        command_line: cli.CommandLine,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        run = tmp_path / "out/runs/r"
        log = tmp_path / "log"
        options = ["--out", str(tmp_path / "out"), "--run-id", "r", "--workers", "2"]
        with cli.started(*arguments, *options, log=log, module=self.module) as driver:
            cli.wait_for_shards(run, 2, driver=driver)
            family = cli.descendants(driver.pid)
            driver.kill()
            driver.wait(30)
            left_alive = cli.wait_until_gone(family, 20)
        assert not left_alive, f"Ray outlived its driver: {left_alive}"
        assert not (run / "_manifest.json").exists()
        kept = _recorded_shards(run)
        n_kept = len(list(run.glob("_shards/*.json")))
        assert 2 <= n_kept < self.n_shards
        caplog.set_level(logging.INFO)
        resumed = command_line(*arguments, *options, "--resume")
        assert resumed.code == 0, resumed.stderr
        assert f"{n_kept} of {self.n_shards} shards are complete already" in caplog.text
        assert digests_of(run, self.tables) == digests_of(calm, self.tables)
        assert _recorded_shards(run).items() >= kept.items()
        assert manifest_of(run)["tables"].keys() >= set(self.tables)

    def test_ctrl_c_ends_in_seconds_with_code_4_and_says_how_to_go_on(
        self, arguments: list[str], tmp_path: Path
    ) -> None:
        run = tmp_path / "out/runs/r"
        log = tmp_path / "log"
        options = ["--out", str(tmp_path / "out"), "--run-id", "r", "--workers", "2"]
        with cli.started(*arguments, *options, log=log, module=self.module) as driver:
            cli.wait_for_shards(run, 1, driver=driver)
            family = cli.descendants(driver.pid)
            asked = time.monotonic()
            driver.send_signal(signal.SIGINT)
            assert driver.wait(30) == 4, log.read_text()
            seconds = time.monotonic() - asked
            left_alive = cli.wait_until_gone(family, 10)
        assert seconds < 10
        assert not left_alive, "Ray outlived its driver"
        message = log.read_text().strip().splitlines()[-1]
        n_kept = len(list(run.glob("_shards/*.json")))
        assert message.startswith("recsys-ops: run r: interrupted; ")
        assert f" of {self.n_shards} shards are complete and kept. Nothing was committed. " in message
        assert message.endswith("Continue with --run-id r --resume.")
        assert n_kept < self.n_shards
        assert not (run / "_manifest.json").exists()
        assert "Traceback" not in log.read_text()


def _wait_for_busy_workers(pid: int) -> list[Any]:
    deadline = time.monotonic() + 30
    while not (workers := cli.busy_workers(pid)):
        assert time.monotonic() < deadline, "no worker was seen at work"
        time.sleep(0.01)
    return workers


def _recorded_shards(run: Path) -> dict[str, tuple[int, str]]:
    """Time of change and content of the records of finished shards; one that is computed again is written again."""
    records = sorted(run.glob("_shards/*.json"))
    return {file.name: (file.stat().st_mtime_ns, hashlib.sha256(file.read_bytes()).hexdigest()) for file in records}
