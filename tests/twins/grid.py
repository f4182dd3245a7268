"""Every description that the rules allow an item, by enumeration: numbers on their steps, every value of a category."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tests.twins.recourse import success_range
from tests.worlds import World

Values = list[tuple[NDArray[np.intp], NDArray[np.float64]]]


def every_row(world: World, item: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Number of changes and features of every allowed description of an item, the present one among them."""
    row = world.features[item]
    for choice in product(*(_values(world, row, number) for number in range(len(world.rules)))):
        changed, n_changes = row.copy(), 0
        for place, values in choice:
            n_changes += bool(np.any(np.abs(row[place] - values) > 1e-9))
            changed[place] = values
        yield n_changes, changed


def _values(world: World, row: NDArray[np.float64], number: int) -> Values:
    rule, columns = world.rules[number], world.items.columns
    place = np.flatnonzero(columns.rule == number)
    if rule.kind == "category":
        return [(place, np.where(place == chosen, columns.unit[place], 0.0)) for chosen in place]
    column = place[0]
    assert rule.lower is not None
    assert rule.upper is not None
    assert rule.step
    now = row[column] / columns.unit[column] + columns.offset[column]
    n = int(np.ceil((rule.upper - rule.lower) / rule.step)) + 1
    steps = now + rule.step * np.arange(-n, n + 1)
    allowed = steps[(steps >= rule.lower - 1e-9) & (steps <= rule.upper + 1e-9)]
    return [(place, np.array([(value - columns.offset[column]) * columns.unit[column]])) for value in allowed]


def best_by_changes(world: World, item: int) -> dict[int, float]:
    """Most success that can be claimed, by number of changes."""
    best: dict[int, float] = {}
    for n_changes, row in every_row(world, item):
        best[n_changes] = max(best.get(n_changes, 0.0), success_range(world, item, row)[0])
    return best
