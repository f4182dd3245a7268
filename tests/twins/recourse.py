"""Recourse by brute force: every combination of changes is made and everything ranked again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from recsys_ops.features.encode import EncodedItems
from tests.twins import ranking
from tests.twins.feasible import step_of
from tests.worlds import World


@dataclass(frozen=True)
class Move:
    """One change made in full: ``column`` becomes ``value``; ``cleared`` columns become 0; one move per ``unit``."""

    column: int
    value: float
    cleared: tuple[int, ...]
    unit: tuple[str, int]


def all_moves(items: EncodedItems, row: NDArray[np.float64]) -> list[Move]:
    """Every change of an item to the end of what its rules allow; features must have limits."""
    moves: list[Move] = []
    columns = items.columns
    for column in range(len(columns)):
        rule = items.rules[columns.rule[column]]
        if not rule.mutable:
            continue
        if rule.kind == "category":
            members = tuple(int(other) for other in np.flatnonzero(columns.rule == columns.rule[column]))
            if row[column] == 0 and rule.direction == "free":
                moves.append(
                    Move(column, float(columns.unit[column]), members, ("category", int(columns.rule[column])))
                )
            continue
        unit, offset = columns.unit[column], columns.offset[column]
        now = row[column] / unit + offset
        least, greatest = (limit[column] / unit + offset for limit in (columns.lower, columns.upper))
        step, is_of_values = step_of(items, column)
        for direction, end in ((1, greatest), (-1, least)):
            if rule.direction == {1: "decrease", -1: "increase"}[direction]:
                continue
            start = 0.0 if is_of_values else now
            if step:
                end = start + direction * np.floor(direction * (end - start) / step + 1e-9) * step
            if direction * (end - now) > 1e-9 and least - 1e-9 <= end <= greatest + 1e-9:
                moves.append(Move(column, float((end - offset) * unit), (), ("single", column)))
    return moves


def moved_row(row: NDArray[np.float64], moves: Iterable[Move]) -> NDArray[np.float64]:
    """Features of an item after some moves."""
    changed = row.copy()
    for move in moves:
        changed[list(move.cleared)] = 0.0
        changed[move.column] = move.value
    return changed


def success(world: World, item: int, row: NDArray[np.float64], *, tie: float = 0.0) -> float:
    """Share of the users who have not rated an item that have it in their top k with these features."""
    features = ranking.with_row(world.features, item, row)
    ranks = ranking.ranks_of_item(world.scores(features), world.rated, item, tie=tie)
    return float((ranks <= world.k).mean())


def success_range(world: World, item: int, row: NDArray[np.float64]) -> tuple[float, float]:
    """Least and most success that can be claimed: with every tie lost (but for who had the item), and won."""
    users = ~world.rated[:, item]
    changed = ranking.with_row(world.features, item, row)
    scores = [world.scores(features) for features in (world.features, changed)]
    own = [of_all[users, item] for of_all in scores]
    before = ranking.ranks_of_item(scores[0], world.rated, item, tie=1e-9) <= world.k
    kept = before & (own[1] >= own[0] - 1e-12 * np.abs(scores[0][users]).max(axis=1))
    lost = ranking.ranks_of_item(scores[1], world.rated, item, tie=-1e-5, noise=-1e-13) <= world.k
    won = ranking.ranks_of_item(scores[1], world.rated, item, tie=1e-9, noise=1e-13) <= world.k
    return float((lost | kept).mean()), float(won.mean())


@dataclass(frozen=True)
class Best:
    """``success[n]`` the best of exactly or fewer than n changes, n = 0 .. n_most."""

    success: NDArray[np.float64]

    def fewest_for(self, wanted: float) -> int:
        """Fewest changes with this success or better; more than were tried if none."""
        enough = self.success >= wanted - 1e-12
        return int(np.argmax(enough)) if enough.any() else len(self.success)


def best_success(world: World, item: int, n_most: int, *, tie: float = 0.0) -> Best:
    """Over all combinations of at most ``n_most`` moves (exact for ratings that are not negative)."""
    row = world.features[item]
    moves = all_moves(world.items, row)
    users = np.flatnonzero(~world.rated[:, item])
    thresholds = others_best(world, item, users)
    profiles = world.ratings[users] @ world.features
    best = np.zeros(n_most + 1)
    for n in range(n_most + 1):
        rows = [moved_row(row, subset) for subset in combinations(moves, n) if len({move.unit for move in subset}) == n]
        if rows:
            scores = profiles @ np.array(rows).T
            reached = scores + tie * np.abs(scores) >= thresholds[:, None]
            best[n] = reached.mean(axis=0).max()
    return Best(np.maximum.accumulate(best))


def others_best(world: World, item: int, users: NDArray[np.intp]) -> NDArray[np.float64]:
    """k-th best score among the other candidates of each user, -inf where there are fewer."""
    scores = ranking.all_scores(world.ratings, world.features)
    thresholds = np.full(len(users), -np.inf)
    for position, user in enumerate(users):
        others = sorted(scores[user, o] for o in range(len(scores.T)) if o != item and not world.rated[user, o])
        if len(others) >= world.k:
            thresholds[position] = others[-world.k]
    return thresholds


def coverage_relaxation(
    effects: NDArray[np.float64], gaps: NDArray[np.float64], units: Sequence[int], n_most: int
) -> float:
    """Most users that fractions of at most ``n_most`` actions reach, each user in part: a linear program."""
    n_users, n_actions = effects.shape
    closed = np.hstack([-effects / gaps[:, None], np.eye(n_users)])
    count = np.concatenate([np.ones(n_actions), np.zeros(n_users)])[None]
    exclusions = np.array(
        [np.concatenate([np.asarray(units) == unit, np.zeros(n_users)]) for unit in sorted(set(units))], dtype=float
    )
    bounds_of_rows = np.concatenate([np.zeros(n_users), [n_most], np.ones(len(exclusions))])
    cost = np.concatenate([np.zeros(n_actions), -np.ones(n_users)])
    solved = linprog(cost, np.vstack([closed, count, exclusions]), bounds_of_rows, bounds=(0, 1))
    assert solved.success
    return float(-solved.fun)


def most_users(effects: NDArray[np.float64], gaps: NDArray[np.float64], units: Sequence[int], n_most: int) -> int:
    """Most users whose gap some combination of at most ``n_most`` actions closes."""
    return max(int((effects[:, list(subset)].sum(axis=1) >= gaps).sum()) for subset in combinable(units, n_most))


def fewest_actions(effects: NDArray[np.float64], gaps: NDArray[np.float64], units: Sequence[int], wanted: int) -> int:
    """Fewest actions that close the gaps of so many users, -1 if none do."""
    for subset in combinable(units, len(units)):
        if (effects[:, list(subset)].sum(axis=1) >= gaps).sum() >= wanted:
            return len(subset)
    return -1


def combinable(units: Sequence[int], n_most: int) -> list[tuple[int, ...]]:
    """Every combination of actions of different units, small ones first."""
    return [
        subset
        for n in range(n_most + 1)
        for subset in combinations(range(len(units)), n)
        if len({units[action] for action in subset}) == n
    ]
