"""All that a mixed model with two random effects per person needs to know of its data, in one pass."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_FIXED = 2
"""Columns without a penalty where there are no covariates: the constant and the line."""


@dataclass(frozen=True)
class Moments:
    """Cross products of the columns ``x (n, n_columns)``, the effects of each person (1 and the distance) and ``y``.

    ``xx (n_columns, n_columns)``, ``xy (n_columns,)``, ``yy``; ``zz (n_people, 2, 2)``, ``zx (n_people, 2, n_columns)``
    and ``zy (n_people, 2)`` person by person; ``n`` observations. The first ``n_fixed`` columns are not penalised.
    """

    n: int
    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    yy: float
    zz: NDArray[np.float64]
    zx: NDArray[np.float64]
    zy: NDArray[np.float64]
    n_fixed: int = N_FIXED


def moments_of(
    columns: NDArray[np.float64],
    distance: NDArray[np.float64],
    person: NDArray[np.int64],
    y: NDArray[np.float64],
    n_people: int,
    *,
    n_fixed: int = N_FIXED,
) -> Moments:
    """Sum up the observations.

    Parameters
    ----------
    columns : ndarray, shape (n, n_columns)
    distance, y : ndarray, shape (n,)
    person : ndarray, shape (n,)
        0 .. n_people - 1.
    n_people : int
    n_fixed : int
        Columns, from the first, without a penalty.

    Returns
    -------
    Moments
    """
    effects = np.column_stack([np.ones_like(distance), distance])

    def per_person(values: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = values.reshape(len(values), -1)
        sums = [np.bincount(person, column, n_people).astype(np.float64) for column in flat.T]
        return np.stack(sums, axis=1).reshape(n_people, *values.shape[1:])

    return Moments(
        len(y),
        columns.T @ columns,
        columns.T @ y,
        float(y @ y),
        per_person(effects[:, :, None] * effects[:, None]),
        per_person(effects[:, :, None] * columns[:, None]),
        per_person(effects * y[:, None]),
        n_fixed,
    )
