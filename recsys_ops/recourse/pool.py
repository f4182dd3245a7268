"""Other recourses that do as much for an item as the one that was found: what options are chosen from.

Three cheap sources: the found changes at the least proximity; one of its changes exchanged for another, or one added,
where the sample still has the item; and searches anew without some of the changes found so far, which is where options
that share nothing come from. The recommender has the last word on each.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.features.changes import changed_columns
from recsys_ops.features.distances import measure
from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.actions import Levers, concatenate, lever_effects, make_levers
from recsys_ops.recourse.bounded import polish
from recsys_ops.recourse.capped import cut_levers, finite_box, lever_budgets, lever_proximity, most_changes
from recsys_ops.recourse.exchange import Budgets, choose_levers
from recsys_ops.recourse.feasible import Box
from recsys_ops.recourse.problem import Case, TargetGroup
from recsys_ops.recourse.proposal import Limits, group_effects
from recsys_ops.recourse.thresholding import reversion_path
from recsys_ops.recourse.unbounded import propose_unbounded

EXCHANGES = 8
"""Recourses of one change exchanged or added, drawn from all that the sample allows."""


@dataclass(frozen=True)
class Wanted:
    """What every option must do: have at least ``n_satisfied`` targets; ``features`` of the recourse found first."""

    features: NDArray[np.float64]
    n_satisfied: int


def make_pool(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    wanted: Wanted,
    limits: Limits,
    *,
    n_searches: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Recourses that satisfy as many users within the caps, verified.

    Parameters
    ----------
    model : ContentModel
    items : EncodedItems
    group : TargetGroup
    case : Case
    box : Box
        What the provider may make of the item.
    wanted : Wanted
    limits : Limits
    n_searches : int
        Searches anew.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (m, n_features)
        Different from each other; the first is the one that was found.
    """
    columns = items.columns
    if np.all(np.isfinite(box.upper[group.columns])) or not limits.caps.is_of_sparsity_alone:
        rows = _from_levers(model, items, group, case, box, wanted, limits, n_searches, rng)
    else:
        rows = _from_searches_without_bounds(model, items, group, case, box, wanted, limits, n_searches, rng)
    pool = np.array([wanted.features, *rows])
    scores = model.scores(group.ratings, sp.csr_array(pool))
    n_satisfied = np.array([case.satisfied(score).sum() for score in scores.T])
    valid = (n_satisfied >= wanted.n_satisfied) & limits.caps.allow(measure(columns, case.features, pool))
    valid[0] = True
    _, first = np.unique(np.round(pool[valid] / columns.span, 6), axis=0, return_index=True)
    distinct: NDArray[np.float64] = pool[valid][np.sort(first)]
    return distinct


def _from_levers(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    wanted: Wanted,
    limits: Limits,
    n_searches: int,
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    columns, caps = items.columns, limits.caps
    box = finite_box(columns, case.features, box)
    moves = moves_between(columns, case.features, wanted.features)
    levers = make_levers(columns, case.features, box, group.columns)
    levers = levers if caps.is_of_sparsity_alone else cut_levers(columns, case.features, box, levers)
    budgets = lever_budgets(columns, concatenate([moves, levers]), caps)
    own = group_effects(model, group, case, moves)[group.sample]
    effects = np.hstack([own, lever_effects(levers, group.profiles, group.columns, case.features)])
    gaps, n_most = case.missing[group.sample], most_changes(columns, caps)
    everything = concatenate([moves, levers])
    found = np.arange(len(moves))
    sets = [found, *_exchanges(effects, gaps, everything.unit, budgets, found, n_most, rng)]
    anew = _searches(effects, gaps, everything.unit, budgets, found, n_most, n_searches, rng)
    used = np.unique(np.concatenate([*sets, *anew]))
    everything, on_group = everything.only(used), group_effects(model, group, case, everything.only(used))
    targets = np.flatnonzero(case.targets)
    sets = [np.searchsorted(used, chosen) for chosen in sets]
    for chosen in (np.searchsorted(used, one) for one in anew):
        path = reversion_path(on_group[np.ix_(targets, chosen)], case.missing[targets])
        if path.n_satisfied.max() >= wanted.n_satisfied:
            sets.append(chosen[path.kept[int(np.argmax(path.n_satisfied >= wanted.n_satisfied))]])
    proximity = lever_proximity(columns, everything)
    return [
        polish(items, case, box, everything.only(chosen), on_group[:, chosen], proximity[chosen]) for chosen in sets
    ]


def moves_between(columns: FeatureColumns, before: NDArray[np.float64], after: NDArray[np.float64]) -> Levers:
    """The levers that turn one encoded row into another, each by as much as it takes."""
    changed = changed_columns(before, after)
    category = columns.one_hot[changed]
    gained = changed[(category < 0) | (after[changed] > before[changed])]
    lost = {int(columns.one_hot[c]): int(c) for c in changed if columns.one_hot[c] >= 0 and after[c] < before[c]}
    groups = columns.one_hot[gained]
    drop = np.array([lost.get(int(g), -1) if g >= 0 else -1 for g in groups], dtype=np.int64)
    unit = np.where(groups >= 0, len(columns) + groups, gained)
    return Levers(gained.astype(np.int64), after[gained] - before[gained], drop, unit.astype(np.int64))


def _exchanges(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    units: NDArray[np.int64],
    budgets: Budgets,
    found: NDArray[np.intp],
    n_most: int,
    rng: np.random.Generator,
) -> list[NDArray[np.intp]]:
    """One lever exchanged for another, or added, without losing a sampled user in number."""
    total = effects[:, found].sum(axis=1)
    enough = int((total >= gaps).sum())
    taken = np.isin(units, units[found])
    options = []
    for gone in [*found.tolist(), None]:
        kept = [lever for lever in found.tolist() if lever != gone]
        if len(kept) == n_most:
            continue
        gained = total if gone is None else total - effects[:, gone]
        n_satisfied = (effects >= (gaps - gained)[:, None]).sum(axis=0)
        allowed = np.flatnonzero((n_satisfied >= enough) & ~taken & ~budgets.barred(kept))
        options += [np.array([*kept, lever], dtype=np.intp) for lever in allowed]
    drawn = np.sort(rng.permutation(len(options))[:EXCHANGES])
    return [options[n] for n in drawn]


def _searches(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    units: NDArray[np.int64],
    budgets: Budgets,
    found: NDArray[np.intp],
    n_most: int,
    n_searches: int,
    rng: np.random.Generator,
) -> list[NDArray[np.intp]]:
    """Searches without all units of the first, then without half of those used so far, drawn at random."""
    used, sets = np.unique(units[found]), []
    is_new = np.arange(len(units)) >= len(found)
    for n in range(n_searches):
        avoided = used if n == 0 else used[rng.random(len(used)) < 0.5]
        listed = np.flatnonzero(is_new & ~np.isin(units, avoided))
        if not len(listed) or n_most == 0:
            continue
        chosen = choose_levers(
            effects[:, listed], gaps, units[listed], n_most=n_most, start=np.array([], dtype=np.intp),
            budgets=budgets.only(listed) if len(budgets.most) else None,
        )  # fmt: skip
        sets.append(listed[chosen])
        used = np.union1d(used, units[sets[-1]])
    return sets


def _from_searches_without_bounds(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    wanted: Wanted,
    limits: Limits,
    n_searches: int,
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    """As the search for features without bounds, each time with some of the features used so far left as they are."""
    used, rows = changed_columns(case.features, wanted.features), []
    for n in range(n_searches):
        avoided = used if n == 0 else used[rng.random(len(used)) < 0.5]
        upper, lower = box.upper.copy(), box.lower.copy()
        upper[avoided] = lower[avoided] = case.features[avoided]
        unmoved = case.features[group.columns]
        rows.append(
            propose_unbounded(
                model, items, group, case, replace(box, lower=lower, upper=upper), unmoved, limits
            ).features
        )
        used = np.union1d(used, changed_columns(case.features, rows[-1]))
    return rows
