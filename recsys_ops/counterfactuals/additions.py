"""The question: which further interactions would bring an item into a user's list?

Adding is taking away the other way round: from the history that has all that may be added, some of it stays. So
scores, rows and margins are those of ``question`` and ``inequalities``, with item and rival exchanged. With b_i = 1 for
what is added, the item stands above rival z where

    base_z + sum_i b_i g_iz <= 0,    or z itself is added and so leaves the candidates

and at most k - 1 rivals may be left that it does not stand above. Here a tie counts against the item: what is tied may
or may not be shown, and no tie decides.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.inequalities import contributions, lead
from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.question import Candidates, Question
from recsys_ops.counterfactuals.tolerances import MARGIN, SLACK
from recsys_ops.errors import InputError
from recsys_ops.models.linear import LinearModel, best_positions

MOST_LINKED = 100
"""Items that may be added where none are named: those that add most to the item's score."""

_ITEMS = 2**16


@dataclass(frozen=True)
class AdditionQuestion:
    """``everything``: the history with all that may be added, of which only this may be taken away; list of ``k``.

    ``given (n_given,)`` the items that may be added, ascending; ``rivals`` all that may stand above the item.
    """

    everything: Question
    k: int
    given: NDArray[np.int64]
    rivals: NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """Which of m rivals the item stands above: those of ``base + chosen @ gains <= 0``, and those that are chosen.

    ``base (m,)`` gives away a part of each margin, so that rounding never has a rival stand above that does not.
    ``gains (n_given, m)``; ``own (m,)`` is the place of a rival in the given set, -1 of one that cannot be added.
    """

    rivals: NDArray[np.intp]
    base: NDArray[np.float64]
    gains: NDArray[np.float64]
    own: NDArray[np.int64]

    def short(self, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the item lacks to stand above each rival, ``(n_sets, m)``, with sets of additions ``(n_sets, n)``."""
        short: NDArray[np.float64] = chosen.astype(np.float64) @ self.gains + self.base
        none = np.zeros((len(chosen), 1), dtype=bool)  # what position -1 finds
        short[np.hstack([chosen, none])[:, self.own]] = -np.inf
        return short


def make_addition_question(
    recommender: LinearModel,
    history: NDArray[np.integer],
    amounts: NDArray[np.integer],
    item: int,
    given: NDArray[np.integer],
    *,
    k: int,
    scale: float = 1.0,
    candidates: Candidates = "unseen",
) -> AdditionQuestion:
    """Prepare the question of one user and one item.

    Parameters
    ----------
    recommender, history, amounts, scale, candidates
        As for ``make_question``.
    item : int
        The item that is not in the list.
    given : ndarray, shape (n_given,)
        Items that may be added, each with the greatest amount; none of the history, and not the item.
    k : int, >= 1
        Length of the list.

    Returns
    -------
    AdditionQuestion

    Raises
    ------
    InputError
        The arrays contradict each other, or the recommender does not know the item.

    Notes
    -----
    Memory O(n_items) and blocks.
    """
    items = np.concatenate([history, given]).astype(np.int64)
    if len(np.unique(items)) < len(items) or item in given:
        raise InputError("additions: the history, the given items and the item must all differ. Leave out repeats.")
    if len(amounts) != len(history):
        raise InputError(f"additions: {len(history)} interactions with {len(amounts)} amounts. Give one for each.")
    if k < 1:
        raise InputError(f"additions: k must be at least 1 (found {k}).")
    order = np.argsort(items)
    everything = make_question(
        recommender, items[order], np.append(amounts, np.full(len(given), scale)).astype(np.int64)[order], item,
        k=1, scale=scale, validity="score", candidates=candidates, removable=order >= len(history),
    )  # fmt: skip
    is_rival = (
        np.ones(recommender.n_items, dtype=bool) if recommender.offsets is None else recommender.offsets > -np.inf
    )
    if candidates == "unseen":
        is_rival[np.asarray(history, dtype=np.int64)] = False
    is_rival[item] = False
    return AdditionQuestion(everything, k, np.sort(given).astype(np.int64), np.flatnonzero(is_rival))


def linked_items(
    recommender: LinearModel, item: int, history: NDArray[np.integer], n: int = MOST_LINKED
) -> NDArray[np.int64]:
    """The items that add most to an item's score, at most n, ascending.

    Parameters
    ----------
    recommender : LinearModel
    item : int
    history : ndarray, shape (n_history,)
        Items that are left out, as the item itself is.
    n : int

    Returns
    -------
    ndarray, shape (at most n,)
        Those that add something only.
    """
    links = np.empty(recommender.n_items)
    for first in range(0, len(links), _ITEMS):
        block = np.arange(first, min(first + _ITEMS, len(links)))
        links[block] = recommender.rows(block, np.array([item]))[:, 0]
    if recommender.offsets is not None:
        links[np.isinf(recommender.offsets)] = 0.0
    links[np.append(np.asarray(history, dtype=np.int64), item)] = 0.0
    best = best_positions(links, n)
    return np.sort(best[links[best] > 0])


def rows_of(question: AdditionQuestion, rivals: NDArray[np.intp]) -> Rows:
    """The rows of some rivals."""
    everything = question.everything
    is_given = everything.limits > 0
    others, own = (
        contributions(
            everything.recommender, everything.history, everything.scale, items, candidates=everything.candidates
        )
        for items in (rivals, np.array([everything.item]))
    )
    row = lead(own, others, everything.amounts)
    base = everything.amounts[~is_given] @ row.gains[~is_given] + row.rests - SLACK * row.margins
    gains = everything.amounts[is_given, None] * row.gains[is_given]
    place = np.full(len(rivals), -1, dtype=np.int64)
    if everything.candidates == "unseen":
        places = np.flatnonzero(np.isin(rivals, question.given))
        place[places] = np.searchsorted(question.given, rivals[places])
    return Rows(rivals, base, gains, place)


def not_below(question: AdditionQuestion, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rivals that the item does not stand above once some items are added, by the recommender itself.

    Parameters
    ----------
    question : AdditionQuestion
    chosen : ndarray, shape (n_given,), bool

    Returns
    -------
    ndarray
        Ascending. The item's rank, with ties against it, is 1 more than they are.
    """
    everything, rivals = question.everything, question.rivals
    taken = everything.limits.copy()
    taken[np.flatnonzero(taken)[chosen]] = 0
    if everything.candidates == "unseen":
        rivals = np.setdiff1d(rivals, question.given[chosen], assume_unique=True)
    scores = everything.rescore(taken)
    ahead = scores[everything.item] - scores[rivals]
    # No margin is greater than twice its part of all that adds to the two scores.
    most = 3 * MARGIN * (everything.magnitudes[rivals] + everything.magnitudes[everything.item])
    near = np.flatnonzero((ahead >= 0) & (ahead <= most))
    is_above = ahead > 0
    if len(near):
        others, own = (
            contributions(
                everything.recommender, everything.history, everything.scale, items, candidates=everything.candidates
            )
            for items in (rivals[near], np.array([everything.item]))
        )
        row = lead(own, others, everything.amounts)
        is_above[near] = (everything.amounts - taken) @ row.gains + row.rests <= 0
    left: NDArray[np.intp] = rivals[~is_above]
    return left
