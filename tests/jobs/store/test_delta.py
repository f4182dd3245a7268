"""Committed parts as Delta tables, read back by a reader of Delta."""

import importlib.util
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from jobs.config import RunConfig, make_config
from jobs.runtime.shards import Shard
from jobs.runtime.worker import compute_shard
from jobs.store.commit import after_commit, commit_run
from jobs.store.conditional_writes import Protocol
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.errors import ConfigError
from recsys_ops.runs import Run, open_run

PROTOCOLS: list[Protocol] = ["hard-link", "claim"]


def rows(shared: list[int], shard: Shard, isolated: Isolated) -> ShardOutput:
    """A shard's cases as rows of every kind of column that result tables have."""
    numbers = [shared[unit] for unit in shard.units]
    table = pa.table(
        {
            "item_id": [f"i{number}" for number in numbers],
            "share": [number / 7 for number in numbers],
            "changes": [[{"feature": "price", "to": float(number)}] for number in numbers],
            "solved": [number % 2 == 0 for number in numbers],
        }
    )
    return ShardOutput({"cases": table}, {"optimal": len(numbers)}, len(numbers))


def committed(start: Any, out: str, *, delta: bool, protocol: Protocol = "hard-link") -> tuple[Any, Run]:
    run, shards = start(out=out, configuration={"delta": delta})
    object.__setattr__(run, "protocol", protocol)
    commit_run(run, [compute_shard(rows, list(range(8)), shard, {}, run.folder) for shard in shards])
    return run, open_run(out, job=run.job, verify=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_table_of_a_run_is_a_delta_table_of_the_same_parts(start: Any, tmp_path: Path, protocol: Any) -> None:
    _, opened = committed(start, str(tmp_path), delta=True, protocol=protocol)
    for name in opened.tables:
        delta = DeltaTable(f"{opened.url}/{name}")
        assert delta.version() == 0
        listed = [f"{opened.url}/{part['path']}" for part in opened.manifest["tables"][name]["parts"]]
        assert sorted(path.removeprefix("file://") for path in delta.file_uris()) == listed
        assert pa.table(delta.to_pyarrow_table()).cast(opened.table(name).schema).equals(opened.table(name).to_table())
    actions = pa.table(DeltaTable(f"{opened.url}/cases").get_add_actions(flatten=True)).to_pylist()
    assert [(row["num_records"], row["min.item_id"], row["max.item_id"]) for row in actions] == [(8, "i0", "i7")]


def test_without_the_setting_there_is_no_delta_log(start: Any, tmp_path: Path) -> None:
    committed(start, str(tmp_path), delta=False)
    assert not list(tmp_path.rglob("_delta_log"))


def test_a_commit_cut_short_is_made_up_for_and_a_registered_table_stays_as_it_is(start: Any, tmp_path: Path) -> None:
    run, _ = committed(start, str(tmp_path), delta=True)
    logs = {path: path.read_bytes() for path in tmp_path.rglob("_delta_log/*.json")}
    assert len(logs) == 3
    lost = next(path for path in logs if "cases" in str(path))
    lost.unlink()
    after_commit(run)
    assert {path: path.read_bytes() for path in logs if path != lost} == {
        path: content for path, content in logs.items() if path != lost
    }
    assert DeltaTable(str(lost.parent.parent)).to_pyarrow_table().num_rows == 8


def test_delta_tables_are_refused_before_any_work_where_they_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--delta True: Delta tables are of Parquet files; leave --format arrow out"):
        make_config(RunConfig, {"delta": True, "format": "arrow"}, None)
    monkeypatch.setattr("jobs.config.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"--delta True: the package deltalake is missing; install it with: pip"):
        make_config(RunConfig, {"delta": True}, None)
    assert importlib.util.find_spec("deltalake") is not None
