"""From a user's history and an item to a question, with the rivals that can overtake and no others.

The scores of the catalogue are one vector. What tells the rivals apart, a number per interaction and rival, is made for
blocks of rivals, of which those are kept that some removal within the distance in question can bring above the item.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import greedy_removal, least_distances
from recsys_ops.counterfactuals.inequalities import (
    Contributions,
    Inequalities,
    contributions,
    lead,
    threshold_inequality,
)
from recsys_ops.counterfactuals.question import (
    Candidates,
    Question,
    RemovedItems,
    Validity,
    check_interactions,
    last_rank_before,
)
from recsys_ops.counterfactuals.rescored import rescored_best
from recsys_ops.counterfactuals.screen import least_by_rate, within_reach
from recsys_ops.counterfactuals.verify import rank_without
from recsys_ops.errors import InputError
from recsys_ops.models.linear import LinearModel, best_positions

BLOCK_ELEMENTS = 2**20
"""Interactions times rivals of a block; a handful of arrays of 8 MiB."""

NEAREST, MOST_NEAREST = 256, 2**16
"""Rivals of the best scores among which a greedy explanation is looked for, at first and at most."""


SHORT = 4
"""Interactions up to which a greedy explanation is not looked for again among the rivals that it leaves nearest."""


def make_question(
    recommender: LinearModel,
    history: NDArray[np.integer],
    amounts: NDArray[np.integer],
    item: int,
    *,
    k: int,
    scale: float = 1.0,
    validity: Validity = "kth",
    removed_items: RemovedItems = "excluded",
    candidates: Candidates = "unseen",
    drop: int | None = None,
    weights: NDArray[np.float64] | None = None,
    removable: NDArray[np.bool_] | None = None,
    max_removed: int | None = None,
    max_distance: float | None = None,
    only_shortest: bool = False,
    scores: NDArray[np.float64] | None = None,
) -> Question:
    """Prepare the question of one user and one item.

    Parameters
    ----------
    recommender : LinearModel
        Scores ``(amounts / scale) @ W + b``.
    history : ndarray, shape (n,)
        Items of the interactions, each once, ascending.
    amounts : ndarray, shape (n,)
        Whole units of each interaction: stars with ``scale`` the greatest rating, or ones with ``scale`` 1.
    item : int
        The item that the question is about.
    k : int, >= 1
        Length of the lists that the user sees.
    validity : "kth" or "score"
        k rivals stand above the item; or its score falls below the factual one of the k-th best rival.
    removed_items : "excluded" or "eligible"
        Whether an item whose interaction is taken away entirely becomes a candidate.
    candidates : "unseen" or "all"
        Whether items of the history may be recommended, and selected.
    drop : int, >= 1, optional
        Instead of leaving the first k, the item falls by so many positions: k is its rank + drop - 1.
    weights : ndarray, shape (n,), > 0, optional
        Cost of each interaction; 1 without.
    removable : ndarray, shape (n,), bool, optional
        Interactions that may be touched; all without.
    max_removed, max_distance : optional
        Most interactions that an explanation touches, and its greatest distance; as many as there are without.
    only_shortest : bool
        Leave out the rivals that cannot overtake within the distance of a greedy explanation. Enough for the shortest
        explanation; not for further ones, nor for plausible ones, which may be longer.
    scores : ndarray, shape (n_items,), optional
        Factual scores of all items, where the recommender has been run on this history before.

    Returns
    -------
    Question

    Raises
    ------
    InputError
        The arrays contradict each other; never for what a proper history holds.

    Notes
    -----
    Memory O(n_items + n x rivals left) and blocks. Time O(n n_items), times d for factors.
    """
    items: NDArray[np.int64] = np.asarray(history, dtype=np.int64)
    units: NDArray[np.int64] = np.asarray(amounts, dtype=np.int64)
    costs = np.ones(len(items)) if weights is None else np.asarray(weights, dtype=np.float64)
    may_go = np.ones(len(items), dtype=bool) if removable is None else np.asarray(removable, dtype=bool)
    check_interactions(recommender.n_items, items, amounts, costs, may_go, item=item, k=k, scale=scale)
    limits = np.where(may_go, units, 0)
    is_rival = _known(recommender, item)
    if candidates == "unseen":
        is_rival[items if validity == "score" or removed_items == "excluded" else items[limits == 0]] = False
    is_rival[item] = False
    none = _joined([], len(items))
    if scores is None:
        scores = _factual_scores(recommender, items, units, scale)
    question = Question(
        recommender=recommender, item=int(item), k=k, validity=validity, removed_items=removed_items,
        history=items, amounts=units, scale=scale, weights=costs, limits=limits,
        scores=scores, magnitudes=_magnitudes(recommender, items, units, scale),
        gains=none.gains, gaps=none.rests, rests=none.rests, margins=none.margins, requires=none.requires,
        n_rivals=int(is_rival.sum()), needed=k if validity == "kth" else 1,
        max_removed=np.inf if max_removed is None else max_removed,
        max_distance=np.inf if max_distance is None else max_distance, candidates=candidates,
    )  # fmt: skip
    if drop is not None:
        lowest = last_rank_before(rank_without(question, np.zeros_like(units)), drop)
        question = replace(question, k=lowest, needed=lowest if validity == "kth" else 1)
    rivals = np.flatnonzero(is_rival)
    if validity == "score":
        return _with(question, [_falls(question, rivals)])
    if not only_shortest:
        return _with(question, _overtakers(question, rivals, question.farthest))
    most = min(question.farthest, _greedy_distance(question, rivals))
    return _with(question, _overtakers(question, rivals, most, n_nearest=max(NEAREST, 8 * question.k)))


def _factual_scores(
    recommender: LinearModel, history: NDArray[np.int64], amounts: NDArray[np.int64], scale: float
) -> NDArray[np.float64]:
    shape = (1, recommender.n_items)
    inputs = sp.csr_array((amounts / scale, history, [0, len(history)]), shape=shape)
    scores: NDArray[np.float64] = recommender.scores(inputs)[0]
    return scores


def _known(recommender: LinearModel, item: int) -> NDArray[np.bool_]:
    """Which items the recommender knows, the one in question among them."""
    if recommender.offsets is None:
        return np.ones(recommender.n_items, dtype=bool)
    is_known: NDArray[np.bool_] = recommender.offsets > -np.inf
    if not is_known[item]:
        raise InputError(f"question: the recommender does not know item {item}, so it never recommends it.")
    return is_known


def _magnitudes(
    recommender: LinearModel, history: NDArray[np.int64], units: NDArray[np.int64], scale: float
) -> NDArray[np.float64]:
    """At least the absolute terms of every score, ``(n_items,)``."""
    n_items, offsets = recommender.n_items, recommender.offsets
    if recommender.norms is not None:
        lengths, others = recommender.norms
        sizes = float(units @ lengths[history]) / scale * others
    else:
        sizes = np.empty(n_items)
        for block in _blocks(np.arange(n_items), len(history)):
            sizes[block] = units @ np.abs(recommender.rows(history, slice(block[0], block[-1] + 1))) / scale
    return sizes if offsets is None else sizes + np.abs(np.where(np.isfinite(offsets), offsets, 0.0))


def _blocks(targets: NDArray[np.intp], n: int) -> list[NDArray[np.intp]]:
    size = max(1, BLOCK_ELEMENTS // max(n, 1))
    return [targets[first : first + size] for first in range(0, len(targets), size)]


def _falls(question: Question, rivals: NDArray[np.intp]) -> Inequalities:
    best = rivals[best_positions(question.scores[rivals], question.k)]
    kth = None if len(best) < question.k else _contributions(question, best[-1:])
    return threshold_inequality(_own(question), kth, question.amounts)


def _greedy_distance(question: Question, rivals: NDArray[np.intp]) -> float:
    """Distance of a greedy explanation by some of the rivals: those of the greatest scores, then also afterwards.

    What is far below the item today may be just below it once much is gone, and make for a shorter explanation.
    """
    n_nearest = max(NEAREST, 8 * question.k)
    some = question.history[_are_among(question.history, rivals)]
    taken = None
    while taken is None and len(some) < min(len(rivals), MOST_NEAREST):
        some = np.union1d(some, _nearest(rivals, question.scores[rivals], n_nearest))
        taken = _greedy(question, some)
        n_nearest *= 16
    if taken is None or np.count_nonzero(taken) <= SHORT:
        return np.inf if taken is None else question.distance(taken)
    later = _greedy(question, np.union1d(some, _nearest_without(question, taken, rivals, some)))
    return min(question.distance(found) for found in (taken, later) if found is not None)


def _nearest(rivals: NDArray[np.intp], scores: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """The n rivals of the best scores, of which there is one for each."""
    return rivals[best_positions(scores, n)]


def _nearest_without(
    question: Question, taken: NDArray[np.int64], rivals: NDArray[np.intp], some: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Rivals of the best scores once some units are gone; ``some`` of them set the level that has to be reached."""
    n = max(NEAREST, 8 * question.k)
    if len(some) < n:  # they are all
        return some
    items, scores = rescored_best(question, taken, some, n)
    is_rival = _are_among(items, rivals)
    return _nearest(items[is_rival], scores[is_rival], n)


def _are_among(items: NDArray[np.intp], rivals: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which items are among some ascending ones: a search where ``isin`` reads them all."""
    is_among: NDArray[np.bool_] = np.append(rivals, -1)[np.searchsorted(rivals, items)] == items
    return is_among


def _greedy(question: Question, some: NDArray[np.intp]) -> NDArray[np.int64] | None:
    """A greedy explanation by some rivals, if there is one."""
    among = _with(question, [_rows_of(question, some, _own(question))])
    taken = greedy_removal(among, question.limits)
    return taken if taken is not None and among.explains(taken) else None


def _overtakers(question: Question, rivals: NDArray[np.intp], most: float, *, n_nearest: int = 0) -> list[Inequalities]:
    """Inequalities of the rivals that some removal within a distance brings above the item, in blocks.

    Where that is much of a large catalogue, the distance is that of a greedy explanation by the rivals that may need
    the least of it, if this is shorter: rivals that are far below today and come first once little is gone.
    """
    own = _own(question)
    near = within_reach(question, own.rows[:, 0], rivals, most)
    least = least_by_rate(question, own.rows[:, 0], near)
    if n_nearest and len(near) > MOST_NEAREST:
        taken = _greedy(question, np.sort(near[best_positions(-least, n_nearest)]))
        most = most if taken is None else min(most, question.distance(taken))
    near = near[least <= most]
    found = []
    for block in _blocks(near, len(question.history)):
        part = _rows_of(question, block, own)
        kept = np.isfinite(least_distances(_with(question, [part]), question.limits, most))
        found.append(_at(part, kept))
    return found


def _own(question: Question) -> Contributions:
    return _contributions(question, np.array([question.item]))


def _contributions(question: Question, targets: NDArray[np.intp]) -> Contributions:
    return contributions(
        question.recommender, question.history, question.scale, targets, candidates=question.candidates
    )


def _rows_of(question: Question, rivals: NDArray[np.intp], own: Contributions) -> Inequalities:
    """Inequalities of some rivals; hidden ones of the history hold only once their interaction is gone."""
    part = lead(_contributions(question, rivals), own, question.amounts)
    if question.candidates == "all":
        return part
    places = np.flatnonzero(np.isin(rivals, question.history))
    part.requires[places] = np.searchsorted(question.history, rivals[places])
    return part


def _at(part: Inequalities, kept: NDArray[np.bool_]) -> Inequalities:
    return Inequalities(part.gains[:, kept], part.rests[kept], part.margins[kept], part.requires[kept])


def _joined(parts: list[Inequalities], n: int) -> Inequalities:
    if not parts:
        return Inequalities(np.empty((n, 0)), np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    return Inequalities(
        np.concatenate([part.gains for part in parts], axis=1), np.concatenate([part.rests for part in parts]),
        np.concatenate([part.margins for part in parts]), np.concatenate([part.requires for part in parts]),
    )  # fmt: skip


def _with(question: Question, parts: list[Inequalities]) -> Question:
    all_of = _joined(parts, len(question.history))
    return replace(
        question, gains=all_of.gains, gaps=question.amounts @ all_of.gains + all_of.rests, rests=all_of.rests,
        margins=all_of.margins, requires=all_of.requires,
    )  # fmt: skip
