"""How a recommender stands after one fit: objective, accuracy and the users' lists, from one start, settled."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.evaluation_starts import StartKind, start_items
from recsys_ops.antidote.objectives import Objective, measure
from recsys_ops.models.linear import best_candidates
from recsys_ops.models.mf import AlsSettings, Factors
from recsys_ops.models.mf_rows import RowBlock, RowMap, times
from recsys_ops.models.mf_settled import fit_settled

LIST_LENGTH = 10
"""Items of a user's list that may stay or go."""

_USERS_AT_ONCE = 256


@dataclass(frozen=True)
class Standing:
    """One settled fit, as the real users see it.

    The ``start`` it is from, the ``value`` of the objective, and the ``rmse`` in stars. ``lists (n_users, 10)`` are
    positions of items, best first, -1 where a list is shorter; ``is_settled`` says whether the fit was.
    """

    start: int
    value: float
    rmse: float
    lists: NDArray[np.int32]
    is_settled: bool


def standing(
    rows: RowMap,
    objective: Objective,
    als: AlsSettings,
    *,
    artificial: sp.csr_array | None = None,
    kind: StartKind = "usual",
) -> Standing:
    """Fit all ratings, with artificial users or without, until loss and objective have settled.

    Parameters
    ----------
    rows : RowMap
        Ratings of the real users.
    objective : Objective
        Measured on these.
    als : AlsSettings
        Its seed is the start.
    artificial : csr_array, shape (n_artificial, n_items), optional
    kind : "usual", "small" or "large"
        How the start is drawn.

    Returns
    -------
    Standing
    """

    def value(factors: Factors) -> float:
        return objective.value(measure(rows, factors))

    fit = fit_settled(rows, als, value, artificial=artificial, start=start_items(rows.shape[1], als, kind))
    predictions = measure(rows, fit.factors)
    return Standing(
        als.seed, objective.value(predictions), predictions.rmse, top_lists(rows, fit.factors), is_settled=fit.converged
    )


def top_lists(rows: RowMap, factors: Factors) -> NDArray[np.int32]:
    """The best items that each user has not rated, shape (n_users, 10); scores of 256 users at a time."""
    return np.concatenate(rows.map("users", lists_of_block, factors))


def lists_of_block(block: RowBlock, factors: Factors) -> NDArray[np.int32]:
    """``top_lists`` of the users of a block."""
    parts = [np.empty((0, LIST_LENGTH), np.int32)]
    for first in range(block.first, block.last, _USERS_AT_ONCE):
        last = min(first + _USERS_AT_ONCE, block.last)
        rated = block.pattern[first - block.first : last - block.first]
        best = best_candidates(times(factors.users[first:last], factors.items.T), rated, LIST_LENGTH)
        parts.append(best.astype(np.int32))
    return np.concatenate(parts)


def share_kept(before: NDArray[np.int32], after: NDArray[np.int32]) -> float:
    """Share of each user's list that is still in it, averaged over the users who have a list.

    Parameters
    ----------
    before, after : ndarray, shape (n_users, length)
        Positions of items, -1 where a list is shorter.

    Returns
    -------
    float
        1 where nobody has a list.
    """
    kept = ((before[:, :, None] == after[:, None, :]) & (before[:, :, None] >= 0)).sum(axis=(1, 2))
    lengths = (before >= 0).sum(axis=1)
    return float(np.mean(kept[lengths > 0] / lengths[lengths > 0])) if lengths.any() else 1.0
