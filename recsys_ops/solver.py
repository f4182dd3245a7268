"""HiGHS with a program given as arrays: building the model costs microseconds, and it runs in one thread, quietly."""

from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = list[float] | NDArray[np.float64]


def load_program(
    matrix: sp.csr_array | sp.csc_array,
    *,
    cost: Floats,
    lower: Floats,
    upper: Floats,
    row_lower: Floats,
    row_upper: Floats,
    is_whole: NDArray[np.bool_] | None = None,
    **options: Any,
) -> highspy.Highs:
    """A solver that holds ``min cost . x`` under ``row_lower <= matrix x <= row_upper`` and ``lower <= x <= upper``.

    Parameters
    ----------
    matrix : csr_array or csc_array, shape (n_rows, n_columns)
    cost, lower, upper : list or ndarray, shape (n_columns,)
    row_lower, row_upper : list or ndarray, shape (n_rows,)
    is_whole : ndarray, shape (n_columns,), optional
        Columns that must be whole numbers; none by default.
    **options
        Further options of HiGHS, by its names.

    Returns
    -------
    highspy.Highs
        Ready for ``run``.
    """
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = matrix.shape
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, lower, upper
    model.row_lower_, model.row_upper_ = row_lower, row_upper
    by_row = matrix.format == "csr"
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise if by_row else highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    if is_whole is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[whole] for whole in is_whole.astype(int).tolist()]
    solver = highspy.Highs()
    for option, value in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(option, value)
    solver.passModel(model)
    return solver
