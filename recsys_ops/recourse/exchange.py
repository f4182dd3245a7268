"""Which few levers satisfy the most users: local search by exchange, started from the descent's solution.

Descent spreads small changes over many features; under a limit on the number of changes the question is one of
coverage. Levers are added greedily, then exchanged one for another while that helps. Users nobody can reach within the
limit, and users who need nothing, are left out.
"""

import numpy as np
from numpy.typing import NDArray

ROUNDS = 4
"""Rounds of exchanges over all levers; on MovieLens-100K the third one changes nothing any more."""


def choose_levers(
    effects: NDArray[np.float64],
    gaps: NDArray[np.float64],
    units: NDArray[np.int64],
    *,
    n_most: int,
    start: NDArray[np.intp],
) -> NDArray[np.intp]:
    """Levers that close the gaps of as many users as the search can find.

    Parameters
    ----------
    effects : ndarray, shape (n_users, n_levers)
        What each lever adds to the score.
    gaps : ndarray, shape (n_users,)
        What is missing; users with a gap of at most 0 do not count.
    units : ndarray, shape (n_levers,)
        Levers of the same unit exclude each other.
    n_most : int
        Most levers to pull.
    start : ndarray
        Levers pulled at the start of one of the searches, at most ``n_most``; the other starts from none.

    Returns
    -------
    ndarray
        Sorted positions of the levers.
    """
    open_users = (gaps > 0) & (_within_reach(effects, n_most) >= gaps)
    if not open_users.any():
        return np.array([], dtype=np.intp)
    closing = (effects[open_users] / gaps[open_users, None]).T.astype(np.float32).copy()
    starts = [start[np.unique(units[start], return_index=True)[1]], np.array([], dtype=np.intp)]
    found = [_search(closing, units, n_most, begin, power) for begin in starts for power in (2, 6)]
    values = [_closed(closing, levers) for levers in found]
    best = max(range(len(found)), key=lambda n: (values[n], -len(found[n]), -n))
    return found[best]


def _within_reach(effects: NDArray[np.float64], n_most: int) -> NDArray[np.float64]:
    gains = np.maximum(effects, 0.0)
    n = min(n_most, gains.shape[1])
    reach: NDArray[np.float64] = np.partition(gains, gains.shape[1] - n, axis=1)[:, gains.shape[1] - n :].sum(axis=1)
    return reach


def _closed(closing: NDArray[np.float32], levers: NDArray[np.intp]) -> int:
    return int((closing[levers].sum(axis=0) >= 1).sum()) if len(levers) else 0


def _search(
    closing: NDArray[np.float32], units: NDArray[np.int64], n_most: int, start: NDArray[np.intp], power: int
) -> NDArray[np.intp]:
    pulled = [int(lever) for lever in start]
    share = closing[pulled].sum(axis=0) if pulled else np.zeros(closing.shape[1], np.float32)
    while len(pulled) < n_most and np.any(share < 1):
        lever = _best_addition(closing, share, units, pulled, power)
        if lever is None:
            break
        pulled.append(lever)
        share = share + closing[lever]
    for _ in range(ROUNDS):
        before = set(pulled)
        for lever in list(pulled):
            pulled.remove(lever)
            without = closing[pulled].sum(axis=0) if pulled else np.zeros_like(share)
            replacement = _best_addition(closing, without, units, pulled, power)
            pulled.append(lever if replacement is None else replacement)
        if set(pulled) == before:
            break
    return np.sort(np.array(pulled, dtype=np.intp))


def _best_addition(
    closing: NDArray[np.float32],
    share: NDArray[np.float32],
    units: NDArray[np.int64],
    pulled: list[int],
    power: int,
) -> int | None:
    """The lever that helps most on top of those pulled, closed gaps first; None if none helps."""
    reached = np.minimum(share + closing, 1)
    np.maximum(reached, 0, out=reached)
    closed = (reached >= 1).sum(axis=1)
    value = closed + 0.5 * (reached**power).sum(axis=1)
    value[np.isin(units, units[pulled])] = -1
    best = int(np.argmax(value))
    return best if value[best] > 0 else None
