"""Shards on a real Ray: what is killed, late or broken, and what that does to the results."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import exceptions as failures

from jobs.errors import IncompleteRunError, StorageError
from jobs.runtime.deadline import Deadline
from jobs.runtime.ended import end_of
from jobs.runtime.isolation import AttemptEnd
from jobs.runtime.tasks import run_shards
from jobs.store.commit import commit_run
from jobs.store.records import RunFolder
from jobs.store.resume import intact_shards
from recsys_ops.runs import open_run


@pytest.fixture
def numbers(ray_session: None) -> Any:
    return ray.put(list(range(8)))


def rows_of(folder: RunFolder) -> list[dict[str, Any]]:
    return open_run(f"{folder.out}/runs/{folder.run_id}", verify=True).table("doubles").to_table().to_pylist()


def fragment_bytes(folder: RunFolder) -> dict[str, bytes]:
    root = Path(folder.out) / "runs" / folder.run_id / "_fragments/doubles"
    return {path.name: path.read_bytes() for path in sorted(root.iterdir())}


def test_a_run_holds_every_case_in_order(doubling: Any, start: Any, numbers: Any) -> None:
    run, shards = start()
    seen: list[int] = []
    records = run_shards(
        doubling(),
        numbers,
        shards,
        run.folder,
        on_progress=lambda done: None if isinstance(done, int) else seen.append(done.shard),
    )
    manifest = commit_run(run, records)
    assert [(row["case"], row["doubled"]) for row in rows_of(run.folder)] == [(n, 2 * n) for n in range(8)]
    assert manifest["counts"] == {"optimal": 8}
    assert sorted(seen) == [0, 1, 2, 3]


def test_one_task_in_flight_and_many_write_the_same_bytes(doubling: Any, start: Any, numbers: Any) -> None:
    runs = []
    for run_id, in_flight in (("one", 1), ("many", 4)):
        run, shards = start(run_id=run_id)
        run_shards(doubling(), numbers, shards, run.folder, max_in_flight=in_flight)
        runs.append(fragment_bytes(run.folder))
    assert runs[0] == runs[1]


def test_a_worker_killed_once_is_replaced_and_the_bytes_are_the_same(
    doubling: Any, start: Any, numbers: Any, tmp_path: Path
) -> None:
    marker = str(tmp_path / "killed")

    def kill_once(value: int) -> None:
        if value == 5 and not os.path.exists(marker):
            with open(marker, "w"):
                pass
            os.kill(os.getpid(), signal.SIGKILL)

    killed, shards = start(run_id="killed")
    run_shards(doubling(kill_once), numbers, shards, killed.folder)
    calm, shards = start(run_id="calm")
    run_shards(doubling(), numbers, shards, calm.folder)
    assert os.path.exists(marker)
    assert fragment_bytes(killed.folder) == fragment_bytes(calm.folder)


def test_a_case_that_kills_its_worker_is_recorded_and_the_others_are_computed(
    doubling: Any, start: Any, numbers: Any
) -> None:
    def kill(value: int) -> None:
        if value in (2, 5):
            os._exit(1)

    run, shards = start(n_shards=2)
    commit_run(run, run_shards(doubling(kill), numbers, shards, run.folder))
    rows = rows_of(run.folder)
    assert [row["case"] for row in rows if row["status"] == "error"] == [2, 5]
    assert all(row["reason"].startswith("killed its worker twice: ") for row in rows if row["status"] == "error")
    assert [row["doubled"] for row in rows if row["status"] == "optimal"] == [0, 2, 6, 8, 12, 14]


def test_a_native_call_that_never_gives_the_interpreter_back_costs_its_own_row_and_little_work(
    doubling: Any, start: Any, numbers: Any, tmp_path: Path
) -> None:
    def hang(value: int) -> None:
        with (tmp_path / f"begun-{value}").open("a") as file:
            file.write(".")
        time.sleep(0.8 if value < 5 else 0.0)  # longer than a piece, together
        if value == 6:
            ctypes.PyDLL(None).sleep(60)

    run, shards = start(n_shards=1)
    began = time.monotonic()
    commit_run(run, run_shards(doubling(hang), numbers, shards, run.folder, deadline_seconds=lambda shard: 2.0))
    rows = rows_of(run.folder)
    assert [row["doubled"] for row in rows] == [0, 2, 4, 6, 8, 10, None, 14]
    assert (rows[6]["status"], rows[6]["reason"]) == ("timeout", "no result within 2 s: it was stopped")
    assert time.monotonic() - began < 2 * 2.0 + 30
    assert [(tmp_path / f"begun-{value}").read_text() for value in (0, 1, 7)] == ["."] * 3


def test_what_a_deadline_of_the_run_leaves_has_rows_and_the_first_in_order_are_done(
    doubling: Any, start: Any, numbers: Any
) -> None:
    def hang(value: int) -> None:
        if value < 4:
            time.sleep(60)

    run, shards = start()
    began = time.monotonic()
    deadline = Deadline(began + 4.0, order=[3, 2, 1, 0], reason="no time left")
    commit_run(run, run_shards(doubling(hang), numbers, shards, run.folder, max_in_flight=2, deadline=deadline))
    rows = rows_of(run.folder)
    assert [row["status"] for row in rows] == ["not_started"] * 4 + ["optimal"] * 4
    assert {row["reason"] for row in rows[:4]} == {"no time left"}
    assert time.monotonic() - began < 30


def test_waiting_in_the_queue_does_not_count_toward_the_deadline(doubling: Any, start: Any, numbers: Any) -> None:
    run, shards = start(n_shards=8)
    records = run_shards(
        doubling(lambda value: time.sleep(0.4)),
        numbers,
        shards,
        run.folder,
        max_in_flight=8,
        deadline_seconds=lambda shard: 1.2,
    )
    assert all(record.counts == {"optimal": 1} for record in records)


def test_a_defect_fails_its_shard_and_nothing_is_committed(doubling: Any, start: Any, numbers: Any) -> None:
    def fail(value: int) -> None:
        if value == 3:
            raise MemoryError("no room")

    run, shards = start()
    with pytest.raises(
        IncompleteRunError, match=r"run r1: 3 of 4 parts are complete; shard 1 failed after 2"
    ) as caught:
        run_shards(doubling(fail), numbers, shards, run.folder)
    assert "(first: MemoryError: no room in shard 1)" in str(caught.value)
    assert "Repeat with --run-id r1 --resume, or raise --shards." in str(caught.value)
    assert sorted(intact_shards(run.folder)) == [0, 2, 3]
    assert not (Path(run.folder.out) / "runs/r1/_manifest.json").exists()


def test_a_resumed_run_computes_only_what_is_missing_or_damaged(
    doubling: Any, start: Callable[..., Any], numbers: Any, tmp_path: Path
) -> None:
    run, shards = start()
    run_shards(doubling(), numbers, shards[:3], run.folder)
    before = fragment_bytes(run.folder)
    (fragment,) = (tmp_path / "runs/r1/_fragments/doubles").glob("00001-*")
    fragment.write_bytes(fragment.read_bytes()[:-7])
    resumed, shards = start(resume=True)
    intact = intact_shards(resumed.folder)
    assert sorted(intact) == [0, 2]
    missing = [shard for shard in shards if shard.number not in intact]
    records = run_shards(doubling(), numbers, missing, resumed.folder)
    assert [record.shard for record in records] == [1, 3]
    assert before.items() <= fragment_bytes(run.folder).items()
    commit_run(resumed, [*intact.values(), *records])
    assert len(rows_of(run.folder)) == 8


def test_a_fragment_that_cannot_be_written_is_a_storage_error(
    doubling: Any, start: Any, numbers: Any, tmp_path: Path
) -> None:
    run, shards = start()
    (tmp_path / "runs/r1/_fragments").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"run r1: 4 shards could not be written"):
        run_shards(doubling(), numbers, shards, run.folder)


def test_when_the_first_five_shards_fail_the_rest_is_not_tried(
    doubling: Any, start: Any, numbers: Any, tmp_path: Path
) -> None:
    def fail(value: int) -> None:
        (tmp_path / f"tried-{value}").touch()
        raise KeyError("defect")

    run, shards = start(n_shards=8)
    with pytest.raises(IncompleteRunError, match=r"0 of 8 parts are complete; shards 0, 1, 2, 3 and 4 failed"):
        run_shards(doubling(fail), numbers, shards, run.folder, max_in_flight=1)
    assert not (tmp_path / "tried-5").exists()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (failures.NodeDiedError("gone"), AttemptEnd.NODE_LOST),
        (failures.OutOfMemoryError("full"), AttemptEnd.CRASH),
        (failures.WorkerCrashedError(), AttemptEnd.CRASH),
        (failures.RaySystemError("odd"), AttemptEnd.CRASH),
    ],
)
def test_only_a_lost_node_is_not_held_against_the_shard(error: Exception, outcome: AttemptEnd) -> None:
    assert end_of(error)[0] is outcome
