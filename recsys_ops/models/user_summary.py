"""One pass over all users: what recourse needs of the whole catalogue, by any model that is linear in features.

Blocks of users are scored on every item; nothing of size users x items, or users x features, outlives its block.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.encode import FeatureColumns
from recsys_ops.models.feature_linear import FeatureLinearModel, tie

BLOCK_BYTES = 256 * 2**20
"""Memory that one block of users may take (scores, their sorted copy and profiles)."""

GAIN_DEPTH = 48
"""How many changes the per-user bound looks ahead; more changes than that have a bound of this many."""


@dataclass(frozen=True)
class UserSummary:
    """What recourse needs of each user of a block.

    ``top_scores (n, k + 1)`` best candidate scores, descending, -inf where there are too few candidates;
    ``gains (n, depth)`` most that 1, 2, ... changes of an item can add to its score.
    """

    top_scores: NDArray[np.float64]
    gains: NDArray[np.float64]


@dataclass(frozen=True)
class GroupCounts:
    """Integer sums over the users of a block, so that adding blocks in any order gives the same numbers.

    ``n_candidates``, ``n_in_top (n_groups, n_items)``: users who may be shown the item, and who are, in the top k;
    ``rank_sums (n_groups, n_selected)``: sum of the ranks of the selected items over the users who may be shown them.
    """

    n_candidates: NDArray[np.int64]
    n_in_top: NDArray[np.int64]
    rank_sums: NDArray[np.int64]

    def __add__(self, other: "GroupCounts") -> "GroupCounts":
        return GroupCounts(
            self.n_candidates + other.n_candidates, self.n_in_top + other.n_in_top, self.rank_sums + other.rank_sums
        )


def join_summaries(parts: Iterable[tuple[UserSummary, GroupCounts]]) -> tuple[UserSummary, GroupCounts]:
    """One summary of all users from those of consecutive blocks; of the counts never more than two are held.

    Raises
    ------
    ValueError
        There is no block.
    """
    summaries: list[UserSummary] = []
    total: GroupCounts | None = None
    for summary, counts in parts:
        summaries.append(summary)
        total = counts if total is None else total + counts
    if total is None:
        raise ValueError("no blocks of users to join")
    return UserSummary(
        np.concatenate([summary.top_scores for summary in summaries]),
        np.concatenate([summary.gains for summary in summaries]),
    ), total


def user_block_size(n_items: int, n_features: int) -> int:
    """Users per block: a power of two, so that it does not wander with the size of the catalogue."""
    fitting = BLOCK_BYTES // (8 * (3 * n_items + 2 * n_features))
    return int(2 ** np.clip(np.floor(np.log2(max(fitting, 1))), 3, 10))


def summarise_users(
    model: FeatureLinearModel,
    first: int,
    last: int,
    *,
    k: int,
    groups: NDArray[np.integer],
    n_groups: int,
    selected: NDArray[np.integer],
    columns: FeatureColumns,
    times: NDArray[np.integer] | None = None,
) -> tuple[UserSummary, GroupCounts]:
    """Score every item for the users ``first .. last - 1`` and keep what recourse needs.

    Parameters
    ----------
    model : FeatureLinearModel
    first, last : int
        Range of users; at most ``user_block_size`` of them.
    k : int
        Length of the list that users see.
    groups : ndarray, shape (n_users,)
        Group of each user, -1 for none.
    n_groups : int
    selected : ndarray, shape (n_selected,)
        Items whose ranks are wanted.
    columns : FeatureColumns
    times : ndarray, shape (n_users,), optional
        How often each user counts; once by default.

    Returns
    -------
    UserSummary, GroupCounts

    Notes
    -----
    Time: one sparse product (nnz(features) per user), for a learned model two dense ones, and one sort of n_items
    scores per user. Rank of an item is 1 + the number of candidates with a higher score; scores that differ by
    rounding only (``tie``) are equal.
    """
    histories, vectors = model.histories[first:last], model.vectors[first:last]
    profiles = model.profiles(vectors)
    scores = np.ascontiguousarray((model.features @ profiles.T).T)
    if model.own is not None:
        scores += vectors @ model.own.T
    known_row = np.repeat(np.arange(last - first), np.diff(histories.indptr))
    scores[known_row, histories.indices] = -np.inf
    ascending = np.sort(scores, axis=1)
    top = _best(ascending, k + 1)
    gains = _cumulative_gains(profiles, columns)
    shown = np.isfinite(scores)
    tied = scores + tie(scores, model.score_sizes(vectors)[:, None])
    in_top = shown & (tied >= top[:, k - 1 : k])
    n_items = scores.shape[1]
    counts = GroupCounts(
        np.zeros((n_groups, n_items), np.int64),
        np.zeros((n_groups, n_items), np.int64),
        np.zeros((n_groups, len(selected)), np.int64),
    )
    for row, group in enumerate(groups[first:last]):
        if group < 0:
            continue
        counted = 1 if times is None else int(times[first + row])
        counts.n_candidates[group] += counted * shown[row]
        counts.n_in_top[group] += counted * in_top[row]
        ranks = 1 + n_items - np.searchsorted(ascending[row], tied[row, selected], side="right")
        counts.rank_sums[group] += counted * np.where(shown[row, selected], ranks, 0)
    return UserSummary(top, gains), counts


def _best(ascending: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    best = np.full((len(ascending), n), -np.inf)
    available = min(n, ascending.shape[1])
    best[:, :available] = ascending[:, ::-1][:, :available]
    return best


def _cumulative_gains(profiles: NDArray[np.float64], columns: FeatureColumns) -> NDArray[np.float64]:
    """Per user, the most that n = 1 .. GAIN_DEPTH changes can add to any item's score."""
    single = columns.one_hot < 0
    # Whatever an item has now, a feature rises by at most its upper limit and falls by at most the greatest one seen.
    rise = np.where(columns.can_rise, columns.upper, 0.0)[single]
    fall = np.where(columns.can_fall, np.maximum(columns.greatest - columns.lower, 0.0), 0.0)[single]
    profile = profiles[:, single]
    with np.errstate(invalid="ignore"):
        gains = np.where(profile == 0, 0.0, np.abs(profile) * np.where(profile > 0, rise, fall))
    parts = [gains]
    for group in np.unique(columns.one_hot[~single]):
        members = np.flatnonzero(columns.one_hot == group)
        if columns.can_rise[members[0]]:
            worth = profiles[:, members] * columns.upper[members]
            least = np.minimum(worth.min(axis=1), 0.0)
            parts.append((worth.max(axis=1) - least)[:, None])
    units = np.concatenate(parts, axis=1)
    depth = min(GAIN_DEPTH, units.shape[1])
    largest = -np.sort(-np.partition(units, units.shape[1] - depth, axis=1)[:, units.shape[1] - depth :], axis=1)
    padded = np.zeros((len(units), GAIN_DEPTH))
    padded[:, :depth] = largest
    cumulative: NDArray[np.float64] = np.cumsum(padded, axis=1)
    return cumulative
