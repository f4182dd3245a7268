"""Closing the gap between greedy and sorted sums: weights over rivals, from which a bound and a solution both follow.

Of the r rivals that a distance T can bring above the item, ``needed`` must be. So of any ``r - needed + s`` of them,
the hardest say, at least s are above; if for each s of these there are multipliers ``lambda >= 0`` with

    max_{d: cost <= T}  sum_j d_j sum_z lambda_z g_jz   <   sum_z lambda_z gap_z

then no removal of distance T brings them above together, and T is ruled out. The maximum is a continuous knapsack, and
the removals that attain it are tried as explanations. Multiplicative weights lead lambda to the rivals that are missed.
"""

import itertools
from math import comb

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import least_distances
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.tolerances import SLACK

STEPS = 25
"""Updates of the multipliers per distance."""

MOST_SETS = 150
"""Sets of rivals that are looked at per distance."""

MOST_TRIED = 8
"""Removals tried as explanations per update."""


def squeeze(question: Question, best: NDArray[np.int64], bound: float) -> tuple[NDArray[np.int64], float]:
    """Raise the bound or improve the explanation, one unit of distance after the other, for as long as that works.

    For questions in which every unit costs the same; others are returned as they are.

    Parameters
    ----------
    question : Question
    best : ndarray, shape (n,)
        A valid removal.
    bound : float
        Lower bound on the distance.

    Returns
    -------
    ndarray, shape (n,), and float
    """
    if np.ptp(question.costs) > 0:
        return best, bound
    cost = float(question.costs[0])
    n_units, n_best = round(bound / cost), round(question.distance(best) / cost)
    while n_units < n_best:
        ruled_out, found = _settle(question, n_units)
        if found is not None:
            return found, n_units * cost
        if not ruled_out:
            break
        n_units += 1
    return best, n_units * cost


def _settle(question: Question, n_units: int) -> tuple[bool, NDArray[np.int64] | None]:
    """Whether no removal of so many units is valid, and one that is if one was met."""
    cost, needed = float(question.costs[0]), question.needed
    distances = least_distances(question, question.limits, n_units * cost)
    rivals = np.argsort(-distances, kind="stable")[np.isinf(distances).sum() :]
    if len(rivals) < needed:
        return True, None
    spare = len(rivals) - needed
    sizes = [size for size in range(1, needed + 1) if comb(spare + size, size) <= MOST_SETS]
    if not sizes:
        return False, None
    hardest = rivals[: spare + sizes[-1]]
    # A row per unit, so that the best n_units rows are the best removal.
    units = np.repeat(np.arange(len(question.limits)), np.minimum(question.limits, n_units))
    gains = question.gains[np.ix_(units, hardest)]
    gaps = question.gaps[hardest] - SLACK * question.margins[hardest]
    sets = np.array(list(itertools.combinations(range(len(hardest)), sizes[-1])))
    prices = np.zeros((len(sets), len(hardest)))
    np.put_along_axis(prices, sets, 1.0, axis=1)
    size = float(np.abs(gaps).mean()) or 1.0
    for _ in range(STEPS):
        values = np.maximum(gains @ prices.T, 0.0)
        chosen = np.argpartition(-values, min(n_units, len(units)) - 1, axis=0)[:n_units]
        attained = np.take_along_axis(values, chosen, axis=0).sum(axis=0)
        left = attained >= prices @ gaps
        if not left.any():
            return True, None
        prices, chosen = prices[left], chosen[:, left]
        found = _first_valid(question, units[chosen])
        if found is not None:
            return False, found
        missed = gaps - gains[chosen].sum(axis=0)
        prices *= np.exp(np.clip(missed / size, -2.0, 2.0))
        prices /= prices.max(axis=1, keepdims=True)
    return False, None


def _first_valid(question: Question, chosen: NDArray[np.intp]) -> NDArray[np.int64] | None:
    """The first of some removals that is valid; ``chosen (n_units, n_removals)`` holds an interaction per unit."""
    for positions in chosen.T[:MOST_TRIED]:
        taken = np.bincount(positions, minlength=len(question.limits)).astype(np.int64)
        if question.explains(taken):
            return taken
    return None
