"""Sparsity and proximity from what a provider reads, feature by feature; and the best selection by trying all."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems


def between_values(
    orders: Mapping[str, Sequence[str]], before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[int, float]:
    """Of two profiles: features in ``orders`` have one, all others are categories."""
    deltas = []
    for name, value in before.items():
        if name in orders:
            places = orders[name]
            deltas.append(abs(places.index(after[name]) - places.index(value)) / (len(places) - 1))
        else:
            deltas.append(float(after[name] != value))
    return sum(delta != 0 for delta in deltas), sum(deltas)


def between_rows(items: EncodedItems, before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[int, float]:
    """Of two encoded rows, ranges read from the rules and from all items' values in the provider's units."""
    columns, counted = items.columns, set()
    values = items.matrix.toarray() / columns.unit + columns.offset
    sparsity, proximity = 0, 0.0
    for column in range(len(columns)):
        rule = items.rules[columns.rule[column]]
        moved = abs(after[column] - before[column]) / columns.unit[column]
        if moved < 1e-8:
            continue
        if rule.kind == "category":
            if rule.column not in counted:
                counted.add(rule.column)
                sparsity, proximity = sparsity + 1, proximity + 1.0
            continue
        least = rule.lower if rule.lower is not None else columns.offset[column]
        greatest = rule.upper if rule.upper is not None and np.isfinite(rule.upper) else values[:, column].max()
        span = greatest - max(least, columns.offset[column])
        sparsity, proximity = sparsity + 1, proximity + moved / (span if span > 0 else 1.0)
    return sparsity, proximity


def least_difference(difference: NDArray[np.float64], chosen: Sequence[int]) -> float:
    """Least difference between any two."""
    return min(float(difference[one, other]) for one, other in combinations(chosen, 2))


def most_diverse(difference: NDArray[np.float64], n: int) -> float:
    """Greatest least difference of any n."""
    return max(least_difference(difference, chosen) for chosen in combinations(range(len(difference)), n))
