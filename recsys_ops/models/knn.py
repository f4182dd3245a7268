"""Item-kNN: an item is recommended for its similarity to what the user had.

The similarity of two items is the cosine of their columns of interactions, shrunk towards 0 where there is little
evidence (Sarwar et al. 2001; shrinkage as in Bell and Koren 2007). Each item keeps its nearest neighbours only, so
the weights are sparse and catalogues of any size fit.
"""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import ConfigError
from recsys_ops.models.linear import BLOCK_BYTES, LinearRecommender, best_positions

NEIGHBOURS = 100
SHRINKAGE = 10.0

_BYTES_PER_PAIR = 32
_ITEMS_AT_ONCE = 1024


def fit_item_knn(
    histories: sp.csr_array, *, neighbours: int = NEIGHBOURS, shrinkage: float = SHRINKAGE
) -> LinearRecommender:
    """Fit item-kNN: ``B[i, j] = x_i'x_j / (|x_i| |x_j| + shrinkage)`` for the items i nearest to j, else 0.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings.
    neighbours : int
        Items that may speak for an item, at least 1.
    shrinkage : float
        Not negative, in the unit of a squared entry of ``histories``; 0 is the plain cosine.

    Returns
    -------
    LinearRecommender
        With sparse weights; a column holds the greatest positive ones, of equal ones the first in the catalogue.

    Raises
    ------
    ConfigError
        ``neighbours`` or ``shrinkage`` is out of its range.

    Notes
    -----
    Time: one sparse product X'X. Memory: n_items x neighbours weights and one block of the product.
    """
    if neighbours < 1 or not shrinkage >= 0:
        raise ConfigError(
            f"item-kNN: {neighbours} neighbours and shrinkage {shrinkage:g}. Use at least 1 neighbour and shrinkage 0 "
            "or more."
        )
    lengths = np.sqrt(np.asarray((histories * histories).sum(axis=0)).ravel())
    sources, weights = [], []
    for target, others, products in co_occurrences(histories):
        similarity = products / (lengths[others] * lengths[target] + shrinkage)
        nearest = np.sort(best_positions(similarity, neighbours))
        sources.append(others[nearest])
        weights.append(similarity[nearest])
    return LinearRecommender(weights_by_target(sources, weights))


def co_occurrences(histories: sp.csr_array) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """For each item the others with a positive ``x_i'x_j``, ascending, and these products; blocked over items.

    Parameters
    ----------
    histories : csr_array, shape (n_users, n_items)

    Yields
    ------
    int, ndarray, ndarray
        Item, positions of the others, products.
    """
    transposed = sp.csr_array(histories.T)
    n_items = histories.shape[1]
    size = int(np.clip(BLOCK_BYTES // (_BYTES_PER_PAIR * n_items), 1, _ITEMS_AT_ONCE))
    for start in range(0, n_items, size):
        block = sp.csr_array(transposed[start : start + size] @ histories)
        block.sort_indices()
        for row, (first, last) in enumerate(zip(block.indptr, block.indptr[1:], strict=False)):
            others, products = block.indices[first:last], block.data[first:last]
            kept = (products > 0) & (others != start + row)
            yield start + row, others[kept].astype(np.int64), products[kept]


def weights_by_target(sources: list[NDArray[np.int64]], weights: list[NDArray[np.float64]]) -> sp.csr_array:
    """Weights from what each target item takes from its sources.

    Parameters
    ----------
    sources, weights : list of ndarray
        One pair per item, in the order of the items.

    Returns
    -------
    csr_array, shape (n_items, n_items), float64
    """
    n_items = len(sources)
    ends = np.concatenate([[0], np.cumsum([len(positions) for positions in sources])])
    columns = sp.csc_array((np.concatenate(weights), np.concatenate(sources), ends), shape=(n_items, n_items))
    return sp.csr_array(columns)
