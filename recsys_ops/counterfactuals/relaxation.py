"""The program with an upper bound on the log-likelihood, tightened wherever it was wrong.

Its optimum bounds the truth from below, and its infeasibility is the truth's. Every point it returns is evaluated
exactly; where the log-likelihood is lower than the bound said, the bound is made exact there (``plausibility``) and the
program is solved again. There are finitely many points, so this ends, and it ends with the proven optimum.
"""

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys_ops.counterfactuals.folding import Folded
from recsys_ops.counterfactuals.formulation import Removals, add_removals, forbid, keep_one_whole
from recsys_ops.counterfactuals.plausibility import Breakpoints, add_likelihood, forbid_cells
from recsys_ops.counterfactuals.program import Program
from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.search import Earlier, Goal, SearchResult
from recsys_ops.counterfactuals.tolerances import GRAINS, RESOLUTION

ROOM = 1e-6
"""Nats by which the program's threshold is lower than the one that counts: a point on the very edge of a row is beyond
it by the solver's tolerance, and not found for long. What is within the room is evaluated, and forbidden."""


@dataclass
class Relaxation:
    """One case, and what has been learned about its log-likelihood so far.

    ``visited``: where the bound is exact. ``too_low``: removals below the threshold by no more than the program can
    resolve. ``has_floor``: without the ranking, there are plausible removals nearer than what is known to be needed.
    """

    question: Question
    goal: Goal
    earlier: Earlier
    deadline: float
    visited: Breakpoints = field(default_factory=dict)
    too_low: list[NDArray[np.int64]] = field(default_factory=list)
    has_floor: bool = False

    def visit(self, folded: Folded, taken: NDArray[np.int64]) -> float:
        """Objective of a removal, inf if it is not plausible; the bound is exact there from now on."""
        log_likelihood, differences = folded.evaluate(taken)
        for key, difference in differences.items():
            self.visited.setdefault(key, set()).add(difference)
        if log_likelihood < self.goal.threshold:
            if log_likelihood > self.goal.threshold - 2 * ROOM:
                self.too_low.append(taken)
            return float(np.inf)
        return self.question.distance(taken) - self.goal.alpha * log_likelihood

    def minimise(
        self,
        folded: Folded,
        rivals: NDArray[np.intp],
        *,
        least: float,
        most: float,
        cutoff: float = np.inf,
        most_nodes: int | None = None,
        confirmed_nodes: int | None = None,
    ) -> SearchResult:
        """The best removal with an objective below ``cutoff`` that is plausible and has the item leave the top k.

        Parameters
        ----------
        folded : Folded
            For a distance of at least ``most``.
        rivals : ndarray
            Inequalities that may hold; without any, the item may stay where it is.
        least, most : float
            The distance is within these.
        cutoff : float
        most_nodes : int, optional
            Effort that may be spent; counted, not timed, so that the outcome is the same on every machine.
        confirmed_nodes : int, optional
            Solve under other settings, to confirm a search with so many nodes.

        Returns
        -------
        SearchResult
            Without ``taken``, and proven, where there is none.
        """
        best, objective, bound, nodes, proven = None, cutoff, -np.inf, 0, False
        grain, enough = 0.0, -np.inf
        if self.goal.alpha == 0:
            # A threshold leaves distances as objective, and they come in grains.
            grain, bound = self.question.grain, least
            enough = least + (grain or RESOLUTION) / 2
        seen: list[NDArray[np.int64]] = []
        forbidden: list[NDArray[np.int64]] = []
        while time.perf_counter() < self.deadline:
            program, removals, constant = self._program(folded, rivals, least, most, objective)
            for taken in forbidden:
                forbid(program, removals, taken)
            left = None if most_nodes is None else max(most_nodes - nodes, 1)
            solution = program.solve(
                self.deadline, gap=0.999 * grain if grain else RESOLUTION / 2, most_nodes=left, enough=enough,
                confirmed_nodes=confirmed_nodes,
            )  # fmt: skip
            nodes += solution.nodes
            reached = solution.bound + constant
            if grain and np.isfinite(reached):
                reached = float(np.ceil(reached / grain - GRAINS) * grain)
            bound = max(bound, min(reached, objective))
            if solution.values is not None:
                taken = removals.taken(self.question, solution.values)
                is_out = not len(rivals) or self.question.explains(taken)
                if not is_out or any(np.array_equal(taken, other) for other in seen):
                    # Valid by the solver's tolerance only, or evaluated already.
                    forbidden.append(taken)
                else:
                    seen.append(taken)
                    value = self.visit(folded, taken)
                    if self._is_free(rivals) and self.question.distance(taken) < least - RESOLUTION:
                        self.has_floor = bool(np.isfinite(value))
                    elif value < objective:
                        best, objective = taken, value
            proven = solution.is_proven and (solution.values is None or bound >= objective - RESOLUTION)
            if proven:
                bound = objective
            if proven or not solution.is_proven:
                break
        return SearchResult(best, objective if best is not None else np.inf, bound, proven, "mio", nodes)

    def _is_free(self, rivals: NDArray[np.intp]) -> bool:
        """Whether nothing but the likelihood keeps the program's removals from being too near."""
        return self.goal.alpha == 0 and not len(rivals) and not self.has_floor

    def _program(
        self, folded: Folded, rivals: NDArray[np.intp], least: float, most: float, cutoff: float
    ) -> tuple[Program, Removals, float]:
        """The program, the columns of the units taken, and the constant of its objective."""
        question, alpha = self.question, self.goal.alpha
        program = Program()
        # A row that bounds the objective itself spoils the solver's branching, so it is added only where it is needed.
        floor = 0.0 if self._is_free(rivals) else least
        if alpha == 0:
            most = min(most, cutoff - (question.grain or RESOLUTION))
        removals = add_removals(program, question, rivals, least=floor, most=max(most, least))
        columns = add_likelihood(program, folded, removals, self.visited)
        for taken in self.too_low:
            if question.distance(taken) <= most:
                forbid_cells(program, folded, columns, taken)
        where, coefficients = columns.row(folded.root)
        for column, coefficient in zip(where, coefficients, strict=True):
            program.cost[column] = -alpha * coefficient
        constant = -alpha * folded.root.constant
        if alpha == 0:
            program.add_row(where, coefficients, lower=self.goal.threshold - folded.root.constant - ROOM)
        elif np.isfinite(cutoff):
            costed = np.flatnonzero(program.cost)
            program.add_row(costed, np.array(program.cost)[costed], upper=cutoff - constant - RESOLUTION)
        for touched in self.earlier:
            keep_one_whole(program, removals, touched)
        return program, removals, constant
