"""Features without upper bounds: everybody can be reached, so the question is at what side-effect.

Any word that a user has ever liked, repeated often enough, brings an item into that user's list - at its top. What is
left to choose is a combination that lands the item in many lists with little room to spare. The descent and the
profiles propose features; values are refitted by a linear program over the whole group after every reversion.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import changed_columns, describe_changes
from recsys_ops.features.encode import EncodedItems
from recsys_ops.metrics import move_overlaps
from recsys_ops.models.content import ContentModel
from recsys_ops.recourse.actions import Levers
from recsys_ops.recourse.feasible import Box, onto_steps
from recsys_ops.recourse.least_effort import least_overshoot
from recsys_ops.recourse.problem import MARGIN, Case, TargetGroup, scales
from recsys_ops.recourse.proposal import FrontierPoint, Limits, Proposal, group_effects, run_recommender

MOST_WORTH = 40
"""Features proposed because the group's profiles are rich in them, besides those of the descent."""

FEWER_WANTED = 0.8
"""Share of the users wanted that is tried next where so many cannot be had with the changes allowed."""


def propose_unbounded(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    descended: NDArray[np.float64],
    limits: Limits,
) -> Proposal:
    """Reach all that so many changes can, give up the hardest users tolerated, revert while the lists stay alike.

    Parameters and result as in ``propose_bounded``; ``box`` need not be finite.
    """
    levers = _proposed_levers(model, items, group, case, box, descended)
    effects = group_effects(model, group, case, levers)
    cover, reached = _most_covered(effects[case.missing > 0] > 0, limits.max_changes)
    targets = int(case.targets.sum())
    before = int(case.in_top.sum())
    n_wanted = max(int(np.ceil((1 - limits.tolerance) * reached)), min(limits.n_wanted(targets) - before, reached))
    points: list[FrontierPoint] = [FrontierPoint(0, before / targets, "")]
    if reached == 0:
        return Proposal(case.features, before / targets, points)
    chosen, path = _revert(model, items, group, case, box, levers, effects, n_wanted, limits)
    # Reversion may give up the only change that moves somebody; then few changes are chosen by whom they move.
    levers, effects = levers.only(cover), effects[:, cover]
    while chosen is None and n_wanted > 0:
        chosen, path = _revert(model, items, group, case, box, levers, effects, n_wanted, limits)
        if chosen is None:  # features with an end beside those without: not as far as their users need
            reached = n_wanted = int(FEWER_WANTED * n_wanted)
    return Proposal(case.features if chosen is None else chosen, (before + reached) / targets, points + path[::-1])


def _most_covered(moved: NDArray[np.bool_], most: float) -> tuple[NDArray[np.intp], int]:
    """At most so many levers that move many users ``(n_users, n_levers)``, each the best next, and how many users."""
    left = np.ones(len(moved), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < most and (counts := moved[left].sum(axis=0)).any():
        chosen.append(int(np.argmax(counts)))
        left &= ~moved[:, chosen[-1]]
    return np.array(chosen, dtype=np.intp), int((~left).sum())


def _proposed_levers(
    model: ContentModel, items: EncodedItems, group: TargetGroup, case: Case, box: Box, descended: NDArray[np.float64]
) -> Levers:
    """One lever per proposed column, by the amount that alone closes the median user's gap where there is no bound."""
    searched = group.columns
    free = items.columns.one_hot[searched] < 0
    rising = np.flatnonzero(free & (box.upper[searched] > case.features[searched]))
    moved = changed_columns(case.features[searched], descended)
    needy = case.missing[group.sample] > 0
    worth = group.profiles[needy][:, rising].mean(axis=0) if needy.any() else np.zeros(len(rising))
    richest = rising[np.argsort(-worth, kind="stable")[:MOST_WORTH]]
    proposed = np.union1d(np.intersect1d(moved, rising), richest)
    proposed = np.union1d(proposed, _covering(model, group, case, rising, proposed))
    columns = searched[proposed]
    typical = max(float(np.median(case.missing[case.missing > 0])) if np.any(case.missing > 0) else 1.0, 1e-12)
    mean_profile = np.maximum(group.profiles[:, proposed].mean(axis=0), 1e-12)
    room = box.upper[columns] - case.features[columns]
    return Levers(columns, np.minimum(typical / mean_profile, room), np.full(len(columns), -1), columns)


def _covering(
    model: ContentModel, group: TargetGroup, case: Case, rising: NDArray[np.intp], proposed: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Further columns, so that every user has at least one that moves the score."""
    needy = np.flatnonzero(case.missing > 0)
    has = (group.ratings[needy] @ model.features[:, group.columns]).toarray() > 0
    left = ~has[:, proposed].any(axis=1)
    added = []
    while left.any() and len(rising):
        counts = has[left][:, rising].sum(axis=0)
        best = int(np.argmax(counts))
        if counts[best] == 0:
            break
        added.append(rising[best])
        left &= ~has[:, rising[best]]
    return np.array(added, dtype=np.intp)


def _revert(
    model: ContentModel,
    items: EncodedItems,
    group: TargetGroup,
    case: Case,
    box: Box,
    levers: Levers,
    effects: NDArray[np.float64],
    n_wanted: int,
    limits: Limits,
) -> tuple[NDArray[np.float64] | None, list[FrontierPoint]]:
    """Refit, record, revert the smallest, for as long as the group's lists stay alike; None if never few enough."""
    overlaps = move_overlaps(group.k)
    kept = np.arange(len(levers))
    best: tuple[tuple[bool, float], NDArray[np.float64]] | None = None
    points: list[FrontierPoint] = []
    hardness = _hardness(effects, case.missing)
    weights = 1 / scales(case.thresholds, group.sizes)
    room = (box.upper[levers.column] - case.features[levers.column]) / levers.amount
    while len(kept):
        fractions = _refitted(effects[:, kept], case.missing, hardness, weights, room[kept], n_wanted)
        if fractions is None:
            break
        kept, fractions = kept[fractions > 1e-9], fractions[fractions > 1e-9]
        if not len(kept):  # nobody is wanted
            break
        features = case.features.copy()
        features[levers.column[kept]] += levers.amount[kept] * fractions
        features = onto_steps(items.columns, case.features, features, box)
        scores = run_recommender(model, group, features)
        overlap = float(overlaps[case.positions(case.scores), case.positions(scores)].mean())
        alike = overlap >= limits.overlap
        success = case.success(scores)
        # Where users dislike what moves others, a change can lose more than it wins.
        within = len(kept) <= limits.max_changes and success > case.success(case.scores)
        told = describe_changes(items, case.item, features)
        totals = effects[:, kept][case.missing > 0].sum(axis=0) * fractions
        smallest = int(np.argmin(totals))
        points.append(FrontierPoint(len(kept), success, "; ".join(c.text for c in told)))
        if within and (best is None or alike or (overlap > best[0][1] and not best[0][0])):
            best = ((alike, overlap), features)
        if within and not alike and best is not None and best[0][0]:
            break
        kept = np.delete(kept, smallest)
    return (None if best is None else best[1]), points


def _hardness(effects: NDArray[np.float64], missing: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many times over the typical change a user needs; infinite for those whom nothing moves."""
    total = effects.mean(axis=1)
    return np.where(missing > 0, missing / np.maximum(total, 1e-300), 0.0)


def _refitted(
    effects: NDArray[np.float64],
    missing: NDArray[np.float64],
    hardness: NDArray[np.float64],
    weights: NDArray[np.float64],
    room: NDArray[np.float64],
    n_wanted: int,
) -> NDArray[np.float64] | None:
    """Fractions, at most ``room``, that reach the easiest ``n_wanted`` users with the least overshoot."""
    reachable = np.flatnonzero((missing > 0) & (effects > 0).any(axis=1))
    if len(reachable) < n_wanted:
        return None
    easiest = reachable[np.argsort(hardness[reachable], kind="stable")[:n_wanted]]
    gaps = missing[easiest] * (1 + MARGIN)
    return least_overshoot(effects[easiest], gaps, weights[easiest], room, np.zeros(len(room)))
