"""The library on whole catalogues, in one process: time and memory. The job spreads the same blocks over workers."""

import resource
import time

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.antidote.descent import descend
from recsys_ops.antidote.fixed_point import exact_gradient
from recsys_ops.antidote.gradient import paper_gradient
from recsys_ops.antidote.objectives import IndividualUnfairness, measure
from recsys_ops.antidote.points import scale_of
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.starts import first_ratings
from recsys_ops.datasets import load_dataset
from recsys_ops.models.mf import AlsSettings
from recsys_ops.models.mf_rows import LocalRows
from tests.benchmarks.catalogue import movielens

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7200)]

GIB = 2**30


def peak_gib() -> float:
    """Most memory this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB


def synthetic(share: float) -> sp.csr_array:
    """Ratings 1 to 5 of 160,000 users and 60,000 items, some 156 of each user, popular items more often."""
    n_users, n_items = round(160_000 * share), round(60_000 * share)
    rng = np.random.default_rng([0, n_users])
    user = np.repeat(np.arange(n_users, dtype=np.int32), 162)
    item = (n_items * rng.random(len(user), dtype=np.float32) ** 2).astype(np.int32)
    pairs = np.unique(user.astype(np.int64) * n_items + np.minimum(item, n_items - 1))
    ends = np.searchsorted(pairs, np.arange(n_users + 1, dtype=np.int64) * n_items)
    stars = rng.integers(1, 6, len(pairs)).astype(np.float32)
    return sp.csr_array((stars, (pairs % n_items).astype(np.int32), ends.astype(np.int32)), shape=(n_users, n_items))


def test_the_whole_of_movielens_1m_at_one_per_cent() -> None:
    rows = LocalRows(load_dataset(movielens("1m"), seed=0).ratings)
    settings = AlsSettings(8, 1.0, tolerance=1e-4)
    problem = AntidoteProblem(
        rows, IndividualUnfairness(), "min", settings, (1.0, 5.0), max_ratings=500, max_rmse_loss=0.03, warm=True
    )
    began = time.perf_counter()
    scale = scale_of(problem)
    point = descend(problem, first_ratings(problem, "random", 60, seed=0), scale, max_steps=25)
    after = measure(rows, problem.fit(point.ratings).factors)
    seconds = time.perf_counter() - began
    value = problem.objective.value(after)
    print(
        f"\n6040 x 3706, 60 artificial users: individual unfairness {scale.value:.4f} -> {value:.4f}, "
        f"RMSE {scale.rmse:.4f} -> {after.rmse:.4f}, {seconds / 60:.1f} minutes, {peak_gib():.2f} GiB"
    )
    assert value < scale.value
    assert after.rmse - scale.rmse < 0.03


@pytest.mark.parametrize("share", [0.125, 0.25, 0.5, 1.0])
def test_one_gradient_iteration_on_synthetic_ratings(share: float) -> None:
    rows = LocalRows(synthetic(share))
    problem = AntidoteProblem(
        rows, IndividualUnfairness(), "min", AlsSettings(8, 1.0, max_iterations=1), (1.0, 5.0), max_ratings=156
    )
    artificial = first_ratings(problem, "random", rows.shape[0] // 100, seed=0)
    began = time.perf_counter()
    fit = problem.fit(artificial)
    fitted = time.perf_counter()
    predictions = problem.measure(fit.factors)
    arguments = (rows, problem.objective, predictions, fit, artificial, 1.0)
    paper_gradient(*arguments).at(artificial)
    paper = time.perf_counter()
    exact_gradient(*arguments, max_iterations=1).at(artificial)
    exact = time.perf_counter()
    print(
        f"\n{rows.shape[0]:,} x {rows.shape[1]:,}, {rows.n_ratings:,} ratings: ALS iteration "
        f"{fitted - began:.1f} s, errors and gradient (eq. 9) {paper - fitted:.1f} s, exact gradient "
        f"(setup, one iteration) {exact - paper:.1f} s, {peak_gib():.2f} GiB"
    )
    assert peak_gib() < 8
