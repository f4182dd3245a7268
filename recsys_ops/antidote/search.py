"""The search: descents with the exact gradient on the mean over several starts, and nothing where nothing is better."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from recsys_ops.antidote.descent import descend
from recsys_ops.antidote.points import Point, Scale, evaluate_point, keeps_limits, scale_of
from recsys_ops.antidote.problem import AntidoteProblem
from recsys_ops.antidote.starts import Start, first_ratings
from recsys_ops.models.mf_rows import predicted, with_values

SEARCH_STARTS: tuple[Start, ...] = ("random", "extremes", "common", "fixed")
FIRST_STEPS = 10
"""Steps that the search takes from each kind of first ratings, before it goes on from the best."""

LEGS = 3
LEG_STEPS = 20
"""Steps of a leg; the next one begins with fits from scratch, which show what the continued ones still promise."""

BLENDS = (0.8, 0.6, 0.4, 0.2)
"""Shares of what ratings differ from their predictions, tried in turn where limits are broken."""


def search(problem: AntidoteProblem, n_artificial: int, *, seed: int) -> sp.csr_array:
    """Descent with the exact gradient: a few steps from each kind of first ratings, and on from the best.

    Parameters
    ----------
    problem : AntidoteProblem
        Fits are from each of its ``choice_starts``, or from its own start alone.
    n_artificial : int
    seed : int

    Returns
    -------
    csr_array, shape (n, n_items)
        The best of the ends of the descents, each rounded, brought within the limits and fitted from other starts than
        those it was made for, where what only they offer is gone; without users where none is better than nothing.
    """
    scale = scale_of(problem)
    begun = (first_ratings(problem, start, n_artificial, seed=seed) for start in SEARCH_STARTS)
    points = [descend(problem, start, scale, max_steps=FIRST_STEPS) for start in begun]
    points = [min(points, key=lambda point: point.merit)]
    for _ in range(LEGS):
        points.append(descend(problem, points[-1].ratings, scale, max_steps=LEG_STEPS))
    problem = _from_other_starts(problem)
    scale = scale_of(problem)
    found = [one for point in points if (one := _feasible(problem, point, scale)) is not None]
    best = min(found, key=lambda point: point.merit, default=None)
    if best is None or best.merit >= problem.sign:  # the merit of no artificial users at all
        nothing: sp.csr_array = points[0].ratings[:0]
        return nothing
    return best.ratings


def _from_other_starts(problem: AntidoteProblem) -> AntidoteProblem:
    """The same problem with starts of which the descents know nothing, and one more."""
    if not problem.choice_starts:
        return problem
    first = max(problem.choice_starts) + 1
    return replace(problem, choice_starts=tuple(range(first, first + len(problem.choice_starts) + 1)))


def within_limits(problem: AntidoteProblem, artificial: sp.csr_array) -> sp.csr_array:
    """The first of the artificial users, as many as the limits on RMSE and lists allow.

    Parameters
    ----------
    problem : AntidoteProblem
    artificial : csr_array, shape (n_artificial, n_items)

    Returns
    -------
    csr_array, shape (n, n_items)
        With these the fits from scratch keep the limits, and with one more they do not; found by bisection, so that a
        greater n beyond one that breaks a limit may be missed.
    """
    if problem.max_rmse_loss is None and problem.min_overlap is None:
        return artificial
    scale = scale_of(problem)
    kept, refused = 0, int(artificial.shape[0]) + 1
    tried = refused - 1  # all of them first: most often they keep the limits
    while refused - kept > 1:
        if keeps_limits(problem, evaluate_point(problem, artificial[:tried], scale), scale):
            kept = tried
        else:
            refused = tried
        tried = (kept + refused) // 2
    some: sp.csr_array = artificial[:kept]
    return some


def _feasible(problem: AntidoteProblem, point: Point, scale: Scale) -> Point | None:
    """The point as it may be used, fitted from scratch; None where it keeps the limits in no way."""
    rounded = with_values(point.ratings, problem.feasible(point.ratings.data))
    fresh = evaluate_point(problem, rounded, scale)
    if keeps_limits(problem, fresh, scale):
        return fresh
    found = [one for one in (_blended(problem, fresh, scale), _fewer(problem, rounded, scale)) if one is not None]
    return min(found, key=lambda one: one.merit, default=None)


def _blended(problem: AntidoteProblem, point: Point, scale: Scale) -> Point | None:
    """Ratings nearer to their predictions, which do less: a rating that is predicted anyway does nothing."""
    guess = np.mean(
        [predicted(point.ratings, view.fit.artificial, view.fit.factors.items) for view in point.views], axis=0
    )
    for share in BLENDS:
        values = problem.feasible(guess + share * (point.ratings.data - guess))
        tried = evaluate_point(problem, with_values(point.ratings, values), scale)
        if keeps_limits(problem, tried, scale):
            return tried
    return None


def _fewer(problem: AntidoteProblem, ratings: sp.csr_array, scale: Scale) -> Point | None:
    some = within_limits(problem, ratings)
    return evaluate_point(problem, some, scale) if some.shape[0] else None
