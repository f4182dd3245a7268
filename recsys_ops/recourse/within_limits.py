"""Features with limits: a few actions taken to the limits, then no further than needed."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.recourse.actions import Actions, group_effects, make_actions, sample_effects
from recsys_ops.recourse.capped import action_budgets, cut_actions, most_changes
from recsys_ops.recourse.coupled import coupled_frontier
from recsys_ops.recourse.coverage import Coverage
from recsys_ops.recourse.exchange import choose_actions
from recsys_ops.recourse.least_effort import with_least_effort
from recsys_ops.recourse.problem import Case
from recsys_ops.recourse.proposal import FrontierPoint, Proposal
from recsys_ops.recourse.thresholding import Frontier, best_frontier, reversion_path


def propose_within_limits(case: Case, descended: NDArray[np.float64], *, capped: bool = False) -> Proposal:
    """Exchange actions from where the descent went, revert what matters least, make the others as small as possible.

    Parameters
    ----------
    case : Case
        Its box is finite on the searched columns.
    descended : ndarray, shape (n_searched,)
        Where the descent went; not looked at where plausibility leaves few actions.
    capped : bool
        Search within the caps on proximity and cost, from nothing; otherwise they are not looked at.

    Returns
    -------
    Proposal
    """
    settings, n_targets = case.search.settings, case.n_targets
    actions, effects, frontier = search_frontier(case, descended, capped=capped)
    kept = frontier.kept[frontier.chosen(settings, n_targets)]
    features = with_least_effort(case, actions.only(kept), effects[:, kept])
    return Proposal(features, float(frontier.n_satisfied.max() / n_targets), _points(case, actions, frontier))


def search_frontier(
    case: Case, descended: NDArray[np.float64], *, capped: bool
) -> tuple[Actions, NDArray[np.float64], Frontier]:
    """Actions worth taking, their effects ``(n_users, n_actions)``, and which of them reach the most users.

    Parameters as ``propose_within_limits``.
    """
    actions, searches = _search_capped(case) if capped else _search_free(case, descended)
    if len(case.columns.pairs):
        return coupled_frontier(case, actions, searches)
    effects, targets = group_effects(case, actions), np.flatnonzero(case.targets)
    return actions, effects, best_frontier(effects[targets], case.missing[targets], searches)


def _search_free(case: Case, descended: NDArray[np.float64]) -> tuple[Actions, list[NDArray[np.intp]]]:
    """Search from the actions that the descent took furthest, without regard to proximity and cost."""
    actions = make_actions(case, case.searched)
    n_most = int(case.search.settings.max_changes)
    if not len(actions) or n_most == 0:
        return actions, [np.array([], dtype=np.intp)]
    coverage = Coverage(sample_effects(case, actions), case.sample_missing, actions.unit, n_most)
    nowhere = np.array([], dtype=np.intp)
    start = nowhere if case.support is not None else _strongest(case, actions, coverage, descended)
    return _search(case, actions, coverage, start)


def _search_capped(case: Case) -> tuple[Actions, list[NDArray[np.intp]]]:
    """Search from nothing among actions of several lengths, within the budgets that the caps leave."""
    columns, caps = case.search.columns, case.search.settings.caps
    actions = cut_actions(case, make_actions(case, case.searched))
    n_most = most_changes(columns, caps)
    budgets = action_budgets(columns, actions, caps)
    if not len(actions) or n_most == 0:
        return actions, [np.array([], dtype=np.intp)]
    coverage = Coverage(sample_effects(case, actions), case.sample_missing, actions.unit, n_most, budgets)
    return _search(case, actions, coverage, np.array([], dtype=np.intp))


def _search(
    case: Case, actions: Actions, coverage: Coverage, start: NDArray[np.intp]
) -> tuple[Actions, list[NDArray[np.intp]]]:
    """Actions worth taking, searched on the sample: those of the most changes, then ever fewer for the same success."""
    settings, effects, gaps = case.search.settings, coverage.effects, coverage.gaps
    found = [choose_actions(coverage, start)]
    path = reversion_path(effects[:, found[0]], gaps)
    sampled = case.targets[case.search.group.sample]
    n_changes = path.chosen(settings, int(sampled.sum()), n_others=int((~sampled).sum()))
    wanted = path.n_satisfied[n_changes]
    start = found[0][path.kept[n_changes]]
    while n_changes > 1:
        fewer = choose_actions(replace(coverage, n_most=n_changes - 1), start[: n_changes - 1])
        path = reversion_path(effects[:, fewer], gaps)
        if path.n_satisfied.max() < wanted:
            break
        found.append(fewer)
        n_changes = int(np.argmax(path.n_satisfied >= wanted))
        start = fewer[path.kept[n_changes]]
    used = np.unique(np.concatenate(found))
    return actions.only(used), [np.searchsorted(used, chosen) for chosen in found]


def _strongest(case: Case, actions: Actions, coverage: Coverage, descended: NDArray[np.float64]) -> NDArray[np.intp]:
    """Actions that the descent took furthest, by what that does to the users with a gap."""
    place = np.searchsorted(case.search.group.columns, actions.column)
    taken = (descended[place] - case.features[actions.column]) / actions.amount
    effects = coverage.effects[coverage.gaps > 0]
    weight = np.clip(taken, 0, 1) * np.maximum(effects, 0).sum(axis=0)
    strongest = np.argsort(-weight, kind="stable")[: coverage.n_most]
    positive: NDArray[np.intp] = strongest[weight[strongest] > 0]
    return positive


def _points(case: Case, actions: Actions, frontier: Frontier) -> list[FrontierPoint]:
    points = []
    for n, kept in enumerate(frontier.kept):
        changes = case.changes_to(actions.apply(case.features, kept))
        success = float(frontier.n_satisfied[n] / case.n_targets)
        points.append(FrontierPoint(n, success, "; ".join(change.text for change in changes)))
    return points
