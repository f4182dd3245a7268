"""SLIM: every item predicted from its neighbours by a regression with few, non-negative weights.

For item j (Ning and Karypis 2011, with the nearest neighbours N of j as the only candidates, their fsSLIM):

    min  1/2 |x_j - X_N w|^2 + l2/2 |w|^2 + l1 |w|_1     subject to  w >= 0

Because w >= 0 the l1 term is linear, so with ``L L' = X_N'X_N + l2 I`` this is the non-negative least-squares problem
``min |L'w - L^-1 (X_N'x_j - l1)|``. An active-set method solves it exactly: no tolerance, no number of sweeps.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from recsys_ops.errors import ConfigError
from recsys_ops.models.knn import NEIGHBOURS, fit_item_knn, weights_by_target
from recsys_ops.models.linear import LinearRecommender

L1 = 1.0
L2 = 100.0

_STEPS_PER_NEIGHBOUR = 100
"""Far more than the active set ever takes."""


def fit_slim(
    histories: sp.csr_array, *, l1: float = L1, l2: float = L2, neighbours: int = NEIGHBOURS
) -> LinearRecommender:
    """Fit SLIM.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings.
    l1, l2 : float
        Penalties on the weights and on their squares, in the unit of a squared entry of ``histories``; ``l1`` not
        negative, ``l2`` positive. A greater ``l1`` leaves fewer weights.
    neighbours : int
        How many items each is predicted from: those of the greatest cosine.

    Returns
    -------
    LinearRecommender
        With sparse weights, none negative.

    Raises
    ------
    ConfigError
        ``l1``, ``l2`` or ``neighbours`` is out of its range.

    Notes
    -----
    Time: one sparse product X'X and one problem of ``neighbours`` variables, 3 to 10 ms, per item. Memory: n_items x
    neighbours weights.
    """
    if not l1 >= 0 or not l2 > 0:
        raise ConfigError(f"SLIM: l1 {l1:g} and l2 {l2:g}. Use l1 of 0 or more and a positive l2.")
    nearest = sp.csc_array(fit_item_knn(histories, neighbours=neighbours, shrinkage=0.0).weights)
    by_item = sp.csc_array(histories)
    sources, weights = [], []
    with threadpool_limits(limits=1):
        for target, (first, last) in enumerate(zip(nearest.indptr, nearest.indptr[1:], strict=False)):
            candidates = nearest.indices[first:last].astype(np.int64)
            found = _regress(by_item, target, candidates, l1, l2)
            sources.append(candidates[found > 0])
            weights.append(found[found > 0])
    return LinearRecommender(weights_by_target(sources, weights))


def _regress(
    by_item: sp.csc_array, target: int, candidates: NDArray[np.int64], l1: float, l2: float
) -> NDArray[np.float64]:
    """Weight of each candidate."""
    columns = by_item[:, np.append(candidates, target)]
    products = (columns.T @ columns).toarray()
    gain = products[:-1, -1] - l1
    if not np.any(gain > 0):  # already the first step of any weight costs more than it explains
        return np.zeros(len(candidates))
    factor = cholesky(products[:-1, :-1] + l2 * np.eye(len(candidates)), lower=True)
    wanted = solve_triangular(factor, gain, lower=True)
    found: NDArray[np.float64] = nnls(factor.T, wanted, maxiter=_STEPS_PER_NEIGHBOUR * len(candidates))[0]
    return found
