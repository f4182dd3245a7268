"""Thin plate regression spline of one variable: the smooth term of the mixed model.

The cubic spline through all knots, reduced to the few directions in which it can bend most: a
straight line and some bends whose squared coefficients are the penalty. Source: Wood 2003, Thin plate regression
splines, JRSS B 65, section 3 (m = 2, d = 1), as mgcv's ``s(x)``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

MOST_COLUMNS = 10
"""Rank of the basis with its constant, mgcv's default k."""
MOST_KNOTS = 300
"""Distinct values beyond this many are thinned to quantiles; the curve of so few columns does not notice."""


@dataclass(frozen=True)
class Spline:
    """A line and ``n_columns - 1`` bends, each with mean 0 over the data it was made from.

    The penalty is the sum of squares of the bends' coefficients. Outside the data the curve keeps its value at their
    end: nothing is known there.
    """

    low: float
    high: float
    columns: CubicSpline
    means: NDArray[np.float64]

    @property
    def n_columns(self) -> int:
        """Columns: the line first, then the bends."""
        return len(self.means)

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the columns at ``x``, shape (len(x), n_columns)."""
        values: NDArray[np.float64] = self.columns(np.clip(x, self.low, self.high)) - self.means
        return values


def make_spline(x: NDArray[np.float64], *, most_columns: int = MOST_COLUMNS) -> Spline:
    """The basis for data at ``x``.

    Parameters
    ----------
    x : ndarray, shape (n,)
        At least three distinct values.
    most_columns : int
        Rank of the basis with its constant; no more than there are distinct values.

    Returns
    -------
    Spline

    Notes
    -----
    A bend is a natural cubic spline in the knots, so that it is kept as its values there. Departs from mgcv where x
    has more than ``MOST_KNOTS`` distinct values (mgcv draws 2,000 of them at random beyond 2,000), and in that mgcv
    continues the line outside the data.
    """
    distinct = np.unique(x)
    knots = distinct
    if len(distinct) > MOST_KNOTS:
        knots = distinct[np.linspace(0, len(distinct) - 1, MOST_KNOTS).round().astype(np.int64)]
    low, high = float(knots[0]), float(knots[-1])
    unit = (knots - low) / (high - low)
    bends = _bends(unit, min(most_columns, len(knots)))
    columns = CubicSpline(knots, np.column_stack([unit, bends]), bc_type="natural")
    return Spline(low, high, columns, columns(x).mean(axis=0))


def _bends(unit: NDArray[np.float64], rank: int) -> NDArray[np.float64]:
    """Values of the bends at the knots, scaled so that the penalty is their coefficients' sum of squares."""
    distances = np.abs(unit[:, None] - unit[None]) ** 3 / 12
    values, vectors = np.linalg.eigh(distances)
    largest = np.argsort(-np.abs(values), kind="stable")[:rank]
    values, vectors = values[largest], vectors[:, largest]
    line = np.column_stack([np.ones_like(unit), unit])
    free = np.linalg.qr(vectors.T @ line, mode="complete")[0][:, 2:]  # bends hold no line
    penalty = free.T @ (values[:, None] * free)
    root = np.linalg.cholesky((penalty + penalty.T) / 2)
    bends: NDArray[np.float64] = (vectors * values) @ free @ np.linalg.inv(root).T
    return bends
