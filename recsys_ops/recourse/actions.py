"""Actions: the single changes a provider can make, each taken in full or not at all.

Profiles and features are non-negative for words, tags and categories, so more of a wanted feature never hurts: within
a limit on the number of changes the best recourse takes few actions, each to the limit of its feature. How far each
must really go is settled afterwards (``least_effort.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.recourse.problem import Case

EVERYBODY = slice(None)
"""All users of a group."""


@dataclass(frozen=True)
class Actions:
    """The changes of one item among given columns; arrays of length n_actions.

    ``column`` of the feature matrix that moves by ``amount``; ``drop`` the column that falls to 0 with it (the
    present value of a category, -1 for none); ``unit`` is the same for actions that exclude each other.
    """

    column: NDArray[np.int64]
    amount: NDArray[np.float64]
    drop: NDArray[np.int64]
    unit: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.column)

    def only(self, chosen: NDArray[np.intp]) -> "Actions":
        """Some of the actions."""
        return Actions(self.column[chosen], self.amount[chosen], self.drop[chosen], self.unit[chosen])

    def apply(self, features: NDArray[np.float64], taken: NDArray[np.intp]) -> NDArray[np.float64]:
        """Features of the item after some actions have been taken."""
        changed = features.copy()
        dropped = self.drop[taken]
        changed[dropped[dropped >= 0]] = 0.0
        changed[self.column[taken]] += self.amount[taken]
        return changed


def make_actions(case: Case, searched: NDArray[np.int64]) -> Actions:
    """All actions on an item among the searched columns, those without effect left out.

    Features without a limit have no end to go to: the caller gives the case a finite box first.
    """
    columns, features, box = case.search.columns, case.features, case.box
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
    return Actions(column, amount, drop, unit)


def concatenate(parts: Sequence[Actions]) -> Actions:
    """Several lists of actions as one."""
    return Actions(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("column", "amount", "drop", "unit"))
    )


def group_effects(case: Case, actions: Actions, users: NDArray[np.intp] | slice = EVERYBODY) -> NDArray[np.float64]:
    """What each action adds to the item's score for users of the group, ``(n_users, n_actions)``; all by default."""
    search = case.search
    used = np.unique(np.concatenate([actions.column, actions.drop[actions.drop >= 0]]))
    profiles = search.model.profiles(search.group.vectors[users], used)
    return action_effects(actions, profiles, used, case.features)


def sample_effects(case: Case, actions: Actions) -> NDArray[np.float64]:
    """What each action on searched columns adds for every sampled user, ``(n_sampled, n_actions)``."""
    group = case.search.group
    if case.support is not None:  # its columns are not those of the group
        return group_effects(case, actions, group.sample)
    return action_effects(actions, group.profiles, group.columns, case.features)


def action_effects(
    actions: Actions, profiles: NDArray[np.float64], searched: NDArray[np.int64], features: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each action adds to the item's score for each user, ``(n_users, n_actions)``.

    Parameters
    ----------
    actions : Actions
    profiles : ndarray, shape (n_users, n_searched)
    searched : ndarray, shape (n_searched,)
        Sorted columns of ``profiles``.
    features : ndarray, shape (n_features,)
        Present features of the item.
    """
    effects: NDArray[np.float64] = profiles[:, np.searchsorted(searched, actions.column)] * actions.amount
    dropping = np.flatnonzero(actions.drop >= 0)
    if len(dropping):
        dropped = actions.drop[dropping]
        effects[:, dropping] -= profiles[:, np.searchsorted(searched, dropped)] * features[dropped]
    return effects
