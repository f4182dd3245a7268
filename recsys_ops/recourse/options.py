"""Up to five different recourses per case, all valid, all within the caps: the provider chooses.

Those of ``study`` and ``diverse`` do as much as the first, or nearly; those spread over all ``distance`` may do less.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.distances import pairwise_difference
from recsys_ops.features.plans import Plans
from recsys_ops.recourse.nearer import nearer_plans, plans_to_choose_from
from recsys_ops.recourse.pool import Wanted, distinct_rows, make_pool
from recsys_ops.recourse.problem import Case, Search
from recsys_ops.recourse.proposal import Proposal
from recsys_ops.recourse.selection import Selection, select_as_in_study, select_diverse, select_spread
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


Expected = Callable[[int, Plans], NDArray[np.float64]]
"""What each of some plans of an item is expected to gain, given what its provider is likely to act upon, ``(m,)``."""


def find_options(
    search: Search,
    selected: NDArray[np.int64],
    offer: Offer,
    standing: Mapping[int, Standing] | None = None,
    expected: Expected | None = None,
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
    expected : callable, optional
        What plans are expected to gain: the first option is the plan of the most, also among nearer ones and those that
        leave out some features, and earlier advice stands only while it is expected to gain nearly as much.

    Returns
    -------
    list of list of Recourse
        In the order of ``selected``; at least one per case, numbered by ``option``. Every option satisfies the caps and
        at least the share that the first recourse may fall to within the tolerance; with ``distance`` what is worth
        acting for.
    """
    return list(find_options_each(search, selected, offer, standing, expected))


def find_options_each(
    search: Search,
    selected: NDArray[np.int64],
    offer: Offer,
    standing: Mapping[int, Standing] | None = None,
    expected: Expected | None = None,
) -> Iterator[list[Recourse]]:
    """As ``find_options``, one case after the other."""
    standing = standing or {}
    advised = {
        item: [(target.column, target.direction) for target in advice.targets] for item, advice in standing.items()
    }
    search = replace(search, advised=advised)
    for solved in solve_each(search, selected):
        first = solved if expected is None else _likeliest(solved, expected)
        options = _options(solved, first.recourse, offer)
        yield _with_standing(first, options, standing.get(solved.case.item), offer, expected)


def _likeliest(solved: Solved, expected: Expected) -> Solved:
    """The plan that is expected to gain most in place of the one that reaches most."""
    case, found, bounds = solved.case, solved.recourse, solved.bounds
    if bounds is None or not found.serves or found.features is None:
        return solved
    rows = plans_to_choose_from(case, found.features)
    best = int(np.argmax(expected(case.item, _as_plans(case, rows))))
    if best == 0:
        return solved
    proposal = Proposal(rows[best], found.success_unthresholded or 0.0, found.frontier)
    return replace(solved, recourse=verify(case, proposal, bounds))


def _as_plans(case: Case, rows: NDArray[np.float64]) -> Plans:
    """Changed rows ``(m, n_features)`` as their provider sees them."""
    distances, before = case.distances_to(rows), case.success(case.scores)
    features = [frozenset(change.feature for change in case.changes_to(row)) for row in rows]
    gain = np.array([case.success(score) for score in case.rescore_all(rows).T]) - before
    return Plans(distances.sparsity.astype(np.float64), distances.proximity, features, gain)


def _with_standing(
    solved: Solved, options: list[Recourse], standing: Standing | None, offer: Offer, expected: Expected | None
) -> list[Recourse]:
    """Earlier advice that stands comes first, then the options that differ from it."""
    case, kept = solved.case, None if standing is None else keep_standing(solved, standing)
    if kept is None or kept.features is None:
        return options
    if expected is not None and options[0].features is not None:
        of_kept, of_first = expected(case.item, _as_plans(case, np.array([kept.features, options[0].features])))
        if of_kept < (1 - case.search.settings.tolerance) * of_first:
            return options
    others = [one for one in options if not _are_equal(one, kept)]
    useful = [replace(other, frontier=[], new_users=None) for other in others if other.serves]
    return [replace(one, option=number) for number, one in enumerate([kept, *useful][: offer.n_options])]


def _options(solved: Solved, first: Recourse, offer: Offer) -> list[Recourse]:
    """The ``first`` option and, of those that do as much as what was found, as many as are wanted."""
    case, found, bounds = solved.case, solved.recourse, solved.bounds
    wanted = _wanted(found, case.search.settings)
    if offer.n_options == 1 or wanted is None or bounds is None:
        return [first]
    pool = make_pool(case, wanted, n_searches=offer.n_options, rng=offer.rng(case))
    if offer.select == "distance":
        pool = distinct_rows(case, np.vstack([pool, nearer_plans(case)]))
    options = [
        found if position == 0 else verify(case, Proposal(pool[position], found.success_unthresholded or 0.0), bounds)
        for position in select_options(case, pool, offer)
    ]
    if first is not found:
        options = [first, *(one for one in options if not _are_equal(one, first))][: offer.n_options]
    return [
        replace(
            option,
            option=number,
            frontier=found.frontier if number == 0 else [],
            new_users=first.new_users if number == 0 else None,
        )
        for number, option in enumerate(options)
    ]


def _are_equal(one: Recourse, other: Recourse) -> bool:
    return one.features is not None and other.features is not None and np.allclose(one.features, other.features)


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
    if offer.select == "distance":
        return select_spread(distances, offer.n_options)
    chosen = select_diverse(pairwise_difference(case.search.columns, pool), offer.n_options)
    return chosen[np.lexsort((chosen, distances.proximity[chosen], distances.sparsity[chosen]))]
