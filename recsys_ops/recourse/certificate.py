"""How good can any recourse be? Bounds on the users that n changes can reach, and on the changes needed.

Three bounds, all valid for every recourse within the rules, whatever found it:

* per user: n changes add at most the sum of the user's n largest gains to the score (``combinatorial``);
* together: the Lagrangian dual of the relaxed coverage problem. For any multipliers ``nu >= 0``

      reached(n) <= satisfied + sum_u max(0, 1 - nu_u) + (n largest of  sum_u nu_u effect+_uj / gap_u  over changes j)

  over the users u with a gap that n changes can close; effect+ is what a change adds to the score, 0 where it takes
  away, because a change that loses one user does not forbid to gain another. The multipliers are improved on the
  searched features; the bound is then evaluated with all of them, at the cost of two sparse products;
* exactly, on request: the mixed-integer program in ``exact.py``.

A bound on the users reached is a bound on the changes as well: reaching N users takes at least the first n whose bound
is N or more.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.feature_linear import Matrix
from recsys_ops.recourse.problem import Case

STEPS = 40
"""Subgradient steps per set of multipliers."""


def combinatorial_bound(gains: NDArray[np.float64], gaps: NDArray[np.float64], n_most: int) -> NDArray[np.int64]:
    """Users that 0 .. n_most changes can reach at most, each user taken alone.

    Parameters
    ----------
    gains : ndarray, shape (n_users, depth)
        Most that 1 .. depth changes add to the score of a user.
    gaps : ndarray, shape (n_users,)
        What the score must gain; not more than 0 for users who have the item.

    Returns
    -------
    ndarray, shape (n_most + 1,)
    """
    reachable = reach_by_changes(gains, gaps, n_most)
    bound: NDArray[np.int64] = reachable.sum(axis=0)
    return bound


def reach_by_changes(gains: NDArray[np.float64], gaps: NDArray[np.float64], n_most: int) -> NDArray[np.bool_]:
    """Whether n = 0 .. n_most changes can reach each user at all, ``(n_users, n_most + 1)``.

    Beyond the depth of ``gains`` nothing is known, and every user counts as reachable.
    """
    reachable = np.ones((len(gaps), n_most + 1), dtype=bool)
    depth = min(gains.shape[1], n_most)
    reachable[:, 0] = gaps <= 0
    reachable[:, 1 : depth + 1] = gains[:, :depth] * (1 + 1e-9) >= gaps[:, None]
    return np.logical_or.accumulate(reachable, axis=1)


def improve_multipliers(closing: NDArray[np.float32], n_changes: int, n_reached: int) -> NDArray[np.float64]:
    """Multipliers for a tight bound on the users that ``n_changes`` can reach.

    Parameters
    ----------
    closing : ndarray, shape (n_changes_possible, n_users)
        Share of each open user's gap that each change closes.
    n_changes : int
    n_reached : int
        Users known to be reached; the step size aims at it (Polyak).

    Returns
    -------
    ndarray, shape (n_users,)
    """
    multipliers = np.full(closing.shape[1], 0.5, dtype=np.float32)
    best, least = multipliers, np.inf
    n = min(n_changes, len(closing))
    for step in range(STEPS):
        # OpenBLAS's kernels for small float32 products may flag lanes that they do not use (seen in 0.3.31, AVX-512).
        with np.errstate(invalid="ignore"):
            worth = np.maximum(closing @ multipliers, 0)
        chosen = np.argpartition(worth, len(worth) - n)[len(worth) - n :] if n else np.array([], dtype=np.intp)
        bound = float(worth[chosen].sum() + np.maximum(0, 1 - multipliers).sum())
        if bound < least:
            best, least = multipliers, bound
        slope = closing[chosen].sum(axis=0) - (multipliers < 1)
        square = float(slope @ slope)
        if square == 0:
            break
        length = max(bound - n_reached, 0.05 * bound / (step + 1)) / square
        multipliers = np.clip(multipliers - np.float32(length) * slope, 0, 1)
    return best.astype(np.float64)


def relaxation_bound(
    case: Case, gaps: NDArray[np.float64], multipliers: NDArray[np.float64], reachable: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Lagrangian bound on the users that 0 .. n_most changes reach, over all features of the item.

    Parameters
    ----------
    case : Case
        Caps on proximity and cost count: changes by fractions fill them best, those first that are worth most for what
        they take.
    gaps : ndarray, shape (n_targets,)
        What the score of each target must gain; not more than 0 for users who have the item.
    multipliers : ndarray, shape (n_targets,), >= 0
        0 for users who were left out; they count as reached where they are reachable.
    reachable : ndarray, shape (n_targets, n_most + 1)

    Returns
    -------
    ndarray, shape (n_most + 1,)
    """
    caps, vectors = case.search.settings.caps, case.search.group.vectors[np.flatnonzero(case.targets)]
    is_open = gaps > 0
    price = np.where(is_open, multipliers / np.where(is_open, gaps, 1.0), 0.0)
    gains, proximity, cost = _unit_gains(case, vectors, price)
    n_most = reachable.shape[1] - 1
    largest = -np.sort(-gains)[:n_most]
    cumulative = np.zeros(n_most + 1)
    cumulative[1 : len(largest) + 1] = np.cumsum(largest)
    cumulative[len(largest) + 1 :] = cumulative[len(largest)]
    for weights, most in ((proximity, caps.proximity), (cost, caps.cost)):
        if np.isfinite(most):
            cumulative = np.minimum(cumulative, _fractional_knapsack(gains, weights, most))
    left = np.where(is_open, np.maximum(0.0, 1.0 - multipliers), 1.0)
    bound: NDArray[np.float64] = left @ reachable + cumulative
    return bound


def _fractional_knapsack(gains: NDArray[np.float64], weights: NDArray[np.float64], most: float) -> float:
    """Greatest sum of gains, each taken by a fraction, whose weights sum to at most ``most``."""
    useful = np.flatnonzero(gains > 0)
    order = useful[np.argsort(-gains[useful] / weights[useful], kind="stable")]
    before = np.cumsum(weights[order]) - weights[order]
    fractions = np.clip((most - before) / weights[order], 0.0, 1.0)
    return float(fractions @ gains[order]) * (1 + 1e-9)


def _unit_gains(
    case: Case, vectors: Matrix, price: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Most that one change of each feature is worth to all users together, those it harms left out.

    With the proximity and the cost of that change; per proximity, the other direction is not worth more.
    """
    model, columns, features, box = case.search.model, case.search.columns, case.features, case.box
    rise, fall = model.signed_worth(vectors, price)
    single = columns.one_hot < 0
    room, depth = box.upper - features, np.maximum(features - box.lower, 0.0)
    with np.errstate(invalid="ignore"):
        up = np.nan_to_num(rise * room, nan=0.0, posinf=np.inf)
    down = fall * depth
    # The gain of the better direction at the least weight that has it: what the worse one does per weight, times that.
    density = np.maximum(np.where(room > 0, rise, 0.0), np.where(depth > 0, fall, 0.0)) * columns.span
    best = np.maximum(up, down)
    with np.errstate(invalid="ignore", divide="ignore"):
        proximity = np.where(best > 0, best / density, 0.0)
    gains, proximities, costs = [best[single]], [proximity[single]], [columns.cost[single]]
    for group in np.unique(columns.one_hot[~single]):
        members = np.flatnonzero(columns.one_hot == group)
        if np.any(box.upper[members] > features[members]):
            profiles = model.profiles(vectors, members)
            possible = box.upper[members] > 0
            added = (profiles * columns.upper[members] - (profiles @ features[members])[:, None])[:, possible]
            gains.append(np.array([(price @ np.maximum(added, 0.0)).max()]))
            proximities.append(np.ones(1))
            costs.append(columns.cost[members[:1]])
    return np.concatenate(gains), np.concatenate(proximities), np.concatenate(costs)
