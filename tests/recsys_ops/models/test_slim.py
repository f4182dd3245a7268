"""SLIM against its optimality conditions and scikit-learn's elastic net."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.errors import ConfigError
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.linear import history_matrix
from recsys_ops.models.slim import fit_slim
from tests.histories import random_ratings
from tests.twins import slim


@given(
    seed=st.integers(0, 10_000),
    l1=st.sampled_from([0.0, 0.3, 2.0]),
    l2=st.sampled_from([0.5, 20.0]),
    neighbours=st.sampled_from([3, 12]),
    binary=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_each_column_is_optimal_over_its_nearest_neighbours(
    seed: int, l1: float, l2: float, neighbours: int, binary: bool
) -> None:
    histories = history_matrix(random_ratings(seed), binary=binary, scale=5)
    dense = histories.toarray()
    weights = fit_slim(histories, l1=l1, l2=l2, neighbours=neighbours).weights.toarray()
    nearest = fit_item_knn(histories, neighbours=neighbours, shrinkage=0.0).weights.toarray() > 0
    assert weights.min() >= 0
    assert not weights[~nearest].any()
    for target in range(12):
        candidates = np.flatnonzero(nearest[:, target])
        found = weights[candidates, target]
        slope = slim.slopes(dense, target, candidates, found, l1, l2)
        assert np.all(slope > -1e-9)
        assert np.allclose(slope[found > 0], 0, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_those_of_scikit_learn(seed: int) -> None:
    histories = history_matrix(random_ratings(seed, n_users=60), binary=False, scale=5)
    weights = fit_slim(histories, l1=0.5, l2=3.0, neighbours=6).weights.toarray()
    nearest = fit_item_knn(histories, neighbours=6, shrinkage=0.0).weights.toarray() > 0
    assert (weights > 0).sum() > 20
    for target in range(11):
        candidates = np.flatnonzero(nearest[:, target])
        expected = slim.by_coordinate_descent(histories.toarray(), target, candidates, 0.5, 3.0)
        assert np.allclose(weights[candidates, target], expected, atol=1e-6)


def test_a_greater_l1_leaves_fewer_weights_and_a_huge_one_none() -> None:
    histories = history_matrix(random_ratings(5, n_users=100), binary=True, scale=5)
    sizes = [fit_slim(histories, l1=l1, l2=1.0, neighbours=12).weights.nnz for l1 in (0.0, 5.0, 1000.0)]
    assert sizes[0] > sizes[1] > sizes[2] == 0


def test_weights_are_sparse_with_a_zero_diagonal_and_the_same_each_time() -> None:
    histories = history_matrix(random_ratings(6), binary=True, scale=5)
    first, second = (fit_slim(histories, l1=0.1, l2=1.0, neighbours=5).weights for _ in range(2))
    assert isinstance(first, sp.csr_array)
    assert first.has_sorted_indices
    assert not first.diagonal().any()
    assert first.data.tobytes() == second.data.tobytes()
    assert np.array_equal(first.indices, second.indices)


@pytest.mark.parametrize(("l1", "l2"), [(-1.0, 1.0), (1.0, 0.0), (float("nan"), 1.0), (1.0, float("nan"))])
def test_penalties_out_of_range_are_refused(l1: float, l2: float) -> None:
    with pytest.raises(ConfigError, match="Use l1 of 0 or more and a positive l2"):
        fit_slim(history_matrix(random_ratings(1), binary=True, scale=5), l1=l1, l2=l2)
