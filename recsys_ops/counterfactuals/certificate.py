"""A proof without a solver: where few removals are affordable, all of them are tried.

An explanation better than a known one costs less than it does, which mostly leaves a few thousand removals, however
long the history is. Their inequalities, distances and log-likelihoods are evaluated one by one in double precision, so
that neither the size of weights nor that of costs matters, and nothing that the search relies on is relied on here.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import least_distances
from recsys_ops.counterfactuals.climb import log_likelihoods
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.scored import ScoredQuestion
from recsys_ops.counterfactuals.search import Earlier, Goal, SearchResult
from recsys_ops.counterfactuals.tolerances import LIKELIHOOD_ROUNDING, ROUNDING, is_less

MOST_REMOVALS = 20_000
"""Removals that are tried; more are left to a second solve."""

MOST_PRODUCTS = 20_000_000
"""Removals times interactions times rivals: about 10 ms."""


def try_all(
    question: Question, goal: Goal | None, earlier: Earlier, found: SearchResult, most: float
) -> SearchResult | None:
    """The best explanation within a distance, by trying everything that is affordable.

    Parameters
    ----------
    question : Question
    goal : Goal or None
        None for the shortest explanation.
    earlier : list of ndarray
        Positions that earlier explanations touch; at least one of each stays whole.
    found : SearchResult
        What is known, with an objective below which something is looked for.
    most : float
        Greatest distance.

    Returns
    -------
    SearchResult or None
        Proven: ``found`` itself where there is nothing better, else the best. None if there is too much to try.
    """
    distances = least_distances(question, question.limits, most)
    rivals = np.flatnonzero(np.isfinite(distances))
    work = max(int(np.count_nonzero(question.limits)) * len(rivals), 1)
    ways = affordable_removals(question, most, min(MOST_REMOVALS, MOST_PRODUCTS // work))
    if ways is None:
        return None
    ways = ways[_are_valid(question, ways, rivals)]
    for touched in earlier:
        ways = ways[np.any(ways[:, touched] == 0, axis=1)]
    values = ways @ question.weights / question.scale
    doubt = 0.0
    if goal is not None and len(ways):
        # Only what could be better deserves an evaluation of the network.
        membership = goal.likelihood.aggregation.membership[question.history]
        likely = log_likelihoods(question, goal, membership, ways)
        values = np.where(likely >= goal.threshold, values - goal.alpha * likely, np.inf)
        doubt = goal.alpha * LIKELIHOOD_ROUNDING * (1 + float(np.abs(likely).max()))
    best = int(np.argmin(values)) if len(values) else -1
    if best >= 0 and is_less(float(values[best]) + doubt, found.objective):
        value = float(values[best])
        return replace(
            found, taken=ways[best], objective=value, bound=value, is_proven=True, method="mio", is_exact=True
        )
    return replace(found, bound=found.objective, is_proven=True, is_exact=True)


def affordable_removals(
    question: Question | ScoredQuestion, most: float, most_removals: int
) -> NDArray[np.int64] | None:
    """Every removal within a distance and the cap on interactions, ``(n_ways, n)``; None if there are too many."""
    budget = most * (1 + ROUNDING)
    ways = np.zeros((1, len(question.limits)), dtype=np.int64)
    spent = np.zeros(1)
    for position in np.argsort(-question.costs, kind="stable"):
        cost, limit = float(question.costs[position]), int(question.limits[position])
        more_ways, more_spent = [ways], [spent]
        may_touch = np.count_nonzero(ways, axis=1) < question.max_removed
        for units in range(1, limit + 1):
            chosen = may_touch & (spent + units * cost <= budget)
            if not chosen.any():
                break
            taken = ways[chosen]
            taken[:, position] = units
            more_ways.append(taken)
            more_spent.append(spent[chosen] + units * cost)
        if sum(map(len, more_ways)) > most_removals:
            return None
        ways, spent = np.concatenate(more_ways), np.concatenate(more_spent)
    return ways


def _are_valid(question: Question, ways: NDArray[np.int64], rivals: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether each removal brings the item out of the top k; only these rivals can stand above it."""
    left = (question.amounts - ways).astype(np.float64)
    holds = left @ question.gains[:, rivals] + question.rests[rivals] <= 0
    entirely = np.concatenate([ways == question.amounts, np.ones((len(ways), 1), dtype=bool)], axis=1)
    holds &= entirely[:, question.requires[rivals]]
    valid: NDArray[np.bool_] = holds.sum(axis=1) >= question.needed
    return valid
