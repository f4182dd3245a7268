"""The proven optimum: a mixed-integer program over actions and users, on request.

    max  sum_u y_u    s.t.  sum_l effect_ul z_l >= gap_u y_u,   sum_l z_l <= n_most,   one action per unit,  y, z binary
    min  sum_l z_l    s.t.  the same rows,   sum_u y_u >= n_required

An open user's row is divided by the gap, so that no big M is needed: effects are non-negative for words, tags and
categories that only gain. Where an action can lose users, the row's constant is the loss of all such actions together.
"""

import time
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.recourse.coverage import Coverage
from recsys_ops.solver import Solution, solve_program


@dataclass(frozen=True)
class ExactResult:
    """``objective`` of the best solution found (-1 for none) and its proven ``bound``; ``actions`` that are taken."""

    objective: int
    bound: float
    actions: NDArray[np.intp]

    @property
    def proven(self) -> bool:
        """Whether nothing better exists."""
        return self.objective >= 0 and abs(self.objective - self.bound) < 1.0 - 1e-6


def most_users(coverage: Coverage, *, time_limit: float) -> ExactResult:
    """Most users that the actions satisfy.

    Parameters
    ----------
    coverage : Coverage
        With gaps greater than 0; budgets do not count.
    time_limit : float, seconds
    """
    return _solve(coverage, n_required=0, time_limit=time_limit)


def fewest_actions(coverage: Coverage, *, n_required: int, time_limit: float) -> ExactResult:
    """Fewest actions that satisfy at least ``n_required`` of the users; parameters as ``most_users``."""
    return _solve(coverage, n_required=n_required, time_limit=time_limit)


def _solve(coverage: Coverage, *, n_required: int, time_limit: float) -> ExactResult:
    n_users, n_actions = coverage.effects.shape
    if n_users == 0:
        return ExactResult(0, 0.0, np.array([], dtype=np.intp))
    rows, losses = _rows(coverage)
    n_exclusions = rows.shape[0] - n_users - 2
    maximise = n_required == 0
    cost = np.concatenate(
        [np.zeros(n_actions), np.full(n_users, -1.0)] if maximise else [np.ones(n_actions), np.zeros(n_users)]
    )
    solution = solve_program(
        rows, cost=cost, lower=np.zeros(len(cost)), upper=np.ones(len(cost)),
        row_lower=np.concatenate([losses, [-np.inf, n_required], np.full(n_exclusions, -np.inf)]),
        row_upper=np.concatenate([np.full(n_users, np.inf), [coverage.n_most, np.inf], np.ones(n_exclusions)]),
        is_whole=np.ones(len(cost), dtype=bool), deadline=time.perf_counter() + time_limit, mip_abs_gap=0.999,
    )  # fmt: skip
    return _result(solution, n_actions, maximise=maximise)


def _rows(coverage: Coverage) -> tuple[sp.csc_array, NDArray[np.float64]]:
    """The program's rows over actions and users, and what each user can lose, in gaps."""
    n_users, n_actions = coverage.effects.shape
    closing = coverage.effects / coverage.gaps[:, None]
    losses = np.minimum(closing, 0.0).sum(axis=1)
    # An effect beyond the whole gap helps no more than the gap (plus what other actions can lose again).
    closing = np.minimum(closing, (1.0 - losses)[:, None])
    rows = sp.vstack(
        [
            sp.hstack([sp.csr_array(closing), sp.diags_array(-(1.0 - losses))]),
            sp.csr_array(np.concatenate([np.ones(n_actions), np.zeros(n_users)])[None]),
            sp.csr_array(np.concatenate([np.zeros(n_actions), np.ones(n_users)])[None]),
            _exclusions(coverage.units, n_actions + n_users),
        ],
        format="csc",
    )
    return rows, losses


def _exclusions(units: NDArray[np.int64], n_columns: int) -> sp.csr_array:
    _, codes, sizes = np.unique(units, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(sizes > 1)
    members = np.flatnonzero(np.isin(codes, shared))
    row = np.searchsorted(shared, codes[members])
    return sp.csr_array((np.ones(len(members)), (row, members)), shape=(len(shared), n_columns))


def _result(solution: Solution, n_actions: int, *, maximise: bool) -> ExactResult:
    sign = -1.0 if maximise else 1.0
    bound = sign * solution.bound
    bound = float(np.floor(bound + 1e-6) if maximise else np.ceil(bound - 1e-6))
    if solution.values is None:
        return ExactResult(-1, bound, np.array([], dtype=np.intp))
    return ExactResult(round(sign * solution.objective), bound, np.flatnonzero(solution.values[:n_actions] > 0.5))
