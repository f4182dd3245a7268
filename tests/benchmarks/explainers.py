"""Explainers of single recommendations to compare with: small, plain, written from the papers, for linear recommenders.

Each is given the recommender, a history of ones and an item, and gives an importance per interaction and what to
remove. Those that only order the history remove the shortest beginning of their order after which the recommender no
longer shows the item. All read the recommender's weights or run it as often as they like; only the search of Kaffes
has a budget, as in the paper.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.counterfactuals.prepare import make_question
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import explain
from recsys_ops.models.linear import LinearModel, best_positions
from recsys_ops.status import Status

SAMPLES = 500
"""Perturbed histories of LIME."""

CALLS = 1000
"""Runs of the recommender in the budgeted search."""


@dataclass(frozen=True)
class Case:
    """A user's ``history (n,)``, the ``item`` shown in a list of ``k``, ``norms (n_items,)`` for cosines of columns.

    ``columns`` are those of the histories that the recommender was fitted on, ``(n_items, n_users)``.
    """

    recommender: LinearModel
    columns: sp.csr_array
    norms: NDArray[np.float64]
    history: NDArray[np.int64]
    item: int
    k: int
    seed: int


@dataclass(frozen=True)
class Found:
    """``importance (n,)`` of each interaction, ``removed (n,)`` or None without an answer.

    ``is_proven``: there is nothing smaller, or nothing at all.
    """

    importance: NDArray[np.float64]
    removed: NDArray[np.bool_] | None
    is_proven: bool = False


Method = Callable[[Case], Found]


def exact(case: Case) -> Found:
    """Ours: the fewest removals, proven; important is what is removed."""
    question = make_question(
        case.recommender, case.history, np.ones(len(case.history), dtype=np.int64), case.item, k=case.k,
        only_shortest=True,
    )  # fmt: skip
    found = explain(question, None, Settings(k=case.k))[0]
    is_proven = found.status in (Status.OPTIMAL, Status.INFEASIBLE)
    if not found.n_removed:
        return Found(np.zeros(len(case.history)), None, is_proven)
    removed = np.isin(case.history, found.removed)
    return Found(removed.astype(np.float64), removed, is_proven)


def at_random(case: Case) -> Found:
    """Any order."""
    return _by_order(case, np.random.default_rng(case.seed).random(len(case.history)))


def most_similar(case: Case) -> Found:
    """By the cosine of the users of the two items."""
    shared = case.columns[case.history] @ case.columns[[case.item]].T
    lengths = case.norms[case.history] * case.norms[case.item]
    return _by_order(case, shared.toarray()[:, 0] / np.maximum(lengths, 1e-12))


def lime(case: Case) -> Found:
    """LIME for recommenders (Nóbrega and Marinho 2019): ridge regression of the item's score on which half is kept.

    Perturbed histories are weighted by their cosine with the whole one, ``exp(-(1 - cosine)^2 / 0.25^2)``.
    """
    n = len(case.history)
    kept = np.random.default_rng(case.seed).random((SAMPLES, n)) < 0.5
    kept[0] = True
    scores = case.recommender.scores(_histories(case, kept))[:, case.item]
    weights = np.exp(-((1 - np.sqrt(kept.mean(axis=1))) ** 2) / 0.25**2)
    centred = kept - np.average(kept, axis=0, weights=weights)
    weighted = centred * weights[:, None]
    gram = weighted.T @ centred
    ridge = 1e-3 * np.trace(gram) / n
    coefficients = np.linalg.solve(
        gram + ridge * np.eye(n), weighted.T @ (scores - np.average(scores, weights=weights))
    )
    return _by_order(case, coefficients)


def prince(case: Case) -> Found:
    """PRINCE (Ghazimatin et al., WSDM 2020): for each of the k + 1 best items, what favours the item most is removed
    until the other stands above it; the smallest such set, of equal ones the one that puts the other farthest above."""
    return _by_swaps(case, case.k + 1, is_farthest=True)


def accent(case: Case) -> Found:
    """ACCENT (Tran et al., SIGIR 2021): the same for the items of the list, at least two, by influence on the gap
    between two scores, which is exact for a linear recommender; of equal sets the one that just closes the gap."""
    return _by_swaps(case, max(case.k, 2), is_farthest=False)


def kaffes(case: Case) -> Found:
    """Kaffes et al., UMAP 2021: sets of interactions, the one that has brought the item nearest to leaving first, each
    with one more of the rest, until one of them works or the budget is spent."""
    queue: list[tuple[float, int, tuple[int, ...]]] = [(0.0, 0, ())]
    seen: set[tuple[int, ...]] = set()
    calls, n = 0, len(case.history)
    nearest = np.zeros(n)
    while queue and calls < CALLS:
        _, _, removed = heapq.heappop(queue)
        larger = [tuple(sorted((*removed, place))) for place in range(n) if place not in removed]
        larger = [one for one in larger if one not in seen][: CALLS - calls]
        if not larger:
            continue
        seen.update(larger)
        kept = np.ones((len(larger), n), dtype=bool)
        for row, one in enumerate(larger):
            kept[row, list(one)] = False
        leads = _leads(case, kept)
        calls += len(larger)
        if not removed:
            nearest = -leads
        best = int(np.argmin(leads))
        if leads[best] < 0:
            return Found((~kept[best]).astype(np.float64), ~kept[best])
        for lead, one in zip(leads, larger, strict=True):
            heapq.heappush(queue, (float(lead), len(seen), one))
    return Found(nearest, None)


METHODS: dict[str, Method] = {
    "exact (ours)": exact, "random": at_random, "most similar": most_similar, "LIME": lime, "PRINCE": prince,
    "ACCENT": accent, "Kaffes": kaffes,
}  # fmt: skip


def order_of(case: Case, importance: NDArray[np.float64], items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places by importance; of equal importance, as all of a set have, by what they add to the items."""
    added = case.recommender.rows(case.history, items).mean(axis=1)
    order: NDArray[np.int64] = np.lexsort((-added, -importance))
    return order


def _histories(case: Case, kept: NDArray[np.bool_]) -> sp.csr_array:
    rows, places = np.nonzero(kept)
    shape = (len(kept), case.recommender.n_items)
    return sp.csr_array((np.ones(len(rows)), (rows, case.history[places])), shape=shape)


def _leads(case: Case, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far the item's score is above that of the k-th best other candidate, ``(n_sets,)``; negative once outside."""
    scores = case.recommender.scores(_histories(case, kept))
    own = scores[:, case.item].copy()
    scores[:, case.history] = -np.inf
    scores[:, case.item] = -np.inf
    leads: NDArray[np.float64] = own - np.partition(scores, -case.k, axis=1)[:, -case.k]
    return leads


def _by_order(case: Case, importance: NDArray[np.float64]) -> Found:
    """The shortest beginning of an order that works, by the recommender itself."""
    n = len(case.history)
    place = np.empty(n, dtype=np.int64)
    place[np.argsort(-importance, kind="stable")] = np.arange(n)
    for first in range(1, n + 1, 32):
        sizes = np.arange(first, min(first + 32, n + 1))
        working = np.flatnonzero(_leads(case, place >= sizes[:, None]) < 0)
        if len(working):
            return Found(importance, place < sizes[working[0]])
    return Found(importance, None)


def _by_swaps(case: Case, n_best: int, *, is_farthest: bool) -> Found:
    """For each of the best other items, what favours the item most is removed until the other stands above it."""
    scores = case.recommender.scores(_histories(case, np.ones((1, len(case.history)), dtype=bool)))[0]
    scores[case.history] = -np.inf
    best = best_positions(scores, n_best)
    others = best[best != case.item]
    rows = case.recommender.rows(case.history, np.append(others, case.item))
    favours = rows[:, -1:] - rows[:, :-1]
    order = np.argsort(-favours, axis=0, kind="stable")
    left = scores[case.item] - scores[others] - np.cumsum(np.take_along_axis(favours, order, axis=0), axis=0)
    sizes = np.where((left < 0).any(axis=0), 1 + np.argmax(left < 0, axis=0), len(left) + 1)
    if sizes.min() > len(left):
        return Found(np.zeros(len(left)), None)
    above = -left[sizes.clip(max=len(left)) - 1, np.arange(len(others))]
    chosen = int(np.lexsort((-above if is_farthest else above, sizes))[0])
    removed = np.zeros(len(left), dtype=bool)
    removed[order[: sizes[chosen], chosen]] = True
    return Found(removed.astype(np.float64), removed)
