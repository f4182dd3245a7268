"""PureSVD: a history projected onto the directions in which histories differ most, ``s = x V V'``.

V holds the first right singular vectors of the matrix of histories (Cremonesi, Koren and Turrin, RecSys 2010, eq. 6).
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import svds
from threadpoolctl import threadpool_limits

from recsys_ops.errors import ConfigError
from recsys_ops.models.factored import FactoredRecommender

RANK = 50
"""Directions; recall@20 on MovieLens is flat from 30 to 100."""


def fit_pure_svd(histories: sp.csr_array, *, rank: int = RANK) -> FactoredRecommender:
    """Fit PureSVD; for catalogues of any size, as nothing is of size n_items x n_items.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings.
    rank : int, >= 1
        Length of the vectors; fewer where there are not as many users and items.

    Returns
    -------
    FactoredRecommender
        Both factors are one array.

    Raises
    ------
    ConfigError
        There are too few users or items to tell directions apart.

    Notes
    -----
    Memory: a few arrays of n_items x rank. One thread and a fixed start, so that the bytes do not depend on the cores.
    """
    rank = min(rank, min(histories.shape) - 1)
    if rank < 1 or not histories.nnz:
        raise ConfigError(
            f"recommender pure-svd: {histories.shape[0]} users and {histories.shape[1]} items with {histories.nnz} "
            "interactions are too few. Use knn."
        )
    start = np.random.default_rng(31).standard_normal(min(histories.shape))
    matrix = histories.astype(np.float64)
    with threadpool_limits(limits=1):
        found: Any = svds(matrix, k=rank, v0=start)
    vectors: NDArray[np.float32] = np.ascontiguousarray(found[2].T[:, ::-1].astype(np.float32))
    return FactoredRecommender(vectors, vectors)
