"""What drives the differences between people: properties of people in the mixed model.

A property can move how willing people are (their intercepts) and how distance matters to them (their slopes). All
properties are in one fit, so that each is what it adds to the others. The study of recourse found that people differ
and left open by what (Tominaga et al. 2024, section 6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtrit

from recsys_ops.acceptance.covariates import Covariate, Covariates
from recsys_ops.acceptance.gamm import MixedFit, fit_gamm
from recsys_ops.acceptance.propensity import lacking

PEOPLE_PER_COLUMN = 10
"""With fewer people per column of the properties, chance looks like a property."""
_TAIL = 0.025


@dataclass(frozen=True)
class Difference:
    """What one property does to the people's ``effect``.

    ``f`` with ``p`` tests that it does nothing, ``p_adjusted`` accounts for all tests of the fit (Holm).
    ``coefficients (n_columns,)`` in rating points per unit of the property (intercept: at the mean distance; slope: and
    per unit of distance), or against the reference; with ``low`` and ``high`` of their 95 % intervals.
    """

    covariate: Covariate
    effect: Literal["intercept", "slope"]
    f: float
    p: float
    p_adjusted: float
    coefficients: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True)
class Differences:
    """What the properties do; none where there are too few data, ``reason`` then says so."""

    found: tuple[Difference, ...]
    reason: str
    n_people: int


def find_differences(
    distance: NDArray[np.float64], rating: NDArray[np.float64], person: NDArray[np.int64], known: Covariates
) -> Differences:
    """Test each property, on people's intercepts and on their slopes.

    Parameters
    ----------
    distance, rating : ndarray, shape (n,)
    person : ndarray, shape (n,)
        0 .. n_people - 1, nobody left out.
    known : Covariates
        Of the same people; ratings of the others are left out.

    Returns
    -------
    Differences

    Notes
    -----
    Wald tests with as many degrees of freedom as there are people beyond the columns of the properties: a property is
    seen once per person, however often that person rated (containment, as in nlme; Pinheiro and Bates 2000, section
    2.4.2).
    """
    used = known.is_known[person]
    renumbered = np.cumsum(known.is_known) - 1
    distance, rating, person = distance[used], rating[used], renumbered[person[used]]
    n_people, n_columns = int(known.is_known.sum()), known.n_columns
    short = lacking(distance, n_people)
    if n_people < PEOPLE_PER_COLUMN * (1 + n_columns):
        needed = f"{n_people} people, at least {PEOPLE_PER_COLUMN * (1 + n_columns)} needed for {n_columns} columns"
        short = "; ".join(filter(None, [short, needed]))
    if not short and np.ptp(rating) == 0:
        short = f"all ratings are {rating[0]:g}"
    if short:
        return Differences((), short, n_people)
    columns = np.column_stack([one.columns[known.is_known] for one in known.covariates])[person]
    centred = columns - columns.mean(axis=0)
    products = centred * (distance - distance.mean())[:, None]
    fit = fit_gamm(distance, rating, person, n_people, np.column_stack([centred, products - products.mean(axis=0)]))
    return Differences(_tests(fit, known.covariates, n_people - 1 - n_columns), "", n_people)


def _tests(fit: MixedFit, covariates: Sequence[Covariate], dof: int) -> tuple[Difference, ...]:
    ends = list(accumulate((one.columns.shape[1] for one in covariates), initial=0))
    places = [slice(*pair) for pair in pairwise(ends)] + [slice(a + ends[-1], b + ends[-1]) for a, b in pairwise(ends)]
    statistics = []
    for at in places:
        values, covariance = fit.extra_coefficients[at], fit.extra_covariance[at, at]
        statistics.append(float(values @ np.linalg.solve(covariance, values)) / len(values))
    p = [float(fdtrc(at.stop - at.start, dof, f)) for at, f in zip(places, statistics, strict=True)]
    half = float(stdtrit(dof, 1 - _TAIL)) * np.sqrt(np.diag(fit.extra_covariance))
    found = []
    for test, (at, adjusted) in enumerate(zip(places, holm(p), strict=True)):
        one = covariates[test % len(covariates)]
        per_unit, spread = fit.extra_coefficients[at] / one.units, half[at] / one.units
        effect: Literal["intercept", "slope"] = "intercept" if test < len(covariates) else "slope"
        limits = (per_unit, per_unit - spread, per_unit + spread)
        found.append(Difference(one, effect, statistics[test], p[test], adjusted, *limits))
    return tuple(found)


def holm(p: Sequence[float]) -> list[float]:
    """p-values that account for all tests: the chance that any true hypothesis falls below the level is the level.

    Parameters
    ----------
    p : sequence of float

    Returns
    -------
    list of float
        In the same order. Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [float(one) for one in adjusted]
