"""Which plan each item should follow, exactly: every combination by the definition, and a mixed-integer program.

Written from the definition and nothing else: an item is in a user's list if fewer than k of the user's other candidates
score higher, with every item as its chosen plan has it.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.solver import solve_program


@dataclass(frozen=True)
class SmallNight:
    """``today (n_users, n_items)`` scores, ``rated`` the same shape; ``moved (n_users, n_plans)`` scores by the plans.

    ``item``, ``group``, ``least (n_plans,)``; ``groups (n_users,)``; ``k``.
    """

    today: NDArray[np.float64]
    rated: NDArray[np.bool_]
    moved: NDArray[np.float64]
    item: NDArray[np.int64]
    group: NDArray[np.int64]
    least: NDArray[np.int64]
    groups: NDArray[np.int64]
    k: int


def reached_together(night: SmallNight, chosen: list[int]) -> list[int]:
    """Target users of each chosen plan who have its item in their list when all of them are followed."""
    scores = night.today.copy()
    for plan in chosen:
        scores[:, night.item[plan]] = night.moved[:, plan]
    counts = []
    for plan in chosen:
        item, n = night.item[plan], 0
        for user in np.flatnonzero(night.groups == night.group[plan]):
            if not night.rated[user, item]:
                others = [j for j in range(scores.shape[1]) if j != item and not night.rated[user, j]]
                n += sum(_above(scores[user, j], scores[user, item]) for j in others) < night.k
        counts.append(n)
    return counts


def _above(one: float, other: float) -> bool:
    return bool(one > other + 1e-9 * abs(other))


def seen_today(night: SmallNight) -> NDArray[np.int64]:
    """Target users of each plan who have its item in their list today."""
    as_is = SmallNight(
        night.today,
        night.rated,
        night.today[:, night.item],
        night.item,
        night.group,
        night.least,
        night.groups,
        night.k,
    )
    return np.array([reached_together(as_is, [plan])[0] for plan in range(len(night.item))])


def best_by_trying_all(night: SmallNight) -> int:
    """Most users that plans gain together, each of them worth following."""
    before, best = seen_today(night), 0
    choices = [[None, *np.flatnonzero(night.item == item)] for item in np.unique(night.item)]
    for combination in itertools.product(*choices):
        chosen = [int(plan) for plan in combination if plan is not None]
        gained = np.array(reached_together(night, chosen)) - before[chosen]
        if np.all(gained >= night.least[chosen]):
            best = max(best, int(gained.sum()))
    return best


def best_by_program(night: SmallNight) -> int:
    """The same by HiGHS: ``x_p`` a plan is followed, ``y_up`` its user u has the item; k places bind each ``y``."""
    before, n_plans = seen_today(night), len(night.item)
    pairs = [
        (user, plan)
        for plan in range(n_plans)
        for user in np.flatnonzero(night.groups == night.group[plan])
        if not night.rated[user, night.item[plan]]
    ]
    rows: list[dict[int, float]] = []
    limits: list[float] = []
    for item in np.unique(night.item):
        rows.append({int(plan): 1.0 for plan in np.flatnonzero(night.item == item)})
        limits.append(1.0)
    for number, (user, plan) in enumerate(pairs):
        y = n_plans + number
        rows.append({y: 1.0, plan: -1.0})
        limits.append(0.0)
        score, candidates = night.moved[user, plan], np.flatnonzero(~night.rated[user])
        others = [j for j in candidates if j != night.item[plan]]
        row = {y: float(len(others))}
        for other in np.flatnonzero(np.isin(night.item, others)):
            now = _above(night.today[user, night.item[other]], score)
            row[int(other)] = float(_above(night.moved[user, other], score)) - float(now)
        rows.append(row)
        limits.append(night.k - 1 + len(others) - sum(_above(night.today[user, j], score) for j in others))
    for plan in range(n_plans):
        rows.append({plan: float(before[plan] + night.least[plan])})
        rows[-1].update({n_plans + n: -1.0 for n, pair in enumerate(pairs) if pair[1] == plan})
        limits.append(0.0)
    entries = [(value, row, column) for row, of_row in enumerate(rows) for column, value in of_row.items()]
    values, row_of, column_of = (np.array(part) for part in zip(*entries, strict=True))
    n_columns = n_plans + len(pairs)
    solution = solve_program(
        sp.csr_array((values, (row_of, column_of)), shape=(len(rows), n_columns)),
        cost=np.r_[before, -np.ones(len(pairs))].astype(np.float64),
        lower=np.zeros(n_columns), upper=np.ones(n_columns),
        row_lower=np.full(len(rows), -np.inf), row_upper=np.array(limits), is_whole=np.ones(n_columns, dtype=bool),
    )  # fmt: skip
    assert solution.is_proven
    return round(-solution.objective)
