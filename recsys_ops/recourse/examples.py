"""Recourse from examples: become like a real item that the group already sees.

Of the real items that at least the wanted share of the group has in its top k and that differ from the item only by
what its provider may change, take the nearest. Such a recourse changes more than RecRec's, but what it asks for
exists. Every item takes part, so that the nearest is proven the nearest.
Source: Tominaga, Yamashita and Kurashima 2024, section 3.2.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.acceptance.distances import measure
from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.bounds import Bounds
from recsys_ops.recourse.feasible import are_feasible, feasible_box, real_columns
from recsys_ops.recourse.options import Offer, select_options
from recsys_ops.recourse.problem import Case, TargetGroup, make_cases
from recsys_ops.recourse.proposal import Limits, Proposal
from recsys_ops.recourse.solve import Recourse, verify, without_search
from recsys_ops.status import Status

Nearest = Literal["sparsity", "proximity"]

ALMOST = 64
"""Items that less of the group sees, best first, of which the best is told where no example serves."""

_BLOCK = 32


@dataclass(frozen=True)
class Examples:
    """The real items as examples for one group.

    ``seen (n_items,)`` share of the group's users who may be shown an item that have it in their top k; ``kinds
    (n_items,)`` the same number for items that are alike in all that no provider may change; ``share`` of the group
    that an example must have; ``nearest`` the distance that decides between two.
    """

    seen: NDArray[np.float64]
    kinds: NDArray[np.int64]
    share: float
    nearest: Nearest = "sparsity"

    def order(
        self, columns: FeatureColumns, before: NDArray[np.float64], rows: NDArray[np.float64]
    ) -> NDArray[np.intp]:
        """Changed rows ``(m, n_features)`` from the nearest to the farthest."""
        distances = measure(columns, before, rows)
        keys = [distances.proximity, distances.sparsity]
        return np.lexsort(keys if self.nearest == "sparsity" else keys[::-1])


def fixed_kinds(items: EncodedItems) -> NDArray[np.int64]:
    """Number items by what no provider may change about them: the same number for the same, ``(n_items,)``."""
    fixed = items.matrix[:, np.flatnonzero(~(items.columns.can_rise | items.columns.can_fall))]
    rows = np.split(np.arange(fixed.nnz), fixed.indptr[1:-1])
    numbers: dict[tuple[bytes, bytes], int] = {}
    keys = ((fixed.indices[row].tobytes(), fixed.data[row].tobytes()) for row in rows)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


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
        In the order of ``asked``, numbered by ``option``; bounds are over real items, within rules and caps. A case
        without an example is infeasible and tells the best share that the features of a real item reach.

    Notes
    -----
    At most k / share items are seen by so many. Memory: 8 bytes x examples x features, a case at a time.
    """
    limits = replace(limits, min_success=examples.share)
    cases = make_cases(model, items, group, asked)
    return [_of_case(model, items, group, case, limits, offer, examples) for case in cases]


def _of_case(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    limits: Limits,
    offer: Offer,
    examples: Examples,
) -> list[Recourse]:
    n_wanted = limits.n_wanted(int(case.targets.sum()))
    trivial = without_search(case)
    if trivial is not None:
        return [trivial]
    if case.in_top.sum() >= n_wanted:
        return [_as_it_is(model, items, group, case, limits, Status.ALREADY_SATISFIED, None)]
    alike = np.flatnonzero(examples.kinds == examples.kinds[case.item])
    alike = alike[alike != case.item]
    seen = examples.seen[alike] >= examples.share
    less_seen = alike[~seen][np.argsort(-examples.seen[alike[~seen]], kind="stable")[:ALMOST]]
    best: tuple[int, NDArray[np.float64], Bounds] | None = None
    for candidates in (alike[seen], less_seen):
        rows = _within(items, case, candidates, limits)
        if not len(rows):
            continue
        rows = rows[examples.order(items.columns, case.features, rows)]
        n_satisfied = _count_satisfied(model, group, case, rows)
        bounds = _bounds(items.columns, case, rows, n_satisfied)
        valid = n_satisfied >= n_wanted
        if valid.any():
            return _offered(model, items, group, case, rows[valid], bounds, limits, offer)
        most = int(np.argmax(n_satisfied))
        if best is None or n_satisfied[most] > best[0]:
            best = int(n_satisfied[most]), rows[most], bounds
    return [_without_example(model, items, group, case, best, limits)]


def _within(items: EncodedItems, case: Case, candidates: NDArray[np.intp], limits: Limits) -> NDArray[np.float64]:
    """Features of the candidates that rules and caps allow the item to take, each once."""
    rows = items.matrix[candidates].toarray()
    real = real_columns(items)
    rows = rows[are_feasible(real, case.features, rows, feasible_box(real, case.features))]
    distances = measure(items.columns, case.features, rows)
    rows = rows[limits.caps.allow(distances) & (distances.sparsity > 0)]
    _, first = np.unique(rows, axis=0, return_index=True)
    distinct: NDArray[np.float64] = rows[np.sort(first)]
    return distinct


def _count_satisfied(
    model: ContentModel, group: TargetGroup, case: Case, rows: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Targets that have the item in their top k with each row of features, by the recommender."""
    counts = []
    for first in range(0, len(rows), _BLOCK):
        scores = model.scores(group.ratings, sp.csr_array(rows[first : first + _BLOCK]))
        counts += [int(case.satisfied(score).sum()) for score in scores.T]
    return np.array(counts, dtype=np.int64)


def _bounds(columns: FeatureColumns, case: Case, rows: NDArray[np.float64], n_satisfied: NDArray[np.int64]) -> Bounds:
    """The most that any of the rows satisfies, by the number of changes."""
    sparsity = measure(columns, case.features, rows).sparsity
    reached = np.full(int(sparsity.max()) + 1, int(case.in_top.sum()), dtype=np.int64)
    np.maximum.at(reached, sparsity, n_satisfied)
    return Bounds(np.maximum.accumulate(reached), int(case.targets.sum()))


def _offered(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    rows: NDArray[np.float64],
    bounds: Bounds,
    limits: Limits,
    offer: Offer,
) -> list[Recourse]:
    """The nearest valid row, or a selection of them."""
    chosen = np.arange(1)
    if offer.n_options > 1:
        chosen = select_options(items.columns, case.features, rows, offer, offer.rng(case.item, group.label))
    found = [verify(model, items, group, case, Proposal(row, 0.0), bounds, limits) for row in rows[chosen]]
    return [replace(recourse, option=option) for option, recourse in enumerate(found)]


def _without_example(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    best: tuple[int, NDArray[np.float64], Bounds] | None,
    limits: Limits,
) -> Recourse:
    """What is told where no example serves: the best share that a real item's features reach within rules and caps."""
    within = "the rules" + ("" if limits.caps.is_none else f" and the caps ({limits.caps})")
    if best is None or best[0] <= case.in_top.sum():
        reason = f"no real item within {within} has features that bring the item into the top k of another user"
        return _as_it_is(model, items, group, case, limits, Status.INFEASIBLE, reason)
    found = verify(model, items, group, case, Proposal(best[1], 0.0), best[2], limits)
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
