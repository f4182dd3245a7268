"""Parts, records and manifest of a run in a store, without Ray."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.errors import RunExistsError, StorageError
from jobs.runtime.worker import compute_shard
from jobs.store import commit
from jobs.store.code_version import this_code
from jobs.store.commit import commit_run, write_fragment, write_shard_record
from jobs.store.conditional_writes import check_writable, create_bytes
from jobs.store.records import ShardRecord
from jobs.store.resume import intact_shards
from jobs.store.start import check_run_id
from jobs.store.table_files import table_bytes
from recsys_ops.errors import ConfigError
from recsys_ops.runs import open_run

STORES = ["local", "memory"]


@pytest.fixture(params=STORES)
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path / "results")
    return f"memory://{tmp_path.name}"


@pytest.fixture
def computed(doubling: Any, start: Any, out: str) -> Callable[..., Any]:
    """Starts a run and computes its shards in this process."""

    def compute(**changes: Any) -> Any:
        run, shards = start(out=out, **changes)
        return run, [compute_shard(doubling(), list(range(8)), shard, {}, run.folder) for shard in shards]

    return compute


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_equal_tables_give_equal_bytes_however_they_are_chunked(format: Any) -> None:
    whole = pa.table({"x": list(range(1000)), "y": [str(n % 7) for n in range(1000)]})
    fragments = pa.concat_tables([whole.slice(0, 300), whole.slice(300)])
    assert table_bytes(whole, format) == table_bytes(fragments, format)


def test_a_fragment_says_its_rows_bytes_and_checksum(start: Any, out: str) -> None:
    run, _ = start(out=out)
    fragment = write_fragment(run.folder, "doubles", 3, pa.table({"x": [1, 2]}))
    filesystem, root = run.folder.open()
    data = filesystem.cat_file(f"{root}/{fragment.path}")
    digest = hashlib.sha256(data).hexdigest()
    assert (fragment.path, fragment.sha256) == (f"_fragments/doubles/00003-{digest[:16]}.parquet", digest)
    assert (fragment.rows, fragment.bytes) == (2, len(data))


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_a_committed_run_reads_back_in_order(computed: Any, out: str, format: str) -> None:
    run, records = computed(format=format)
    commit_run(run, records, driver_tables={"rejected": pa.table({"row": pa.array([], pa.int64())})})
    opened = open_run(out, job="doubling", verify=True)
    assert opened.table("doubles").to_table()["doubled"].to_pylist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert opened.tables == ["doubles", "rejected", "runs", "shard_timings"]
    assert opened.table("rejected").count_rows() == 0
    (row,) = opened.table("runs").to_table().to_pylist()
    assert (row["run_id"], row["job"], row["cases"]) == ("r1", "doubling", 8)
    assert row["counts"] == [{"status": "optimal", "cases": 8}]
    assert row["fingerprints"][0] == {"name": "interactions", "value": "abc"}
    assert row["started"].isoformat() == opened.manifest["started"]
    assert opened.table("shard_timings").to_table()["shard"].to_pylist() == [0, 1, 2, 3]


def test_a_second_commit_of_a_run_is_refused_and_changes_nothing(computed: Any) -> None:
    run, records = computed()
    first = commit_run(run, records)
    rival, _ = computed(resume=True)
    with pytest.raises(RunExistsError, match="run r1: already committed by another writer"):
        commit_run(rival, records)
    assert open_run(f"{run.folder.out}/runs/r1").manifest == first


def test_a_commit_with_shards_missing_is_refused(computed: Any) -> None:
    run, records = computed()
    with pytest.raises(StorageError, match="records of 3 shards, expected 4"):
        commit_run(run, records[:-1])


def test_an_existing_run_is_refused_without_resume(computed: Any) -> None:
    run, records = computed()
    with pytest.raises(ConfigError, match=r"run r1 exists \(incomplete\)\. Pass --resume, or another --run-id\."):
        computed()
    commit_run(run, records)
    with pytest.raises(ConfigError, match=r"run r1 exists \(complete\)"):
        computed()


def test_a_complete_run_resumed_says_so(computed: Any) -> None:
    commit_run(*computed())
    run, _ = computed(resume=True)
    assert run.is_complete


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"configuration": {"k": 7, "workers": 2}}, "--k was 5, now 7"),
        ({"inputs": {"interactions": "xyz"}}, "input interactions was abc, now xyz"),
        ({"n_shards": 2}, "number of shards was 4, now 2"),
        ({"format": "arrow"}, "--format was parquet, now arrow"),
    ],
)
def test_resuming_another_run_is_refused_with_both_values(computed: Any, changes: Any, message: str) -> None:
    computed()
    with pytest.raises(ConfigError, match=message):
        computed(resume=True, **changes)


OTHER = {"version": "0.0.9", "sha256": "0123456789abcdef" * 4}


def begun_by(run: Any, code: dict[str, str] | None) -> None:
    """Make the run one of other code, or of code from before it was recorded."""
    filesystem, root = run.folder.open()
    info = json.loads(filesystem.cat_file(f"{root}/_run.json"))
    info = {**info, "code": code} if code else {name: value for name, value in info.items() if name != "code"}
    filesystem.pipe_file(f"{root}/_run.json", json.dumps(info).encode())


@pytest.mark.parametrize(
    ("code", "origin"),
    [
        (OTHER, r"recsys-ops 0\.0\.9 \(source 0123456789ab\)"),
        (OTHER | {"version": this_code()["version"]}, rf"recsys-ops {this_code()['version']} \(source 0123456789ab\)"),
        (None, "an earlier recsys-ops that did not record its source"),
    ],
)
def test_a_run_begun_by_other_code_is_refused_with_both(computed: Any, code: Any, origin: str) -> None:
    run, _ = computed()
    begun_by(run, code)
    now = f"recsys-ops {this_code()['version']} \\(source {this_code()['sha256'][:12]}\\)"
    remedy = r"Complete it with the code that began it, or use another --run-id\."
    for resume in (computed, lambda resume: check_run_id(run.folder.out, "r1", resume=resume)):
        message = f"run r1: cannot be resumed, it was begun by {origin}, and this is {now}. {remedy}"
        with pytest.raises(ConfigError, match=message):
            resume(resume=True)


@pytest.mark.parametrize("code", [OTHER, None])
def test_a_complete_run_of_other_code_stays_complete_and_only_what_it_recorded_is_compared(
    computed: Any, code: Any
) -> None:
    commit_run(*computed())
    run, _ = computed(resume=True)
    begun_by(run, code)
    again, _ = computed(resume=True, inputs={"interactions": "abc", "model": "def"})
    assert again.is_complete
    with pytest.raises(ConfigError, match=r"1 of its settings and inputs differ .*input interactions was abc, now xyz"):
        computed(resume=True, inputs={"interactions": "xyz", "model": "def"})


def test_an_input_that_a_resumed_run_had_not_is_refused(computed: Any) -> None:
    computed()
    with pytest.raises(ConfigError, match="input model was None, now def"):
        computed(resume=True, inputs={"interactions": "abc", "model": "def"})


def test_resuming_with_other_workers_is_allowed(computed: Any) -> None:
    computed()
    run, _ = computed(resume=True, configuration={"k": 5, "workers": 16})
    assert run.is_resumed


@pytest.mark.parametrize("damage", [b"", b"PAR1 not what was written"])
def test_a_shard_with_a_damaged_fragment_does_not_hold(computed: Any, damage: bytes) -> None:
    run, records = computed()
    filesystem, root = run.folder.open()
    filesystem.pipe_file(f"{root}/{records[2].fragments[0].path}", damage)
    assert sorted(intact_shards(run.folder)) == [0, 1, 3]


def test_a_shard_with_a_missing_fragment_or_broken_record_does_not_hold(computed: Any) -> None:
    run, records = computed()
    filesystem, root = run.folder.open()
    filesystem.rm_file(f"{root}/{records[0].fragments[0].path}")
    filesystem.pipe_file(f"{root}/_shards/00001.json", b'{"shard": 1')
    assert intact_shards(run.folder) == {record.shard: record for record in records[2:]}


def test_check_writable_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(str(tmp_path / "new"))
    assert list((tmp_path / "new").iterdir()) == []


def test_check_writable_names_the_url(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file/results: writing a probe file failed"):
        check_writable(str(tmp_path / "file" / "results"))


def test_an_unknown_store_is_named() -> None:
    with pytest.raises(StorageError, match="nostore://bucket/out: no such store"):
        check_writable("nostore://bucket/out")


def test_a_local_write_that_fails_leaves_no_temporary_file(start: Any, tmp_path: Path) -> None:
    run, _ = start()
    (tmp_path / "runs/r1/_shards/00000.json").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"00000\.json: writing failed"):
        write_shard_record(run.folder, ShardRecord(0, "", 1, {}, 0.0, 0))
    assert [path.name for path in (tmp_path / "runs/r1/_shards").iterdir()] == ["00000.json"]


@pytest.mark.parametrize("run_id", ["", "../r1", "a/b", ".hidden"])
def test_a_run_id_that_is_no_folder_name_is_refused(start: Any, run_id: str) -> None:
    with pytest.raises(ConfigError, match="is not a folder name"):
        start(run_id=run_id)


def test_fragments_go_at_the_commit_even_from_a_working_folder_that_is_gone(
    start: Any, doubling: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, shards = start(out=str(tmp_path / "results"))
    records = [compute_shard(doubling(), list(range(8)), shard, {}, run.folder) for shard in shards]
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    commit_run(run, records)
    assert not list(tmp_path.rglob("_fragments"))


def test_parts_of_an_attempt_that_ended_before_its_manifest_are_gone_after_the_next(
    computed: Any, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, records = computed()

    def fails_at_the_manifest(filesystem: Any, path: str, data: bytes, protocol: Any) -> None:
        if path.endswith("_manifest.json"):
            raise StorageError("the store went away")
        create_bytes(filesystem, path, data, protocol)

    monkeypatch.setattr(commit, "create_bytes", fails_at_the_manifest)
    for _ in range(2):
        with pytest.raises(StorageError, match="the store went away"):
            commit_run(run, records)
    monkeypatch.undo()
    manifest = commit_run(run, records)
    filesystem, root = run.folder.open()
    listed = {part["path"] for table in manifest["tables"].values() for part in table["parts"]}
    found = {path.partition(f"{root}/")[2] for path in filesystem.find(root)}
    assert {path for path in found if path.endswith(".parquet")} == listed
    assert [part["path"] for part in manifest["tables"]["runs"]["parts"]] != ["runs/part-00000.parquet"]
    assert open_run(out, job="doubling", verify=True).table("runs").count_rows() == 1
