"""Ratings mapped by tasks of Ray: the same bits as in a loop, whatever the blocks, also from inside a task."""

import numpy as np
import pytest
import ray
import scipy.sparse as sp

from jobs.runtime.ray_rows import RayRows
from recsys_ops.antidote.gradient import paper_gradient
from recsys_ops.antidote.objectives import IndividualUnfairness, measure
from recsys_ops.models.mf import AlsSettings, Fit, fit_als
from recsys_ops.models.mf_rows import LocalRows, RowMap

pytestmark = pytest.mark.usefixtures("ray_session")

ALS = AlsSettings(rank=3, regularisation=0.5, max_iterations=4)


@pytest.fixture(scope="module")
def ratings() -> sp.csr_array:
    """200 users x 90 items, some ratings 0, one item and one user without ratings."""
    rng = np.random.default_rng([4])
    dense = rng.integers(0, 6, (200, 90)).astype(np.float32)
    rated = rng.random(dense.shape) < 0.2
    rated[7], rated[:, 3] = False, False
    user, item = np.nonzero(rated)
    return sp.csr_array((dense[user, item], (user, item)), shape=dense.shape)


def bits(rows: RowMap) -> list[bytes]:
    """Everything that a fit, its errors and a gradient give."""
    artificial = sp.csr_array(np.full((3, rows.shape[1]), 4.0))
    fit = fit_als(rows, ALS, artificial=artificial)
    predictions = measure(rows, fit.factors)
    gradient = paper_gradient(rows, IndividualUnfairness(), predictions, fit, artificial, ALS.regularisation)
    arrays = [fit.factors.users, fit.factors.items, np.array(fit.rmse), predictions.user_errors, gradient.items]
    return [array.tobytes() for array in arrays]


@pytest.mark.parametrize("block_ratings", [200, 1500, 10**6])
def test_blocks_on_ray_give_the_bits_of_a_loop_over_one_block(ratings: sp.csr_array, block_ratings: int) -> None:
    assert bits(RayRows(ratings, block_ratings=block_ratings)) == bits(LocalRows(ratings))


def test_a_case_inside_a_task_spreads_its_blocks_over_tasks(ratings: sp.csr_array) -> None:
    inside = ray.remote(num_cpus=1)(_fitted_on_ray)
    fits: list[Fit] = ray.get([inside.remote(ratings) for _ in range(3)])  # more than there are workers
    expected = fit_als(LocalRows(ratings), ALS)
    for fit in fits:
        assert fit.factors.items.tobytes() == expected.factors.items.tobytes()


def _fitted_on_ray(ratings: sp.csr_array) -> Fit:
    return fit_als(RayRows(ratings, block_ratings=300), ALS)


def test_numbers_that_go_wrong_in_a_block_are_an_error_here(ratings: sp.csr_array) -> None:
    with pytest.raises(FloatingPointError):
        fit_als(RayRows(ratings, block_ratings=1500), AlsSettings(rank=95, regularisation=1e-300, max_iterations=4))


def test_shape_and_number_of_ratings_are_those_of_the_matrix(ratings: sp.csr_array) -> None:
    rows = RayRows(ratings, block_ratings=500)
    assert (rows.shape, rows.n_ratings) == (ratings.shape, ratings.nnz)
