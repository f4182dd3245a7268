"""The proven optimum: a mixed-integer program over levers and users, for those who ask for it.

    max  sum_u y_u    s.t.  sum_l effect_ul z_l >= gap_u y_u,   sum_l z_l <= n_most,   one lever per unit,   y, z binary
    min  sum_l z_l    s.t.  the same rows,   sum_u y_u >= n_required

An open user's row is divided by the gap, so that no big M is needed: effects are non-negative for words, tags and
categories that only gain. Where a lever can lose users, the row's constant is the loss of all such levers together.
"""

import time
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.solver import solve_program


@dataclass(frozen=True)
class ExactResult:
    """``objective`` of the best solution found (-1 for none) and its proven ``bound``; ``levers`` that are pulled."""

    objective: int
    bound: float
    levers: NDArray[np.intp]

    @property
    def proven(self) -> bool:
        """Whether nothing better exists."""
        return self.objective >= 0 and abs(self.objective - self.bound) < 1.0 - 1e-6


def most_users(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    units: NDArray[np.int64],
    *,
    n_most: int,
    time_limit: float,
) -> ExactResult:
    """Most users with a positive gap that at most ``n_most`` levers satisfy.

    Parameters
    ----------
    effects : ndarray, shape (n_users, n_levers)
    gaps : ndarray, shape (n_users,), > 0
    units : ndarray, shape (n_levers,)
        At most one lever of a unit is pulled.
    n_most : int
    time_limit : float, seconds
    """
    return _solve(effects, gaps, units, n_most=n_most, n_required=0, time_limit=time_limit)


def fewest_levers(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    units: NDArray[np.int64],
    *,
    n_required: int,
    time_limit: float,
) -> ExactResult:
    """Fewest levers that satisfy at least ``n_required`` of the users with a positive gap."""
    return _solve(effects, gaps, units, n_most=effects.shape[1], n_required=n_required, time_limit=time_limit)


def _solve(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    units: NDArray[np.int64],
    *,
    n_most: int,
    n_required: int,
    time_limit: float,
) -> ExactResult:
    n_users, n_levers = effects.shape
    if n_users == 0:
        return ExactResult(0, 0.0, np.array([], dtype=np.intp))
    closing = effects / gaps[:, None]
    losses = np.minimum(closing, 0.0).sum(axis=1)
    # An effect beyond the whole gap helps no more than the gap (plus what other levers can lose again).
    closing = np.minimum(closing, (1.0 - losses)[:, None])
    rows = sp.vstack(
        [
            sp.hstack([sp.csr_array(closing), sp.diags_array(-(1.0 - losses))]),
            sp.csr_array(np.concatenate([np.ones(n_levers), np.zeros(n_users)])[None]),
            sp.csr_array(np.concatenate([np.zeros(n_levers), np.ones(n_users)])[None]),
            _exclusions(units, n_levers + n_users),
        ],
        format="csc",
    )
    n_exclusions = rows.shape[0] - n_users - 2
    lower = np.concatenate([losses, [-np.inf, n_required], np.full(n_exclusions, -np.inf)])
    upper = np.concatenate([np.full(n_users, np.inf), [n_most, np.inf], np.ones(n_exclusions)])
    maximise = n_required == 0
    cost = np.concatenate(
        [np.zeros(n_levers), np.full(n_users, -1.0)] if maximise else [np.ones(n_levers), np.zeros(n_users)]
    )
    return _run(rows, lower, upper, cost, n_levers, time_limit, maximise=maximise)


def _exclusions(units: NDArray[np.int64], n_columns: int) -> sp.csr_array:
    _, codes, sizes = np.unique(units, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(sizes > 1)
    members = np.flatnonzero(np.isin(codes, shared))
    row = np.searchsorted(shared, codes[members])
    return sp.csr_array((np.ones(len(members)), (row, members)), shape=(len(shared), n_columns))


def _run(
    rows: sp.csc_array,
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    cost: NDArray[np.float64],
    n_levers: int,
    time_limit: float,
    *,
    maximise: bool,
) -> ExactResult:
    solution = solve_program(
        rows, cost=cost, lower=np.zeros(len(cost)), upper=np.ones(len(cost)), row_lower=lower, row_upper=upper,
        is_whole=np.ones(len(cost), dtype=bool), deadline=time.perf_counter() + time_limit, mip_abs_gap=0.999,
    )  # fmt: skip
    sign = -1.0 if maximise else 1.0
    bound = sign * solution.bound
    bound = float(np.floor(bound + 1e-6) if maximise else np.ceil(bound - 1e-6))
    if solution.values is None:
        return ExactResult(-1, bound, np.array([], dtype=np.intp))
    return ExactResult(round(sign * solution.objective), bound, np.flatnonzero(solution.values[:n_levers] > 0.5))
