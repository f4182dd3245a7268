"""Generalised additive mixed model: a rating is a smooth of distance, plus an intercept and a slope of the person.

Three variances (bends of the curve, intercepts, slopes) and that of the residuals, by restricted likelihood. The
model of the study of recourse (Tominaga et al. 2024, equation 4), in the form in which it was fitted there by mgcv:
``rating ~ s(distance) + s(person, bs="re") + s(person, distance, bs="re")``.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys_ops.acceptance.akaike import used_dof
from recsys_ops.acceptance.moments import N_FIXED, Moments, intercept_and_slope, moments_of
from recsys_ops.acceptance.random_effects import EffectTest, effect_tests
from recsys_ops.acceptance.reml import Solution, maximise
from recsys_ops.acceptance.significance import wald_test
from recsys_ops.acceptance.spline import Spline, make_spline

LEAST_DISTINCT = 4
"""With fewer different distances, a bend cannot be distinguished from a line."""
NORMAL_95 = 1.959964
"""Half the width of a 95 % band, in standard errors."""


@dataclass(frozen=True)
class MixedFit:
    """A fitted model.

    ``edf``, ``f`` and ``p`` of the curve, ``edf_intercepts`` and ``edf_slopes`` of the people; standard deviations in
    rating points (slopes: per unit of distance). ``coefficients (n_columns,)`` of the curve with their posterior
    ``covariance``; ``effects (n_people, 2)``, intercept and slope of each person, with ``effect_se``; ``extra_...`` of
    the columns that were added to the curve. ``reml`` is the negative restricted log-likelihood up to a constant of the
    basis.
    """

    n: int
    spline: Spline
    intercept: float
    intercept_se: float
    edf: float
    f: float
    p: float
    edf_intercepts: float
    edf_slopes: float
    residual_sd: float
    intercept_sd: float
    slope_sd: float
    r2_adjusted: float
    aic: float
    reml: float
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    effects: NDArray[np.float64]
    effect_se: NDArray[np.float64]
    extra_coefficients: NDArray[np.float64]
    extra_covariance: NDArray[np.float64]
    moments: Moments = field(repr=False)
    solution: Solution = field(repr=False)

    def people_tests(self) -> tuple[EffectTest, EffectTest]:
        """Whether people differ in their intercepts, and in their slopes; time O(n_people^3)."""
        dof = self.n - self.moments.n_fixed - float(self.solution.edf.sum())
        return effect_tests(self.moments, self.solution, residual_dof=dof)

    def curve(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """The curve, with mean 0 over the data, shape (len(distance),)."""
        values: NDArray[np.float64] = self.spline(distance) @ self.coefficients
        return values

    def curve_se(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its posterior standard error, shape (len(distance),)."""
        columns = self.spline(distance)
        variances = np.einsum("ij,jk,ik->i", columns, self.covariance, columns)
        se: NDArray[np.float64] = np.sqrt(np.maximum(variances, 0.0))
        return se


def fit_gamm(
    distance: NDArray[np.float64],
    rating: NDArray[np.float64],
    person: NDArray[np.int64],
    n_people: int,
    extra: NDArray[np.float64] | None = None,
) -> MixedFit:
    """Fit the model.

    Parameters
    ----------
    distance : ndarray, shape (n,)
        With at least ``LEAST_DISTINCT`` different values.
    rating : ndarray, shape (n,)
    person : ndarray, shape (n,)
        0 .. n_people - 1; some people with several ratings, or intercepts and residuals are the same thing.
    n_people : int
    extra : ndarray, shape (n, n_extra), optional
        Columns beside the curve, without a penalty, each with mean 0.

    Returns
    -------
    MixedFit

    Notes
    -----
    Time O(n_people) per evaluation of the likelihood, about a hundred evaluations. Agrees with mgcv 1.8-41 to four
    digits on reference data; the differences are described at ``make_spline``, ``wald_test`` and ``used_dof``.
    """
    spline = make_spline(distance)
    added = np.empty((len(rating), 0)) if extra is None else extra
    columns = np.column_stack([np.ones_like(distance), added, spline(distance)])
    n_fixed, curve = N_FIXED + added.shape[1], slice(1 + added.shape[1], None)
    moments = moments_of(columns, intercept_and_slope(distance), person, rating, n_people, n_fixed=n_fixed)
    solution = maximise(moments)
    mean = columns @ solution.coefficients + solution.effects[person, 0] + solution.effects[person, 1] * distance
    squares = float(((rating - mean) ** 2).sum())
    n, dof = len(rating), n_fixed + float(solution.edf.sum())
    covariance = solution.variance * solution.inverse
    statistic, p = wald_test(
        solution.coefficients[curve], covariance[curve, curve], moments.xx[curve, curve],
        rank=_curve_rank(solution), residual_dof=n - dof,
    )  # fmt: skip
    total = float(((rating - rating.mean()) ** 2).sum())
    sds = np.sqrt(solution.variance / solution.penalties)
    return MixedFit(
        n=n,
        spline=spline,
        intercept=float(solution.coefficients[0]),
        intercept_se=float(np.sqrt(covariance[0, 0])),
        edf=1 + float(solution.edf[0]),
        f=statistic,
        p=p,
        edf_intercepts=float(solution.edf[1]),
        edf_slopes=float(solution.edf[2]),
        residual_sd=float(np.sqrt(solution.variance)),
        intercept_sd=float(sds[1]),
        slope_sd=float(sds[2]),
        r2_adjusted=1 - (squares / (n - dof)) / (total / (n - 1)),
        aic=n * (np.log(2 * np.pi * squares / n) + 1) + 2 * (used_dof(moments, solution) + 1),
        reml=solution.loss,
        coefficients=solution.coefficients[curve],
        covariance=covariance[curve, curve],
        effects=solution.effects,
        effect_se=np.sqrt(solution.variance * np.einsum("ukk->uk", solution.effect_inverse)),
        extra_coefficients=solution.coefficients[1 : curve.start],
        extra_covariance=covariance[1 : curve.start, 1 : curve.start],
        moments=moments,
        solution=solution,
    )


def _curve_rank(solution: Solution) -> float:
    """Degrees of freedom of the curve for its test: those of the smoother twice less those of its square."""
    bends, fixed = solution.penalties[0], solution.n_fixed
    mixed = -(solution.shift @ solution.inverse)[:, :, fixed:]
    inverse = solution.inverse[fixed:, fixed:]
    lost = bends**2 * float((inverse**2).sum()) + bends * float(np.einsum("ukp,k->", mixed**2, solution.penalties[1:]))
    return float(len(solution.coefficients) - fixed + 1 - lost)
