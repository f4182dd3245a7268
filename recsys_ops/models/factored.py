"""The linear recommender in factored form, ``s = x P Q' + b``: the factors are never multiplied out.

PureSVD (P = Q = V), ELSA (P = Q = A with rows of length 1), SANSA (two sparse factors), mean-pooled two-towers and
item2vec (P = Q = the embeddings; the mean's divisor is common to all items, so ranks do not see it), autoencoders of
one linear hidden layer, and the reduced EASE of ``hybrid``. What an item would add to itself plays no part: it is not
recommended while it is in the history, and adds nothing once it is removed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Array

BLOCK_ELEMENTS = 2**16
"""Numbers of a block of item factors in float64: 512 KiB, which stay in the cache while many users are scored."""

_DIMENSIONS = 64
"""Length of vectors whose scalar product loses about as much to rounding as ``tolerances.SUMMATION`` allows for."""

Factors = NDArray[Any] | sp.csr_array


@dataclass(frozen=True)
class FactoredRecommender:
    """``scores = x @ history_factors @ item_factors.T + offsets``; the items shown are those not in the history.

    Attributes
    ----------
    history_factors, item_factors : ndarray of float32 or float64, or csr_array of float64, shape (n_items, d)
        P and Q; may be one and the same array, which is then held once.
    offsets : ndarray, shape (n_items,), or None
        b, what every history gets. An item of -inf is unknown to the model: it is never recommended.
    item_ids : pyarrow.Array, shape (n_items,), or None
        Ids of the items for callers who name them; None where positions are the ids, as in the jobs.
    """

    history_factors: Factors
    item_factors: Factors
    offsets: NDArray[np.float64] | None = None
    item_ids: Array | None = None

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.item_factors.shape[0])

    @property
    def is_dense(self) -> bool:
        """Whether the vectors of the items are kept in full."""
        return isinstance(self.item_factors, np.ndarray)

    @cached_property
    def norms(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lengths of the history's and the items' vectors, ``(n_items,)`` each: a product is at least the absolute
        terms of an entry of P Q', with room for their rounding."""
        own = _lengths(self.history_factors)
        others = own if self.history_factors is self.item_factors else _lengths(self.item_factors)
        return own * (1 + self.item_factors.shape[1] / _DIMENSIONS), others

    @cached_property
    def _transposed(self) -> sp.csr_array:
        return sp.csr_array(self.item_factors.T)

    def rows(self, items: NDArray[np.int64], targets: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.float64]:
        """What each of some interactions adds to some items: the entries of P Q', ``(n, n_targets)``.

        Parameters
        ----------
        items : ndarray, shape (n,)
            Positions.
        targets : ndarray or slice
            Positions of the items; all by default.

        Returns
        -------
        ndarray, shape (n, n_targets)
        """
        if isinstance(self.item_factors, sp.csr_array):
            transposed: Any = self._transposed
            product: NDArray[np.float64] = (self.history_factors[items] @ transposed[:, targets]).toarray()
            return product
        own: Any = self.history_factors[items].astype(np.float64)
        dense: NDArray[np.float64] = own @ self.item_factors[targets].astype(np.float64).T
        return dense

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items: the recommender as it runs.

        In float64, each user by products of their own, so that the bits do not depend on who is scored together.

        Parameters
        ----------
        histories : csr_array, shape (n, n_items), float64
            With sorted indices.

        Returns
        -------
        ndarray, shape (n, n_items)

        Notes
        -----
        Memory: the scores and one block of item factors. Time: n x n_items x d multiplications.
        """
        if isinstance(self.item_factors, sp.csr_array):
            sparse: Any = histories @ self.history_factors @ self._transposed
            product: NDArray[np.float64] = sparse.toarray()
            return product if self.offsets is None else product + self.offsets
        vectors = self._vectors(histories)
        scores: NDArray[np.float64] = np.empty(histories.shape)
        size = max(1, BLOCK_ELEMENTS // max(self.item_factors.shape[1], 1))
        for first in range(0, self.n_items, size):
            block = self.item_factors[first : first + size].astype(np.float64)
            for user, vector in enumerate(vectors):
                np.matmul(block, vector, out=scores[user, first : first + size])
        if self.offsets is not None:
            scores += self.offsets
        return scores

    def scores_of(self, history: sp.csr_array, items: NDArray[np.intp]) -> NDArray[np.float64]:
        """Scores of some items, up to rounding those that ``scores`` gives, for one history and dense factors.

        Parameters
        ----------
        history : csr_array, shape (1, n_items), float64
            With sorted indices.
        items : ndarray, shape (n,)
            Positions.

        Returns
        -------
        ndarray, shape (n,)

        Notes
        -----
        Memory: the scores and one block of item factors. Time: n x d multiplications.
        """
        vector = self._vectors(history)[0]
        scores = np.empty(len(items))
        size = max(1, BLOCK_ELEMENTS // max(self.item_factors.shape[1], 1))
        for first in range(0, len(items), size):
            block: Any = self.item_factors[items[first : first + size]].astype(np.float64)
            np.matmul(block, vector, out=scores[first : first + size])
        return scores if self.offsets is None else scores + self.offsets[items]

    def _vectors(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """The vectors ``x P`` of some users; only rows that are used are converted to float64."""
        seen, column = np.unique(histories.indices, return_inverse=True)
        packed = sp.csr_array((histories.data, column, histories.indptr), shape=(histories.shape[0], len(seen)))
        vectors = packed @ self.history_factors[seen].astype(np.float64)
        return np.asarray(vectors)


def _lengths(factors: Factors) -> NDArray[np.float64]:
    if isinstance(factors, sp.csr_array):
        squares = np.bincount(_row_of_each(factors), weights=factors.data**2, minlength=factors.shape[0])
        return np.sqrt(squares)
    lengths = np.empty(len(factors))
    size = max(1, BLOCK_ELEMENTS // max(factors.shape[1], 1))
    for first in range(0, len(factors), size):
        lengths[first : first + size] = np.linalg.norm(factors[first : first + size].astype(np.float64), axis=1)
    return lengths


def _row_of_each(factors: sp.csr_array) -> NDArray[np.intp]:
    return np.repeat(np.arange(factors.shape[0]), np.diff(factors.indptr))
