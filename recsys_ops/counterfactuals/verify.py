"""The recommender has the last word: it is run on the counterfactual history, and its rank is what is reported."""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.question import Question


def rank_without(question: Question, taken: NDArray[np.int64]) -> int:
    """Rank of the item among its candidates once some units are gone.

    Parameters
    ----------
    question : Question
    taken : ndarray, shape (n,)
        Units taken from each interaction; zeros for the factual rank.

    Returns
    -------
    int
        1 + the number of other candidates with a strictly higher score.
    """
    scores = question.rescore(taken)
    is_candidate = np.ones(len(scores), dtype=bool)
    is_candidate[question.history] = False
    if question.removed_items == "eligible":
        is_candidate[question.history[(taken > 0) & (taken == question.amounts)]] = True
    is_candidate[question.item] = False
    return 1 + int((scores[is_candidate] > scores[question.item]).sum())


def has_left(question: Question, taken: NDArray[np.int64], rank: int) -> bool:
    """Whether the recommender confirms the claim: rank below k, or a score below the factual k-th best rival's."""
    if question.validity == "kth":
        return rank > question.k
    kth = question.scores[question.item] - question.gaps[0] + question.margin
    return bool(question.rescore(taken)[question.item] < kth)
