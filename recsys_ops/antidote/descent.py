"""Algorithm 1: projected gradient descent on the ratings of the artificial users.

Each step fits the recommender, takes the gradient and moves all ratings at once, clipped to their range. The length of
a step comes from the last two gradients (Barzilai and Borwein), and a step is taken if it beats the worst of the last
few (spectral projected gradient: Birgin, Martinez and Raydan 2000). The landscape is rugged; steps that must each be
the best so far get stuck in it.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.points import Gradient, Point, Scale, evaluate_point, slope_of
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.models.mf_rows import with_values

MEMORY = 6
"""Number of earlier steps; a step must be better than the worst of them."""

_SHORTENED = 0.3
_MOST_TRIALS = 6
_SUFFICIENT = 1e-4


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
        last_slope, slope = slope, slope_of(problem, point, scale, gradient)
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
        tried = evaluate_point(problem, with_values(point.ratings, moved), scale, last=point)
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
