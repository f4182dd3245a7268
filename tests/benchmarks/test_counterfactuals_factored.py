"""A million items in factored form through the command line: cases per second and the memory of all processes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys_ops.runs import open_run
from tests.benchmarks.processes import run_measured

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(14400), pytest.mark.usefixtures("machine")]

GIB = 2**30
N_ITEMS, N_USERS, LENGTH, TASTES = 1_000_000, 1_000, 128, 64


def write_world(folder: Path, n_items: int, n_users: int) -> None:
    """Items of one taste each, of different popularity; users of three tastes who take a few items of none of them."""
    rng = np.random.default_rng(12)
    taste = rng.integers(0, TASTES, n_items)
    centres = rng.standard_normal((TASTES, LENGTH), dtype=np.float32)
    vectors = centres[taste] + rng.standard_normal((n_items, LENGTH), dtype=np.float32)
    vectors *= (0.6 + 0.2 * rng.gamma(1.0, 1.0, n_items).astype(np.float32))[:, None] / np.float32(np.sqrt(LENGTH))
    folder.mkdir(parents=True)
    np.save(folder / "vectors.npy", vectors)
    users, items = [], []
    for user in range(n_users):
        liked = np.flatnonzero(np.isin(taste, rng.choice(TASTES, 3, replace=False)))
        n = int(rng.integers(20, 61))
        own = np.unique(np.r_[rng.choice(liked, int(0.8 * n)), rng.choice(n_items, n - int(0.8 * n))])
        users += [user] * len(own)
        items += own.tolist()
    ids = np.arange(n_items)
    kinds = np.char.add("kind ", (taste % 8).astype(str))
    table = {"item_id": ids, "seller_id": ids % 1000, "title": np.char.add("Item ", ids.astype(str)), "kind": kinds}
    pq.write_table(pa.table(table), folder / "items.parquet")
    pq.write_table(pa.table({"user_id": users, "item_id": items}), folder / "interactions.parquet")
    (folder / "features.yaml").write_text("features:\n  - column: kind\n    kind: category\n")


@pytest.mark.parametrize("share", [8, 4, 2, 1])
def test_explanations_from_factors_of_up_to_a_million_items(tmp_path: Path, share: int) -> None:
    folder = tmp_path / "world"
    write_world(folder, N_ITEMS // share, N_USERS)
    measured = run_measured(
        "counterfactuals", "--data", str(folder), "--model", f"embeddings:{folder / 'vectors.npy'}",
        "--workers", "2", "--out", str(tmp_path / "out"), "--run-id", "r",
    )  # fmt: skip
    run = open_run(str(tmp_path / "out/runs/r"))
    timings = {name: seconds for name, seconds in run.manifest["timings"].items() if name.endswith("seconds")}
    n_cases = run.table("counterfactuals").to_table(columns=["k"]).num_rows
    seconds = np.array(run.table("timings").to_table()["seconds"])
    print(
        f"\n{N_ITEMS // share:,} items: {n_cases} cases in {measured.seconds:.0f} s, of which "
        f"{timings['wall_seconds']:.0f} s of search ({n_cases / timings['wall_seconds']:.1f} a second); median "
        f"{np.median(seconds):.2f} s a case, greatest {seconds.max():.1f}; {run.manifest['counts']}\n"
        f"  peak memory: all {measured.peak_bytes / GIB:.2f} GiB, driver's own {measured.driver_bytes / GIB:.2f}, a "
        f"worker's own {measured.worker_bytes / GIB:.2f}",
        flush=True,
    )
    assert n_cases == 3 * N_USERS
    assert measured.peak_bytes < 6 * GIB
