"""Alternating least squares: the textbook's factors, whatever the blocks, and splits that show what is learned."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.errors import ConfigError
from recsys_ops.models.mf import AlsSettings, fit_als, random_start
from recsys_ops.models.mf_balance import balanced_items
from recsys_ops.models.mf_rows import LocalRows, block_limits, packed_outer, solve_packed
from recsys_ops.models.mf_validation import folds, hold_out, validate
from tests.twins.antidote import als


def draw_ratings(seed: int, n_users: int = 12, n_items: int = 9, share: float = 0.5) -> np.ndarray:
    """Stars 0 to 5, nan where not rated; one user and one item without ratings."""
    rng = np.random.default_rng(seed)
    ratings = np.where(rng.random((n_users, n_items)) < share, rng.integers(0, 6, (n_users, n_items)), np.nan)
    ratings[3], ratings[:, 2] = np.nan, np.nan
    return ratings


def stored(ratings: np.ndarray) -> sp.csr_array:
    """What is rated, zeros included."""
    known = np.nonzero(~np.isnan(ratings))
    return sp.csr_array((ratings[known], known), shape=ratings.shape)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), rank=st.integers(1, 5), n_artificial=st.integers(0, 3))
def test_predictions_equal_those_of_the_textbook(seed: int, rank: int, n_artificial: int) -> None:
    ratings, artificial = draw_ratings(seed), draw_ratings(seed + 1)[:n_artificial]
    options = AlsSettings(rank, 0.7, seed=seed, tolerance=-np.inf, max_iterations=12)
    fit = fit_als(LocalRows(stored(ratings)), options, artificial=stored(artificial))
    everything, start = np.vstack([ratings, artificial]), random_start(9, options)
    users, items = als(everything, start, 0.7, iterations=12, tolerance=-np.inf, is_balanced=True)
    found = np.vstack([fit.factors.users, fit.artificial]) @ fit.factors.items.T
    np.testing.assert_allclose(found, users @ items.T, rtol=1e-6, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), rank=st.integers(1, 5))
def test_the_factors_of_one_iteration_are_those_of_the_textbook(seed: int, rank: int) -> None:
    ratings, options = draw_ratings(seed), AlsSettings(rank, 0.7, seed=seed, max_iterations=1)
    fit = fit_als(LocalRows(stored(ratings)), options)
    users, items = als(ratings, random_start(9, options), 0.7, iterations=1)
    np.testing.assert_allclose(fit.factors.items, items, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fit.factors.users, users, rtol=1e-8, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), rank=st.integers(1, 6))
def test_balanced_factors_have_the_least_penalty_of_all_with_the_same_predictions(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    users, items = rng.normal(size=(15, rank)) * rng.lognormal(0, 2, rank), rng.normal(size=(11, rank))
    grams = [packed_outer(factors).sum(axis=0) for factors in (items, users)]
    balanced = balanced_items(items, *grams)
    other = np.linalg.lstsq(balanced, items @ users.T, rcond=None)[0].T
    np.testing.assert_allclose(other @ balanced.T, users @ items.T, atol=1e-8)
    # The least penalty of predictions is twice the sum of their singular values.
    least = 2 * np.linalg.svd(users @ items.T, compute_uv=False).sum()
    assert np.sum(other**2) + np.sum(balanced**2) == pytest.approx(least)


def test_factors_of_less_than_their_rank_are_left_as_they_are() -> None:
    users, items = np.outer([1.0, 2.0, 3.0], [1.0, 0.0]), np.array([[1.0, 5.0], [2.0, 0.0], [0.5, 1.0]])
    for pair in ((users, items), (np.zeros((3, 2)), items), (users, np.zeros((3, 2)))):
        grams = [packed_outer(factors).sum(axis=0) for factors in (pair[1], pair[0])]
        assert balanced_items(pair[1], *grams) is pair[1]


def test_balancing_lets_the_loss_settle_sooner() -> None:
    ratings, options = draw_ratings(4, 60, 40), AlsSettings(4, 1.0, tolerance=1e-6, max_iterations=3000)
    fit = fit_als(LocalRows(stored(ratings)), options)
    users, items = als(ratings, random_start(40, options), 1.0, iterations=len(fit.rmse))

    def loss(users: np.ndarray, items: np.ndarray) -> float:
        return float(np.nansum((users @ items.T - ratings) ** 2) + np.sum(users**2) + np.sum(items**2))

    assert loss(fit.factors.users, fit.factors.items) < loss(users, items)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), block_ratings=st.integers(1, 40))
def test_factors_are_the_same_bytes_for_any_blocks(seed: int, block_ratings: int) -> None:
    ratings, artificial = stored(draw_ratings(seed, 30, 20)), stored(draw_ratings(seed + 1, 4, 20))
    fits = [
        fit_als(rows, AlsSettings(4, 0.5, max_iterations=20), artificial=artificial)
        for rows in (LocalRows(ratings), LocalRows(ratings, block_ratings=block_ratings))
    ]
    assert fits[0].factors.users.tobytes() == fits[1].factors.users.tobytes()
    assert fits[0].factors.items.tobytes() == fits[1].factors.items.tobytes()
    assert fits[0].rmse == fits[1].rmse


def test_the_reported_rmse_is_that_of_the_predictions() -> None:
    ratings = draw_ratings(1)
    fit = fit_als(LocalRows(stored(ratings)), AlsSettings(3, 0.1))
    errors = (fit.factors.users @ fit.factors.items.T - ratings)[~np.isnan(ratings)]
    assert fit.rmse[-1] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), penalty=st.sampled_from([0.5, 5.0, 15.0]))
def test_a_fit_that_has_converged_stays_where_it_is(seed: int, penalty: float) -> None:
    rows = LocalRows(stored(draw_ratings(seed, 60, 40, share=0.3)))
    fit = fit_als(rows, AlsSettings(4, penalty, seed=seed, tolerance=1e-7, max_iterations=5000))
    on = fit_als(rows, AlsSettings(4, penalty, seed=seed, tolerance=-np.inf, max_iterations=2 * len(fit.rmse)))
    assert fit.converged
    assert fit.rmse[-1] == pytest.approx(on.rmse[-1], abs=2e-3)


def test_an_rmse_that_rises_while_the_penalised_loss_falls_does_not_end_the_fit() -> None:
    rows = LocalRows(stored(draw_ratings(3, 60, 40, share=0.3)))
    fit = fit_als(rows, AlsSettings(4, 15.0, tolerance=1e-6))
    rises = [later > earlier for earlier, later in zip(fit.rmse, fit.rmse[1:], strict=False)]
    assert any(rises[:-1])
    assert fit.converged


def test_a_warm_start_needs_fewer_iterations() -> None:
    rows, options = LocalRows(stored(draw_ratings(2, 60, 40))), AlsSettings(3, 0.5)
    cold = fit_als(rows, options)
    warm = fit_als(rows, options, start=cold.factors.items)
    assert len(warm.rmse) < len(cold.rmse) / 2


def test_users_and_items_without_ratings_have_zero_factors() -> None:
    fit = fit_als(LocalRows(stored(draw_ratings(0))), AlsSettings(2, 1.0))
    assert not fit.factors.users[3].any()
    assert not fit.factors.items[2].any()


def test_a_world_of_rank_one_is_found_exactly_up_to_shrinkage() -> None:
    users, items = np.array([1.0, 1.5, 2.0, 2.5]), np.array([2.0, 1.0, 1.8])
    ratings = np.outer(users, items)
    ratings[1, 1] = np.nan
    fit = fit_als(LocalRows(stored(ratings)), AlsSettings(1, 1e-6, tolerance=1e-12))
    np.testing.assert_allclose(fit.factors.users @ fit.factors.items.T, np.outer(users, items), atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), rank=st.integers(1, 7))
def test_batched_cholesky_solves_every_system(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    grams, right = packed_outer(rng.normal(size=(5, rank))), rng.normal(size=(5, rank))
    row, column = np.tril_indices(rank)
    for gram, side, found in zip(grams, right, solve_packed(grams, right, 0.3), strict=True):
        matrix = np.zeros((rank, rank))
        matrix[row, column] = matrix[column, row] = gram
        np.testing.assert_allclose(found, np.linalg.solve(matrix + 0.3 * np.eye(rank), side), rtol=1e-9, atol=1e-12)


def test_blocks_cover_all_rows_in_order() -> None:
    rows = stored(draw_ratings(5, 40, 10))
    limits = block_limits(rows, 13)
    assert [first for first, _ in limits[1:]] == [last for _, last in limits[:-1]]
    assert (limits[0][0], limits[-1][1]) == (0, 40)
    assert all(last > first for first, last in limits)


@pytest.mark.parametrize(("rank", "regularisation"), [(0, 1.0), (3, 0.0), (3, float("nan"))])
def test_a_rank_or_regularisation_that_is_not_positive_is_refused(rank: int, regularisation: float) -> None:
    with pytest.raises(ConfigError, match="--r"):
        AlsSettings(rank, regularisation)


def test_holding_out_takes_the_share_of_each_user_and_loses_nothing() -> None:
    ratings = stored(draw_ratings(7, 30, 20))
    train, held_out = hold_out(ratings, 0.2, seed=3)
    np.testing.assert_array_equal(np.diff(held_out.indptr), np.round(0.2 * np.diff(ratings.indptr)))
    assert train.nnz + held_out.nnz == ratings.nnz
    np.testing.assert_array_equal((train + held_out).toarray(), ratings.toarray())


def test_no_user_loses_all_ratings_to_the_held_out_ones() -> None:
    train, _ = hold_out(sp.csr_array(np.eye(4)), 0.9, seed=0)
    assert train.nnz == 4


def test_every_rating_is_held_out_in_one_fold() -> None:
    ratings = stored(draw_ratings(8, 30, 20))
    held_out = [part for _, part in folds(ratings, 4, seed=0)]
    assert sum(part.nnz for part in held_out) == ratings.nnz
    np.testing.assert_array_equal(sum(part.toarray() for part in held_out), ratings.toarray())


def test_a_share_of_one_cannot_be_held_out() -> None:
    with pytest.raises(ConfigError, match="--hold-out 1"):
        hold_out(sp.csr_array(np.eye(4)), 1.0, seed=0)


def test_validation_prefers_the_rank_that_made_the_ratings() -> None:
    rng = np.random.default_rng(0)
    ratings = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 50)) + 0.1 * rng.normal(size=(80, 50))
    ratings[rng.random(ratings.shape) < 0.5] = np.nan
    found = validate(stored(ratings), [(1, 0.1), (2, 0.1), (12, 0.1)], seed=0)
    assert found[0].rank == 2
    assert found[0].rmse < 0.2 < found[-1].rmse
