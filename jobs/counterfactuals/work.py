"""What the counterfactuals job's workers do: list users' best items, and explain the cases of a shard."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.counterfactuals.tables import Row, result_tables
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.counterfactuals.histories import Histories
from recsys_ops.counterfactuals.question import make_question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import Explanation, explain
from recsys_ops.models.likelihood import Likelihood
from recsys_ops.models.linear import LinearRecommender, top_lists
from recsys_ops.status import Status


@dataclass(frozen=True)
class Cases:
    """All cases in the order of the results, by user and item: ``user``, ``item (n_cases,)``.

    User number n of those with any case has the cases ``user_starts[n] .. user_starts[n + 1]``.
    """

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    user_starts: NDArray[np.int64]


@dataclass(frozen=True)
class Shared:
    """What every worker reads; put into the object store once, so that a node holds the weights once."""

    recommender: LinearRecommender
    histories: Histories
    likelihood: Likelihood | None
    cases: Cases
    users: pa.Table
    items: pa.Table
    settings: Settings


def list_blocks(
    recommender: LinearRecommender, blocks: Sequence[tuple[int, int]], arguments: dict[str, Any]
) -> NDArray[np.int64]:
    """Best items of consecutive blocks of users, ``(n_users, n)``."""
    histories = arguments["histories"]
    return np.concatenate([top_lists(recommender, histories[first:last], arguments["n"]) for first, last in blocks])


def make_cases(users: NDArray[np.int64], lists: NDArray[np.int64]) -> Cases:
    """One case per user and listed item.

    Parameters
    ----------
    users : ndarray, shape (n_users,)
    lists : ndarray, shape (n_users, n)
        Best items of each, -1 where there are fewer.
    """
    ordered = np.sort(lists, axis=1)
    row, _ = listed = np.nonzero(ordered >= 0)
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if len(row) else np.array([], dtype=np.int64)
    return Cases(users[row], ordered[listed], np.append(starts, len(row)))


def run_shard(shared: Shared, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Explanations of the users of one shard, at least one row for every case."""
    starts = shared.cases.user_starts
    first, last = int(starts[shard.first_unit]), int(starts[shard.last_unit + 1])
    rows: list[Row] = []
    counts: Counter[str] = Counter()
    n_timeouts = 0
    for case in range(first, last):
        user, item = int(shared.cases.user[case]), int(shared.cases.item[case])
        if case - first in isolated:
            status, reason = isolated[case - first]
            found = [Explanation(item, 0, Status(status), reason)]
        else:
            found = _explain(shared, user, item)
        counts[str(found[0].status)] += 1
        # What was found and not proven best is feasible because the clock ended the search.
        n_timeouts += any(option.status in (Status.TIMEOUT, Status.FEASIBLE) for option in found)
        rows.extend((user, explanation) for explanation in found)
    tables = result_tables(shared.users, shared.items, shared.histories, shared.settings.k, rows)
    return ShardOutput(tables, dict(counts), last - first, n_timeouts)


def _explain(shared: Shared, user: int, item: int) -> list[Explanation]:
    settings, histories = shared.settings, shared.histories
    items, amounts, costs, may_go = histories.of_user(user)
    question = make_question(
        shared.recommender, items, amounts, item, k=settings.k, scale=histories.scale, validity=settings.validity,
        removed_items=settings.removed_items, weights=costs, removable=may_go,
        max_removed=settings.max_removed, max_distance=settings.max_distance,
    )  # fmt: skip
    return explain(question, shared.likelihood, settings)


def case_seconds(lengths: NDArray[np.int64], settings: Settings) -> NDArray[np.float64]:
    """What a case takes on one core, roughly, by the length of the history; measured on MovieLens-100K."""
    each: NDArray[np.float64] = 0.01 + 1e-4 * lengths.astype(np.float64)
    return each if settings.plausibility == "none" and settings.engine == "direct" else 10 * each
