"""The mixed model from its definition: a normal vector whose covariance is written out, dense, nothing eliminated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Covariance:
    """A study and its variances: y is normal with mean ``fixed @ b`` and covariance ``variance * V``."""

    fixed: Vector
    bends: Vector
    intercepts: Vector
    slopes: Vector
    y: Vector
    shares: Vector

    @property
    def v(self) -> Vector:
        """V, with ``shares`` the variances of bends, intercepts and slopes over that of the residuals."""
        parts = (self.bends, self.intercepts, self.slopes)
        return np.eye(len(self.y)) + sum(share * part @ part.T for share, part in zip(self.shares, parts, strict=True))


def write_out(columns: Vector, distance: Vector, person: Vector, y: Vector, shares: Vector) -> Covariance:
    """Columns: the constant, the line, then the bends."""
    member = (person[:, None] == np.arange(person.max() + 1)).astype(float)
    return Covariance(columns[:, :2], columns[:, 2:], member, member * distance[:, None], y, shares)


def restricted_loss(model: Covariance) -> tuple[float, float]:
    """Negative restricted log-likelihood at its best residual variance, and that variance (Harville 1977)."""
    inverse = np.linalg.inv(model.v)
    information = model.fixed.T @ inverse @ model.fixed
    best = np.linalg.solve(information, model.fixed.T @ inverse @ model.y)
    left = model.y - model.fixed @ best
    dof = len(model.y) - model.fixed.shape[1]
    variance = float(left @ inverse @ left) / dof
    determinants = np.linalg.slogdet(model.v)[1] + np.linalg.slogdet(information)[1]
    return float(dof * (1 + np.log(2 * np.pi * variance)) + determinants) / 2, variance


def predictions(model: Covariance) -> tuple[Vector, Vector, Vector, Vector]:
    """Best linear unbiased: fixed coefficients, bends, intercepts and slopes."""
    inverse = np.linalg.inv(model.v)
    information = model.fixed.T @ inverse @ model.fixed
    best = np.linalg.solve(information, model.fixed.T @ inverse @ model.y)
    left = inverse @ (model.y - model.fixed @ best)
    parts = (model.bends, model.intercepts, model.slopes)
    bends, intercepts, slopes = (share * part.T @ left for share, part in zip(model.shares, parts, strict=True))
    return best, bends, intercepts, slopes


def smoother(model: Covariance) -> tuple[Vector, Vector]:
    """F = (X'X + S)^-1 X'X over all coefficients, and (X'X + S)^-1."""
    x = np.column_stack([model.fixed, model.bends, model.intercepts, model.slopes])
    sizes = [part.shape[1] for part in (model.bends, model.intercepts, model.slopes)]
    penalty = np.diag(np.r_[np.zeros(model.fixed.shape[1]), np.repeat(1 / model.shares, sizes)])
    inverse = np.linalg.inv(x.T @ x + penalty)
    return inverse @ x.T @ x, inverse
