"""Up to five different recourses per case, all valid, all within the caps: the provider chooses."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.distances import measure, pairwise_difference
from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.bounds import Bounds
from recsys_ops.recourse.pool import Wanted, make_pool
from recsys_ops.recourse.problem import Case, TargetGroup
from recsys_ops.recourse.proposal import Limits, Proposal
from recsys_ops.recourse.selection import Selection, select_as_in_study, select_diverse
from recsys_ops.recourse.solve import Recourse, Solved, solve_cases, verify


@dataclass(frozen=True)
class Offer:
    """How many options, by which selection, drawn from which seed."""

    n_options: int = 1
    select: Selection = "study"
    seed: int = 0

    def rng(self, item: int, label: str) -> np.random.Generator:
        """The draws of one case, whatever else is done."""
        return np.random.default_rng([self.seed, item, *label.encode()])


def find_options(
    model: ContentModel, items: EncodedItems, group: TargetGroup, asked: NDArray[np.int64], limits: Limits, offer: Offer
) -> list[list[Recourse]]:
    """Recourses for a batch of items in one target group, several for each.

    Parameters
    ----------
    model : ContentModel
    items : EncodedItems
    group : TargetGroup
    asked : ndarray, shape (n_asked,)
        Items; one batch of the descent.
    limits : Limits
    offer : Offer

    Returns
    -------
    list of list of Recourse
        In the order of ``asked``; at least one per case, numbered by ``option``. Every option satisfies at least the
        share that the first recourse may fall to within the tolerance, and the caps.
    """
    solved = solve_cases(model, items, group, asked, limits)
    return [_options(model, items, group, one, limits, offer) for one in solved]


def _options(
    model: ContentModel, items: EncodedItems, group: TargetGroup, solved: Solved, limits: Limits, offer: Offer
) -> list[Recourse]:
    case, found, box, bounds = solved.case, solved.found, solved.box, solved.bounds
    wanted = _wanted(case, found, limits)
    if offer.n_options == 1 or wanted is None or box is None or bounds is None:
        return [found]
    pool = make_pool(
        model, items, group, case, box, wanted, limits,
        n_searches=offer.n_options, rng=offer.rng(case.item, group.label),
    )  # fmt: skip
    chosen = select_options(items.columns, case.features, pool, offer, offer.rng(case.item, group.label))
    options = [
        found if position == 0 else _verified(model, items, group, case, pool[position], found, bounds, limits)
        for position in chosen
    ]
    return [
        replace(option, option=number, frontier=found.frontier if number == 0 else [])
        for number, option in enumerate(options)
    ]


def _wanted(case: Case, found: Recourse, limits: Limits) -> Wanted | None:
    """What every option must reach: what is left of the success before thresholding after the tolerated loss."""
    if not found.serves or found.features is None:
        return None
    measures = (found.n_targets, found.success_before, found.success_unthresholded, found.success_after)
    n_targets, before, most, after = (value or 0.0 for value in measures)
    tolerated = before + (1 - limits.tolerance) * (most - before)
    least = min(max(tolerated, limits.min_success), after)
    return Wanted(found.features, int(np.ceil(least * n_targets - 1e-6)))


def _verified(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    features: NDArray[np.float64],
    found: Recourse,
    bounds: Bounds,
    limits: Limits,
) -> Recourse:
    proposal = Proposal(features, found.success_unthresholded or 0.0)
    return verify(model, items, group, case, proposal, bounds, limits)


def select_options(
    columns: FeatureColumns,
    before: NDArray[np.float64],
    pool: NDArray[np.float64],
    offer: Offer,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Positions of the options in a pool of changed rows ``(m, n_features)``; the diverse ones sparsest first."""
    distances = measure(columns, before, pool)
    if offer.select == "study":
        return select_as_in_study(distances, offer.n_options, rng)
    chosen = select_diverse(pairwise_difference(columns, pool), offer.n_options)
    return chosen[np.lexsort((chosen, distances.proximity[chosen], distances.sparsity[chosen]))]
