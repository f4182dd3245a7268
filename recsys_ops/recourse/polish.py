"""How far each chosen change must go: the least that keeps the users it reached.

A change that is larger than it needs to be pushes the item to the top of lists where the last place was asked for,
and costs the other items there their rank. Given which features change, the smallest total overshoot is a linear
program with a variable per change.
"""

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


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
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = effects.shape[1], effects.shape[0]
    program.col_cost_ = weights @ effects
    program.col_lower_, program.col_upper_ = least, most
    program.row_lower_, program.row_upper_ = gaps, np.full(len(gaps), np.inf)
    matrix = sp.csc_array(effects)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
    program.a_matrix_.value_ = matrix.data
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.passModel(program)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return np.asarray(solver.getSolution().col_value)
