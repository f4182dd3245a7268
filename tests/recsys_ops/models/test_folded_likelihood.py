"""Networks that have not seen the user."""

import numpy as np
import pytest

from recsys_ops.errors import ConfigError
from recsys_ops.models.aggregate import keep_items
from recsys_ops.models.folded_likelihood import learn_folds
from recsys_ops.models.likelihood import learn_likelihood
from tests.histories import random_ratings


def test_a_users_network_is_learned_from_the_users_of_the_other_folds() -> None:
    amounts = random_ratings(1, n_users=40)
    aggregation = keep_items(amounts, n=5, scale=5.0)
    folded = learn_folds(amounts, aggregation, n_folds=3, seed=0)
    assert sorted(np.bincount(folded.fold)) == [13, 13, 14]
    for user in range(40):
        others = [other for other in range(40) if folded.fold[other] != folded.fold[user]]
        alone = learn_likelihood(amounts[others], aggregation, seed=0)
        assert folded.of_user(user).log_likelihood(amounts).tolist() == alone.log_likelihood(amounts).tolist()
        if user > 5:
            break
    again = learn_folds(amounts, aggregation, n_folds=3, seed=0)
    assert again.fold.tolist() == folded.fold.tolist()
    assert learn_folds(amounts, aggregation, n_folds=3, seed=1).fold.tolist() != folded.fold.tolist()


def test_one_fold_is_everybody_and_more_folds_than_users_are_refused() -> None:
    amounts = random_ratings(1, n_users=10)
    aggregation = keep_items(amounts, n=5, scale=5.0)
    folded, alone = learn_folds(amounts, aggregation, n_folds=1, seed=0), learn_likelihood(amounts, aggregation, seed=0)
    assert folded.of_user(3).log_likelihood(amounts).tolist() == alone.log_likelihood(amounts).tolist()
    with pytest.raises(ConfigError, match="--folds 11: there are 10 users"):
        learn_folds(amounts, aggregation, n_folds=11, seed=0)
