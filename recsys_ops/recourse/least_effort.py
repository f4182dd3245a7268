"""How far each chosen change must go: the least that keeps the users it reached.

A change that is larger than it needs to be pushes the item to the top of lists where the last place was asked for,
and costs the other items there their rank. Given which features change, the smallest total overshoot is a linear
program with a variable per change.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.solver import solve_program


def least_overshoot(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    weights: NDArray[np.float64],
    most: NDArray[np.float64],
    least: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Fractions of the changes that close all gaps with the least weighted overshoot.

    Parameters
    ----------
    effects : ndarray, shape (n_users, n_changes)
        What each change, made in full, adds to the score; only users to be kept.
    gaps : ndarray, shape (n_users,)
        What the score must gain.
    weights : ndarray, shape (n_users,)
        Weight of a user's overshoot, > 0.
    most, least : ndarray, shape (n_changes,)
        Bounds of each fraction; ``least`` 1 for changes that cannot be made by half, ``most`` infinite for
        features without bounds.

    Returns
    -------
    ndarray, shape (n_changes,), or None
        None if no fractions close all gaps (within the solver's tolerance).
    """
    return least_cost(effects, gaps, weights @ effects, most, least)


def least_cost(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    costs: NDArray[np.float64],
    most: NDArray[np.float64],
    least: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Fractions of the changes that close all gaps at the least cost.

    Parameters
    ----------
    effects, gaps, most, least
        As in ``least_overshoot``.
    costs : ndarray, shape (n_changes,)
        Of each change made in full.

    Returns
    -------
    ndarray, shape (n_changes,), or None
        None if no fractions close all gaps (within the solver's tolerance).
    """
    solution = solve_program(
        sp.csc_array(effects), cost=costs, lower=least, upper=most,
        row_lower=gaps, row_upper=np.full(len(gaps), np.inf),
    )  # fmt: skip
    return solution.values if solution.is_proven else None
