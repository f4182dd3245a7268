"""The question in the form that fits the recommender: inequalities where it is linear, scored removals elsewhere."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.scored import ScoredQuestion, make_scored_question
from recsys_ops.models.recommender import LINEAR, Recommender

AnyQuestion = Question | ScoredQuestion


def make_any_question(
    recommender: Recommender, history: NDArray[np.integer], amounts: NDArray[np.integer], item: int, **options: Any
) -> AnyQuestion:
    """Prepare the question of one user and one item.

    Parameters
    ----------
    recommender : Recommender
    history, amounts, item, **options
        As for ``make_question``.

    Returns
    -------
    Question or ScoredQuestion

    Raises
    ------
    InputError
        The arrays contradict each other.
    """
    if isinstance(recommender, LINEAR):
        return make_question(recommender, history, amounts, item, **options)
    for name in ("only_shortest", "scores"):  # of inequalities, which there are none of
        options.pop(name, None)
    return make_scored_question(recommender, history, amounts, item, **options)
