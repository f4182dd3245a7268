"""Does a promise hold when others act as well? What recourses reach when some providers change all of their items.

Each recourse is found as if nobody else moved, but places in lists are scarce. Here a share of the providers acts, each
item by the recourse that gains it the most users, and the recommender is run on the catalogue that results: who has
the item in the top k then? With nobody else acting, the same pass gives the mean rank after a recourse, and what it
does to users outside the target group.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.models.feature_linear import FeatureLinearModel, tie

SHARES = (0.01, 0.05, 0.25, 1.0)
"""Shares of the providers that act."""

PLANS_AT_ONCE = 1024
"""Recourses that are scored for a block of users at a time."""


@dataclass(frozen=True)
class Plans:
    """Recourses of a night; arrays of length n_plans.

    ``item`` and ``group`` of each, ``gained`` users promised in addition, ``features (n_plans, n_features)`` after its
    changes.
    """

    item: NDArray[np.int64]
    group: NDArray[np.int64]
    gained: NDArray[np.float64]
    features: sp.csr_array

    def __len__(self) -> int:
        return len(self.item)

    def only(self, chosen: NDArray[np.intp]) -> "Plans":
        """Some of the plans, by position."""
        return Plans(self.item[chosen], self.group[chosen], self.gained[chosen], self.features[chosen])


@dataclass(frozen=True)
class Seen:
    """Sums over users, of each plan alone on top of what others do; integers, so that blocks add in any order.

    ``reached (n_plans,)`` target users with the item in their top k, ``rank_sums`` of their ranks; ``others`` users of
    no or another group who may be shown the item, ``others_before`` and ``others_after`` those who see it without and
    with the plan.
    """

    reached: NDArray[np.int64]
    rank_sums: NDArray[np.int64]
    others: NDArray[np.int64]
    others_before: NDArray[np.int64]
    others_after: NDArray[np.int64]

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


def plans_taken(plans: Plans) -> NDArray[np.intp]:
    """The plan that each item takes if it acts, that which gains most users: an item has one description."""
    order = np.lexsort((np.arange(len(plans)), -plans.gained, plans.item))
    first = np.r_[True, plans.item[order][1:] != plans.item[order][:-1]] if len(order) else np.zeros(0, dtype=bool)
    return np.sort(order[first])


def acting(plans: Plans, providers: NDArray[np.int64], share: float, seed: int) -> NDArray[np.intp]:
    """Plans that are carried out if a share of the providers with a plan acts, drawn by the seed.

    Parameters
    ----------
    plans : Plans
    providers : ndarray, shape (n_items,)
        Number of each item's provider.
    share : float, from 0 to 1
        Whoever acts at a smaller share also acts at a greater one.
    seed : int

    Returns
    -------
    ndarray
        Positions of plans, at most one per item.
    """
    taken = plans_taken(plans)
    owner = providers[plans.item[taken]]
    with_plan = np.random.default_rng([seed, 0]).permutation(np.unique(owner))
    return taken[np.isin(owner, with_plan[: int(np.ceil(share * len(with_plan)))])]


def with_plans(model: FeatureLinearModel, plans: Plans, taken: NDArray[np.intp]) -> FeatureLinearModel:
    """The recommender on a catalogue in which some plans were carried out; what was learned stays as it is."""
    n_items = model.features.shape[0]
    kept = np.ones(n_items)
    kept[plans.item[taken]] = 0.0
    entries = (np.ones(len(taken)), (plans.item[taken], np.arange(len(taken))))
    placed = sp.csr_array(entries, shape=(n_items, len(taken))) @ plans.features[taken]
    features = sp.csr_array(sp.diags_array(kept) @ model.features + placed)
    features.sort_indices()
    is_content = model.feature_map is model.features
    return replace(model, features=features, feature_map=features if is_content else model.feature_map)


def count_seen(
    model: FeatureLinearModel,
    first: int,
    last: int,
    *,
    k: int,
    groups: NDArray[np.integer],
    plans: Plans,
    times: NDArray[np.integer] | None = None,
) -> Seen:
    """Run the recommender for the users ``first .. last - 1``, and on each plan on top of it.

    Parameters
    ----------
    model : FeatureLinearModel
        As ``with_plans`` gives it.
    first, last : int
        Range of users; at most ``user_block_size`` of them.
    k : int
    groups : ndarray, shape (n_users,)
        Group of each user, -1 for none.
    plans : Plans
    times : ndarray, shape (n_users,), optional
        How often each user counts in its group; once by default.

    Returns
    -------
    Seen

    Notes
    -----
    Memory: as ``summarise_users``, and 8 bytes x users x 1,024 plans a few times. Time: nnz(features) per user for
    the catalogue, and as much for the plans. A tie counts as being in the top k, as in every rank.
    """
    vectors = model.vectors[first:last]
    scores, profiles = scores_of_block(model, first, last)
    ascending, sizes = np.sort(scores, axis=1), model.score_sizes(vectors)[:, None]
    parts = []
    for start in range(0, len(plans), PLANS_AT_ONCE):
        chosen = slice(start, start + PLANS_AT_ONCE)
        item = plans.item[chosen]
        present, moved = scores[:, item], (plans.features[chosen] @ profiles.T).T
        if model.own is not None:
            moved = moved + model.own_scores(vectors, item)
        in_group = (groups[first:last, None] == plans.group[None, chosen]).astype(np.int64)
        if times is not None:
            in_group *= times[first:last, None]
        parts.append(_seen((ascending, sizes), present, moved, in_group, k))
    joined = [np.concatenate([getattr(part, name) for part in parts]) for name in Seen.__dataclass_fields__]
    return Seen(*joined)


def scores_of_block(
    model: FeatureLinearModel, first: int, last: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of all items for the users ``first .. last - 1``, -inf where rated, and these users' profiles."""
    vectors, histories = model.vectors[first:last], model.histories[first:last]
    profiles = model.profiles(vectors)
    scores = np.ascontiguousarray((model.features @ profiles.T).T)
    if model.own is not None:
        scores += vectors @ model.own.T
    scores[np.repeat(np.arange(last - first), np.diff(histories.indptr)), histories.indices] = -np.inf
    return scores, profiles


def _seen(
    lists: tuple[NDArray[np.float64], NDArray[np.float64]],
    present: NDArray[np.float64],
    moved: NDArray[np.float64],
    in_group: NDArray[np.int64],
    k: int,
) -> Seen:
    """Counts of some plans; ``present``, ``moved (n_users, n_plans)``: scores of their items without and with them.

    ``in_group``, the same shape: how often each user counts as one of the plan's group.
    """
    (ascending, sizes), shown = lists, np.isfinite(present)
    kth, next_one = (_from_end(ascending, n) for n in (k, k + 1))
    before = shown & (present + tie(present, sizes) >= kth)
    tied = moved + tie(moved, sizes)
    after = shown & (tied >= np.where(before, next_one, kth))
    ranks = np.zeros(present.shape, dtype=np.int64)
    for user in np.flatnonzero(in_group.any(axis=1)):
        plans = np.flatnonzero((in_group[user] > 0) & shown[user])
        above = ascending.shape[1] - np.searchsorted(ascending[user], tied[user, plans], side="right")
        ranks[user, plans] = 1 + above - (present[user, plans] > tied[user, plans])
    others = shown & (in_group == 0)
    return Seen(
        (after * in_group).sum(axis=0), (ranks * in_group).sum(axis=0), others.sum(axis=0),
        (before & others).sum(axis=0), (after & others).sum(axis=0),
    )  # fmt: skip


def nth_best(scores: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """n-th best score of each user, ``(n_users, 1)``, -inf where there are fewer."""
    n_items = scores.shape[1]
    return _from_end(np.partition(scores, n_items - n, axis=1) if n <= n_items else scores, n)


def _from_end(ascending: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    if ascending.shape[1] < n:
        return np.full((len(ascending), 1), -np.inf)
    return ascending[:, ascending.shape[1] - n, None]


def sum_seen(parts: Sequence[Seen]) -> Seen:
    """Sum over blocks of users; at least one."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
