"""EASE against its definition, and what it says about memory before it takes it."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from recsys_ops.datasets import load_dataset
from recsys_ops.errors import ConfigError
from recsys_ops.models import ease as module
from recsys_ops.models.ease import check_memory, ease_bytes, fit_ease
from recsys_ops.models.linear import history_matrix
from tests.histories import random_ratings
from tests.twins import ease


@given(seed=st.integers(0, 10_000), ridge=st.floats(0.1, 100), binary=st.booleans())
@settings(max_examples=30, deadline=None)
def test_weights_are_those_of_the_inverse_and_of_one_regression_per_item(seed: int, ridge: float, binary: bool) -> None:
    histories = history_matrix(random_ratings(seed), binary=binary, scale=5)
    weights = fit_ease(histories, ridge=ridge, dtype=np.float64).weights
    assert np.allclose(weights, ease.by_inverse(histories.toarray(), ridge), atol=1e-10)
    assert np.allclose(weights, ease.by_regression(histories.toarray(), ridge), atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_diagonal_is_exactly_zero_and_the_type_is_the_requested_one(dtype: type) -> None:
    weights = fit_ease(history_matrix(random_ratings(1), binary=True, scale=5), ridge=2.0, dtype=dtype).weights
    assert weights.dtype == dtype
    assert not weights.diagonal().any()


@pytest.mark.parametrize("block_bytes", [1, 2000, 4000])
def test_weights_do_not_depend_on_the_size_of_the_blocks(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    histories = history_matrix(random_ratings(2), binary=False, scale=5)
    whole = fit_ease(histories, ridge=2.0).weights
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    assert fit_ease(histories, ridge=2.0).weights.tobytes() == whole.tobytes()


def test_weights_do_not_depend_on_the_number_of_threads() -> None:
    histories = history_matrix(random_ratings(3, n_users=200, n_items=400), binary=True, scale=5)
    fitted = []
    for n_threads in (1, 2):
        with threadpool_limits(limits=n_threads):
            fitted.append(fit_ease(histories, ridge=2.0).weights.tobytes())
    assert fitted[0] == fitted[1]


@pytest.mark.parametrize("ridge", [0.0, -1.0, float("nan")])
def test_a_ridge_that_is_not_positive_is_refused(ridge: float) -> None:
    with pytest.raises(ConfigError, match=r"--ridge .*: expected a positive number"):
        fit_ease(history_matrix(random_ratings(1), binary=True, scale=5), ridge=ridge)


def test_a_ridge_too_small_for_float32_says_so() -> None:
    histories = history_matrix(random_ratings(1, n_users=2000), binary=True, scale=5)
    histories = histories[:, [0, 0, 1]]
    with pytest.raises(ConfigError, match=r"--ridge 1e-07: too small for float32 numbers.* such as 500"):
        fit_ease(histories, ridge=1e-7)


def test_fitting_takes_one_matrix_and_blocks_of_fixed_size(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = history_matrix(random_ratings(4, n_users=100, n_items=1500, density=0.03), binary=True, scale=5)
    monkeypatch.setattr(module, "BLOCK_BYTES", 2**20)
    needed = ease_bytes(1500, np.float32)
    assert needed == 4 * 1500**2 + 2 * 2**20
    tracemalloc.start()
    try:
        fit_ease(histories, ridge=2.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 4 * 1500**2 <= peak <= needed


def test_weights_that_do_not_fit_are_refused_before_the_work_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available_bytes", lambda: 1000)
    with pytest.raises(ConfigError, match=r"recommender ease: .* need .* GB .* are free.* Use knn or slim"):
        fit_ease(history_matrix(random_ratings(1), binary=True, scale=5), ridge=2.0)


def test_as_much_memory_as_is_needed_is_enough() -> None:
    needed = ease_bytes(60_000, np.float32)
    check_memory(needed, needed)
    with pytest.raises(ConfigError, match=r"need 14\.9 GB of memory and 8\.0 GB are free"):
        check_memory(needed, 8 * 10**9)


@pytest.mark.skipif(
    not os.environ.get("RECSYS_OPS_DATA"), reason="RECSYS_OPS_DATA is not set: MovieLens is not distributed"
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
def test_movielens_100k_gives_the_weights_of_the_inverse(dtype: type, tolerance: float) -> None:
    dataset = load_dataset(f"movielens-100k:{Path(os.environ['RECSYS_OPS_DATA'], 'ml-100k')}", seed=0)
    histories = history_matrix(dataset.ratings, binary=True, scale=5)
    weights = fit_ease(histories, ridge=500.0, dtype=dtype).weights
    assert np.abs(weights - ease.by_inverse(histories.toarray(), 500.0)).max() < tolerance
