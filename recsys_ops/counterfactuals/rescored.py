"""The recommender run on what is left of a history, for those items only that an answer can hang on.

From factors, a score afterwards is the one of today less ``v . Q_z``, where v is the sum of what was taken. That is at
most ``|v| |Q_z|``, so of a large catalogue few items can reach a given level: these are scored, and the rest is proven
to stay below it.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.tolerances import MARGIN
from recsys_ops.models.factored import FactoredRecommender


def rescored_best(
    question: Question, taken: NDArray[np.int64], some: NDArray[np.intp], n: int = 1
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Scores afterwards of all items that reach the n-th best of some.

    Parameters
    ----------
    question : Question
    taken : ndarray, shape (n_interactions,)
        Units taken from each interaction.
    some : ndarray
        Positions of items.
    n : int, >= 1
        At most the number of them.

    Returns
    -------
    items : ndarray, shape (m,)
        Ascending; all that reach the level, by rounding too, and maybe others.
    scores : ndarray, shape (m,)
        By the recommender itself.
    """
    recommender = question.recommender
    if not taken.any() or not isinstance(recommender, FactoredRecommender) or not recommender.is_dense:
        every = question.rescore(taken)
        items = np.flatnonzero(every >= _nth_best(every[some], n))
        return items, every[items]
    left = question.inputs(taken)
    level = _nth_best(recommender.scores_of(left, some), n)
    reach = _taken_length(question, recommender, taken) * recommender.norms[1]
    reach += question.scores
    reach += MARGIN * question.magnitudes
    items = np.flatnonzero(reach >= level - MARGIN * question.magnitudes[some].max())
    return items, recommender.scores_of(left, items)


def _nth_best(scores: NDArray[np.float64], n: int) -> float:
    return float(np.partition(scores, -n)[-n])


def _taken_length(question: Question, recommender: FactoredRecommender, taken: NDArray[np.int64]) -> float:
    """Length of the sum of the vectors of what was taken."""
    touched = np.flatnonzero(taken)
    vectors = np.asarray(recommender.history_factors[question.history[touched]], dtype=np.float64)
    return float(np.linalg.norm((taken[touched] / question.scale) @ vectors))
