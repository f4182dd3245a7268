"""Which run is named the last of its job, whoever commits beside it."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.errors import StorageError
from jobs.runtime.shards import plan_shards
from jobs.runtime.worker import compute_shard
from jobs.store import conditional_writes as storage
from jobs.store import latest
from jobs.store.commit import commit_run
from jobs.store.conditional_writes import replace_bytes
from jobs.store.latest import name_latest
from jobs.store.records import ShardOutput
from jobs.store.start import StartedRun, start_run
from recsys_ops.runs import latest_runs, open_run
from recsys_ops.storage import open_store
from tests.suites.scripted_s3 import BUCKET, scripted_s3


@pytest.fixture(params=["local", "memory", "s3"])
def out(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "s3":
        with scripted_s3(monkeypatch):
            yield f"s3://{BUCKET}/results"
    else:
        yield str(tmp_path / "results") if request.param == "local" else f"memory://{tmp_path.name}"


def computed(
    out: str, run_id: str, job: str = "doubling", until: str | None = None, status: str = "optimal", **known: Any
) -> Callable[[], StartedRun]:
    """A run of one shard that was computed: call it to commit it."""
    shards = plan_shards([1.0], n_shards=1)
    run = start_run(out, run_id, job=job, configuration={"until": until, "k": 10}, inputs={}, shards=shards)

    def work(shared: None, shard: Any, isolated: Any) -> ShardOutput:
        return ShardOutput({"t": pa.table({"x": [1]})}, {status: 1}, 1)

    records = [compute_shard(work, None, shard, {}, run.folder) for shard in shards]

    def commit() -> StartedRun:
        commit_run(run, records, **known)
        return run

    return commit


def at_once(*actions: Callable[[], Any]) -> None:
    """Each action in a thread of its own, all from the same moment on."""
    start = threading.Barrier(len(actions))

    def act(action: Callable[[], Any]) -> None:
        start.wait()
        action()

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_last_run_of_each_job_is_named_in_a_file_of_its_own(out: str) -> None:
    for run_id, job in (("r1", "doubling"), ("r2", "doubling"), ("r3", "halving")):
        computed(out, run_id, job)()
    filesystem, root = open_store(out)
    assert json.loads(filesystem.cat_file(f"{root}/latest/doubling.json")) == {"run_id": "r2"}
    assert latest_runs(out) == {"doubling": "r2", "halving": "r3"}
    assert open_run(out).run_id == "r3"
    assert open_run(out, job="doubling").run_id == "r2"


def test_jobs_that_commit_at_the_same_moment_are_all_named(tmp_path: Path) -> None:
    for attempt in range(10):
        out = str(tmp_path / str(attempt))
        at_once(computed(out, "r1", "doubling"), computed(out, "r2", "halving"), computed(out, "r3", "adding"))
        assert latest_runs(out) == {"doubling": "r1", "halving": "r2", "adding": "r3"}


def test_of_runs_of_a_job_that_commit_at_the_same_moment_the_one_started_last_is_named(tmp_path: Path) -> None:
    for attempt in range(5):
        out = str(tmp_path / str(attempt))
        at_once(*(computed(out, f"r{number}") for number in range(4)))
        assert open_run(out, job="doubling").run_id == "r3"


def test_a_run_that_was_started_earlier_and_is_completed_later_is_not_named(out: str) -> None:
    earlier, later = computed(out, "earlier"), computed(out, "later")
    later()
    earlier()
    assert latest_runs(out) == {"doubling": "later"}


@pytest.mark.parametrize(
    ("until", "named"), [("2026-11-18", "tonight"), ("2999-01-01", "repeated"), (None, "repeated")]
)
def test_a_run_about_earlier_data_is_not_named(out: str, until: str | None, named: str) -> None:
    computed(out, "tonight")()
    computed(out, "repeated", until=until)()
    assert latest_runs(out) == {"doubling": named}


def test_an_earlier_run_that_stalls_before_it_writes_does_not_write_over_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = computed(str(tmp_path), "earlier")()
    later = computed(str(tmp_path), "later")()
    (tmp_path / "latest/doubling.json").unlink()
    has_looked, is_named = threading.Event(), threading.Event()
    plain = latest.read_json

    def stalls_after_looking(filesystem: Any, path: str) -> Any:
        content = plain(filesystem, path)
        if path.endswith("doubling.json") and threading.current_thread() is stalling:
            has_looked.set()
            is_named.wait(1.0)
        return content

    monkeypatch.setattr(latest, "read_json", stalls_after_looking)
    stalling = threading.Thread(target=name_latest, args=(earlier.folder,))
    stalling.start()
    assert has_looked.wait(10)
    name_latest(later.folder)
    is_named.set()
    stalling.join()
    assert latest_runs(str(tmp_path)) == {"doubling": "later"}


def test_a_complete_run_that_is_resumed_does_not_take_the_place_of_a_later_one(out: str) -> None:
    earlier = computed(out, "earlier")()
    computed(out, "later")()
    name_latest(earlier.folder)
    assert latest_runs(out) == {"doubling": "later"}


def test_a_run_that_is_named_but_gone_gives_way(out: str) -> None:
    earlier, later = computed(out, "earlier")(), computed(out, "later")()
    filesystem, root = open_store(out)
    filesystem.rm(f"{root}/runs/later", recursive=True)
    name_latest(earlier.folder)
    assert latest_runs(out) == {later.job: "earlier"}


def test_a_file_that_others_replace_all_the_time_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem, root = open_store(str(tmp_path))
    (tmp_path / "_claims").mkdir()
    (tmp_path / "_claims/file-rival").write_text("")
    monkeypatch.setattr(storage, "CLAIM_SECONDS", 1.0)
    monkeypatch.setattr(storage, "_is_alive", lambda *_: True)
    with pytest.raises(StorageError, match=r"file: other writers were at it for 2 s\. Repeat with --resume"):
        replace_bytes(filesystem, f"{root}/file", lambda: b"ours")
    assert not (tmp_path / "file").exists()
