"""Recommenders that fold a history in: the user's vector is a ridge regression on it, as in implicit ALS.

An interaction with the model input x has the confidence ``c = alpha x`` (a history of ones: alpha), everything else the
confidence 1 and the target 0. With the item vectors y the user's vector is

    q = (Y'Y + regularization I + sum_j (c_j - 1) y_j y_j')^-1  sum_j c_j y_j,        score of z = q . y_z

Source: Hu, Koren and Volinsky 2008, eq. 4; the confidences are those of the library implicit, whose factors can be
used as they are. With ``alpha`` 1 a history of ones leaves the matrix as it is, and the model is linear in it. Spark's
penalty grows with the history: ``regularization`` times its length (Zhou et al. 2008, "ALS-WR").
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack, solve_triangular

from recsys_ops.arrow import Array
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.factored import FactoredRecommender

REGULARIZATION = 0.01
ALPHA = 1.0
"""Defaults of the library implicit, for factors that say nothing of theirs."""


@dataclass(frozen=True)
class FoldInRecommender:
    """``item_factors (n_items, d)`` with the penalty and the confidence that the user vectors were fitted with.

    Attributes
    ----------
    item_factors : ndarray of float32 or float64, shape (n_items, d)
    regularization : float, > 0
    alpha : float, > 0
        Confidence of a model input of 1.
    item_ids : pyarrow.Array, shape (n_items,), or None
        As ``LinearRecommender.item_ids``.
    offsets : ndarray, shape (n_items,), or None
        Added to the scores; -inf for items that the model does not know.
    grows : bool
        Whether the penalty is ``regularization`` for each interaction of the history, as in Spark.
    """

    item_factors: NDArray[Any]
    regularization: float = REGULARIZATION
    alpha: float = ALPHA
    item_ids: Array | None = field(default=None, compare=False)
    offsets: NDArray[np.float64] | None = None
    grows: bool = False

    is_single = False
    """Scores are computed in float64."""

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_factors)

    @cached_property
    def gram(self) -> NDArray[np.float64]:
        """``Y'Y + regularization I``, shape (d, d): for a penalty that grows, that of one interaction."""
        return gram_matrix(self.item_factors, self.regularization)

    def gram_of(self, length: int) -> NDArray[np.float64]:
        """``Y'Y`` and the penalty of a history of some length, shape (d, d)."""
        return _penalised(self.gram, self.regularization if self.grows else 0.0, length)

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """Length of each item's vector in the norm of the inverse of ``gram``, shape (n_items,)."""
        lower = np.linalg.cholesky(self.gram)
        lengths = np.empty(self.n_items)
        for first in range(0, self.n_items, 2**14):
            block = np.asarray(self.item_factors[first : first + 2**14], dtype=np.float64)
            lengths[first : first + 2**14] = np.linalg.norm(solve_triangular(lower, block.T, lower=True), axis=0)
        return lengths

    def rows(self, items: NDArray[np.integer]) -> NDArray[np.float64]:
        """Vectors of some items in float64, shape (n, d)."""
        return np.asarray(self.item_factors[items], dtype=np.float64)

    def user_vectors(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """The exact vector of each history, ``(n, d)``, for histories ``(n, n_items)``; a stored 0 is no interaction.

        Raises
        ------
        InputError
            The matrix of a user is singular or not positive: the penalty is too small for these factors.
        """
        growth = self.regularization if self.grows else 0.0
        return fold_in(self.item_factors, self.gram, histories, self.alpha, growth)

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``: the same bits whichever users are scored together."""
        vectors = self.user_vectors(histories)
        factors = np.asarray(self.item_factors, dtype=np.float64)
        scores = np.empty((len(vectors), self.n_items))
        for row, vector in zip(scores, vectors, strict=True):
            np.dot(factors, vector, out=row)
        return scores if self.offsets is None else scores + self.offsets


def linear_form(model: FoldInRecommender, histories: sp.csr_array) -> FactoredRecommender | None:
    """The same scores as a linear model, for which explanations can be proven.

    Parameters
    ----------
    model : FoldInRecommender
    histories : csr_array, shape (n_users, n_items)
        What it will score.

    Returns
    -------
    FactoredRecommender or None
        None unless every interaction has the confidence 1, that of everything else (``alpha`` 1, histories of ones),
        and the penalty is the same for all.
    """
    if model.grows or model.alpha != 1.0 or np.any(histories.data != 1.0):
        return None
    factors = np.asarray(model.item_factors, dtype=np.float64)
    history_factors = np.linalg.solve(model.gram, factors.T).T.copy()
    return FactoredRecommender(history_factors, factors, model.offsets, model.item_ids)


def make_fold_in(
    item_factors: NDArray[Any],
    *,
    regularization: float = REGULARIZATION,
    alpha: float = ALPHA,
    item_ids: Array | None = None,
    offsets: NDArray[np.float64] | None = None,
    grows: bool = False,
    source: str = "item factors",
) -> FoldInRecommender:
    """A fold-in recommender from factors that were fitted elsewhere, checked.

    Parameters
    ----------
    item_factors : ndarray, shape (n_items, d)
    regularization, alpha : float
        As ``FoldInRecommender`` has them: what the factors were fitted with.
    item_ids : pyarrow.Array, shape (n_items,), optional
    offsets : ndarray, shape (n_items,), optional
    grows : bool
        As ``FoldInRecommender`` has them.
    source : str
        Where the factors come from, for messages.

    Returns
    -------
    FoldInRecommender

    Raises
    ------
    InputError
        The factors are no matrix of finite numbers with a row for each item.
    ConfigError
        ``regularization`` or ``alpha`` is not positive.
    """
    for name, value in (("regularization", regularization), ("alpha", alpha)):
        if not (np.isfinite(value) and value > 0):
            raise ConfigError(
                f"{name}={value!r}: expected a positive number, the one that the factors were fitted with."
            )
    factors = np.asarray(item_factors)
    if factors.ndim != 2 or 0 in factors.shape or factors.dtype.kind not in "fiu":
        raise InputError(
            f"{source}: expected numbers of shape (n_items, d) (found {factors.dtype} of shape {factors.shape})."
        )
    if item_ids is not None and len(item_ids) != len(factors):
        raise InputError(
            f"{source}: factors of {len(factors)} items, but the catalogue has {len(item_ids)}. Give a row for each "
            "item, in the order of the ids."
        )
    if factors.dtype not in (np.float32, np.float64):
        factors = factors.astype(np.float64)
    broken = np.flatnonzero(~np.isfinite(factors).all(axis=1))
    if len(broken):
        raise InputError(
            f"{source}: the factors of {len(broken)} items are NaN or infinite (first: row {broken[0]}). Correct them."
        )
    return FoldInRecommender(factors, float(regularization), float(alpha), item_ids, offsets, grows)


def gram_matrix(factors: NDArray[Any], regularization: float) -> NDArray[np.float64]:
    """``Y'Y + regularization I`` in float64, in blocks of rows."""
    rank = factors.shape[1]
    gram = regularization * np.eye(rank)
    for first in range(0, len(factors), 2**16):
        block = np.asarray(factors[first : first + 2**16], dtype=np.float64)
        gram += block.T @ block
    return gram


def fold_in(
    factors: NDArray[Any], gram: NDArray[np.float64], histories: sp.csr_array, alpha: float, growth: float = 0.0
) -> NDArray[np.float64]:
    """The ridge solution of each row of ``histories``, one after another, so that the bits of none depend on others.

    Parameters
    ----------
    factors : ndarray, shape (m, d)
    gram : ndarray, shape (d, d)
        As ``gram_matrix``.
    histories : csr_array, shape (n, m)
    alpha : float
    growth : float
        Penalty that each interaction after the first adds.

    Returns
    -------
    ndarray, shape (n, d)

    Raises
    ------
    InputError
        The matrix of a row is not positive definite.
    """
    vectors = np.zeros((histories.shape[0], len(gram)))
    for row, (first, last) in enumerate(zip(histories.indptr, histories.indptr[1:], strict=False)):
        values = histories.data[first:last].astype(np.float64)
        kept = np.flatnonzero(values)
        if not len(kept):
            continue
        own = np.asarray(factors[histories.indices[first:last][kept]], dtype=np.float64)
        confidence = alpha * values[kept]
        matrix = _penalised(gram, growth, len(kept)) + (own.T * (confidence - 1.0)) @ own
        _, solution, failed = lapack.dposv(matrix, own.T @ confidence, lower=1)
        if failed or not np.isfinite(solution).all():
            raise InputError(
                "item factors: the regression of a history on them has no unique solution. Use a greater penalty."
            )
        vectors[row] = solution.ravel()
    return vectors


def _penalised(gram: NDArray[np.float64], growth: float, length: int) -> NDArray[np.float64]:
    """The matrix of a history of some length before its confidences; an empty one, of vector 0, counts as one."""
    return gram if not growth else gram + growth * max(length - 1, 0) * np.eye(len(gram))
