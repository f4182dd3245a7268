"""Factors of the same predictions with the least penalty.

``U A`` and ``V A^-T`` predict what U and V predict, for any invertible A. Alternating least squares finds the A of the
least penalty by hundreds of small steps, long after the predictions have settled; here it is in closed form.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.mf_rows import packed_pairs, times

_SMALLEST = 1e-12
"""Of the greatest squared singular value: below that, it is rounding."""


def balanced_items(
    items: NDArray[np.float64], item_gram: NDArray[np.float64], user_gram: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Item factors ``V A^-T`` for an A that minimises ``|U A|^2 + |V A^-T|^2``.

    Parameters
    ----------
    items : ndarray, shape (n_items, rank)
        V.
    item_gram, user_gram : ndarray, shape (rank (rank + 1) / 2,)
        Lower triangles of ``V'V`` and ``U'U``, as ``mf_rows.packed_outer`` orders them.

    Returns
    -------
    ndarray, shape (n_items, rank)
        Right singular vectors of ``U V'`` times the roots of its singular values; ``items`` itself where these are
        fewer than the rank.

    Notes
    -----
    With ``U'U = L L'`` and ``L' V'V L = Q S^2 Q'`` the singular values are S, and ``A^-T = L Q S^-1/2``.
    """
    try:
        lower = np.linalg.cholesky(_unpacked(user_gram))
    except np.linalg.LinAlgError:
        return items
    squares, vectors = np.linalg.eigh(lower.T @ _unpacked(item_gram) @ lower)
    if squares[0] <= _SMALLEST * squares[-1]:
        return items
    return times(items, lower @ vectors / squares**0.25)


def _unpacked(packed: NDArray[np.float64]) -> NDArray[np.float64]:
    rank = int(np.sqrt(2 * len(packed)))
    matrix = np.empty((rank, rank))
    row, column = packed_pairs(rank)
    matrix[row, column] = matrix[column, row] = packed
    return matrix


def evenly_balanced_items(
    items: NDArray[np.float64], item_gram: NDArray[np.float64], user_gram: NDArray[np.float64]
) -> NDArray[np.float64]:
    """As ``balanced_items``, for the A that turns nothing: it depends smoothly on the factors.

    Parameters
    ----------
    items : ndarray, shape (n_items, rank)
    item_gram, user_gram : ndarray, shape (rank (rank + 1) / 2,)

    Returns
    -------
    ndarray, shape (n_items, rank)
        Of the same loss; from one iteration to the next its columns keep their signs and order.

    Notes
    -----
    ``V B`` with B symmetric and ``B V'V B = B^-1 U'U B^-1``: ``B^2`` is the geometric mean of ``(V'V)^-1`` and ``U'U``.
    """
    of_items, of_users = _unpacked(item_gram), _unpacked(user_gram)
    root, inverse = _roots(of_items)
    if root is None or inverse is None:
        return items
    middle, _ = _roots(root @ of_users @ root)
    if middle is None:
        return items
    balance, _ = _roots(inverse @ middle @ inverse)
    return items if balance is None else times(items, balance)


def _roots(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Symmetric square root and its inverse; None where the matrix is singular to rounding."""
    squares, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if squares[0] <= _SMALLEST * squares[-1]:
        return None, None
    root = np.sqrt(squares)
    return vectors * root @ vectors.T, vectors / root @ vectors.T
