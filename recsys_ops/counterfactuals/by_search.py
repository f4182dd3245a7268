"""Explanations of recommenders that are not linear: a beam search from below, then proofs by trying everything smaller.

Each level of the beam takes one more unit from the removals that have gone furthest, and is scored as a batch. What is
found is made smaller: units that are not needed are given back, and two are exchanged for one. Whatever the recommender
confirms, run on what is left alone, is an explanation. It is proven best where all removals of a smaller distance have
been tried (``tried``) or a program has ruled them out (``relu_proof``).

The effort is counted in removals that are scored, not in seconds, so that the same question has the same answer on
every machine that is given the time.
"""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.relu_proof import prove_by_program
from recsys_ops.counterfactuals.scored import AT_ONCE, ScoredQuestion
from recsys_ops.counterfactuals.search import Earlier, SearchResult
from recsys_ops.counterfactuals.tolerances import ROUNDING, is_at_least
from recsys_ops.counterfactuals.tried import try_smaller

WIDTH = 8
"""Removals that each level of the beam keeps."""

MOST_SCORED = 20_000
"""Removals that the beam of one option scores, roughly; a long history makes it narrow, a longer one leaves out
interactions of little effect."""

MOST_EXCHANGES = 4_000
"""Removals that one round of exchanges scores."""

_MOST_STARTS = 8


@dataclass
class _Best:
    """The best explanation so far, how many removals were scored, and until when there is time to score more."""

    taken: NDArray[np.int64] | None = None
    distance: float = np.inf
    n_scored: int = 0
    deadline: float = np.inf


def find_by_search(question: ScoredQuestion, earlier: Earlier, deadline: float, least: float = 0.0) -> SearchResult:
    """The explanation of least distance that a search finds, other than the earlier ones.

    Parameters
    ----------
    question : ScoredQuestion
    earlier : list of ndarray
        Positions that earlier explanations touch; at least one of each stays whole.
    deadline : float
        Of ``time.perf_counter``.
    least : float
        A distance known to be a lower bound.

    Returns
    -------
    SearchResult
        The objective is the distance; ``nodes`` counts removals that were scored. Proven where nothing smaller exists.
    """
    if question.k > question.n_candidates:
        return SearchResult(None, np.inf, np.inf, True, "search")
    best = _Best(deadline=deadline)
    for whole in itertools.islice(itertools.product(*earlier), _MOST_STARTS):
        limits = question.limits.copy()
        limits[list(whole)] = 0
        _search_beam(question, limits, best)
        _exchange(question, limits, best)
    found = try_smaller(question, earlier, _result(best, least), deadline)
    if not found.is_proven:
        found = prove_by_program(question, earlier, found, deadline)
    return replace(found, is_exhausted=not found.is_proven and time.perf_counter() < deadline)


def _result(best: _Best, least: float) -> SearchResult:
    proven = best.taken is not None and is_at_least(least, best.distance)
    bound = best.distance if proven else least
    return SearchResult(best.taken, best.distance, bound, proven, "search", best.n_scored)


def _search_beam(question: ScoredQuestion, limits: NDArray[np.int64], best: _Best) -> None:
    """Keep the ``width`` removals that have gone furthest per distance, level by level, while any may be better."""
    start = np.zeros((1, len(limits)), dtype=np.int64)
    ground = max(float(question.leads(start)[0]), -np.finfo(np.float64).max)
    moves = np.flatnonzero(limits)
    steps = _one_more(start, moves, limits)
    effects = _score(question, steps, best) if len(steps) else np.empty(0)
    most = _quick(question, moves[np.argsort(-effects / question.costs[moves], kind="stable")], limits, best)
    width = int(np.clip(MOST_SCORED // max(len(moves) * most, 1), 1, WIDTH))
    if len(moves) * most > MOST_SCORED:
        pool = max(MOST_SCORED // most, 1)
        moves = np.sort(moves[np.argsort(-effects / question.costs[moves], kind="stable")[:pool]])
    beam = start
    while len(beam) and time.perf_counter() < best.deadline:
        steps = _one_more(beam, moves, limits)
        distances = steps @ question.costs
        steps = steps[question.is_within(steps) & (distances < best.distance * (1 - ROUNDING))]
        if not len(steps):
            break
        leads = _score(question, steps, best)
        distances = steps @ question.costs
        rates = np.where(leads <= 0, (leads - ground) / distances, -np.inf)
        order = np.argsort(-rates, kind="stable")[:width]
        beam = steps[order[leads[order] <= 0]]


def _one_more(beam: NDArray[np.int64], moves: NDArray[np.intp], limits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each removal of the beam with one more unit taken from each of some interactions, every removal once."""
    steps = np.repeat(beam, len(moves), axis=0)
    steps[np.arange(len(steps)), np.tile(moves, len(beam))] += 1
    steps = steps[np.all(steps <= limits, axis=1)]
    return np.unique(steps, axis=0) if len(beam) > 1 else steps


def _quick(question: ScoredQuestion, order: NDArray[np.intp], limits: NDArray[np.int64], best: _Best) -> int:
    """Bisect for the shortest valid prefix of an order of interactions; return its units, or all there are."""
    low, high = 1, len(order) + 1
    while low < high:
        middle = (low + high) // 2
        prefix = np.zeros_like(limits)
        prefix[order[:middle]] = limits[order[:middle]]
        if _score(question, prefix[None], best)[0] > 0:
            high = middle
        else:
            low = middle + 1
    taken = best.taken if best.taken is not None else limits
    return max(int(taken.sum()), 1)


def _score(question: ScoredQuestion, removals: NDArray[np.int64], best: _Best) -> NDArray[np.float64]:
    """Leads of removals; the nearest valid one that the recommender confirms becomes the best.

    What there is no time to score counts as leading nowhere.
    """
    leads = np.full(len(removals), -np.inf)
    for first in range(0, len(removals), AT_ONCE):
        if time.perf_counter() > best.deadline:
            break
        block = removals[first : first + AT_ONCE]
        leads[first : first + AT_ONCE] = question.leads(block)
        best.n_scored += len(block)
    distances = removals @ question.costs
    better = (leads > 0) & question.is_within(removals) & (distances < best.distance * (1 - ROUNDING))
    for row in sorted(np.flatnonzero(better), key=lambda row: (distances[row], -leads[row])):
        if question.is_valid(removals[row]):
            best.taken, best.distance = removals[row].copy(), question.distance(removals[row])
            break
        leads[row] = 0.0
    return leads


def _exchange(question: ScoredQuestion, limits: NDArray[np.int64], best: _Best) -> None:
    """Give back what is not needed, one unit or two for another one, while that helps."""
    while best.taken is not None and np.any(best.taken) and time.perf_counter() < best.deadline:
        if np.any(best.taken > limits):
            return
        before = best.distance
        touched = np.flatnonzero(best.taken).tolist()
        fewer = _without(best.taken, [(one,) for one in touched])
        leads = _score(question, fewer, best)
        if best.distance < before:
            continue
        # What misses least without two of its interactions needs the least of another one.
        pairs = list(itertools.combinations(touched, 2))
        shorter = _without(best.taken, pairs)
        if not len(shorter):
            return
        moves = np.flatnonzero(limits)
        leads = _score(question, shorter, best)
        if best.distance < before:
            continue
        nearest = np.argsort(-leads, kind="stable")[: max(MOST_EXCHANGES // max(len(moves), 1), 1)]
        steps = _one_more(shorter[nearest], moves, limits)
        steps = steps[steps @ question.costs < best.distance * (1 - ROUNDING)]
        if not len(steps):
            return
        _score(question, steps, best)
        if best.distance >= before:
            return


def _without(taken: NDArray[np.int64], groups: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    """The removal with one unit less of each interaction of a group, one row per group."""
    fewer = np.repeat(taken[None], len(groups), axis=0)
    for row, group in zip(fewer, groups, strict=True):
        row[list(group)] -= 1
    return fewer
