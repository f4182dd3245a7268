"""What a descent compares: artificial ratings with their fits, and their merit.

The paper fits once for each candidate. The search fits from several starts and takes the mean, each fit settled where a
descent begins and continued from the last one on its way: what a single unfinished fit offers is gone in the next one.
Limits on RMSE and lists enter as penalties; the one on lists has no gradient, so that steps against it are rejected.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.antidote.fixed_point import exact_gradient
from recsys_ops.antidote.gradient import paper_gradient
from recsys_ops.antidote.objectives import Objective, Predictions, SquaredError, measure
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.standing import share_kept, top_lists
from recsys_ops.models.mf import Factors, Fit, fit_als
from recsys_ops.models.mf_rows import RowMap
from recsys_ops.models.mf_settled import fit_settled

Gradient = Literal["paper", "exact"]

PENALTY = 4.0
"""Cost of exceeding a limit by as much again, in multiples of the objective."""

CONTINUED_TOLERANCE = 1e-7
"""In stars of RMSE, of a fit that goes on from the last one."""

_KEPT_OF_LIMIT = 0.9
_GRADIENT_TOLERANCE = 1e-2


@dataclass(frozen=True)
class View:
    """One fit: ``predictions`` on the ratings that the objective is about, ``fitted`` on those fitted.

    ``lists`` of the users, None without a limit on them.
    """

    fit: Fit
    predictions: Predictions
    fitted: Predictions
    lists: NDArray[np.int32] | None


@dataclass(frozen=True)
class Scale:
    """What the merit of a candidate is measured against: the recommender without artificial users.

    ``value`` of the objective and ``rmse`` of the fit in stars, means over the starts; ``lists`` from each start, and
    where that is limited the share of these that is to be ``kept`` and, a little more, what a descent aims at.
    """

    value: float
    rmse: float
    lists: tuple[NDArray[np.int32] | None, ...] = ()
    kept: float = 0.0
    aim: float = 0.0


@dataclass(frozen=True)
class Point:
    """A candidate with its fits; ``merit`` (to be lowered) is the objective over that before, plus the penalties."""

    ratings: sp.csr_array
    views: tuple[View, ...]
    merit: float


def scale_of(problem: AntidoteProblem) -> Scale:
    """Objective, RMSE and lists without antidote."""
    views = _views(problem, None, None)
    value = float(np.mean([problem.objective.value(view.predictions) for view in views]))
    lists = tuple(view.lists for view in views)
    if problem.min_overlap is None:
        return Scale(max(abs(value), 1e-12), _rmse(views), lists)
    floor = np.mean([_share(one, two) for one, two in zip(lists, (*lists[1:], lists[0]), strict=True)])
    kept, aim = (float(floor) * share for share in (problem.min_overlap, 0.7 * problem.min_overlap + 0.3))
    return Scale(max(abs(value), 1e-12), _rmse(views), lists, kept, aim)


def evaluate_point(
    problem: AntidoteProblem, ratings: sp.csr_array, scale: Scale, *, last: Point | None = None
) -> Point:
    """Fit the recommender with these artificial ratings and compute their merit.

    Parameters
    ----------
    problem : AntidoteProblem
    ratings : csr_array, shape (n_artificial, n_items)
    scale : Scale
    last : Point, optional
        Whose fits are continued; by default each fit is from scratch.
    """
    views = _views(problem, ratings, last)
    value = float(np.mean([problem.objective.value(view.predictions) for view in views]))
    penalty = _excess(problem, views, scale) ** 2 + _shortfall(views, scale, scale.aim)
    return Point(ratings, views, problem.sign * value / scale.value + PENALTY * penalty)


def keeps_limits(problem: AntidoteProblem, point: Point, scale: Scale) -> bool:
    """Whether RMSE and lists of a point stay within their limits, in the mean over the starts."""
    if problem.max_rmse_loss is not None and _rmse(point.views) > scale.rmse + problem.max_rmse_loss:
        return False
    return _shortfall(point.views, scale, scale.kept) <= 0


def slope_of(problem: AntidoteProblem, point: Point, scale: Scale, gradient: Gradient) -> NDArray[np.float64]:
    """Derivative of the merit by the ratings given, without the limit on lists."""
    excess = _excess(problem, point.views, scale)
    one = partial(_slope, scale=scale, gradient=gradient, excess=excess, ratings=point.ratings)
    slopes = problem.run_each(one, point.views)
    mean: NDArray[np.float64] = np.mean(slopes, axis=0)
    return mean


def _views(problem: AntidoteProblem, ratings: sp.csr_array | None, last: Point | None) -> tuple[View, ...]:
    starts = problem.choice_starts or (None,)
    items = [None] * len(starts) if last is None else [view.fit.factors.items for view in last.views]
    return tuple(problem.run_each(partial(_view, ratings=ratings), list(zip(starts, items, strict=True))))


def _view(
    problem: AntidoteProblem, start: tuple[int | None, NDArray[np.float64] | None], *, ratings: sp.csr_array | None
) -> View:
    seed, items = start
    if seed is None:
        fit = problem.without() if ratings is None else problem.fit(ratings, start=items if problem.warm else None)
    elif items is None:
        als = replace(problem.als, seed=seed)
        fit = fit_settled(problem.rows, als, partial(_value, problem), artificial=ratings)
    else:
        als = replace(problem.als, tolerance=CONTINUED_TOLERANCE)
        fit = fit_als(problem.rows, als, artificial=ratings, start=items)
    predictions = problem.measure(fit.factors)
    differs = problem.evaluated_on is not None and problem.max_rmse_loss is not None
    fitted = measure(problem.rows, fit.factors) if differs else predictions
    lists = None if problem.min_overlap is None else top_lists(problem.rows, fit.factors)
    return View(fit, predictions, fitted, lists)


def _value(problem: AntidoteProblem, factors: Factors) -> float:
    return problem.objective.value(problem.measure(factors))


def _rmse(views: tuple[View, ...]) -> float:
    return float(np.mean([view.fitted.rmse for view in views]))


def _excess(problem: AntidoteProblem, views: tuple[View, ...], scale: Scale) -> float:
    """RMSE lost beyond a little less than the limit, in units of the limit."""
    if problem.max_rmse_loss is None:
        return 0.0
    limit = max(problem.max_rmse_loss, 1e-6)
    return max(0.0, (_rmse(views) - scale.rmse) / limit - _KEPT_OF_LIMIT)


def _shortfall(views: tuple[View, ...], scale: Scale, wanted: float) -> float:
    """Lists lost beyond what is wanted, as a share of it; 0 without a limit."""
    if not wanted:
        return 0.0
    kept = np.mean([_share(before, view.lists) for before, view in zip(scale.lists, views, strict=True)])
    return max(0.0, 1.0 - float(kept) / wanted)


def _share(before: NDArray[np.int32] | None, after: NDArray[np.int32] | None) -> float:
    return 1.0 if before is None or after is None else share_kept(before, after)


def _slope(
    problem: AntidoteProblem, view: View, *, scale: Scale, gradient: Gradient, excess: float, ratings: sp.csr_array
) -> NDArray[np.float64]:
    def derivative(objective: Objective, predictions: Predictions, evaluated: RowMap) -> NDArray[np.float64]:
        arguments = (problem.rows, objective, predictions, view.fit, ratings, problem.als.regularisation)
        if gradient == "paper":
            return paper_gradient(*arguments, evaluated=evaluated).at(ratings)
        return exact_gradient(*arguments, evaluated=evaluated, tolerance=_GRADIENT_TOLERANCE).at(ratings)

    slope = problem.sign / scale.value * derivative(problem.objective, view.predictions, problem.evaluated_rows)
    if problem.max_rmse_loss is not None and excess > 0:
        by_rmse = 2 * PENALTY * excess / max(problem.max_rmse_loss, 1e-6)
        slope += by_rmse / (2 * view.fitted.rmse) * derivative(SquaredError(), view.fitted, problem.rows)
    return slope
