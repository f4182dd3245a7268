"""Scores and lists of linear recommenders against loops over single interactions."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.errors import ConfigError
from recsys_ops.models import linear
from recsys_ops.models.linear import LinearRecommender, best_positions, history_matrix, top_lists
from tests.histories import random_ratings
from tests.twins import linear as twin


def weights_of(kind: str, n_items: int, seed: int = 0) -> Any:
    """Weights with few distinct values, so that scores tie; the diagonal is 0."""
    rng = np.random.default_rng([seed, 7])
    weights = rng.integers(-2, 4, (n_items, n_items)) / 4 * (rng.random((n_items, n_items)) < 0.6)
    np.fill_diagonal(weights, 0)
    return sp.csr_array(weights) if kind == "sparse" else weights.astype(kind)


def rough(model: LinearRecommender) -> LinearRecommender:
    """The same pattern with weights that no float adds up exactly."""
    noise = np.random.default_rng(5).normal(size=(model.n_items, model.n_items)).astype(model.weights.dtype)
    product = model.weights * noise
    return LinearRecommender(sp.csr_array(product) if sp.issparse(product) else product)


KINDS = ["float32", "float64", "sparse"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("binary", [True, False])
def test_scores_add_up_the_rows_of_the_history_in_the_order_of_the_items(kind: str, binary: bool) -> None:
    histories = history_matrix(random_ratings(1), binary=binary, scale=5)
    model = rough(LinearRecommender(weights_of(kind, 12)))
    expected = twin.all_scores(model.rows(np.arange(12)), histories)
    assert np.array_equal(model.scores(histories), expected)
    assert np.array_equal(model.scores(histories), histories @ model.rows(np.arange(12)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block_bytes", [1, 300, 2**20])
def test_scores_do_not_depend_on_blocks_of_users_or_of_weights(
    kind: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = history_matrix(random_ratings(2), binary=False, scale=5)
    model = rough(LinearRecommender(weights_of(kind, 12)))
    whole, lists = model.scores(histories), top_lists(model, histories, 4)
    monkeypatch.setattr(linear, "BLOCK_BYTES", block_bytes)
    assert np.array_equal(np.concatenate([model.scores(histories[[user]]) for user in range(30)]), whole)
    assert np.array_equal(top_lists(model, histories, 4), lists)


def test_sparse_and_dense_weights_give_the_same_bits() -> None:
    histories = history_matrix(random_ratings(3), binary=False, scale=5)
    dense = rough(LinearRecommender(weights_of("float64", 12)))
    sparse = LinearRecommender(sp.csr_array(dense.weights))
    assert sparse.scores(histories).tobytes() == dense.scores(histories).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_dense_float64_rows_of_the_weights(kind: str) -> None:
    weights = weights_of(kind, 12)
    rows = LinearRecommender(weights).rows(np.array([4, 0, 4]))
    assert rows.dtype == np.float64
    assert np.array_equal(rows, (weights.toarray() if kind == "sparse" else weights)[[4, 0, 4]])


def test_scores_of_nobody_and_of_empty_histories_are_none_and_zero() -> None:
    model = LinearRecommender(weights_of("float32", 12))
    assert model.scores(sp.csr_array((0, 12))).shape == (0, 12)
    assert not model.scores(sp.csr_array((2, 12))).any()


@given(seed=st.integers(0, 10_000), n=st.integers(0, 15), kind=st.sampled_from(KINDS), binary=st.booleans())
@settings(max_examples=40, deadline=None)
def test_lists_are_the_best_of_everything_sorted(seed: int, n: int, kind: str, binary: bool) -> None:
    histories = history_matrix(random_ratings(seed, n_users=8), binary=binary, scale=5)
    model = LinearRecommender(weights_of(kind, 12, seed))
    lists, scores = top_lists(model, histories, n), model.scores(histories)
    assert lists.shape == (8, n)
    for user in range(8):
        known = [item for item, _ in twin.history_of(histories, user)]
        assert lists[user].tolist() == twin.top_list(scores[user], known, n)


def test_users_who_know_almost_everything_get_short_lists() -> None:
    histories = sp.csr_array(np.array([[1.0, 1.0, 0.0, 1.0]]))
    assert top_lists(LinearRecommender(np.zeros((4, 4))), histories, 3).tolist() == [[2, -1, -1]]


@given(st.lists(st.integers(-3, 3), max_size=12), st.integers(0, 14))
def test_best_positions_prefer_the_first_of_equal_values(values: list[int], n: int) -> None:
    found = best_positions(np.array(values, dtype=np.float64), n)
    assert found.tolist() == sorted(range(len(values)), key=lambda place: (-values[place], place))[:n]


def test_an_interaction_rated_zero_is_a_one_in_binary_histories_and_stays_stored_in_others() -> None:
    ratings = sp.csr_array((np.array([0.0, 4.0], np.float32), np.array([2, 1]), np.array([0, 2])), shape=(1, 3))
    ones = history_matrix(ratings, binary=True, scale=5)
    stars = history_matrix(ratings, binary=False, scale=5)
    assert ones.toarray().tolist() == [[0, 1, 1]]
    assert stars.indices.tolist() == [1, 2]
    assert stars.data.tolist() == [0.8, 0.0]
    assert ones.dtype == stars.dtype == np.float64
    assert ratings.indices.tolist() == [2, 1]


def test_ratings_without_a_positive_maximum_cannot_be_scaled() -> None:
    with pytest.raises(ConfigError, match=r"--ratings: the greatest rating possible is 0, .* Use --binary"):
        history_matrix(random_ratings(0), binary=False, scale=0)
