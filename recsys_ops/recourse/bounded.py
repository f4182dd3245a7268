"""Features with bounds: a few levers pulled to their bounds, then no further than needed."""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import describe_changes
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.actions import Levers, lever_effects, make_levers
from recsys_ops.recourse.capped import cut_levers, lever_budgets, most_changes
from recsys_ops.recourse.exchange import choose_levers
from recsys_ops.recourse.feasible import Box, onto_steps
from recsys_ops.recourse.least_effort import least_cost
from recsys_ops.recourse.problem import MARGIN, Case, TargetGroup
from recsys_ops.recourse.proposal import FrontierPoint, Limits, Proposal, group_effects
from recsys_ops.recourse.thresholding import Frontier, best_frontier, reversion_path


def propose_bounded(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    descended: NDArray[np.float64],
    limits: Limits,
    *,
    capped: bool = False,
) -> Proposal:
    """Exchange levers from where the descent went, revert what matters least, polish the rest.

    Parameters
    ----------
    model : ContentModel
    items : EncodedItems
    group : TargetGroup
    case : Case
    box : Box
        Finite on the searched columns.
    descended : ndarray, shape (n_searched,)
        Where the descent went.
    limits : Limits
    capped : bool
        Search within the caps on proximity and cost, from nothing; otherwise they are not looked at.

    Returns
    -------
    Proposal
    """
    levers, searches = _search(items, group, case, box, descended, limits, capped=capped)
    effects, gaps = group_effects(model, group, case, levers), case.missing
    targets = np.flatnonzero(case.targets)
    frontier = best_frontier(effects[targets], gaps[targets], searches)
    kept = frontier.kept[frontier.within(limits.tolerance, limits.n_wanted(len(targets)))]
    features = polish(items, case, box, levers.only(kept), effects[:, kept])
    return Proposal(
        features, float(frontier.n_satisfied.max() / len(targets)), _points(items, case, levers, frontier, len(targets))
    )


def _search(
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    descended: NDArray[np.float64],
    limits: Limits,
    *,
    capped: bool,
) -> tuple[Levers, list[NDArray[np.intp]]]:
    """Levers worth pulling, searched on the sample: those of the most changes, then ever fewer for the same success."""
    levers = make_levers(items.columns, case.features, box, group.columns)
    n_most, budgets = int(limits.max_changes), None
    if capped:
        levers = cut_levers(items.columns, case.features, box, levers)
        n_most = most_changes(items.columns, limits.caps)
        budgets = lever_budgets(items.columns, levers, limits.caps)
    if not len(levers) or n_most == 0:
        return levers, [np.array([], dtype=np.intp)]
    effects = lever_effects(levers, group.profiles, group.columns, case.features)
    gaps = case.missing[group.sample]
    start = np.array([], dtype=np.intp)
    if not capped:
        start = _strongest(levers, effects[gaps > 0], group, case, descended, n_most)
    found = [choose_levers(effects, gaps, levers.unit, n_most=n_most, start=start, budgets=budgets)]
    path = reversion_path(effects[:, found[0]], gaps)
    sampled = case.targets[group.sample]
    n_changes = path.within(limits.tolerance, limits.n_wanted(int(sampled.sum())) + int((~sampled).sum()))
    wanted = path.n_satisfied[n_changes]
    start = found[0][path.kept[n_changes]]
    while n_changes > 1:
        fewer = choose_levers(
            effects, gaps, levers.unit, n_most=n_changes - 1, start=start[: n_changes - 1], budgets=budgets
        )
        path = reversion_path(effects[:, fewer], gaps)
        if path.n_satisfied.max() < wanted:
            break
        found.append(fewer)
        n_changes = int(np.argmax(path.n_satisfied >= wanted))
        start = fewer[path.kept[n_changes]]
    used = np.unique(np.concatenate(found))
    return levers.only(used), [np.searchsorted(used, chosen) for chosen in found]


def _strongest(
    levers: Levers,
    effects: NDArray[np.float64],
    group: TargetGroup,
    case: Case,
    descended: NDArray[np.float64],
    n_most: int,
) -> NDArray[np.intp]:
    """Levers that the descent pulled furthest, by what that does to the users with a gap."""
    place = np.searchsorted(group.columns, levers.column)
    pulled = (descended[place] - case.features[levers.column]) / levers.amount
    weight = np.clip(pulled, 0, 1) * np.maximum(effects, 0).sum(axis=0)
    strongest = np.argsort(-weight, kind="stable")[:n_most]
    positive: NDArray[np.intp] = strongest[weight[strongest] > 0]
    return positive


def polish(
    items: EncodedItems,
    case: Case,
    box: Box,
    levers: Levers,
    effects: NDArray[np.float64],
    costs: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Features after the changes, each as small as the users they reach allow.

    Parameters
    ----------
    items : EncodedItems
    case : Case
    box : Box
    levers : Levers
        The changes, made in full.
    effects : ndarray, shape (n_users, n_levers)
        What each adds to the score of each user of the group.
    costs : ndarray, shape (n_levers,), optional
        What is least in sum; by default what users' scores exceed their gaps by.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    full = levers.pull(case.features, np.arange(len(levers)))
    at_risk = (case.missing > -np.inf) & (np.minimum(effects, 0).sum(axis=1) < case.missing)
    reached = np.flatnonzero(at_risk & (effects.sum(axis=1) >= case.missing))
    columns = items.columns
    full_amount, least = np.abs(levers.amount), box.least[levers.column]
    partial = (levers.drop < 0) & (columns.one_hot[levers.column] < 0)
    partial &= full_amount > np.maximum(columns.step[levers.column], least) * (1 + 1e-9)
    if not len(reached) or not partial.any():
        return full
    gaps = case.missing[reached]
    if costs is None:
        costs = np.where(gaps > 0, 1 / np.where(gaps > 0, gaps, 1.0), 0.0) @ effects[reached]
    fractions = least_cost(
        effects[reached],
        gaps + MARGIN * np.abs(gaps),
        costs,
        np.ones(len(levers)),
        np.where(partial, least / full_amount, 1.0),
    )
    if fractions is None:
        return full
    used = np.flatnonzero(fractions > 1e-9)
    smaller = Levers(levers.column, levers.amount * fractions, levers.drop, levers.unit)
    polished = onto_steps(columns, case.features, smaller.pull(case.features, used), box)
    made = np.where(partial, (polished - case.features)[levers.column] / levers.amount, 1.0)
    # One step on may be too far for users whom one of the changes takes the item from.
    return polished if np.all(effects[reached] @ made >= gaps) else full


def _points(items: EncodedItems, case: Case, levers: Levers, frontier: Frontier, n_targets: int) -> list[FrontierPoint]:
    points = []
    for n, kept in enumerate(frontier.kept):
        told = describe_changes(items, case.item, levers.pull(case.features, kept))
        points.append(FrontierPoint(n, float(frontier.n_satisfied[n] / n_targets), "; ".join(c.text for c in told)))
    return points
