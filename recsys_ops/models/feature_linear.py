"""Recommenders whose scores are linear in an item's features: ``score(u, z) = q_u . (e_z + W' f_z) + b_z``.

In the form ``score(u, z) = v_u . (M f_z + o_z)`` with a vector ``v_u`` of the user, a map ``M`` of features and the
item's own part ``o_z``, this is

* the content recommender, where ``v_u`` are the user's ratings and ``M`` the features of all items: what counts is the
  similarity to what was rated, weighted by the rating;
* a learned one (hybrid, LightFM, two towers with a linear item tower), where ``v_u`` is ``q_u``, ``M`` is ``W'`` and
  ``o_z`` is ``e_z``; biases of items are one more coordinate, which is 1 for every user.

``M' v_u`` is the user's profile: what one unit of each feature adds to a score. It stays a product, and nothing of size
users x features outlives its block. Items with which a user has interacted are no candidates.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

TIE = 1e-9
"""Relative difference of scores below which two are the same: rounding of sums in another order."""

CANCELLED = 1e-14
"""The same, relative to the size that a user's scores can have: what is left where likes and dislikes cancel."""

_BLOCK_BYTES = 2**24
"""Profiles of one block of users when their entries are summed by sign."""

Matrix = NDArray[Any] | sp.csr_array


@dataclass(frozen=True)
class FeatureLinearModel:
    """A recommender, its users and its items.

    Attributes
    ----------
    features : csr_array, shape (n_items, n_features)
        float64; of the items as they are.
    histories : csr_array, shape (n_users, n_items)
        What is stored is an interaction, whatever its value.
    vectors : csr_array or ndarray, shape (n_users, m)
        A row per user.
    feature_map : csr_array or ndarray, shape (m, n_features)
        What a feature adds to each coordinate of an item.
    own : ndarray, shape (n_items, m), or None
        What no feature says about an item; None for nothing.
    """

    features: sp.csr_array
    histories: sp.csr_array
    vectors: Matrix
    feature_map: Matrix
    own: NDArray[np.float64] | None = None

    def of_users(self, users: NDArray[np.integer]) -> "FeatureLinearModel":
        """The same recommender for some of the users, in this order."""
        histories = self.histories[users]
        is_one = self.vectors is self.histories
        return replace(self, histories=histories, vectors=histories if is_one else self.vectors[users])

    def profiles(self, vectors: Matrix, columns: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
        """What a unit of some features adds to the scores of users.

        Parameters
        ----------
        vectors : csr_array or ndarray, shape (n, m)
            Rows of the users.
        columns : ndarray, shape (n_columns,), optional
            All features by default.

        Returns
        -------
        ndarray, shape (n, n_columns)
        """
        chosen = self.feature_map if columns is None else self.feature_map[:, columns]
        return _dense(vectors @ chosen)

    def weighted_profile(self, vectors: Matrix, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the users' profiles, each by its weight, ``(n_features,)``."""
        summed: NDArray[np.float64] = np.asarray(self.feature_map.T @ (vectors.T @ weights)).ravel()
        return summed

    def signed_worth(
        self, vectors: Matrix, weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of the positive and of the negative entries of the users' profiles, each by its user's weight.

        Parameters
        ----------
        vectors : csr_array or ndarray, shape (n, m)
            Rows of the users.
        weights : ndarray, shape (n,), >= 0

        Returns
        -------
        positive, negative : ndarray, shape (n_features,), >= 0

        Notes
        -----
        Of profiles without negative entries one sparse product; else profiles are made block by block, of users
        whose weight is not 0.
        """
        if _is_positive(vectors) and _is_positive(self.feature_map):
            worth = self.weighted_profile(vectors, weights)
            return worth, np.zeros_like(worth)
        counted = np.flatnonzero(weights)
        positive, negative = np.zeros((2, self.feature_map.shape[1]))
        size = max(1, _BLOCK_BYTES // (8 * max(len(positive), 1)))
        for first in range(0, len(counted), size):
            users = counted[first : first + size]
            profiles = self.profiles(vectors[users])
            positive += weights[users] @ np.maximum(profiles, 0.0)
            negative -= weights[users] @ np.minimum(profiles, 0.0)
        return positive, negative

    def feature_scores(self, vectors: Matrix, items: sp.csr_array) -> NDArray[np.float64]:
        """What features add to the scores of users.

        Parameters
        ----------
        vectors : csr_array or ndarray, shape (n, m)
            Rows of the users.
        items : csr_array, shape (n_items, n_features)
            Features of items, real or changed.

        Returns
        -------
        ndarray, shape (n, n_items)
        """
        scored: NDArray[np.float64] = vectors @ _dense(self.feature_map @ items.T)
        return scored

    def own_scores(self, vectors: Matrix, items: NDArray[np.integer]) -> NDArray[np.float64]:
        """What the own parts of real items add to the scores of users, ``(n, n_items)``."""
        if self.own is None:
            return np.zeros((vectors.shape[0], len(items)))
        added: NDArray[np.float64] = vectors @ self.own[items].T
        return added

    def score_sizes(self, vectors: Matrix) -> NDArray[np.float64]:
        """Upper bound on the sum of the absolute terms of each user's score of any real item, ``(n,)``."""
        sizes = _row_norms(self.feature_map) * _row_norms(self.features).max(initial=0.0)
        if self.own is not None:
            sizes = sizes + np.abs(self.own).max(axis=0, initial=0.0)
        bounded: NDArray[np.float64] = abs(vectors) @ sizes
        return bounded


def content_model(features: sp.csr_array, ratings: sp.csr_array) -> FeatureLinearModel:
    """The content recommender: ``score(u, z) = f_z . sum_j R[u, j] f_j``.

    Parameters
    ----------
    features : csr_array, shape (n_items, n_features)
    ratings : csr_array, shape (n_users, n_items)

    Returns
    -------
    FeatureLinearModel
    """
    return FeatureLinearModel(features, ratings, ratings, features)


def cosine_model(features: sp.csr_array, ratings: sp.csr_array) -> FeatureLinearModel:
    """The content recommender by cosine: ``score(u, z) = sum_j R[u, j] cos(f_z, f_j)``.

    To be measured, and not for recourse: a change of an item changes what all its features are divided by.

    Parameters
    ----------
    features : csr_array, shape (n_items, n_features)
        An item without any is like no other.
    ratings : csr_array, shape (n_users, n_items)

    Returns
    -------
    FeatureLinearModel
        Of features of length 1.
    """
    lengths = _row_norms(features)
    return content_model(sp.csr_array(sp.diags_array(1 / np.where(lengths > 0, lengths, 1.0)) @ features), ratings)


def learned_model(
    features: sp.csr_array,
    histories: sp.csr_array,
    *,
    users: NDArray[np.float64],
    feature_map: NDArray[np.float64],
    own: NDArray[np.float64],
) -> FeatureLinearModel:
    """A recommender of factors: ``score(u, z) = q_u . (e_z + W' f_z)``.

    Parameters
    ----------
    features : csr_array, shape (n_items, n_features)
    histories : csr_array, shape (n_users, n_items)
    users : ndarray, shape (n_users, d)
        ``q_u``; of any scale: each user's scores are divided by their root mean square over the catalogue, rounded to
        a power of two, which changes no rank and rounds nothing.
    feature_map : ndarray, shape (n_features, d)
        W.
    own : ndarray, shape (n_items, d)
        ``e_z``.

    Returns
    -------
    FeatureLinearModel
    """
    # Each coordinate has a size of its own, which products of coordinates that are tiny or huge would lose.
    vectors = own + features @ feature_map
    units = _binary(np.maximum(np.abs(vectors).max(axis=0, initial=0.0), np.abs(feature_map).max(axis=0, initial=0.0)))
    users, vectors = users * units, vectors / units
    users = users / _binary(np.abs(users).max(axis=1, initial=0.0))[:, None]
    moments = vectors.T @ vectors / max(len(vectors), 1)
    mean_square = np.einsum("ui,ui->u", users @ moments, users)
    users = users / _binary(np.sqrt(np.maximum(mean_square, 0.0)))[:, None]
    return FeatureLinearModel(
        features, histories, users, np.ascontiguousarray((feature_map / units).T), np.ascontiguousarray(own / units)
    )


def tie(scores: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much scores may differ and still be equal: rounding, relative to what is compared.

    Parameters
    ----------
    scores, sizes : ndarray, broadcastable
        Scores (or thresholds) and ``score_sizes`` of their users.

    Returns
    -------
    ndarray
        0 for scores that are infinite.
    """
    finite = np.where(np.isfinite(scores), scores, 0.0)
    width: NDArray[np.float64] = TIE * np.abs(finite) + CANCELLED * sizes
    return width


def _binary(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The next powers of two above some sizes, 1 for nothing."""
    powers: NDArray[np.float64] = np.ldexp(1.0, np.frexp(sizes)[1])
    return np.where(sizes > 0, powers, 1.0)


def _dense(matrix: Any) -> NDArray[np.float64]:
    dense: NDArray[np.float64] = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    return dense


def _is_positive(matrix: Matrix) -> bool:
    return bool((matrix.data if isinstance(matrix, sp.csr_array) else matrix).min(initial=0.0) >= 0)


def _row_norms(matrix: Matrix) -> NDArray[np.float64]:
    if sp.issparse(matrix):
        return np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    norms: NDArray[np.float64] = np.linalg.norm(matrix, axis=1)
    return norms
