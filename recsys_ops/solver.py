"""HiGHS with a program given as arrays: quick to build, one thread, a limit that holds, cancellable, read in one place.

Every program of the library is solved here, so that a status of HiGHS, the deadline and an interrupt mean the same
wherever it is used.
"""

import time
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats = list[float] | NDArray[np.float64]

_WATCH_SECONDS = 0.05


@dataclass(frozen=True)
class Solution:
    """``values (n_columns,)`` of the best point and its ``objective``; None and inf without a point.

    ``bound`` is the proven lower bound on the objective, inf if there is no point at all. ``is_proven``: the search
    ended by itself. ``nodes`` of the search tree.
    """

    values: NDArray[np.float64] | None
    objective: float
    bound: float
    is_proven: bool
    nodes: int = 0


def solve_program(
    matrix: sp.csr_array | sp.csc_array,
    *,
    cost: Floats,
    lower: Floats,
    upper: Floats,
    row_lower: Floats,
    row_upper: Floats,
    is_whole: NDArray[np.bool_] | None = None,
    deadline: float = np.inf,
    **options: Any,
) -> Solution:
    """Minimise ``cost . x`` under ``row_lower <= matrix x <= row_upper`` and ``lower <= x <= upper``.

    Parameters
    ----------
    matrix : csr_array or csc_array, shape (n_rows, n_columns)
    cost, lower, upper : list or ndarray, shape (n_columns,)
    row_lower, row_upper : list or ndarray, shape (n_rows,)
    is_whole : ndarray, shape (n_columns,), optional
        Columns that must be whole numbers; none by default.
    deadline : float
        Of ``time.perf_counter``, in seconds; none by default.
    **options
        Further options of HiGHS, by its names.

    Returns
    -------
    Solution

    Notes
    -----
    KeyboardInterrupt, which is what a cancelled task receives, stops the solver and is raised again.
    """
    if np.isfinite(deadline):
        options["time_limit"] = max(deadline - time.perf_counter(), 1e-3)
    solver = highspy.Highs()
    for option, value in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(option, value)
    solver.passModel(_model(matrix, cost, (lower, upper), (row_lower, row_upper), is_whole))
    _run(solver, deadline)
    if solver.getModelStatus() == highspy.HighsModelStatus.kSolveError:
        # Presolve can leave a point that is outside the rows by more than the tolerance.
        solver.clearSolver()
        solver.setOptionValue("presolve", "off")
        _run(solver, deadline)
    return _solution(solver, is_mixed=is_whole is not None)


def _model(
    matrix: sp.csr_array | sp.csc_array,
    cost: Floats,
    column_limits: tuple[Floats, Floats],
    row_limits: tuple[Floats, Floats],
    is_whole: NDArray[np.bool_] | None,
) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = matrix.shape
    model.col_cost_ = cost
    model.col_lower_, model.col_upper_ = column_limits
    model.row_lower_, model.row_upper_ = row_limits
    by_row = matrix.format == "csr"
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise if by_row else highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    if is_whole is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[whole] for whole in is_whole.astype(int).tolist()]
    return model


def _run(solver: highspy.Highs, deadline: float) -> None:
    """Run in a thread of its own, so that the deadline and KeyboardInterrupt are seen whatever the solver is at."""
    solver.HandleKeyboardInterrupt = True
    solver.startSolve()
    try:
        while not solver.wait(_WATCH_SECONDS)[0]:
            if time.perf_counter() > deadline:
                solver.cancelSolve()
    except KeyboardInterrupt:
        solver.cancelSolve()
        while not solver.wait(_WATCH_SECONDS)[0]:
            pass
        raise


def _solution(solver: highspy.Highs, *, is_mixed: bool) -> Solution:
    info, status = solver.getInfo(), solver.getModelStatus()
    nodes = max(int(info.mip_node_count), 0)
    if status == highspy.HighsModelStatus.kInfeasible:
        return Solution(None, np.inf, np.inf, True, nodes)
    proven = status in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kObjectiveTarget)
    objective = float(info.objective_function_value)
    bound = float(info.mip_dual_bound) if is_mixed else objective if proven else -np.inf
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Solution(None, np.inf, bound, proven, nodes)
    return Solution(np.asarray(solver.getSolution().col_value), objective, bound, proven, nodes)
