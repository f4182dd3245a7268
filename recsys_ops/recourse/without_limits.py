"""Features without upper limits: everybody can be reached, so the question is at what side-effect.

Any word that a user has ever liked, repeated often enough, brings an item into that user's list - at its top. What is
left to choose is a combination that lands the item in many lists with little room to spare. The descent and the
profiles propose features; values are refitted by a linear program over the whole group after every reversion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import changed_columns
from recsys_ops.recourse.actions import Actions, group_effects
from recsys_ops.recourse.feasible import onto_steps
from recsys_ops.recourse.group import scales
from recsys_ops.recourse.least_effort import least_overshoot
from recsys_ops.recourse.problem import MARGIN, Case
from recsys_ops.recourse.proposal import FrontierPoint, Proposal

MOST_WORTH = 40
"""Features proposed because the group's profiles are rich in them, in addition to those of the descent."""

FEWER_WANTED = 0.8
"""Share of the users wanted that is tried next where so many cannot be had with the changes allowed, or not without
turning more lists upside down than may be."""

SHARES = np.geomspace(1.0, 0.05, 24)
"""Parts of the changes of a recourse that are tried where all of them turn the lists too far."""


def propose_without_limits(case: Case, descended: NDArray[np.float64]) -> Proposal:
    """Reach all that so many changes can, give up the hardest users tolerated, revert while the lists overlap enough.

    Parameters and result as in ``propose_within_limits``; the box of the case need not be finite.
    """
    settings = case.search.settings
    actions = _proposed_actions(case, descended)
    effects = group_effects(case, actions)
    cover, reached = _most_covered(effects[case.missing > 0] > 0, settings.max_changes)
    targets = case.n_targets
    before = int(case.in_top.sum())
    n_wanted = max(int(np.ceil((1 - settings.tolerance) * reached)), min(settings.n_wanted(targets) - before, reached))
    start = _Step(0, before / targets, case.features)
    if reached == 0:
        return Proposal(case.features, before / targets, [start.point(case)])
    chosen, path = _revert(case, actions, effects, n_wanted)
    # Reversion may give up the only change that moves somebody; then few changes are chosen by whom they move.
    if chosen is None:
        actions, effects = actions.only(cover), effects[:, cover]
    while chosen is None and n_wanted > 0:
        chosen, path = _revert(case, actions, effects, n_wanted)
        if chosen is None:  # features with a limit next to those without: not as far as their users need
            reached = n_wanted = int(FEWER_WANTED * n_wanted)
    if chosen is not None and case.overlap(case.rescore(chosen)) < settings.overlap:
        chosen, path = _giving_up(case, actions, effects, n_wanted) or (chosen, path)
    points = [step.point(case) for step in (start, *path[::-1])]
    return Proposal(case.features if chosen is None else chosen, (before + reached) / targets, points)


@dataclass(frozen=True)
class _Step:
    """A step of a path of reversions; most paths are dropped, so it is described only when it is kept."""

    n_changes: int
    success: float
    features: NDArray[np.float64]

    def point(self, case: Case) -> FrontierPoint:
        """The step as the frontier has it."""
        return FrontierPoint(
            self.n_changes, self.success, "; ".join(change.text for change in case.changes_to(self.features))
        )


def _giving_up(
    case: Case, actions: Actions, effects: NDArray[np.float64], n_wanted: int
) -> tuple[NDArray[np.float64], list[_Step]] | None:
    """What reaches most while the lists overlap enough, for ever fewer users wanted; None if they never do.

    The scores at the top of a list may be closer to each other than to the item, as those of learned recommenders are:
    what brings the item into the lists of the hardest users then brings it to the top of all others.
    """
    settings, before = case.search.settings, int(case.in_top.sum())
    n_least = max(settings.n_wanted(case.n_targets, before), before + 1)
    best, best_path, most = None, [], n_least - 1
    while n_wanted > 0:
        found, path = _revert(case, actions, effects, n_wanted)
        if found is not None:
            kept = _shortened(case, found)
            n_satisfied = int(case.satisfied(case.rescore(kept)).sum())
            if n_satisfied > most:
                best, best_path, most = kept, _with_step(path, _step(case, kept)), n_satisfied
        n_wanted = int(FEWER_WANTED * n_wanted)
    return None if best is None else (best, best_path)


def _shortened(case: Case, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of some changes that reaches most while the lists overlap enough; perhaps nothing."""
    wanted = case.features + SHARES[:, None] * (features - case.features)
    rows = onto_steps(case.search.columns, case.features, wanted, case.box)
    scored = case.rescore_all(rows).T
    is_enough = np.array([case.overlap(scores) for scores in scored]) >= case.search.settings.overlap
    if not is_enough.any():
        return case.features
    reached = np.array([case.success(scores) for scores in scored])
    best: NDArray[np.float64] = rows[np.argmax(np.where(is_enough, reached, -1.0))]
    return best


def _step(case: Case, features: NDArray[np.float64]) -> _Step:
    return _Step(len(case.changes_to(features)), case.success(case.rescore(features)), features)


def _with_step(path: list[_Step], step: _Step) -> list[_Step]:
    """The path, from many changes to few, with one step in the place of that of as many changes."""
    others = [one for one in path if one.n_changes != step.n_changes]
    return sorted([*others, step], key=lambda one: -one.n_changes)


def _most_covered(moved: NDArray[np.bool_], most: float) -> tuple[NDArray[np.intp], int]:
    """At most so many actions that move many users ``(n_users, n_actions)``, each the best next, and how many users."""
    left = np.ones(len(moved), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < most and (counts := moved[left].sum(axis=0)).any():
        chosen.append(int(np.argmax(counts)))
        left &= ~moved[:, chosen[-1]]
    return np.array(chosen, dtype=np.intp), int((~left).sum())


def _proposed_actions(case: Case, descended: NDArray[np.float64]) -> Actions:
    """One action per proposed column, by the amount that alone closes the median user's gap where there is no limit."""
    group, box = case.search.group, case.box
    searched = group.columns
    free = case.search.columns.one_hot[searched] < 0
    rising = np.flatnonzero(free & (box.upper[searched] > case.features[searched]))
    moved = changed_columns(case.features[searched], descended)
    needy = case.sample_missing > 0
    worth = group.profiles[needy][:, rising].mean(axis=0) if needy.any() else np.zeros(len(rising))
    richest = rising[np.argsort(-worth, kind="stable")[:MOST_WORTH]]
    proposed = np.union1d(np.intersect1d(moved, rising), richest)
    proposed = np.union1d(proposed, _covering(case, rising, proposed))
    columns = searched[proposed]
    typical = max(float(np.median(case.missing[case.missing > 0])) if np.any(case.missing > 0) else 1.0, 1e-12)
    mean_profile = np.maximum(group.profiles[:, proposed].mean(axis=0), 1e-12)
    room = box.upper[columns] - case.features[columns]
    return Actions(columns, np.minimum(typical / mean_profile, room), np.full(len(columns), -1), columns)


def _covering(case: Case, rising: NDArray[np.intp], proposed: NDArray[np.intp]) -> NDArray[np.intp]:
    """Further columns, so that every user has at least one that moves the score."""
    group, needy = case.search.group, np.flatnonzero(case.missing > 0)
    has = case.search.model.profiles(group.vectors[needy], group.columns) > 0
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
    case: Case, actions: Actions, effects: NDArray[np.float64], n_wanted: int
) -> tuple[NDArray[np.float64] | None, list[_Step]]:
    """Refit, record, revert the smallest, while the group's lists overlap enough; None if never few enough."""
    settings = case.search.settings
    kept = np.arange(len(actions))
    best: tuple[tuple[bool, float], NDArray[np.float64]] | None = None
    path: list[_Step] = []
    fit = _make_fit(case, actions, effects)
    while len(kept):
        fractions = fit.fractions(kept, n_wanted)
        if fractions is None:
            break
        kept, fractions = kept[fractions > 1e-9], fractions[fractions > 1e-9]
        if not len(kept):  # nobody is wanted
            break
        features = case.features.copy()
        features[actions.column[kept]] += actions.amount[kept] * fractions
        features = onto_steps(case.search.columns, case.features, features, case.box)
        scores = case.rescore(features)
        overlap = case.overlap(scores)
        overlaps_enough = overlap >= settings.overlap
        success = case.success(scores)
        # Where users dislike what moves others, a change can lose more than it wins.
        within = len(kept) <= settings.max_changes and success > case.success(case.scores)
        totals = effects[:, kept][case.missing > 0].sum(axis=0) * fractions
        smallest = int(np.argmin(totals))
        path.append(_Step(len(kept), success, features))
        if within and (best is None or overlaps_enough or (overlap > best[0][1] and not best[0][0])):
            best = ((overlaps_enough, overlap), features)
        if within and not overlaps_enough and best is not None and best[0][0]:
            break
        kept = np.delete(kept, smallest)
    return (None if best is None else best[1]), path


@dataclass(frozen=True)
class _Fit:
    """The linear program of a case: ``effects (n_users, n_actions)``, ``weights (n_users,)`` of overshoot.

    ``hardness (n_users,)`` how many times the typical change a user needs, infinite for those whom nothing moves;
    ``room (n_actions,)`` the greatest fraction of each action.
    """

    effects: NDArray[np.float64]
    missing: NDArray[np.float64]
    hardness: NDArray[np.float64]
    weights: NDArray[np.float64]
    room: NDArray[np.float64]

    def fractions(self, kept: NDArray[np.intp], n_wanted: int) -> NDArray[np.float64] | None:
        """Fractions of the kept actions that reach the easiest ``n_wanted`` users with the least overshoot."""
        effects, room = self.effects[:, kept], self.room[kept]
        reachable = np.flatnonzero((self.missing > 0) & (effects > 0).any(axis=1))
        if len(reachable) < n_wanted:
            return None
        easiest = reachable[np.argsort(self.hardness[reachable], kind="stable")[:n_wanted]]
        gaps = self.missing[easiest] * (1 + MARGIN)
        return least_overshoot(effects[easiest], gaps, self.weights[easiest], room, np.zeros(len(room)))


def _make_fit(case: Case, actions: Actions, effects: NDArray[np.float64]) -> _Fit:
    typical = np.maximum(effects.mean(axis=1), 1e-300)
    return _Fit(
        effects=effects,
        missing=case.missing,
        hardness=np.where(case.missing > 0, case.missing / typical, 0.0),
        weights=1 / scales(case.thresholds, case.search.group.sizes),
        room=(case.box.upper[actions.column] - case.features[actions.column]) / actions.amount,
    )
