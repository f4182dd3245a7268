"""Implicit ALS: users and items as vectors, alternately the exact ridge regressions of one on the other.

Minimises ``sum_ui c_ui (p_ui - q_u . y_i)^2 + regularization (|Q|^2 + |Y|^2)`` with p = 1 and c = alpha x for
interactions, p = 0 and c = 1 for everything else. Source: Hu, Koren and Volinsky 2008, eq. 3 to 5, with the confidences
of the library implicit. Each half step is solved exactly, without conjugate gradients.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys_ops.errors import ConfigError
from recsys_ops.models.fold_in import FoldInRecommender, fold_in, gram_matrix

RANK = 64
CONFIDENCE = 5.0
ITERATIONS = 8

RELATIVE_PENALTY = 0.6
"""Default penalty over ``alpha sqrt(nnz / min(n_users, n_items))``, the root mean square of the singular values of the
confidences: directions of smaller singular values than the penalty vanish. Flat from 0.4 to 0.8 on MovieLens."""


def fit_als(
    histories: sp.csr_array,
    *,
    rank: int = RANK,
    regularization: float | None = None,
    alpha: float = CONFIDENCE,
    iterations: int = ITERATIONS,
    seed: int = 0,
) -> FoldInRecommender:
    """Fit implicit ALS.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings.
    rank : int, >= 1
        Length of the vectors.
    regularization : float, > 0, optional
        Penalty on squared entries; by default in proportion to the data (``RELATIVE_PENALTY``).
    alpha : float, > 0
        Confidence of an entry of 1; everything that is not in a history has confidence 1.
    iterations : int, >= 1
        Passes over users and items.
    seed : int
        Of the vectors at the start.

    Returns
    -------
    FoldInRecommender
        The user vectors are not kept: each is folded in from its history.

    Raises
    ------
    ConfigError
        A setting is out of its range.

    Notes
    -----
    Memory: the histories twice and (n_users + n_items) x rank numbers of 8 bytes. Time: per pass
    ``2 nnz rank^2 + (n_users + n_items) rank^3 / 3`` multiplications. One thread, row by row, so that the bytes depend
    neither on cores nor on blocks.
    """
    for name, value in (("rank", rank), ("iterations", iterations)):
        if value < 1:
            raise ConfigError(f"als: {name}={value!r}, expected at least 1.")
    if regularization is None and alpha > 0:
        regularization = RELATIVE_PENALTY * alpha * float(np.sqrt(max(histories.nnz, 1) / max(min(histories.shape), 1)))
    for name, amount in (("alpha", alpha), ("regularization", regularization)):
        if amount is None or not (np.isfinite(amount) and amount > 0):
            raise ConfigError(f"als: {name}={amount!r}, expected a positive number.")
    penalty = float(regularization or 0.0)
    by_item = sp.csr_array(histories.T)
    items: NDArray[np.float64] = np.random.default_rng([seed, 40]).normal(0, 0.1, (histories.shape[1], rank))
    with threadpool_limits(limits=1):
        for _ in range(iterations):
            users = fold_in(items, gram_matrix(items, penalty), histories, alpha)
            items = fold_in(users, gram_matrix(users, penalty), by_item, alpha)
    return FoldInRecommender(items, penalty, float(alpha))
