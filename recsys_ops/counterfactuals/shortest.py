"""The shortest explanation: bounds first, and the reduced program only where they leave a gap."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import cheapest, greedy_removal, least_distances
from recsys_ops.counterfactuals.certificate import try_all
from recsys_ops.counterfactuals.formulation import add_removals, forbid, keep_one_whole, reachable
from recsys_ops.counterfactuals.multipliers import squeeze
from recsys_ops.counterfactuals.program import Program
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.search import Earlier, SearchResult
from recsys_ops.counterfactuals.tolerances import GRAINS, RESOLUTION, is_at_least, is_less
from recsys_ops.counterfactuals.units import affordable, in_units, is_resolved, usual_unit

ENTRIES_A_SECOND = 50_000
"""Of a program's rows, for each second that is left: HiGHS heeds no clock before its first node, and took 27 seconds of
10 for the 29,000 rivals that one case of a million items had. What is larger stays without a proof."""

_MOST_STARTS = 64


def differs(taken: NDArray[np.int64], earlier: Earlier) -> bool:
    """Whether every earlier explanation touches an interaction that is whole here."""
    return all(bool(np.any(taken[touched] == 0)) for touched in earlier)


def find_shortest(question: Question, earlier: Earlier, deadline: float, least: float = 0.0) -> SearchResult:
    """The explanation of least distance, other than the earlier ones.

    Parameters
    ----------
    question : Question
    earlier : list of ndarray
        Positions that earlier explanations touch; at least one of each stays whole.
    deadline : float
        Of ``time.perf_counter``.
    least : float
        A distance known to be a lower bound.

    Returns
    -------
    SearchResult
        The objective is the distance.
    """
    best: NDArray[np.int64] | None = None
    most = question.farthest
    for limits in _starts(question, earlier):
        taken = greedy_removal(question, limits)
        if taken is not None and question.explains(taken) and (best is None or question.distance(taken) < most):
            best, most = taken, question.distance(taken)
    bound = max(least, cheapest(least_distances(question, question.limits, most), question.needed))
    if bound == np.inf:
        return SearchResult(None, np.inf, np.inf, True, "bounds")
    if best is not None and is_at_least(bound, most):
        return SearchResult(best, most, most, True, "bounds")
    if best is not None and not earlier:
        best, bound = squeeze(question, best, bound)
        if is_at_least(bound, question.distance(best)):
            return SearchResult(best, question.distance(best), question.distance(best), True, "bounds")
    most = question.farthest if best is None else question.distance(best)
    return _solve(affordable(question, most), earlier, deadline, best, bound)


def _starts(question: Question, earlier: Earlier) -> Iterator[NDArray[np.int64]]:
    """Limits under which whatever is found differs from the earlier explanations."""
    for whole in itertools.islice(itertools.product(*earlier), _MOST_STARTS):
        limits = question.limits.copy()
        limits[list(whole)] = 0
        yield limits


def _solve(
    question: Question, earlier: Earlier, deadline: float, best: NDArray[np.int64] | None, bound: float
) -> SearchResult:
    """What the solver finds, and says is best, once that is confirmed; without this, the bound is the known one."""
    unit = usual_unit(question)
    scaled = in_units(question, unit)
    found = _search(scaled, earlier, deadline, best, bound / unit)
    found = replace(found, objective=_objective(question, found.taken), bound=found.bound * unit)
    if not found.is_proven:
        return found
    most = question.farthest if found.taken is None else found.objective
    confirmed = try_all(question, None, earlier, replace(found, bound=found.objective), most)
    if confirmed is not None:
        return confirmed
    again = _search(scaled, earlier, deadline, found.taken, bound / unit, confirmed_nodes=found.nodes)
    objective = _objective(question, again.taken)
    agrees = again.is_proven and not is_less(objective, found.objective)
    if agrees and (found.taken is None or is_resolved(question)):
        return replace(found, bound=found.objective, nodes=found.nodes + again.nodes)
    taken = again.taken if is_less(objective, found.objective) else found.taken
    objective = _objective(question, taken)
    return replace(
        found, taken=taken, objective=objective, bound=min(bound, objective), is_proven=False,
        is_disputed=again.is_proven,
    )  # fmt: skip


def _objective(question: Question, taken: NDArray[np.int64] | None) -> float:
    return np.inf if taken is None else question.distance(taken)


def _search(
    question: Question,
    earlier: Earlier,
    deadline: float,
    best: NDArray[np.int64] | None,
    bound: float,
    *,
    confirmed_nodes: int | None = None,
) -> SearchResult:
    """Solve for something strictly better than the best known, until there is none."""
    grain = question.grain
    step = grain if grain > 0 else RESOLUTION
    most = question.distance(best) - step if best is not None else question.farthest
    rivals = reachable(question, most)
    if len(rivals) < question.needed:
        return SearchResult(best, _objective(question, best), _objective(question, best), True, "mio")
    if best is not None and len(rivals) * len(question.history) > ENTRIES_A_SECOND * (deadline - time.perf_counter()):
        return SearchResult(best, _objective(question, best), min(bound, _objective(question, best)), False, "mio")
    program = Program()
    removals = add_removals(program, question, rivals, least=min(bound, most), most=most)
    for touched in earlier:
        keep_one_whole(program, removals, touched)
    nodes = 0
    while True:
        solution = program.solve(deadline, gap=0.999 * step, confirmed_nodes=confirmed_nodes)
        nodes += solution.nodes
        found = None if solution.values is None else removals.taken(question, solution.values)
        if found is not None and not question.explains(found):
            forbid(program, removals, found)
            continue
        if found is not None and (best is None or question.distance(found) <= question.distance(best)):
            best = found
        objective = _objective(question, best)
        bound = max(bound, solution.bound) if not solution.is_proven else objective
        if grain > 0 and np.isfinite(bound):
            bound = float(np.ceil(bound / grain - GRAINS) * grain)
        proven = solution.is_proven or is_at_least(bound, objective)
        return SearchResult(best, objective, objective if proven else min(bound, objective), proven, "mio", nodes)
