"""Recourse within caps by brute force: every combination of changes of every length."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.caps import Caps
from tests.twins import distances
from tests.twins.recourse import Move, all_moves, moved_row, others_best
from tests.worlds import World


def all_lengths(world: World, row: NDArray[np.float64]) -> list[Move]:
    """Every change by any number of whole steps, or by quarters where a feature has none of its own."""
    moves = []
    for full in all_moves(world.items, row):
        columns = world.items.columns
        step = 0.0 if full.cleared or columns.from_zero[full.column] else columns.step[full.column]
        distance = full.value - row[full.column]
        n_parts = 1 if full.cleared else round(abs(distance) / step) if step else 4
        for part in range(1, n_parts + 1):
            moves.append(Move(full.column, row[full.column] + distance * part / n_parts, full.cleared, full.unit))
    return moves


def best_success(world: World, item: int, caps: Caps, *, tie: float = 0.0) -> float:
    """The most that any combination within the caps reaches (exact where all features have steps)."""
    row, users = world.features[item], np.flatnonzero(~world.rated[:, item])
    moves = all_lengths(world, row)
    proximity = [distances.between_rows(world.items, row, moved_row(row, [move]))[1] for move in moves]
    cost = [world.rules[world.items.columns.rule[move.column]].cost for move in moves]
    rows = [row]
    for n in range(1, int(caps.sparsity) + 1):
        for subset in combinations(range(len(moves)), n):
            near = sum(proximity[m] for m in subset) <= caps.proximity + 1e-9
            cheap = sum(cost[m] for m in subset) <= caps.cost + 1e-9
            if near and cheap and len({moves[m].unit for m in subset}) == n:
                rows.append(moved_row(row, [moves[m] for m in subset]))
    thresholds = others_best(world, item, users)
    scores = world.ratings[users] @ world.features @ np.array(rows).T
    reached = scores + tie * np.abs(scores) >= thresholds[:, None]
    return float(reached.mean(axis=0).max())
