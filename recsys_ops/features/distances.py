"""How far a recourse is from where the item stands, as the study with people measured it.

    delta_i = [x'_i != x_i]  if feature i is categorical,  |x'_i - x_i| / M_i  otherwise      (eq. 2)
    sparsity = number of features with delta_i != 0,   proximity = sum of all delta_i         (eq. 3)

M_i is the range of feature i: between the limits of its rule, or what real items have where the rule names none. A
category is one feature, however many columns it is encoded in; each tag is a feature that is there or not; each word
is a feature that counts, with the greatest number of its occurrences in one description as its range.
Source: Tominaga, Yamashita and Kurashima 2024, equations 2 and 3.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import TOLERANCE
from recsys_ops.features.encode import FeatureColumns


@dataclass(frozen=True)
class Distances:
    """Of m changed items: ``sparsity (m,)`` features changed, ``proximity (m,)``, ``cost (m,)`` by the rules' costs."""

    sparsity: NDArray[np.int64]
    proximity: NDArray[np.float64]
    cost: NDArray[np.float64]


def feature_deltas(
    columns: FeatureColumns, before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Change of every feature, 0 for none (eq. 2).

    Parameters
    ----------
    columns : FeatureColumns
    before : ndarray, shape (n_features,) or (m, n_features)
        Encoded features, of one item for all rows or of one for each.
    after : ndarray, shape (m, n_features)
        Encoded features after the change.

    Returns
    -------
    ndarray, shape (m, n_features)
        The delta of a category stands in the first of its columns.
    """
    moved = np.abs(after - before)
    deltas: NDArray[np.float64] = np.where(moved > TOLERANCE, moved / columns.span, 0.0)
    for category in np.unique(columns.one_hot[columns.one_hot >= 0]):
        members = np.flatnonzero(columns.one_hot == category)
        changed = (moved[:, members] > TOLERANCE).any(axis=1)
        deltas[:, members] = 0.0
        deltas[:, members[0]] = changed
    return deltas


def measure(columns: FeatureColumns, before: NDArray[np.float64], after: NDArray[np.float64]) -> Distances:
    """Sparsity, proximity (eq. 3) and cost of changing one item in m ways.

    Parameters and shapes as in ``feature_deltas``.

    Returns
    -------
    Distances
    """
    deltas = feature_deltas(columns, before, after)
    changed = deltas > 0
    return Distances(changed.sum(axis=1), deltas.sum(axis=1), changed @ columns.cost)


def pairwise_difference(columns: FeatureColumns, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Proximity between every two of m encoded rows, ``(m, m)``."""
    return np.array([feature_deltas(columns, row, rows).sum(axis=1) for row in rows]).reshape(len(rows), len(rows))
