"""The feasible set of one item's features: what its provider may make of them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import TOLERANCE
from recsys_ops.features.encode import EncodedItems, FeatureColumns

_OFF_GRID = 1e-6
"""Part of a step by which a value may miss the grid: rounding."""

_EVERY = slice(None)


@dataclass(frozen=True)
class Box:
    """Limits of an item's encoded features; arrays of the length of ``features``.

    A feature that moves at all moves by ``least`` or more: between an item outside of the declared limits and the
    limits there is nothing to choose. Columns of a category have limits 0 and their one value; whoever moves them sees
    to it that exactly one of them holds.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    least: NDArray[np.float64]


def feasible_box(columns: FeatureColumns, features: NDArray[np.float64]) -> Box:
    """Limits of what the provider may make of an item, on the grid of each feature's step.

    Features that cannot move keep their value, which may be outside of the declared limits.
    """
    top = on_grid(columns, features, columns.upper, np.floor)
    bottom = on_grid(columns, features, columns.lower, np.ceil)
    is_open = bottom <= top + TOLERANCE
    rises = columns.can_rise & is_open & (top > features + TOLERANCE)
    falls = columns.can_fall & is_open & (bottom < features - TOLERANCE)
    outside = np.maximum(np.maximum(bottom - features, features - top), 0.0)
    one_hot = (columns.one_hot >= 0) & columns.can_rise
    return Box(
        lower=np.where(one_hot, 0.0, np.where(falls, bottom, features)),
        upper=np.where(one_hot, columns.upper, np.where(rises, top, features)),
        least=np.where((rises | falls) & ~one_hot, outside, 0.0),
    )


def real_columns(items: EncodedItems) -> FeatureColumns:
    """The columns with the rules as they hold for real items' values: any number, and any that no rule limits."""
    columns = items.columns
    is_open = np.array([rule.upper is None for rule in items.rules], dtype=bool)[columns.rule]
    return replace(
        columns,
        upper=np.where(is_open, np.maximum(columns.upper, columns.greatest), columns.upper),
        step=np.where(columns.from_zero, 0.0, columns.step),
    )


def onto_steps(
    columns: FeatureColumns, features: NDArray[np.float64], wanted: NDArray[np.float64], box: Box
) -> NDArray[np.float64]:
    """Move wanted features, a row or several, on, away from the present ones, to the next values that are possible."""
    further = on_grid(columns, features, np.maximum(wanted, features + box.least), np.ceil)
    less = on_grid(columns, features, np.minimum(wanted, features - box.least), np.floor)
    rises, falls = wanted > features + TOLERANCE, wanted < features - TOLERANCE
    moved = np.where(rises, further, np.where(falls, less, features))
    inside: NDArray[np.float64] = np.clip(moved, box.lower, box.upper)
    return inside


def on_grid(
    columns: FeatureColumns,
    features: NDArray[np.float64],
    values: NDArray[np.float64],
    rounding: np.ufunc,
    at: NDArray[np.int64] | slice = _EVERY,
) -> NDArray[np.float64]:
    """Values of the columns ``at`` on the grids of their steps, by ``np.floor``, ``np.ceil`` or ``np.rint``.

    Parameters
    ----------
    columns : FeatureColumns
    features : ndarray, shape (n_features,)
        Where the item stands, and where most grids begin.
    values : ndarray, shape of ``columns.step[at]``
        Infinite ones, and those of features without a step, stay as they are.
    rounding : numpy.ufunc
    at : ndarray of int, optional
        All columns by default.

    Returns
    -------
    ndarray, shape of ``values``
    """
    stepped = (columns.step[at] > 0) & (columns.one_hot[at] < 0) & np.isfinite(values)
    step = np.where(stepped, columns.step[at], 1.0)
    origin = np.where(columns.from_zero[at], -columns.offset[at] * columns.unit[at], features[at])
    slack = 1e-9 if rounding is np.floor else -1e-9 if rounding is np.ceil else 0.0
    n_steps = rounding(np.where(stepped, values - origin, 0.0) / step + slack)
    whole: NDArray[np.float64] = np.where(stepped, origin + n_steps * step, values)
    return whole


def are_feasible(
    columns: FeatureColumns, features: NDArray[np.float64], rows: NDArray[np.float64], box: Box
) -> NDArray[np.bool_]:
    """Which changed rows ``(m, n_features)`` of an item the rules allow; a category may be changed but not lost."""
    distance = np.abs(rows - features)
    inside = (rows <= box.upper + TOLERANCE) & (rows >= box.lower - TOLERANCE) & (distance >= box.least - TOLERANCE)
    slack = np.maximum(TOLERANCE, _OFF_GRID * columns.step)
    on_steps = np.abs(on_grid(columns, features, rows, np.rint) - rows) <= slack
    allowed: NDArray[np.bool_] = np.all((distance <= TOLERANCE) | (inside & on_steps), axis=1)
    for category in np.unique(columns.one_hot[columns.one_hot >= 0]):
        members = columns.one_hot == category
        if np.any(features[members] > 0):
            allowed &= np.any(rows[:, members] > 0, axis=1)
    return allowed & ~columns.pairs.newly_broken(features, rows)
