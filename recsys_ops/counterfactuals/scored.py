"""The question for a recommender that is not linear: which part of a history keeps item a in the top k?

There are no inequalities here. What removals do is found out by running the recommender on what is left of the
history, or for models that fold a history in by updates of the same regression (``rank_updates``). Rank of a = 1 + the
number of other candidates above it; z is above a where

    s_z - s_a  >  margin (|s_z| + |s_a|)

with the scores s of the history in question, so that neither ties nor rounding decide. The *lead* of a removal is by
how much it is valid: the k-th greatest of ``s_z - s_a - margin (|s_z| + |s_a|)``, positive where a is out of the top k.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.question import (
    Candidates,
    RemovedItems,
    Validity,
    check_interactions,
    grain_of,
    last_rank_before,
)
from recsys_ops.counterfactuals.rank_updates import fold_in_scores
from recsys_ops.counterfactuals.tolerances import MARGIN, ROUNDING, SINGLE_MARGIN
from recsys_ops.models.fold_in import FoldInRecommender
from recsys_ops.models.linear import BLOCK_BYTES

MOST_RIVALS = 4096
"""Of a fold-in model, those with the best factual scores take part in the search; all of them in what is verified."""

AT_ONCE = 256
"""Removals that are scored together."""

Scored = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From units taken ``(m, n)`` to the scores ``(m, n_rivals)`` of the rivals, with item a in the last column."""


class HistoryScorer(Protocol):
    """A recommender that scores items by histories; ``is_single`` where it computes in float32."""

    @property
    def n_items(self) -> int:
        """Number of items."""

    @property
    def is_single(self) -> bool:
        """Whether scores are exact to float32 only."""

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``, for histories ``(n, n_items)``."""


@dataclass(frozen=True)
class ScoredQuestion:
    """One user and one item; n interactions, as in ``Question``.

    ``scores (n_items,)`` of the factual history; ``kth`` the factual score of the k-th best rival, -inf without.
    ``rivals (n_rivals,)`` items that the search compares with, ``score_removals`` gives their scores.
    """

    recommender: HistoryScorer
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
    kth: float
    rivals: NDArray[np.int64]
    score_removals: Scored
    margin: float
    max_removed: float = np.inf
    max_distance: float = np.inf
    candidates: Candidates = "unseen"

    @property
    def costs(self) -> NDArray[np.float64]:
        """Distance of one unit of each interaction, ``(n,)``."""
        return self.weights / self.scale

    @property
    def grain(self) -> float:
        """All distances are multiples of it; 0 where there is no such distance."""
        return grain_of(self.weights, self.scale)

    @property
    def n_candidates(self) -> int:
        """Most other items that can ever be candidates."""
        if self.candidates == "all":
            return len(self.scores) - 1
        n_others = len(self.scores) - len(self.history) - 1
        if self.validity == "score" or self.removed_items == "excluded":
            return n_others
        return n_others + int(((self.limits > 0) & (self.limits == self.amounts)).sum())

    @property
    def knows_all_rivals(self) -> bool:
        """Whether no item is left out of ``rivals`` that could stand above item a."""
        return len(self.rivals) >= self.n_candidates

    def distance(self, taken: NDArray[np.int64]) -> float:
        """Weighted L1 distance of the model inputs."""
        return float(self.weights @ taken / self.scale)

    def is_within(self, taken: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether removals ``(m, n)`` are within the caps, ``(m,)``."""
        near = taken @ self.costs <= self.max_distance * (1 + ROUNDING)
        within: NDArray[np.bool_] = near & (np.count_nonzero(taken, axis=1) <= self.max_removed)
        return within

    def leads(self, taken: NDArray[np.int64], *, slack: float = 1.0) -> NDArray[np.float64]:
        """By how much each removal ``(m, n)`` is valid, ``(m,)``; the margin counts ``slack`` times."""
        leads = np.empty(len(taken))
        size = int(np.clip(BLOCK_BYTES // (32 * max(len(self.rivals), 1)), 1, AT_ONCE))
        for first in range(0, len(taken), size):
            block = taken[first : first + size]
            leads[first : first + size] = self._leads(block, self.score_removals(block), self.rivals, slack)
        return leads

    def is_valid(self, taken: NDArray[np.int64]) -> bool:
        """Whether item a has left the top k, by the recommender itself run on this one history."""
        scores = self.rescore(taken)[None]
        columns = np.append(np.flatnonzero(self.may_be_candidates()), self.item)
        return bool(self._leads(taken[None], scores[:, columns], columns[:-1], 1.0)[0] > 0)

    def rank(self, taken: NDArray[np.int64]) -> int:
        """Rank of the item by the recommender itself."""
        scores = self.rescore(taken)[None]
        rivals = np.flatnonzero(self.may_be_candidates())
        others = self._without_absent(taken[None], scores[:, rivals], rivals)
        return 1 + _n_above(others[0], float(scores[0, self.item]), self.margin)

    def histories(self, taken: NDArray[np.int64]) -> sp.csr_array:
        """Counterfactual histories in units, ``(m, n_items)`` for ``(m, n)`` or ``(n,)``."""
        return histories_left(self.history, self.amounts - np.atleast_2d(taken), len(self.scores), 1.0)

    def rescore(self, taken: NDArray[np.int64]) -> NDArray[np.float64]:
        """Scores of all items by the recommender itself, run on one counterfactual history."""
        left = histories_left(self.history, (self.amounts - taken)[None], len(self.scores), self.scale)
        scores: NDArray[np.float64] = self.recommender.scores(left)[0]
        return scores

    def _leads(
        self, taken: NDArray[np.int64], scores: NDArray[np.float64], rivals: NDArray[np.int64], slack: float
    ) -> NDArray[np.float64]:
        """From the scores ``(m, n_rivals + 1)`` of some rivals and, in the last column, of the item."""
        own = scores[:, -1]
        kth = np.full(len(taken), self.kth)
        if self.validity == "kth":
            place = len(rivals) - self.k
            if place < 0:
                return np.full(len(taken), -np.inf)
            others = self._without_absent(taken, scores[:, :-1], rivals)
            # The margin grows slower than the score, so that the k-th greatest score has the k-th greatest lead.
            kth = np.where(np.isnan(others.max(axis=1)), np.nan, np.partition(others, place, axis=1)[:, place])
        with np.errstate(invalid="ignore"):
            leads: NDArray[np.float64] = kth - own - slack * self.margin * (np.abs(kth) + np.abs(own))
        # A model that has no answer for what is left, such as an empty history, has none for the rank either.
        leads[np.isnan(leads)] = -np.inf
        return leads

    def may_be_candidates(self) -> NDArray[np.bool_]:
        """Items that could ever be recommended beside item a, ``(n_items,)``."""
        may = np.ones(len(self.scores), dtype=bool)
        if self.candidates == "unseen":
            hidden = self.history if self.removed_items == "excluded" else self.history[self.limits < self.amounts]
            may[hidden] = False
        may[self.item] = False
        return may

    def _without_absent(
        self, taken: NDArray[np.int64], scores: NDArray[np.float64], rivals: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The scores ``(m, n_rivals)``, -inf for what is still in the history and therefore hidden."""
        columns = np.flatnonzero(np.isin(rivals, self.history))
        if not len(columns) or self.candidates == "all":
            return scores
        own = np.searchsorted(self.history, rivals[columns])
        gone = (taken[:, own] > 0) & (taken[:, own] == self.amounts[own])
        known = scores.copy()
        known[:, columns] = np.where(gone, scores[:, columns], -np.inf)
        return known


def _n_above(others: NDArray[np.float64], own: float, margin: float) -> int:
    """How many scores are above one, by more than the margin."""
    with np.errstate(invalid="ignore"):
        return int((others - own > margin * (np.abs(others) + abs(own))).sum())


def histories_left(history: NDArray[np.int64], left: NDArray[np.int64], n_items: int, scale: float) -> sp.csr_array:
    """Histories without what was taken entirely, ``(m, n_items)``; ``left (m, n)`` in units of ``1 / scale``."""
    kept = left > 0
    ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    _, positions = np.nonzero(kept)
    return sp.csr_array((left[kept] / scale, history[positions], ends), shape=(len(left), n_items))


def make_scored_question(
    recommender: HistoryScorer,
    history: NDArray[np.integer],
    amounts: NDArray[np.integer],
    item: int,
    *,
    k: int,
    scale: float = 1.0,
    validity: Validity = "kth",
    removed_items: RemovedItems = "excluded",
    candidates: Candidates = "unseen",
    drop: int | None = None,
    weights: NDArray[np.float64] | None = None,
    removable: NDArray[np.bool_] | None = None,
    max_removed: int | None = None,
    max_distance: float | None = None,
) -> ScoredQuestion:
    """Prepare the question of one user and one item, for any recommender.

    Parameters and errors are those of ``make_question``; ``recommender`` scores ``amounts / scale``.

    Returns
    -------
    ScoredQuestion

    Notes
    -----
    Memory O(n n_items) at most: what is scored together is cut into blocks.
    """
    items: NDArray[np.int64] = np.asarray(history, dtype=np.int64)
    units: NDArray[np.int64] = np.asarray(amounts, dtype=np.int64)
    costs = np.ones(len(items)) if weights is None else np.asarray(weights, dtype=np.float64)
    may_go = np.ones(len(items), dtype=bool) if removable is None else np.asarray(removable, dtype=bool)
    check_interactions(recommender.n_items, items, amounts, costs, may_go, item=item, k=k, scale=scale)
    scores = recommender.scores(histories_left(items, units[None], recommender.n_items, scale))[0]
    limits = np.where(may_go, units, 0)
    margin = SINGLE_MARGIN if recommender.is_single else MARGIN
    hidden = items if candidates == "unseen" else items[:0]
    others = np.delete(np.arange(len(scores)), np.append(hidden, item))
    best_first = others[np.argsort(-scores[others], kind="stable")]
    if drop is not None:
        k = last_rank_before(1 + _n_above(scores[others], float(scores[item]), margin), drop)
    returns = removed_items == "eligible" and candidates == "unseen"
    returning = items[(limits > 0) & (limits == units)] if returns else items[:0]
    if isinstance(recommender, FoldInRecommender):
        rivals = np.append(best_first[: max(MOST_RIVALS, 2 * k)], returning)
        scored = fold_in_scores(recommender, items, units, scale, np.append(rivals, item))
    else:
        # The best first: what selects the k-th greatest of a row is fastest where the rows are nearly sorted.
        rivals = np.append(best_first, returning)
        scored = _run(recommender, items, units, scale, np.append(rivals, item))
    return ScoredQuestion(
        recommender=recommender, item=int(item), k=k, validity=validity, removed_items=removed_items,
        history=items, amounts=units, scale=scale, weights=costs, limits=limits,
        scores=scores, kth=float(scores[best_first[k - 1]]) if k <= len(best_first) else -np.inf,
        rivals=rivals, score_removals=scored, margin=margin,
        max_removed=np.inf if max_removed is None else max_removed,
        max_distance=np.inf if max_distance is None else max_distance, candidates=candidates,
    )  # fmt: skip


def _run(
    recommender: HistoryScorer,
    history: NDArray[np.int64],
    amounts: NDArray[np.int64],
    scale: float,
    columns: NDArray[np.int64],
) -> Scored:
    """Run the recommender on what is left."""

    def scored(taken: NDArray[np.int64]) -> NDArray[np.float64]:
        left = histories_left(history, amounts - taken, recommender.n_items, scale)
        return recommender.scores(left)[:, columns]

    return scored
