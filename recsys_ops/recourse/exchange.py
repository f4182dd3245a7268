"""Which few levers satisfy the most users: local search by exchange, started from the descent's solution.

Descent spreads small changes over many features; under a limit on the number of changes the question is one of
coverage. Levers are added greedily, then exchanged one for another while that helps. Users nobody can reach within the
limit, and users who need nothing, are left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 4
"""Rounds of exchanges over all levers; on MovieLens-100K the third one changes nothing any more."""

HAS_ITEM = 2.0
"""Closed share of a user who has the item: all that keeps it may go, and the rest is 1."""

LEAST_HELP = 0.01
"""Least gain of a lever worth pulling, in users; rounding of the float32 sums stays below."""

SHORTLIST = 192
"""Levers that the search looks at; with all 512 the mean success on MovieLens is at most half a point higher."""


@dataclass(frozen=True)
class Budgets:
    """What levers take, ``weights (n_budgets, n_levers)``, of how much there is, ``most (n_budgets,)``."""

    weights: NDArray[np.float64]
    most: NDArray[np.float64]

    def only(self, chosen: NDArray[np.intp]) -> "Budgets":
        """The same budgets for some of the levers."""
        return Budgets(self.weights[:, chosen], self.most)

    def barred(self, pulled: list[int]) -> NDArray[np.bool_]:
        """Levers that do not fit on top of those pulled, ``(n_levers,)``."""
        left = self.most - self.weights[:, pulled].sum(axis=1)
        too_much: NDArray[np.bool_] = (self.weights > left[:, None]).any(axis=0)
        return too_much

    def prices(self, n_most: int) -> NDArray[np.float64]:
        """Share that each lever takes of the budget it strains most, one lever of ``n_most`` at least."""
        shares: NDArray[np.float64] = np.maximum((self.weights / self.most[:, None]).max(axis=0), 1 / n_most)
        return shares


def choose_levers(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    units: NDArray[np.int64],
    *,
    n_most: int,
    start: NDArray[np.intp],
    budgets: Budgets | None = None,
) -> NDArray[np.intp]:
    """Levers that close the gaps of as many users as the search can find.

    Parameters
    ----------
    effects : ndarray, shape (n_users, n_levers)
        What each lever adds to the score.
    gaps : ndarray, shape (n_users,)
        What is missing; users with a gap of at most 0 have the item already, and are lost below it.
    units : ndarray, shape (n_levers,)
        Levers of the same unit exclude each other.
    n_most : int
        Most levers to pull.
    start : ndarray
        Levers pulled at the start of one of the searches, at most ``n_most``; the other starts from none.
    budgets : Budgets, optional
        Further limits on the levers, which ``start`` keeps.

    Returns
    -------
    ndarray
        Sorted positions of the levers.
    """
    is_open = gaps > 0
    is_open[is_open] = _within_reach(effects[is_open], n_most) >= gaps[is_open]
    if not is_open.any():
        return np.array([], dtype=np.intp)
    at_risk = (gaps <= 0) & (np.minimum(effects, 0).sum(axis=1) < gaps)
    counted = is_open | at_risk
    closing = (effects[counted] / np.abs(gaps[counted, None])).T.astype(np.float32)
    share = np.where(is_open[counted], np.float32(0), np.float32(HAS_ITEM))
    prices = None if budgets is None else budgets.prices(n_most)
    listed = _shortlist(closing, share, start, prices)
    closing, units = closing[listed], units[listed]
    budgets = None if budgets is None else budgets.only(listed)
    first = np.searchsorted(listed, start)
    starts = [first[np.unique(units[first], return_index=True)[1]], np.array([], dtype=np.intp)]
    weighings = [None] if prices is None else [None, prices[listed]]
    found = [
        _search(_Coverage(closing, share, units, power, budgets, weighing), n_most, begin)
        for begin in starts for power in (2, 6) for weighing in weighings
    ]  # fmt: skip
    values = [int((_shares(closing, share, levers) >= 1).sum()) for levers in found]
    best = max(range(len(found)), key=lambda n: (values[n], -len(found[n]), -n))
    return listed[found[best]]


def _within_reach(effects: NDArray[np.float64], n_most: int) -> NDArray[np.float64]:
    """Most that ``n_most`` levers add to each user's score."""
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
    """Levers that alone close most of all gaps, those that do so for the least of a budget, and those of the start."""
    worth = np.clip(closing[:, share == 0], 0, 1).sum(axis=1)
    listed = np.union1d(np.argsort(-worth, kind="stable")[:SHORTLIST], start)
    if prices is not None:
        listed = np.union1d(np.argsort(-worth / prices, kind="stable")[:SHORTLIST], listed)
    return listed.astype(np.intp)


def _shares(
    closing: NDArray[np.float32], share: NDArray[np.float32], pulled: NDArray[np.intp] | list[int]
) -> NDArray[np.float32]:
    """Share of each user's gap that is closed with some levers pulled; 1 means that the user has the item."""
    shares: NDArray[np.float32] = share + closing[pulled].sum(axis=0) if len(pulled) else share
    return shares


@dataclass(frozen=True)
class _Coverage:
    """One search's view of the levers: what they close, what they exclude, and how their help is weighed."""

    closing: NDArray[np.float32]
    share: NDArray[np.float32]
    units: NDArray[np.int64]
    power: int
    budgets: Budgets | None
    prices: NDArray[np.float64] | None

    def best_addition(self, pulled: list[int]) -> int | None:
        """The lever that helps most on top of those pulled, closed gaps first; None if none helps."""
        share = _shares(self.closing, self.share, pulled)
        value = _value(share + self.closing, self.power)
        value[(self.units[:, None] == self.units[pulled]).any(axis=1)] = -1
        if self.budgets is not None:
            value[self.budgets.barred(pulled)] = -1
        enough = _value(share[None], self.power)[0] + LEAST_HELP
        helps = value > enough
        ranked = value if self.prices is None else np.where(helps, (value - enough) / self.prices, -1.0)
        best = int(np.argmax(ranked))
        return best if helps[best] else None


def _search(coverage: _Coverage, n_most: int, start: NDArray[np.intp]) -> NDArray[np.intp]:
    pulled = _fill(coverage, [int(lever) for lever in start], n_most)
    for _ in range(ROUNDS):
        before = set(pulled)
        for lever in list(pulled):
            pulled.remove(lever)
            replacement = coverage.best_addition(pulled)
            if replacement is not None:
                pulled.append(replacement)
        if coverage.budgets is not None:  # an exchange may have left room in a budget
            pulled = _fill(coverage, pulled, n_most)
        if set(pulled) == before:
            break
    return np.sort(np.array(pulled, dtype=np.intp))


def _fill(coverage: _Coverage, pulled: list[int], n_most: int) -> list[int]:
    while len(pulled) < n_most:
        lever = coverage.best_addition(pulled)
        if lever is None:
            break
        pulled.append(lever)
    return pulled


def _value(shares: NDArray[np.float32], power: int) -> NDArray[np.float64]:
    """Users who have the item, and half as much for what others are near it, ``(n_levers,)``."""
    share = np.clip(shares, 0, 1)
    # Counting packed bits is several times faster than counting booleans along an axis.
    has = np.bitwise_count(np.packbits(share >= 1, axis=1)).sum(axis=1, dtype=np.int64)
    root = share if power == 2 else share * share * share
    value: NDArray[np.float64] = has + 0.5 * np.einsum("lu,lu->l", root, root).astype(np.float64)
    return value
