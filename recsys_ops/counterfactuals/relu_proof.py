"""Proofs for ReLU networks: nothing of a smaller distance than what a search has found.

Bounds that are affine in the removals (``relu_bounds``) drop every rival that cannot overtake within the distance, and
fix most ReLUs. With fewer than k rivals left that is a proof; else the rest is a program, in which only the units
taken, the ReLUs that are still open and the rivals left are variables:

    min  sum_j c_j d_j                                  d_j whole, 0 <= d_j <= limit_j,  sum_j c_j d_j <= most
    p <= r <= p - l (1 - o),   0 <= r <= u o            per open ReLU: input p in [l, u], output r, o binary
    s_z - s_a + slack >= least_z (1 - y_z)              per rival left; s affine in d and r
    sum_z y_z >= k                                      y binary

``slack`` is what float32 may move the scores by. What the solver rules out is confirmed by a second solve under other
settings, and what it finds by the recommender. Source: Tjeng, Xiao and Tedrake, ICLR 2019 (open ReLUs as binaries).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.bounds import cheapest, fractional_cover
from recsys_ops.counterfactuals.formulation import Removals, add_removals, forbid, keep_one_whole
from recsys_ops.counterfactuals.program import Program
from recsys_ops.counterfactuals.relu_bounds import (
    Affine,
    Enclosure,
    Range,
    first_inputs,
    greatest,
    range_of,
    rectified,
    sliced,
    through,
)
from recsys_ops.counterfactuals.scored import ScoredQuestion
from recsys_ops.counterfactuals.search import Earlier, SearchResult
from recsys_ops.counterfactuals.tolerances import GRAINS, ROUNDING, SINGLE_MARGIN, is_less
from recsys_ops.models.relu_network import Layer, ReluNetwork

_RIVALS_AT_ONCE = 512
_STRICTLY = 1e-9
_MOST_DISPUTES = 20
"""Points of the program that the recommender does not confirm, until it is given up."""

_MOST_OPEN = 600
"""Open ReLUs of a program that is worth a try."""


def prove_by_program(question: ScoredQuestion, earlier: Earlier, found: SearchResult, deadline: float) -> SearchResult:
    """Prove that nothing better exists, or find it, if the recommender is a ReLU network.

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
        ``found`` itself where there is no such network.
    """
    network: ReluNetwork | None = getattr(question.recommender, "network", None)
    if network is None or (network.has_monotone_end and question.validity == "score"):
        return found
    most = _smaller(question, found)
    rivals, bound = _overtakers(question, network, most)
    needed = question.k if question.validity == "kth" else 1
    if len(rivals) < needed or bound > most * (1 + ROUNDING):
        return replace(found, bound=found.objective, is_proven=True, method="bounds")
    found = replace(found, bound=max(found.bound, bound))
    return _solve(question, network, rivals, earlier, found, most, deadline)


def _smaller(question: ScoredQuestion, found: SearchResult) -> float:
    """Greatest distance that is worth looking for."""
    everything = min(float(question.costs @ question.limits), question.max_distance)
    if found.taken is None:
        return everything
    grain = question.grain
    return found.objective - grain if grain > 0 else found.objective * (1 - _STRICTLY)


def _overtakers(question: ScoredQuestion, network: ReluNetwork, most: float) -> tuple[NDArray[np.int64], float]:
    """Rivals that could overtake within a distance (or the item, where its own score is to fall), and a bound on it."""
    if question.validity == "score":
        rivals = np.array([question.item])
    else:
        is_hidden = question.removed_items == "excluded" and question.candidates == "unseen"
        excluded = question.history if is_hidden else question.history[:0]
        rivals = np.delete(np.arange(len(question.scores)), np.append(excluded, question.item))
    distances = np.empty(len(rivals))
    for first in range(0, len(rivals), _RIVALS_AT_ONCE):
        block = rivals[first : first + _RIVALS_AT_ONCE]
        layers = _compared(question, network, block)
        enclosed, _ = _enclose(question, layers, most)
        slack = _slack(question, layers, enclosed, most)
        distances[first : first + len(block)] = _least_distances(question, enclosed.high.plus(slack), most)
    kept = distances <= most * (1 + ROUNDING)
    needed = 1 if question.validity == "score" else question.k
    return rivals[kept], cheapest(distances, needed)


def _compared(question: ScoredQuestion, network: ReluNetwork, rivals: NDArray[np.int64]) -> list[Layer]:
    """The network with the lead of each rival as its outputs, ``s_z - s_a``; validity "score": kth less s_a."""
    if question.validity == "score":
        layers = sliced(network, np.array([question.item]))
        return [*layers[:-1], Layer(-layers[-1].weights, question.kth - layers[-1].offsets, False)]
    layers = sliced(network, np.append(rivals, question.item))
    last = layers[-1]
    if len(layers) == 1:
        weights = last.weights[:, :-1] - last.weights[:, [-1]]
    else:
        dense = last.weights if isinstance(last.weights, np.ndarray) else last.weights.toarray()
        weights = dense[:, :-1] - dense[:, -1:]
    return [*layers[:-1], Layer(weights, last.offsets[:-1] - last.offsets[-1], False)]


def _enclose(question: ScoredQuestion, layers: list[Layer], most: float) -> tuple[Enclosure, list[Range | None]]:
    """Affine bounds of the outputs, and the range of the inputs of every layer of ReLUs."""
    exact = first_inputs(question, layers[0])
    enclosed = Enclosure(exact, exact)
    ranges: list[Range | None] = []
    for number, layer in enumerate(layers):
        if number:
            enclosed = through(enclosed, layer)
        found = range_of(question, enclosed, most) if layer.is_relu else None
        if found is not None:
            enclosed = rectified(enclosed, found)
        ranges.append(found)
    return enclosed, ranges


def _slack(question: ScoredQuestion, layers: list[Layer], enclosed: Enclosure, most: float) -> NDArray[np.float64]:
    """What float32 may move each lead by: a part of the sum of its absolute terms, roughly."""
    size = np.abs(enclosed.high.constants) + greatest(
        question, Affine(np.abs(enclosed.high.coefficients), np.zeros(len(enclosed.high.constants))), most
    )
    return SINGLE_MARGIN * (size + np.abs(layers[-1].offsets))


def _least_distances(question: ScoredQuestion, leads: Affine, most: float) -> NDArray[np.float64]:
    """Least distance at which the bound of each lead is positive, inf where none within ``most`` is."""
    usable = question.limits > 0
    costs = question.costs[usable]
    rates = leads.coefficients[usable] / costs[:, None]
    least = fractional_cover(rates, -leads.constants, costs * question.limits[usable])
    if question.grain > 0:
        least = np.ceil(least / question.grain * (1 - ROUNDING)) * question.grain
    return np.where(least <= most * (1 + ROUNDING), least, np.inf)


def _solve(
    question: ScoredQuestion, network: ReluNetwork, rivals: NDArray[np.int64], earlier: Earlier, found: SearchResult,
    most: float, deadline: float,
) -> SearchResult:  # fmt: skip
    """Solve the program until nothing is left that the recommender confirms, then once more to confirm that."""
    written = _write(question, network, rivals, earlier, found, most)
    if written is None:
        return found
    program, removals = written
    grain = question.grain
    if grain == 0 and found.taken is not None:
        forbid(program, removals, found.taken)
    gap = 0.999 * grain if grain > 0 else _STRICTLY
    nodes, confirmed_nodes = found.nodes, None
    for _ in range(_MOST_DISPUTES):
        solution = program.solve(deadline, gap=gap, confirmed_nodes=confirmed_nodes)
        nodes += solution.nodes
        if not solution.is_proven:
            bound = solution.bound
            if grain > 0 and np.isfinite(bound):
                bound = float(np.ceil(bound / grain - GRAINS) * grain)
            best = found.objective if found.taken is not None else np.inf
            return replace(found, bound=max(found.bound, min(bound, best)), nodes=nodes)
        if solution.values is None and confirmed_nodes is None:
            confirmed_nodes = solution.nodes
            continue
        if solution.values is None:
            return replace(found, bound=found.objective, is_proven=True, method="mio", nodes=nodes)
        confirmed_nodes = None
        taken = removals.taken(question, solution.values)
        is_better = is_less(question.distance(taken), found.objective)
        if is_better and question.is_within(taken[None])[0] and question.is_valid(taken):
            found = replace(found, taken=taken, objective=question.distance(taken), method="mio")
            program.add_row(removals.columns, question.costs[removals.used], upper=_smaller(question, found))
            if grain > 0:
                continue
        # Without a grain the solver cannot tell a little less from the same, so that each point is cut off.
        forbid(program, removals, taken)
    return replace(found, nodes=nodes)


def _write(
    question: ScoredQuestion, network: ReluNetwork, rivals: NDArray[np.int64], earlier: Earlier, found: SearchResult,
    most: float,
) -> tuple[Program, Removals] | None:  # fmt: skip
    """The program; None where more ReLUs are open than it could decide about."""
    layers = _compared(question, network, rivals)
    enclosed, ranges = _enclose(question, layers, most)
    n_open = sum(int(_is_open(one).sum()) for one in ranges if one is not None)
    if n_open > _MOST_OPEN:
        return None
    program = Program()
    removals = add_removals(program, question, np.empty(0, dtype=np.intp), least=min(found.bound, most), most=most)
    for touched in earlier:
        keep_one_whole(program, removals, touched)
    values, columns = _units(program, question, layers, ranges, removals)
    slack = _slack(question, layers, enclosed, most)
    least = range_of(question, enclosed, most).least - slack
    stands = program.add_columns(len(least))
    program.add_row(stands, 1.0, lower=1 if question.validity == "score" else question.k)
    for number, stand in enumerate(stands):
        # lead + slack >= least (1 - y)
        row, constant = values.coefficients[:, number], float(values.constants[number])
        floor = min(float(least[number]), 0.0)
        size = max(float(np.abs(row).max(initial=0.0)), abs(floor), 1e-300)
        program.add_row(
            np.append(columns, stand), np.append(row, floor) / size,
            lower=(floor - constant - float(slack[number])) / size,
        )  # fmt: skip
    _require_gone(program, question, rivals, stands, removals)
    return program, removals


def _is_open(found: Range) -> NDArray[np.bool_]:
    is_open: NDArray[np.bool_] = (found.least < 0) & (found.greatest > 0)
    return is_open


def _units(
    program: Program, question: ScoredQuestion, layers: list[Layer], ranges: list[Range | None], removals: Removals
) -> tuple[Affine, NDArray[np.int64]]:
    """The outputs as affine functions of columns of the program, with a column for each open ReLU."""
    exact = first_inputs(question, layers[0])
    values = Affine(exact.coefficients[removals.used], exact.constants)
    columns = removals.columns
    for number, (layer, found) in enumerate(zip(layers, ranges, strict=True)):
        if number:
            values = (values @ layer.weights).plus(layer.offsets)
        if found is None:
            continue
        opened = np.flatnonzero(_is_open(found))
        outputs = program.add_columns(len(opened), lower=0.0, upper=found.greatest[opened], is_whole=False)
        marks = program.add_columns(len(opened))
        for unit, output, mark in zip(opened, outputs, marks, strict=True):
            row, constant = values.coefficients[:, unit], float(values.constants[unit])
            low, high = float(found.least[unit]), float(found.greatest[unit])
            program.add_row(np.append(columns, output), np.append(-row, 1.0), lower=constant)
            program.add_row(np.append(columns, [output, mark]), np.append(-row, [1.0, -low]), upper=constant - low)
            program.add_row([output, mark], [1.0, -high], upper=0.0)
        on = found.least >= 0
        kept = np.concatenate([values.coefficients * on, np.zeros((len(opened), len(on)))])
        kept[len(columns) + np.arange(len(opened)), opened] = 1.0
        values = Affine(kept, values.constants * on)
        columns = np.append(columns, outputs)
    return values, columns


def _require_gone(
    program: Program, question: ScoredQuestion, rivals: NDArray[np.int64], stands: NDArray[np.int64], removals: Removals
) -> None:
    """A hidden item of the history is a rival only once its interaction is gone."""
    if question.validity == "score" or question.candidates == "all":
        return
    position_of = {int(item): position for position, item in enumerate(question.history)}
    column_of = dict(zip(removals.used.tolist(), removals.columns.tolist(), strict=True))
    for rival, stand in zip(rivals.tolist(), stands, strict=True):
        if rival not in position_of:
            continue
        position = position_of[rival]
        if position in column_of and question.limits[position] == question.amounts[position]:
            amount = float(question.amounts[position])
            program.add_row([column_of[position], stand], [1.0, -amount], lower=0.0)
        else:
            program.add_row([stand], 1.0, upper=0.0)
