"""Which few actions satisfy the most users: local search by exchange, started from the descent's solution.

Descent spreads small changes over many features; under a limit on the number of changes the question is one of
coverage. Actions are added greedily, then exchanged one for another while that helps. Users nobody can reach within the
limit, and users who need nothing, are left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.recourse.coverage import Budgets, Coverage

ROUNDS = 4
"""Rounds of exchanges over all actions; on MovieLens-100K the third one changes nothing any more."""

HAS_ITEM = 2.0
"""Closed share of a user who has the item: all that keeps it may go, and the rest is 1."""

LEAST_HELP = 0.01
"""Least gain of an action worth taking, in users; rounding of the float32 sums stays below."""

SHORTLIST = 192
"""Actions that the search looks at; with all 512 the mean success on MovieLens is at most half a point higher."""


def choose_actions(coverage: Coverage, start: NDArray[np.intp]) -> NDArray[np.intp]:
    """Actions that close the gaps of as many users as the search can find.

    Parameters
    ----------
    coverage : Coverage
    start : ndarray
        Actions taken at the start of one of the searches, at most ``n_most`` and within the budgets; the other starts
        from none.

    Returns
    -------
    ndarray
        Sorted positions of the actions.
    """
    effects, gaps, units, n_most = coverage.effects, coverage.gaps, coverage.units, coverage.n_most
    is_open = gaps > 0
    is_open[is_open] = _within_reach(effects[is_open], n_most) >= gaps[is_open]
    if not is_open.any():
        return np.array([], dtype=np.intp)
    at_risk = (gaps <= 0) & (np.minimum(effects, 0).sum(axis=1) < gaps)
    counted = is_open | at_risk
    closing = (effects[counted] / np.abs(gaps[counted, None])).T.astype(np.float32)
    share = np.where(is_open[counted], np.float32(0), np.float32(HAS_ITEM))
    prices = None if coverage.budgets is None else coverage.budgets.prices(n_most)
    listed = _shortlist(closing, share, start, prices)
    closing, units = closing[listed], units[listed]
    budgets = None if coverage.budgets is None else coverage.budgets.only(listed)
    first = np.searchsorted(listed, start)
    starts = [first[np.unique(units[first], return_index=True)[1]], np.array([], dtype=np.intp)]
    weighings = [None] if prices is None else [None, prices[listed]]
    found = [
        _search(_Greedy(closing, share, units, power, budgets, weighing), n_most, begin)
        for begin in starts for power in (2, 6) for weighing in weighings
    ]  # fmt: skip
    values = [int((_shares(closing, share, actions) >= 1).sum()) for actions in found]
    best = max(range(len(found)), key=lambda n: (values[n], -len(found[n]), -n))
    return listed[found[best]]


def _within_reach(effects: NDArray[np.float64], n_most: int) -> NDArray[np.float64]:
    """Most that ``n_most`` actions add to each user's score."""
    gains = np.maximum(effects, 0.0)
    n = min(n_most, gains.shape[1])
    reach: NDArray[np.float64] = np.partition(gains, gains.shape[1] - n, axis=1)[:, gains.shape[1] - n :].sum(axis=1)
    return reach


def _shortlist(
    closing: NDArray[np.float32],
    share: NDArray[np.float32],
    start: NDArray[np.intp],
    prices: NDArray[np.float64] | None,
) -> NDArray[np.intp]:
    """Actions that alone close most of all gaps, those that do so for the least of a budget, and those of the start."""
    worth = np.clip(closing[:, share == 0], 0, 1).sum(axis=1)
    listed = np.union1d(np.argsort(-worth, kind="stable")[:SHORTLIST], start)
    if prices is not None:
        listed = np.union1d(np.argsort(-worth / prices, kind="stable")[:SHORTLIST], listed)
    return listed.astype(np.intp)


def _shares(
    closing: NDArray[np.float32], share: NDArray[np.float32], taken: NDArray[np.intp] | list[int]
) -> NDArray[np.float32]:
    """Share of each user's gap that is closed with some actions taken; 1 means that the user has the item."""
    shares: NDArray[np.float32] = share + closing[taken].sum(axis=0) if len(taken) else share
    return shares


@dataclass(frozen=True)
class _Greedy:
    """One search's view of the actions: what they close, what they exclude, and how their help is weighed."""

    closing: NDArray[np.float32]
    share: NDArray[np.float32]
    units: NDArray[np.int64]
    power: int
    budgets: Budgets | None
    prices: NDArray[np.float64] | None

    def best_addition(self, taken: list[int]) -> int | None:
        """The action that helps most on top of those taken, closed gaps first; None if none helps."""
        share = _shares(self.closing, self.share, taken)
        value = _value(share + self.closing, self.power)
        value[(self.units[:, None] == self.units[taken]).any(axis=1)] = -1
        if self.budgets is not None:
            value[self.budgets.barred(taken)] = -1
        enough = _value(share[None], self.power)[0] + LEAST_HELP
        helps = value > enough
        ranked = value if self.prices is None else np.where(helps, (value - enough) / self.prices, -1.0)
        best = int(np.argmax(ranked))
        return best if helps[best] else None


def _search(greedy: _Greedy, n_most: int, start: NDArray[np.intp]) -> NDArray[np.intp]:
    taken = _fill(greedy, [int(action) for action in start], n_most)
    for _ in range(ROUNDS):
        before = set(taken)
        for action in list(taken):
            taken.remove(action)
            replacement = greedy.best_addition(taken)
            if replacement is not None:
                taken.append(replacement)
        if greedy.budgets is not None:  # an exchange may have left room in a budget
            taken = _fill(greedy, taken, n_most)
        if set(taken) == before:
            break
    return np.sort(np.array(taken, dtype=np.intp))


def _fill(greedy: _Greedy, taken: list[int], n_most: int) -> list[int]:
    while len(taken) < n_most:
        action = greedy.best_addition(taken)
        if action is None:
            break
        taken.append(action)
    return taken


def _value(shares: NDArray[np.float32], power: int) -> NDArray[np.float64]:
    """Users who have the item, and half as much for what others are near it, ``(n_actions,)``."""
    share = np.clip(shares, 0, 1)
    # Counting packed bits is several times faster than counting booleans along an axis.
    has = np.bitwise_count(np.packbits(share >= 1, axis=1)).sum(axis=1, dtype=np.int64)
    root = share if power == 2 else share * share * share
    value: NDArray[np.float64] = has + 0.5 * np.einsum("lu,lu->l", root, root).astype(np.float64)
    return value
