"""When a rival stands above the item, and when the item falls below a threshold: rows linear in the units taken.

What is left of the history must favour the rival by the margin of ``tolerances``. With ``left = amounts - taken`` a row
holds where ``left @ gains + rests <= 0``, which is ``taken @ gains >= amounts @ gains + rests``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.question import Candidates
from recsys_ops.counterfactuals.tolerances import MARGIN, SUMMATION
from recsys_ops.models.linear import LinearModel

_ROWS = 16


@dataclass(frozen=True)
class Contributions:
    """What makes up the scores of m items for one history of n interactions.

    ``rows (n, m)`` what one unit of each interaction adds, ``sizes (n, m)`` at least the absolute terms it is summed
    from, ``offsets (m,)`` what every history gets.
    """

    rows: NDArray[np.float64]
    sizes: NDArray[np.float64]
    offsets: NDArray[np.float64]


@dataclass(frozen=True)
class Inequalities:
    """``gains``, ``rests``, ``margins`` and ``requires`` as a question holds them."""

    gains: NDArray[np.float64]
    rests: NDArray[np.float64]
    margins: NDArray[np.float64]
    requires: NDArray[np.int64]


def contributions(
    recommender: LinearModel,
    history: NDArray[np.int64],
    scale: float,
    targets: NDArray[np.intp],
    *,
    candidates: Candidates = "unseen",
) -> Contributions:
    """What a history contributes to some items; nothing to its own item, unless this may be recommended meanwhile.

    Parameters
    ----------
    recommender : LinearModel
    history : ndarray, shape (n,)
        Ascending.
    scale : float
        Units of an interaction that count 1.
    targets : ndarray, shape (m,)
    candidates : "unseen" or "all"
        With "all" an interaction contributes to its own item, too, as the recommender has it.

    Returns
    -------
    Contributions
    """
    rows = recommender.rows(history, targets)
    rows /= scale
    if candidates == "unseen":
        own = np.flatnonzero(np.isin(targets, history))
        rows[np.searchsorted(history, targets[own]), own] = 0.0
    offsets = np.zeros(len(targets)) if recommender.offsets is None else recommender.offsets[targets]
    if recommender.norms is None:
        return Contributions(rows, np.abs(rows), offsets)
    lengths, others = recommender.norms
    return Contributions(rows, np.outer(lengths[history] / scale, others[targets]), offsets)


def lead(rivals: Contributions, item: Contributions, amounts: NDArray[np.int64]) -> Inequalities:
    """When each of some rivals stands above the item.

    Parameters
    ----------
    rivals : Contributions
        Of m items.
    item : Contributions
        Of the item alone.
    amounts : ndarray, shape (n,)

    Returns
    -------
    Inequalities
        Its sum over what is left, ``left @ gains + rests``, is at most 0 for the rivals that stand above.
    """
    gains = item.rows - rivals.rows
    ahead = item.offsets - rivals.offsets
    smallest, sizes = _positive(np.abs(ahead)), np.abs(ahead)
    for first in range(0, len(gains), _ROWS):
        # A few rows at a time stay in the cache.
        block = slice(first, first + _ROWS)
        terms = np.abs(gains[block])
        smallest = np.minimum(smallest, _least_positive(terms))
        sizes += amounts[block] @ terms
        terms *= MARGIN
        gains[block] += terms
        np.add(rivals.sizes[block], item.sizes[block], out=terms)
        terms *= SUMMATION
        gains[block] += terms
    least = MARGIN * np.where(np.isfinite(smallest), smallest, 1.0)
    rounding = SUMMATION * (np.abs(item.offsets) + np.abs(rivals.offsets))
    rests = least + ahead + MARGIN * np.abs(ahead) + rounding
    return Inequalities(gains, rests, MARGIN * sizes + least, np.full(len(rests), -1, dtype=np.int64))


def _least_positive(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column, inf where there is none."""
    least: NDArray[np.float64] = terms.min(axis=0)
    zero = np.flatnonzero(least == 0)
    least[zero] = _positive(terms[:, zero]).min(axis=0)
    return least


def _positive(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same with inf in place of 0."""
    return np.where(terms > 0, terms, np.inf)


def threshold_inequality(item: Contributions, kth: Contributions | None, amounts: NDArray[np.int64]) -> Inequalities:
    """One inequality: the item falls to the factual score of the k-th best rival.

    Parameters
    ----------
    item, kth : Contributions
        Of one item each; without a k-th rival it never holds.
    amounts : ndarray, shape (n,)

    Returns
    -------
    Inequalities
    """
    terms = np.abs(item.rows)
    offset = abs(float(item.offsets[0]))
    smallest = min(terms.min(initial=np.inf, where=terms > 0), offset or np.inf)
    margin = MARGIN * (float(smallest) if np.isfinite(smallest) else 1.0) + MARGIN * offset
    rest = np.inf
    if kth is not None:
        threshold = float(amounts @ kth.rows[:, 0] + kth.offsets[0])
        margin += MARGIN * abs(threshold) + SUMMATION * float(amounts @ kth.sizes[:, 0] + abs(kth.offsets[0]))
        rest = margin + float(item.offsets[0]) - threshold
    margins = np.array([margin + MARGIN * float(amounts @ terms[:, 0])])
    return Inequalities(item.rows + MARGIN * terms, np.array([rest]), margins, np.array([-1], dtype=np.int64))
