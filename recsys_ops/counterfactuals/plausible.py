"""The most plausible explanation, proven best.

    optimise:   min  distance - alpha LL(x - d)            threshold:   min  distance   s.t.  LL(x - d) >= tau

with the exact log-likelihood LL of the network (mixture "exact") or its best-child bound ("best", which is LiCE's
program). The distance that may be spent keeps the network small. For "optimise" it is the best known objective plus
alpha times the greatest log-likelihood: nothing farther is better. For "threshold" it is deepened, and every step
without a solution is a proof. With many rivals, the program without the ranking bounds the objective from below, and
that with the rivals nearest to standing above the item, after what is plausible, from above; the whole
program is solved only where the two do not meet, and only if it is small enough.
"""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.certificate import try_all
from recsys_ops.counterfactuals.climb import climb, improve, log_likelihoods
from recsys_ops.counterfactuals.folding import Folded, fold
from recsys_ops.counterfactuals.formulation import reachable
from recsys_ops.counterfactuals.inputs import Inputs, network_inputs
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.relaxation import Relaxation
from recsys_ops.counterfactuals.search import Earlier, Goal, SearchResult
from recsys_ops.counterfactuals.shortest import differs, find_shortest
from recsys_ops.counterfactuals.tolerances import GRAINS, RESOLUTION
from recsys_ops.counterfactuals.units import affordable, in_units, is_resolved, is_usual, usual_unit

NEAREST = 3
"""Rivals, in multiples of those needed, that are tried before all of them."""

MANY = 10
"""Rivals, in multiples of those needed, from which on the whole program is not solved at once."""

MOST_ENTRIES = 100_000
"""Rivals times interactions up to which the whole program is solved. With five times as many, HiGHS solves no more
than the root in ten seconds, and does not look at the clock for seconds."""

UNRANKED_NODES, NEAREST_NODES = 200, 400
"""Effort spent in the first round on the program without the ranking, and on that with the nearest rivals."""

MOST_EFFORT = 4**8
"""Multiple of these that a round may spend."""

_NOBODY = np.empty(0, dtype=np.intp)


def find_plausible(
    question: Question, goal: Goal, earlier: Earlier, deadline: float, least: float = -np.inf
) -> SearchResult:
    """The explanation of least objective, other than the earlier ones.

    Parameters
    ----------
    question : Question
    goal : Goal
    earlier : list of ndarray
        Positions that earlier explanations touch; at least one of each stays whole.
    deadline : float
        Of ``time.perf_counter``.
    least : float
        An objective known to be a lower bound.

    Returns
    -------
    SearchResult
    """
    shortest = find_shortest(question, earlier, deadline)
    if shortest.taken is None:
        # A bound on the distance is none on an objective that a likelihood may lower.
        bound = shortest.bound if goal.alpha == 0 or shortest.is_proven else -np.inf
        return replace(shortest, bound=bound, is_possible=not shortest.is_proven)
    scaled, unit = question, 1.0
    if not is_usual(question):
        within = affordable(question, _reach(question, goal, shortest.taken))
        unit = usual_unit(within, goal.alpha)
        scaled, goal = in_units(within, unit), replace(goal, alpha=goal.alpha / unit)
    relaxation = Relaxation(scaled, goal, earlier, deadline)
    inputs = network_inputs(scaled, goal.likelihood)
    search = _optimise if goal.alpha > 0 else _deepen
    return _times(search(relaxation, inputs, _times(shortest, 1 / unit), shortest.taken, least / unit), unit)


def _reach(question: Question, goal: Goal, valid: NDArray[np.int64]) -> float:
    """A distance that no better explanation exceeds, given a valid one."""
    if goal.alpha == 0:
        return question.farthest
    membership = goal.likelihood.aggregation.membership[question.history]
    known = goal.alpha * float(log_likelihoods(question, goal, membership, valid[None])[0])
    inputs = network_inputs(question, goal.likelihood)
    likeliest = goal.alpha * fold(question, inputs, goal.mixture, question.farthest).most
    return question.distance(valid) - known + likeliest + RESOLUTION * (abs(known) + abs(likeliest))


def _times(found: SearchResult, unit: float) -> SearchResult:
    return replace(found, objective=found.objective * unit, bound=found.bound * unit)


def _optimise(
    relaxation: Relaxation, inputs: Inputs, shortest: SearchResult, start: NDArray[np.int64], least: float
) -> SearchResult:
    question, goal = relaxation.question, relaxation.goal
    most = np.inf
    farther = question.farthest
    folded = fold(question, inputs, goal.mixture, farther)
    improved = improve(question, goal, inputs, start, relaxation.deadline)
    if differs(improved, relaxation.earlier):
        start = improved
    objective = relaxation.visit(folded, start)
    while farther < most - RESOLUTION:
        most = farther
        folded = fold(question, inputs, goal.mixture, most)
        farther = max(_in_grains(question, objective + goal.alpha * folded.most), shortest.bound)
    bound = max(least, shortest.bound - goal.alpha * folded.most)
    if bound >= objective - RESOLUTION:
        closed = SearchResult(start, objective, objective, True, shortest.method, shortest.nodes)
        return _settle(relaxation, closed, most)
    better = _within(relaxation, folded, start, least=shortest.bound, most=most, cutoff=objective)
    if better.taken is not None:
        start, objective = better.taken, better.objective
    bound = objective if better.is_proven else min(max(bound, better.bound), objective)
    nodes = shortest.nodes + better.nodes
    return _settle(relaxation, replace(better, taken=start, objective=objective, bound=bound, nodes=nodes), most)


def _settle(relaxation: Relaxation, found: SearchResult, most: float) -> SearchResult:
    """The same where it is proven exactly; else what trying everything says, or no proof if costs are too different."""
    if found.is_exact or not found.is_proven:
        return found
    exact = try_all(relaxation.question, relaxation.goal, relaxation.earlier, found, most)
    if exact is not None:
        return exact
    if found.taken is None or is_resolved(relaxation.question):
        return found
    return replace(found, bound=found.objective - RESOLUTION, is_proven=False, is_disputed=True)


def _in_grains(question: Question, distance: float) -> float:
    """The greatest distance there is up to this one; coarsely, where the weights make them dense."""
    grain = question.grain or max(0.05 * float(question.costs.min()), 1e-3 * float(question.costs.max()))
    units = distance / grain
    return float(np.floor(units + GRAINS) if question.grain else np.ceil(units)) * grain


def _deepen(
    relaxation: Relaxation, inputs: Inputs, shortest: SearchResult, start: NDArray[np.int64], least: float
) -> SearchResult:
    question, goal = relaxation.question, relaxation.goal
    everything = question.farthest
    bound, nodes = max(least, shortest.bound), shortest.nodes
    at_start = fold(question, inputs, goal.mixture, question.distance(start))
    known = relaxation.visit(at_start, start)
    best = SearchResult(start if known < np.inf else None, known, bound, False, shortest.method, nodes)
    if best.taken is None:
        best = _start(relaxation, inputs, start, best)
    farther, stride = bound, max(question.grain, float(question.costs.min()), 1e-2 * float(question.costs.max()))
    while bound < best.objective - RESOLUTION:
        farthest = min(everything, best.objective)
        farther = min(farther, farthest)
        folded = fold(question, inputs, goal.mixture, farther)
        step = _within(relaxation, folded, start, least=bound, most=farther, cutoff=best.objective)
        nodes += step.nodes
        if step.taken is not None:
            best = step
        if not step.is_proven:
            bound = min(max(bound, step.bound), best.objective)
            return replace(best, bound=bound, is_proven=False, is_disputed=step.is_disputed, method="mio", nodes=nodes)
        if step.taken is not None or farther >= farthest:
            break
        bound = farther + (question.grain or RESOLUTION)
        farther, stride = bound + stride, 2 * stride
    closed = replace(best, bound=best.objective, is_proven=True, nodes=nodes)
    return _settle(relaxation, closed, min(everything, best.objective))


def _start(relaxation: Relaxation, inputs: Inputs, shortest: NDArray[np.int64], nothing: SearchResult) -> SearchResult:
    """A plausible explanation to begin with, if climbing finds one."""
    question = relaxation.question
    limits = question.limits.copy()
    for touched in relaxation.earlier:
        limits[next(position for position in touched if shortest[position] == 0)] = 0
    taken = climb(question, relaxation.goal, inputs, shortest, limits, relaxation.deadline)
    return nothing if taken is None else replace(nothing, taken=taken, objective=question.distance(taken), method="mio")


def _within(
    relaxation: Relaxation, folded: Folded, start: NDArray[np.int64], *, least: float, most: float, cutoff: float
) -> SearchResult:
    """The best objective below ``cutoff`` within these distances; proven without ``taken`` where there is none.

    Rounds of more and more effort: the program without the ranking for a bound, and the one with the rivals nearest to
    standing above the item after what it found (after ``start``, if it found nothing) for an explanation.
    """
    question, goal = relaxation.question, relaxation.goal
    rivals = reachable(question, most)
    best = SearchResult(None, cutoff, -np.inf, False, "mio")
    if folded.most < goal.threshold or len(rivals) < question.needed:
        return replace(best, objective=np.inf, bound=cutoff, is_proven=True)
    is_few = len(rivals) <= (NEAREST if goal.alpha == 0 else MANY) * question.needed
    n_solved = len(rivals) if is_few else NEAREST * question.needed
    needs_bound, bound, nodes, effort = goal.alpha == 0 or not is_few, -np.inf, 0, 1
    nearest, closing = least, _NOBODY
    while True:
        if needs_bound:
            unranked = relaxation.minimise(
                folded, _NOBODY, least=least, most=most, cutoff=best.objective, most_nodes=UNRANKED_NODES * effort
            )
            nodes, bound, needs_bound = nodes + unranked.nodes, max(bound, unranked.bound), not unranked.is_proven
            if unranked.taken is not None:
                start = unranked.taken
                best = unranked if question.explains(start) else best
        if best.objective <= bound + RESOLUTION or time.perf_counter() > relaxation.deadline:
            break
        if goal.alpha == 0:
            least, most = max(least, bound), min(most, best.objective)
            rivals = reachable(question, most)
        is_whole = n_solved >= len(rivals)
        ranked = relaxation.minimise(
            folded, rivals if is_whole else _nearest(question, rivals, start, n_solved),
            least=least, most=most, cutoff=best.objective, most_nodes=None if is_whole else NEAREST_NODES * effort,
        )  # fmt: skip
        nodes, best = nodes + ranked.nodes, ranked if ranked.taken is not None else best
        if is_whole:
            bound, closing = max(bound, ranked.bound), rivals
            break
        if len(rivals) * np.count_nonzero(question.limits) <= MOST_ENTRIES:
            n_solved = len(rivals)
        elif ranked.is_proven:
            n_solved *= 2
        effort = min(4 * effort, MOST_EFFORT)
    objective = best.objective if best.taken is not None else np.inf
    found = replace(best, objective=objective, bound=min(bound, best.objective), nodes=nodes)
    if best.objective > bound + RESOLUTION:
        return replace(found, is_proven=False)
    exact = try_all(question, goal, relaxation.earlier, best, most)
    if exact is not None:
        return replace(exact, objective=exact.objective if exact.taken is not None else np.inf, nodes=nodes)
    again = relaxation.minimise(folded, closing, least=nearest, most=most, cutoff=best.objective, confirmed_nodes=nodes)
    return _confirmed(question, found, again)


def _confirmed(question: Question, found: SearchResult, again: SearchResult) -> SearchResult:
    """What was found, proven if a second solve found nothing better."""
    nodes = found.nodes + again.nodes
    if again.taken is None and again.is_proven:
        return replace(found, is_proven=True, nodes=nodes)
    is_disputed = again.taken is not None
    if again.taken is not None and question.explains(again.taken):
        found = again
    return replace(found, bound=-np.inf, is_proven=False, is_disputed=is_disputed, nodes=nodes)


def _nearest(question: Question, rivals: NDArray[np.intp], taken: NDArray[np.int64], n_rivals: int) -> NDArray[np.intp]:
    """The rivals that stand highest above the item after a removal, or miss least."""
    entirely = np.append(taken == question.amounts, True)
    short = question.gaps[rivals] - taken @ question.gains[:, rivals]
    missing = np.where(entirely[question.requires[rivals]], short, np.maximum(short, question.margins[rivals]))
    return rivals[np.argsort(missing, kind="stable")[:n_rivals]]
