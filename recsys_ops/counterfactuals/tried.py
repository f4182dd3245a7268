"""Proofs for any recommender: all removals of a smaller distance are scored, those that come near by themselves.

Without inequalities nothing else can rule removals out. They are tried from the smallest distances on, so that where
not all fit the effort, the distance up to which none is valid is a proven bound.
"""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import cheapest
from recsys_ops.counterfactuals.certificate import affordable_removals
from recsys_ops.counterfactuals.fold_in_bounds import least_distances
from recsys_ops.counterfactuals.scored import ScoredQuestion
from recsys_ops.counterfactuals.search import Earlier, SearchResult
from recsys_ops.counterfactuals.tolerances import ROUNDING
from recsys_ops.models.fold_in import FoldInRecommender

MOST_TRIED = 20_000
"""Removals that are tried for one option."""

_AT_ONCE = 256
_BISECTIONS = 8
_STRICTLY = 1e-9
"""Part of a distance by which a smaller one must be smaller, to be looked for."""

Removals = Iterator[tuple[float, NDArray[np.int64]]]
"""Blocks of removals ``(m, n)``, each with a distance up to which all removals are in the blocks before it."""


def try_smaller(question: ScoredQuestion, earlier: Earlier, found: SearchResult, deadline: float) -> SearchResult:
    """Try removals of a smaller distance than the one found, the smallest distances first.

    Parameters
    ----------
    question : ScoredQuestion
    earlier : list of ndarray
        Positions that earlier explanations touch; at least one of each stays whole.
    found : SearchResult
        What is known.
    deadline : float
        Of ``time.perf_counter``.

    Returns
    -------
    SearchResult
        Proven where everything smaller, or without an explanation everything, was tried; else with the bound that
        what was tried proves.
    """
    least, known = _bounds(question)
    if least == np.inf or least > min(question.max_distance, found.objective * (1 - _STRICTLY)):
        return replace(found, bound=found.objective, is_proven=True, method="bounds")
    found = replace(found, bound=max(found.bound, least))
    if found.is_proven or known <= 0:
        return found
    n_scored = found.nodes
    everything = min(float(question.costs @ question.limits), question.max_distance)
    blocks, bound = _smallest_removals(question, min(everything, min(known, found.objective) * (1 - _STRICTLY)))
    bound = min(bound, known) if known < everything else bound
    for tried, block in blocks:
        if time.perf_counter() > deadline:
            return replace(found, bound=max(found.bound, tried), nodes=n_scored)
        ways = block[question.is_within(block)]
        for touched in earlier:
            ways = ways[np.any(ways[:, touched] == 0, axis=1)]
        if found.taken is not None:
            ways = ways[ways @ question.costs < found.objective * (1 - ROUNDING)]
        n_scored += len(ways)
        better = _nearest_valid(question, ways)
        if better is not None:
            # Blocks go by distance, and the nearest of a block is the nearest of all.
            value = question.distance(better)
            return SearchResult(better, value, value, True, "search", n_scored)
    if bound == np.inf or bound >= found.objective * (1 - ROUNDING):
        return replace(found, bound=found.objective, is_proven=True, nodes=n_scored)
    return replace(found, bound=max(found.bound, bound), nodes=n_scored)


def _bounds(question: ScoredQuestion) -> tuple[float, float]:
    """A bound on the distance of every explanation, and the distance below which no item but a rival can overtake."""
    if not isinstance(question.recommender, FoldInRecommender):
        return 0.0, np.inf if question.knows_all_rivals else 0.0
    distances = least_distances(question, question.recommender)
    if question.validity == "score":
        return float(distances[0]), np.inf
    others = question.may_be_candidates()
    bound = cheapest(distances[others], question.k)
    others[question.rivals] = False
    return bound, float(distances[others].min(initial=np.inf))


def _nearest_valid(question: ScoredQuestion, ways: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The valid removal of least distance; what could be valid but for rounding is scored once more, by itself."""
    if not len(ways):
        return None
    near = np.flatnonzero(question.leads(ways, slack=-1.0) > 0)
    for row in near[np.argsort(ways[near] @ question.costs, kind="stable")]:
        if question.is_valid(ways[row]):
            return np.array(ways[row])
    return None


def _smallest_removals(question: ScoredQuestion, most: float) -> tuple[Removals, float]:
    """Removals up to a distance that the effort allows, and a bound on the distances of all others, inf without any."""
    usable = np.flatnonzero(question.limits)
    costs = question.costs[usable]
    if len(usable) and np.all(costs == costs[0]) and np.all(question.limits == np.minimum(question.limits, 1)):
        return _subsets(question, usable, float(costs[0]), most)
    ways, low = affordable_removals(question, most, MOST_TRIED), most
    bound = np.inf
    if ways is None:
        low, high = 0.0, most
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            more = affordable_removals(question, middle, MOST_TRIED)
            low, high = (low, middle) if more is None else (middle, high)
            ways = ways if more is None else more
        bound = low
    ways = np.zeros((0, len(question.limits)), dtype=np.int64) if ways is None else ways
    distances = ways @ question.costs
    order = np.argsort(distances, kind="stable")
    blocks = (order[first : first + _AT_ONCE] for first in range(0, len(order), _AT_ONCE))
    return ((float(distances[block[0]]), ways[block]) for block in blocks), bound


def _subsets(question: ScoredQuestion, usable: NDArray[np.intp], cost: float, most: float) -> tuple[Removals, float]:
    """The same for interactions of equal cost that go entirely or not at all: by their number."""
    greatest, left = 0, MOST_TRIED
    needed = int(min(most / cost * (1 + ROUNDING), len(usable), question.max_removed))
    while greatest < needed and math.comb(len(usable), greatest + 1) <= left:
        greatest += 1
        left -= math.comb(len(usable), greatest)
    bound = np.inf if greatest == needed else (greatest + 1) * cost
    return _by_size(usable, len(question.limits), cost, greatest), bound


def _by_size(usable: NDArray[np.intp], n: int, cost: float, greatest: int) -> Removals:
    for size in range(1, greatest + 1):
        subsets = itertools.combinations(usable.tolist(), size)
        while chosen := list(itertools.islice(subsets, _AT_ONCE)):
            block = np.zeros((len(chosen), n), dtype=np.int64)
            np.put_along_axis(block, np.array(chosen), 1, axis=1)
            yield size * cost, block
