"""What happens to the night if one item switches to another plan while all others do as they do.

A switch moves one item in each user's list: at most the item on place k is pushed out, or the first one below moves up.
So one pass over the users gives, for every plan of every item at once, exactly what it would reach and what it would
take from or give to the plans of others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.feature_linear import FeatureLinearModel, tie
from recsys_ops.recourse.together import PLANS_AT_ONCE, Plans, nth_best, scores_of_block

NOBODY = -2
"""Group of the plan to stay as one is: nobody is promised anything."""


@dataclass(frozen=True)
class Switches:
    """Sums over users; integers, so that blocks add in any order.

    ``reached (n_plans,)`` target users with the item in their top k if it takes the plan; ``others (n_plans,)`` by how
    much the target users of the plans that others follow then grow, each by its weight.
    """

    reached: NDArray[np.int64]
    others: NDArray[np.int64]

    def __add__(self, other: "Switches") -> "Switches":
        return Switches(self.reached + other.reached, self.others + other.others)


@dataclass(frozen=True)
class Followed:
    """The plan that each item follows and what one of its users is worth; arrays of length n_items.

    ``group`` is NOBODY and ``weight`` 0 where an item has no plan.
    """

    group: NDArray[np.int64]
    weight: NDArray[np.int64]


def followed(plans: Plans, chosen: NDArray[np.intp], weight: NDArray[np.int64], n_items: int) -> Followed:
    """What the items do by the chosen plans, whose users have these weights, ``(n_chosen,)``."""
    group, worth = np.full(n_items, NOBODY, dtype=np.int64), np.zeros(n_items, dtype=np.int64)
    group[plans.item[chosen]], worth[plans.item[chosen]] = plans.group[chosen], weight
    return Followed(group, worth)


def count_switches(
    model: FeatureLinearModel,
    first: int,
    last: int,
    *,
    k: int,
    groups: NDArray[np.integer],
    plans: Plans,
    followed: Followed,
    times: NDArray[np.integer] | None = None,
) -> Switches:
    """Count for the users ``first .. last - 1``.

    Parameters
    ----------
    model : FeatureLinearModel
        With the plans that are followed, as ``with_plans`` gives it.
    first, last : int
        Range of users; at most ``user_block_size`` of them.
    k : int
    groups : ndarray, shape (n_users,)
        Group of each user, -1 for none.
    plans : Plans
        All that may be followed; ``group`` NOBODY for staying as one is.
    followed : Followed
    times : ndarray, shape (n_users,), optional
        How often each user counts in its group; once by default.

    Returns
    -------
    Switches

    Notes
    -----
    Memory and time: as ``count_seen``. A tie counts as being in the top k, as in every rank.
    """
    scores, profiles = scores_of_block(model, first, last)
    vectors, of_user = model.vectors[first:last], groups[first:last, None]
    counted = np.ones((last - first, 1), dtype=np.int64) if times is None else times[first:last, None]
    weights = np.where(of_user == followed.group, counted * followed.weight, 0)
    lists = _lists(scores, model.score_sizes(vectors)[:, None], weights, k)
    reached, others = np.zeros((2, len(plans)), dtype=np.int64)
    for start in range(0, len(plans), PLANS_AT_ONCE):
        at = slice(start, start + PLANS_AT_ONCE)
        item = plans.item[at]
        moved = (plans.features[at] @ profiles.T).T
        if model.own is not None:
            moved = moved + model.own_scores(vectors, item)
        own_weight = np.where(of_user == followed.group[item], counted * followed.weight[item], 0)
        in_top, others[at] = _switched(lists, scores[:, item], moved, own_weight)
        reached[at] = (counted * (in_top & (of_user == plans.group[at]))).sum(axis=0)
    return Switches(reached, others)


@dataclass(frozen=True)
class _Lists:
    """Where the lists of some users end; columns ``(n_users, 1)``.

    ``kth`` and ``next_one``: scores on places k and k + 1; ``below`` the best score outside of the list; ``pushed`` and
    ``rising`` what a user is worth to those who would be pushed out at its end, and to those who would move up.
    """

    sizes: NDArray[np.float64]
    kth: NDArray[np.float64]
    next_one: NDArray[np.float64]
    below: NDArray[np.float64]
    pushed: NDArray[np.int64]
    rising: NDArray[np.int64]


def _lists(scores: NDArray[np.float64], sizes: NDArray[np.float64], weights: NDArray[np.int64], k: int) -> _Lists:
    """The ends of the lists by ``scores (n_users, n_items)``; ``weights``, the same shape, of what is followed."""
    kth, next_one = nth_best(scores, k), nth_best(scores, k + 1)
    tied = scores + tie(scores, sizes)
    in_top = np.isfinite(scores) & (tied >= kth)
    above = scores > kth + tie(kth, sizes)
    can_push = above.sum(axis=1) == k - 1
    below = np.where(in_top, -np.inf, scores).max(axis=1, keepdims=True)
    can_rise = (scores > below + tie(below, sizes)).sum(axis=1) == k
    pushed = np.where(can_push, np.where(in_top & ~above, weights, 0).sum(axis=1), 0)
    next_in_line = ~in_top & np.isfinite(scores) & (tied >= below)
    rising = np.where(can_rise, np.where(next_in_line, weights, 0).sum(axis=1), 0)
    return _Lists(sizes, kth, next_one, below, pushed[:, None], rising[:, None])


def _switched(
    lists: _Lists, present: NDArray[np.float64], moved: NDArray[np.float64], own_weight: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Who has each plan's item in the top k after its switch, ``(n_users, n_plans)``, and what others gain by it.

    ``present`` and ``moved``: scores of the items as they are and by the plans; ``own_weight`` of each item's users.
    """
    kth, below = lists.kth, lists.below
    shown = np.isfinite(present)
    edge, under = kth + tie(kth, lists.sizes), below + tie(below, lists.sizes)
    before = shown & (present + tie(present, lists.sizes) >= kth)
    after = shown & (moved + tie(moved, lists.sizes) >= np.where(before, lists.next_one, kth))
    rises = shown & (moved > edge) & (present <= edge)
    falls = shown & (moved <= under) & (present > under)
    lost = np.where(rises, lists.pushed - np.where(before, own_weight, 0), 0)
    won = np.where(falls, lists.rising, 0)
    return after, (won - lost).sum(axis=0)
