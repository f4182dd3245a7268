"""Recourse from examples: become like a real item that the group already sees.

Of the real items that at least the wanted share of the group has in its top k and that differ from the item only by
what its provider may change, take the nearest; where none of these serves, the nearest of all that do. Such a recourse
changes more than RecRec's, but what it asks for exists. Every item takes part, so that the nearest is proven the
nearest, and none is said to exist only where none does.
Source: Tominaga, Yamashita and Kurashima 2024, section 3.2.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.distances import Distances
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.bounds import Bounds
from recsys_ops.recourse.options import Offer, select_options
from recsys_ops.recourse.problem import Case, TargetGroup, make_cases
from recsys_ops.recourse.proposal import Limits, Proposal
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
    that all of them have rated; ``kinds (n_items,)`` the same number for items that are alike in all that no provider
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

    def alike(self, item: int, *, seen: bool) -> NDArray[np.intp]:
        """Items of the same kind, of which enough of the group sees each, or all of them."""
        alike = self.kinds == self.kinds[item]
        return np.flatnonzero(alike & (self.seen >= self.share) if seen else alike)


def fixed_kinds(items: EncodedItems) -> NDArray[np.int64]:
    """Number items by what no provider may change about them: the same number for the same, ``(n_items,)``."""
    return numbered(items.matrix[:, np.flatnonzero(~(items.columns.can_rise | items.columns.can_fall))])


def find_examples(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    asked: NDArray[np.int64],
    limits: Limits,
    offer: Offer,
    examples: Examples,
) -> list[list[Recourse]]:
    """Recourses from examples for a batch of items in one target group.

    Parameters
    ----------
    model : ContentModel
    items : EncodedItems
    group : TargetGroup
    asked : ndarray, shape (n_asked,)
        Items.
    limits : Limits
        Of which only the caps count.
    offer : Offer
    examples : Examples

    Returns
    -------
    list of list of Recourse
        In the order of ``asked``, numbered by ``option``. Bounds are over the real items, within rules and caps, that
        enough of the group sees, and over all real items where none of those serves. A case without an example is
        infeasible and tells the best share that the features of a real item reach.

    Notes
    -----
    At most k / share items are seen by so many, besides those that all have rated. Where none of them serves, one pass
    over the catalogue tries every real item, once for all cases of the batch.
    """
    limits = replace(limits, min_success=examples.share)
    cases = make_cases(model, items, group, asked)
    found = [_without_search(model, items, group, case, limits) for case in cases]
    for seen in (True, False):
        left = [n for n, options in enumerate(found) if options is None]
        searched = [cases[n] for n in left]
        candidates = [examples.alike(case.item, seen=seen) for case in searched]
        everything = try_real_items(model, items, group, searched, candidates, limits.caps)
        for n, case, tried in zip(left, searched, everything, strict=True):
            found[n] = _with_examples(model, items, group, case, tried, limits, offer, examples)
            if found[n] is None and not seen:
                found[n] = [_without_example(model, items, group, case, tried, limits, examples)]
    return [options for options in found if options is not None]


def _n_wanted(case: Case, limits: Limits) -> int:
    """Targets that an example must have: the wanted share or, where that is nothing, one more than now."""
    return limits.n_wanted(int(case.targets.sum())) if limits.min_success > 0 else int(case.in_top.sum()) + 1


def _without_search(
    model: ContentModel, items: EncodedItems, group: TargetGroup, case: Case, limits: Limits
) -> list[Recourse] | None:
    """The outcome of a case that needs no example."""
    trivial = without_search(case)
    if trivial is not None:
        return [trivial]
    if case.in_top.sum() >= _n_wanted(case, limits):
        return [_as_it_is(model, items, group, case, limits, Status.ALREADY_SATISFIED, None)]
    return None


def _bounds(case: Case, tried: Tried) -> Bounds:
    """The most that any of the examples satisfies, by the number of changes."""
    sparsity = tried.distances.sparsity
    reached = np.full(int(sparsity.max(initial=0)) + 1, int(case.in_top.sum()), dtype=np.int64)
    np.maximum.at(reached, sparsity, tried.n_satisfied)
    return Bounds(np.maximum.accumulate(reached), int(case.targets.sum()))


def _with_examples(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    tried: Tried,
    limits: Limits,
    offer: Offer,
    examples: Examples,
) -> list[Recourse] | None:
    """The nearest valid example, or a selection of the nearest; None if there is none."""
    order = examples.order(tried.distances)
    valid = order[tried.n_satisfied[order] >= _n_wanted(case, limits)][:MOST_CHOSEN_FROM]
    if not len(valid):
        return None
    if offer.n_options == 1:
        valid = valid[:1]
    rows = items.matrix[tried.items[valid]].toarray()
    if offer.n_options > 1:
        rows = rows[select_options(items.columns, case.features, rows, offer, offer.rng(case.item, group.label))]
    bounds = _bounds(case, tried)
    found = [verify(model, items, group, case, Proposal(row, 0.0), bounds, limits) for row in rows]
    return [replace(recourse, option=option) for option, recourse in enumerate(found)]


def _without_example(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    tried: Tried,
    limits: Limits,
    examples: Examples,
) -> Recourse:
    """What is told where no example serves: the best share that a real item's features reach within rules and caps."""
    within = "the rules" + ("" if limits.caps.is_none else f" and the caps ({limits.caps})")
    if tried.n_satisfied.max(initial=0) <= case.in_top.sum():
        reason = f"no real item within {within} has features that bring the item into the top k of more users"
        return _as_it_is(model, items, group, case, limits, Status.INFEASIBLE, reason)
    order = examples.order(tried.distances)
    best = tried.items[order[np.argmax(tried.n_satisfied[order])]]
    features = items.matrix[[best]].toarray()[0]
    found = verify(model, items, group, case, Proposal(features, 0.0), _bounds(case, tried), limits)
    reason = (
        f"{found.success_after:.1%} of the group is the most that the features of a real item within {within} reach, "
        f"and {limits.min_success:.1%} is wanted"
    )
    return replace(found, status=Status.INFEASIBLE, reason=reason)


def _as_it_is(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    limits: Limits,
    status: Status,
    reason: str | None,
) -> Recourse:
    """The item unchanged."""
    bounds = Bounds(np.array([int(case.in_top.sum())]), int(case.targets.sum()))
    unchanged = verify(model, items, group, case, Proposal(case.features, 0.0), bounds, limits)
    return replace(unchanged, status=status, reason=reason)
