"""What a job does with the rows of all shards before the commit, when another driver was faster."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.errors import RunExistsError, StorageError
from jobs.runtime.job import BeforeCommit, Plan, _before_commit
from jobs.runtime.shards import plan_shards
from jobs.runtime.worker import compute_shard
from jobs.store.commit import commit_run
from jobs.store.records import ShardOutput
from jobs.store.start import start_run

SHARDS = plan_shards([1.0, 1.0], n_shards=2)


def work(shared: None, shard: object, isolated: object) -> ShardOutput:
    return ShardOutput({"t": pa.table({"x": [1, 2]})}, {"optimal": 1}, 1)


def count_rows(read: Callable[[str], Iterator[pa.Table]]) -> BeforeCommit:
    return BeforeCommit({"n": pa.table({"rows": [sum(len(table) for table in read("t"))]})})


def test_the_rows_of_all_shards_are_read_and_a_driver_that_lost_the_race_says_so(tmp_path: Path) -> None:
    run = start_run(str(tmp_path), "r", job="j", configuration={}, inputs={}, shards=SHARDS)
    records = [compute_shard(work, None, shard, {}, run.folder) for shard in SHARDS]
    fragments = [fragment for record in records for fragment in record.fragments]
    plan = Plan(SHARDS, None, {}, lambda shard: 1.0, before_commit=count_rows)
    assert _before_commit(run, plan, fragments).tables["n"]["rows"].to_pylist() == [4]
    commit_run(run, records)
    with pytest.raises(RunExistsError, match="run r: already committed by another writer"):
        _before_commit(run, plan, fragments)
    (tmp_path / "runs/r/_manifest.json").unlink()
    with pytest.raises(StorageError, match="missing or not as it was written"):
        _before_commit(run, plan, fragments)
