"""Recourse from examples: become like a real item that the group already sees.

Of the real items that at least the wanted share of the group has in its top k and that differ from the item only by
what its provider may change, take the nearest; where none of these serves, the nearest of all that do. Such a recourse
changes more than RecRec's, but its outcome exists. Every item takes part, so that the nearest is proven the nearest,
and "there is none" is said only where there is none.
Source: Tominaga, Yamashita and Kurashima 2024, section 3.2.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.distances import Distances
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.user_summary import GroupCounts
from recsys_ops.recourse.bounds import Bounds
from recsys_ops.recourse.options import Offer, select_options
from recsys_ops.recourse.problem import Case, Search, make_cases
from recsys_ops.recourse.proposal import Proposal
from recsys_ops.recourse.real_items import Tried, numbered, try_real_items
from recsys_ops.recourse.solve import Recourse, verify, without_search
from recsys_ops.status import Status

Nearest = Literal["sparsity", "proximity"]

MOST_CHOSEN_FROM = 1000
"""Valid examples, the nearest ones, from which options are chosen; every two of them are compared."""


@dataclass(frozen=True)
class Examples:
    """The real items as examples for one group.

    ``seen (n_items,)`` share of the group's users who may be shown an item that have it in their top k, 1 for an item
    that all of them have rated; ``kinds (n_items,)`` the same number for items that are equal in all that no provider
    may change; ``share`` of the group that an example must have, 0 for any gain; ``nearest`` the distance that decides
    between two.
    """

    seen: NDArray[np.float64]
    kinds: NDArray[np.int64]
    share: float
    nearest: Nearest = "sparsity"

    def order(self, distances: Distances) -> NDArray[np.intp]:
        """Changes from the nearest to the farthest."""
        keys = [distances.proximity, distances.sparsity]
        return np.lexsort(keys if self.nearest == "sparsity" else keys[::-1])

    def of_same_kind(self, item: int, *, seen: bool) -> NDArray[np.intp]:
        """Items of the same kind as an item: with ``seen`` those that enough of the group sees, else all of them."""
        same = self.kinds == self.kinds[item]
        return np.flatnonzero(same & (self.seen >= self.share) if seen else same)


def fixed_kinds(items: EncodedItems) -> NDArray[np.int64]:
    """Number items by what no provider may change about them: the same number for the same, ``(n_items,)``."""
    return numbered(items.matrix[:, np.flatnonzero(~(items.columns.can_rise | items.columns.can_fall))])


def seen_shares(counts: GroupCounts) -> NDArray[np.float64]:
    """Share of each group's users that have each item in their top k, ``(n_groups, n_items)``, as ``Examples.seen``."""
    # An item that all have rated may be shown to nobody, but the group knows it: its features count as seen.
    return np.where(counts.n_candidates > 0, counts.n_in_top / np.maximum(counts.n_candidates, 1), 1.0)


def find_examples(
    search: Search, selected: NDArray[np.int64], offer: Offer, examples: Examples
) -> list[list[Recourse]]:
    """Recourses from examples for a batch of items in one target group.

    Parameters
    ----------
    search : Search
        Only the caps of its settings count.
    selected : ndarray, shape (n_selected,)
        Items.
    offer : Offer
    examples : Examples

    Returns
    -------
    list of list of Recourse
        In the order of ``selected``, numbered by ``option``. Bounds are over the real items, within rules and caps,
        that enough of the group sees, and over all real items where none of those serves. A case without an example is
        infeasible and states the best share that the features of a real item reach.

    Notes
    -----
    At most k / share items are seen by so many, apart from those that all have rated. Where none of them serves, one
    pass over the catalogue tries every real item, once for all cases of the batch.
    """
    search = replace(search, settings=replace(search.settings, min_success=examples.share))
    cases = make_cases(search, selected)
    found = [_without_search(case) for case in cases]
    for seen in (True, False):
        left = [n for n, options in enumerate(found) if options is None]
        searched = [cases[n] for n in left]
        candidates = [examples.of_same_kind(case.item, seen=seen) for case in searched]
        for n, case, tried in zip(left, searched, try_real_items(search, searched, candidates), strict=True):
            found[n] = _with_examples(case, tried, offer, examples)
            if found[n] is None and not seen:
                found[n] = [_without_example(case, tried, examples)]
    return [options for options in found if options is not None]


def _n_wanted(case: Case) -> int:
    """Targets that an example must have: the wanted share or, where that is nothing, one more than now."""
    settings = case.search.settings
    return settings.n_wanted(case.n_targets) if settings.min_success > 0 else int(case.in_top.sum()) + 1


def _without_search(case: Case) -> list[Recourse] | None:
    """The outcome of a case that needs no example."""
    trivial = without_search(case)
    if trivial is not None:
        return [trivial]
    if case.in_top.sum() >= _n_wanted(case):
        return [_unchanged(case, Status.ALREADY_SATISFIED, None)]
    return None


def _bounds(case: Case, tried: Tried) -> Bounds:
    """The most that any of the examples satisfies, by the number of changes."""
    sparsity = tried.distances.sparsity
    reached = np.full(int(sparsity.max(initial=0)) + 1, int(case.in_top.sum()), dtype=np.int64)
    np.maximum.at(reached, sparsity, tried.n_satisfied)
    return Bounds(np.maximum.accumulate(reached), case.n_targets)


def _with_examples(case: Case, tried: Tried, offer: Offer, examples: Examples) -> list[Recourse] | None:
    """The nearest valid example, or a selection of the nearest; None if there is none."""
    order = examples.order(tried.distances)
    valid = order[tried.n_satisfied[order] >= _n_wanted(case)][:MOST_CHOSEN_FROM]
    if not len(valid):
        return None
    if offer.n_options == 1:
        valid = valid[:1]
    rows = case.search.items.matrix[tried.items[valid]].toarray()
    if offer.n_options > 1:
        rows = rows[select_options(case, rows, offer)]
    bounds = _bounds(case, tried)
    return [replace(verify(case, Proposal(row, 0.0), bounds), option=option) for option, row in enumerate(rows)]


def _without_example(case: Case, tried: Tried, examples: Examples) -> Recourse:
    """The best share that a real item's features reach within rules and caps, where no example serves."""
    caps = case.search.settings.caps
    within = "the rules" + ("" if caps.is_none else f" and the caps ({caps})")
    if tried.n_satisfied.max(initial=0) <= case.in_top.sum():
        reason = f"no real item within {within} has features that bring the item into the top k of more users"
        return _unchanged(case, Status.INFEASIBLE, reason)
    order = examples.order(tried.distances)
    best = tried.items[order[np.argmax(tried.n_satisfied[order])]]
    features = case.search.items.matrix[[best]].toarray()[0]
    nearest = verify(case, Proposal(features, 0.0), _bounds(case, tried))
    reason = (
        f"{nearest.success_after:.1%} of the group is the most that the features of a real item within {within} reach, "
        f"and {case.search.settings.min_success:.1%} is wanted"
    )
    return replace(nearest, status=Status.INFEASIBLE, reason=reason)


def _unchanged(case: Case, status: Status, reason: str | None) -> Recourse:
    """The item as it is at present."""
    bounds = Bounds(np.array([int(case.in_top.sum())]), case.n_targets)
    return replace(verify(case, Proposal(case.features, 0.0), bounds), status=status, reason=reason)
