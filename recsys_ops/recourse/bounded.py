"""Features with bounds: a few levers pulled to their bounds, then no further than needed."""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import describe_changes
from recsys_ops.features.encode import EncodedItems
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.exchange import choose_levers
from recsys_ops.recourse.feasible import Box, onto_steps
from recsys_ops.recourse.levers import Levers, lever_effects, make_levers
from recsys_ops.recourse.polish import least_overshoot
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

    Returns
    -------
    Proposal
    """
    levers, searches = _search(items, group, case, box, descended, limits)
    effects, gaps = group_effects(model, group, case, levers), case.missing
    targets = np.flatnonzero(case.targets)
    frontier = best_frontier(effects[targets], gaps[targets], searches)
    kept = frontier.kept[frontier.within(limits.tolerance)]
    features = _polished(items, case, box, levers.only(kept), effects[:, kept])
    return Proposal(
        features, float(frontier.n_satisfied.max() / len(targets)), _points(items, case, levers, frontier, len(targets))
    )


def _search(
    items: EncodedItems, group: TargetGroup, case: Case, box: Box, descended: NDArray[np.float64], limits: Limits
) -> tuple[Levers, list[NDArray[np.intp]]]:
    """Levers worth pulling, searched on the sample: those of the most changes, then ever fewer for the same success."""
    levers = make_levers(items.columns, case.features, box, group.columns)
    if not len(levers):
        return levers, [np.array([], dtype=np.intp)]
    effects = lever_effects(levers, group.profiles, group.columns, case.features)
    gaps = case.missing[group.sample]
    start = _strongest(levers, effects[gaps > 0], group, case, descended, limits.max_changes)
    found = [choose_levers(effects, gaps, levers.unit, n_most=limits.max_changes, start=start)]
    path = reversion_path(effects[:, found[0]], gaps)
    n_changes = path.within(limits.tolerance)
    wanted = path.n_satisfied[n_changes]
    start = found[0][path.kept[n_changes]]
    while n_changes > 1:
        fewer = choose_levers(effects, gaps, levers.unit, n_most=n_changes - 1, start=start[: n_changes - 1])
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


def _polished(
    items: EncodedItems, case: Case, box: Box, levers: Levers, effects: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Features after the changes, each as small as the users they reach allow."""
    full = levers.pull(case.features, np.arange(len(levers)))
    at_risk = (case.missing > -np.inf) & (np.minimum(effects, 0).sum(axis=1) < case.missing)
    reached = np.flatnonzero(at_risk & (effects.sum(axis=1) >= case.missing))
    columns = items.columns
    partial = (levers.drop < 0) & (columns.one_hot[levers.column] < 0)
    partial &= np.abs(levers.amount) > columns.step[levers.column] * (1 + 1e-9)
    if not len(reached) or not partial.any():
        return full
    gaps = case.missing[reached]
    weights = np.where(gaps > 0, 1 / np.where(gaps > 0, gaps, 1.0), 0.0)
    fractions = least_overshoot(
        effects[reached], gaps + MARGIN * np.abs(gaps), weights, np.ones(len(levers)), np.where(partial, 0.0, 1.0)
    )
    if fractions is None:
        return full
    used = np.flatnonzero(fractions > 1e-9)
    smaller = Levers(levers.column, levers.amount * fractions, levers.drop, levers.unit)
    return onto_steps(columns, case.features, smaller.pull(case.features, used), box)


def _points(items: EncodedItems, case: Case, levers: Levers, frontier: Frontier, n_targets: int) -> list[FrontierPoint]:
    points = []
    for n, kept in enumerate(frontier.kept):
        told = describe_changes(items, case.features, levers.pull(case.features, kept))
        points.append(FrontierPoint(n, float(frontier.n_satisfied[n] / n_targets), "; ".join(c.text for c in told)))
    return points
