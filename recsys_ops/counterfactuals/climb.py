"""Plausible explanations, found quickly and proven by nobody: a start for the search.

``improve`` moves one variable at a time to where the objective is better. ``climb`` is for a threshold: from a removal
that has the item leave the top k, take whatever raises the log-likelihood most per distance until it reaches the
threshold, take the item out of the top k again where it came back, and so on; in the end give back what is not needed.
"""

import time

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import greedy_removal
from recsys_ops.counterfactuals.inputs import Inputs
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.search import Goal
from recsys_ops.counterfactuals.tolerances import LIKELIHOOD_ROUNDING
from recsys_ops.models.network import best_child_bound, log_likelihood

_MOST_ROUNDS = 8
_MOST_STEPS = 30
_MOST_CHECKED = 40


def climb(
    question: Question,
    goal: Goal,
    inputs: Inputs,
    start: NDArray[np.int64],
    limits: NDArray[np.int64],
    deadline: float,
) -> NDArray[np.int64] | None:
    """Units to take so that the item leaves the top k with a log-likelihood of at least the threshold.

    Parameters
    ----------
    question : Question
    goal : Goal
    inputs : Inputs
    start : ndarray, shape (n,)
        A valid removal.
    limits : ndarray, shape (n,)
        Most units that may be taken.
    deadline : float
        Of ``time.perf_counter``, in seconds.

    Returns
    -------
    ndarray, shape (n,), or None
        None if the climb leads nowhere, which proves nothing.
    """
    membership = goal.likelihood.aggregation.membership[question.history]
    valid: NDArray[np.int64] | None = start
    for _ in range(_MOST_ROUNDS):
        if valid is None:
            break
        plausible = _raise(question, goal, inputs, membership, valid, limits, deadline)
        if plausible is None:
            break
        if question.is_valid(plausible):
            climbed = _give_back(question, goal, membership, plausible)
            return climbed if question.explains(climbed) else None
        valid = greedy_removal(question, limits, plausible)
    return None


def improve(
    question: Question, goal: Goal, inputs: Inputs, start: NDArray[np.int64], deadline: float
) -> NDArray[np.int64]:
    """A removal with an objective no worse: one variable moved, or one interaction given back, as long as that helps.

    Parameters
    ----------
    question : Question
    goal : Goal
    inputs : Inputs
    start : ndarray, shape (n,)
        A valid removal.
    deadline : float
        Of ``time.perf_counter``, in seconds.

    Returns
    -------
    ndarray, shape (n,)
    """
    membership = goal.likelihood.aggregation.membership[question.history]

    def objectives(ways: NDArray[np.int64]) -> NDArray[np.float64]:
        return ways @ question.costs - goal.alpha * log_likelihoods(question, goal, membership, ways)

    taken, objective = start, objectives(start[None])[0]
    for _ in range(_MOST_STEPS):
        if time.perf_counter() > deadline:
            break
        ways = np.concatenate([_moves(question, inputs, taken, question.limits), _returns(taken)])
        values = objectives(ways)
        better = np.flatnonzero(values < objective - LIKELIHOOD_ROUNDING * max(1.0, abs(objective)))
        better = better[np.argsort(values[better], kind="stable")][:_MOST_CHECKED]
        valid = next((way for way in better if question.explains(ways[way])), None)
        if valid is None:
            break
        taken, objective = ways[valid], values[valid]
    return taken


def _returns(taken: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every way to give one interaction back, ``(n_touched, n)``."""
    touched = np.flatnonzero(taken)
    ways = np.repeat(taken[None], len(touched), axis=0)
    ways[np.arange(len(touched)), touched] = 0
    return ways


def _raise(
    question: Question,
    goal: Goal,
    inputs: Inputs,
    membership: sp.csr_array,
    taken: NDArray[np.int64],
    limits: NDArray[np.int64],
    deadline: float,
) -> NDArray[np.int64] | None:
    """Take units until the log-likelihood reaches the threshold."""
    value = log_likelihoods(question, goal, membership, taken[None])[0]
    while value < goal.threshold:
        moves = _moves(question, inputs, taken, limits)
        if not len(moves) or time.perf_counter() > deadline:
            return None
        values = log_likelihoods(question, goal, membership, moves)
        worth = (np.minimum(values, goal.threshold) - value) / ((moves - taken) @ question.costs)
        best = int(np.argmax(worth))
        if worth[best] <= 0:
            return None
        taken, value = moves[best], values[best]
    return taken


def _moves(
    question: Question, inputs: Inputs, taken: NDArray[np.int64], limits: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Every way to bring one variable to a later value by the cheapest units of its members, ``(n_moves, n)``."""
    moves = []
    for variable, members in inputs.members.items():
        table = inputs.tables[variable]
        now, left = int(taken[members].sum()), limits[members] - taken[members]
        starts = np.flatnonzero(np.any(np.diff(table, axis=1) != 0, axis=0)) + 1
        order = np.argsort(question.costs[members], kind="stable")
        before = np.cumsum(left[order]) - left[order]
        for start in starts[(starts > now) & (starts <= now + left.sum())]:
            move = taken.copy()
            move[members[order]] += np.clip(start - now - before, 0, left[order])
            moves.append(move)
    return np.array(moves, dtype=np.int64).reshape(-1, len(taken))


def _give_back(question: Question, goal: Goal, membership: sp.csr_array, taken: NDArray[np.int64]) -> NDArray[np.int64]:
    """Without what is not needed, the dearest first."""
    for position in sorted(np.flatnonzero(taken), key=lambda p: -question.costs[p] * taken[p]):
        less = taken.copy()
        less[position] = 0
        plausible = log_likelihoods(question, goal, membership, less[None])[0] >= goal.threshold
        if plausible and question.is_valid(less):
            taken = less
    return taken


def log_likelihoods(
    question: Question, goal: Goal, membership: sp.csr_array, ways: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Log-likelihood of what each of some removals leaves, by the goal's mixture.

    Parameters
    ----------
    question : Question
    goal : Goal
    membership : csr_array, shape (n, n_variables)
        Of the interactions of the history.
    ways : ndarray, shape (n_ways, n)

    Returns
    -------
    ndarray, shape (n_ways,)
    """
    aggregation = goal.likelihood.aggregation
    totals = (question.amounts - ways).astype(np.float64) @ membership
    values = aggregation.values(totals, np.arange(aggregation.n_variables))
    evaluate = log_likelihood if goal.mixture == "exact" else best_child_bound
    return evaluate(goal.likelihood.network, values)
