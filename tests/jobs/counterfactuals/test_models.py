"""Models of a counterfactuals run, stored as arrays and restored."""

import numpy as np
import pytest

from jobs.counterfactuals.models import counterfactuals_models, restored_counterfactuals
from recsys_ops.errors import InputError
from tests.questions import random_likelihood, random_question


def test_what_is_restored_scores_and_evaluates_as_what_was_stored() -> None:
    rng = np.random.default_rng(0)
    question = random_question(rng)
    likelihood = random_likelihood(rng, question, "sum")
    recommender, restored = restored_counterfactuals(counterfactuals_models(question.recommender, likelihood), "sum")
    history = question.histories(np.zeros_like(question.amounts))
    assert restored is not None
    np.testing.assert_array_equal(recommender.scores(history), question.recommender.scores(history))
    assert restored.log_likelihood(history) == likelihood.log_likelihood(history)


def test_a_network_that_an_earlier_version_stored_is_refused_with_the_remedy() -> None:
    rng = np.random.default_rng(0)
    question = random_question(rng)
    models = counterfactuals_models(question.recommender, random_likelihood(rng, question, "sum"))
    old = {name.replace("network.bin_", "network.piece_"): array for name, array in models.items()}
    with pytest.raises(InputError, match=r"an earlier version .* 'network.bin_start' .*Run the job again"):
        restored_counterfactuals(old, "sum")
