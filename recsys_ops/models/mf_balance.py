"""Factors of the same predictions with the least penalty.

``U A`` and ``V A^-T`` predict what U and V predict, for any invertible A. Alternating least squares finds the A of the
least penalty by hundreds of small steps, long after the predictions have settled; here it is in closed form.
"""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.models.mf_rows import packed_pairs, times

_SMALLEST = 1e-12
"""Of the greatest eigenvalue: below that, a direction is rounding."""


def balanced_items(
    items: NDArray[np.float64], item_gram: NDArray[np.float64], user_gram: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Item factors ``V A^-T`` for the A that minimises ``|U A|^2 + |V A^-T|^2``.

    Parameters
    ----------
    items : ndarray, shape (n_items, rank)
        V.
    item_gram, user_gram : ndarray, shape (rank (rank + 1) / 2,)
        Lower triangles of ``V'V`` and ``U'U``, as ``mf_rows.packed_outer`` orders them.

    Returns
    -------
    ndarray, shape (n_items, rank)
        ``items`` itself where that is not worse, as for factors with less than their rank.

    Notes
    -----
    ``A A'`` is the geometric mean of ``(U'U)^-1`` and ``V'V``, and A its symmetric root, so that nothing is rotated
    more than it must be.
    """
    by_users, by_items = _unpacked(user_gram), _unpacked(item_gram)
    root, inverse_root = _roots(by_users)
    middle, _ = _roots(root @ by_items @ root)
    mean = inverse_root @ middle @ inverse_root
    _, inverse = _roots(mean)
    penalty = np.sum(by_users * mean) + np.sum(by_items * (inverse @ inverse))
    return times(items, inverse) if penalty < np.trace(by_users) + np.trace(by_items) else items


def _unpacked(packed: NDArray[np.float64]) -> NDArray[np.float64]:
    rank = int(np.sqrt(2 * len(packed)))
    matrix = np.empty((rank, rank))
    row, column = packed_pairs(rank)
    matrix[row, column] = matrix[column, row] = packed
    return matrix


def _roots(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Symmetric root of a positive semidefinite matrix, and its inverse."""
    values, vectors = np.linalg.eigh(matrix)
    roots = np.sqrt(np.maximum(values, _SMALLEST * max(float(values[-1]), 1e-300)))
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T
