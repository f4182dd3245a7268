"""Removing files and folders of a run: what was named goes, and nothing else, whatever the names look like."""

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from jobs.errors import StorageError
from jobs.runtime.worker import compute_shard
from jobs.store import files
from jobs.store.commit import commit_run
from jobs.store.files import remove_files, remove_folder
from jobs.store.housekeeping import remove_runs
from jobs.store.records import ShardOutput
from recsys_ops.runs import list_runs, open_run
from recsys_ops.storage import open_store
from tests.suites.cli import CommandLine
from tests.suites.scripted_s3 import BUCKET, ScriptedS3, scripted_s3


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    with scripted_s3(monkeypatch) as store:
        yield store


def commit(start: Any, out: str, run_id: str = "r1") -> None:
    run, shards = start(out=out, run_id=run_id, n_shards=2)

    def work(shared: None, shard: Any, isolated: Any) -> ShardOutput:
        return ShardOutput({"t": pa.table({"shard": [shard.number]})}, {"optimal": 1}, 1)

    commit_run(run, [compute_shard(work, None, shard, {}, run.folder) for shard in shards])


@pytest.mark.parametrize(("ours", "theirs"), [("night[1]", "night1"), ("night*", "nightly"), ("night?", "nights")])
@pytest.mark.parametrize("store", ["s3", "memory"])
def test_a_name_that_looks_like_a_pattern_removes_nothing_beside_it(
    request: pytest.FixtureRequest, start: Any, command_line: CommandLine, store: str, ours: str, theirs: str
) -> None:
    if store == "s3":
        request.getfixturevalue("s3")
    place = f"{store}://{BUCKET}/beside-{theirs}"
    filesystem, root = open_store(place)
    out, beside = f"{place}/{ours}", f"{place}/{theirs}"
    left = f"{root}/{theirs}/runs/r1/_fragments/t/left.parquet"
    filesystem.pipe_file(left, b"of a run under way")
    commit(start, out)
    assert filesystem.exists(left)
    commit(start, beside)
    commit(start, out, "r2")
    filesystem.pipe_file(f"{root}/{ours}/runs/r2/t/part-00009.parquet", b"orphan")
    filesystem.pipe_file(f"{root}/{theirs}/runs/r2/t/part-00009.parquet", b"theirs")
    assert command_line("runs", "--out", out, "--prune", "--yes").code == 0
    remove_runs(out, ["r1"])
    assert [run["run_id"] for run in list_runs(out)] == ["r2"]
    assert [path for path in filesystem.find(f"{root}/{ours}/runs") if "part-00009" in path or "/r1/" in path] == []
    open_run(f"{beside}/runs/r1", verify=True)
    assert filesystem.exists(f"{root}/{theirs}/runs/r2/t/part-00009.parquet")


def test_many_files_go_by_few_requests(s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_KEYS", 4)
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    for number in range(10):
        filesystem.pipe_file(f"{root}/folder/{number}", b"")
    s3.counts.clear()
    remove_folder(filesystem, f"{root}/folder")
    assert filesystem.find(root) == []
    assert {method: count for (method, _), count in s3.counts.items() if method in ("POST", "DELETE")} == {"POST": 3}
    remove_folder(filesystem, f"{root}/folder")


def kept(key: str, code: str) -> str:
    """The answer to a request to remove several, of which one stays."""
    return f"<DeleteResult><Error><Key>{key}</Key><Code>{code}</Code><Message>no</Message></Error></DeleteResult>"


def test_a_file_that_the_store_refuses_to_remove_among_others_is_named(s3: ScriptedS3) -> None:
    def one_is_kept(environ: dict[str, Any], _: int) -> tuple[int, str] | None:
        if environ["REQUEST_METHOD"] == "POST":
            return (200, kept("out/1", "AccessDenied"))
        return (403, "AccessDenied") if environ["REQUEST_METHOD"] == "DELETE" else None

    s3.script = one_is_kept
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    message = f"{root}/1: removing failed (AccessDenied). The credentials are known, but may not do this."
    with pytest.raises(StorageError, match=re.escape(message)):
        remove_files(filesystem, [f"{root}/{number}" for number in range(3)])


def test_a_file_that_the_store_could_not_remove_among_others_is_requested_again(s3: ScriptedS3) -> None:
    filesystem, root = open_store(f"s3://{BUCKET}/out")
    filesystem.pipe_file(f"{root}/1", b"")
    s3.script = lambda environ, _: (200, kept("out/1", "SlowDown")) if environ["REQUEST_METHOD"] == "POST" else None
    remove_files(filesystem, [f"{root}/1"])
    assert filesystem.find(root) == []
