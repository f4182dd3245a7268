"""Antidote data at scale: the whole of MovieLens-1M as a job, and one gradient iteration on 25 million ratings."""

from pathlib import Path

import pytest

from recsys_ops.runs import open_run
from tests.benchmarks.antidote_step import ITEMS, USERS
from tests.benchmarks.catalogue import movielens
from tests.benchmarks.processes import run_measured

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(14_400), pytest.mark.usefixtures("machine")]

GIB = 2**30


@pytest.mark.parametrize("algorithm", ["heuristic1", "gd_fixed", "search"])
def test_the_whole_of_movielens_1m_for_individual_fairness(tmp_path: Path, algorithm: str) -> None:
    measured = run_measured(
        "antidote", "--data", movielens("1m"), "--objective", "individual", "--budget", "1%", "--algorithm", algorithm,
        "--top-items", "3706", "--workers", "2", "--out", str(tmp_path), "--run-id", "whole",
    )  # fmt: skip
    rows = open_run(str(tmp_path / "runs/whole")).table("antidote_effect").to_table().to_pylist()
    print(f"\n{algorithm}: {measured.seconds / 60:.1f} minutes, {measured.peak_bytes / GIB:.2f} GiB in all processes")
    for row in rows:
        print(
            f"{row['split']:<5} {row['before']:.4f} -> {row['after']:.4f} ({100 * row['change']:+.1f} %), "
            f"RMSE {row['rmse_before']:.4f} -> {row['rmse_after']:.4f}, {row['n_antidote_users']} artificial users"
        )
    assert (rows[0]["n_users"], rows[0]["n_items"]) == (6040, 3706)
    if algorithm == "search":
        assert rows[0]["after"] < rows[0]["before"]
    assert measured.peak_bytes < 8 * GIB


def test_a_gradient_iteration_on_25_million_ratings_stays_below_8_gib() -> None:
    print(f"\n{'users':>8} {'items':>7} {'ratings':>9} {'ALS':>9} {'measure':>7} {'grad.':>7} {'all':>7} {'GiB':>6}")
    for share in (0.125, 0.25, 0.5, 1.0):
        measured = run_measured(str(share), module="tests.benchmarks.antidote_step")
        n_ratings, als, measure, gradient, total = measured.output.split()[-5:]
        print(
            f"{round(USERS * share):8d} {round(ITEMS * share):7d} {n_ratings:>9} {als:>9} {measure:>7} {gradient:>7} "
            f"{total:>7} {measured.peak_bytes / GIB:6.2f}",
            flush=True,
        )
        assert measured.peak_bytes < 8 * GIB
