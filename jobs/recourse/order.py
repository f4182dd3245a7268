"""Which shards of recourse come first where a deadline may end the run: who has waited, then what is worth most."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.recourse.inputs import RecourseCases
from jobs.runtime.shards import Shard
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import Dataset, positions_of
from recsys_ops.errors import InputError
from recsys_ops.models.user_summary import GroupCounts
from recsys_ops.recourse.exposure import exposure_lost
from recsys_ops.runs import list_runs, open_run
from recsys_ops.status import Status

MOST_NIGHTS = 30
"""Runs to look back at for who has waited."""


def shard_order(
    shards: Sequence[Shard], cases: RecourseCases, counts: GroupCounts, nights: NDArray[np.int64]
) -> list[int]:
    """Numbers of the shards in the order in which they are to be started.

    Parameters
    ----------
    shards : sequence of Shard
    cases : RecourseCases
    counts : GroupCounts
    nights : ndarray, shape (n_items,)
        Runs in a row, up to the latest, that did not start the item.

    Returns
    -------
    list of int
        Shards with an item that has waited longest come first; of these, and of all others, those with the greatest
        exposure lost per case; then by number.
    """
    lost = exposure_lost(
        counts.n_candidates[cases.group, cases.item], counts.n_in_top[cases.group, cases.item], cases.rank_before
    )

    def key(shard: Shard) -> tuple[int, float, int]:
        first, end = (int(cases.batch_starts[unit]) for unit in (shard.first_unit, shard.last_unit + 1))
        return -int(nights[cases.item[first:end]].max()), -float(lost[first:end].mean()), shard.number

    return [shard.number for shard in sorted(shards, key=key)]


def nights_waited(out: str, run_id: str | None, dataset: Dataset) -> NDArray[np.int64]:
    """For each item, how many runs in a row, up to the latest, ended by their deadline without starting it."""
    waited: Counter[int] = Counter()
    waiting = np.arange(dataset.n_items)
    earlier = [run for run in list_runs(out) if run["job"] == "recourse" and not run["partial"]]
    complete = [run["run_id"] for run in earlier if run["state"] == "complete" and run["run_id"] != run_id]
    for name in complete[: -MOST_NIGHTS - 1 : -1]:
        run = open_run(f"{out.rstrip('/')}/runs/{name}")
        if not len(waiting) or not run.manifest["counts"].get(str(Status.NOT_STARTED)):
            break
        rows = run.table("recourse").to_table(columns=["item_id"], filter=pc.field("status") == str(Status.NOT_STARTED))
        ids = pc.unique(rows.column("item_id"))
        if ids.type != dataset.item_ids.type:
            break
        found = positions_of(ids, dataset.item_ids)
        waiting = np.intersect1d(waiting, found[found >= 0])
        waited.update(waiting.tolist())
    nights = np.zeros(dataset.n_items, dtype=np.int64)
    for item, count in waited.items():
        nights[item] = count
    return nights


def seconds_after_cases(out: str) -> float | None:
    """What the latest run took between its last case and its end; None where there is none."""
    try:
        return float(open_run(out, job="recourse").manifest["timings"].get("before_commit_seconds", 0.0))
    except InputError:
        return None
