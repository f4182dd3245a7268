"""Recourse where labels require or exclude each other: sets of actions that are allowed together.

The exchange search takes actions one by one, and so neither "vegan" without "plant-based" nor the two at once where one
of them gains nobody. Its sets are repaired, by what they lack or without what is too much; others grow from nothing by
whole bundles, an action with all that it needs; and what matters least is reverted with all that needs it. Of all sets
of the same size the one that reaches most is kept. Bounds do not know of pairs and stay valid: pairs only forbid.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_ops.recourse.actions import Actions, concatenate, group_effects, make_actions
from recsys_ops.recourse.problem import Case
from recsys_ops.recourse.thresholding import Frontier

LISTED = 64
"""Actions that may grow into a set besides those of the exchange search: those that close most gaps alone."""

Chosen = frozenset[int]


@dataclass(frozen=True)
class _Coupled:
    """A case with all actions that may be taken; ``effects (n_targets, n_actions)``, ``gaps (n_targets,)``."""

    case: Case
    actions: Actions
    effects: NDArray[np.float64]
    gaps: NDArray[np.float64]

    def row(self, chosen: Chosen) -> NDArray[np.float64]:
        """Features after some actions."""
        return self.actions.apply(self.case.features, np.array(sorted(chosen), dtype=np.intp))

    def is_allowed(self, chosen: Chosen) -> bool:
        """Whether some actions break no pair, no cap, and do not exclude each other."""
        units = [int(self.actions.unit[action]) for action in chosen]
        row = self.row(chosen)
        caps = len(chosen) <= self.case.search.settings.max_changes and self.case.is_within_caps(row)
        broken = self.case.columns.pairs.newly_broken(self.case.features, row[None])[0]
        return caps and not broken and len(set(units)) == len(units)

    def value(self, chosen: Chosen) -> tuple[int, float]:
        """Users reached, and how near the others are."""
        gained = self.effects[:, sorted(chosen)].sum(axis=1)
        needy = self.gaps > 0
        near = float(np.clip(gained[needy] / self.gaps[needy], 0, 1).sum())
        return int((gained >= self.gaps).sum()), round(near, 9)


def coupled_frontier(
    case: Case, actions: Actions, searches: list[NDArray[np.intp]]
) -> tuple[Actions, NDArray[np.float64], Frontier]:
    """Actions that are allowed together.

    Parameters
    ----------
    case : Case
        Its box is finite on the searched columns.
    actions : Actions
    searches : list of ndarray
        Sets of them that were found without regard to pairs.

    Returns
    -------
    actions, effects, frontier
        As ``within_limits.search_frontier``; at each number of changes the best set of at most so many.

    Notes
    -----
    Time: actions x changes evaluations of all target users, for some dozens of actions.
    """
    coupled = _with_partners(case, actions)
    found: set[Chosen] = {frozenset()}
    for start in searches:
        for chosen in _repaired(coupled, frozenset(start.tolist())):
            found |= set(_reverted(coupled, chosen))
    grown = _grown(coupled)
    found |= set(grown)
    found |= set(_reverted(coupled, grown[-1]))
    effects = group_effects(case, coupled.actions)
    return coupled.actions, effects, _best_by_size(coupled, found)


def _with_partners(case: Case, actions: Actions) -> _Coupled:
    """The actions found, the strongest others, and all on columns that are in a pair."""
    every = make_actions(case, np.union1d(case.searched, case.columns.pairs.columns))
    targets = np.flatnonzero(case.targets)
    gaps = case.missing[targets]
    sampled = case.search.group.sample
    open_users = sampled[case.missing[sampled] > 0]
    effects = group_effects(case, every, open_users)
    worth = np.clip(effects / case.missing[open_users, None], 0, 1).sum(axis=0)
    listed = np.zeros(len(every), dtype=bool)
    listed[np.argsort(-worth, kind="stable")[:LISTED]] = True
    listed |= np.isin(every.column, case.columns.pairs.columns)
    listed &= ~np.isin(every.column, actions.column)
    everything = concatenate([actions, every.only(np.flatnonzero(listed))])
    return _Coupled(case, everything, group_effects(case, everything, targets), gaps)


def _completed(coupled: _Coupled, chosen: Chosen) -> Chosen | None:
    """The actions with all that they need, None where something that they need cannot be done."""
    pairs, features, columns = coupled.case.columns.pairs, coupled.case.features, coupled.actions.column
    for _ in range(len(pairs) + 1):
        row = coupled.row(chosen)
        broken = pairs.broken(row[None])[0] & ~pairs.broken(features[None])[0]
        if not broken.any():
            return chosen
        first = int(np.argmax(broken))
        is_required = first < len(pairs.requires)
        one, other = (pairs.requires if is_required else pairs.excludes)[
            first - (0 if is_required else len(pairs.requires))
        ]
        # What is required comes, or what requires it goes; of two that exclude each other the one goes that was there.
        wanted = [other, one] if is_required else [one, other]
        taken = {int(columns[action]) for action in chosen}
        free = [column for column in wanted if column not in taken]
        helping = [int(at) for column in free for at in np.flatnonzero(columns == column)]
        better = [chosen | {at} for at in helping if not _breaks(coupled, chosen | {at}, first)]
        if not better:
            return None
        chosen = better[0]
    return None


def _breaks(coupled: _Coupled, chosen: Chosen, pair: int) -> bool:
    return bool(coupled.case.columns.pairs.broken(coupled.row(chosen)[None])[0, pair])


def _without_broken(coupled: _Coupled, chosen: Chosen) -> Chosen:
    """The actions without those on columns of a pair that they break; fewer each time, none at the worst."""
    pairs, features, columns = coupled.case.columns.pairs, coupled.case.features, coupled.actions.column
    while True:
        broken = pairs.broken(coupled.row(chosen)[None])[0] & ~pairs.broken(features[None])[0]
        if not broken.any():
            return chosen
        named = np.concatenate([pairs.requires, pairs.excludes])[int(np.argmax(broken))]
        guilty = [action for action in sorted(chosen) if columns[action] in named]
        chosen -= {min(guilty, key=lambda action: (-coupled.value(chosen - {action})[0], action))}


def _repaired(coupled: _Coupled, chosen: Chosen) -> Iterable[Chosen]:
    """The set with what it lacks, where that is possible, and without what is too much."""
    completed = _completed(coupled, chosen)
    for one in [_without_broken(coupled, chosen), *([] if completed is None else [completed])]:
        fitting = one
        while fitting and not coupled.is_allowed(fitting):  # too many changes, or a cap
            fitting = _least_missed(coupled, fitting)
        yield fitting


def _least_missed(coupled: _Coupled, chosen: Chosen) -> Chosen:
    """The set without the action that matters least, and without what cannot stay then."""
    smaller = [_without_broken(coupled, chosen - {action}) for action in sorted(chosen)]
    return max(smaller, key=lambda one: (coupled.value(one), len(one)))


def _reverted(coupled: _Coupled, chosen: Chosen) -> list[Chosen]:
    """The set, and ever smaller ones that lose least."""
    found = [chosen]
    while found[-1]:
        found.append(_least_missed(coupled, found[-1]))
    return [one for one in found if coupled.is_allowed(one)]


def _grown(coupled: _Coupled) -> list[Chosen]:
    """Ever larger sets from nothing: each time the bundle that brings most for each of its changes."""
    found: list[Chosen] = [frozenset()]
    while True:
        now, (reached, near) = found[-1], coupled.value(found[-1])
        bundles = (_completed(coupled, now | {action}) for action in range(len(coupled.actions)) if action not in now)
        allowed = {one for one in bundles if one is not None and coupled.is_allowed(one)}
        gains = {}
        for one in allowed:
            value = coupled.value(one)
            gains[one] = (value[0] - reached + 0.5 * (value[1] - near)) / len(one - now)
        best = max(sorted(allowed, key=sorted), key=lambda one: gains[one], default=None)
        if best is None or gains[best] <= 0:
            return found
        found.append(best)


def _best_by_size(coupled: _Coupled, found: set[Chosen]) -> Frontier:
    most = max(len(one) for one in found)
    kept, reached = [np.array([], dtype=np.intp)], [coupled.value(frozenset())[0]]
    for size in range(1, most + 1):
        of_size = sorted((one for one in found if len(one) == size), key=sorted)
        best = max(of_size, key=lambda one: coupled.value(one)[0], default=None)
        n_reached = -1 if best is None else coupled.value(best)[0]
        if best is None or n_reached < reached[-1]:
            kept.append(kept[-1])
            reached.append(reached[-1])
        else:
            kept.append(np.array(sorted(best), dtype=np.intp))
            reached.append(n_reached)
    return Frontier(tuple(kept), np.array(reached, dtype=np.int64))
