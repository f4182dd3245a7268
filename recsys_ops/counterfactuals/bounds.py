"""What needs no solver: a greedy explanation from above, sorted sums from below; where they meet, both are proven.

Below: t units can close the gap of an inequality only if the t largest gains sum to it. The least distance that closes
each inequality alone, with fractions of units allowed, is a covering knapsack that a sort solves; as ``needed``
inequalities must hold, the ``needed``-th smallest of these distances bounds every explanation from below.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.tolerances import ROUNDING, SLACK


def greedy_removal(
    question: Question, limits: NDArray[np.int64], start: NDArray[np.int64] | None = None
) -> NDArray[np.int64] | None:
    """Units to take so that the item leaves the top k, few of them.

    Each step takes from the interaction that closes most per cost of the ``needed``-th easiest inequality; in the end
    whatever turns out not to be needed is given back.

    Parameters
    ----------
    question : Question
    limits : ndarray, shape (n,)
        Most units that may be taken.
    start : ndarray, shape (n,), optional
        Units that are taken already, none of which are given back.

    Returns
    -------
    ndarray, shape (n,), or None
        None if the steps lead nowhere, which proves nothing.
    """
    if question.needed > len(question.gaps):
        return None
    taken = np.zeros(len(limits), dtype=np.int64) if start is None else start.copy()
    short = question.gaps - taken @ question.gains
    entirely = np.append(np.zeros(len(taken), dtype=bool), True)
    while not question.is_valid(taken):
        entirely[:-1] = taken == question.amounts
        missing = np.maximum(short, np.where(entirely[question.requires], 0.0, question.margins))
        target = int(np.argpartition(missing, question.needed - 1)[question.needed - 1])
        step = _step_towards(question, target, float(short[target]), limits - taken)
        if step is None:
            return None
        position, units = step
        taken[position] += units
        short -= units * question.gains[position]
    return _give_back(question, taken) if start is None else taken


def _step_towards(question: Question, target: int, short: float, left: NDArray[np.int64]) -> tuple[int, int] | None:
    """Which interaction loses how many units so that an inequality comes closer to holding."""
    required = int(question.requires[target])
    if required >= 0 and short <= 0:
        return (required, int(left[required])) if left[required] else None
    gains = question.gains[:, target]
    worth = np.where(left > 0, gains / question.costs, 0.0)
    position = int(np.argmax(worth))
    if not np.isfinite(short) or worth[position] <= 0:
        return None
    return position, int(min(left[position], max(1.0, np.ceil(short / gains[position]))))


def _give_back(question: Question, taken: NDArray[np.int64]) -> NDArray[np.int64]:
    """Without what is not needed, the dearest first."""
    for position in sorted(np.flatnonzero(taken), key=lambda p: -question.costs[p] * taken[p]):
        full = taken[position]
        for units in range(full):
            taken[position] = units
            if question.is_valid(taken):
                break
        else:
            taken[position] = full
    return taken


def cheapest(distances: NDArray[np.float64], needed: int) -> float:
    """The ``needed``-th smallest distance, inf if there are fewer."""
    if needed > len(distances):
        return float(np.inf)
    return float(np.partition(distances, needed - 1)[needed - 1])


def least_distances(question: Question, limits: NDArray[np.int64], enough: float = np.inf) -> NDArray[np.float64]:
    """Lower bound on the distance that makes each inequality hold, ``(m,)``.

    inf where no removal within ``limits`` does, and where none within the distance ``enough`` does.
    """
    gaps = question.gaps - SLACK * question.margins
    costs, usable = question.costs, limits > 0
    capacity = costs * limits
    rates = question.gains / costs[:, None]
    most = rates[usable].max(axis=0, initial=0.0) * min(enough * (1 + ROUNDING), float(capacity.sum()))
    columns = np.flatnonzero(most >= gaps)
    least = np.full(len(gaps), np.inf)
    least[columns] = fractional_cover(rates[np.ix_(usable, columns)], gaps[columns], capacity[usable])
    whole = np.append(question.costs * question.amounts, 0.0)
    least[columns] = np.maximum(least[columns], whole[question.requires[columns]])
    if question.grain > 0:
        least = np.ceil(least / question.grain * (1 - ROUNDING)) * question.grain
    least[least > enough * (1 + ROUNDING)] = np.inf
    return least


def fractional_cover(
    rates: NDArray[np.float64], gaps: NDArray[np.float64], capacity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Least distance that closes each gap, the best rates (gain per distance) first; inf where all do not."""
    if not rates.size:
        return np.where(gaps <= 0, 0.0, np.inf)
    order = np.argsort(-rates, axis=0)
    sorted_rates = np.maximum(np.take_along_axis(rates, order, axis=0), 0.0)
    spent = np.cumsum(capacity[order], axis=0)
    closed = np.cumsum(sorted_rates * capacity[order], axis=0)
    last = np.minimum((closed < gaps).sum(axis=0), len(rates) - 1)
    column = np.arange(len(gaps))
    closes = closed[last, column] >= gaps
    # From what comes before, so that a cost far greater than what is needed of it leaves no rounding behind.
    before = last > 0
    spent_before = np.where(before, spent[last - 1, column], 0.0)
    short = np.maximum(gaps - np.where(before, closed[last - 1, column], 0.0), 0.0)
    rate = sorted_rates[last, column]
    needed = spent_before + np.where(closes & (gaps > 0), short, 0.0) / np.where(rate > 0, rate, 1.0)
    return np.where(gaps <= 0, 0.0, np.where(closes, needed, np.inf))


def most_within(rates: NDArray[np.float64], capacity: NDArray[np.float64], budget: float) -> NDArray[np.float64]:
    """Most that a distance of ``budget`` can add up to: a continuous knapsack.

    Parameters
    ----------
    rates : ndarray, shape (n, m)
        What a distance of 1 adds, of each interaction; negative ones are not used.
    capacity : ndarray, shape (n,)
        Distance that taking all of an interaction has.
    budget : float

    Returns
    -------
    ndarray, shape (m,)
    """
    order = np.argsort(-rates, axis=0)
    spent = np.cumsum(capacity[order], axis=0)
    used = np.clip(budget - (spent - capacity[order]), 0.0, capacity[order])
    most: NDArray[np.float64] = (np.maximum(np.take_along_axis(rates, order, axis=0), 0.0) * used).sum(axis=0)
    return most
