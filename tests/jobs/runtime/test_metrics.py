"""What is counted of a run, in its records and its table; that a monitor sees the same is tested on a cluster."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from jobs.runtime import metrics
from jobs.runtime.metrics import RunMetrics
from jobs.runtime.tasks import run_shards
from jobs.store.commit import commit_run
from jobs.store.records import ShardOutput
from recsys_ops.runs import open_run
from recsys_ops.status import Status


@pytest.mark.usefixtures("ray_session")
def test_retries_timeouts_and_parts_of_a_run_are_in_its_table(start: Any, tmp_path: Path) -> None:
    killed = str(tmp_path / "killed")

    def work(shared: object, shard: Any, isolated: object) -> ShardOutput:
        if shard.number == 2 and not os.path.exists(killed):
            with open(killed, "w"):
                pass
            os.kill(os.getpid(), signal.SIGKILL)
        n = len(shard.units)  # of one of the pieces of a shard
        if shard.number == 0:
            return ShardOutput({}, {"timeout": n}, n)
        return ShardOutput({}, {"feasible": n}, n, n_timeouts=int(2 in shard.units))

    run, shards = start()
    records = run_shards(work, ray.put(None), shards, run.folder)
    assert [(record.retries, record.n_timeouts) for record in records] == [(0, 2), (0, 1), (1, 0), (0, 0)]
    manifest = commit_run(run, records)
    (row,) = open_run(str(tmp_path)).table("runs").to_table().to_pylist()
    assert (row["shard_retries"], row["solver_timeouts"], row["parts"]) == (1, 3, 2)
    assert row["parts"] == sum(len(table["parts"]) for table in manifest["tables"].values())
    assert row["committed"].isoformat() == manifest["finished"]
    assert row["shard_seconds"] == sum(record.seconds for record in records)


@pytest.mark.parametrize("is_partial", [False, True])
def test_every_count_of_a_run_is_there_before_it_has_anything_to_count(
    start: Any, monkeypatch: pytest.MonkeyPatch, is_partial: bool
) -> None:
    recorded: dict[tuple[str, ...], float] = {}

    def counter(name: str) -> Any:
        return SimpleNamespace(_record=lambda value, tags: recorded.update({(name, *tags.values()): value}))

    monkeypatch.setattr(metrics, "_counter", counter)
    run, _ = start(is_partial=is_partial)
    RunMetrics(run.folder).started()
    series = ("doubling", "partial" if is_partial else "whole")
    counted = [("cases_total", *series, str(status)) for status in Status]
    counted += [(f"{name}_total", *series) for name in ("shard_retries", "solver_timeouts", "parts_committed")]
    assert recorded == dict.fromkeys(counted, 0)


@pytest.mark.usefixtures("ray_session")
def test_a_failed_attempt_of_a_shard_is_logged(start: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    failed = str(tmp_path / "failed")

    def work(shared: object, shard: Any, isolated: object) -> ShardOutput:
        if shard.number == 1 and not os.path.exists(failed):
            with open(failed, "w"):
                pass
            raise KeyError("once")
        return ShardOutput({}, {"optimal": 2}, 2)

    run, shards = start()
    run_shards(work, ray.put(None), shards, run.folder)
    (logged,) = [record for record in caplog.records if record.name == "recsys_ops.shards"]
    assert (logged.levelname, logged.shard) == ("WARNING", 1)
    assert logged.getMessage() == "shard 1: attempt 1 ended by defect (KeyError: 'once'); again"
