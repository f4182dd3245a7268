"""What the recourse job's workers do: summarise blocks of users, and search the cases of a shard."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from jobs.recourse.tables import frontier_table, recourse_table
from jobs.runtime.shards import Shard
from jobs.store.records import Isolated, ShardOutput
from recsys_ops.acceptance.learned import Learned, choose_first
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets import Dataset
from recsys_ops.features.encode import EncodedItems, fix_features
from recsys_ops.models.content import ContentModel, GroupCounts, UserSummary, summarise_users
from recsys_ops.recourse.examples import Examples, Nearest, find_examples, fixed_kinds
from recsys_ops.recourse.options import Offer, find_options
from recsys_ops.recourse.problem import MOST_SAMPLED, TargetGroup, make_group, searched_of
from recsys_ops.recourse.proposal import Limits
from recsys_ops.recourse.solve import Recourse
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
    """What every worker reads; put into the object store once. ``examples`` per group, empty for RecRec."""

    model: ContentModel
    encoded: EncodedItems
    groups: tuple[TargetGroup, ...]
    cases: Cases
    item_table: pa.Table
    limits: Limits
    offer: Offer
    examples: tuple[Examples, ...]
    learned: Learned


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


def make_examples(encoded: EncodedItems, counts: GroupCounts, share: float, nearest: Nearest) -> tuple[Examples, ...]:
    """The real items as examples, for each group."""
    kinds = fixed_kinds(encoded)
    # Whom nobody may be shown because all have rated it, the group knows: its features are as good as any.
    seen = np.where(counts.n_candidates > 0, counts.n_in_top / np.maximum(counts.n_candidates, 1), 1.0)
    return tuple(Examples(of_group, kinds, share, nearest) for of_group in seen)


def run_shard(shared: Shared, shard: Shard, isolated: Isolated) -> ShardOutput:
    """Recourses of the batches of one shard, at least one row for every case."""
    starts = shared.cases.batch_starts
    first = int(starts[shard.first_unit])
    outcomes: list[list[Recourse]] = []
    for batch in shard.units:
        outcomes.extend(_run_batch(shared, int(starts[batch]), int(starts[batch + 1]), first, isolated))
    cases = np.repeat(np.arange(first, int(starts[shard.last_unit + 1])), [len(options) for options in outcomes])
    counts = Counter(str(options[0].status) for options in outcomes)
    labels = [shared.groups[g].label for g in shared.cases.group[cases]]
    ranks = shared.cases.rank_before[cases]
    rows = [option for options in outcomes for option in options]
    method = "examples" if shared.examples else "recrec"
    tables = {
        "recourse": recourse_table(shared.item_table, rows, labels, ranks, method),
        "frontier": frontier_table(shared.item_table, rows, labels),
    }
    return ShardOutput(tables, dict(counts), len(outcomes))


def _run_batch(shared: Shared, start: int, end: int, shard_start: int, isolated: Isolated) -> list[list[Recourse]]:
    """Search the cases of one batch group by group; back in the order of the cases."""
    cases = shared.cases
    found: dict[int, list[Recourse]] = {}
    for case in range(start, end):
        if case - shard_start in isolated:
            status, reason = isolated[case - shard_start]
            found[case] = [Recourse(int(cases.item[case]), Status(status), reason, None)]
    for group in np.unique(cases.group[start:end]):
        asked = [c for c in range(start, end) if cases.group[c] == group and c not in found]
        sellers = [str(seller) for seller in shared.item_table.column("seller_id").take(cases.item[asked]).to_pylist()]
        impossible = [frozenset(shared.learned.impossible.get(seller, ())) for seller in sellers]
        for fixed in dict.fromkeys(impossible):
            of_these = [position for position, features in enumerate(impossible) if features == fixed]
            items = cases.item[[asked[position] for position in of_these]]
            for position, options in zip(of_these, _search(shared, int(group), items, fixed), strict=True):
                found[asked[position]] = _likeliest_first(options, sellers[position], shared.learned)
    return [found[case] for case in range(start, end)]


def _search(shared: Shared, group: int, asked: NDArray[np.int64], fixed: frozenset[str]) -> list[list[Recourse]]:
    encoded = fix_features(shared.encoded, fixed)
    target = searched_of(shared.groups[group], encoded.columns) if fixed else shared.groups[group]
    arguments = (shared.model, encoded, target, asked, shared.limits, shared.offer)
    if shared.examples:
        return find_examples(*arguments, shared.examples[group])
    return find_options(*arguments)


def _likeliest_first(options: list[Recourse], seller: str, learned: Learned) -> list[Recourse]:
    """The option that the provider is most willing to act upon, then the others as they were."""
    if len(options) < 2:
        return options
    distances = [(option.sparsity, option.proximity) for option in options]
    sparsity, proximity = np.array(distances, dtype=np.float64).T
    features = [{change.feature for change in option.changes} for option in options]
    first = choose_first(sparsity, proximity, features, seller=seller, learned=learned)
    ordered = [options[first], *options[:first], *options[first + 1 :]]
    return [replace(option, option=number) for number, option in enumerate(ordered)]


def case_seconds(groups: Sequence[TargetGroup], n_options: int = 1) -> float:
    """What a case takes on one core, roughly; measured on MovieLens-100K and -1M."""
    sizes = [len(group.sample) * len(group.columns) for group in groups]
    return n_options * (0.01 + 2.5e-7 * float(np.mean(sizes)))


def make_model(encoded: EncodedItems, dataset: Dataset) -> ContentModel:
    """The recommender that recourse is asked of."""
    return ContentModel(encoded.matrix, sp.csr_array(dataset.ratings.astype(np.float64)))
