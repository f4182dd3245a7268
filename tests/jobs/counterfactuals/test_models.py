"""Models of a counterfactuals run, stored as arrays and restored."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from jobs.counterfactuals.models import (
    counterfactuals_models,
    fingerprint_of_recommender,
    recommender_models,
    restored_counterfactuals,
)
from recsys_ops.errors import InputError
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.fold_in import FoldInRecommender
from recsys_ops.models.folded_likelihood import FoldedLikelihood
from tests.questions import random_factors, random_likelihood, random_question

FOLD = np.array([0, 1, 0])


def test_what_is_restored_scores_and_evaluates_as_what_was_stored() -> None:
    rng = np.random.default_rng(0)
    question = random_question(rng)
    likelihoods = random_likelihood(rng, question, "sum"), random_likelihood(rng, question, "sum")
    folded = FoldedLikelihood(tuple(replace(one, aggregation=likelihoods[0].aggregation) for one in likelihoods), FOLD)
    recommender, restored = restored_counterfactuals(counterfactuals_models(question.recommender, folded), "sum")
    history = question.histories(np.zeros_like(question.amounts))
    assert restored is not None
    np.testing.assert_array_equal(recommender.scores(history), question.recommender.scores(history))
    for user in range(3):
        assert restored.of_user(user).log_likelihood(history) == folded.of_user(user).log_likelihood(history)
        assert restored.of_user(user).median == folded.of_user(user).median


@pytest.mark.parametrize("seed", range(6))
def test_factors_are_restored_as_they_were_stored(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = random_factors(rng, 9)
    history = sp.csr_array(np.eye(9)[[1]] + np.eye(9)[[4]])
    restored, _ = restored_counterfactuals(recommender_models(model), "sum")
    assert isinstance(restored, FactoredRecommender)
    np.testing.assert_array_equal(restored.scores(history), model.scores(history))
    assert (restored.history_factors is restored.item_factors) == (model.history_factors is model.item_factors)
    assert fingerprint_of_recommender(restored) == fingerprint_of_recommender(model)


@pytest.mark.parametrize("grows", [False, True])
def test_item_factors_are_restored_with_the_items_that_they_do_not_know(grows: bool) -> None:
    factors = np.random.default_rng(0).normal(0, 1, (5, 2))
    model = FoldInRecommender(factors, 0.5, 2.0, offsets=np.array([0.0, 0.0, -np.inf, 0.0, 0.0]), grows=grows)
    restored, _ = restored_counterfactuals(recommender_models(model), "sum")
    history = sp.csr_array(np.eye(5)[[0]] + np.eye(5)[[1]])
    np.testing.assert_array_equal(restored.scores(history), model.scores(history))
    assert restored.scores(history)[0, 2] == -np.inf


def test_a_network_that_an_earlier_version_stored_is_refused_with_the_remedy() -> None:
    rng = np.random.default_rng(0)
    question = random_question(rng)
    folded = FoldedLikelihood((random_likelihood(rng, question, "sum"),), np.empty(0, dtype=np.int64))
    models = counterfactuals_models(question.recommender, folded)
    old = {name.replace("network.bin_", "network.piece_"): array for name, array in models.items()}
    with pytest.raises(InputError, match=r"an earlier version .* 'network.bin_start' .*Run the job again"):
        restored_counterfactuals(old, "sum")
