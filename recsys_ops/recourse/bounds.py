"""The bounds of one case put together: which success is possible, and how many changes a success takes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.feature_linear import tie
from recsys_ops.recourse.actions import group_effects, make_actions, sample_effects
from recsys_ops.recourse.capped import most_changes
from recsys_ops.recourse.certificate import improve_multipliers, reach_by_changes, relaxation_bound
from recsys_ops.recourse.problem import Case
from recsys_ops.recourse.proposal import FrontierPoint

_USERS_AT_ONCE = 4096
"""Users whose effects of all plausible actions are held at a time."""


@dataclass(frozen=True)
class Bounds:
    """``reached (n_most + 1,)`` upper bounds on the users that 0 .. n_most changes satisfy, of ``n_targets``."""

    reached: NDArray[np.int64]
    n_targets: int

    @property
    def success(self) -> float:
        """Upper bound on the success within the allowed number of changes."""
        return float(self.reached[-1] / self.n_targets)

    def changes_for(self, n_satisfied: int) -> int:
        """Lower bound on the changes that satisfy so many users."""
        return int(np.argmax(self.reached >= n_satisfied)) if self.reached[-1] >= n_satisfied else len(self.reached)


def bound_case(case: Case, frontier: list[FrontierPoint], *, n_chosen: int) -> Bounds:
    """Best valid bounds of a case: each user alone, and all together with two sets of multipliers.

    One set aims at the success that the most changes can have, the other at showing that fewer than ``n_chosen``
    changes cannot do what ``n_chosen`` do.

    Parameters
    ----------
    case : Case
        Its box holds what changes that each keep the caps make of the item; the cap on sparsity is finite.
    frontier : list of FrontierPoint
        What has been reached; only steers the multipliers.
    n_chosen : int

    Returns
    -------
    Bounds
    """
    n_most = most_changes(case.search.columns, case.search.settings.caps)
    shown = np.flatnonzero(case.targets)
    gaps = true_gaps(case)
    gains = largest_gains(case, n_most)
    reachable = reach_by_changes(gains[shown], gaps[shown], n_most)
    reached = reachable.sum(axis=0).astype(np.float64)
    if np.all(np.isfinite(case.box.upper)):
        for n_changes in sorted({n_most, max(n_chosen - 1, 0)}):
            aim = round(frontier[min(n_changes, len(frontier) - 1)].success * len(shown))
            multipliers = _multipliers(case, gaps, gains, (n_changes, aim))
            reached = np.minimum(reached, relaxation_bound(case, gaps[shown], multipliers[shown], reachable))
    return Bounds(np.floor(reached + 1e-6).astype(np.int64), len(shown))


def true_gaps(case: Case) -> NDArray[np.float64]:
    """What the score of each user must gain at the very least: no margin, and rounding in favour of the bound.

    Not more than 0 for users who need nothing or are no targets.
    """
    needs = case.targets & ~case.in_top & np.isfinite(case.thresholds)
    thresholds = np.where(needs, case.thresholds, 0.0)
    gaps: NDArray[np.float64] = np.where(
        needs, thresholds - case.scores - tie(thresholds, case.search.group.sizes), 0.0
    )
    return gaps


def largest_gains(case: Case, n_most: int) -> NDArray[np.float64]:
    """Most that 1, 2, ... changes add to each user's score, ``(n_users, depth)``.

    Those of the group hold for any item. Where only some changes are plausible, those of the item's own are less.
    """
    of_any_item = case.search.group.gains
    moves = np.flatnonzero((case.box.upper > case.features) | (case.box.lower < case.features))
    if case.support is None or len(moves) > len(case.searched) or not np.all(np.isfinite(case.box.upper)):
        return of_any_item
    actions = make_actions(case, moves)
    units, unit = np.unique(actions.unit, return_inverse=True)
    order = np.argsort(unit, kind="stable")
    first = np.searchsorted(unit[order], np.arange(len(units)))
    gains = np.zeros((len(of_any_item), max(n_most, 1)))
    depth = min(n_most, len(units))
    if not depth:
        return gains
    for start in range(0, len(gains), _USERS_AT_ONCE):
        block = slice(start, start + _USERS_AT_ONCE)
        best = np.maximum.reduceat(group_effects(case, actions, block)[:, order], first, axis=1)
        largest = -np.sort(-np.maximum(best, 0.0), axis=1)[:, :depth]
        gains[block, :depth] = np.cumsum(largest, axis=1)
        gains[block, depth:] = gains[block, depth - 1 : depth]
    return gains


def _multipliers(
    case: Case, gaps: NDArray[np.float64], gains: NDArray[np.float64], aims: tuple[int, int]
) -> NDArray[np.float64]:
    """Multipliers of all users of the group; 0 for those not sampled, with nothing to gain or out of reach."""
    (n_changes, aim), sampled = aims, case.search.group.sample
    multipliers = np.zeros(len(gaps))
    depth = min(max(n_changes, 1), gains.shape[1])
    open_users = (gaps[sampled] > 0) & (gains[sampled, depth - 1] >= gaps[sampled])
    actions = make_actions(case, case.searched)
    if not open_users.any() or not len(actions):
        return multipliers
    effects = sample_effects(case, actions)[open_users]
    open_positions = sampled[open_users]
    closing = (np.maximum(effects, 0.0) / gaps[open_positions, None]).T.astype(np.float32)
    satisfied = int((case.targets & (gaps <= 0)).sum())
    multipliers[open_positions] = improve_multipliers(closing, n_changes, max(aim - satisfied, 0))
    return multipliers
