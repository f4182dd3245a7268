"""The linear item-to-item recommender ``s = x B``: each interaction adds its row of weights to every item's score.

EASE, item-kNN and SLIM are all of this form and differ only in how they find the weights. The items a recommender
would show are those that are not in the user's history.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Array
from recsys_ops.errors import ConfigError, InputError

BLOCK_BYTES = 256 * 2**20
"""Memory that one block of users or of weights may take."""

_USERS_AT_ONCE = 1024


class Scorer(Protocol):
    """Whatever scores items by histories."""

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items, ``(n, n_items)``, for histories ``(n, n_items)``."""


class LinearModel(Scorer, Protocol):
    """A recommender ``s = x W + b``, of which removals are explained exactly; W of shape (n_items, n_items).

    ``offsets (n_items,)`` are b, or None for zeros; ``norms`` two vectors whose products are at least the absolute
    terms that an entry of W is summed from, or None where the entries themselves are kept.
    """

    @property
    def n_items(self) -> int:
        """Number of items."""

    @property
    def item_ids(self) -> Array | None:
        """Ids of the items, or None where positions are the ids."""

    @property
    def offsets(self) -> NDArray[np.float64] | None:
        """What every history gets; -inf for items that the model does not know."""

    @property
    def norms(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Lengths of factors, one of the interaction and one of the target."""

    def rows(self, items: NDArray[np.int64], targets: NDArray[np.intp] | slice = ...) -> NDArray[np.float64]:
        """Entries of W, ``(n, n_targets)``."""


@dataclass(frozen=True)
class LinearRecommender:
    """``scores = x @ weights``; the items shown are those that are not in the history.

    Attributes
    ----------
    weights : ndarray of float32 or float64, or csr_array of float64, shape (n_items, n_items)
        Row j is what interaction j adds to every item. What it would add to itself plays no part.
    item_ids : pyarrow.Array, shape (n_items,), or None
        Ids of the items for callers who name them; None where positions are the ids, as in the jobs.
    """

    weights: NDArray[Any] | sp.csr_array
    item_ids: Array | None = None

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.weights.shape[0])

    @property
    def offsets(self) -> None:
        """No item has a score of its own."""

    @property
    def norms(self) -> None:
        """The entries are kept themselves."""

    def rows(self, items: NDArray[np.int64], targets: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.float64]:
        """What each of some interactions adds to some items.

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
        weights: Any = self.weights
        if isinstance(self.weights, sp.csr_array):
            chosen = weights[items][:, targets].toarray()
        else:  # without a copy of whole rows where only some columns are wanted
            chosen = weights[np.ix_(items, targets) if isinstance(targets, np.ndarray) else (items, targets)]
        return np.asarray(chosen, dtype=np.float64)

    def scores(self, histories: sp.csr_array) -> NDArray[np.float64]:
        """Scores of all items: the recommender as it runs.

        A score is the sum over the history in the order of the items, in float64: the same bits for sparse and
        for dense weights, and whichever users are scored together.

        Parameters
        ----------
        histories : csr_array, shape (n, n_items), float64
            With sorted indices.

        Returns
        -------
        ndarray, shape (n, n_items)
        """
        if isinstance(self.weights, sp.csr_array):
            sparse_scores: NDArray[np.float64] = (histories @ self.weights).toarray()
            return sparse_scores
        seen, column = np.unique(histories.indices, return_inverse=True)
        packed = sp.csr_array((histories.data, column, histories.indptr), shape=(histories.shape[0], len(seen)))
        scores = np.empty((histories.shape[0], self.n_items))
        # Only rows that are used are converted to float64, and only some columns of them at a time.
        width = max(1, BLOCK_BYTES // (8 * max(len(seen), 1)))
        for first in range(0, self.n_items, width):
            last = min(first + width, self.n_items)
            scores[:, first:last] = packed @ self.weights[seen, first:last].astype(np.float64)
        return scores


def top_lists(model: Scorer, histories: sp.csr_array, n: int, *, is_unseen: bool = True) -> NDArray[np.int64]:
    """The first n items that each user is shown.

    Parameters
    ----------
    model : Scorer
    histories : csr_array, shape (n_users, n_items)
        What is stored is not shown, whatever its value.
    n : int
        Length of the lists.
    is_unseen : bool
        Whether items of the history are left out.

    Returns
    -------
    ndarray, shape (n_users, n)
        Positions of the best candidates, best first, of equal ones the first in the
        catalogue; -1 where there are too few.
    """
    n_users, n_items = histories.shape
    lists = np.full((n_users, n), -1, dtype=np.int64)
    size = int(np.clip(BLOCK_BYTES // (2 * 8 * n_items), 1, _USERS_AT_ONCE))
    for first in range(0, n_users, size):
        block = histories[first : first + size]
        scores = model.scores(block)
        broken = np.flatnonzero(np.isnan(scores).any(axis=1))
        if len(broken):
            raise InputError(
                f"recommender: it gives NaN as a score to {len(broken)} histories (first: number {first + broken[0]}, "
                f"of {block[[broken[0]]].nnz} interactions). Correct the model, or leave these users out."
            )
        lists[first : first + size] = best_candidates(scores, block if is_unseen else sp.csr_array(block.shape), n)
    return lists


def best_candidates(scores: NDArray[np.float64], histories: sp.csr_array, n: int) -> NDArray[np.int64]:
    """The n best items of each row of scores that are not in the history.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        Without nan; -inf for items that cannot be recommended.
    histories : csr_array, shape (n_users, n_items)
    n : int

    Returns
    -------
    ndarray, shape (n_users, n)
        As ``top_lists``.
    """
    lists = np.full((len(scores), n), -1, dtype=np.int64)
    for user, (first, last) in enumerate(zip(histories.indptr, histories.indptr[1:], strict=False)):
        candidate_scores = scores[user].copy()
        candidate_scores[histories.indices[first:last]] = -np.inf
        best = best_positions(candidate_scores, min(n, int(np.count_nonzero(candidate_scores > -np.inf))))
        lists[user, : len(best)] = best
    return lists


def best_positions(values: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Positions of the n greatest values, greatest first, the first of equal ones before the others.

    Parameters
    ----------
    values : ndarray, shape (m,)
        Without nan.
    n : int
        At most m are given.

    Returns
    -------
    ndarray, int64
    """
    if n <= 0:
        return np.empty(0, dtype=np.int64)
    kept = np.arange(len(values))
    if n < len(values):
        least = np.partition(values, len(values) - n)[len(values) - n]
        kept = np.flatnonzero(values >= least)
    order: NDArray[np.int64] = kept[np.argsort(-values[kept], kind="stable")[:n]]
    return order


def history_matrix(ratings: sp.csr_array, *, binary: bool, scale: float) -> sp.csr_array:
    """What the recommender reads about each user: that there was an interaction, or how it was rated.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
        What is stored is an interaction, also a rating of 0.
    binary : bool
        Ones instead of ratings.
    scale : float
        The greatest rating possible: ratings are divided by it.

    Returns
    -------
    csr_array, shape (n_users, n_items), float64
        With sorted indices, and an entry wherever ``ratings`` has one.

    Raises
    ------
    ConfigError
        Ratings are wanted and the greatest one possible is not positive.
    """
    if not binary and not scale > 0:
        raise ConfigError(f"--ratings: the greatest rating possible is {scale:g}, not positive. Use --binary.")
    values = np.ones(ratings.nnz) if binary else ratings.data.astype(np.float64) / scale
    histories = sp.csr_array((values, ratings.indices.copy(), ratings.indptr.copy()), shape=ratings.shape)
    histories.sort_indices()
    return histories
