"""How many people must a study have, so that it finds what is there?

The power of the Wald tests of the mixed model with known variances: every person rates recourses at the same
distances, and what a person's answers say about a level and a slope is scattered by the person and by the answers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri, ncfdtr, ndtr

from recsys_ops.errors import ConfigError

Question = Literal["distance", "intercept", "slope", "methods"]

MOST_PEOPLE = 1_000_000
_WILCOXON = 3 / np.pi
"""Efficiency of the signed-rank test relative to the t test where differences are normal (Hodges and Lehmann 1956)."""
_LINE_DOF = 1.24
"""Mean effective degrees of freedom of the fitted curve where the truth is a line, of 1,200 studies."""


@dataclass(frozen=True)
class StudyPlan:
    """What a study asks, and how people answer.

    ``distances`` of the recourses that each person rates; standard deviations of people's intercepts and slopes and of
    the answers as in ``acceptance_fits``; ``n_tests`` that share the ``level`` (Bonferroni); ``n_covariates`` columns
    of properties in the fit.
    """

    distances: tuple[float, ...] = (1.0, 2.0, 4.0, 7.0, 10.0)
    intercept_sd: float = 0.9
    slope_sd: float = 0.05
    residual_sd: float = 1.1
    level: float = 0.05
    n_tests: int = 1
    n_covariates: int = 1


def power(question: Question, effect: float, n_people: int, plan: StudyPlan) -> float:
    """Probability that a study of so many people finds an effect.

    Parameters
    ----------
    question : {"distance", "intercept", "slope", "methods"}
        What is tested: that ratings change with distance; that a property of people moves their intercepts, or their
        slopes; that two methods are rated differently.
    effect : float
        In rating points: distance: per unit of distance, in a line. intercept, slope: per standard deviation of the
        property (half of the difference between two groups of equal size), slope per unit of distance as well.
        methods: difference of the means of two methods.
    n_people : int
    plan : StudyPlan

    Returns
    -------
    float
        0 where there are too few people for the test.

    Notes
    -----
    Distances about their mean: people's levels there have variance ``(s0^2 + m^2 s1^2) + r^2 / k``, their slopes
    ``s1^2 + r^2 / S``, for k ratings at distances with mean m and sum of squared deviations S. A line is tested by a
    curve that may bend, which costs ``_LINE_DOF`` degrees of freedom.
    """
    dof, variance = _dof(question, n_people, plan), _variance(question, n_people, plan)
    if dof < 1:
        return 0.0
    tested = _LINE_DOF if question == "distance" else 1.0
    critical = float(fdtri(tested, dof, 1 - plan.level / plan.n_tests))
    return float(1 - ncfdtr(tested, dof, n_people * effect**2 / variance, critical))


def people_needed(question: Question, effect: float, wanted: float, plan: StudyPlan) -> int:
    """The least number of people with which the power is as wanted.

    Parameters
    ----------
    question, effect, plan
        As in ``power``.
    wanted : float
        Between 0 and 1.

    Returns
    -------
    int

    Raises
    ------
    ConfigError
        More than ``MOST_PEOPLE`` would be needed.
    """
    low, high = 0, 2
    while power(question, effect, high, plan) < wanted:
        low, high = high, 2 * high
        if high > MOST_PEOPLE:
            raise ConfigError(
                f"power: an effect of {effect:g} needs more than {MOST_PEOPLE:,} people. Ask for a greater --effect."
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(question, effect, middle, plan) >= wanted else (middle, high)
    return high


def _dof(question: Question, n_people: int, plan: StudyPlan) -> int:
    if question == "methods":
        return n_people - 1
    if question == "distance":
        return n_people * (len(plan.distances) - 1) - 1
    return n_people - 1 - plan.n_covariates


def _variance(question: Question, n_people: int, plan: StudyPlan) -> float:
    """Of the estimated effect, times the number of people."""
    at: NDArray[np.float64] = np.array(plan.distances)
    answers = plan.residual_sd**2
    if question == "methods":
        return 2 * answers / _WILCOXON
    if question == "intercept":
        return float(plan.intercept_sd**2 + (at.mean() * plan.slope_sd) ** 2 + answers / len(at))
    of_answers = answers / float(((at - at.mean()) ** 2).sum())
    if question == "slope":
        return plan.slope_sd**2 + of_answers
    return of_answers + _as_estimated(plan.slope_sd**2, of_answers, n_people)


def _as_estimated(variance: float, scatter: float, n_people: int) -> float:
    """Mean of the estimate of people's variance, which is never below 0: with few people it is too large."""
    sd = (variance + scatter) * np.sqrt(2 / max(n_people - 1, 1))
    at = variance / sd
    return float(variance * ndtr(at) + sd * np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi))
