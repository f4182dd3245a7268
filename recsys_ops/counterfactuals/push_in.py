"""The fewest additions that bring an item into a list: greedy from above, sorted sums from below, then every set.

Where the sets of a size are few they are all tried, from the least size that sorted sums allow; a program does what is
left. Rows of rivals are made as they are needed: fewer rivals are a relaxation, so what they rule out is ruled out.
What they allow is ranked by the recommender among all items, and the rivals that are above then get their rows. What
the solver rules out is confirmed by a second solve under other settings.
"""

import itertools
import math
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.additions import AdditionQuestion, Rows, not_below, rows_of
from recsys_ops.counterfactuals.program import Program
from recsys_ops.models.linear import best_positions
from recsys_ops.status import Status

MOST_TRIED = 200_000
"""Sets of one size up to which they are all tried: about a second."""

NEAREST = 256
"""Rivals of the best scores whose rows are made at first; at least eight lists of them."""

_AT_ONCE = 2048
_IGNORED = 1e-9
"""Coefficients that HiGHS takes for 0."""


@dataclass(frozen=True)
class Additions:
    """``added (n_added,)`` items, None without an answer; ``bound`` a proven lower bound of their number, None where
    nothing does.

    Ranks count what is tied with the item as above it. ``method``: bounds, where greedy additions meet sorted sums or
    all sets of a size were tried, else mio.
    """

    status: Status
    reason: str | None
    rank_before: int
    rank_after: int | None = None
    added: NDArray[np.int64] | None = None
    bound: int | None = None
    method: str | None = None


@dataclass
class _Search:
    """What is known so far: rows, the best ``chosen (n_given,)`` of at most ``cap``, and that no fewer than ``bound``
    do."""

    question: AdditionQuestion
    deadline: float
    rows: Rows
    cap: int
    chosen: NDArray[np.bool_] | None = None
    bound: int = 0
    by_solver: bool = False
    refused: list[NDArray[np.bool_]] = field(default_factory=list)

    @property
    def most(self) -> int:
        """Greatest size of a set that would be better."""
        return self.cap if self.chosen is None else int(self.chosen.sum()) - 1

    def is_late(self) -> bool:
        """Whether the time is up."""
        return time.perf_counter() > self.deadline

    def confirm(self, chosen: NDArray[np.bool_]) -> bool:
        """Whether the recommender shows the item with these additions; if not, the rivals in its way get rows.

        A set that the rows allow all the same is within a margin's slack, and is refused from now on.
        """
        above = not_below(self.question, chosen)
        if len(above) < self.question.k:
            self.chosen = chosen
            return True
        new = np.setdiff1d(above, self.rows.rivals, assume_unique=True)
        if len(new):
            scores = self.question.everything.scores[new]
            nearest = new[best_positions(scores, max(NEAREST, 8 * self.question.k))]
            self.rows = _joined(self.rows, rows_of(self.question, nearest))
        else:
            self.refused.append(chosen)
        return False


def find_additions(question: AdditionQuestion, *, time_limit: float = 10.0, max_added: int | None = None) -> Additions:
    """The fewest additions that bring the item into the list.

    Parameters
    ----------
    question : AdditionQuestion
    time_limit : float, > 0
        Seconds.
    max_added : int, >= 1, optional
        Most additions of an answer; as many as are given without. More than that are not looked for.

    Returns
    -------
    Additions
        optimal, feasible (not proven fewest), infeasible (proven, within ``max_added``), timeout, or already_satisfied.
    """
    deadline = time.perf_counter() + time_limit
    none = np.zeros(len(question.given), dtype=bool)
    above = not_below(question, none)
    before = 1 + len(above)
    if before <= question.k:
        return Additions(Status.ALREADY_SATISFIED, None, before, before, question.given[none], 0)
    if not len(question.given):
        return Additions(Status.INFEASIBLE, "there is nothing that may be added", before)
    nearest = best_positions(question.everything.rescore(question.everything.limits)[above], _n_nearest(question))
    n_given = len(question.given)
    cap = n_given if max_added is None else min(max_added, n_given)
    search = _Search(question, deadline, rows_of(question, above[nearest]), cap)
    _add_greedily(search)
    if search.chosen is not None and search.chosen.sum() > cap:
        search.chosen = None
    search.bound = max(1, _least_alone(search.rows, question.k))
    _try_sizes(search)
    if search.bound <= search.most:
        _solve(search)
    return _reported(search, before, time_limit)


def _n_nearest(question: AdditionQuestion) -> int:
    return max(NEAREST, 8 * question.k)


def _joined(rows: Rows, more: Rows) -> Rows:
    return Rows(
        np.append(rows.rivals, more.rivals), np.append(rows.base, more.base),
        np.concatenate([rows.gains, more.gains], axis=1), np.append(rows.own, more.own),
    )  # fmt: skip


def _missing(short: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """What the item lacks in all, once the k - 1 rivals that are hardest are let pass, ``(n_sets,)``."""
    positive = np.sort(np.maximum(short, 0.0), axis=1)
    missing: NDArray[np.float64] = positive[:, : max(positive.shape[1] - k + 1, 0)].sum(axis=1)
    return missing


def _add_greedily(search: _Search) -> None:
    """Add what leaves least missing, one item after the other; then leave out what is not needed."""
    k, n_given = search.question.k, len(search.question.given)
    chosen, left = np.zeros(n_given, dtype=bool), np.inf
    while not search.is_late():
        missing = _missing(_short_with_one_more(search.rows, chosen), k)
        best = int(np.argmin(missing))
        if not missing[best] < left:
            return
        chosen[best], left = True, float(missing[best])
        if left > 0:
            continue
        if search.confirm(chosen.copy()):
            break
        if search.refused:
            return
        left = float(_missing(search.rows.short(chosen[None]), k)[0])
    for place in np.flatnonzero(chosen):
        fewer = chosen.copy()
        fewer[place] = False
        if not _missing(search.rows.short(fewer[None]), k)[0] and search.confirm(fewer):
            chosen = fewer


def _short_with_one_more(rows: Rows, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What the item lacks with each further addition, ``(n_given, m)``; inf with one that is chosen already."""
    short = rows.short(chosen[None]) + rows.gains
    addable = np.flatnonzero(rows.own >= 0)
    short[rows.own[addable], addable] = -np.inf
    short[chosen] = np.inf
    return short


def _least_alone(rows: Rows, k: int) -> int:
    """The k-th greatest number of additions that a rival needs alone; one more than all for never."""
    helps = np.cumsum(-np.sort(np.minimum(rows.gains, 0.0), axis=0), axis=0)
    needed = np.where(rows.base <= 0, 0, 1 + (helps < rows.base).sum(axis=0))
    needed = np.where((rows.own >= 0) & (needed > 0), 1, needed)
    return int(np.partition(needed, -k)[-k]) if len(needed) >= k else 0


def _try_sizes(search: _Search) -> None:
    """Try all sets of the least size that is not ruled out, then of the next, while they are few."""
    n_given = len(search.question.given)
    while search.bound <= search.most and math.comb(n_given, search.bound) <= MOST_TRIED:
        if not _try_all(search, search.bound):
            return
        if search.bound <= search.most:
            search.bound += 1


def _try_all(search: _Search, size: int) -> bool:
    """Try the sets of a size until one is confirmed; whether there was time for all that."""
    n_given = len(search.question.given)
    every = itertools.combinations(range(n_given), size)
    while sets := list(itertools.islice(every, _AT_ONCE)):
        if search.is_late():
            return False
        chosen = np.zeros((len(sets), n_given), dtype=bool)
        np.put_along_axis(chosen, np.array(sets, dtype=np.int64), True, axis=1)
        while len(chosen := chosen[~(_missing(search.rows.short(chosen), search.question.k) > 0)]):
            if search.confirm(chosen[0]):
                return True
            if search.is_late():
                return False
            chosen = chosen[1:]
    return True


def _solve(search: _Search) -> None:
    """The fewest by a program, and again under other settings what it says of fewer ones."""
    search.by_solver = True
    nodes = _minimise(search)
    if nodes is not None and search.bound <= search.most:
        nodes = _minimise(search, confirmed_nodes=nodes)
    if nodes is not None:
        search.bound = search.most + 1


def _minimise(search: _Search, *, confirmed_nodes: int | None = None) -> int | None:
    """Solve until nothing better is left; nodes of the last solve, or None where time ran out."""
    while search.bound <= search.most:
        program, added = _program(search)
        solution = program.solve(search.deadline, gap=0.999, confirmed_nodes=confirmed_nodes)
        if solution.values is None:
            return solution.nodes if solution.is_proven else None
        improved = search.confirm(np.rint(solution.values[added]) > 0)
        if search.is_late():
            return None
        if improved and solution.is_proven:
            # Fewer are ruled out by this very solve.
            return solution.nodes
    return 0


def _program(search: _Search) -> tuple[Program, NDArray[np.int64]]:
    """``min sum b``, ``base_z + sum_i b_i g_iz <= deep_z (y_z + b_z)``, ``sum y < k``, ``bound <= sum b <= most``."""
    rows, most = search.rows, search.most
    deep = rows.base + np.sort(np.maximum(rows.gains, 0.0), axis=0)[-most:].sum(axis=0)
    program = Program()
    added = program.add_columns(len(rows.gains), cost=1.0)
    program.add_row(added, 1.0, lower=float(search.bound), upper=float(most))
    open_to = np.flatnonzero(deep > 0)
    above = program.add_columns(len(open_to))
    for column, rival in zip(above, open_to, strict=True):
        gains = rows.gains[:, rival].copy()
        if rows.own[rival] >= 0:
            gains[rows.own[rival]] -= deep[rival]
        size = max(float(np.abs(gains).max()), float(deep[rival]))
        room = 2 * _IGNORED * len(gains)
        coefficients = np.append(gains, -deep[rival]) / size
        program.add_row(np.append(added, column), coefficients, upper=room - float(rows.base[rival]) / size)
    program.add_row(above, 1.0, upper=float(search.question.k - 1))
    for refused in search.refused:
        program.add_row(added, np.where(refused, -1.0, 1.0), lower=1.0 - float(refused.sum()))
    return program, added


def _reported(search: _Search, before: int, time_limit: float) -> Additions:
    method = "mio" if search.by_solver else "bounds"
    if search.chosen is None:
        if search.bound > len(search.question.given):
            never = "no additions out of these bring the item into the list"
            return Additions(Status.INFEASIBLE, never, before, method=method)
        if search.bound > search.cap:
            more = f"more than {search.cap} of the {len(search.question.given)} that may be added would be needed"
            return Additions(Status.INFEASIBLE, more, before, bound=search.bound, method=method)
        nothing = f"nothing found in {time_limit:g} seconds"
        return Additions(Status.TIMEOUT, nothing, before, bound=search.bound, method=method)
    proven = search.bound > search.most
    reason = None if proven else f"not proven fewest in {time_limit:g} seconds"
    return Additions(
        Status.OPTIMAL if proven else Status.FEASIBLE, reason, before,
        1 + len(not_below(search.question, search.chosen)), search.question.given[search.chosen],
        search.bound, method,
    )  # fmt: skip
