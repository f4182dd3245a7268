"""The penalty of EASE, and of the hybrid that starts from it, chosen on held-out users.

The best penalty depends on the data: 100 is that of goodbooks, 500 to 1,000 those of MovieLens. It is the same for a
catalogue and for its most popular items (measured on all four data sets of ``docs/data.md``), so the choice is made on
these: it costs the same whatever the size of the catalogue, and each penalty takes less than a second.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys_ops.errors import ConfigError
from recsys_ops.evaluation import NDCG_DEPTH, TooFewUsersError, list_quality, split_users
from recsys_ops.models.ease import RIDGE, gram_matrix, weights_of
from recsys_ops.models.linear import LinearRecommender, top_lists
from recsys_ops.quality import standard_error

RIDGES = (10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
"""Penalties to choose from; nDCG of neighbours differs by less than 0.02 at the best one."""

MOST_ITEMS = 2000
"""Items at most that the choice is made on, those of the most interactions."""

LEAST_USERS = 20
"""Fewer held-out users say nothing: the default stays."""

PENALISED = ("ease", "hybrid")
"""Recommenders that have this penalty."""


def ridge_of(name: str, given: float | None, histories: sp.csr_array, *, seed: int) -> float:
    """The penalty that a recommender is fitted with: the one given, or ``choose_ridge``.

    Parameters
    ----------
    name : str
        Of the recommender; for one that has no such penalty nothing is chosen.
    given : float or None
    histories, seed
        As ``choose_ridge``.

    Returns
    -------
    float
    """
    if given is not None:
        return given
    return choose_ridge(histories, seed=seed) if name in PENALISED else RIDGE


def choose_ridge(histories: sp.csr_array, *, seed: int) -> float:
    """The penalty nearest to the default of those that are best by nDCG@100 of held-out users.

    As good as the best is what loses no more than one standard error of the users' differences, so that little data and
    the last bits of a machine decide nothing, and the choice is the same from night to night.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings.
    seed : int
        Of the draw of users and of what of their histories is held out.

    Returns
    -------
    float
        One of ``RIDGES``; ``RIDGE`` where fewer than ``LEAST_USERS`` can be held out.

    Notes
    -----
    The users whom ``held_out_quality`` measures with the same seed play no part, so that its figures remain those of
    users whom nothing was chosen for. One Gram matrix, and an inverse and the lists of 2,000 users at most for each
    penalty. Memory: two matrices of 2,000 x 2,000 float32, and the Gram matrix once more.
    """
    try:
        others, _, _ = split_users(histories, seed=seed)
        most_popular = np.argsort(-np.bincount(others.indices, minlength=histories.shape[1]), kind="stable")
        kept = np.sort(most_popular[:MOST_ITEMS])
        learned_from, given, held_out = split_users(others[:, kept], seed=seed)
    except TooFewUsersError:
        return RIDGE
    if held_out.shape[0] < LEAST_USERS:
        return RIDGE
    gram = gram_matrix(learned_from, np.float32)
    with threadpool_limits(limits=1):
        found = [_ndcg(gram, ridge, given, held_out) for ridge in RIDGES]
    best = max(found, key=lambda ndcg: float(ndcg.mean()))
    good = [ridge for ridge, ndcg in zip(RIDGES, found, strict=True) if _is_as_good(ndcg, best)]
    return min(good, key=lambda ridge: abs(np.log(ridge / RIDGE)))


def _is_as_good(ndcg: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    losses = best - ndcg
    return bool(losses.mean() <= standard_error(losses))


def _ndcg(gram: NDArray[np.float32], ridge: float, given: sp.csr_array, held_out: sp.csr_array) -> NDArray[np.float64]:
    """nDCG of each held-out user; zeros where the penalty is too small for these histories in single precision."""
    try:
        weights = weights_of(gram.copy(), ridge)
    except ConfigError:
        return np.zeros(held_out.shape[0])
    return list_quality(top_lists(LinearRecommender(weights), given, NDCG_DEPTH), held_out).ndcg
