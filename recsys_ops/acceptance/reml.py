"""Restricted likelihood of the mixed model for given penalties, and the penalties that maximise it.

The coefficients are those of the fixed part and of the bends (few) and some effects per person (many). Given the
former, people are independent, so theirs are eliminated person by person: a fit takes milliseconds where a solver of
the whole system takes a minute. Source: Wood 2011, JRSS B 73, section 2 (Gaussian case).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from recsys_ops.acceptance.moments import Moments

CURVE_STARTS = ((-3.0, 0.0, -3.0), (-3.0, 0.0, 2.0), (5.0, 0.0, 0.0))
"""Log penalties of bends, intercepts and slopes."""
_RANGE = 18.0
"""Log penalties stay within so much of the data's own scale; beyond it an effect is zero, or free, to all digits."""


@dataclass(frozen=True)
class Solution:
    """The model at given penalties.

    ``penalties (n_penalties,)``, of a curve the bends, intercepts and slopes, in units of the residual variance;
    ``coefficients (n_columns,)`` and ``inverse (n_columns, n_columns)`` of the columns; ``effects (n_people, q)``
    with ``effect_inverse (n_people, q, q)``; times ``variance`` the inverses are posterior covariances.
    ``loss`` is the negative restricted log-likelihood, ``gradient (n_penalties,)`` that by log penalty. ``shift
    (n_people, q, n_columns)`` is how a coefficient moves the effects, ``own (n_people, q, q)`` their inverse at given
    coefficients.
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
    log_penalties : ndarray, shape (n_penalties,)

    Returns
    -------
    Solution
        ``edf (n_penalties,)``: effective degrees of freedom of what each penalty is of.

    Notes
    -----
    Time O(n_people n_columns^2).
    """
    penalties, n_fixed = np.exp(log_penalties), moments.n_fixed
    n_columns, n_people = len(moments.xy), len(moments.zy)
    own, log_determinant = _invert(moments.zz + np.diag(penalties[moments.effect_penalty]))
    shift = own @ moments.zx
    penalty = np.r_[np.zeros(n_fixed), penalties[moments.column_penalty]]
    system = moments.xx + np.diag(penalty) - np.einsum("ukp,ukq->pq", moments.zx, shift)
    factor = cho_factor(system)
    inverse = cho_solve(factor, np.eye(n_columns))
    coefficients = cho_solve(factor, moments.xy - np.einsum("ukp,uk->p", shift, moments.zy))
    effects = np.einsum("ukl,ul->uk", own, moments.zy) - shift @ coefficients
    effect_inverse = own + np.einsum("ukp,pq,ulq->ukl", shift, inverse, shift, optimize=True)
    penalised = moments.yy - float(coefficients @ moments.xy) - float((effects * moments.zy).sum())
    dof = moments.n - n_fixed
    variance = penalised / dof
    ranks = _by_penalty(moments, np.ones(n_columns - n_fixed), np.full(effects.shape[1], float(n_people)))
    log_determinant += 2 * float(np.log(np.diag(factor[0])).sum())
    loss = dof * (1 + np.log(2 * np.pi * variance)) + log_determinant - float(ranks @ log_penalties)
    squares = _by_penalty(moments, coefficients[n_fixed:] ** 2, (effects**2).sum(axis=0))
    traces = _by_penalty(moments, np.diag(inverse)[n_fixed:], np.einsum("ukk->k", effect_inverse))
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


def _by_penalty(
    moments: Moments, of_columns: NDArray[np.float64], of_effects: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sums of what penalised columns and effects have, by their penalty, ``(n_penalties,)``."""
    n = moments.n_penalties
    sums: NDArray[np.float64] = np.zeros(n)
    np.add.at(sums, moments.column_penalty, of_columns)
    np.add.at(sums, moments.effect_penalty, of_effects)
    return sums


def maximise(moments: Moments, starts: Sequence[tuple[float, ...]] = CURVE_STARTS) -> Solution:
    """The penalties of the greatest restricted likelihood.

    Parameters
    ----------
    moments : Moments
    starts : sequence of tuple of float, each of length n_penalties
        Log penalties to climb from, on the data's own scale; by default those of a curve.

    Returns
    -------
    Solution
        The best of the starts: the likelihood can have one top with random slopes and one without.
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

    return min((climb(start) for start in starts), key=lambda top: top.loss)


def _own_scale(moments: Moments) -> NDArray[np.float64]:
    """Penalties that weigh as much as the data: the mean square of what each is of."""
    bends, n_people = np.diag(moments.xx)[moments.n_fixed :], len(moments.zz)
    own = _by_penalty(moments, bends, np.einsum("ukk->k", moments.zz) / n_people)
    return own / _by_penalty(moments, np.ones(len(bends)), np.ones(moments.zz.shape[1]))


def _invert(blocks: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Inverses of symmetric positive definite blocks ``(n, q, q)``, and the sum of their log-determinants."""
    if blocks.shape[1] > 2:
        inverse: NDArray[np.float64] = np.linalg.inv(blocks).astype(np.float64)
        return inverse, float(np.linalg.slogdet(blocks)[1].sum())
    a, b, d = blocks[:, 0, 0], blocks[:, 0, 1], blocks[:, 1, 1]
    determinant = a * d - b * b
    adjugate = np.stack([np.stack([d, -b], axis=1), np.stack([-b, a], axis=1)], axis=1)
    return adjugate / determinant[:, None, None], float(np.log(determinant).sum())
