"""All that a mixed model with a few random effects per person needs to know of its data, in one pass."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_FIXED = 2
"""Columns without a penalty where there are no covariates: the constant and the line."""


@dataclass(frozen=True)
class Moments:
    """Cross products of the columns ``x (n, n_columns)``, the effects of each person ``z (n, q)`` and ``y``.

    ``xx (n_columns, n_columns)``, ``xy (n_columns,)``, ``yy``; ``zz (n_people, q, q)``, ``zx (n_people, q, n_columns)``
    and ``zy (n_people, q)`` person by person; ``n`` observations. The first ``n_fixed`` columns are not penalised;
    ``column_penalty (n_columns - n_fixed,)`` and ``effect_penalty (q,)`` number the penalty of each of the others.
    """

    n: int
    xx: NDArray[np.float64]
    xy: NDArray[np.float64]
    yy: float
    zz: NDArray[np.float64]
    zx: NDArray[np.float64]
    zy: NDArray[np.float64]
    column_penalty: NDArray[np.int64]
    effect_penalty: NDArray[np.int64]
    n_fixed: int = N_FIXED

    @property
    def n_penalties(self) -> int:
        """Penalties, each with a variance to estimate."""
        return int(max(self.column_penalty.max(initial=-1), self.effect_penalty.max(initial=-1))) + 1


def moments_of(
    columns: NDArray[np.float64],
    effects: NDArray[np.float64],
    person: NDArray[np.int64],
    y: NDArray[np.float64],
    n_people: int,
    *,
    n_fixed: int = N_FIXED,
    column_penalty: NDArray[np.int64] | None = None,
    effect_penalty: NDArray[np.int64] | None = None,
) -> Moments:
    """Sum up the observations.

    Parameters
    ----------
    columns : ndarray, shape (n, n_columns)
    effects : ndarray, shape (n, q)
        Columns of which every person has a coefficient.
    y : ndarray, shape (n,)
    person : ndarray, shape (n,)
        0 .. n_people - 1.
    n_people : int
    n_fixed : int
        Columns, from the first, without a penalty.
    column_penalty, effect_penalty : ndarray of int, shapes (n_columns - n_fixed,) and (q,), optional
        By default one penalty for all columns, the first, and one for each effect.

    Returns
    -------
    Moments
    """
    n_penalised, n_effects = columns.shape[1] - n_fixed, effects.shape[1]
    of_columns = np.zeros(n_penalised, dtype=np.int64) if column_penalty is None else column_penalty
    of_effects = 1 + np.arange(n_effects) if effect_penalty is None else effect_penalty

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
        of_columns,
        of_effects,
        n_fixed,
    )


def intercept_and_slope(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The effects that a person has on a curve by distance, ``(n, 2)``."""
    return np.column_stack([np.ones_like(distance), distance])
