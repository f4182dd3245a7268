"""A recommender that learns from interactions and from features: ``score(u, z) = q_u . (e_z + W' f_z)``.

``q_u = x_u P`` folds a history in, ``e_z`` is the item's own vector and ``W' f_z`` what its features add; so a score is
linear in the item's features, and an item without interactions still has one. Fitted in closed form: the item vectors
are those of EASE reduced to the ``rank`` directions that carry most of its scores, ``W`` is their ridge regression on
the features, ``e_z`` the residual. Source: Steck 2019, arXiv:1905.03375 (EASE); Gantner et al. 2010 (maps from
attributes to factors). The reduction is ours: of all matrices of that rank it changes the scores of the users least.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import solve
from threadpoolctl import threadpool_limits

from recsys_ops.models.ease import RIDGE, fit_ease

RANK, MOST_RANK, ITEMS_PER_DIRECTION = 128, 512, 20
"""Directions kept, more in catalogues of more than 2,560 items. More never do worse: on MovieLens 128 keep all of the
recall@20 of EASE, on the 10,000 items of goodbooks 88 %, 256 keep 94 %, 512 keep 100 %."""

FEATURE_RIDGE = 10.0
"""Penalty of the map from features to item vectors; recall of items without ratings is flat from 1 to 100."""

_OVERSAMPLED, _ITERATIONS = 16, 8
"""Of the randomised subspace iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4)."""


@dataclass(frozen=True)
class HybridModel:
    """``fold_in (n_items, rank)``, ``own (n_items, rank)``, ``feature_map (n_features, rank)``, ``features`` sparse.

    The matrices P, E and W of the module's formula; ``own`` is 0 for items without interactions.
    """

    fold_in: NDArray[np.float64]
    own: NDArray[np.float64]
    feature_map: NDArray[np.float64]
    features: sp.csr_array

    @property
    def item_vectors(self) -> NDArray[np.float64]:
        """``e_z + W' f_z`` of every item, shape (n_items, rank)."""
        vectors: NDArray[np.float64] = self.own + self.features @ self.feature_map
        return vectors

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``, for histories ``(n, n_items)``: the recommender as it runs."""
        scored: NDArray[np.float64] = (histories @ self.fold_in) @ self.item_vectors.T
        return scored


def fit_hybrid(
    histories: sp.csr_array, features: sp.csr_array, *, rank: int | None = None, ridge: float = RIDGE, seed: int = 0
) -> HybridModel:
    """Fit the hybrid recommender; for catalogues for which EASE fits into memory.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings.
    features : csr_array, shape (n_items, n_features)
    rank : int, >= 1, optional
        Length of the vectors; at most n_items are used. By default 128 to 512, the more items the more.
    ridge : float
        Penalty of EASE.
    seed : int
        Starts the search for the directions.

    Returns
    -------
    HybridModel

    Raises
    ------
    ConfigError
        As ``fit_ease``.

    Notes
    -----
    Memory: that of EASE. Time: that of EASE, ``2 _ITERATIONS`` products of its weights with ``rank`` vectors, and one
    linear system of size min(n_items, n_features). One thread, so that the bytes do not depend on the cores.
    """
    n_items = histories.shape[1]
    kept = min(n_items, rank or int(np.clip(n_items // ITEMS_PER_DIRECTION, RANK, MOST_RANK)))
    weights = np.asarray(fit_ease(histories, ridge=ridge).weights)
    with threadpool_limits(limits=1):
        directions = _main_directions(histories, weights, kept, seed)
        fold_in = (weights @ directions.astype(weights.dtype)).astype(np.float64)
        is_known = np.bincount(histories.indices, minlength=n_items) > 0
        feature_map = _feature_map(features[is_known], directions[is_known])
    own = np.where(is_known[:, None], directions - features @ feature_map, 0.0)
    return HybridModel(fold_in, own, feature_map, features)


def _main_directions(histories: sp.csr_array, weights: NDArray[Any], rank: int, seed: int) -> NDArray[np.float64]:
    """The ``rank`` first eigenvectors of ``S'S`` with the scores ``S = histories @ weights``, shape (n_items, rank)."""
    n_items = histories.shape[1]
    width = min(rank + _OVERSAMPLED, n_items)
    rng = np.random.default_rng([seed, 30])
    basis, _ = np.linalg.qr(rng.standard_normal((n_items, width)))
    for _ in range(_ITERATIONS):
        basis, _ = np.linalg.qr(_applied(histories, weights, basis))
    image = _applied(histories, weights, basis)
    _, rotation = np.linalg.eigh((basis.T @ image + image.T @ basis) / 2)
    directions = basis @ rotation[:, ::-1][:, :rank]
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(rank)]
    signed: NDArray[np.float64] = directions * np.where(largest < 0, -1.0, 1.0)  # an eigenvector has no sign of its own
    return signed


def _applied(histories: sp.csr_array, weights: NDArray[Any], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    through = histories.T @ (histories @ (weights @ basis.astype(weights.dtype)).astype(np.float64))
    image: NDArray[np.float64] = (weights.T @ through.astype(weights.dtype)).astype(np.float64)
    return image


def _feature_map(features: sp.csr_array, directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ridge regression of item vectors on features, by the smaller of the two equivalent systems."""
    n_items, n_features = features.shape
    if n_features <= n_items:
        gram = (features.T @ features).toarray() + FEATURE_RIDGE * np.eye(n_features)
        return np.asarray(solve(gram, features.T @ directions, assume_a="pos"))
    kernel = (features @ features.T).toarray() + FEATURE_RIDGE * np.eye(n_items)
    return np.asarray(features.T @ solve(kernel, directions, assume_a="pos"))
