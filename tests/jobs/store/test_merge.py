"""From fragments to parts: which go together, with what bytes, and never over what is there."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import RunExistsError, StorageError
from jobs.runtime.worker import compute_shard
from jobs.store import merge
from jobs.store.commit import commit_run, write_fragment
from jobs.store.merge import ENOUGH_BYTES, MOST_BYTES, merge_fragments, plan_parts
from jobs.store.records import FragmentInfo, RunFolder
from jobs.store.resume import intact_shards
from recsys_ops.runs import open_run

MEGABYTE = 1024**2


def fragments_of(sizes: list[int]) -> list[FragmentInfo]:
    return [FragmentInfo(f"{n}", "t", n, 1, size, "", "") for n, size in enumerate(sizes)]


def planned(*megabytes: int) -> list[list[int]]:
    parts = plan_parts(fragments_of([size * MEGABYTE for size in megabytes]))
    return [[fragment.bytes // MEGABYTE for fragment in part] for part in parts]


def test_small_neighbours_go_together_and_large_ones_stay_alone() -> None:
    assert planned(10, 10, 10, 10, 40, 50) == [[10, 10, 10, 10], [40], [50]]
    assert planned(32, 32, 5) == [[32], [32, 5]]
    assert planned(32, 32, 20) == [[32], [32], [20]]
    assert planned(31, 120) == [[31], [120]]
    assert planned(1) == [[1]]
    assert planned() == []


@given(st.lists(st.integers(0, 150 * MEGABYTE), max_size=40))
def test_every_fragment_is_in_one_part_in_order_and_parts_are_of_good_size(sizes: list[int]) -> None:
    parts = plan_parts(fragments_of(sizes))
    assert [fragment.shard for part in parts for fragment in part] == list(range(len(sizes)))
    totals = [sum(fragment.bytes for fragment in part) for part in parts]
    for n, (part, total) in enumerate(zip(parts, totals, strict=True)):
        assert len(part) == 1 or total <= MOST_BYTES
        if total < ENOUGH_BYTES and n + 1 < len(parts):  # only because the next fragment did not fit
            assert total + parts[n + 1][0].bytes > MOST_BYTES


def test_a_merged_part_has_the_bytes_of_its_rows_written_at_once(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path), "r1")
    change = pa.list_(pa.struct([pa.field("text", pa.string())]))
    whole = pa.table(
        {"item_id": list(range(60)), "changes": pa.array([[{"text": str(n % 7)}] for n in range(60)], change)}
    )
    fragments = [write_fragment(folder, "t", n, whole.slice(20 * n, 20)) for n in range(3)]
    (part,) = merge_fragments(folder, fragments, "hard-link")
    other = RunFolder(str(tmp_path), "r2")
    (alone,) = merge_fragments(other, [write_fragment(other, "t", 0, whole)], "hard-link")
    assert (part.path, part.rows, part.sha256) == ("t/part-00000.parquet", 60, alone.sha256)
    assert part.columns["item_id"] == {"nulls": 0, "min": 0, "max": 59}


def test_ids_are_dictionary_encoded(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path), "r1")
    fragment = write_fragment(folder, "t", 0, pa.table({"item_id": [f"i{n // 3}" for n in range(90_000)]}))
    column = pq.read_metadata(tmp_path / "runs/r1" / fragment.path).row_group(0).column(0)
    assert column.has_dictionary_page
    assert "RLE_DICTIONARY" in column.encodings
    assert column.compression == "ZSTD"


def test_a_part_that_is_there_with_other_bytes_is_not_written_over(tmp_path: Path) -> None:
    folder = RunFolder(str(tmp_path), "r1")
    fragment = write_fragment(folder, "t", 0, pa.table({"x": [1]}))
    (tmp_path / "runs/r1/t").mkdir()
    (tmp_path / "runs/r1/t/part-00000.parquet").write_bytes(b"of a rival")
    (part,) = merge_fragments(folder, [fragment], "hard-link")
    assert part.path == f"t/part-00000-{part.sha256[:16]}.parquet"
    assert (tmp_path / "runs/r1/t/part-00000.parquet").read_bytes() == b"of a rival"
    data = (tmp_path / "runs/r1" / part.path).read_bytes()
    assert hashlib.sha256(data).hexdigest() == part.sha256
    (again,) = merge_fragments(folder, [fragment], "hard-link")
    assert again == part


@pytest.fixture
def computed(doubling: Any, start: Any) -> Any:
    def compute(**changes: Any) -> Any:
        run, shards = start(**changes)
        return run, [compute_shard(doubling(), list(range(8)), shard, {}, run.folder) for shard in shards]

    return compute


def test_a_fragment_damaged_before_the_merge_stops_the_commit_and_only_its_shard_is_lost(computed: Any) -> None:
    run, records = computed()
    filesystem, root = run.folder.open()
    filesystem.pipe_file(f"{root}/{records[1].fragments[0].path}", b"cut")
    with pytest.raises(
        StorageError, match=r"run r1: _fragments/doubles/00001-\w+\.parquet is missing or not as it was"
    ):
        commit_run(run, records)
    assert sorted(intact_shards(run.folder)) == [0, 2, 3]


def test_a_driver_killed_while_merging_goes_on_from_its_fragments(
    computed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(merge, "ENOUGH_BYTES", 1)  # a part per shard
    run, records = computed()
    merge_fragments(
        run.folder, [fragment for record in records[:2] for fragment in record.fragments], run.protocol
    )  # and killed
    assert sorted(intact_shards(run.folder)) == [0, 1, 2, 3]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs/r1/doubles").iterdir()}
    commit_run(run, records)
    opened = open_run(str(tmp_path), verify=True)
    assert [part["path"] for part in opened.manifest["tables"]["doubles"]["parts"]] == [
        f"doubles/part-{n:05d}.parquet" for n in range(4)
    ]
    assert opened.table("doubles").to_table()["case"].to_pylist() == list(range(8))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not (tmp_path / "runs/r1/_fragments").exists()


def test_a_rival_that_commits_while_we_merge_wins_and_keeps_its_bytes(
    computed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, records = computed()
    rival, _ = computed(resume=True)
    committed: dict[str, Any] = {}
    read = merge._read_fragments

    def rival_first(*arguments: Any) -> Any:
        if not committed:
            committed["manifest"] = None
            committed["manifest"] = commit_run(rival, records)
        return read(*arguments)

    monkeypatch.setattr(merge, "_read_fragments", rival_first)
    with pytest.raises(RunExistsError, match="run r1: already committed by another writer"):
        commit_run(run, records)
    assert open_run(str(tmp_path), verify=True).manifest == committed["manifest"]
