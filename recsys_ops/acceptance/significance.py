"""Is a penalised curve flat? A Wald test that counts the directions in which the data, not the penalty, decide.

Source: Wood 2013, On p-values for smooth components of an extended generalized additive model, Biometrika 100(1),
sections 2 and 3.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

_NODES = 64


def wald_test(
    coefficients: NDArray[np.float64],
    covariance: NDArray[np.float64],
    cross_products: NDArray[np.float64],
    *,
    rank: float,
    residual_dof: float,
) -> tuple[float, float]:
    """F statistic and p-value of the hypothesis that the curve is 0 everywhere.

    Parameters
    ----------
    coefficients : ndarray, shape (n_columns,)
        Of the curve.
    covariance : ndarray, shape (n_columns, n_columns)
        Their posterior covariance.
    cross_products : ndarray, shape (n_columns, n_columns)
        Of the curve's columns over the data.
    rank : float
        Degrees of freedom of the curve; fractions are allowed.
    residual_dof : float
        Degrees of freedom left to the residual variance.

    Returns
    -------
    tuple of float
        F and p.

    Notes
    -----
    Where ``rank`` is k plus a fraction, directions k and k + 1 (by posterior variance) are weighed together, which
    leaves a sign undetermined: p is the mean over both. Departs from mgcv in that F is the mean as well (mgcv shows the
    one that its basis happens to give), and in that p is computed exactly however small (mgcv: to about 1e-10).
    """
    values, vectors = np.linalg.eigh(cross_products)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    spread = root @ covariance @ root.T
    values, vectors = np.linalg.eigh((spread + spread.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    n_known = int((values > values[0] * np.finfo(float).eps ** 0.9).sum())
    whole = min(int(rank), n_known)
    part = rank - whole if whole < n_known else 0.0
    scores = (vectors.T @ root @ coefficients)[: whole + 1] / np.sqrt(
        np.maximum(values[: whole + 1], values[0] * 1e-300)
    )
    if part <= 0:
        statistic = float((scores[:whole] ** 2).sum())
        return statistic / whole, float(fdtrc(whole, residual_dof, statistic / whole))
    both = [_quadratic(scores * np.r_[np.ones(whole), sign], part) for sign in (1.0, -1.0)]
    p = np.mean([_tail(statistic, whole, part, residual_dof) for statistic in both])
    return float(np.mean(both)) / rank, float(p)


def _quadratic(scores: NDArray[np.float64], part: float) -> float:
    """Sum of squares in which the last two directions count 1 + ``part`` together (Wood 2013, section 3)."""
    joint = np.sqrt(part * (1 - part) / 2)
    weights = np.array([[1.0, joint], [joint, part]])
    last = scores[-2:]
    return float((scores[:-2] ** 2).sum() + last @ weights @ last)


def _tail(statistic: float, whole: int, part: float, residual_dof: float) -> float:
    """Probability that the weighted sum of squared normals over their estimated variance exceeds ``statistic``.

    The direction of ``whole + 1`` independent normals is independent of their length, and their squared length over
    the variance follows F: so it is the mean of F's tail over directions, a smooth integral in two angles.
    """
    total, dof = 1 + part, whole + 1
    half = np.sqrt(total * (1 - part)) / 2
    angle = np.pi * (np.arange(_NODES) + 0.5) / _NODES
    last_two = total / 2 + half * np.cos(angle)
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    if whole == 1:
        share, weight = np.zeros(1), np.ones(1)
    else:
        share, weight = ((node + 1) / 2) ** (2 / (whole - 1)), weight / 2
    size = share[:, None] + (1 - share[:, None]) * last_two
    tails = fdtrc(dof, residual_dof, statistic / (dof * size))
    return float(weight @ tails.mean(axis=1))
