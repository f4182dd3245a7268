"""Whole catalogues through the command line: cases per second and the memory of all processes."""

from pathlib import Path

import pytest

from recsys_ops.runs import open_run
from recsys_ops.status import Status
from tests.benchmarks.catalogue import movielens
from tests.benchmarks.processes import Measured, run_measured
from tests.suites.goodbooks import goodbooks

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200), pytest.mark.usefixtures("machine")]

GIB = 2**30


def show(name: str, measured: Measured, run: Path) -> None:
    """Print a row of the table; no case failed, and memory stays below 8 GiB."""
    manifest = open_run(str(run), verify=True).manifest
    counts = {key: number for key, number in sorted(manifest["counts"].items()) if number}
    n_cases = sum(counts.values())
    statuses = ", ".join(f"{number} {status}" for status, number in counts.items())
    sizes = [size / GIB for size in (measured.peak_bytes, measured.driver_bytes, measured.worker_bytes)]
    print(
        f"{name:<34} {n_cases:7d} {measured.seconds:8.0f} s {n_cases / measured.seconds:7.1f}/s"
        f" {sizes[0]:6.2f} {sizes[1]:7.2f} {sizes[2]:7.2f}  {statuses}",
        flush=True,
    )
    assert n_cases == manifest["n_cases"] > 0
    assert counts.keys() <= set(Status) - {Status.ERROR}
    assert measured.peak_bytes < 8 * GIB


def header() -> None:
    """Print the head of the table."""
    print(f"\n{'':<34} {'cases':>7} {'time':>10} {'speed':>9} {'GiB: all':>8} {'driver':>6} {'worker':>7}")


def test_all_items_for_five_groups_of_movielens_1m_on_two_workers(tmp_path: Path) -> None:
    header()
    measured = run_measured(
        "recourse", "--data", movielens("1m"), "--groups", "age:5", "--seen-by", "1", "--workers", "2",
        "--out", str(tmp_path), "--run-id", "all",
    )  # fmt: skip
    show("MovieLens-1M, all items x 5 groups", measured, tmp_path / "runs/all")


def test_the_nightly_run_over_all_authors_of_goodbooks(tmp_path: Path) -> None:
    header()
    measured = run_measured(
        "nightly", "--data", goodbooks(tmp_path), "--groups", "n_ratings:5", "--workers", "2",
        "--out", str(tmp_path), "--run-id", "nightly",
    )  # fmt: skip
    show("goodbooks, all authors x 5 groups", measured, tmp_path / "runs/nightly")
    print(measured.output)


def test_memory_grows_with_the_data_and_stays_below_8_gib_for_100_000_users(tmp_path: Path) -> None:
    header()
    for share in (0.25, 0.5, 1.0):
        items, users, features = round(20_000 * share), round(100_000 * share), round(5_000 * share)
        selected = ",".join(str(item) for item in range(1, items, items // 2000)[:2000])
        name = f"{items}x{users}x{features}"
        measured = run_measured(
            "recourse", "--data", f"synthetic:items={items},users={users},features={features},ratings_per_user=50",
            "--groups", "n_ratings:5", "--items", selected, "--workers", "2", "--out", str(tmp_path), "--run-id", name,
        )  # fmt: skip
        show(f"synthetic {name}, 2,000 items", measured, tmp_path / "runs" / name)
