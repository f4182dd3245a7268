"""Do people differ? A test of their intercepts, or their slopes, that treats the other of the two as random.

Source: Wood 2013, A simple test for random effects in regression models, Biometrika 100(4), 1005-1010; the form in
which mgcv 1.8-41 reports it (F is the statistic over its rank, p by the distribution of a weighted sum of chi-squares
over that of the residual variance).
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from recsys_ops.acceptance.moments import Moments
from recsys_ops.acceptance.reml import Solution

MOST_PEOPLE = 3000
"""With more people the eigenvalues of the test, n_people^3 operations, are not worth their minutes."""

_NO_EFFECT = 0.01
"""Effective degrees of freedom below which the fit has shrunk the effects of all people to nothing."""


class EffectTest(NamedTuple):
    """F statistic and p-value of the hypothesis that no person differs; None where it was not tested."""

    f: float | None
    p: float | None


def effect_tests(moments: Moments, solution: Solution, *, residual_dof: float) -> tuple[EffectTest, EffectTest]:
    """Test the people's intercepts and their slopes.

    Parameters
    ----------
    moments : Moments
    solution : Solution
        Fitted to them.
    residual_dof : float
        Degrees of freedom left to the residual variance.

    Returns
    -------
    (EffectTest, EffectTest)
        Of intercepts and of slopes. Effects that the fit has shrunk to nothing have F 0 and p 1. With more than
        ``MOST_PEOPLE`` people nothing is tested.

    Notes
    -----
    Time O(n_people^3), memory O(n_people^2).
    """
    if len(moments.zy) > MOST_PEOPLE:
        return EffectTest(None, None), EffectTest(None, None)
    return _test(moments, solution, 0, residual_dof), _test(moments, solution, 1, residual_dof)


def _test(moments: Moments, solution: Solution, tested: int, residual_dof: float) -> EffectTest:
    if solution.edf[1 + tested] < _NO_EFFECT:
        return EffectTest(0.0, 1.0)
    precision, covariance = _precision(moments, solution, tested), _covariance(moments, solution, tested)
    effects = solution.effects[:, tested]
    statistic = float(effects @ precision @ effects / solution.variance)
    # The eigenvalues of precision x covariance, of symmetric matrices.
    values, vectors = np.linalg.eigh(precision)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    weights = np.maximum(np.linalg.eigvalsh(root @ covariance @ root.T), 0.0)
    rank = int((weights > weights.max() * np.finfo(float).eps ** 0.8).sum())
    return EffectTest(statistic / rank, tail_of_ratio(statistic, weights, residual_dof))


def _precision(moments: Moments, solution: Solution, tested: int) -> NDArray[np.float64]:
    """What is known of the tested effects once the curve is estimated and the other effects are random."""
    other, penalty = 1 - tested, solution.penalties[1:]
    shared = moments.zz[:, 0, 1] / penalty[other]
    own = moments.zz[:, tested, tested] + moments.zz[:, 0, 1] * shared + penalty[tested]
    mixed = moments.zx[:, tested] + shared[:, None] * moments.zx[:, other]
    curve = moments.xx + moments.zx[:, other].T @ moments.zx[:, other] / penalty[other] + _curve_penalty(solution)
    precision: NDArray[np.float64] = np.diag(own) - mixed @ np.linalg.solve(curve, mixed.T)
    return (precision + precision.T) / 2


def _covariance(moments: Moments, solution: Solution, tested: int) -> NDArray[np.float64]:
    """Sampling covariance of the tested effects over the residual variance, the other effects random."""
    shift = solution.shift[:, tested]
    posterior = np.diag(solution.own[:, tested, tested]) + shift @ solution.inverse @ shift.T
    with_curve = shift @ solution.inverse
    shrunk = with_curve @ _curve_penalty(solution) @ with_curve.T
    covariance: NDArray[np.float64] = posterior - shrunk - solution.penalties[1 + tested] * posterior @ posterior
    return covariance


def _curve_penalty(solution: Solution) -> NDArray[np.float64]:
    n_bends = len(solution.coefficients) - solution.n_fixed
    return np.diag(np.r_[np.zeros(solution.n_fixed), np.full(n_bends, solution.penalties[0])])


def tail_of_ratio(statistic: float, weights: NDArray[np.float64], dof: float) -> float:
    """Probability that a weighted sum of chi-squares exceeds ``statistic`` times a mean chi-square of ``dof``.

    Parameters
    ----------
    statistic : float, > 0
    weights : ndarray, shape (n,), >= 0
    dof : float

    Returns
    -------
    float
        To about 1e-9, by inverting the characteristic function (Imhof 1961, Biometrika 48, equation 3.2).
    """
    scale = float(weights.max())
    terms, counts = np.r_[weights, -statistic / dof] / scale, np.r_[np.ones(len(weights)), dof]

    def integrand(at: float) -> float:
        angle = 0.5 * float(counts @ np.arctan(terms * at))
        log_size = 0.25 * float(counts @ np.log1p((terms * at) ** 2))
        return float(np.sin(angle)) * float(np.exp(-log_size)) / at

    # Most of the mass is where the spread of the sum turns the angle.
    width = 1 / np.sqrt(float(counts @ terms**2))
    parts = [quad(integrand, *ends, limit=200)[0] for ends in _intervals(width)]
    return float(np.clip(0.5 + sum(parts) / np.pi, 0.0, 1.0))


def _intervals(width: float) -> list[tuple[float, float]]:
    """From 0 to where the characteristic function has died out, finer where it turns."""
    edges = [0.0, *(width * 2.0 ** np.arange(-3, 8))]
    return [*pairwise(edges), (edges[-1], np.inf)]
