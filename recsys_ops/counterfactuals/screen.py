"""Which rivals of a large catalogue can overtake at all: bounds that are looser than those of ``bounds``, and cheap.

Two of them, for models in factored form. The first reads no factors of rivals: what is taken away adds at most
``|sum_j d_j P_j| |Q_z|`` to rival z, and the length of that sum is bounded once for all rivals (``_longest``). The
second needs the products, but in the precision of the factors and without keeping them: no distance T closes more than
T times the best rate.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import most_within
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.tolerances import MARGIN
from recsys_ops.models.factored import FactoredRecommender

_LONG = 1024
"""Interactions up to which their products with each other are made."""

_ITEMS = 4096
"""Rivals of a block, whose products with a history stay in the cache."""


def within_reach(
    question: Question, own: NDArray[np.float64], rivals: NDArray[np.intp], most: float
) -> NDArray[np.intp]:
    """Rivals that the first bound does not rule out; all of them for models that keep the entries themselves.

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
    if not isinstance(recommender, FactoredRecommender) or not len(question.history):
        return rivals
    part = _doubt(recommender)
    capacity = question.costs * question.limits
    lost = most_within((own / question.costs)[:, None], capacity, most)[0]
    reach = _longest(question, recommender, most) * recommender.norms[1]
    reach += question.scores
    reach += part * question.magnitudes
    is_left = reach >= question.scores[question.item] - lost - part * question.magnitudes[question.item]
    is_left[question.history] = True
    left: NDArray[np.intp] = rivals[is_left[rivals]]
    return left


def least_by_rate(question: Question, own: NDArray[np.float64], rivals: NDArray[np.intp]) -> NDArray[np.float64]:
    """The second bound: at least the distance within which each rival overtakes.

    Parameters
    ----------
    question, own, rivals
        As for ``within_reach``.

    Returns
    -------
    ndarray, shape (n_rivals,)
        inf where no removal helps; 0 for what the bound says nothing of: rivals of the history, and models without
        dense factors.
    """
    recommender = question.recommender
    least = np.zeros(len(rivals))
    if not isinstance(recommender, FactoredRecommender) or not recommender.is_dense or not len(question.history):
        return least
    gaps = question.scores[question.item] - question.scores[rivals]
    gaps -= _doubt(recommender) * (question.magnitudes[rivals] + question.magnitudes[question.item])
    rates = _best_rates(question, recommender, own, rivals)
    behind = (gaps > 0) & ~np.isin(rivals, question.history)
    least[behind] = np.inf
    np.divide(gaps * (1 - MARGIN), rates, out=least, where=behind & (rates > 0))
    return least


def _longest(question: Question, recommender: FactoredRecommender, most: float) -> float:
    """Bound of the length of ``sum_j d_j P_j / scale`` over all removals d within a distance of ``most``.

    Its square is ``sum_ij d_i d_j P_i . P_j``: for each i at most what the best j can add up to, and of these sums
    again the best. That is less than the lengths of the vectors give, as not all of them point the same way.
    """
    capacity, weights = question.costs * question.limits, question.costs * question.scale
    if len(question.history) > _LONG:
        lengths = recommender.norms[0][question.history] / weights
        return float(most_within(lengths[:, None], capacity, most)[0])
    vectors: Any = recommender.history_factors[question.history].astype(np.float64)
    products = vectors @ vectors.T if recommender.is_dense else (vectors @ vectors.T).toarray()
    rates = products / np.multiply.outer(weights, weights)
    square = most_within(most_within(rates, capacity, most)[:, None], capacity, most)[0]
    return float(np.sqrt(square) * (1 + MARGIN))


def _doubt(recommender: FactoredRecommender) -> float:
    """Part of magnitudes that margins, and rounding in the precision of the factors, may move a gap by."""
    factors = recommender.item_factors
    return 4 * (MARGIN + (float(np.finfo(factors.dtype).eps) if isinstance(factors, np.ndarray) else 0.0))


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
