"""The most plausible explanation, proven best.

    optimise:   min  distance - alpha LL(x - d)            threshold:   min  distance   s.t.  LL(x - d) >= tau

with the exact log-likelihood LL of the network (mixture "exact") or its best-child bound ("best", which is LiCE's
program). The distance that may be spent keeps the network small. For "optimise" it is the best known objective plus
alpha times the greatest log-likelihood: nothing farther is better. For "threshold" it is deepened, and every step
without a solution is a proof. With many rivals, the program without the ranking bounds the objective from below and
that with the easiest rivals from above, and the whole is asked only where the two do not meet.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.climb import climb, improve
from recsys_ops.counterfactuals.folding import Folded, fold
from recsys_ops.counterfactuals.formulation import reachable
from recsys_ops.counterfactuals.inputs import Inputs, network_inputs
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.relaxation import Goal, Relaxation
from recsys_ops.counterfactuals.shortest import RESOLUTION, Earlier, Found, differs, find_shortest

EASIEST = 3
"""Rivals, in multiples of those needed, that are tried before all of them."""

MANY = 10
"""Rivals, in multiples of those needed, from which on the whole program is not asked at once."""

UNRANKED_NODES, EASIEST_NODES = 200, 400
"""Effort spent on the program without the ranking, and on that with the easiest rivals."""

_NOBODY = np.empty(0, dtype=np.intp)


def find_plausible(question: Question, goal: Goal, earlier: Earlier, deadline: float, least: float = -np.inf) -> Found:
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
    Found
    """
    shortest = find_shortest(question, earlier, deadline)
    if shortest.taken is None:
        # A bound on the distance is none on an objective that a likelihood may lower.
        bound = shortest.bound if goal.alpha == 0 or shortest.is_proven else -np.inf
        return replace(shortest, bound=bound, is_possible=not shortest.is_proven)
    inputs = network_inputs(question, goal.likelihood)
    relaxation = Relaxation(question, goal, earlier, deadline)
    if goal.alpha > 0:
        return _optimise(relaxation, inputs, shortest, shortest.taken, least)
    return _deepen(relaxation, inputs, shortest, shortest.taken, least)


def _optimise(relaxation: Relaxation, inputs: Inputs, shortest: Found, start: NDArray[np.int64], least: float) -> Found:
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
        return Found(start, objective, objective, True, shortest.method, shortest.nodes)
    better = _within(relaxation, folded, least=shortest.bound, most=most, cutoff=objective)
    if better.taken is not None:
        start, objective = better.taken, better.objective
    bound = objective if better.is_proven else min(max(bound, better.bound), objective)
    return Found(start, objective, bound, better.is_proven, "mio", shortest.nodes + better.nodes)


def _in_grains(question: Question, distance: float) -> float:
    """The greatest distance there is up to this one; coarsely, where the weights make them dense."""
    grain = question.grain or 0.05 * float(question.costs.min())
    units = distance / grain
    return float(np.floor(units + 1e-6) if question.grain else np.ceil(units)) * grain


def _deepen(relaxation: Relaxation, inputs: Inputs, shortest: Found, start: NDArray[np.int64], least: float) -> Found:
    question, goal = relaxation.question, relaxation.goal
    everything = question.farthest
    bound, nodes = max(least, shortest.bound), shortest.nodes
    at_start = fold(question, inputs, goal.mixture, question.distance(start))
    known = relaxation.visit(at_start, start)
    best = Found(start if known < np.inf else None, known, bound, False, shortest.method, nodes)
    if best.taken is None:
        best = _start(relaxation, inputs, start, best)
    farther, stride = bound, max(question.grain, float(question.costs.min()))
    while bound < best.objective - RESOLUTION:
        farthest = min(everything, best.objective)
        farther = min(farther, farthest)
        folded = fold(question, inputs, goal.mixture, farther)
        step = _within(relaxation, folded, least=bound, most=farther, cutoff=best.objective)
        nodes += step.nodes
        if step.taken is not None:
            best = step
        if not step.is_proven:
            return Found(best.taken, best.objective, min(max(bound, step.bound), best.objective), False, "mio", nodes)
        if step.taken is not None or farther >= farthest:
            break
        bound = farther + (question.grain or RESOLUTION)
        farther, stride = bound + stride, 2 * stride
    return Found(best.taken, best.objective, best.objective, True, best.method, nodes)


def _start(relaxation: Relaxation, inputs: Inputs, shortest: NDArray[np.int64], nothing: Found) -> Found:
    """A plausible explanation to begin with, if climbing finds one."""
    question = relaxation.question
    limits = question.limits.copy()
    for touched in relaxation.earlier:
        limits[next(position for position in touched if shortest[position] == 0)] = 0
    taken = climb(question, relaxation.goal, inputs, shortest, limits, relaxation.deadline)
    return nothing if taken is None else replace(nothing, taken=taken, objective=question.distance(taken), method="mio")


def _within(relaxation: Relaxation, folded: Folded, *, least: float, most: float, cutoff: float) -> Found:
    """The best objective below ``cutoff`` within these distances; proven without ``taken`` where there is none."""
    question, goal = relaxation.question, relaxation.goal
    none = Found(None, np.inf, np.inf, True, "mio")
    rivals, n_easiest = reachable(question, most), EASIEST * question.needed
    if folded.most < goal.threshold or len(rivals) < question.needed:
        return none
    bound, nodes, best = -np.inf, 0, replace(none, objective=cutoff)
    has_many = len(rivals) > MANY * question.needed
    if goal.alpha == 0 or has_many:
        unranked = relaxation.minimise(
            folded, _NOBODY, least=least, most=most, cutoff=cutoff, most_nodes=UNRANKED_NODES
        )
        if unranked.is_proven and (unranked.taken is None or question.explains(unranked.taken)):
            return unranked
        bound, nodes = unranked.bound, unranked.nodes
    if has_many or (goal.alpha == 0 and len(rivals) > n_easiest):
        easiest = rivals[:n_easiest]
        eased = relaxation.minimise(folded, easiest, least=least, most=most, cutoff=cutoff, most_nodes=EASIEST_NODES)
        nodes += eased.nodes
        if eased.taken is not None:
            best = eased
    if best.objective > bound + RESOLUTION:
        if goal.alpha == 0:
            least, most = max(least, bound), min(most, best.objective)
            rivals = reachable(question, most)
        full = relaxation.minimise(folded, rivals, least=least, most=most, cutoff=best.objective)
        nodes += full.nodes
        bound, proven = max(bound, full.bound), full.is_proven
        best = full if full.taken is not None else best
        best = replace(best, bound=best.objective if proven else min(bound, best.objective), is_proven=proven)
    return replace(best, objective=best.objective if best.taken is not None else np.inf, nodes=nodes)
