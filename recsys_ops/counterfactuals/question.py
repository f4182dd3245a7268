"""The question: which part of a user's history keeps item a in their top k?

Taking ``d_j`` units (stars, or the whole interaction) from interaction j lowers the score of every item linearly,
``s_z(d) = s_z - sum_j d_j W[j, z] / scale``, so "z stands above a" is one linear inequality in d,

    sum_j d_j g_jz  >=  s_a - s_z + margin,      g_jz = (W[j, a] - W[j, z]) / scale

W holds the weights of a linear recommender ``x W + b``, or stands for the product of its factors; b is part of s.

and the question asks for ``needed`` of them. Validity "kth" has an inequality per rival z and needs k of them, so that
k rivals stand above a. Validity "score" has a single one: a falls below the factual score t of the k-th best rival,
``sum_j d_j W[j, a] / scale >= s_a - t + margin``; it compares with the factual list, and does not guarantee the rank.
Source: Plausible Counterfactual Explanations of Recommendations, eq. 4 to 6; LiCE (Nemecek et al., ICLR 2025).

Rank of a = 1 + the number of other candidates that stand above it. Candidates are the items that are not in the
factual history; with ``removed_items="eligible"`` an interaction that is taken away entirely makes its item a
candidate again. With ``candidates="all"`` the items of the history are candidates throughout, as where people come back
to what they know, and what an item adds to itself counts. "Above" has a margin, so that ties never decide: ``MARGIN``
times what is left of the contributions that tell the two items apart, ``margin = MARGIN (sum_j (x_j - d_j) |g_j| +
min_j |g_j|)``, where a difference of the two b is one more term, which nothing takes away. As that is linear in d, it
is part of gains and gaps. Validity and ranks have the same rule.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.tolerances import ROUNDING, SLACK
from recsys_ops.errors import InputError
from recsys_ops.models.linear import LinearModel

Validity = Literal["kth", "score"]
RemovedItems = Literal["excluded", "eligible"]
Candidates = Literal["unseen", "all"]


@dataclass(frozen=True)
class Question:
    """One user and one item; n interactions, m inequalities of which ``needed`` must hold.

    Of the ``n_rivals`` candidates other than the item, those have an inequality that some removal can bring above it;
    validity "score" has one inequality in all.

    ``history``, ``amounts``, ``weights``, ``limits (n,)``: item, whole units, cost per unit of ``scale`` and most
    units that may be taken. ``scores (n_items,)`` factual scores, ``magnitudes`` the absolute values of their terms.
    ``gains (n, m)`` what one unit taken closes of ``gaps (m,)``, inf where the inequality can never hold, both with the
    margin, which is ``margins (m,)`` for the factual history; ``rests (m,)`` what is left of a gap once all is taken.
    ``requires (m,)`` the position in the history that must be taken entirely, or -1. An explanation touches at most
    ``max_removed`` interactions and has a distance of at most ``max_distance``.
    """

    recommender: LinearModel
    item: int
    k: int
    validity: Validity
    removed_items: RemovedItems
    history: NDArray[np.int64]
    amounts: NDArray[np.int64]
    scale: float
    weights: NDArray[np.float64]
    limits: NDArray[np.int64]
    scores: NDArray[np.float64]
    magnitudes: NDArray[np.float64]
    margins: NDArray[np.float64]
    gains: NDArray[np.float64]
    gaps: NDArray[np.float64]
    rests: NDArray[np.float64]
    requires: NDArray[np.int64]
    n_rivals: int
    needed: int
    max_removed: float = np.inf
    max_distance: float = np.inf
    candidates: Candidates = "unseen"

    @property
    def costs(self) -> NDArray[np.float64]:
        """Distance of one unit of each interaction, ``(n,)``."""
        return self.weights / self.scale

    @property
    def grain(self) -> float:
        """All distances are multiples of it; 0 where the weights are not whole numbers, or cannot be distinguished."""
        return grain_of(self.weights, self.scale)

    @property
    def is_capped(self) -> bool:
        """Whether an explanation can be too long."""
        return self.max_removed < len(self.history) or self.max_distance < float(self.costs @ self.limits)

    @property
    def farthest(self) -> float:
        """Greatest distance that any explanation may have."""
        everything = float(self.costs @ self.limits)
        if self.max_removed < len(self.limits):
            dearest = np.sort(self.costs * self.limits)[::-1]
            everything = min(everything, float(dearest[: int(self.max_removed)].sum()))
        return min(everything, self.max_distance)

    def distance(self, taken: NDArray[np.int64]) -> float:
        """Weighted L1 distance of the model inputs, ``sum_j w_j d_j / scale`` (eq. 1)."""
        return float(self.weights @ taken / self.scale)

    def holds(self, taken: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which inequalities hold once ``taken (n,)`` units are gone, ``(m,)``."""
        touched = np.flatnonzero(taken)
        closed = taken[touched] @ self.gains[touched]
        # Position -1 is what needs nothing to be taken entirely.
        entirely = np.append(taken == self.amounts, True)
        holds: NDArray[np.bool_] = closed >= self.gaps
        # Near the edge, what is left decides: what was taken may be so large that the sum over it has lost the rest.
        near = np.flatnonzero(np.abs(closed - self.gaps) <= SLACK * self.margins)
        if len(near):
            left = self.amounts - taken
            kept = np.flatnonzero(left)
            holds[near] = left[kept] @ self.gains[np.ix_(kept, near)] + self.rests[near] <= 0
        held: NDArray[np.bool_] = holds & entirely[self.requires]
        return held

    def is_valid(self, taken: NDArray[np.int64]) -> bool:
        """Whether item a has left the top k."""
        return int(self.holds(taken).sum()) >= self.needed

    def explains(self, taken: NDArray[np.int64]) -> bool:
        """Whether item a has left the top k, within the caps."""
        within = (
            self.distance(taken) <= self.max_distance * (1 + ROUNDING) and np.count_nonzero(taken) <= self.max_removed
        )
        return bool(within) and self.is_valid(taken)

    def histories(self, taken: NDArray[np.int64]) -> sp.csr_array:
        """The counterfactual history in units, ``(1, n_items)``; without what was taken entirely."""
        left = self.amounts - taken
        kept = np.flatnonzero(left > 0)
        shape = (1, len(self.scores))
        return sp.csr_array((left[kept].astype(np.float64), self.history[kept], [0, len(kept)]), shape=shape)

    def inputs(self, taken: NDArray[np.int64]) -> sp.csr_array:
        """What the recommender reads of the counterfactual history, ``(1, n_items)``."""
        history = self.histories(taken)
        history.data /= self.scale
        return history

    def rescore(self, taken: NDArray[np.int64]) -> NDArray[np.float64]:
        """Scores of all items by the recommender itself, run on the counterfactual history."""
        if not taken.any():
            return self.scores
        scores: NDArray[np.float64] = self.recommender.scores(self.inputs(taken))[0]
        return scores


def grain_of(weights: NDArray[np.float64], scale: float) -> float:
    """What all distances are multiples of; 0 where the weights are not whole numbers, or cannot be distinguished."""
    whole = np.rint(weights)
    if len(whole) == 0 or np.any(whole != weights) or whole.max() > 2**31:
        return 0.0
    return float(np.gcd.reduce(whole.astype(np.int64)) / scale)


def check_interactions(
    n_items: int,
    history: NDArray[np.int64],
    amounts: NDArray[np.integer],
    weights: NDArray[np.float64],
    removable: NDArray[np.bool_],
    *,
    item: int,
    k: int,
    scale: float,
) -> None:
    """Refuse arrays that contradict each other, for ``make_question`` and its like; raises InputError."""
    n = len(history)
    if not (len(amounts) == len(weights) == len(removable) == n):
        raise InputError(
            f"question: {n} interactions with {len(amounts)} amounts, {len(weights)} weights and {len(removable)} "
            "removable flags. Give one of each per interaction."
        )
    if np.any(np.diff(history) <= 0) or (n and not 0 <= history[0] <= history[-1] < n_items) or not 0 <= item < n_items:
        raise InputError(
            f"question: the history must hold items of 0 .. {n_items - 1}, each once and ascending, and the "
            f"item must be one of 0 .. {n_items - 1} (found {item})."
        )
    broken = np.flatnonzero((amounts < 0) | (amounts > scale) | (amounts != np.rint(amounts)))
    if len(broken):
        raise InputError(
            f"question: {len(broken)} amounts are not whole numbers of 0 .. {scale:g} (first: {amounts[broken[0]]}). "
            "Count ratings in steps of the rating scale."
        )
    if not np.all(np.isfinite(weights) & (weights > 0)):
        raise InputError(
            "question: weights must be positive and finite. Protect an interaction instead of weighing it 0."
        )
    if k < 1:
        raise InputError(f"question: k must be at least 1 (found {k}).")


def last_rank_before(rank: int, drop: int) -> int:
    """The last rank that is not yet ``drop`` positions below ``rank``: the k of a question about a drop.

    Raises
    ------
    InputError
        ``drop`` is not positive.
    """
    if drop < 1:
        raise InputError(f"question: drop must be at least 1 (found {drop}).")
    return rank + drop - 1
