"""Ten thousand parts in one run: what committing and opening it takes, on a local folder and on a real S3 server."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.runtime.shards import plan_shards
from jobs.store import merge
from jobs.store.commit import commit_run, write_fragment, write_shard_record
from jobs.store.records import ShardRecord
from jobs.store.resume import intact_shards
from jobs.store.start import StartedRun, start_run
from recsys_ops import open_run
from tests.suites.object_store import ObjectStore

N_PARTS = 10_000

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("merged", [True, False], ids=["merged", "a part per shard"])
def test_ten_thousand_parts_on_a_local_folder(merged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(str(tmp_path), merged, monkeypatch)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("merged", [True, False], ids=["merged", "a part per shard"])
def test_ten_thousand_parts_on_s3(merged: bool, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    measure(object_store.bucket_url, merged, monkeypatch)


def measure(out: str, merged: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Print a line per step."""
    if not merged:
        monkeypatch.setattr(merge, "ENOUGH_BYTES", 1)
    shards = plan_shards([1.0] * N_PARTS, n_shards=N_PARTS)
    run = start_run(out, "many", job="j", configuration={}, inputs={}, shards=shards)
    print(f"\n{out.partition(':')[0] if '://' in out else 'local'}, {'merged' if merged else 'a part per shard'}")
    records = timed("write 10,000 fragments and records", lambda: compute(run))
    again = timed("find them intact (resume)", lambda: intact_shards(run.folder))
    assert len(again) == N_PARTS
    manifest = timed("commit", lambda: commit_run(run, records))
    opened = timed("open", lambda: open_run(f"{out}/runs/many"))
    dataset = timed("dataset of the table", lambda: opened.table("t"))
    assert len(manifest["tables"]["t"]["parts"]) == (1 if merged else N_PARTS)
    assert timed("read all rows, checked", dataset.to_table).num_rows == 20 * N_PARTS


def compute(run: StartedRun) -> list[ShardRecord]:
    """What the workers would do; here in threads, to have it over with."""

    def one(number: int) -> ShardRecord:
        table = pa.table({"item_id": range(20 * number, 20 * number + 20), "score": [float(n) for n in range(20)]})
        fragment = write_fragment(run.folder, "t", number, table)
        record = ShardRecord(number, run.folder.fingerprint, 20, {"optimal": 20}, 1.0, 0, (fragment,))
        write_shard_record(run.folder, record)
        return record

    with ThreadPoolExecutor(16) as workers:
        return list(workers.map(one, range(N_PARTS)))


def timed(what: str, step: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = step()
    print(f"  {what:<34} {time.perf_counter() - started:7.2f} s")
    return result
