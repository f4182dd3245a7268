"""Whole catalogues through the command line: cases per second, what bounds alone decide, memory of all processes."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.runs import open_run
from recsys_ops.status import Status
from tests.benchmarks.catalogue import movielens
from tests.benchmarks.processes import run_measured

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200), pytest.mark.usefixtures("machine")]

GIB = 2**30


def run_and_show(name: str, out: Path, *arguments: str) -> tuple[float, float, float]:
    """Run, print a row of the table.

    Gives GiB of all processes, those that the largest worker has to itself, and the share decided by bounds alone.
    """
    measured = run_measured("counterfactuals", *arguments, "--workers", "2", "--out", str(out), "--run-id", "r")
    run = open_run(str(out / "runs/r"))
    table = run.table("counterfactuals").to_table()
    counts = {key: number for key, number in sorted(run.manifest["counts"].items()) if number}
    search = run.manifest["timings"]["wall_seconds"]
    by_bounds = pc.sum(pc.equal(table["method"], "bounds")).as_py() or 0
    seconds = np.array(run.table("timings").to_table()["seconds"])
    statuses = ", ".join(f"{number} {status}" for status, number in counts.items())
    sizes = [size / GIB for size in (measured.peak_bytes, measured.driver_bytes, measured.worker_bytes)]
    print(
        f"\n{name}: {len(table)} cases in {measured.seconds:.0f} s, {len(table) / search:.1f} per second of search; "
        f"{100 * by_bounds / len(table):.1f} % by bounds alone; median {1000 * np.median(seconds):.1f} ms, "
        f"95 % {1000 * np.quantile(seconds, 0.95):.0f} ms, max {seconds.max():.1f} s; {statuses}\n"
        f"  peak memory: all {sizes[0]:.2f} GiB, driver's own {sizes[1]:.2f}, a worker's own {sizes[2]:.2f}",
        flush=True,
    )
    assert len(table) == sum(counts.values()) > 0
    assert counts.keys() <= set(Status) - {Status.ERROR}
    return sizes[0], sizes[2], by_bounds / len(table)


def test_all_users_of_movielens_1m_without_a_likelihood(tmp_path: Path) -> None:
    total, _, by_bounds = run_and_show("MovieLens-1M, all users x top 3, k = 10", tmp_path, "--data", movielens("1m"))
    assert total < 8
    assert by_bounds > 0


def test_500_users_of_movielens_1m_with_the_likelihood_of_genres(tmp_path: Path) -> None:
    data = movielens("1m")
    users = np.random.default_rng(0).choice(load_dataset(data, seed=0).user_ids.to_pylist(), size=500, replace=False)
    total, *_ = run_and_show(
        "MovieLens-1M, 500 users x top 3, k = 10, disjunction of genres, threshold", tmp_path,
        "--data", data, "--users", ",".join(map(str, users)), "--plausibility", "threshold",
    )  # fmt: skip
    assert total < 8


@pytest.mark.parametrize("model", ["knn", "ease"])
def test_the_weights_of_20_000_items_are_held_once_per_node(tmp_path: Path, model: str) -> None:
    data = "synthetic:items=20000,users=5000,features=2000,ratings_per_user=60"
    users = ",".join(str(user) for user in range(1, 1001))
    total, worker, _ = run_and_show(
        f"20,000 items, {model}, 1,000 users x top 3", tmp_path, "--data", data, "--model", model, "--users", users
    )
    assert worker < 1.6e9 / GIB
    assert total < 8
