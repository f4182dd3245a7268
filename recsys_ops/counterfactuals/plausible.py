"""The most plausible explanation: the program with an upper bound on the log-likelihood, tightened where it was wrong.

    optimise:   min  distance - alpha LL(x - d)            threshold:   min  distance   s.t.  LL(x - d) >= tau

with the exact log-likelihood LL of the network (mixture "exact") or its best-child bound ("best", which is LiCE's
program). The program holds an upper bound on LL, so its optimum bounds the truth from below and its infeasibility is the
truth's. Every point it returns is evaluated exactly; where LL is lower than the bound said, the bound is made exact
there (``plausibility``) and the program is solved again. As there are finitely many points, this ends, and it ends with
the proven optimum of the true problem.

The distance that may be spent keeps the network small: no better objective is farther away than the best known
objective plus alpha times the greatest log-likelihood; for a threshold the distance is deepened step by step, and every
step without a solution is a proof.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.folding import Folded, fold
from recsys_ops.counterfactuals.formulation import Removals, add_removals, forbid, keep_one_whole
from recsys_ops.counterfactuals.inputs import Inputs, network_inputs
from recsys_ops.counterfactuals.plausibility import Breakpoints, add_likelihood
from recsys_ops.counterfactuals.program import Program
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.settings import Mixture
from recsys_ops.counterfactuals.shortest import RESOLUTION, Earlier, Found, find_shortest
from recsys_ops.models.likelihood import Likelihood


@dataclass(frozen=True)
class Goal:
    """``alpha`` > 0 with threshold -inf, or a threshold with alpha 0."""

    likelihood: Likelihood
    alpha: float
    threshold: float
    mixture: Mixture


def find_plausible(question: Question, goal: Goal, earlier: Earlier, deadline: float, least: float = 0.0) -> Found:
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
    search = _Search(question, goal, inputs, earlier, deadline, bound=least, nodes=shortest.nodes)
    return search.optimise(shortest) if goal.alpha > 0 else search.deepen(shortest)


@dataclass
class _Search:
    """What is known of one case: the best explanation, the lower bound, and where the likelihood has been visited."""

    question: Question
    goal: Goal
    inputs: Inputs
    earlier: Earlier
    deadline: float
    bound: float
    taken: NDArray[np.int64] | None = None
    objective: float = np.inf
    method: str = "mio"
    nodes: int = 0
    visited: Breakpoints = field(default_factory=dict)
    seen: list[NDArray[np.int64]] = field(default_factory=list)
    forbidden: list[NDArray[np.int64]] = field(default_factory=list)

    def optimise(self, shortest: Found) -> Found:
        """Minimise distance - alpha LL, over the distances that can still be better."""
        alpha, distance = self.goal.alpha, float(self.question.costs @ self.question.limits)
        folded = self._fold(distance)
        self._consider(folded, shortest.taken)
        farthest = self.objective + alpha * folded.most
        while farthest < distance - RESOLUTION:
            distance = max(farthest, shortest.bound)
            folded = self._fold(distance)
            farthest = self.objective + alpha * folded.most
        self.bound = max(self.bound, shortest.bound - alpha * folded.most)
        if self.bound >= self.objective - RESOLUTION:
            self.method = shortest.method
            return self._found(is_proven=True)
        return self._found(is_proven=self._exhaust(folded, shortest.bound, distance))

    def deepen(self, shortest: Found) -> Found:
        """Least distance with LL >= threshold: ever farther, until there is a solution or everything is ruled out."""
        question, nearest = self.question, shortest.bound
        everything = float(question.costs @ question.limits)
        stride = max(question.grain, float(question.costs.min()))
        farthest = nearest
        self.method = shortest.method
        while True:
            farthest = min(farthest, everything)
            folded = self._fold(farthest)
            if question.distance(shortest.taken) <= farthest + RESOLUTION:
                self._consider(folded, shortest.taken)
            self.bound = max(self.bound, nearest)
            if self.objective > nearest + RESOLUTION and folded.most >= self.goal.threshold:
                self.method = "mio"
                if not self._exhaust(folded, nearest, farthest):
                    self._consider(self._fold(question.distance(shortest.taken)), shortest.taken)
                    return self._found(is_proven=False)
            if self.taken is not None or farthest == everything:
                return self._found(is_proven=True)
            nearest = farthest + (question.grain or RESOLUTION)
            farthest, stride = nearest + stride, 2 * stride

    def _found(self, *, is_proven: bool) -> Found:
        bound = self.objective if is_proven else min(self.bound, self.objective)
        return Found(self.taken, self.objective, bound, is_proven, self.method, self.nodes)

    def _fold(self, distance: float) -> Folded:
        return fold(self.question, self.inputs, self.goal.mixture, distance)

    def _consider(self, folded: Folded, taken: NDArray[np.int64]) -> None:
        """Evaluate a valid explanation, keep it if it is the best, and have the bound exact there from now on."""
        log_likelihood, differences = folded.evaluate(taken)
        for key, difference in differences.items():
            self.visited.setdefault(key, set()).add(difference)
        objective = self.question.distance(taken) - self.goal.alpha * log_likelihood
        if log_likelihood >= self.goal.threshold and objective < self.objective:
            self.taken, self.objective = taken, objective

    def _visit(self, folded: Folded, taken: NDArray[np.int64]) -> None:
        """Learn from a point of the program; one that is invalid by a hair, or comes again, is cut off."""
        if not self.question.is_valid(taken) or any(np.array_equal(taken, other) for other in self.seen):
            self.forbidden.append(taken)
            return
        self.seen.append(taken)
        self._consider(folded, taken)

    def _exhaust(self, folded: Folded, nearest: float, farthest: float) -> bool:
        """Improve on the best until nothing better is left within these distances; False if time ran out first."""
        while True:
            if self.taken is not None and self.goal.alpha == 0:
                farthest = min(farthest, self.objective - (self.question.grain or RESOLUTION))
            if farthest < nearest - RESOLUTION:
                return True
            program, removals, constant = self._program(folded, nearest, farthest)
            solution = program.solve(self.deadline, gap=RESOLUTION / 2)
            self.nodes += solution.nodes
            if np.isfinite(solution.bound):
                self.bound = max(self.bound, min(solution.bound + constant, self.objective))
            if solution.values is not None:
                self._visit(folded, removals.taken(self.question, solution.values))
            if not solution.is_proven:
                return False
            if solution.values is None or self.bound >= self.objective - RESOLUTION:
                return True

    def _program(self, folded: Folded, nearest: float, farthest: float) -> tuple[Program, Removals, float]:
        """The program, the columns of the units taken, and the constant of its objective."""
        question, alpha = self.question, self.goal.alpha
        program = Program()
        removals = add_removals(program, question, question.limits, least=nearest, most=farthest)
        columns = add_likelihood(program, folded, removals, self.visited)
        where, coefficients = columns.row(folded.root)
        for column, coefficient in zip(where, coefficients, strict=True):
            program.cost[column] = -alpha * coefficient
        constant = -alpha * folded.root.constant
        if alpha == 0:
            program.add_row(where, coefficients, lower=self.goal.threshold - folded.root.constant)
        elif self.taken is not None:
            costed = np.flatnonzero(program.cost)
            program.add_row(costed, np.array(program.cost)[costed], upper=self.objective - constant - RESOLUTION)
        for touched in self.earlier:
            keep_one_whole(program, removals, touched)
        for taken in self.forbidden:
            forbid(program, removals, taken)
        return program, removals, constant
