"""The program as the papers write it, in Pyomo: full candidates, global big M, nothing pruned or folded.

With the counterfactual history x' (whole units, only decreases), its scores and its explained item a,

    min   sum_j w_j (x_j - x'_j) / scale  [- alpha L]                                       (1)
    s.t.  s_z = sum_j x'_j W[j, z] / scale + b_z                  for every candidate z     (2), (3)
          s_a + margin_a <= t                                     "score"                   (4)
          s_a + margin_z <= s_z + M (1 - y_z),  sum_z y_z >= k    "kth"                     (5), (6)
          u_c = sum_{j in c} x'_j                                 units of a category       (7), (8)
          u_c >= q_c,  u_c <= M q_c                               disjunction               (9) to (11)

and the sum-product network in the log domain (LiCE, eq. 6 to 10), o_n the value of node n and b one-hot in the bins
of a leaf's variable:

          o_leaf = sum_p log_density_p b_p                        b_p = 1 only if the variable is in bin p
          o_product = sum_i o_i
          o_sum <= o_i + log w_i + M (1 - m_i),  sum_i m_i = 1    the best child, a lower bound
          L = o_root            "optimise"        or        o_root >= tau        "threshold"

It is what the fast engine is tested against. Of the question it reads what was put, never what was prepared: scores,
margin and candidates are counted here again, from the recommender's weights and the history, so that the two can
disagree.
Sources: Plausible Counterfactual Explanations of Recommendations, eq. 1 to 11; LiCE (Nemecek et al., ICLR 2025).
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.contrib.appsi.base import TerminationCondition
from pyomo.contrib.appsi.solvers.highs import Highs

from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.search import Earlier, Goal, SearchResult
from recsys_ops.counterfactuals.tolerances import FEASIBILITY, MARGIN, ROUNDING, SUMMATION
from recsys_ops.models.network import Network, NodeKind, leaf_log_densities


def find_by_specification(question: Question, goal: Goal | None, earlier: Earlier, deadline: float) -> SearchResult:
    """Solve the textbook program.

    Parameters
    ----------
    question : Question
    goal : Goal or None
        None for the shortest explanation.
    earlier : list of ndarray
        Positions that earlier explanations touch; at least one of each stays whole.
    deadline : float
        Of ``time.perf_counter``; the solver may overrun it while it reduces a large program.

    Returns
    -------
    SearchResult
    """
    ranking = _rank(question)
    if len(ranking.rivals) < question.k:
        return SearchResult(None, np.inf, np.inf, True, "pyomo")
    model = _build_model(question, ranking, goal, earlier)
    found = _solve(model, question, deadline)
    if not found.is_proven:
        return found
    again = _solve(model, question, deadline, is_confirming=True)
    room = 0.0 if found.taken is None else 10 * FEASIBILITY * (1 + abs(found.objective))
    if again.is_proven and again.objective >= found.objective - room:
        return found
    better = again if again.objective < found.objective else found
    return replace(better, bound=-np.inf, is_proven=False, is_disputed=True)


def _solve(model: Any, question: Question, deadline: float, *, is_confirming: bool = False) -> SearchResult:
    """What the solver says; to confirm it, without its presolve."""
    solver = Highs()
    solver.config.load_solution = False
    solver.config.time_limit = max(deadline - time.perf_counter(), 1e-3)
    solver.highs_options = {
        "threads": 1, "mip_rel_gap": 0.0, "mip_abs_gap": 1e-8,
        "mip_feasibility_tolerance": FEASIBILITY,
        "presolve": "off" if is_confirming else "choose",
    }  # fmt: skip
    results = solver.solve(model)
    if results.termination_condition in (TerminationCondition.infeasible, TerminationCondition.infeasibleOrUnbounded):
        return SearchResult(None, np.inf, np.inf, True, "pyomo")
    proven = results.termination_condition == TerminationCondition.optimal
    bound = -np.inf if results.best_objective_bound is None else float(results.best_objective_bound)
    if results.best_feasible_objective is None:
        return SearchResult(None, np.inf, bound, False, "pyomo")
    results.solution_loader.load_vars()
    taken = question.amounts - np.array([round(pyo.value(model.x[j])) for j in model.interactions], dtype=np.int64)
    objective = float(pyo.value(model.objective))
    return SearchResult(taken, objective, objective if proven else min(bound, objective), proven, "pyomo")


_SMALLEST, _GREATEST = 10.0, 100.0
"""Size of the smallest term in a row, so that the margin is greater than the solver's tolerance; and of the greatest,
beyond which the solver is slow."""


@dataclass(frozen=True)
class _Ranking:
    """``weights (n + 1, n_items)`` of one unit of each interaction and of the offsets, ``factual (n_items,)`` scores.

    ``rivals`` are the candidates other than the item: what is not in the history, and with validity "kth" and removed
    items eligible also what may be taken from it entirely.
    """

    weights: NDArray[np.float64]
    factual: NDArray[np.float64]
    rivals: list[int]


def _rank(question: Question) -> _Ranking:
    """Read the weights, and count the candidates again, instead of taking over what the question has prepared."""
    recommender, history = question.recommender, question.history
    rows = recommender.rows(history) / question.scale
    returns = question.candidates == "all"
    if not returns:
        rows[np.arange(len(rows)), history] = 0.0  # an item adds nothing to itself
    offsets = np.zeros(recommender.n_items) if recommender.offsets is None else recommender.offsets
    hidden = {question.item, *np.flatnonzero(np.isinf(offsets)).tolist()} | (set() if returns else {*history.tolist()})
    weights = np.vstack([rows, np.where(np.isinf(offsets), 0.0, offsets)])
    rivals = [z for z in range(recommender.n_items) if z not in hidden]
    if question.validity == "kth" and question.removed_items == "eligible" and not returns:
        rivals += history[(question.limits > 0) & (question.limits == question.amounts)].tolist()
    return _Ranking(weights, np.append(question.amounts, 1) @ weights, rivals)


def _build_model(question: Question, ranking: _Ranking, goal: Goal | None, earlier: Earlier) -> Any:
    model = pyo.ConcreteModel()
    n = len(question.history)
    model.interactions = pyo.RangeSet(0, n - 1)
    model.x = pyo.Var(
        model.interactions,
        domain=pyo.NonNegativeIntegers,
        bounds=lambda _, j: (int(question.amounts[j] - question.limits[j]), int(question.amounts[j])),
    )
    distance = sum(
        float(question.weights[j]) * (int(question.amounts[j]) - model.x[j]) / question.scale for j in range(n)
    )
    _add_validity(model, question, ranking)
    _add_caps(model, question, distance)
    _add_earlier(model, question, earlier)
    if goal is None:
        model.objective = pyo.Objective(expr=distance)
        return model
    _add_network(model, question, goal)
    root = model.o[len(goal.likelihood.network) - 1]
    model.objective = pyo.Objective(expr=distance - goal.alpha * root)
    if np.isfinite(goal.threshold):
        model.plausible = pyo.Constraint(expr=root >= goal.threshold)
    return model


def _add_validity(model: Any, question: Question, ranking: _Ranking) -> None:
    """Equations (2) to (6)."""
    a, weights, rivals = question.item, ranking.weights, ranking.rivals
    kept = [*(model.x[j] for j in model.interactions), 1.0]

    def total(terms: NDArray[np.float64]) -> Any:
        """Of what is left of the history, and of what every history gets."""
        return sum(left * term for left, term in zip(kept, terms.tolist(), strict=True))

    def margin(terms: NDArray[np.float64]) -> Any:
        """Part of what is left of the terms that tell two scores apart, and of the smallest of them."""
        return MARGIN * (total(terms) + _smallest(terms))

    own = np.abs(weights[:, a])
    if question.validity == "score":
        kth = sorted(rivals, key=lambda z: -ranking.factual[z])[question.k - 1]
        threshold = float(ranking.factual[kth])
        rounding = SUMMATION * float(np.append(question.amounts, 1) @ np.abs(weights[:, kth]))
        needed = total(weights[:, a]) + margin(own) + MARGIN * abs(threshold) + rounding
        model.leaves = pyo.Constraint(expr=(needed - threshold) * _row_unit(own) <= 0)
        return
    model.rivals = pyo.Set(initialize=rivals)
    model.y = pyo.Var(model.rivals, domain=pyo.Binary)
    terms = np.abs(weights[:, [a]] - weights)
    big_m = 1.01 * float((np.append(question.amounts, 1) @ terms)[rivals].max()) or 1.0

    def above(m: Any, z: int) -> Any:
        if not terms[:, z].any():
            return m.y[z] == 0
        rounding = total(SUMMATION * (own + np.abs(weights[:, z])))
        short = total(weights[:, a]) + margin(terms[:, z]) + rounding - total(weights[:, z])
        return (short - big_m * (1 - m.y[z])) * _row_unit(terms[:, z]) <= 0

    model.above = pyo.Constraint(model.rivals, rule=above)
    model.enough = pyo.Constraint(expr=sum(model.y[z] for z in rivals) >= question.k)
    model.entirely = pyo.ConstraintList()
    for j, z in enumerate([] if question.candidates == "all" else question.history.tolist()):
        if z in model.rivals:
            model.entirely.add(model.x[j] <= int(question.amounts[j]) * (1 - model.y[z]))


def _smallest(terms: NDArray[np.float64]) -> float:
    """The smallest term that is not zero."""
    return float(terms[terms > 0].min(initial=np.inf)) if terms.any() else 1.0


def _row_unit(terms: NDArray[np.float64]) -> float:
    """What a row is multiplied by: the solver's tolerance is absolute."""
    return min(_SMALLEST / _smallest(terms), _GREATEST / (float(terms.max()) or 1.0))


def _add_caps(model: Any, question: Question, distance: Any) -> None:
    """A distance, and interactions that lose anything, of at most so much."""
    if np.isfinite(question.max_distance):
        model.near = pyo.Constraint(expr=distance <= question.max_distance * (1 + ROUNDING))
    if np.isfinite(question.max_removed):
        model.touched = pyo.Var(model.interactions, domain=pyo.Binary)
        model.touches = pyo.Constraint(
            model.interactions,
            rule=lambda m, j: int(question.amounts[j]) - m.x[j] <= int(question.amounts[j]) * m.touched[j],
        )
        model.few = pyo.Constraint(expr=sum(model.touched[j] for j in model.interactions) <= question.max_removed)


def _add_earlier(model: Any, question: Question, earlier: Earlier) -> None:
    """At least one interaction of each earlier explanation keeps all its units."""
    model.earlier = pyo.RangeSet(0, len(earlier) - 1)
    model.whole = pyo.Var(model.earlier, model.interactions, domain=pyo.Binary)
    model.differs = pyo.ConstraintList()
    for e, touched in enumerate(earlier):
        for j in touched.tolist():
            model.differs.add(model.x[j] >= int(question.amounts[j]) * model.whole[e, j])
        model.differs.add(sum(model.whole[e, j] for j in touched.tolist()) >= 1)


def _add_network(model: Any, question: Question, goal: Goal) -> None:
    """Equations (7) to (11), and the values o of the nodes from those of the leaves."""
    network = goal.likelihood.network
    nodes = range(len(network))
    model.o = pyo.Var(nodes)
    model.m = pyo.VarList(domain=pyo.Binary)
    model.network = pyo.ConstraintList()
    variables = _add_variables(model, question, goal)
    low, high = np.zeros(len(network)), np.zeros(len(network))
    for n in nodes:
        edges = range(network.child_start[n], network.child_start[n + 1])
        children = [int(network.child[e]) for e in edges]
        if network.kind[n] == NodeKind.LEAF:
            bins = variables[int(network.variable[n])]
            densities = [float(leaf_log_densities(network, n, np.array([value]))[0]) for value, _ in bins]
            low[n], high[n] = min(densities), max(densities)
            model.network.add(model.o[n] == sum(f * b for f, (_, b) in zip(densities, bins, strict=True)))
        elif network.kind[n] == NodeKind.PRODUCT:
            low[n], high[n] = low[children].sum(), high[children].sum()
            model.network.add(model.o[n] == sum(model.o[i] for i in children))
        else:
            log_weights = [float(network.log_weight[e]) for e in edges]
            low[n], high[n] = (low[children] + log_weights).min(), (high[children] + log_weights).max()
            chosen = [model.m.add() for _ in children]
            model.network.add(sum(chosen) == 1)
            for i, log_weight, m in zip(children, log_weights, chosen, strict=True):
                big_m = float(high[n] - low[i] - log_weight)
                model.network.add(model.o[n] <= model.o[i] + log_weight + big_m * (1 - m))


def _add_variables(model: Any, question: Question, goal: Goal) -> dict[int, list[tuple[float, Any]]]:
    """Of each variable, a value in each bin that any of its leaves tells apart, and the binary that is 1 there."""
    network, aggregation = goal.likelihood.network, goal.likelihood.aggregation
    membership = aggregation.membership[question.history].toarray()
    model.b = pyo.VarList(domain=pyo.Binary)
    variables = {}
    for c in range(network.n_variables):
        members = np.flatnonzero(membership[:, c]).tolist()
        most = int(question.amounts[members].sum())
        units = sum(model.x[j] for j in members)
        if aggregation.kind == "disjunction":
            starts = [0, 1] if most else [0]
            values = [0.0, 1.0]
        else:
            # Bins in whole units of the category, where no rounding can move an interaction across their ends.
            grid = aggregation.values(np.arange(most + 1.0), np.full(most + 1, c))
            edges = np.concatenate([np.empty(0), *(_inner_edges(network, n) for n in _leaves(network, c))])
            starts = sorted({0, *(start for start in np.searchsorted(grid, edges).tolist() if start <= most)})
            values = grid[starts].tolist()
        ends = [*(start - 1 for start in starts[1:]), most]
        chosen = [model.b.add() for _ in starts]
        model.network.add(sum(chosen) == 1)
        if members:
            model.network.add(units >= sum(start * b for start, b in zip(starts, chosen, strict=True)))
            model.network.add(units <= sum(end * b for end, b in zip(ends, chosen, strict=True)))
        variables[c] = list(zip(values, chosen, strict=False))
    return variables


def _inner_edges(network: Network, leaf: int) -> NDArray[np.float64]:
    """Where the bins of a leaf begin, other than the first."""
    return network.bin_lower[network.bin_start[leaf] + 1 : network.bin_start[leaf + 1]]


def _leaves(network: Network, variable: int) -> list[int]:
    leaves: list[int] = np.flatnonzero((network.kind == NodeKind.LEAF) & (network.variable == variable)).tolist()
    return leaves
