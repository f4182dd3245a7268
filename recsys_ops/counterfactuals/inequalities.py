"""When a rival stands above the item, and when the item falls below a threshold: rows linear in the units taken.

What is left of the history must favour the rival by the margin of ``tolerances``. With ``left = amounts - taken`` a row
holds where ``left @ gains + rests <= 0``, which is ``taken @ gains >= amounts @ gains + rests``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.tolerances import MARGIN, SUMMATION

_ROWS = 16


@dataclass(frozen=True)
class Inequalities:
    """``gains``, ``rests``, ``margins`` and ``requires`` as a question holds them."""

    gains: NDArray[np.float64]
    rests: NDArray[np.float64]
    margins: NDArray[np.float64]
    requires: NDArray[np.int64]


def rival_inequalities(
    rows: NDArray[np.float64],
    amounts: NDArray[np.int64],
    history: NDArray[np.int64],
    limits: NDArray[np.int64],
    item: int,
    *,
    is_eligible: bool,
) -> Inequalities:
    """An inequality per item; those of a itself, and of the history where it stays excluded, never hold."""
    found = lead(rows, amounts, item, slice(None))
    if is_eligible:
        found.requires[history] = np.arange(len(history))
        found.rests[history[limits == 0]] = np.inf
    else:
        found.rests[history] = np.inf
    found.rests[item] = np.inf
    return found


def lead(
    rows: NDArray[np.float64], amounts: NDArray[np.int64], item: int, rivals: NDArray[np.intp] | slice
) -> Inequalities:
    """When each of some rivals stands above the item.

    Parameters
    ----------
    rows : ndarray, shape (n, n_items)
        What one unit of each interaction adds to every score.
    amounts : ndarray, shape (n,)
    item : int
    rivals : ndarray, shape (m,), or slice

    Returns
    -------
    Inequalities
        Its sum over what is left, ``left @ gains + rests``, is at most 0 for the rivals that stand above.
    """
    own = rows[:, [item]]
    gains = own - rows[:, rivals]
    smallest, sizes = np.full(gains.shape[1], np.inf), np.zeros(gains.shape[1])
    for first in range(0, len(rows), _ROWS):
        # A few rows at a time stay in the cache.
        block = slice(first, first + _ROWS)
        terms = np.abs(gains[block])
        smallest = np.minimum(smallest, _least_positive(terms))
        sizes += amounts[block] @ terms
        terms *= MARGIN
        gains[block] += terms
        np.abs(rows[block][:, rivals], out=terms)
        terms += np.abs(own[block])
        terms *= SUMMATION
        gains[block] += terms
    rests = MARGIN * np.where(np.isfinite(smallest), smallest, 1.0)
    return Inequalities(gains, rests, MARGIN * sizes + rests, np.full(len(rests), -1, dtype=np.int64))


def _least_positive(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column, inf where there is none."""
    least: NDArray[np.float64] = terms.min(axis=0)
    zero = np.flatnonzero(least == 0)
    least[zero] = np.where(terms[:, zero] > 0, terms[:, zero], np.inf).min(axis=0)
    return least


def threshold_inequality(
    rows: NDArray[np.float64],
    amounts: NDArray[np.int64],
    scores: NDArray[np.float64],
    history: NDArray[np.int64],
    item: int,
    k: int,
) -> Inequalities:
    """One inequality: the item falls to the score of the k-th best rival; it never holds where there are fewer."""
    terms = np.abs(rows[:, [item]])
    smallest = terms.min(initial=np.inf, where=terms > 0)
    hidden = scores.copy()
    hidden[np.append(history, item)] = -np.inf
    kth = np.argsort(-hidden, kind="stable")[k - 1] if k <= len(scores) else item
    rest = np.inf
    margin = MARGIN * (float(smallest) if np.isfinite(smallest) else 1.0)
    if np.isfinite(hidden[kth]):
        margin += MARGIN * abs(float(scores[kth])) + SUMMATION * float(amounts @ np.abs(rows[:, kth]))
        rest = margin - float(scores[kth])
    margins = np.array([margin + MARGIN * float(amounts @ terms[:, 0])])
    gains = rows[:, [item]] + MARGIN * terms
    return Inequalities(gains, np.array([rest]), margins, np.array([-1], dtype=np.int64))
