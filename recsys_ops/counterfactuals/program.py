"""A mixed-integer program handed to HiGHS as arrays: quick to build, one thread, a limit that holds, cancellable."""

import time
from dataclasses import dataclass, field

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from recsys_ops.solver import load_program

TOLERANCE = 1e-7
"""Violation of rows and of integrality that the solver may leave. HiGHS 1.15 errs with 1e-9."""

_WATCH_SECONDS = 0.05


@dataclass(frozen=True)
class Solution:
    """``values`` of the best point found, None if there is none; ``bound`` proven for the objective, inf if infeasible.

    ``is_proven``: the search ended by itself; ``nodes`` of the search tree.
    """

    values: NDArray[np.float64] | None
    bound: float
    is_proven: bool
    nodes: int


@dataclass
class Program:
    """``min cost . x`` under rows ``lower <= A x <= upper``, column by column and row by row."""

    cost: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    is_whole: list[bool] = field(default_factory=list)
    row_lower: list[float] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    row_start: list[int] = field(default_factory=lambda: [0])
    indices: list[NDArray[np.int64]] = field(default_factory=list)
    coefficients: list[NDArray[np.float64]] = field(default_factory=list)

    def add_columns(
        self, n: int, *, cost: ArrayLike = 0.0, lower: ArrayLike = 0.0, upper: ArrayLike = 1.0, is_whole: bool = True
    ) -> NDArray[np.int64]:
        """Add n variables and return their positions; binary ones without cost by default."""
        first = len(self.cost)
        for values, given in ((self.cost, cost), (self.lower, lower), (self.upper, upper)):
            values.extend(np.broadcast_to(np.asarray(given, dtype=np.float64), (n,)).tolist())
        self.is_whole.extend([is_whole] * n)
        return np.arange(first, first + n)

    def add_row(
        self, columns: ArrayLike, coefficients: ArrayLike, *, lower: float = -np.inf, upper: float = np.inf
    ) -> None:
        """Add ``lower <= sum coefficients * columns <= upper``; each column at most once."""
        positions = np.asarray(columns, dtype=np.int64)
        self.indices.append(positions)
        self.coefficients.append(np.broadcast_to(np.asarray(coefficients, dtype=np.float64), positions.shape))
        self.row_start.append(self.row_start[-1] + len(positions))
        self.row_lower.append(lower)
        self.row_upper.append(upper)

    def solve(
        self,
        deadline: float,
        *,
        gap: float,
        most_nodes: int | None = None,
        enough: float = -np.inf,
    ) -> Solution:
        """Minimise.

        Parameters
        ----------
        deadline : float
            Of ``time.perf_counter``, in seconds.
        gap : float
            Absolute difference of objective and bound at which the search may stop.
        most_nodes : int, optional
            Nodes of the search tree after which it stops, whatever the clock says.
        enough : float
            An objective that is known to be the least possible: the search ends with a point that attains it.

        Returns
        -------
        Solution

        Notes
        -----
        KeyboardInterrupt, which is what a cancelled task receives, stops the solver and is raised again.
        """
        options = {
            "time_limit": max(deadline - time.perf_counter(), 1e-3),
            "mip_abs_gap": gap,
            "mip_rel_gap": 0.0,
            "mip_feasibility_tolerance": TOLERANCE,
            "primal_feasibility_tolerance": TOLERANCE,
        }
        if np.isfinite(enough):
            options["objective_target"] = enough
        if most_nodes is not None:
            options["mip_max_nodes"] = most_nodes
        solver = load_program(
            self._matrix(), cost=self.cost, lower=self.lower, upper=self.upper,
            row_lower=self.row_lower, row_upper=self.row_upper, is_whole=np.array(self.is_whole, dtype=bool), **options,
        )  # fmt: skip
        _run(solver, deadline)
        if solver.getModelStatus() == highspy.HighsModelStatus.kSolveError:
            # Presolve can leave a point that is outside the rows by more than the tolerance.
            solver.clearSolver()
            solver.setOptionValue("presolve", "off")
            _run(solver, deadline)
        return _solution(solver)

    def _matrix(self) -> sp.csr_array:
        columns = np.concatenate([*self.indices, np.empty(0, np.int64)])
        values = np.concatenate([*self.coefficients, np.empty(0)])
        return sp.csr_array((values, columns, self.row_start), shape=(len(self.row_lower), len(self.cost)))


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


def _solution(solver: highspy.Highs) -> Solution:
    info, status = solver.getInfo(), solver.getModelStatus()
    nodes = max(int(info.mip_node_count), 0)
    if status == highspy.HighsModelStatus.kInfeasible:
        return Solution(None, np.inf, True, nodes)
    proven = status in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kObjectiveTarget)
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Solution(None, float(info.mip_dual_bound), proven, nodes)
    values = np.asarray(solver.getSolution().col_value)
    return Solution(values, float(info.mip_dual_bound), proven, nodes)
