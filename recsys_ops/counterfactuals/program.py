"""A mixed-integer program that is written down column by column and row by row."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from recsys_ops.counterfactuals.tolerances import CONFIRMING_FEASIBILITY, FEASIBILITY
from recsys_ops.solver import Solution, solve_program

FEW_NODES = 20
"""Nodes of the search tree up to which a proof is taken to be presolve's; without it, larger searches take twice as
long."""


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
        confirmed_nodes: int | None = None,
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
        confirmed_nodes : int, optional
            Solve under other settings, to confirm what a solve with so many nodes said: HiGHS 1.15's presolve calls
            feasible programs infeasible now and then, with a tolerance of 1e-7. Where there was hardly a search tree,
            presolve had the word, and is left out.

        Returns
        -------
        Solution
        """
        options: dict[str, Any] = {
            "mip_abs_gap": gap,
            "mip_rel_gap": 0.0,
            "mip_feasibility_tolerance": FEASIBILITY if confirmed_nodes is None else CONFIRMING_FEASIBILITY,
            "primal_feasibility_tolerance": FEASIBILITY,
        }
        if confirmed_nodes is not None:
            options["random_seed"] = 1
            if confirmed_nodes <= FEW_NODES:
                options["presolve"] = "off"
        if np.isfinite(enough):
            options["objective_target"] = enough
        if most_nodes is not None:
            options["mip_max_nodes"] = most_nodes
        return solve_program(
            self._matrix(), cost=self.cost, lower=self.lower, upper=self.upper,
            row_lower=self.row_lower, row_upper=self.row_upper, is_whole=np.array(self.is_whole, dtype=bool),
            deadline=deadline, **options,
        )  # fmt: skip

    def _matrix(self) -> sp.csr_array:
        columns = np.concatenate([*self.indices, np.empty(0, np.int64)])
        values = np.concatenate([*self.coefficients, np.empty(0)])
        return sp.csr_array((values, columns, self.row_start), shape=(len(self.row_lower), len(self.cost)))
