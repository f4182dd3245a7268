"""Held-out quality against counting, worlds with a known answer, and bands on real data."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.datasets import load_dataset
from recsys_ops.errors import InputError
from recsys_ops.evaluation import (
    HeldOutQuality,
    ListQuality,
    held_out_quality,
    list_quality,
    split_users,
)
from recsys_ops.models.ease import RIDGE, fit_ease
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.linear import LinearRecommender, history_matrix, top_lists
from recsys_ops.models.slim import fit_slim
from tests.histories import random_ratings
from tests.twins import quality
from tests.twins.linear import history_of, top_list

FOLDER = os.environ.get("RECSYS_OPS_DATA", "")
needs_data = pytest.mark.skipif(not FOLDER, reason="RECSYS_OPS_DATA is not set: MovieLens is not distributed")


def two_tastes(n_users: int = 60, n_items: int = 40) -> sp.csr_array:
    """Even users had most of the even items, odd users most of the odd ones."""
    rng = np.random.default_rng(0)
    is_same = np.add.outer(np.arange(n_users), np.arange(n_items)) % 2 == 0
    return sp.csr_array((is_same & (rng.random((n_users, n_items)) < 0.8)).astype(np.float64))


def knows_nothing(histories: sp.csr_array) -> LinearRecommender:
    return LinearRecommender(np.zeros((histories.shape[1], histories.shape[1])))


@given(seed=st.integers(0, 10_000), depth=st.integers(1, 120), n_items=st.integers(1, 150))
@settings(max_examples=50, deadline=None)
def test_recall_and_ndcg_are_those_of_counting(seed: int, depth: int, n_items: int) -> None:
    rng = np.random.default_rng(seed)
    lists = np.full((5, depth), -1)
    for shown in lists:
        n_shown = rng.integers(0, min(depth, n_items) + 1)
        shown[:n_shown] = rng.permutation(n_items)[:n_shown]
    is_wanted = rng.random((5, n_items)) < rng.random()
    is_wanted[:, rng.integers(n_items)] = True
    found = list_quality(lists, sp.csr_array(is_wanted.astype(np.float64)))
    for user in range(5):
        wanted = np.flatnonzero(is_wanted[user]).tolist()
        assert found.recall[user] == pytest.approx(quality.recall(lists[user].tolist(), wanted, 20))
        assert found.ndcg[user] == pytest.approx(quality.ndcg(lists[user].tolist(), wanted, depth))


def test_a_perfect_list_has_quality_one_and_an_empty_one_zero() -> None:
    held_out = sp.csr_array(np.array([[0, 1.0, 1.0, 0]] * 2))
    found = list_quality(np.array([[2, 1, 0], [-1, -1, -1]]), held_out)
    assert found.recall.tolist() == [1, 0]
    assert found.ndcg.tolist() == pytest.approx([1, 0])


@given(seed=st.integers(0, 1000), split_seed=st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_a_fifth_of_the_users_is_held_out_with_a_fifth_of_their_history(seed: int, split_seed: int) -> None:
    histories = history_matrix(random_ratings(seed, n_items=30), binary=False, scale=5)
    learned_from, given_part, held_out = split_users(histories, seed=split_seed)
    n_long = int((np.diff(histories.indptr) >= 5).sum())
    assert given_part.shape[0] == max(1, n_long // 5)
    assert learned_from.shape[0] + given_part.shape[0] == 30
    assert learned_from.nnz + given_part.nnz + held_out.nnz == histories.nnz
    originals = [dict(history_of(histories, user)) for user in range(30)]
    for user in range(given_part.shape[0]):
        known, tested = dict(history_of(given_part, user)), dict(history_of(held_out, user))
        assert not set(known) & set(tested)
        assert known | tested in originals
        assert len(tested) == (len(known) + len(tested)) // 5 > 0


def test_the_seed_and_nothing_else_decides_who_is_held_out() -> None:
    histories = two_tastes()
    first, again, other = (split_users(histories, seed=seed)[2].toarray() for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_whole_measurement_equals_one_by_loops() -> None:
    histories = two_tastes()
    found = held_out_quality(histories, lambda known: fit_ease(known, ridge=5.0), seed=3)
    learned_from, given_part, held_out = split_users(histories, seed=3)
    scores = fit_ease(learned_from, ridge=5.0).scores(given_part)
    popularity = learned_from.toarray().astype(bool).sum(axis=0).astype(float)
    for user in range(given_part.shape[0]):
        known = [item for item, _ in history_of(given_part, user)]
        wanted = [item for item, _ in history_of(held_out, user)]
        for lists, theirs in ((found.model, scores[user]), (found.popularity, popularity)):
            shown = top_list(theirs, known, 100)
            assert lists.recall[user] == pytest.approx(quality.recall(shown, wanted, 20))
            assert lists.ndcg[user] == pytest.approx(quality.ndcg(shown, wanted, 100))


def test_a_model_that_separates_two_tastes_is_better_than_popularity() -> None:
    found = held_out_quality(two_tastes(), lambda known: fit_item_knn(known, neighbours=20), seed=0)
    assert found.model.recall.min() == 1
    assert found.popularity.recall.mean() < 0.9
    assert found.is_better


def test_a_model_that_knows_nothing_is_not_better_than_popularity() -> None:
    assert not held_out_quality(two_tastes(), knows_nothing, seed=0).is_better


def test_a_gain_within_the_noise_is_no_gain() -> None:
    baseline = ListQuality(np.zeros(4), np.full(4, 0.5))
    noisy, steady = np.array([0.9, 0.2, 0.6, 0.5]), np.array([0.53, 0.54, 0.56, 0.57])
    assert noisy.mean() == pytest.approx(steady.mean())
    assert not HeldOutQuality(ListQuality(np.zeros(4), noisy), baseline).is_better
    assert HeldOutQuality(ListQuality(np.zeros(4), steady), baseline).is_better


def test_without_users_to_hold_out_nothing_can_be_measured() -> None:
    histories = sp.csr_array(np.ones((6, 4)))
    with pytest.raises(InputError, match="0 of 6 users have 5 interactions or more"):
        held_out_quality(histories, knows_nothing, seed=0)


@needs_data
@pytest.mark.parametrize(
    ("fit", "recall", "ndcg"),
    [
        (lambda known: fit_ease(known, ridge=RIDGE), (0.43, 0.47), (0.52, 0.56)),
        (fit_item_knn, (0.38, 0.43), (0.47, 0.51)),
        (fit_slim, (0.42, 0.47), (0.52, 0.56)),
    ],
)
def test_quality_on_movielens_100k_is_what_it_was_measured_to_be(
    fit: object, recall: tuple[float, float], ndcg: tuple[float, float]
) -> None:
    dataset = load_dataset(f"movielens-100k:{Path(FOLDER, 'ml-100k')}", seed=0)
    found = held_out_quality(history_matrix(dataset.ratings, binary=True, scale=5), fit, seed=0)
    assert recall[0] < found.model.recall.mean() < recall[1]
    assert ndcg[0] < found.model.ndcg.mean() < ndcg[1]
    assert 0.19 < found.popularity.recall.mean() < 0.24
    assert found.is_better


@needs_data
def test_the_lists_of_movielens_100k_are_those_of_sorting_everything() -> None:
    dataset = load_dataset(f"movielens-100k:{Path(FOLDER, 'ml-100k')}", seed=0)
    histories = history_matrix(dataset.ratings, binary=True, scale=5)
    model = fit_item_knn(histories)
    lists = top_lists(model, histories, 50)
    for user in range(0, dataset.n_users, 40):
        known = [item for item, _ in history_of(histories, user)]
        scores = sum(value * model.rows(np.array([item]))[0] for item, value in history_of(histories, user))
        assert lists[user].tolist() == top_list(np.asarray(scores), known, 50)
