"""What the recourse job's workers do: summarise blocks of users, and search the cases of a shard."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from jobs.recourse_tables import frontier_table, recourse_table
from jobs.runtime.records import Isolated, ShardOutput
from jobs.runtime.shards import Shard
from recsys_ops.datasets import Dataset
from recsys_ops.datasets.arrow import compute as pc
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.content import ContentModel, GroupCounts, UserSummary, summarise_users
from recsys_ops.recourse.problem import MOST_SAMPLED, TargetGroup, make_group
from recsys_ops.recourse.proposal import Limits
from recsys_ops.recourse.solve import Recourse, find_recourses
from recsys_ops.status import Status

BATCH_ITEMS = 32
"""Items of one batch of the descent; the same items whatever the shards, so that rows do not depend on them."""


@dataclass(frozen=True)
class Cases:
    """All cases in the order of the results: by seller, item and group.

    ``item``, ``group``, ``rank_before (n_cases,)``; batch b holds the cases ``batch_starts[b] .. batch_starts[b + 1]``.
    """

    item: NDArray[np.int64]
    group: NDArray[np.int64]
    rank_before: NDArray[np.float64]
    batch_starts: NDArray[np.int64]


@dataclass(frozen=True)
class Shared:
    """What every worker reads; put into the object store once."""

    model: ContentModel
    encoded: EncodedItems
    groups: tuple[TargetGroup, ...]
    cases: Cases
    item_table: pa.Table
    limits: Limits


def summarise_blocks(
    model: ContentModel, blocks: Sequence[tuple[int, int]], arguments: dict[str, Any]
) -> tuple[UserSummary, GroupCounts]:
    """Summaries of consecutive blocks of users, and the sum of their counts."""
    parts = [summarise_users(model, first, last, **arguments) for first, last in blocks]
    summary = UserSummary(
        np.concatenate([summary.top_scores for summary, _ in parts]),
        np.concatenate([summary.gains for summary, _ in parts]),
    )
    counts = parts[0][1]
    for _, more in parts[1:]:
        counts = counts + more
    return summary, counts


def make_cases(dataset: Dataset, asked: NDArray[np.int64], counts: GroupCounts, *, seen_by: float | None) -> Cases:
    """List the cases in the order of the results and cut them into batches of whole sellers where they fit.

    Parameters
    ----------
    dataset : Dataset
    asked : ndarray, shape (n_asked,)
        Items, in the order of ``counts.rank_sums``.
    counts : GroupCounts
    seen_by : float or None
        Leave out items that at least this share of the group has in its top k; None leaves out nothing.
    """
    n_shown = counts.n_candidates[:, asked]
    seen_share = counts.n_in_top[:, asked] / np.maximum(n_shown, 1)
    wanted = np.full(seen_share.shape, True) if seen_by is None else seen_share < seen_by
    sellers = dataset.items.column("seller_id").combine_chunks().dictionary_encode().indices.to_numpy()
    by_seller = dataset.items.select(["seller_id", "item_id"]).take(asked)
    order = pc.sort_indices(by_seller, sort_keys=[("seller_id", "ascending"), ("item_id", "ascending")]).to_numpy()
    position, group = np.nonzero(wanted[:, order].T)
    column = order[position]
    mean_rank = counts.rank_sums / np.where(n_shown > 0, n_shown, np.nan)
    item = asked[column]
    return Cases(item, group, mean_rank[group, column], _batch_starts(item, sellers[item]))


def _batch_starts(item: NDArray[np.int64], seller: NDArray[np.int64]) -> NDArray[np.int64]:
    """First case of each batch of at most BATCH_ITEMS items; a seller is cut only where larger than a batch."""
    if not len(item):
        return np.array([0])
    first_of_item = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    seller_of_item = seller[first_of_item]
    last_of_seller = np.r_[seller_of_item[1:] != seller_of_item[:-1], True]
    starts, size, pending = [0], 0, 0
    for n in range(len(first_of_item)):
        pending += 1
        if pending == BATCH_ITEMS or last_of_seller[n]:
            if size and size + pending > BATCH_ITEMS:
                starts.append(int(first_of_item[n + 1 - pending]))
                size = 0
            size, pending = size + pending, 0
    return np.array([*starts, len(item)])


def make_groups(
    model: ContentModel,
    encoded: EncodedItems,
    labels: Sequence[str],
    group_of_user: NDArray[np.int64],
    summary: UserSummary,
    *,
    sample: float,
    seed: int,
) -> tuple[TargetGroup, ...]:
    """The target groups with their samples; each draws from a seed of its own."""
    groups = []
    for number, label in enumerate(labels):
        users = np.flatnonzero(group_of_user == number)
        groups.append(
            make_group(
                model,
                encoded.columns,
                label=label,
                users=users,
                top_scores=summary.top_scores,
                gains=summary.gains,
                n_sampled=min(int(np.ceil(sample * len(users))), MOST_SAMPLED),
                rng=np.random.default_rng([seed, number]),
            )
        )
    return tuple(groups)


def run_shard(shared: Shared, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Recourses of the batches of one shard, a row for every case."""
    starts = shared.cases.batch_starts
    first = int(starts[shard.first_unit])
    outcomes: list[Recourse] = []
    for batch in shard.units:
        outcomes.extend(_run_batch(shared, int(starts[batch]), int(starts[batch + 1]), first, isolated))
    cases = np.arange(first, int(starts[shard.last_unit + 1]))
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[str(outcome.status)] = counts.get(str(outcome.status), 0) + 1
    labels = [shared.groups[g].label for g in shared.cases.group[cases]]
    ranks = shared.cases.rank_before[cases]
    tables = {
        "recourse": recourse_table(shared.item_table, outcomes, labels, ranks),
        "frontier": frontier_table(shared.item_table, outcomes, labels),
    }
    return ShardOutput(tables, counts, len(outcomes))


def _run_batch(shared: Shared, start: int, end: int, shard_start: int, isolated: Isolated) -> list[Recourse]:
    """Search the cases of one batch group by group; back in the order of the cases."""
    cases = shared.cases
    found: dict[int, Recourse] = {}
    for case in range(start, end):
        if case - shard_start in isolated:
            status, reason = isolated[case - shard_start]
            found[case] = Recourse(int(cases.item[case]), Status(status), reason, None)
    for group in np.unique(cases.group[start:end]):
        asked = [c for c in range(start, end) if cases.group[c] == group and c not in found]
        if asked:
            outcomes = find_recourses(
                shared.model, shared.encoded, shared.groups[group], cases.item[asked], shared.limits
            )
            found.update(zip(asked, outcomes, strict=True))
    return [found[case] for case in range(start, end)]


def case_seconds(groups: Sequence[TargetGroup]) -> float:
    """What a case takes on one core, roughly; measured on MovieLens-100K and -1M."""
    sizes = [len(group.sample) * len(group.columns) for group in groups]
    return 0.01 + 2.5e-7 * float(np.mean(sizes))


def make_model(encoded: EncodedItems, dataset: Dataset) -> ContentModel:
    """The recommender that recourse is asked of."""
    return ContentModel(encoded.matrix, sp.csr_array(dataset.ratings.astype(np.float64)))
