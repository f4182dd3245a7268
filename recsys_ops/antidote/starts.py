"""Who rates what among artificial users, and ratings to start from.

Where a descent ends depends on where it starts: random ratings, random extremes, one random user repeated, or one value
for everything. Users that start equal stay equal, because their gradients are.
"""

from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.models.mf import join
from recsys_ops.models.mf_rows import RowBlock

Start = Literal["random", "extremes", "common", "fixed"]


def first_ratings(problem: AntidoteProblem, start: Start, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Ratings that a descent can start from.

    Parameters
    ----------
    problem : AntidoteProblem
    start : "random", "extremes", "common" or "fixed"
        Uniform in the range; its two ends; one uniform user repeated; the middle of the range.
    n_artificial : int
    seed : int

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
        With ``max_ratings`` each user rates that many items, popular ones more likely.
    """
    low, high = problem.rating_range
    rng = np.random.default_rng([seed, 1])
    n_different = 1 if start in ("common", "fixed") else n_artificial
    items = draw_items(problem, n_different, seed=seed)
    values = np.full(items.shape, (low + high) / 2)
    if start == "extremes":
        values = np.where(rng.random(items.shape) < 0.5, low, high)
    elif start != "fixed":
        values = rng.uniform(low, high, items.shape)
    copies = n_artificial // n_different
    return ratings_of(np.tile(items, (copies, 1)), np.tile(values, (copies, 1)), problem.rows.shape[1])


def draw_items(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> NDArray[np.int64]:
    """Items that artificial users rate: all, or as many as the limit allows, popular ones more likely.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int

    Returns
    -------
    ndarray, shape (n_artificial, n_rated)
        Ascending in each row.
    """
    n_items = problem.rows.shape[1]
    n_rated = ratings_per_user(problem)
    if n_rated == n_items:
        return np.tile(np.arange(n_items), (n_artificial, 1))
    popularity = item_counts(problem)[0] + 1.0
    chosen = np.empty((n_artificial, n_rated), dtype=np.int64)
    for user in range(n_artificial):
        # The smallest of exponential waiting times: a draw without replacement, weighted by popularity.
        waiting = np.random.default_rng([seed, 2, user]).exponential(size=n_items) / popularity
        chosen[user] = np.sort(np.argpartition(waiting, n_rated - 1)[:n_rated])
    return chosen


def ratings_per_user(problem: AntidoteProblem) -> int:
    """How many items an artificial user rates."""
    n_items = problem.rows.shape[1]
    return n_items if problem.max_ratings is None else min(problem.max_ratings, n_items)


def item_counts(problem: AntidoteProblem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Number and sum of the ratings of each item, two arrays of shape (n_items,)."""
    counts, sums = join(problem.rows.map("items", _count, None))
    return counts, sums


def ratings_of(items: NDArray[np.int64], values: NDArray[np.float64], n_items: int) -> sp.csr_array:
    """Sparse ratings of users who all rate the same number of items.

    Parameters
    ----------
    items, values : ndarray, shape (n_artificial, n_rated)
        Items ascending in each row.
    n_items : int

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
    """
    ends = np.arange(len(items) + 1) * items.shape[1]
    return sp.csr_array((values.ravel(), items.ravel(), ends), shape=(len(items), n_items))


def _count(block: RowBlock, _: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sums: NDArray[np.float64] = block.ratings @ np.ones(block.ratings.shape[1])
    return np.diff(block.ratings.indptr).astype(np.float64), sums
