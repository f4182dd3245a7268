"""Up to five different recourses per case, all valid, all within the caps: the provider chooses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.distances import pairwise_difference
from recsys_ops.recourse.pool import Wanted, make_pool
from recsys_ops.recourse.problem import Case, Search
from recsys_ops.recourse.proposal import Proposal
from recsys_ops.recourse.selection import Selection, select_as_in_study, select_diverse
from recsys_ops.recourse.settings import RecourseSettings
from recsys_ops.recourse.solve import Recourse, Solved, solve_each, verify
from recsys_ops.recourse.standing import Standing, keep_standing


@dataclass(frozen=True)
class Offer:
    """How many options, by which selection, drawn from which seed."""

    n_options: int = 1
    select: Selection = "study"
    seed: int = 0

    def rng(self, case: Case) -> np.random.Generator:
        """The draws of one case, whatever else is done."""
        return np.random.default_rng([self.seed, case.item, *case.search.group.label.encode()])


def find_options(
    search: Search, selected: NDArray[np.int64], offer: Offer, standing: Mapping[int, Standing] | None = None
) -> list[list[Recourse]]:
    """Recourses for a batch of items in one target group, several for each.

    Parameters
    ----------
    search : Search
    selected : ndarray, shape (n_selected,)
        Items; one batch of the descent.
    offer : Offer
    standing : mapping, optional
        Item to the advice that it was given earlier; the first option while it stands.

    Returns
    -------
    list of list of Recourse
        In the order of ``selected``; at least one per case, numbered by ``option``. Every option satisfies at least the
        share that the first recourse may fall to within the tolerance, and the caps.
    """
    return list(find_options_each(search, selected, offer, standing))


def find_options_each(
    search: Search, selected: NDArray[np.int64], offer: Offer, standing: Mapping[int, Standing] | None = None
) -> Iterator[list[Recourse]]:
    """As ``find_options``, one case after the other."""
    standing = standing or {}
    advised = {
        item: [(target.column, target.direction) for target in advice.targets] for item, advice in standing.items()
    }
    search = replace(search, advised=advised)
    for solved in solve_each(search, selected):
        yield _with_standing(solved, _options(solved, offer), standing.get(solved.case.item), offer)


def _with_standing(solved: Solved, options: list[Recourse], standing: Standing | None, offer: Offer) -> list[Recourse]:
    """Earlier advice that stands comes first, then the options that differ from it."""
    kept = None if standing is None else keep_standing(solved, standing)
    if kept is None or kept.features is None:
        return options
    others = [one for one in options if one.features is None or not np.allclose(one.features, kept.features)]
    useful = [replace(other, frontier=[], new_users=None) for other in others if other.serves]
    return [replace(one, option=number) for number, one in enumerate([kept, *useful][: offer.n_options])]


def _options(solved: Solved, offer: Offer) -> list[Recourse]:
    case, first, bounds = solved.case, solved.recourse, solved.bounds
    wanted = _wanted(first, case.search.settings)
    if offer.n_options == 1 or wanted is None or bounds is None:
        return [first]
    pool = make_pool(case, wanted, n_searches=offer.n_options, rng=offer.rng(case))
    options = [
        first if position == 0 else verify(case, Proposal(pool[position], first.success_unthresholded or 0.0), bounds)
        for position in select_options(case, pool, offer)
    ]
    return [
        replace(
            option,
            option=number,
            frontier=first.frontier if number == 0 else [],
            new_users=first.new_users if number == 0 else None,
        )
        for number, option in enumerate(options)
    ]


def _wanted(first: Recourse, settings: RecourseSettings) -> Wanted | None:
    """What every option must reach: the success before thresholding less the tolerated loss."""
    if not first.serves or first.features is None:
        return None
    measures = (first.n_targets, first.success_before, first.success_unthresholded, first.success_after)
    n_targets, before, most, after = (value or 0.0 for value in measures)
    tolerated = before + (1 - settings.tolerance) * (most - before)
    least = after if settings.knee else min(max(tolerated, settings.min_success, before + settings.least_gain), after)
    return Wanted(first.features, int(np.ceil(least * n_targets - 1e-6)))


def select_options(case: Case, pool: NDArray[np.float64], offer: Offer) -> NDArray[np.intp]:
    """Positions of the options in a pool of changed rows ``(m, n_features)``; the diverse ones sparsest first."""
    distances = case.distances_to(pool)
    if offer.select == "study":
        return select_as_in_study(distances, offer.n_options, offer.rng(case))
    chosen = select_diverse(pairwise_difference(case.search.columns, pool), offer.n_options)
    return chosen[np.lexsort((chosen, distances.proximity[chosen], distances.sparsity[chosen]))]
