"""More workers: two of them measured, a thousand simulated from recorded shards, and what a shard costs the driver."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from numpy.typing import NDArray

from jobs.counterfactuals.work import case_seconds
from jobs.runtime.cluster import connect
from jobs.runtime.shards import TARGET_SECONDS, plan_shards
from jobs.runtime.tasks import run_shards
from jobs.store.records import ShardOutput
from jobs.store.start import start_run
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.models.linear import LinearRecommender
from recsys_ops.runs import open_run
from tests.benchmarks.catalogue import movielens
from tests.benchmarks.processes import run_measured
from tests.benchmarks.scaling import makespan

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200), pytest.mark.usefixtures("machine")]

N_WORKERS = (10, 100, 1000)
N_NOTHING = 10_000
DRIVER_SECONDS = 0.0072
"""Of one shard with 2,000 of them in flight, as the first test measures it."""
DRIVER_BUDGET = TARGET_SECONDS / 1000
"""Seconds of driver per shard at which it could just feed a thousand workers."""


def test_nothing_done_ten_thousand_times_shows_what_a_shard_costs_the_driver(tmp_path: Path) -> None:
    def nothing(shared: object, shard: object, isolated: object) -> ShardOutput:
        return ShardOutput({}, {}, 0)

    print(f"\n{'in flight':>9} {'shards':>7} {'driver ms per shard':>20} {'wall ms per shard':>18} {'fed workers':>12}")
    for in_flight in (4, 2000):
        shards = plan_shards([1.0] * N_NOTHING, n_shards=N_NOTHING)
        out = tmp_path / str(in_flight)
        with connect("local", 2):
            run = start_run(str(out), "r", job="nothing", configuration={}, inputs={}, shards=shards)
            shared: Any = ray.put(None)
            wall, cpu = time.perf_counter(), time.process_time()
            records = run_shards(nothing, shared, shards, run.folder, max_in_flight=in_flight)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        assert len(records) == N_NOTHING
        each = cpu / N_NOTHING
        print(
            f"{in_flight:>9} {N_NOTHING:>7} {1000 * each:>20.2f} {1000 * wall / N_NOTHING:>18.2f} "
            f"{TARGET_SECONDS / each:>12.0f}",
            flush=True,
        )
        assert each < DRIVER_BUDGET


def test_makespan_of_many_workers_against_the_ideal(tmp_path: Path) -> None:
    arguments = ("counterfactuals", "--data", movielens("100k"), "--shards", "60")
    print(f"\n{'MovieLens-100K, counterfactuals':<34} {'all':>8} {'shards':>8} {'work':>8}")
    walls = []
    for workers in (1, 2):
        measured = run_measured(*arguments, "--workers", str(workers), "--out", str(tmp_path), "--run-id", str(workers))
        timings = open_run(str(tmp_path / f"runs/{workers}")).manifest["timings"]
        wall, work = timings["wall_seconds"], timings["shard_seconds"]
        print(f"{workers} workers{'':<25} {measured.seconds:>6.0f} s {wall:>6.0f} s {work:>6.0f} s", flush=True)
        walls.append(wall)
    assert walls[0] / walls[1] > 1.3
    print_simulated(*costs_of_users(str(tmp_path / "runs/1"), movielens("100k")))


def costs_of_users(run: str, data: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds of each user's cases: as the job estimates them, and as they were recorded."""
    dataset = load_dataset(data, seed=0)
    timings = open_run(run).table("timings").to_table()
    user = positions_of(timings.column("user_id"), dataset.user_ids)
    estimates = case_seconds(np.diff(dataset.ratings.indptr), Settings(k=10), LinearRecommender(np.zeros((1, 1))))
    counts = np.bincount(user, minlength=dataset.n_users)
    measured = np.bincount(user, timings.column("seconds").to_numpy(), minlength=dataset.n_users)
    return (estimates * counts)[counts > 0], measured[counts > 0]


def print_simulated(estimated: NDArray[np.float64], measured: NDArray[np.float64]) -> None:
    """Catalogues of users drawn from those recorded, cut into shards as the job does."""
    ratio = measured / estimated
    ratios = ", ".join(f"{name} {value:.2f}" for name, value in (
        ("mean", measured.sum() / estimated.sum()), ("median", np.median(ratio)), ("most", ratio.max()),
    ))  # fmt: skip
    print(f"recorded over estimated seconds of a user: {ratios}")
    print(f"\n{'users':>9} {'hours':>6} {'shards':>7} {'workers':>8} {'ideal':>9} {'makespan':>10} {'efficiency':>10}")
    rng = np.random.default_rng(7)
    for n_wanted in (1_000, 10_000):
        drawn = rng.integers(len(estimated), size=round(n_wanted * TARGET_SECONDS / estimated.mean()))
        shards = plan_shards(estimated[drawn].tolist())
        starts = [shard.first_unit for shard in shards]
        seconds = np.add.reduceat(measured[drawn], starts)
        for n_workers in N_WORKERS:
            ideal = float(seconds.sum()) / n_workers
            took = makespan(seconds.tolist(), n_workers, DRIVER_SECONDS)
            print(
                f"{len(drawn):>9} {seconds.sum() / 3600:>6.1f} {len(shards):>7} {n_workers:>8} {ideal:>7.0f} s "
                f"{took:>8.0f} s {ideal / took:>10.2f}",
                flush=True,
            )
            if len(shards) >= 10 * n_workers:
                assert ideal / took > 0.85
