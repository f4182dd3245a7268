"""Algorithm 1: projected gradient descent on the ratings of the artificial users.

Each step fits the recommender, takes the gradient and moves all ratings at once, clipped to their range. The length of
a step comes from the last two gradients (Barzilai and Borwein), and a step is taken if it beats the worst of the last
few (spectral projected gradient: Birgin, Martinez and Raydan 2000). The landscape is rugged; steps that must each be
the best so far get stuck in it. A limit on the RMSE enters as a quadratic penalty.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.fixed_point import exact_gradient
from recsys_ops.antidote.gradient import paper_gradient
from recsys_ops.antidote.objectives import Objective, Predictions, SquaredError, measure
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.models.mf import Fit
from recsys_ops.models.mf_rows import RowMap, with_values

Gradient = Literal["paper", "exact"]

MEMORY = 6
"""Number of earlier steps; a step must be better than the worst of them."""

PENALTY = 4.0
"""Cost of exceeding the limit on the RMSE by as much again, in multiples of the objective."""

_KEPT_OF_LIMIT = 0.9
_SHORTENED = 0.3
_MOST_TRIALS = 6
_SUFFICIENT = 1e-4
_GRADIENT_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Scale:
    """What the merit of a candidate is measured against: the recommender without artificial users.

    ``value`` of the objective, ``rmse`` of the fit in stars.
    """

    value: float
    rmse: float


@dataclass(frozen=True)
class Point:
    """A candidate with its fit; ``merit`` (to be lowered) is the objective over that before, plus the penalty.

    ``predictions`` are on the ratings that the objective is about, ``fitted`` on those that a limit on RMSE is about.
    """

    ratings: sp.csr_array
    fit: Fit
    predictions: Predictions
    fitted: Predictions
    merit: float


def descend(
    problem: AntidoteProblem, start: sp.csr_array, scale: Scale, *, gradient: Gradient = "exact", max_steps: int = 60
) -> Point:
    """Improve artificial ratings step by step; which items each user rates does not change.

    Parameters
    ----------
    problem : AntidoteProblem
    start : csr_array, shape (n_artificial, n_items)
        First ratings.
    scale : Scale
    gradient : "paper" or "exact"
        Eq. 9, or through the fixed point of ALS.
    max_steps : int

    Returns
    -------
    Point
        The best one on the way.
    """
    point = best = evaluate_point(problem, start, scale)
    moved: NDArray[np.float64] | None = None
    slope: NDArray[np.float64] | None = None
    merits = [point.merit]
    for _ in range(max_steps):
        last_slope, slope = slope, _slope(problem, point, scale, gradient)
        if moved is None or last_slope is None:
            length = _first_length(problem, slope)
        else:
            length = _next_length(problem, moved, slope - last_slope, slope)
        found = _step(problem, point, slope, length, max(merits[-MEMORY:]), scale)
        if found is None:
            break
        moved, point = found.ratings.data - point.ratings.data, found
        merits.append(point.merit)
        best = min(best, point, key=lambda candidate: candidate.merit)
    return best


def evaluate_point(
    problem: AntidoteProblem, ratings: sp.csr_array, scale: Scale, *, start: NDArray[np.float64] | None = None
) -> Point:
    """Fit the recommender with these artificial ratings and compute their merit.

    Parameters
    ----------
    problem : AntidoteProblem
    ratings : csr_array, shape (n_artificial, n_items)
    scale : Scale
    start : ndarray, shape (n_items, rank), optional
        Item factors to start from.
    """
    fit = problem.fit(ratings, start=start)
    predictions = problem.measure(fit.factors)
    fitted = _on_fitted(problem, predictions)
    merit = problem.sign * problem.objective.value(predictions) / scale.value
    return Point(ratings, fit, predictions, fitted, merit + PENALTY * _excess(problem, fitted, scale) ** 2)


def scale_of(problem: AntidoteProblem) -> Scale:
    """Objective and RMSE without antidote."""
    predictions = problem.measure(problem.without().factors)
    return Scale(max(abs(problem.objective.value(predictions)), 1e-12), _on_fitted(problem, predictions).rmse)


def _on_fitted(problem: AntidoteProblem, predictions: Predictions) -> Predictions:
    """The same factors measured on the fitted ratings, where that differs and there is a limit on RMSE."""
    if problem.evaluated_on is None or problem.max_rmse_loss is None:
        return predictions
    return measure(problem.rows, predictions.factors)


def _excess(problem: AntidoteProblem, fitted: Predictions, scale: Scale) -> float:
    """RMSE lost beyond a little less than the limit, in units of the limit."""
    if problem.max_rmse_loss is None:
        return 0.0
    limit = max(problem.max_rmse_loss, 1e-6)
    return max(0.0, (fitted.rmse - scale.rmse) / limit - _KEPT_OF_LIMIT)


def _slope(problem: AntidoteProblem, point: Point, scale: Scale, gradient: Gradient) -> NDArray[np.float64]:
    """Derivative of the merit by the ratings given."""

    def derivative(objective: Objective, predictions: Predictions, evaluated: RowMap) -> NDArray[np.float64]:
        arguments = (problem.rows, objective, predictions, point.fit, point.ratings, problem.als.regularisation)
        if gradient == "paper":
            return paper_gradient(*arguments, evaluated=evaluated).at(point.ratings)
        return exact_gradient(*arguments, evaluated=evaluated, tolerance=_GRADIENT_TOLERANCE).at(point.ratings)

    slope = problem.sign / scale.value * derivative(problem.objective, point.predictions, problem.evaluated_rows)
    excess = _excess(problem, point.fitted, scale)
    if problem.max_rmse_loss is not None and excess > 0:
        by_rmse = 2 * PENALTY * excess / max(problem.max_rmse_loss, 1e-6)
        slope += by_rmse / (2 * point.fitted.rmse) * derivative(SquaredError(), point.fitted, problem.rows)
    return slope


def _step(
    problem: AntidoteProblem, point: Point, slope: NDArray[np.float64], length: float, to_beat: float, scale: Scale
) -> Point | None:
    """The first of ever shorter steps that is good enough, None if there is none."""
    low, high = problem.rating_range
    direction = np.clip(point.ratings.data - length * slope, low, high) - point.ratings.data
    descent = float(slope @ direction)
    if descent >= 0:
        return None
    share = 1.0
    for _ in range(_MOST_TRIALS):
        moved = np.clip(point.ratings.data + share * direction, low, high)
        tried = evaluate_point(
            problem, with_values(point.ratings, moved), scale, start=point.fit.factors.items if problem.warm else None
        )
        if tried.merit <= to_beat + _SUFFICIENT * share * descent:
            return tried
        share *= _SHORTENED
    return None


def _first_length(problem: AntidoteProblem, slope: NDArray[np.float64]) -> float:
    """Length at which a typical rating crosses the whole range."""
    typical = float(np.sqrt(np.mean(slope**2))) if len(slope) else 0.0
    return (problem.rating_range[1] - problem.rating_range[0]) / max(typical, 1e-300)


def _next_length(
    problem: AntidoteProblem, moved: NDArray[np.float64], turned: NDArray[np.float64], slope: NDArray[np.float64]
) -> float:
    longest = 4 * _first_length(problem, slope)
    curvature = float(moved @ turned)
    if curvature <= 0:
        return longest
    return min(max(float(moved @ moved) / curvature, 1e-3 * longest), longest)
