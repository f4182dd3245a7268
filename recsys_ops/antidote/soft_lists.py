"""Objectives of the users' top lists: who is shown, how popular it is, how few items share the slots.

A list is a step function of the predictions: its derivative is 0 almost everywhere. For the search each list is
softened: item j is in the list of user i with weight ``w = 1 / (1 + exp(-(s - t_i) / softness))``, and ``t_i`` is the
threshold at which the weights add up to the length of the list. What is reported is the value of the true lists.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import expit

from recsys_ops.antidote.objectives import Objective, Predictions, WeightedSum
from recsys_ops.antidote.standing import LIST_LENGTH
from recsys_ops.models.linear import best_candidates
from recsys_ops.models.mf import Factors
from recsys_ops.models.mf_rows import RowBlock, times

SOFTNESS = 0.05
"""In stars: items this near to the threshold are partly in the list."""

USERS_AT_ONCE = 256
_MOST_STEPS = 60
_EXACT = 1e-12
"""Share of the length of a list that the weights may miss."""

Kind = Literal["exposure", "popularity", "gini"]


@dataclass(frozen=True)
class ListObjective:
    """A number of the share of all slots that each item has.

    ``kind`` is ``exposure``: sum over the groups of the squared difference between their share of the slots and their
    share of the items; ``popularity``: mean over the slots of ``popularity``; or ``gini``: Gini coefficient of the
    items' shares. ``rated (n_users, n_items)`` has an entry for whatever is not recommended. ``groups (n_items,
    n_groups)`` are ones; an item of several groups counts for each in equal parts, one of none for none. With
    ``is_soft`` lists are softened, and there is a gradient; without, they are the true ones.
    """

    kind: Kind
    rated: sp.csr_array
    groups: sp.csr_array | None = None
    is_soft: bool = False

    def value(self, predictions: Predictions) -> float:
        """The objective, without unit."""
        return self._of_shares(self.shares(predictions.factors))[0]

    def item_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """``sum_i G[i, j] u_i``, of the softened lists."""
        factors = predictions.factors
        total = np.zeros_like(factors.items)
        for users, slopes in self._slopes(factors, 0, len(factors.users)):
            total += slopes.T @ users
        return total[block.first : block.last]

    def user_gradient(self, block: RowBlock, predictions: Predictions) -> NDArray[np.float64]:
        """``sum_j G[i, j] v_j``, of the softened lists."""
        factors = predictions.factors
        parts = [np.empty((0, factors.users.shape[1]))]
        for _, slopes in self._slopes(factors, block.first, block.last):
            parts.append(np.stack([(slopes * column).sum(axis=1) for column in factors.items.T], axis=1))
        return np.concatenate(parts)

    def shares(self, factors: Factors) -> NDArray[np.float64]:
        """Share of all slots that each item has, shape (n_items,); 0 everywhere where nobody has a list.

        Notes
        -----
        Memory: scores of 256 users at a time.
        """
        slots = np.zeros(len(factors.items))
        for scores, rated, _ in self._batches(factors, 0, len(factors.users)):
            if self.is_soft:
                slots += soft_top(scores, LIST_LENGTH)[0].sum(axis=0)
            else:
                lists = best_candidates(scores, rated, LIST_LENGTH)
                slots += np.bincount(lists[lists >= 0], minlength=len(slots))
        shares: NDArray[np.float64] = slots / max(slots.sum(), 1.0)
        return shares

    def _slopes(
        self, factors: Factors, first: int, last: int
    ) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Factors of some users, and the derivative by each of their predictions, batch by batch."""
        worth = self._of_shares(self.shares(factors))[1] / self._n_slots()
        for scores, _, users in self._batches(factors, first, last):
            _, near = soft_top(scores, LIST_LENGTH)
            total = near.sum(axis=1, keepdims=True)
            mean = (near * worth).sum(axis=1, keepdims=True) / np.maximum(total, 1e-300)
            yield users, near * (worth - mean)

    def _batches(
        self, factors: Factors, first: int, last: int
    ) -> Iterator[tuple[NDArray[np.float64], sp.csr_array, NDArray[np.float64]]]:
        """Scores of the users, -inf where an item is rated; the pattern of what is; and their factors."""
        for start in range(first, last, USERS_AT_ONCE):
            end = min(start + USERS_AT_ONCE, last)
            users, rated = factors.users[start:end], self.rated[start:end]
            scores = times(users, factors.items.T)
            scores[np.repeat(np.arange(end - start), np.diff(rated.indptr)), rated.indices] = -np.inf
            yield scores, rated, users

    def _n_slots(self) -> float:
        n_candidates = self.rated.shape[1] - np.diff(self.rated.indptr)
        return max(float(np.minimum(n_candidates, LIST_LENGTH).sum()), 1.0)

    def _of_shares(self, shares: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The objective, and its derivative by the share of each item."""
        n_items = len(shares)
        if self.kind == "popularity":
            popularity = np.bincount(self.rated.indices, minlength=n_items) / max(self.rated.shape[0], 1)
            return float(shares @ popularity), popularity
        if self.kind == "gini":
            order = np.argsort(shares, kind="stable")
            worth = np.empty(n_items)
            worth[order] = (2.0 * np.arange(1, n_items + 1) - n_items - 1) / n_items
            return float(shares @ worth), worth
        assert self.groups is not None
        apart = self.groups.T @ self._parts(shares) - self.groups.T @ self._parts(np.full(n_items, 1 / n_items))
        return float(apart @ apart), self._parts(2 * (self.groups @ apart))

    def _parts(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of items in equal parts for their groups."""
        n_groups = np.diff(self.groups.indptr) if self.groups is not None else np.ones(len(values))
        parts: NDArray[np.float64] = values / np.maximum(n_groups, 1)
        return parts


def soft_top(scores: NDArray[np.float64], length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much each item is in the list of each user, and how fast that changes.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        In stars, -inf for what is not recommended.
    length : int

    Returns
    -------
    weights : ndarray, shape (n_users, n_items)
        From 0 to 1, sum of a row ``length``; 1 for all candidates of a user who has no more than that.
    near : ndarray, shape (n_users, n_items)
        ``w (1 - w) / softness``: the derivative of a weight by its score while the threshold stays.
    """
    candidates = np.isfinite(scores)
    n_candidates = candidates.sum(axis=1)
    chooses = n_candidates > length
    weights, near = candidates.astype(np.float64), np.zeros_like(scores)
    if chooses.any():
        chosen = scores[chooses]
        weights[chooses] = expit((chosen - _thresholds(chosen, n_candidates[chooses], length)[:, None]) / SOFTNESS)
        near[chooses] = weights[chooses] * (1 - weights[chooses]) / SOFTNESS
    return weights, near


def _thresholds(scores: NDArray[np.float64], n_candidates: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    """Where the weights of each row add up to the length: Newton's steps, halving where one leaves the bracket."""
    n_items = scores.shape[1]
    ordered = np.partition(scores, n_items - length - 1, axis=1)
    kth, worst = ordered[:, n_items - length :].min(axis=1), ordered[:, n_items - length - 1]
    # Below low the best length + 1 items alone weigh enough; above high even n items as good as the best do not.
    low = worst - SOFTNESS * np.log(length)
    high = scores.max(axis=1) + SOFTNESS * np.log((n_candidates - length) / length)
    middle: NDArray[np.float64] = np.clip((kth + worst) / 2, low, high)
    for _ in range(_MOST_STEPS):
        weights = expit((scores - middle[:, None]) / SOFTNESS)
        miss = weights.sum(axis=1) - length
        is_open = np.abs(miss) > _EXACT * length
        if not is_open.any():
            break
        low, high = np.where(miss > 0, middle, low), np.where(miss < 0, middle, high)
        slope = (weights * (1 - weights)).sum(axis=1) / SOFTNESS
        step = middle + miss / np.maximum(slope, 1e-300)
        step = np.where((step > low) & (step < high), step, (low + high) / 2)
        middle = np.where(is_open, step, middle)  # a row's threshold does not depend on the other rows
    return middle


def softened(objective: Objective) -> Objective:
    """The objective with softened lists, for a search; others are what they are."""
    if isinstance(objective, ListObjective):
        return replace(objective, is_soft=True)
    if isinstance(objective, WeightedSum):
        return WeightedSum(tuple((weight, softened(term)) for weight, term in objective.terms))
    return objective
