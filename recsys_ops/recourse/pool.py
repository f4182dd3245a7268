"""Other recourses that do as much for an item as the one that was found: what options are chosen from.

Three cheap sources: the found changes at the least proximity; one of its changes exchanged for another, or one added,
where the sample still has the item; and new searches without some of the changes found so far, which give the options
that share nothing. The recommender has the last word on each.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import changed_columns
from recsys_ops.features.encode import FeatureColumns
from recsys_ops.recourse.actions import Actions, concatenate, group_effects, make_actions, sample_effects
from recsys_ops.recourse.capped import action_budgets, action_proximity, cut_actions, most_changes, with_finite_box
from recsys_ops.recourse.coverage import Coverage
from recsys_ops.recourse.exchange import choose_actions
from recsys_ops.recourse.least_effort import with_least_effort
from recsys_ops.recourse.problem import Case
from recsys_ops.recourse.thresholding import reversion_path
from recsys_ops.recourse.without_limits import propose_without_limits

EXCHANGES = 8
"""Recourses of one change exchanged or added, drawn from all that the sample allows."""


@dataclass(frozen=True)
class Wanted:
    """What every option must do: have at least ``n_satisfied`` targets; ``features`` of the recourse found first."""

    features: NDArray[np.float64]
    n_satisfied: int


def make_pool(case: Case, wanted: Wanted, *, n_searches: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Recourses that satisfy as many users within the caps, verified.

    Parameters
    ----------
    case : Case
        Its box holds what changes that each keep the caps make of the item.
    wanted : Wanted
    n_searches : int
        New searches.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (m, n_features)
        Different from each other; the first is the one that was found.
    """
    caps = case.search.settings.caps
    if np.all(np.isfinite(case.box.upper[case.searched])) or not caps.is_of_sparsity_alone:
        rows = _from_actions(with_finite_box(case), wanted, n_searches, rng)
    else:
        rows = _from_searches_without_limits(case, wanted, n_searches, rng)
    pool = np.array([wanted.features, *rows])
    scores = case.rescore_all(pool)
    n_satisfied = np.array([case.satisfied(score).sum() for score in scores.T])
    valid = (n_satisfied >= wanted.n_satisfied) & caps.allow(case.distances_to(pool)) & ~case.breaks_pairs(pool)
    valid[0] = True
    return distinct_rows(case, pool[valid])


def distinct_rows(case: Case, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of some changed rows ``(m, n_features)`` that are like none before them."""
    _, first = np.unique(np.round(rows / case.search.columns.span, 6), axis=0, return_index=True)
    distinct: NDArray[np.float64] = rows[np.sort(first)]
    return distinct


def _from_actions(case: Case, wanted: Wanted, n_searches: int, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Sets of actions by exchange and by new searches, each with the least effort that serves."""
    columns, group, caps = case.search.columns, case.search.group, case.search.settings.caps
    moves = moves_between(columns, case.features, wanted.features)
    actions = make_actions(case, case.searched)
    actions = actions if caps.is_of_sparsity_alone else cut_actions(case, actions)
    everything = concatenate([moves, actions])
    own = group_effects(case, moves)[group.sample]
    coverage = Coverage(
        np.hstack([own, sample_effects(case, actions)]), case.sample_missing, everything.unit,
        most_changes(columns, caps), action_budgets(columns, everything, caps),
    )  # fmt: skip
    found = np.arange(len(moves))
    sets = [found, *_exchanges(coverage, found, rng)]
    new = _searches(coverage, found, n_searches, rng)
    used = np.unique(np.concatenate([*sets, *new]))
    everything = everything.only(used)
    effects, targets = group_effects(case, everything), np.flatnonzero(case.targets)
    sets = [np.searchsorted(used, chosen) for chosen in sets]
    for chosen in (np.searchsorted(used, one) for one in new):
        path = reversion_path(effects[np.ix_(targets, chosen)], case.missing[targets])
        if path.n_satisfied.max() >= wanted.n_satisfied:
            sets.append(chosen[path.kept[int(np.argmax(path.n_satisfied >= wanted.n_satisfied))]])
    proximity = action_proximity(columns, everything)
    return [with_least_effort(case, everything.only(one), effects[:, one], proximity[one]) for one in sets]


def moves_between(columns: FeatureColumns, before: NDArray[np.float64], after: NDArray[np.float64]) -> Actions:
    """The actions that turn one encoded row into another, each by as much as it takes."""
    changed = changed_columns(before, after)
    category = columns.one_hot[changed]
    gained = changed[(category < 0) | (after[changed] > before[changed])]
    lost = {int(columns.one_hot[c]): int(c) for c in changed if columns.one_hot[c] >= 0 and after[c] < before[c]}
    groups = columns.one_hot[gained]
    drop = np.array([lost.get(int(g), -1) if g >= 0 else -1 for g in groups], dtype=np.int64)
    unit = np.where(groups >= 0, len(columns) + groups, gained)
    return Actions(gained.astype(np.int64), after[gained] - before[gained], drop, unit.astype(np.int64))


def _exchanges(coverage: Coverage, found: NDArray[np.intp], rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """One action exchanged for another, or added, without losing a sampled user in number."""
    effects, gaps, budgets = coverage.effects, coverage.gaps, coverage.budgets
    total = effects[:, found].sum(axis=1)
    enough = int((total >= gaps).sum())
    taken = np.isin(coverage.units, coverage.units[found])
    options = []
    for gone in [*found.tolist(), None]:
        kept = [action for action in found.tolist() if action != gone]
        if len(kept) == coverage.n_most:
            continue
        gained = total if gone is None else total - effects[:, gone]
        n_satisfied = (effects >= (gaps - gained)[:, None]).sum(axis=0)
        allowed = (n_satisfied >= enough) & ~taken
        if budgets is not None:
            allowed &= ~budgets.barred(kept)
        options += [np.array([*kept, action], dtype=np.intp) for action in np.flatnonzero(allowed)]
    drawn = np.sort(rng.permutation(len(options))[:EXCHANGES])
    return [options[n] for n in drawn]


def _searches(
    coverage: Coverage, found: NDArray[np.intp], n_searches: int, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Searches without all units of the first, then without half of those used so far, drawn at random."""
    units = coverage.units
    used, sets = np.unique(units[found]), []
    is_new = np.arange(len(units)) >= len(found)
    for n in range(n_searches):
        avoided = used if n == 0 else used[rng.random(len(used)) < 0.5]
        listed = np.flatnonzero(is_new & ~np.isin(units, avoided))
        if not len(listed) or coverage.n_most == 0:
            continue
        chosen = choose_actions(coverage.only(listed), np.array([], dtype=np.intp))
        sets.append(listed[chosen])
        used = np.union1d(used, units[sets[-1]])
    return sets


def _from_searches_without_limits(
    case: Case, wanted: Wanted, n_searches: int, rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """As the search for features without limits, each time with some of the features used so far left as they are."""
    used, rows = changed_columns(case.features, wanted.features), []
    for n in range(n_searches):
        avoided = used if n == 0 else used[rng.random(len(used)) < 0.5]
        upper, lower = case.box.upper.copy(), case.box.lower.copy()
        upper[avoided] = lower[avoided] = case.features[avoided]
        narrower = replace(case, box=replace(case.box, lower=lower, upper=upper))
        rows.append(propose_without_limits(narrower, case.features[case.search.group.columns]).features)
        used = np.union1d(used, changed_columns(case.features, rows[-1]))
    return rows
