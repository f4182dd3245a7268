"""EASE: every item predicted from all others by ridge regression, with weights in closed form.

``P = (X'X + ridge I)^-1``, ``B[i, j] = -P[i, j] / P[j, j]`` off the diagonal and 0 on it (Steck 2019, "Embarrassingly
Shallow Autoencoders for Sparse Data", eq. 8). The weights are dense; item-kNN and SLIM take over where the memory for
them ends.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from recsys_ops.errors import ConfigError
from recsys_ops.models.linear import BLOCK_BYTES, LinearRecommender
from recsys_ops.models.memory import available_bytes

RIDGE = 500.0
"""Default penalty: within 0.002 of the best nDCG on MovieLens-100K and -1M with ones, within 0.011 with ratings / 5."""

FloatType = type[np.float32] | type[np.float64]

_BYTES_PER_PAIR = 32
"""One pair of items in a block of the Gram matrix: sparse, converted, and dense."""


def fit_ease(histories: sp.csr_array, *, ridge: float, dtype: FloatType = np.float32) -> LinearRecommender:
    """Fit EASE.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings.
    ridge : float
        Penalty on squared weights, positive, in the unit of a squared entry of ``histories``.
    dtype : float32 or float64
        Of the computation and the weights.

    Returns
    -------
    LinearRecommender
        With dense weights.

    Raises
    ------
    ConfigError
        ``ridge`` is not positive, too small for ``dtype``, or the weights do not fit into memory.

    Notes
    -----
    Memory: ``ease_bytes``, one matrix of n_items x n_items, in which the Gram matrix is factorised, inverted and
    turned into weights, plus blocks of fixed size. Time: n_items^3 multiplications on one core (2 seconds
    for 4,000 items, 2 minutes for 20,000), so that the bytes of the weights do not depend on the number of cores.
    """
    if not 0 < ridge < np.finfo(dtype).max:
        raise ConfigError(
            f"--ridge {ridge:g}: expected a positive number that {np.dtype(dtype)} can hold. "
            f"Use --ridge {RIDGE:g}, for example."
        )
    n_items = histories.shape[1]
    transposed_bytes = histories.data.nbytes + histories.indices.nbytes
    check_memory(ease_bytes(n_items, dtype) + transposed_bytes, available_bytes())
    return LinearRecommender(weights_of(gram_matrix(histories, dtype), ridge))


def weights_of(gram: NDArray[Any], ridge: float) -> NDArray[Any]:
    """Turn a Gram matrix into the weights of EASE, in place.

    Parameters
    ----------
    gram : ndarray of float32 or float64, shape (n_items, n_items)
        As ``gram_matrix``; it becomes the weights.
    ridge : float
        As ``fit_ease``.

    Returns
    -------
    ndarray, shape (n_items, n_items)

    Raises
    ------
    ConfigError
        ``ridge`` is too small for these numbers.
    """
    gram[np.diag_indices(len(gram))] += gram.dtype.type(ridge)
    _invert(gram, ridge)
    gram /= -gram.diagonal().copy()
    np.fill_diagonal(gram, 0)
    return gram


def ease_bytes(n_items: int, dtype: FloatType) -> int:
    """Memory that fitting takes at its peak, besides the histories and their transpose.

    Parameters
    ----------
    n_items : int
    dtype : float32 or float64

    Returns
    -------
    int
        Bytes.
    """
    return n_items * n_items * np.dtype(dtype).itemsize + min(2 * BLOCK_BYTES, _BYTES_PER_PAIR * n_items * n_items)


def check_memory(needed: int, available: int) -> None:
    """Say before the work starts that dense weights will not fit.

    Parameters
    ----------
    needed, available : int
        Bytes.

    Raises
    ------
    ConfigError
        More is needed than there is.
    """
    if needed > available:
        raise ConfigError(
            f"recommender ease: its dense weights need {needed / 1e9:.1f} GB of memory and {available / 1e9:.1f} GB "
            "are free. Use knn or slim (sparse weights), float32 if it was float64, fewer items, or a "
            "machine with more memory."
        )


def gram_matrix(histories: sp.csr_array, dtype: FloatType) -> NDArray[Any]:
    """X'X, summed in float64, some rows at a time.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
    dtype : float32 or float64

    Returns
    -------
    ndarray of ``dtype``, shape (n_items, n_items)
    """
    n_items = histories.shape[1]
    gram = np.empty((n_items, n_items), dtype=dtype)
    transposed = sp.csr_array(histories.T)
    size = max(1, BLOCK_BYTES // (_BYTES_PER_PAIR * n_items))
    for first in range(0, n_items, size):
        block = transposed[first : first + size] @ histories
        block.astype(dtype).toarray(out=gram[first : first + size])
    return gram


def _invert(matrix: NDArray[Any], ridge: float) -> None:
    """Replace a positive definite matrix by its inverse, without a second one."""
    names = ("spotrf", "spotri") if matrix.dtype == np.float32 else ("dpotrf", "dpotri")
    factorise, invert = (getattr(lapack, name) for name in names)
    with threadpool_limits(limits=1):
        # The transposed view of a symmetric matrix is the same matrix in the order of LAPACK: nothing is copied.
        factor, failed = factorise(matrix.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise ConfigError(
                f"--ridge {ridge:g}: too small for {matrix.dtype} numbers, the Gram matrix is singular. Use a greater "
                f"one, such as {RIDGE:g}."
            )
        invert(factor, lower=1, overwrite_c=1)
    # Only the lower triangle of the view, the upper one of the matrix, was computed.
    size = max(1, BLOCK_BYTES // (8 * len(matrix)))
    for first in range(0, len(matrix), size):
        last = first + size
        square = matrix[first:last, first:last]
        np.copyto(square, square.T, where=np.tri(len(square), k=-1, dtype=bool))
        matrix[last:, first:last] = matrix[first:last, last:].T
