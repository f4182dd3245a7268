"""Which rivals of a large catalogue can overtake at all: bounds that are looser than those of ``bounds``, and cheap.

Two of them, for models in factored form. The first needs no product: |P_j| |Q_z| is at least what interaction j adds to
rival z. The second needs the products, but in the precision of the factors and without keeping them: no distance T
closes more than T times the best rate.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import most_within
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.tolerances import MARGIN
from recsys_ops.models.factored import FactoredRecommender

_ITEMS = 4096
"""Rivals of a block, whose products with a history stay in the cache."""


def possible_overtakers(
    question: Question, own: NDArray[np.float64], rivals: NDArray[np.intp], most: float
) -> NDArray[np.intp]:
    """Rivals that are not ruled out; all of them for models that keep the entries themselves.

    Parameters
    ----------
    question : Question
        Without inequalities.
    own : ndarray, shape (n,)
        What one unit of each interaction adds to the item.
    rivals : ndarray
        Ascending.
    most : float
        Distance within which they would have to overtake.

    Returns
    -------
    ndarray
        A part of ``rivals``, those in the history among them: their scores have their own interaction in them.
    """
    recommender = question.recommender
    if recommender.norms is None or not len(question.history):
        return rivals
    in_history = np.isin(rivals, question.history)
    lengths, others = recommender.norms
    scores, magnitudes = question.scores[rivals], question.magnitudes[rivals]
    # Margins, and rounding in the precision of the factors.
    doubt = 4 * (MARGIN + _resolution(question)) * (magnitudes + question.magnitudes[question.item])
    gaps = question.scores[question.item] - scores - doubt
    costs, capacity = question.costs, question.costs * question.limits
    lost = most_within((own / costs)[:, None], capacity, most)[0]
    added = most_within((lengths[question.history] / question.scale / costs)[:, None], capacity, most)[0]
    left = np.flatnonzero((lost + added * others[rivals] >= gaps) | in_history)
    if isinstance(recommender, FactoredRecommender) and isinstance(recommender.item_factors, np.ndarray):
        budget = min(most, float(capacity.sum()))
        rates = _best_rates(question, recommender, own, rivals[left])
        left = left[(budget * np.maximum(rates, 0.0) >= gaps[left]) | in_history[left]]
    kept: NDArray[np.intp] = rivals[left]
    return kept


def _resolution(question: Question) -> float:
    """Relative to the products of lengths, what a scalar product may lose in the precision of the factors."""
    factors = getattr(question.recommender, "item_factors", None)
    return float(np.finfo(factors.dtype).eps) if isinstance(factors, np.ndarray) else 0.0


def _best_rates(
    question: Question, recommender: FactoredRecommender, own: NDArray[np.float64], rivals: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The most that a distance of 1 closes of each gap."""
    usable = question.limits > 0
    factors = np.asarray(recommender.item_factors)
    costs = question.costs[usable]
    history = np.asarray(recommender.history_factors[question.history[usable]], dtype=np.float64)
    history = (history / (question.scale * costs)[:, None]).astype(factors.dtype)
    gained = (own[usable] / costs).astype(factors.dtype)[:, None]
    rates = np.empty(len(rivals))
    for first in range(0, len(rivals), _ITEMS):
        block = rivals[first : first + _ITEMS]
        is_run = block[-1] - block[0] == len(block) - 1  # which needs no copy
        products = history @ factors[slice(block[0], block[-1] + 1) if is_run else block].T
        np.subtract(gained, products, out=products)
        rates[first : first + _ITEMS] = products.max(axis=0, initial=-np.inf)
    return rates
