"""A native call that never returns, in a shard of 720 cases of each job: what it costs in rows and in seconds."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.antidote import job as antidote
from jobs.antidote.config import AntidoteConfig
from jobs.counterfactuals import job as counterfactuals
from jobs.counterfactuals.config import CounterfactualsConfig
from jobs.recourse import job as recourse
from jobs.recourse.config import RecourseConfig
from jobs.runtime.job import Job, run_job
from recsys_ops.runs import open_run
from tests.benchmarks.catalogue import movielens

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3600)]

N_CASES = 720
HANGS_AT = 400

JOBS: dict[str, tuple[Job[Any, Any], Any, tuple[str, ...], str, float]] = {
    "counterfactuals": (
        counterfactuals.JOB, CounterfactualsConfig(users=",".join(map(str, range(1, 241))), plausibility="none"),
        ("user_id", "item_id"), "counterfactuals", 15.0,
    ),
    "recourse": (
        recourse.JOB, RecourseConfig(items=",".join(map(str, range(1, 145))), time_limit=20.0, groups="age:5"),
        ("item_id", "group"), "recourse", 20.0,
    ),
    "antidote": (
        antidote.JOB,
        AntidoteConfig(algorithm="random", budget="1", runs=N_CASES, starts=3, rank=2, time_limit=20.0, hold_out=0.0),
        ("algorithm", "budget", "run"), "antidote_effect", 20.0,
    ),
}  # fmt: skip
"""Job, settings, columns that name a case, table, and the deadline of a case; a shard takes about as long as usual."""


def hanging(job: Job[Any, Any]) -> Job[Any, Any]:
    """The job, one of whose cases calls C, which keeps the interpreter for hours."""
    run_shard, module = job.run_shard, f"jobs.{job.name}.work"

    def work(inputs: Any, shard: Any, isolated: Any) -> Any:
        import ctypes
        from importlib import import_module

        heartbeat: Any = import_module("jobs.runtime.heartbeat")
        place: Any = import_module(module)
        real = place.at_case

        def at_case(case: int, **about: Any) -> None:
            real(case, **about)
            if heartbeat._pulse.n_before + case == HANGS_AT:
                ctypes.PyDLL(None).sleep(10_000)

        place.at_case = at_case
        try:
            return run_shard(inputs, shard, isolated)
        finally:
            place.at_case = real

    return replace(job, run_shard=work)


@pytest.mark.parametrize("name", JOBS)
def test_a_hanging_call_costs_one_row_and_at_most_twice_its_limit_and_thirty_seconds(
    name: str, tmp_path: Path, ray_session: None
) -> None:
    job, config, keys, table, limit = JOBS[name]
    data = (
        "synthetic:items=40,users=20,ratings_per_user=10"
        if name == "antidote"
        else movielens("1m" if name == "counterfactuals" else "100k")
    )
    seconds, rows = {}, {}
    for run_id, one in (("calm", job), ("hung", hanging(job))):
        settings = config.model_copy(
            update={"data": data, "out": str(tmp_path), "run_id": run_id, "shards": 1, "quality": False}
        )
        began = time.perf_counter()
        run_job(settings, one)
        seconds[run_id] = time.perf_counter() - began
        run = open_run(str(tmp_path / "runs" / run_id))
        assert run.manifest["n_cases"] == N_CASES
        rows[run_id] = _by_case(run.table(table).to_table(), keys)
    other = [key for key, value in rows["calm"].items() if rows["hung"].get(key) != value]
    lost = seconds["hung"] - seconds["calm"]
    print(
        f"\n{name}: {seconds['calm']:.0f} s, with a hanging call {seconds['hung']:.0f} s: {lost:.0f} s and "
        f"{len(other)} of {N_CASES} rows lost with {limit:g} s a case: {[rows['hung'].get(key) for key in other]}"
    )
    assert len(other) == 1
    assert lost < 2 * limit + 30


def _by_case(table: pa.Table, keys: tuple[str, ...]) -> dict[tuple[Any, ...], list[tuple[Any, Any]]]:
    """Status and reason of the rows of each case."""
    found: dict[tuple[Any, ...], list[tuple[Any, Any]]] = {}
    for row in table.to_pylist():
        found.setdefault(tuple(row[key] for key in keys), []).append((row["status"], row.get("reason")))
    return found
