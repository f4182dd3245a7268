"""How good is an explainer? The metrics by which methods are compared: those of sets of interactions, and of orders.

What an explanation *removes* is measured by the lists before and after: PN-S and PN-R. How an explainer *orders* the
history is measured by removing it step by step: POS-P, NEG-P, DEL and INS; and how it spreads importance by Gini.
Sources: Nguyen et al., *From Top-1 to Top-K*, SIGIR 2026 (CFExpRec) for PN-S, PN-R, POS-P, NEG-P and Gini; Barkan et
al., *A Counterfactual Framework for Learning and Evaluating Explanations for Recommender Systems*, WWW 2024 (LXR) for
DEL and INS.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import InputError
from recsys_ops.models.linear import Scorer, best_candidates

STEPS = 10
"""Steps in which a history is taken away."""


@dataclass(frozen=True)
class StepMetrics:
    """Means over the steps of one order of a history.

    ``pos`` and ``neg``: share of the steps after which the items are still in the list, the most important interactions
    removed first, or the least important; low and high are good. ``deletion`` and ``insertion``: score of the items
    relative to that of the whole history, without the most important ones, or with those only; low and high are good.
    """

    pos: float
    neg: float
    deletion: float
    insertion: float


def list_change(before: NDArray[np.int64], after: NDArray[np.int64]) -> tuple[float, float]:
    """PN-S and PN-R of a list: the share of its places with an item that was not in it, plain and discounted by rank.

    Parameters
    ----------
    before, after : ndarray, shape (k,)
        Items, best first.

    Returns
    -------
    (float, float)
        Both of 0 to 1; PN-R counts place r as 1 / log2(r + 1).

    Raises
    ------
    InputError
        The lists are empty, or differ in length.
    """
    if not len(before) or len(before) != len(after):
        raise InputError(
            f"lists: found {len(before)} and {len(after)} items. Give two lists of one length, at least 1."
        )
    is_new = ~np.isin(after, before)
    discounts = 1 / np.log2(np.arange(len(after)) + 2)
    return float(is_new.mean()), float(discounts[is_new].sum() / discounts.sum())


def gini(importance: NDArray[np.float64]) -> float:
    """How few interactions carry the importance: 0 where all carry the same, near 1 where one carries all.

    Parameters
    ----------
    importance : ndarray, shape (n,)
        Of any unit; scaled to 0 .. 1 first. At least one.

    Returns
    -------
    float
        Of a set of m interactions out of n, which has importance 1 inside and 0 outside, 1 - m / n.
    """
    if not len(importance) or not np.all(np.isfinite(importance)):
        raise InputError("importance: expected at least one number, all finite. Leave empty histories out.")
    greatest = np.abs(importance).max()
    if importance.min() == importance.max():
        return 0.0
    # Relative to the greatest first, so that the sum of very large or small numbers is neither inf nor 0.
    values = np.sort(importance / greatest)
    values -= values[0]
    n = len(values)
    return float(1 - 2 * (values / values.sum()) @ ((n - np.arange(n) - 0.5) / n))


def step_metrics(
    recommender: Scorer, history: sp.csr_array, order: NDArray[np.int64], items: NDArray[np.int64], k: int
) -> StepMetrics:
    """POS-P, NEG-P, DEL and INS of one order of a user's history, for one item or for the items of a list.

    Parameters
    ----------
    recommender : Scorer
        It is run on what is left of the history after every step.
    history : csr_array, shape (1, n_items)
        Inputs of the recommender. All of it stays out of the lists, what is removed too.
    order : ndarray, shape (n,)
        Places in the history, the most important first.
    items : ndarray, shape (n_explained,)
        One item, or those of a list, over which the means are taken.
    k : int
        Length of the list.

    Returns
    -------
    StepMetrics
        DEL and INS are nan where the score of an item is not positive, as nothing is relative to it then.

    Raises
    ------
    InputError
        ``order`` is no order of the history.
    """
    n = history.nnz
    if not n or not np.array_equal(np.sort(order), np.arange(n)):
        raise InputError(f"order: expected each of the {n} places of a history once, at least one.")
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    steps = np.arange(1, STEPS + 1)
    # Steps as even as they can be, the longer ones first.
    sizes = (steps * (n // STEPS) + np.minimum(steps, n % STEPS))[:, None]
    kept = np.concatenate([place >= sizes, place < n - sizes, place < sizes, np.ones((1, n), dtype=bool)])
    scores = recommender.scores(_parts(history, kept))
    factual = scores[-1, items]
    hidden = _parts(history, np.ones((2 * STEPS, n), dtype=bool))
    lists = best_candidates(scores[: 2 * STEPS], hidden, k)
    is_shown = (lists[:, :, None] == items).any(axis=1).mean(axis=1)
    relative = scores[:-1, items] / np.where(factual > 0, factual, np.nan)
    return StepMetrics(
        pos=float(is_shown[:STEPS].mean()),
        neg=float(is_shown[STEPS:].mean()),
        deletion=float(relative[:STEPS].mean()),
        insertion=float(relative[2 * STEPS :].mean()),
    )


def _parts(history: sp.csr_array, kept: NDArray[np.bool_]) -> sp.csr_array:
    """Parts of one history, ``(n_parts, n_items)``."""
    rows, places = np.nonzero(kept)
    shape = (len(kept), history.shape[1])
    return sp.csr_array((history.data[places], (rows, history.indices[places])), shape=shape)
