"""Antidote data without a descent: one row of extremes by the sign of a gradient, repeated (paper, appendix B)."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.gradient import item_gradient, paper_gradient
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.starts import ratings_of, ratings_per_user


def heuristic1(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """One fit with a single random artificial user; the sign of its gradient (eq. 9) says which extreme to rate.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
        Copies of the row.
    seed : int
        Of the single user.

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
        With ``max_ratings`` the items of the greatest derivatives only.
    """
    everything = np.arange(problem.rows.shape[1])[None, :]
    low, high = problem.rating_range
    values = np.random.default_rng([seed, 1]).uniform(low, high, everything.shape)
    single = ratings_of(everything, values, everything.shape[1])
    fit = problem.fit(single)
    gradient = paper_gradient(
        problem.rows, problem.objective, problem.measure(fit.factors), fit, single, problem.als.regularisation,
        evaluated=problem.evaluated_rows,
    )  # fmt: skip
    return _extremes(problem, gradient.dense()[0], n_artificial)


def heuristic2(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """No fit with artificial users at all: the sign of ``g_j' U 1`` of the factors as they are.

    Parameters
    ----------
    problem : AntidoteProblem
    n_artificial : int
    seed : int
        Not used: nothing is drawn.

    Returns
    -------
    csr_array, shape (n_artificial, n_items)
    """
    predictions = problem.measure(problem.without().factors)
    folded = np.concatenate(problem.evaluated_rows.map("items", item_gradient, (problem.objective, predictions)))
    return _extremes(problem, folded.sum(axis=1), n_artificial)


def _extremes(problem: AntidoteProblem, gradient: NDArray[np.float64], n_artificial: int) -> sp.csr_array:
    """The extreme that moves the objective the right way, where the gradient is greatest."""
    low, high = problem.rating_range
    n_rated = ratings_per_user(problem)
    items = np.sort(np.argsort(-np.abs(gradient), kind="stable")[:n_rated])
    values = np.where(problem.sign * gradient[items] > 0, low, high)
    return ratings_of(np.tile(items, (n_artificial, 1)), np.tile(values, (n_artificial, 1)), len(gradient))
