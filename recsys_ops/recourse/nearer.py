"""Plans of one change, of two, and so on, and plans without some of the features: people may prefer them.

The search keeps the best plan of every number of changes on its way; here each is made as small as the users it reaches
allow, and the recommender says whether it is still worth acting for.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import changed_columns
from recsys_ops.recourse.capped import with_finite_box
from recsys_ops.recourse.least_effort import with_least_effort
from recsys_ops.recourse.pool import distinct_rows
from recsys_ops.recourse.problem import Case
from recsys_ops.recourse.within_limits import search_frontier


def nearer_plans(case: Case) -> NDArray[np.float64]:
    """The best plan found for every number of changes that is worth acting for.

    Parameters
    ----------
    case : Case
        Its box holds what changes that each keep the caps make of the item; features without a limit go as far as real
        items do.

    Returns
    -------
    ndarray, shape (m, n_features)
        Of one change first; each keeps the rules and caps, reaches more users than the item does at present, and at
        least as many as the settings want.
    """
    bounded, group = with_finite_box(case), case.search.group
    capped = not case.search.settings.caps.is_of_sparsity_alone
    actions, effects, frontier = search_frontier(bounded, bounded.features[group.columns], capped=capped)
    kept = [one for one in frontier.kept if len(one)]
    return worth_acting_for(case, [with_least_effort(bounded, actions.only(one), effects[:, one]) for one in kept])


def plans_to_choose_from(case: Case, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """What was found, nearer plans, and plans that leave out one of the items' columns it changes, or all but one.

    Parameters
    ----------
    case : Case
        As in ``nearer_plans``.
    found : ndarray, shape (n_features,)

    Returns
    -------
    ndarray, shape (m, n_features)
        Different from each other; what was found comes first.
    """
    rules = case.search.columns.rule
    changed = np.unique(rules[changed_columns(case.features, found)])
    left_out = [rules == rule for rule in changed] + [rules != rule for rule in changed] if len(changed) > 1 else []
    narrower = [nearer_plans(without_changes_to(case, columns)) for columns in left_out]
    return distinct_rows(case, np.vstack([found[None], nearer_plans(case), *narrower]))


def worth_acting_for(case: Case, rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Those of some changed rows that do what the settings want, by the recommender, ``(m, n_features)``."""
    pool = np.array(rows).reshape(len(rows), len(case.features))
    if not len(pool):
        return pool
    settings, before = case.search.settings, int(case.satisfied(case.scores).sum())
    scores = case.rescore_all(pool)
    n_satisfied = np.array([case.satisfied(score).sum() for score in scores.T])
    enough = n_satisfied >= max(settings.n_wanted(case.n_targets, before), before + 1)
    useful: NDArray[np.float64] = pool[enough & settings.caps.allow(case.distances_to(pool)) & ~case.breaks_pairs(pool)]
    if np.all(np.isfinite(case.box.upper[case.searched])):
        return useful
    overlaps = np.array([case.overlap(case.rescore(row)) for row in useful])
    return useful[overlaps >= settings.overlap - 1e-9]


def without_changes_to(case: Case, columns: NDArray[np.bool_]) -> Case:
    """The case in which some columns ``(n_features,)`` stay as they are."""
    box, features = case.box, case.features
    lower, upper = np.where(columns, features, box.lower), np.where(columns, features, box.upper)
    return replace(case, box=replace(box, lower=lower, upper=upper, least=np.where(columns, 0.0, box.least)))
