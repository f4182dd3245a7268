"""How far removals can move the scores of a model that folds a history in: a proof without trying them.

With ``G = Y'Y + regularization I`` and confidences of at least 1, the matrix of every history is at least G. Removing S
moves the user's vector by ``-A_S^-1 Y_S' e_S`` (``rank_updates``), so that in the norm of G

    |q_S - q|_G  <=  sum_{j in S} |e_j| |y_j|_(G^-1),        |s(S) - s|  <=  |y|_(G^-1) |q_S - q|_G

A penalty that grows with the history (``grows``) shrinks by ``regularization`` for each of the t interactions that are
taken entirely. G is then that of one interaction, and the first sum has ``t regularization |q|_(G^-1)`` besides.

The second holds for the difference of two items with ``y = y_z - y_a``. So rival z overtakes only where the sum over S
reaches ``(s_a - s_z) / |y_z - y_a|_(G^-1)``, which takes a distance that a sort tells.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.scored import ScoredQuestion
from recsys_ops.counterfactuals.tolerances import ROUNDING
from recsys_ops.models.fold_in import FoldInRecommender

_ROUNDING = 1e-9
"""Part of a lead that the bound gives away to rounding."""


def least_distances(question: ScoredQuestion, recommender: FoldInRecommender) -> NDArray[np.float64]:
    """Lower bound on the distance of any removal that brings each item above item a, ``(n_items,)``.

    inf where no removal does. For validity "score" the bound on the fall of item a, for all items the same.
    """
    if recommender.alpha / question.scale < 1:
        return np.zeros(len(question.scores))
    own = recommender.rows(np.array([question.item]))[0]
    through = np.linalg.solve(recommender.gram, own)
    if question.validity == "score":
        lengths = np.full(len(question.scores), np.sqrt(max(float(own @ through), 0.0)))
        short = np.full(len(question.scores), question.scores[question.item] - question.kth)
    else:
        between = np.asarray(recommender.item_factors @ through, dtype=np.float64)
        squares = recommender.lengths**2 - 2 * between + float(own @ through)
        # What cancels in the squares may be lost to rounding, which must not make a length too small.
        lengths = np.sqrt(np.maximum(squares, 0.0) + _ROUNDING * (recommender.lengths**2 + float(own @ through)))
        short = question.scores[question.item] - question.scores
    is_known = np.isfinite(short)  # an item that the model does not know overtakes nothing
    lead = np.where(is_known, short, 0.0)
    needed = np.where(lengths > 0, (lead - _ROUNDING * np.abs(lead)) / np.where(lengths > 0, lengths, 1.0), 0.0)
    needed[~is_known] = np.inf
    return _distances_that_move(question, recommender, needed)


def _distances_that_move(
    question: ScoredQuestion, recommender: FoldInRecommender, needed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Least distance of removals that can move the user's vector by each of some lengths."""
    rows = recommender.rows(question.history)
    confidence = recommender.alpha * question.amounts / question.scale
    weight = np.where(question.amounts > 0, confidence - 1.0, 0.0)
    gram = recommender.gram_of(int(np.count_nonzero(question.amounts)))
    vector = np.linalg.solve(gram + (rows.T * weight) @ rows, rows.T @ confidence)
    fitted = np.abs(recommender.alpha / question.scale * (1 - rows @ vector))
    # Taking a unit moves it by the same as any other, but for the last one, which frees the confidence of 1 as well.
    usable = question.limits > 0
    entirely = usable & (question.limits == question.amounts)
    units = np.maximum(question.limits, 1)
    last = np.abs(confidence - weight * (rows @ vector)) / units
    moves = recommender.lengths[question.history] * np.maximum(fitted, np.where(entirely, last, 0.0))
    if recommender.grows:
        freed = recommender.regularization * np.sqrt(vector @ np.linalg.solve(recommender.gram, vector))
        moves += np.where(entirely, freed / units, 0.0)
    rates = moves / question.costs
    order = np.flatnonzero(usable)[np.argsort(-rates[usable], kind="stable")]
    spent = np.append(0.0, np.cumsum((question.costs * question.limits)[order]))
    moved = np.append(0.0, np.cumsum((rates * question.costs * question.limits)[order]))
    least = np.interp(needed, moved, spent) if len(order) else np.zeros(len(needed))
    least[needed > moved[-1] * (1 + ROUNDING)] = np.inf
    least[needed <= 0] = 0.0
    if question.grain > 0:
        least = np.ceil(least / question.grain * (1 - _ROUNDING)) * question.grain
    return least
