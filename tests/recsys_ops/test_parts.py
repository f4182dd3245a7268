"""Parts that were cut, swapped or edited are found by whoever reads them."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.runtime.shards import plan_shards
from jobs.runtime.worker import compute_shard
from jobs.store import merge
from jobs.store.commit import commit_run
from jobs.store.records import ShardOutput
from jobs.store.start import start_run
from recsys_ops import parts
from recsys_ops.errors import InputError
from recsys_ops.runs import Run, open_run
from recsys_ops.storage import open_store

pytestmark = [pytest.mark.usefixtures("machine"), pytest.mark.xdist_group("S3 server")]


@pytest.fixture(params=["local", "s3"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder, or a bucket of a real server."""
    return str(tmp_path) if request.param == "local" else request.getfixturevalue("object_store").bucket_url


@pytest.fixture(params=["parquet", "arrow"])
def run(request: pytest.FixtureRequest, out: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Four parts of as many rows."""
    monkeypatch.setattr(merge, "ENOUGH_BYTES", 1)
    shards = plan_shards([1.0] * 4, n_shards=4)
    started = start_run(out, "r", job="j", configuration={}, inputs={}, shards=shards, format=request.param)

    def work(shared: None, shard: Any, isolated: Any) -> ShardOutput:
        ids = [f"item {shard.number}"] * 1000
        table = pa.table({"item_id": ids, "score": [float(n + 1000 * shard.number) for n in range(1000)]})
        return ShardOutput({"scores": table}, {"optimal": 1000}, 1000)

    commit_run(started, [compute_shard(work, None, shard, {}, started.folder) for shard in shards])
    return open_run(out, verify=True)


def parts_of(run: Run) -> tuple[Any, list[str]]:
    """File system, and paths of the parts."""
    filesystem, root = open_store(run.url)
    return filesystem, [f"{root}/{part['path']}" for part in run.manifest["tables"]["scores"]["parts"]]


def cut(run: Run) -> None:
    filesystem, paths = parts_of(run)
    filesystem.pipe_file(paths[1], filesystem.cat_file(paths[1])[:-20])


def swap(run: Run) -> None:
    filesystem, (_, one, other, _) = parts_of(run)
    contents = filesystem.cat_file(one), filesystem.cat_file(other)
    filesystem.pipe_file(one, contents[1])
    filesystem.pipe_file(other, contents[0])


def edit(run: Run) -> None:
    filesystem, paths = parts_of(run)
    data = bytearray(filesystem.cat_file(paths[1]))
    data[len(data) // 3] ^= 1
    filesystem.pipe_file(paths[1], bytes(data))


def remove(run: Run) -> None:
    filesystem, paths = parts_of(run)
    filesystem.rm_file(paths[1])


def rewrite(run: Run) -> None:
    """With other numbers, as a valid file."""
    filesystem, paths = parts_of(run)
    table = run.table("scores").to_table().slice(1000, 1000)
    changed = pa.BufferOutputStream()
    pq.write_table(table.set_column(1, "score", pa.array([0.0] * 1000)), changed)
    filesystem.pipe_file(paths[1], changed.getvalue().to_pybytes())


DAMAGES = [cut, swap, edit, remove, rewrite]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_by_verifying_and_by_every_way_of_reading(run: Run, damage: Callable[[Run], None]) -> None:
    damage(run)
    dataset = run.table("scores")
    damaged = r"scores/part-0000[12]\.\w+"
    with pytest.raises(InputError, match=f"run r: [12] of 6 parts are missing or not as written .*{damaged}"):
        run.verify()
    for read in (
        lambda: dataset.to_table(),
        lambda: dataset.to_table(columns=["score"]),
        lambda: dataset.count_rows(),
        lambda: list(dataset.to_batches()),
    ):
        with pytest.raises(InputError, match=f"{damaged}: this part (is missing|has )"):
            read()


def test_without_checks_a_reader_fetches_only_the_columns_it_asks_for(run: Run) -> None:
    rows = run.table("scores", checked=False).to_table(columns=["score"])
    assert rows["score"].to_pylist() == [float(n) for n in range(4000)]


def test_opening_a_run_and_its_tables_lists_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem = f"{type(open_store(run.url)[0]).__module__}.{type(open_store(run.url)[0]).__name__}"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("listed")

    for name in ("ls", "find", "glob", "walk", "info", "exists"):
        monkeypatch.setattr(f"{filesystem}.{name}", refuse)
    assert open_run(run.url).table("scores").to_table().num_rows == 4000


def test_a_process_does_not_end_before_arrows_threads_let_go_of_what_they_read_with() -> None:
    class Handler:
        pass

    held = [parts._held(Handler())]
    thread = threading.Timer(0.1, held.clear)
    thread.start()
    parts._let_go()
    assert not held
    thread.join()
