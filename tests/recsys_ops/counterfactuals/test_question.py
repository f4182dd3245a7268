"""Questions: what is prepared, and what is refused."""

import numpy as np
import pytest

from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.errors import InputError
from recsys_ops.models.linear import LinearRecommender

MODEL = LinearRecommender(np.random.default_rng(0).normal(0, 1, (6, 6)) * (1 - np.eye(6)))


def question_with(**changes: object) -> object:
    valid = {"history": np.array([0, 2, 5]), "amounts": np.array([1, 4, 5]), "item": 3, "k": 2, "scale": 5.0}
    return make_question(MODEL, **{**valid, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amounts": np.array([1, 4])}, "3 interactions with 2 amounts"),
        ({"weights": np.ones(2)}, "2 weights"),
        ({"history": np.array([0, 5, 2])}, "each once and ascending"),
        ({"history": np.array([0, 2, 2])}, "each once and ascending"),
        ({"history": np.array([0, 2, 6])}, "items of 0 .. 5"),
        ({"item": 6}, "found 6"),
        ({"amounts": np.array([1, 4, 6])}, "1 amounts are not whole numbers of 0 .. 5"),
        ({"amounts": np.array([1, 3.5, 5])}, "not whole numbers"),
        ({"weights": np.array([1.0, 0.0, 1.0])}, "must be positive"),
        ({"k": 0}, "k must be at least 1"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        question_with(**changes)


def test_distances_are_those_of_the_model_inputs() -> None:
    question = make_question(MODEL, np.array([0, 2]), np.array([5, 4]), 3, k=1, scale=5.0, weights=np.array([1.0, 2.0]))
    assert question.distance(np.array([5, 1])) == pytest.approx(1.0 + 2 * 0.2)
    assert question.grain == pytest.approx(0.2)


def test_what_is_taken_is_gone_from_the_counterfactual_history() -> None:
    question = make_question(MODEL, np.array([0, 2]), np.array([5, 4]), 3, k=1, scale=5.0)
    history = question.histories(np.array([5, 1]))
    assert history.indices.tolist() == [2]
    assert history.data.tolist() == [3.0]
    np.testing.assert_allclose(question.rescore(np.array([5, 1])), 0.6 * MODEL.weights[2])
