"""The penalty chosen on held-out users: that of trying them all, and of no user who is measured."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import recsys_ops
from recsys_ops import ridge as module
from recsys_ops.datasets import load_dataset
from recsys_ops.evaluation import list_quality, split_users
from recsys_ops.models.ease import RIDGE, fit_ease
from recsys_ops.models.linear import history_matrix, top_lists
from recsys_ops.ridge import RIDGES, choose_ridge, ridge_of


def histories_of(seed: int, *, n_users: int = 300, n_items: int = 50) -> sp.csr_array:
    """Users with one of five tastes each, and some noise."""
    rng = np.random.default_rng(seed)
    is_own = rng.integers(5, size=n_users)[:, None] == np.arange(n_items) % 5
    return sp.csr_array((rng.random((n_users, n_items)) < np.where(is_own, 0.5, 0.15)).astype(np.float64))


def expected(learned_from: sp.csr_array, given: sp.csr_array, held_out: sp.csr_array) -> float:
    """All tried; of those within a standard error of the best one the nearest to 500."""
    tried = {}
    for ridge in RIDGES:
        lists = top_lists(fit_ease(learned_from, ridge=ridge), given, 100)
        tried[ridge] = list_quality(lists, held_out).ndcg
    best = max(tried.values(), key=np.mean)
    good = [r for r, ndcg in tried.items() if (best - ndcg).mean() <= np.std(best - ndcg, ddof=1) / len(best) ** 0.5]
    return min(good, key=lambda ridge: abs(np.log(ridge / 500)))


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_best_of_all_tried_or_as_good_and_nearer_to_the_default(seed: int) -> None:
    histories = histories_of(seed)
    others, _, _ = split_users(histories, seed=seed)
    assert choose_ridge(histories, seed=seed) == expected(*split_users(others, seed=seed))


def test_users_who_are_measured_play_no_part() -> None:
    histories = histories_of(0)
    learned_from, given, held_out = split_users(histories, seed=0)
    chosen = choose_ridge(histories, seed=0)
    theirs = (given + held_out).toarray()
    is_measured = np.array([any((row == one).all() for one in theirs) for row in histories.toarray()])
    assert is_measured.sum() == len(theirs) == 300 - learned_from.shape[0]
    shuffled = histories.toarray()
    shuffled[is_measured] = shuffled[is_measured][:, ::-1]
    assert choose_ridge(sp.csr_array(shuffled), seed=0) == chosen


def test_items_of_few_interactions_do_not_change_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = histories_of(1)
    rare = sp.csr_array((np.random.default_rng(2).random((300, 40)) < 0.003).astype(np.float64))
    monkeypatch.setattr(module, "MOST_ITEMS", 50)
    both = sp.csr_array(sp.hstack([rare, histories]))
    others, _, _ = split_users(both, seed=0)
    assert choose_ridge(both, seed=0) == expected(*split_users(others[:, 40:], seed=0))


def test_few_users_choose_nothing() -> None:
    assert choose_ridge(histories_of(0, n_users=60), seed=0) == RIDGE
    assert choose_ridge(histories_of(0, n_users=1), seed=0) == RIDGE


def test_a_penalty_that_is_given_is_taken_and_no_other_recommender_has_one() -> None:
    histories = histories_of(0)
    assert ridge_of("ease", 7.0, histories, seed=0) == 7.0
    assert ridge_of("knn", None, histories, seed=0) == RIDGE
    assert ridge_of("hybrid", None, histories, seed=0) == choose_ridge(histories, seed=0)


@pytest.mark.skipif(not os.environ.get("RECSYS_OPS_DATA"), reason="RECSYS_OPS_DATA is not set")
def test_of_movielens_it_is_the_one_known_to_be_best() -> None:
    folder = Path(os.environ["RECSYS_OPS_DATA"], "ml-100k")
    dataset = load_dataset(f"movielens-100k:{folder}", seed=0)
    assert choose_ridge(history_matrix(dataset.ratings, binary=True, scale=5), seed=0) in (200.0, 500.0)


def test_a_session_in_python_fits_with_the_penalty_of_the_jobs() -> None:
    histories = histories_of(2)
    chosen = choose_ridge(histories, seed=0)
    weights = fit_ease(histories, ridge=chosen).weights
    assert chosen != RIDGE
    assert np.array_equal(recsys_ops.fit_ease(histories).weights, weights)
    assert not np.array_equal(recsys_ops.fit_ease(histories, ridge=RIDGE).weights, weights)
