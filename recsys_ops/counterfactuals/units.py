"""Costs of a size that the solver can tell apart: what nobody can afford is left out, and the rest is near 1."""

from dataclasses import replace

import numpy as np

from recsys_ops.counterfactuals.question import Question
from recsys_ops.counterfactuals.tolerances import RESOLUTION, ROUNDING

USUAL_COSTS = (1e-2, 1e5)
"""Greatest costs between which questions are solved as they are."""


def affordable(question: Question, most: float) -> Question:
    """The question without the units that a distance of ``most`` does not buy."""
    if not np.isfinite(most):
        return question
    units = np.floor(np.minimum(most * (1 + ROUNDING) / question.costs, question.limits))
    return replace(question, limits=np.maximum(units, 0).astype(np.int64))


def usual_unit(question: Question, alpha: float = 0.0) -> float:
    """What a distance of 1 must stand for, so that costs are of usual size; a power of two divides without rounding."""
    greatest = float(question.weights[question.limits > 0].max(initial=0.0))
    if greatest == 0 or USUAL_COSTS[0] <= greatest <= USUAL_COSTS[1]:
        return 1.0
    return float(2.0 ** np.floor(np.log2(max(greatest, min(alpha, 1.0)))))


def in_units(question: Question, unit: float) -> Question:
    """The question with distances in units: the solver's tolerances are absolute."""
    return replace(question, weights=question.weights / unit, max_distance=question.max_distance / unit)


def is_usual(question: Question) -> bool:
    """Whether the solver can take the costs as they are."""
    costs = question.costs[question.limits > 0]
    usual = USUAL_COSTS[0] <= question.weights.max(initial=USUAL_COSTS[0]) <= USUAL_COSTS[1]
    return bool(usual) and float(costs.min(initial=np.inf)) > 1e-4 * float(costs.max(initial=0.0))


def is_resolved(question: Question) -> bool:
    """Whether the solver can tell apart what the affordable removals cost: no cost is lost beside the greatest."""
    costs = question.costs[question.limits > 0]
    if not len(costs) or question.grain > 4 * RESOLUTION * costs.max():
        return True
    return float(costs.min()) > 10 * RESOLUTION * float(costs.max())
