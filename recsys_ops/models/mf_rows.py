"""What matrix factorisation does to each row of the ratings, for many rows at once.

Every result of a row depends on that row alone, to the last bit: sparse products run row by row, and what is dense
runs element by element. So rows can be cut into any blocks, and blocks given to any worker.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Side = Literal["users", "items"]

BLOCK_RATINGS = 1_000_000
"""Ratings of a block of rows: about 100 MB while it is solved at rank 8."""


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of the ratings, or of their transpose: ``first`` is the position of the first one.

    ``ratings (n_rows, n_others)`` float64; ``pattern`` the same with a one for each rating, also for ratings of 0;
    ``squares (n_rows,)`` the sum of each row's squared ratings.
    """

    first: int
    ratings: sp.csr_array
    pattern: sp.csr_array
    squares: NDArray[np.float64]

    @property
    def last(self) -> int:
        """One past the last row."""
        return self.first + int(self.ratings.shape[0])


class RowMap(Protocol):
    """Runs a function over the ratings in blocks of rows: here in a loop, in the jobs in tasks of Ray."""

    @property
    def shape(self) -> tuple[int, int]:
        """Users and items."""

    @property
    def n_ratings(self) -> int:
        """Stored ratings."""

    def map(self, side: Side, function: Callable[[RowBlock, Any], Any], shared: Any) -> list[Any]:
        """Results of ``function(block, shared)`` for all blocks of one side, in their order.

        Parameters
        ----------
        side : "users" or "items"
            Rows are users, or items (of the transposed ratings).
        function : callable
            Of a module, so that it can be sent to a worker.
        shared : object
            The same for all blocks; what is large in it are arrays.
        """


class LocalRows:
    """Ratings cut into blocks once, each mapped in turn."""

    def __init__(self, ratings: sp.csr_array, *, block_ratings: int = BLOCK_RATINGS) -> None:
        """Cut the ratings of both sides.

        Parameters
        ----------
        ratings : csr_array, shape (n_users, n_items)
            Stars; what is stored is rated, zeros included.
        block_ratings : int
            About how many ratings are in a block.
        """
        users, items = sorted_rows(ratings), transposed_rows(ratings)
        self._shape = (int(ratings.shape[0]), int(ratings.shape[1]))
        self._n_ratings = int(ratings.nnz)
        self._blocks: dict[Side, list[RowBlock]] = {
            "users": [cut_block(users, *limits) for limits in block_limits(users, block_ratings)],
            "items": [cut_block(items, *limits) for limits in block_limits(items, block_ratings)],
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Users and items."""
        return self._shape

    @property
    def n_ratings(self) -> int:
        """Stored ratings."""
        return self._n_ratings

    def map(self, side: Side, function: Callable[[RowBlock, Any], Any], shared: Any) -> list[Any]:
        """Results of ``function(block, shared)`` for all blocks of one side, in their order."""
        return [function(block, shared) for block in self._blocks[side]]


def sorted_rows(ratings: sp.csr_array) -> sp.csr_array:
    """The same ratings with the entries of each row in the order of the columns."""
    if ratings.has_sorted_indices:
        return ratings
    ordered: sp.csr_array = ratings.sorted_indices()
    return ordered


def transposed_rows(ratings: sp.csr_array) -> sp.csr_array:
    """Ratings with items as rows, entries in the order of the users."""
    transposed: sp.csr_array = sp.csr_array(ratings.T)
    return sorted_rows(transposed)


def block_limits(rows: sp.csr_array, block_ratings: int) -> list[tuple[int, int]]:
    """First row and one past the last of each block, by the number of ratings.

    Parameters
    ----------
    rows : csr_array, shape (n_rows, n_others)
    block_ratings : int, positive
        A row with more is a block of its own.

    Returns
    -------
    list of (first, last)
        At least one block.
    """
    n_rows = int(rows.shape[0])
    limits, first = [], 0
    while first < n_rows:
        full = int(np.searchsorted(rows.indptr, rows.indptr[first] + block_ratings, side="right")) - 1
        last = min(max(full, first + 1), n_rows)
        limits.append((first, last))
        first = last
    return limits or [(0, 0)]


def cut_block(rows: sp.csr_array, first: int, last: int) -> RowBlock:
    """A block of rows.

    Parameters
    ----------
    rows : csr_array, shape (n_rows, n_others)
        All rows of one side, any float type.
    first, last : int

    Returns
    -------
    RowBlock
    """
    start, end = int(rows.indptr[first]), int(rows.indptr[last])
    indices, ends = rows.indices[start:end], rows.indptr[first : last + 1] - rows.indptr[first]
    shape = (last - first, int(rows.shape[1]))
    ratings = sp.csr_array((rows.data[start:end].astype(np.float64), indices, ends), shape=shape)
    pattern = sp.csr_array((np.ones(end - start), indices, ends), shape=shape)
    squares: NDArray[np.float64] = with_values(ratings, ratings.data**2) @ np.ones(shape[1])
    return RowBlock(first, ratings, pattern, squares)


@cache
def packed_pairs(rank: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the lower triangle, in the order of ``numpy.tril_indices``."""
    return np.tril_indices(rank)


def packed_outer(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Outer product of each row with itself, the lower triangle only.

    Parameters
    ----------
    factors : ndarray, shape (n, rank)

    Returns
    -------
    ndarray, shape (n, rank (rank + 1) / 2)
        Pairs in the order of ``packed_pairs``.
    """
    row, column = packed_pairs(factors.shape[1])
    packed: NDArray[np.float64] = factors[:, row] * factors[:, column]
    return packed


def solve_packed(grams: NDArray[np.float64], right: NDArray[np.float64], regularisation: float) -> NDArray[np.float64]:
    """Solve ``(gram + regularisation I) x = right`` for all rows at once, by Cholesky factors.

    Parameters
    ----------
    grams : ndarray, shape (n, rank (rank + 1) / 2)
        Lower triangles of positive semidefinite matrices, as ``packed_outer`` orders them.
    right : ndarray, shape (n, rank)
    regularisation : float, positive

    Returns
    -------
    ndarray, shape (n, rank)
    """
    rank = right.shape[1]
    lower = np.empty((rank, rank, len(right)))
    lower[packed_pairs(rank)] = grams.T
    solution = right.T.copy()
    for column in range(rank):  # Cholesky factors, and the forward substitution as they grow
        below = lower[column:, column]
        below[0] += regularisation
        for earlier in range(column):
            below -= lower[column:, earlier] * lower[column, earlier]
        np.sqrt(below[0], out=below[0])
        below[1:] /= below[0]
        solution[column] /= below[0]
        solution[column + 1 :] -= below[1:] * solution[column]
    for column in reversed(range(rank)):
        solution[column] /= lower[column, column]
        solution[:column] -= lower[column, :column] * solution[column]
    return np.ascontiguousarray(solution.T)


def predicted(pattern: sp.csr_array, factors: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inner products of factors wherever there is an entry.

    Parameters
    ----------
    pattern : csr_array, shape (n_rows, n_others)
    factors : ndarray, shape (n_rows, rank)
    others : ndarray, shape (n_others, rank)

    Returns
    -------
    ndarray, shape (nnz,)
        In the order of the entries.
    """
    row = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    total = np.zeros(pattern.nnz)
    for mine, theirs in zip(factors.T, others.T, strict=True):
        total += np.ascontiguousarray(mine)[row] * np.ascontiguousarray(theirs)[pattern.indices]
    return total


def with_values(pattern: sp.csr_array, values: NDArray[np.float64]) -> sp.csr_array:
    """The same entries with other values."""
    return sp.csr_array((values, pattern.indices, pattern.indptr), shape=pattern.shape)


def times(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Product with a matrix in which each row is summed in the same order, whatever the other rows are.

    Parameters
    ----------
    rows : ndarray, shape (n, rank)
    matrix : ndarray, shape (rank, m)

    Returns
    -------
    ndarray, shape (n, m)
    """
    product = np.zeros((len(rows), matrix.shape[1]))
    for column, weights in zip(rows.T, matrix, strict=True):
        product += column[:, None] * weights
    return product
