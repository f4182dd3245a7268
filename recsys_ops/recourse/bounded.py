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
from recsys_ops.recourse.thresholding import Frontier, reversion_path


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
    levers = _chosen_levers(items, group, case, box, descended, limits)
    effects, gaps = group_effects(model, group, case, levers), case.missing
    targets = np.flatnonzero(case.targets)
    frontier = reversion_path(effects[targets], gaps[targets])
    kept = frontier.kept[frontier.within(limits.tolerance)]
    features = _polished(items, case, box, levers.only(kept), effects[:, kept])
    return Proposal(
        features, float(frontier.n_satisfied.max() / len(targets)), _points(items, case, levers, frontier, len(targets))
    )


def _chosen_levers(
    items: EncodedItems, group: TargetGroup, case: Case, box: Box, descended: NDArray[np.float64], limits: Limits
) -> Levers:
    """The best few levers, searched on the sample."""
    levers = make_levers(items.columns, case.features, box, group.columns)
    if not len(levers):
        return levers
    effects = lever_effects(levers, group.profiles, group.columns, case.features)
    gaps = case.missing[group.sample]
    place = np.searchsorted(group.columns, levers.column)
    pulled = (descended[place] - case.features[levers.column]) / levers.amount
    weight = np.clip(pulled, 0, 1) * np.maximum(effects[gaps > 0], 0).sum(axis=0)
    strongest = np.argsort(-weight, kind="stable")[: limits.max_changes]
    start = strongest[weight[strongest] > 0]
    return levers.only(choose_levers(effects, gaps, levers.unit, n_most=limits.max_changes, start=start))


def _polished(
    items: EncodedItems, case: Case, box: Box, levers: Levers, effects: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Features after the changes, each as small as the users they reach allow."""
    full = levers.pull(case.features, np.arange(len(levers)))
    reached = np.flatnonzero((case.missing > 0) & (effects.sum(axis=1) >= case.missing))
    columns = items.columns
    partial = (levers.drop < 0) & (columns.one_hot[levers.column] < 0)
    partial &= np.abs(levers.amount) > columns.step[levers.column] * (1 + 1e-9)
    if not len(reached) or not partial.any():
        return full
    gaps = case.missing[reached]
    fractions = least_overshoot(
        effects[reached], gaps * (1 + MARGIN), 1 / gaps, np.ones(len(levers)), np.where(partial, 0.0, 1.0)
    )
    if fractions is None:
        return full
    used = np.flatnonzero(fractions > 1e-9)
    smaller = Levers(levers.column, levers.amount * fractions, levers.drop, levers.unit)
    return onto_steps(columns, case.features, smaller.pull(case.features, used), box)


def _points(items: EncodedItems, case: Case, levers: Levers, frontier: Frontier, n_targets: int) -> list[FrontierPoint]:
    points = []
    for n, kept in enumerate(frontier.kept):
        added = np.setdiff1d(kept, frontier.kept[n - 1]) if n else kept[:0]
        told = describe_changes(items, case.features, levers.pull(case.features, added))
        points.append(FrontierPoint(n, float(frontier.n_satisfied[n] / n_targets), told[0].text if told else None))
    return points
