"""What antidote data do: the recommender fitted from scratch without and with them, compared on real users only."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.objectives import Objective, Predictions, measure
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.models.linear import best_candidates
from recsys_ops.models.mf import Factors, Fit
from recsys_ops.models.mf_rows import LocalRows, RowBlock, RowMap, times

LIST_DEPTH = 30
"""Longest list whose change is reported (paper, Figure 4c)."""

_USERS_AT_ONCE = 256


@dataclass(frozen=True)
class Effect:
    """Predictions on some ratings before and after, and the objective of each."""

    before: Predictions
    after: Predictions
    value_before: float
    value_after: float

    @property
    def rmse_before(self) -> float:
        """RMSE without antidote data, in stars."""
        return self.before.rmse

    @property
    def rmse_after(self) -> float:
        """RMSE with antidote data, in stars."""
        return self.after.rmse


@dataclass(frozen=True)
class Evaluation:
    """Effects on the fitted and on held-out ratings (None without any), and both fits."""

    train: Effect
    held_out: Effect | None
    before: Fit
    after: Fit


def evaluate(
    problem: AntidoteProblem,
    artificial: sp.csr_array,
    *,
    held_out: sp.csr_array | None = None,
) -> Evaluation:
    """Fit from scratch with and without antidote data and compare.

    Parameters
    ----------
    problem : AntidoteProblem
        Its objective is measured on the fitted and the held-out ratings, whatever it is evaluated on in the search.
    artificial : csr_array, shape (n_artificial, n_items)
    held_out : csr_array, shape (n_users, n_items), optional
        Ratings of the same users that are not fitted.
    Returns
    -------
    Evaluation
    """
    before = problem.without()
    after = problem.fit(artificial)
    train = _effect(problem.objective, problem.rows, before, after)
    unseen = None if held_out is None else _effect(problem.objective, LocalRows(held_out), before, after)
    return Evaluation(train, unseen, before, after)


def jaccard_curve(rows: RowMap, before: Factors, after: Factors, *, depth: int = LIST_DEPTH) -> NDArray[np.float64]:
    """How much of the users' top lists stays, for each length.

    Parameters
    ----------
    rows : RowMap
        Ratings of the real users; what a user has rated is not recommended.
    before, after : Factors
    depth : int
        Longest list.

    Returns
    -------
    ndarray, shape (depth,)
        Jaccard similarity of the top k before and after, averaged over users, for k = 1 .. depth.

    Notes
    -----
    Memory: scores of 256 users at a time.
    """
    similarities = np.concatenate(rows.map("users", list_similarities, (before, after, depth)))
    curve: NDArray[np.float64] = similarities.mean(axis=0)
    return curve


def list_similarities(block: RowBlock, shared: tuple[Factors, Factors, int]) -> NDArray[np.float64]:
    """Jaccard similarity of the lists of each user of a block, shape (n_rows, depth)."""
    before, after, depth = shared
    parts = [np.empty((0, depth))]
    for first in range(block.first, block.last, _USERS_AT_ONCE):
        last = min(first + _USERS_AT_ONCE, block.last)
        rated = block.pattern[first - block.first : last - block.first]
        lists = [
            best_candidates(times(factors.users[first:last], factors.items.T), rated, depth)
            for factors in (before, after)
        ]
        parts.append(similarity_by_length(*lists))
    return np.concatenate(parts)


def similarity_by_length(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    """Jaccard similarity of the first k entries of two lists, for every k.

    Parameters
    ----------
    one, other : ndarray, shape (n, depth)
        Positions of items, -1 where a list is shorter.

    Returns
    -------
    ndarray, shape (n, depth)
        1 where both are empty.
    """
    depth = one.shape[1]
    same = (one[:, :, None] == other[:, None, :]) & (one[:, :, None] >= 0)
    reach = np.maximum(np.arange(depth)[:, None], np.arange(depth)[None, :])
    shared = np.stack([(same & (reach < k)).sum(axis=(1, 2)) for k in range(1, depth + 1)], axis=1)
    lengths = np.cumsum(one >= 0, axis=1) + np.cumsum(other >= 0, axis=1)
    union = lengths - shared
    similarity: NDArray[np.float64] = np.where(union > 0, shared, 1) / np.maximum(union, 1)
    return similarity


def _effect(objective: Objective, rows: RowMap, before: Fit, after: Fit) -> Effect:
    first, second = measure(rows, before.factors), measure(rows, after.factors)
    return Effect(first, second, objective.value(first), objective.value(second))
