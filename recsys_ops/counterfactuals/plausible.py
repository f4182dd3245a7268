"""The most plausible explanation, proven best.

    optimise:   min  distance - alpha LL(x - d)            threshold:   min  distance   s.t.  LL(x - d) >= tau

with the exact log-likelihood LL of the network (mixture "exact") or its best-child bound ("best", which is LiCE's
program). The distance that may be spent keeps the network small. For "optimise" it is the best known objective plus
alpha times the greatest log-likelihood: nothing farther is better. For "threshold" it is deepened, and every step
without a solution is a proof; a step first leaves the ranking out, which bounds the distance from below, then asks for
a solution with the easiest rivals only, and for all rivals only where the two do not meet.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.climb import climb
from recsys_ops.counterfactuals.folding import fold
from recsys_ops.counterfactuals.formulation import reachable
from recsys_ops.counterfactuals.inputs import Inputs, network_inputs
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.relaxation import Goal, Relaxation
from recsys_ops.counterfactuals.shortest import RESOLUTION, Earlier, Found, find_shortest

EASIEST = 3
"""Rivals, in multiples of those needed, that a threshold is tried with before all of them."""

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
        return shortest
    inputs = network_inputs(question, goal.likelihood)
    relaxation = Relaxation(question, goal, earlier, deadline)
    if goal.alpha > 0:
        return _optimise(relaxation, inputs, shortest, shortest.taken, least)
    return _deepen(relaxation, inputs, shortest, shortest.taken, least)


def _optimise(relaxation: Relaxation, inputs: Inputs, shortest: Found, start: NDArray[np.int64], least: float) -> Found:
    question, goal = relaxation.question, relaxation.goal
    most = np.inf
    farther = float(question.costs @ question.limits)
    folded = fold(question, inputs, goal.mixture, farther)
    objective = relaxation.visit(folded, start)
    while farther < most - RESOLUTION:
        most = farther
        folded = fold(question, inputs, goal.mixture, most)
        farther = max(_in_grains(question, objective + goal.alpha * folded.most), shortest.bound)
    bound = max(least, shortest.bound - goal.alpha * folded.most)
    if bound >= objective - RESOLUTION:
        return Found(start, objective, objective, True, shortest.method, shortest.nodes)
    better = relaxation.minimise(folded, reachable(question, most), least=shortest.bound, most=most, cutoff=objective)
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
    everything = float(question.costs @ question.limits)
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
        step = _up_to(relaxation, inputs, bound, farther, best)
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
    taken = climb(question, relaxation.goal, inputs, shortest, limits)
    return nothing if taken is None else replace(nothing, taken=taken, objective=question.distance(taken), method="mio")


def _up_to(relaxation: Relaxation, inputs: Inputs, least: float, most: float, best: Found) -> Found:
    """The best there is within these distances; without ``taken`` where there is nothing better than the best known."""
    question, goal = relaxation.question, relaxation.goal
    folded = fold(question, inputs, goal.mixture, most)
    if folded.most < goal.threshold:
        return Found(None, np.inf, most, True, "mio")
    unranked = relaxation.minimise(folded, _NOBODY, least=least, most=most, cutoff=best.objective)
    if unranked.taken is None or not unranked.is_proven:
        return Found(None, np.inf, max(unranked.bound, least), unranked.is_proven, "mio", unranked.nodes)
    if question.is_valid(unranked.taken):
        return unranked
    found = Found(None, best.objective, unranked.objective, True, "mio", unranked.nodes)
    rivals = reachable(question, min(most, best.objective))
    n_easiest = EASIEST * question.needed
    for easiest in [True, False][len(rivals) <= n_easiest :]:
        some = rivals[:n_easiest] if easiest else reachable(question, min(most, found.objective))
        if len(some) < question.needed or found.objective <= unranked.objective + RESOLUTION:
            break
        tried = relaxation.minimise(folded, some, least=unranked.objective, most=most, cutoff=found.objective)
        nodes = found.nodes + tried.nodes
        if tried.taken is not None:
            found = tried
        # With some of the rivals only, a bound is none.
        bound = max(unranked.objective, -np.inf if easiest else tried.bound)
        found = replace(found, bound=bound, is_proven=tried.is_proven, nodes=nodes)
        if not tried.is_proven:
            break
    return found
