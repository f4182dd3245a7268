"""What antidote data are compared with: rules of thumb that know nothing of the recommender (paper, section 6.1)."""

import numpy as np
import scipy.sparse as sp

from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.starts import draw_items, first_ratings, item_counts, ratings_of


def baseline_min(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Everybody rates every item at its mean: less variance, one would think.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int
        Of the items, where ``max_ratings`` leaves a choice.

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
    """
    counts, sums = item_counts(problem)
    overall = sums.sum() / max(counts.sum(), 1.0)
    means = np.where(counts > 0, sums, overall) / np.maximum(counts, 1.0)
    items = draw_items(problem, n_artificial, seed=seed)
    return ratings_of(items, means[items], len(means))


def baseline_max(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """One half rates every item highest, the other half lowest: more variance, one would think.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int
        Of the items, where ``max_ratings`` leaves a choice.

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
        The first, third ... users rate highest.
    """
    low, high = problem.rating_range
    items = draw_items(problem, n_artificial, seed=seed)
    values = np.where(np.arange(n_artificial) % 2 == 0, high, low)
    return ratings_of(items, np.repeat(values[:, None], items.shape[1], axis=1), problem.rows.shape[1])


def random_ratings(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Uniform ratings in the range.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
    """
    return first_ratings(problem, "random", n_artificial, seed=seed)
