"""When a rival stands above the item, and when the item falls below a threshold: rows linear in the units taken.

What is left of the history must favour the rival by the margin of ``tolerances``. With ``left = amounts - taken`` a row
holds where ``left @ gains + rests <= 0``, which is ``taken @ gains >= amounts @ gains + rests``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.tolerances import MARGIN, SUMMATION


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
    found = lead(rows, amounts, item, np.arange(rows.shape[1]))
    if is_eligible:
        found.requires[history] = np.arange(len(history))
        found.rests[history[limits == 0]] = np.inf
    else:
        found.rests[history] = np.inf
    found.rests[item] = np.inf
    return found


def lead(rows: NDArray[np.float64], amounts: NDArray[np.int64], item: int, rivals: NDArray[np.integer]) -> Inequalities:
    """When each of some rivals stands above the item.

    Parameters
    ----------
    rows : ndarray, shape (n, n_items)
        What one unit of each interaction adds to every score.
    amounts : ndarray, shape (n,)
    item : int
    rivals : ndarray, shape (m,)

    Returns
    -------
    Inequalities
        Its sum over what is left, ``left @ gains + rests``, is at most 0 for the rivals that stand above.
    """
    theirs = rows[:, rivals]
    gains = rows[:, [item]] - theirs
    terms = np.abs(gains)
    smallest = np.where(terms > 0, terms, np.inf).min(axis=0, initial=np.inf)
    rests = MARGIN * np.where(np.isfinite(smallest), smallest, 1.0)
    margins = MARGIN * (amounts @ terms) + rests
    terms *= MARGIN
    terms += SUMMATION * (np.abs(theirs) + np.abs(rows[:, [item]]))
    gains += terms
    return Inequalities(gains, rests, margins, np.full(len(rests), -1, dtype=np.int64))


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
