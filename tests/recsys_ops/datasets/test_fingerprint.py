"""Fingerprints of matrices: of what they say, whatever their order in memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from recsys_ops.datasets.fingerprint import fingerprint_of_matrix


@pytest.fixture
def dense() -> np.ndarray:
    """More rows than are hashed at once."""
    matrix: np.ndarray = np.random.default_rng(0).random((1500, 3))
    matrix[matrix < 0.5] = 0
    return matrix


def test_the_order_in_memory_does_not_matter(dense: np.ndarray) -> None:
    assert fingerprint_of_matrix(np.asfortranarray(dense)) == fingerprint_of_matrix(dense)
    sparse = sp.csr_array(dense)
    wide = sp.csr_array((sparse.data, sparse.indices.astype(np.int64), sparse.indptr.astype(np.int64)), sparse.shape)
    assert fingerprint_of_matrix(wide) == fingerprint_of_matrix(sparse)


@pytest.mark.parametrize("make", [np.array, sp.csr_array])
@pytest.mark.parametrize(
    "change",
    [
        lambda dense: np.concatenate([dense[:-1], dense[-1:] + 1e-12]),
        lambda dense: np.where(np.arange(len(dense))[:, None] == 7, np.nan, dense),
        lambda dense: dense.astype(np.float32),
        lambda dense: dense.reshape(3, 1500),
        lambda dense: dense[::-1],
    ],
)
def test_another_matrix_has_another_fingerprint(
    dense: np.ndarray, make: Any, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    assert fingerprint_of_matrix(make(change(dense))) != fingerprint_of_matrix(make(dense))


def test_a_matrix_without_entries_has_a_fingerprint() -> None:
    assert fingerprint_of_matrix(sp.csr_array((2, 2))) != fingerprint_of_matrix(sp.csr_array((2, 3)))
    assert fingerprint_of_matrix(np.empty((0, 2))) != fingerprint_of_matrix(np.empty((0, 3)))
