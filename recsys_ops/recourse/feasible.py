"""The feasible set of one item's features: what its provider may make of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import TOLERANCE
from recsys_ops.features.encode import FeatureColumns

_OFF_GRID = 1e-6
"""Part of a step by which a value may miss the grid: rounding."""


@dataclass(frozen=True)
class Box:
    """Bounds of an item's encoded features; arrays of the length of ``features``.

    Columns of a category have bounds 0 and their one value; that exactly one of them holds is the business of
    whoever moves them.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


def feasible_box(columns: FeatureColumns, features: NDArray[np.float64]) -> Box:
    """Bounds of what the provider may make of an item, on the grid of each feature's step.

    Features that cannot move keep their value; a value outside of the declared bounds may stay where it is.
    """
    upper = np.where(columns.can_rise, np.maximum(features, columns.upper), features)
    lower = np.where(columns.can_fall, np.minimum(features, columns.lower), features)
    one_hot = (columns.one_hot >= 0) & columns.can_rise
    upper = features + _whole_steps(columns, upper - features, np.floor)
    lower = features - _whole_steps(columns, features - lower, np.floor)
    return Box(np.where(one_hot, 0.0, lower), np.where(one_hot, columns.upper, upper))


def onto_steps(
    columns: FeatureColumns, features: NDArray[np.float64], wanted: NDArray[np.float64], box: Box
) -> NDArray[np.float64]:
    """Move wanted features on, away from the present ones, to the next step of their grid, within the bounds."""
    distance = _whole_steps(columns, np.abs(wanted - features), np.ceil)
    moved: NDArray[np.float64] = np.clip(features + np.sign(wanted - features) * distance, box.lower, box.upper)
    return moved


def are_feasible(
    columns: FeatureColumns, features: NDArray[np.float64], rows: NDArray[np.float64], box: Box
) -> NDArray[np.bool_]:
    """Which changed rows ``(m, n_features)`` of an item the rules allow; a category may be changed but not lost."""
    moved = np.abs(rows - features) > TOLERANCE
    inside = (rows <= box.upper + TOLERANCE) & (rows >= box.lower - TOLERANCE)
    stepped = (columns.step > 0) & (columns.one_hot < 0)
    n_steps = np.abs(rows - features) / np.where(stepped, columns.step, 1.0)
    on_grid = ~stepped | (np.abs(n_steps - np.rint(n_steps)) < _OFF_GRID)
    allowed: NDArray[np.bool_] = np.all(~moved | (inside & on_grid), axis=1)
    for category in np.unique(columns.one_hot[columns.one_hot >= 0]):
        members = columns.one_hot == category
        if np.any(features[members] > 0):
            allowed &= np.any(rows[:, members] > 0, axis=1)
    return allowed


def _whole_steps(columns: FeatureColumns, distance: NDArray[np.float64], rounding: np.ufunc) -> NDArray[np.float64]:
    stepped = (columns.step > 0) & (columns.one_hot < 0) & np.isfinite(distance)
    step = np.where(stepped, columns.step, 1.0)
    slack = 1e-9 if rounding is np.floor else -1e-9
    n_steps = rounding(np.where(stepped, distance, 0.0) / step + slack)
    whole: NDArray[np.float64] = np.where(stepped, n_steps * step, distance)
    return whole
