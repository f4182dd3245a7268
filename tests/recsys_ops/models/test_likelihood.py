"""The likelihood of histories: finite for all of them, and higher held out than that of independent categories."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.datasets import load_dataset
from recsys_ops.errors import InputError
from recsys_ops.models.aggregate import Aggregation, aggregate_categories, categories_of, keep_items
from recsys_ops.models.likelihood import Likelihood, learn_likelihood
from recsys_ops.models.network import NodeKind, best_child_bound, log_likelihood
from tests.histories import random_ratings

KINDS = ["disjunction", "sum", "mean", "none"]


def some_aggregation(kind: str, amounts: sp.csr_array) -> Aggregation:
    """Four categories, the third of which is empty."""
    if kind == "none":
        return keep_items(amounts, n=6, scale=5.0)
    belongs = np.random.default_rng(1).random((amounts.shape[1], 4)) < 0.4
    belongs[:, 2] = False
    return aggregate_categories(kind, sp.csr_array(belongs.astype(np.float64)), scale=5.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_median_is_that_of_the_exact_training_log_likelihoods(kind: str) -> None:
    amounts = random_ratings(1, n_users=80)
    likelihood = learn_likelihood(amounts, some_aggregation(kind, amounts), seed=0)
    exact = log_likelihood(likelihood.network, likelihood.aggregation.aggregate(amounts))
    assert likelihood.median == np.median(exact)
    assert likelihood.log_likelihood(amounts).tolist() == exact.tolist()


def test_a_percentile_is_the_share_of_users_whose_histories_are_no_likelier(monkeypatch: pytest.MonkeyPatch) -> None:
    amounts = random_ratings(1, n_users=80)
    for most in (10_001, 21):  # all of them, or as many quantiles
        monkeypatch.setattr("recsys_ops.models.likelihood.MOST_REFERENCES", most)
        likelihood = learn_likelihood(amounts, some_aggregation("disjunction", amounts), seed=0)
        exact = likelihood.log_likelihood(amounts)
        for value in (*exact, exact.min() - 1, exact.max() + 1):
            share = float(np.mean(exact <= value + 1e-9))
            assert likelihood.percentile(value) == pytest.approx(share, abs=0 if most > 80 else 0.06)


@pytest.mark.parametrize("kind", KINDS)
def test_histories_beyond_all_others_have_a_finite_likelihood(kind: str) -> None:
    amounts = random_ratings(2, n_users=80)
    likelihood = learn_likelihood(amounts, some_aggregation(kind, amounts), seed=0)
    n_items = amounts.shape[1]
    beyond = sp.csr_array(np.array([np.full(n_items, 5.0), np.full(n_items, 500.0), np.zeros(n_items)]))
    assert np.all(np.isfinite(likelihood.log_likelihood(beyond)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_users", [1, 2])
def test_one_user_is_enough(kind: str, n_users: int) -> None:
    amounts = random_ratings(3, n_users=4)[1 : 1 + n_users]
    likelihood = learn_likelihood(amounts, some_aggregation(kind, amounts), seed=0)
    assert np.isfinite(likelihood.median)
    assert len(likelihood.network) == likelihood.aggregation.n_variables + 1


@pytest.mark.parametrize("kind", KINDS)
def test_users_who_are_all_alike_make_a_product(kind: str) -> None:
    amounts = sp.csr_array(np.tile(random_ratings(4).toarray()[3], (60, 1)))
    likelihood = learn_likelihood(amounts, some_aggregation(kind, amounts), seed=0)
    assert np.sum(likelihood.network.kind == NodeKind.SUM) == 0
    assert np.all(likelihood.log_likelihood(amounts) == likelihood.median)


def test_removing_the_only_interaction_in_a_category_nobody_else_has_makes_a_history_more_likely() -> None:
    amounts = sp.csr_array(np.tile([1.0, 0.0], (50, 1)))
    likelihood = learn_likelihood(amounts, aggregate_categories("sum", sp.csr_array(np.eye(2))), seed=0)
    odd, usual = likelihood.log_likelihood(sp.csr_array(np.array([[1.0, 1.0], [1.0, 0.0]])))
    assert odd < usual - 3


def test_categories_of_one_variable_need_no_product() -> None:
    amounts = random_ratings(5)
    likelihood = learn_likelihood(amounts, keep_items(amounts, n=1), seed=0)
    assert len(likelihood.network) == 1


def test_nothing_to_learn_from_is_refused() -> None:
    amounts = random_ratings(6)
    with pytest.raises(InputError, match=r"nothing to learn from \(0 histories, 6 categories\)"):
        learn_likelihood(amounts[:0], some_aggregation("none", amounts), seed=0)


def test_amounts_that_are_not_whole_are_refused() -> None:
    amounts = random_ratings(6)
    amounts.data[3:5] = 2.5
    with pytest.raises(InputError, match=r"2 amounts are not whole numbers from 0 \(first: 2\.5\)"):
        learn_likelihood(amounts, some_aggregation("sum", amounts), seed=0)


@pytest.mark.skipif(
    not os.environ.get("RECSYS_OPS_DATA"), reason="RECSYS_OPS_DATA is not set: MovieLens is not distributed"
)
@pytest.mark.parametrize(
    ("column", "kind", "gain", "n_nodes"),
    [
        ("year", "disjunction", (14.0, 17.0), 384),
        ("year", "sum", (18.5, 21.5), 520),
        ("year", "mean", (18.5, 21.5), 520),
        ("genres", "disjunction", (0.6, 1.0), 83),
        ("genres", "sum", (8.0, 10.0), 154),
    ],
)
def test_movielens_100k_is_described_better_than_by_independent_categories(
    column: str, kind: str, gain: tuple[float, float], n_nodes: int
) -> None:
    dataset = load_dataset(f"movielens-100k:{Path(os.environ['RECSYS_OPS_DATA'], 'ml-100k')}", seed=0)
    amounts = dataset.ratings.copy()
    amounts.data[:] = 1.0
    order = np.random.default_rng(0).permutation(len(amounts.indptr) - 1)
    train, held_out = amounts[order[:754]], amounts[order[754:]]
    aggregation = aggregate_categories(kind, categories_of(dataset.items, column)[0])

    def mean_log_likelihood(likelihood: Likelihood) -> float:
        return float(likelihood.log_likelihood(held_out).mean())

    learned = learn_likelihood(train, aggregation, seed=0)
    independent = learn_likelihood(train, aggregation, seed=0, min_instances=2.0)
    assert len(independent.network) == aggregation.n_variables + 1
    assert gain[0] < mean_log_likelihood(learned) - mean_log_likelihood(independent) < gain[1]
    assert 0.7 * n_nodes < len(learned.network) < 1.3 * n_nodes
    bound = best_child_bound(learned.network, aggregation.aggregate(held_out))
    assert 0 < mean_log_likelihood(learned) - bound.mean() < 0.3
