"""Levers: the single changes a provider can make, each pulled all the way or not at all.

Profiles and features are non-negative for words, tags and categories, so more of a wanted feature never hurts: within
a limit on the number of changes the best recourse pulls few levers, each to its bound. How far each must really go is
settled afterwards (``polish``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.encode import FeatureColumns
from recsys_ops.recourse.feasible import Box


@dataclass(frozen=True)
class Levers:
    """The changes of one item among given columns; arrays of length n_levers.

    ``column`` of the feature matrix that moves by ``amount``; ``drop`` the column that falls to 0 with it (the
    present value of a category, -1 for none); ``unit`` is the same for levers of which only one can be pulled.
    """

    column: NDArray[np.int64]
    amount: NDArray[np.float64]
    drop: NDArray[np.int64]
    unit: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.column)

    def only(self, chosen: NDArray[np.intp]) -> "Levers":
        """Some of the levers."""
        return Levers(self.column[chosen], self.amount[chosen], self.drop[chosen], self.unit[chosen])

    def pull(self, features: NDArray[np.float64], pulled: NDArray[np.intp]) -> NDArray[np.float64]:
        """Features of the item after some levers have been pulled."""
        changed = features.copy()
        dropped = self.drop[pulled]
        changed[dropped[dropped >= 0]] = 0.0
        changed[self.column[pulled]] += self.amount[pulled]
        return changed


def make_levers(
    columns: FeatureColumns, features: NDArray[np.float64], box: Box, searched: NDArray[np.int64]
) -> Levers:
    """All levers of an item among the searched columns, those without effect left out.

    Unbounded features have no end to pull to: the caller bounds them first.
    """
    one_hot = columns.one_hot[searched]
    single = searched[one_hot < 0]
    rise = single[box.upper[single] > features[single]]
    fall = single[box.lower[single] < features[single]]
    values = searched[(one_hot >= 0) & (features[searched] == 0) & (box.upper[searched] > 0)]
    present = {int(columns.one_hot[c]): int(c) for c in searched[(one_hot >= 0) & (features[searched] > 0)]}
    column = np.concatenate([rise, fall, values])
    amount = np.concatenate([box.upper[rise] - features[rise], box.lower[fall] - features[fall], columns.upper[values]])
    drop = np.full(len(column), -1, dtype=np.int64)
    drop[len(rise) + len(fall) :] = [present.get(int(columns.one_hot[c]), -1) for c in values]
    n_columns = len(columns)
    unit = np.concatenate([rise, fall, n_columns + columns.one_hot[values]]).astype(np.int64)
    return Levers(column, amount, drop, unit)


def concatenate(parts: Sequence[Levers]) -> Levers:
    """Several lists of levers as one."""
    return Levers(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("column", "amount", "drop", "unit"))
    )


def lever_effects(
    levers: Levers, profiles: NDArray[np.float64], searched: NDArray[np.int64], features: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each lever adds to the item's score for each user, ``(n_users, n_levers)``.

    Parameters
    ----------
    levers : Levers
    profiles : ndarray, shape (n_users, n_searched)
    searched : ndarray, shape (n_searched,)
        Sorted columns of ``profiles``.
    features : ndarray, shape (n_features,)
        Present features of the item.
    """
    effects: NDArray[np.float64] = profiles[:, np.searchsorted(searched, levers.column)] * levers.amount
    dropping = np.flatnonzero(levers.drop >= 0)
    if len(dropping):
        dropped = levers.drop[dropping]
        effects[:, dropping] -= profiles[:, np.searchsorted(searched, dropped)] * features[dropped]
    return effects
