"""A plausible explanation, found quickly and proven by nobody: a start for a likelihood threshold.

From a removal that has the item leave the top k, take whatever raises the log-likelihood most per distance until it
reaches the threshold; bring the item out of the top k again where that lost it; in the end give back what is not
needed.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import greedy_removal
from recsys_ops.counterfactuals.inputs import Inputs
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.relaxation import Goal
from recsys_ops.models.network import best_child_bound, log_likelihood

_MOST_ROUNDS = 8


def climb(
    question: Question, goal: Goal, inputs: Inputs, start: NDArray[np.int64], limits: NDArray[np.int64]
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

    Returns
    -------
    ndarray, shape (n,), or None
        None if the climb leads nowhere, which proves nothing.
    """
    membership = goal.likelihood.aggregation.membership[question.history]
    taken = start
    for _ in range(_MOST_ROUNDS):
        raised = _raise(question, goal, inputs, membership, taken, limits)
        if raised is None:
            return None
        if question.is_valid(raised):
            return _give_back(question, goal, membership, raised)
        out_again = greedy_removal(question, limits, raised)
        if out_again is None:
            return None
        taken = out_again
    return None


def _raise(
    question: Question,
    goal: Goal,
    inputs: Inputs,
    membership: sp.csr_array,
    taken: NDArray[np.int64],
    limits: NDArray[np.int64],
) -> NDArray[np.int64] | None:
    """Take units until the log-likelihood reaches the threshold."""
    value = _log_likelihoods(question, goal, membership, taken[None])[0]
    while value < goal.threshold:
        moves = _moves(question, inputs, taken, limits)
        if not len(moves):
            return None
        values = _log_likelihoods(question, goal, membership, moves)
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
        plausible = _log_likelihoods(question, goal, membership, less[None])[0] >= goal.threshold
        if plausible and question.is_valid(less):
            taken = less
    return taken


def _log_likelihoods(
    question: Question, goal: Goal, membership: sp.csr_array, ways: NDArray[np.int64]
) -> NDArray[np.float64]:
    aggregation = goal.likelihood.aggregation
    totals = (question.amounts - ways).astype(np.float64) @ membership
    values = aggregation.values(totals, np.arange(aggregation.n_variables))
    evaluate = log_likelihood if goal.mixture == "exact" else best_child_bound
    return evaluate(goal.likelihood.network, values)
