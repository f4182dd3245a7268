"""Item-kNN against a loop over all pairs."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_ops.errors import ConfigError
from recsys_ops.models import knn as module
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.linear import history_matrix
from tests.histories import random_ratings
from tests.twins import knn


@given(
    seed=st.integers(0, 10_000),
    neighbours=st.integers(1, 13),
    shrinkage=st.sampled_from([0.0, 0.7, 10.0]),
    binary=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_weights_are_the_shrunk_cosines_of_the_nearest_neighbours(
    seed: int, neighbours: int, shrinkage: float, binary: bool
) -> None:
    histories = history_matrix(random_ratings(seed, n_users=9), binary=binary, scale=5)
    weights = fit_item_knn(histories, neighbours=neighbours, shrinkage=shrinkage).weights.toarray()
    expected = knn.item_knn(histories.toarray(), 13, shrinkage)
    # Which of two neighbours stays is arbitrary where their cosines differ by rounding only.
    assert np.array_equal((weights > 0).sum(axis=0), np.minimum((expected > 0).sum(axis=0), neighbours))
    assert np.allclose(weights[weights > 0], expected[weights > 0], atol=1e-10)
    kept = np.sort(knn.item_knn(histories.toarray(), neighbours, shrinkage), axis=0)
    assert np.allclose(np.sort(weights, axis=0), kept, atol=1e-10)


def test_of_equal_neighbours_the_first_in_the_catalogue_stay() -> None:
    everybody_has_all = sp.csr_array(np.ones((4, 5)))
    weights = fit_item_knn(everybody_has_all, neighbours=2, shrinkage=0.0).weights.toarray()
    assert [np.flatnonzero(column).tolist() for column in weights.T] == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


def test_items_that_nobody_has_recommend_nothing_and_are_not_recommended() -> None:
    weights = fit_item_knn(history_matrix(random_ratings(1), binary=True, scale=5), neighbours=5).weights
    assert weights[[-1]].nnz == weights[:, [-1]].nnz == 0
    assert not weights.diagonal().any()


def test_weights_are_sparse_float64_in_order_and_no_more_than_the_neighbours() -> None:
    weights = fit_item_knn(history_matrix(random_ratings(2), binary=False, scale=5), neighbours=3).weights
    assert isinstance(weights, sp.csr_array)
    assert weights.dtype == np.float64
    assert weights.has_sorted_indices
    assert np.diff(sp.csc_array(weights).indptr).max() == 3


@pytest.mark.parametrize("block_bytes", [1, 2000])
def test_weights_do_not_depend_on_the_size_of_the_blocks(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    histories = history_matrix(random_ratings(2), binary=False, scale=5)
    whole = fit_item_knn(histories, neighbours=4, shrinkage=1.0).weights
    monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
    blocked = fit_item_knn(histories, neighbours=4, shrinkage=1.0).weights
    assert np.array_equal(blocked.toarray(), whole.toarray())


@pytest.mark.parametrize(("neighbours", "shrinkage"), [(0, 1.0), (5, -0.1), (5, float("nan"))])
def test_settings_out_of_range_are_refused(neighbours: int, shrinkage: float) -> None:
    with pytest.raises(ConfigError, match="Use at least 1 neighbour and shrinkage 0 or more"):
        fit_item_knn(
            history_matrix(random_ratings(1), binary=True, scale=5), neighbours=neighbours, shrinkage=shrinkage
        )
