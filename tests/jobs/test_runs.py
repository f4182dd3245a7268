"""``recsys-ops runs``: what it says of runs, and that it removes only what it should."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.runtime.shards import plan_shards
from jobs.runtime.worker import compute_shard
from jobs.store.commit import commit_run
from jobs.store.housekeeping import HOURS_UNDER_WAY
from jobs.store.records import ShardOutput
from jobs.store.start import note_failure, start_run
from recsys_ops.runs import list_runs, open_run
from tests.suites.cli import CommandLine


def make_run(
    out: Path, run_id: str, *, state: str = "complete", success: float = 0.5, items: int = 4, is_partial: bool = False
) -> None:
    """A run of a job with a ``recourse`` table of two shards."""
    shards = plan_shards([1.0] * items, n_shards=2)
    run = start_run(
        str(out), run_id, job="recourse", configuration={}, inputs={"data": "abc"}, shards=shards,
        resume=state == "resumed", is_partial=is_partial,
    )  # fmt: skip

    def work(shared: None, shard: Any, isolated: Any) -> ShardOutput:
        rows = [
            {"item_id": n, "group": "all", "option": 0, "status": "optimal", "success_after": success if n else 0.1}
            for n in shard.units
        ]
        return ShardOutput({"recourse": pa.Table.from_pylist(rows)}, {"optimal": len(rows)}, len(rows))

    computed = {"complete": shards, "resumed": []}.get(state, shards[:1])
    records = [compute_shard(work, None, shard, {}, run.folder) for shard in computed]
    if state == "failed":
        note_failure(run, "run: 1 of 2 parts are complete; shard 1 failed")
    if state == "complete":
        commit_run(run, records)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Four complete runs, one failed, one under way."""
    for run_id in ("a", "b", "c"):
        make_run(tmp_path, run_id)
    make_run(tmp_path, "f", state="failed")
    make_run(tmp_path, "d")
    make_run(tmp_path, "u", state="incomplete")
    return tmp_path


def files(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def test_runs_are_listed_complete_incomplete_and_failed(command_line: CommandLine, out: Path) -> None:
    make_run(out, "s", items=2, is_partial=True)
    done = command_line("runs", "--out", str(out))
    assert done.code == 0
    rows = [line.split("│") for line in done.stdout.splitlines() if line.startswith("│")]
    found = {row[1].strip(): [row[number].strip() for number in (2, 4, 5, 6)] for row in rows}
    assert found["a"] == ["recourse", "complete", "2/2", "4"]
    assert found["f"] == ["recourse", "failed", "1/2", ""]
    assert found["u"] == ["recourse", "incomplete", "1/2", ""]
    assert found["s"] == ["recourse (partial)", "complete", "2/2", "2"]
    assert command_line("runs", "--out", str(out / "nothing")).stdout == f"No runs in {out}/nothing.\n"


def test_a_run_is_shown_with_how_to_go_on(command_line: CommandLine, out: Path) -> None:
    shown = command_line("runs", "--out", str(out), "--show", "a").stdout
    assert "scope          whole\n" in shown
    assert "cases          4 optimal\n" in shown
    assert "committed by   hard-link\n" in shown
    failed = command_line("runs", "--out", str(out), "--show", "f").stdout
    assert "message        run: 1 of 2 parts are complete; shard 1 failed\n" in failed
    assert "to go on       repeat its command with --run-id f --resume\n" in failed
    unknown = command_line("runs", "--out", str(out), "--show", "x")
    assert (unknown.code, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith(f"recsys-ops: --show x: no such run in {out} (last ones: ")


def test_verifying_names_the_damaged_part_and_ends_with_3(command_line: CommandLine, out: Path) -> None:
    assert command_line("runs", "--out", str(out), "--verify").code == 0
    part = out / "runs/b/recourse/part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    done = command_line("runs", "--out", str(out), "--verify")
    assert done.code == 3
    assert "b: 1 of 3 parts do not hold\n  recourse/part-00000.parquet has " in done.stdout
    assert "a: all 3 parts hold\n" in done.stdout
    assert command_line("runs", "--out", str(out), "--verify", "--show", "a").code == 0


def test_pruning_removes_orphans_only_and_only_when_confirmed(command_line: CommandLine, out: Path) -> None:
    before = files(out)
    orphans = {
        "runs/a/_fragments/recourse/00000-abc.parquet",
        "runs/a/recourse/part-00000-0123456789abcdef.parquet",
        "runs/a/recourse/.part-00000.parquet.abc.tmp",
        ".probe-abc",
    }
    for orphan in orphans:
        (out / orphan).parent.mkdir(parents=True, exist_ok=True)
        (out / orphan).write_bytes(b"left")
    dry = command_line("runs", "--out", str(out), "--prune")
    assert dry.stdout.endswith("4 files that no run needs. Nothing was removed: repeat with --yes.\n")
    assert all(f"{orphan} (4 bytes)" in dry.stdout for orphan in orphans)
    assert files(out) == before | orphans
    done = command_line("runs", "--out", str(out), "--prune", "--yes")
    assert done.stdout.endswith("4 files that no run needs.\n")
    assert files(out) == before
    for run_id in "abcd":
        open_run(f"{out}/runs/{run_id}", verify=True)


def test_a_claim_on_the_latest_run_is_an_orphan_only_when_its_writer_must_be_dead(
    command_line: CommandLine, out: Path
) -> None:
    for name, hours in (("dead", HOURS_UNDER_WAY + 1), ("alive", HOURS_UNDER_WAY - 1)):
        claim = out / f"latest/_claims/recourse.json-{name}"
        claim.write_bytes(b"")
        written_before(claim, hours)
    done = command_line("runs", "--out", str(out), "--prune", "--yes")
    assert done.stdout.startswith(f"removed {out}/latest/_claims/recourse.json-dead (0 bytes)\n1 files")
    assert {path for path in files(out) if path.startswith("latest/")} == {
        "latest/recourse.json",
        "latest/_claims/recourse.json-alive",
    }


def written_before(path: Path, hours: float) -> None:
    """Makes a file look as if it was written so many hours ago."""
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))


def keep(command_line: CommandLine, out: Path, number: int) -> list[str]:
    """What ``--keep`` removes, having said so before."""
    before = files(out)
    shown = command_line("runs", "--out", str(out), "--keep", str(number)).stdout
    announced = [line.removeprefix("would remove run ") for line in shown.splitlines() if line.startswith("would ")]
    assert shown.splitlines()[-1].startswith(f"{len(announced)} runs.")
    assert files(out) == before
    there = [run["run_id"] for run in list_runs(str(out))]
    done = command_line("runs", "--out", str(out), "--keep", str(number), "--yes")
    assert done.code == 0
    assert done.stdout.splitlines() == [*(f"removed run {run_id}" for run_id in announced), f"{len(announced)} runs."]
    left = [run["run_id"] for run in list_runs(str(out))]
    assert announced == [run_id for run_id in there if run_id not in left]
    assert not [path for path in files(out) if path.startswith(tuple(f"runs/{run_id}/" for run_id in announced))]
    return announced


def age(out: Path, run_id: str, hours: float = HOURS_UNDER_WAY + 1) -> None:
    """Makes a run look as if nothing was written for so many hours."""
    for path in (out / "runs" / run_id).rglob("*.json"):
        written_before(path, hours)


def test_keeping_the_last_runs_removes_older_ones_whole(command_line: CommandLine, out: Path) -> None:
    age(out, "f")
    assert keep(command_line, out, 2) == ["a", "b"]
    assert keep(command_line, out, 1) == ["c", "f"]
    assert open_run(str(out), verify=True).run_id == "d"


def test_runs_over_some_cases_only_are_counted_apart(command_line: CommandLine, out: Path) -> None:
    for run_id in ("s", "t", "v"):
        make_run(out, run_id, items=2, is_partial=True)
    assert open_run(str(out)).run_id == "d"
    assert keep(command_line, out, 2) == ["a", "b", "s"]
    assert keep(command_line, out, 1) == ["c", "t"]


@pytest.mark.parametrize("is_partial", [False, True])
def test_a_run_that_wrote_a_day_ago_or_less_is_never_removed(
    command_line: CommandLine, tmp_path: Path, is_partial: bool
) -> None:
    make_run(tmp_path, "tonight", state="incomplete", is_partial=is_partial)
    for run_id in ("a", "b", "c"):
        make_run(tmp_path, run_id, is_partial=is_partial)
    age(tmp_path, "tonight")
    (record,) = (tmp_path / "runs/tonight/_shards").iterdir()
    written_before(record, HOURS_UNDER_WAY - 1)
    assert keep(command_line, tmp_path, 2) == ["a"]
    age(tmp_path, "tonight")
    make_run(tmp_path, "tonight", state="resumed", is_partial=is_partial)
    assert keep(command_line, tmp_path, 1) == ["b"]
    age(tmp_path, "tonight")
    assert keep(command_line, tmp_path, 1) == ["tonight"]


def test_what_a_killed_removal_left_goes_with_the_next(command_line: CommandLine, out: Path) -> None:
    for run_id in ("a", "b", "c", "f"):
        age(out, run_id)
    (out / "runs/a/_manifest.json").unlink()
    assert keep(command_line, out, 3) == ["a"]


def test_the_run_that_latest_names_stays_whatever_its_age(command_line: CommandLine, out: Path) -> None:
    (out / "latest/recourse.json").write_text(json.dumps({"run_id": "a"}))
    assert keep(command_line, out, 1) == ["b", "c"]


def test_the_help_says_how_long_a_run_counts_as_under_way(command_line: CommandLine) -> None:
    shown = " ".join(command_line("runs", "--help").stdout.split())
    assert f"never one that is not complete and has written something in the last {HOURS_UNDER_WAY} hours" in shown
    assert "made for some --items, --sellers or --users only" in shown


def test_the_difference_of_two_runs_is_shown_row_by_row(command_line: CommandLine, out: Path) -> None:
    make_run(out, "tomorrow", success=0.75, items=5)
    done = command_line("runs", "--out", str(out), "--diff", "a,tomorrow", "--rows")
    assert done.code == 0
    assert done.stdout.splitlines()[0] == "recourse: 4 rows before, 5 after; 1 added, 0 removed, 3 changed"
    assert "  item_id 1, group all, option 0: success_after 0.5 -> 0.75\n" in done.stdout
    assert "  item_id 4, group all, option 0: added\n" in done.stdout
    assert "item_id 0" not in done.stdout
    wrong = command_line("runs", "--out", str(out), "--diff", "a")
    assert (wrong.code, wrong.stderr) == (2, "recsys-ops: --diff a: expected two ids, BEFORE,AFTER.\n")


def test_an_incomplete_run_cannot_be_compared(command_line: CommandLine, out: Path) -> None:
    done = command_line("runs", "--out", str(out), "--diff", "a,u")
    assert done.code == 2
    assert "no complete run here" in done.stderr
