"""The recommender has the last word: it is run on the counterfactual history, and its rank is what is reported."""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.inequalities import contributions, lead
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.rescored import rescored_best
from recsys_ops.counterfactuals.scored import ScoredQuestion
from recsys_ops.counterfactuals.tolerances import MARGIN
from recsys_ops.models.linear import best_positions


def rank_without(question: Question | ScoredQuestion, taken: NDArray[np.int64]) -> int:
    """Rank of the item among its candidates once some units are gone.

    Parameters
    ----------
    question : Question or ScoredQuestion
    taken : ndarray, shape (n,)
        Units taken from each interaction; zeros for the factual rank.

    Returns
    -------
    int
        1 + the number of other candidates that stand above it.
    """
    if isinstance(question, ScoredQuestion):
        return question.rank(taken)
    items, scores = rescored_best(question, taken, np.array([question.item]))
    own_score = scores[np.searchsorted(items, question.item)]
    is_candidate = _are_candidates(question, taken)
    is_candidate[question.item] = False
    is_above = is_candidate[items] & (scores > own_score)
    # No margin is greater than twice its part of all that adds to the two scores.
    most = 3 * MARGIN * (question.magnitudes[items] + question.magnitudes[question.item])
    near = np.flatnonzero(is_above & (scores - own_score <= most))
    if len(near):
        close, own = (
            contributions(question.recommender, question.history, question.scale, some, candidates=question.candidates)
            for some in (items[near], np.array([question.item]))
        )
        closest = lead(close, own, question.amounts)
        is_above[near] = (question.amounts - taken) @ closest.gains + closest.rests <= 0
    return 1 + int(is_above.sum())


def _are_candidates(question: Question | ScoredQuestion, taken: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which items may be recommended once some units are gone, ``(n_items,)``."""
    is_candidate = np.ones(len(question.scores), dtype=bool)
    if question.candidates == "unseen":
        is_candidate[question.history] = False
    if question.removed_items == "eligible":
        is_candidate[question.history[(taken > 0) & (taken == question.amounts)]] = True
    return is_candidate


def list_without(question: Question | ScoredQuestion, taken: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The list that the user would see once some units are gone.

    Parameters
    ----------
    question : Question or ScoredQuestion
    taken : ndarray, shape (n_interactions,)
        Units taken from each interaction.
    n : int
        Length of the list.

    Returns
    -------
    ndarray, shape (at most n,)
        Items by the recommender itself, best first, of equal ones the first in the catalogue.
    """
    scores = np.where(_are_candidates(question, taken), question.rescore(taken), -np.inf)
    return best_positions(scores, min(n, int(np.count_nonzero(scores > -np.inf))))


def has_left(question: Question | ScoredQuestion, taken: NDArray[np.int64], rank: int) -> bool:
    """Whether the recommender confirms the claim: rank below k, or a score below the factual k-th best rival's."""
    if question.validity == "kth":
        return rank > question.k
    hidden = question.history if question.candidates == "unseen" else question.history[:0]
    candidates = np.delete(question.scores, np.append(hidden, question.item))
    kth = np.sort(candidates)[-question.k]
    return bool(question.rescore(taken)[question.item] < kth)
