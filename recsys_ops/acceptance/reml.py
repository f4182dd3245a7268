"""Restricted likelihood of the mixed model for given penalties, and the penalties that maximise it.

The coefficients are those of the fixed part and of the bends (few) and two effects per person (many). Given the
former, people are independent, so theirs are eliminated person by person: a fit takes milliseconds where a solver of
the whole system takes a minute. Source: Wood 2011, JRSS B 73, section 2 (Gaussian case).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from recsys_ops.acceptance.moments import Moments

_STARTS = ((-3.0, 0.0, -3.0), (-3.0, 0.0, 2.0), (5.0, 0.0, 0.0))
_RANGE = 18.0
"""Log penalties stay within so much of the data's own scale; beyond it an effect is zero, or free, to all digits."""


@dataclass(frozen=True)
class Solution:
    """The model at given penalties.

    ``penalties (3,)`` of the bends, intercepts and slopes, in units of the residual variance; ``coefficients
    (n_columns,)`` and ``inverse (n_columns, n_columns)`` of the fixed part and the bends; ``effects (n_people, 2)``
    with ``effect_inverse (n_people, 2, 2)``; times ``variance`` the inverses are posterior covariances.
    ``loss`` is the negative restricted log-likelihood, ``gradient (3,)`` that by log penalty. ``shift (n_people, 2,
    n_columns)`` is how a coefficient moves the effects, ``own (n_people, 2, 2)`` their inverse at given coefficients.
    """

    penalties: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    inverse: NDArray[np.float64]
    effects: NDArray[np.float64]
    effect_inverse: NDArray[np.float64]
    variance: float
    loss: float
    gradient: NDArray[np.float64]
    edf: NDArray[np.float64]
    shift: NDArray[np.float64]
    own: NDArray[np.float64]
    n_fixed: int


def solve(moments: Moments, log_penalties: NDArray[np.float64]) -> Solution:
    """Coefficients, effects and restricted likelihood at given penalties, the residual variance at its best.

    Parameters
    ----------
    moments : Moments
        The first ``n_fixed`` columns are not penalised.
    log_penalties : ndarray, shape (3,)

    Returns
    -------
    Solution
        ``edf (3,)``: effective degrees of freedom of the bends, the intercepts and the slopes.

    Notes
    -----
    Time O(n_people n_columns^2).
    """
    penalties, n_fixed = np.exp(log_penalties), moments.n_fixed
    n_columns, n_people = len(moments.xy), len(moments.zy)
    own, log_determinant = _invert(moments.zz + np.diag(penalties[1:]))
    shift = own @ moments.zx
    penalty = np.r_[np.zeros(n_fixed), np.full(n_columns - n_fixed, penalties[0])]
    system = moments.xx + np.diag(penalty) - np.einsum("ukp,ukq->pq", moments.zx, shift)
    factor = cho_factor(system)
    inverse = cho_solve(factor, np.eye(n_columns))
    coefficients = cho_solve(factor, moments.xy - np.einsum("ukp,uk->p", shift, moments.zy))
    effects = np.einsum("ukl,ul->uk", own, moments.zy) - shift @ coefficients
    effect_inverse = own + np.einsum("ukp,pq,ulq->ukl", shift, inverse, shift, optimize=True)
    penalised = moments.yy - float(coefficients @ moments.xy) - float((effects * moments.zy).sum())
    dof = moments.n - n_fixed
    variance = penalised / dof
    ranks = np.array([n_columns - n_fixed, n_people, n_people])
    log_determinant += 2 * float(np.log(np.diag(factor[0])).sum())
    loss = dof * (1 + np.log(2 * np.pi * variance)) + log_determinant - float(ranks @ log_penalties)
    squares = np.r_[(coefficients[n_fixed:] ** 2).sum(), (effects**2).sum(axis=0)]
    traces = np.r_[np.diag(inverse)[n_fixed:].sum(), np.einsum("ukk->k", effect_inverse)]
    edf = ranks - penalties * traces
    gradient = (penalties * squares / variance - edf) / 2
    return Solution(
        penalties,
        coefficients,
        inverse,
        effects,
        effect_inverse,
        variance,
        loss / 2,
        gradient,
        edf,
        shift,
        own,
        n_fixed,
    )


def maximise(moments: Moments) -> Solution:
    """The penalties of the greatest restricted likelihood.

    Parameters
    ----------
    moments : Moments

    Returns
    -------
    Solution
        The best of three starts: the likelihood can have one top with random slopes and one without.
    """
    scale = np.log(_own_scale(moments))
    bounds = [(centre - _RANGE, centre + _RANGE) for centre in scale]

    def loss(log_penalties: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        solution = solve(moments, log_penalties)
        return solution.loss, solution.gradient

    def climb(start: tuple[float, ...]) -> Solution:
        options: Any = {"maxiter": 300, "ftol": 1e-14, "gtol": 1e-6}
        at = scale + np.array(start)
        return solve(moments, minimize(loss, at, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x)

    return min((climb(start) for start in _STARTS), key=lambda top: top.loss)


def _own_scale(moments: Moments) -> NDArray[np.float64]:
    """Penalties that weigh as much as the data, for the bends, an intercept and a slope."""
    bends = np.diag(moments.xx)[moments.n_fixed :]
    scale: NDArray[np.float64] = np.r_[bends.mean(), np.einsum("ukk->k", moments.zz) / len(moments.zz)]
    return scale


def _invert(blocks: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Inverses of symmetric 2 x 2 blocks, and the sum of their log-determinants."""
    a, b, d = blocks[:, 0, 0], blocks[:, 0, 1], blocks[:, 1, 1]
    determinant = a * d - b * b
    adjugate = np.stack([np.stack([d, -b], axis=1), np.stack([-b, a], axis=1)], axis=1)
    return adjugate / determinant[:, None, None], float(np.log(determinant).sum())
