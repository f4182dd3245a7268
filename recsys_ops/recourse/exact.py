"""The proven optimum: a mixed-integer program over actions and users, on request.

    max  sum_u y_u    s.t.  sum_l effect_ul z_l >= gap_u y_u,   sum_l z_l <= n_most,   one action per unit,  y, z binary
    min  sum_l z_l    s.t.  the same rows,   sum_u y_u >= n_required

An open user's row is divided by the gap, so that no big M is needed: effects are non-negative for words, tags and
categories that only gain. Where an action can lose users, the row's constant is the loss of all such actions together.
An action that helps some users and harms others may do best in part, t_l <= z_l: it enters the users' rows by t_l,
which is a whole number of steps where the feature moves by steps.
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
    """``objective`` of the best solution found (-1 for none) and its proven ``bound``.

    ``actions`` that are taken, and which ``shares`` of each, 1 for the whole.
    """

    objective: int
    bound: float
    actions: NDArray[np.intp]
    shares: NDArray[np.float64]

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
        return _nothing(0, 0.0)
    partial, size = coverage.partial, _sizes(coverage)
    rows, losses = _rows(coverage)
    n_others = rows.shape[0] - n_users - 2
    maximise = n_required == 0
    n_columns = rows.shape[1]
    cost = np.zeros(n_columns)
    if maximise:
        cost[n_actions : n_actions + n_users] = -1.0
    else:
        cost[:n_actions] = 1.0
    upper = np.ones(n_columns)
    upper[n_actions + n_users :] = size
    is_whole = np.ones(n_columns, dtype=bool)
    is_whole[n_actions + n_users :] = size > 1
    solution = solve_program(
        rows, cost=cost, lower=np.zeros(n_columns), upper=upper,
        row_lower=np.concatenate([losses, [-np.inf, n_required], np.full(n_others, -np.inf)]),
        row_upper=np.concatenate(
            [
                np.full(n_users, np.inf), [coverage.n_most, np.inf], np.zeros(len(partial)),
                np.ones(n_others - len(partial)),
            ]
        ),
        is_whole=is_whole, deadline=time.perf_counter() + time_limit, mip_abs_gap=0.999,
    )  # fmt: skip
    return _result(solution, coverage, maximise=maximise)


def _rows(coverage: Coverage) -> tuple[sp.csc_array, NDArray[np.float64]]:
    """The program's rows over actions, users and parts of actions, and what each user can lose, in gaps."""
    n_users, n_actions = coverage.effects.shape
    closing = coverage.effects / coverage.gaps[:, None]
    losses = np.minimum(closing, 0.0).sum(axis=1)
    partial, size = coverage.partial, _sizes(coverage)
    in_parts = closing[:, partial] / size
    # A whole effect beyond the gap helps no more than the gap (plus what other actions can lose again).
    whole = np.minimum(closing, (1.0 - losses)[:, None])
    whole[:, partial] = 0.0
    is_taken = sp.csr_array((-size, (np.arange(len(partial)), partial)), shape=(len(partial), n_actions))
    n_all = n_actions + n_users + len(partial)
    count_actions, count_users = np.zeros(n_all), np.zeros(n_all)
    count_actions[:n_actions] = 1.0
    count_users[n_actions : n_actions + n_users] = 1.0
    blocks = [
        sp.hstack([sp.csr_array(whole), sp.diags_array(-(1.0 - losses)), sp.csr_array(in_parts)]),
        sp.csr_array(np.array([count_actions, count_users])),
        sp.hstack([is_taken, sp.csr_array((len(partial), n_users)), sp.eye_array(len(partial))]),
        _exclusions(coverage.units, n_all),
    ]
    return sp.csc_array(sp.vstack(blocks, format="csc")), losses


def _sizes(coverage: Coverage) -> NDArray[np.float64]:
    """In how many parts each partial action is counted, 1 where any part will do."""
    if coverage.steps is None:
        return np.array([])
    steps = coverage.steps[coverage.partial]
    return np.where(np.isfinite(steps), steps, 1.0)


def _exclusions(units: NDArray[np.int64], n_columns: int) -> sp.csr_array:
    _, codes, sizes = np.unique(units, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(sizes > 1)
    members = np.flatnonzero(np.isin(codes, shared))
    row = np.searchsorted(shared, codes[members])
    return sp.csr_array((np.ones(len(members)), (row, members)), shape=(len(shared), n_columns))


def _result(solution: Solution, coverage: Coverage, *, maximise: bool) -> ExactResult:
    n_actions, partial, size = coverage.effects.shape[1], coverage.partial, _sizes(coverage)
    sign = -1.0 if maximise else 1.0
    bound = sign * solution.bound
    bound = float(np.floor(bound + 1e-6) if maximise else np.ceil(bound - 1e-6))
    if solution.values is None:
        return _nothing(-1, bound)
    shares = np.where(solution.values[:n_actions] > 0.5, 1.0, 0.0)
    if len(partial):
        parts = solution.values[len(solution.values) - len(partial) :]
        shares[partial] *= parts / size
    taken = np.flatnonzero(solution.values[:n_actions] > 0.5)
    return ExactResult(round(sign * solution.objective), bound, taken, shares[taken])


def _nothing(objective: int, bound: float) -> ExactResult:
    return ExactResult(objective, bound, np.array([], dtype=np.intp), np.array([]))
