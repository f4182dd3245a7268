"""Whether the rules allow a change, read from the rules and not from the library's box."""

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems
from tests.worlds import World

USUAL_STEPS = {"text": 1.0, "tags": 1.0, "ordinal": 1.0, "category": 0.0}


def step_of(items: EncodedItems, column: int) -> tuple[float, bool]:
    """The step of a column in the provider's units, and whether values are multiples of it rather than changes are."""
    rule = items.rules[items.columns.rule[column]]
    if rule.kind != "number" or rule.step is not None:
        return USUAL_STEPS[rule.kind] if rule.step is None else rule.step, False
    values = [value for value in items.cells[rule.column].to_pylist() if value is not None]
    least = min(values) if rule.lower is None else max(rule.lower, min(values))
    greatest = max(values) if rule.upper is None or np.isinf(rule.upper) else rule.upper
    power = 9
    while 10.0**power > (greatest - least) / 1000 * (1 + 1e-9):
        power -= 1
    return 10.0**power, True


def is_feasible(world: World, item: int, row: NDArray[np.float64], *, is_real: bool = False) -> bool:
    """Whether the rules allow an item its changed features; those of a real item need only keep declared limits."""
    columns, now = world.items.columns, world.features[item]
    for position, rule in enumerate(world.rules):
        members = columns.rule == position
        moved = row[members] - now[members]
        if not rule.mutable and np.any(moved != 0):
            return False
        if rule.kind == "category":
            values = row[members] / columns.unit[members]
            if np.any(moved != 0) and not (np.isclose(values.sum(), 1) and np.isin(np.round(values, 9), [0, 1]).all()):
                return False
            continue
        if {"increase": np.any(moved < -1e-9), "decrease": np.any(moved > 1e-9), "free": False}[rule.direction]:
            return False
        greatest = np.inf if is_real and rule.upper is None else columns.upper[members]
        outside = (row[members] > greatest + 1e-9) | (row[members] < columns.lower[members] - 1e-9)
        if np.any(outside & (np.abs(moved) > 1e-9)):
            return False
        step, is_of_values = step_of(world.items, int(np.flatnonzero(members)[0])) if members.any() else (0.0, False)
        if step and not (is_of_values and is_real):
            counted = np.where(is_of_values, row[members] / columns.unit[members] + columns.offset[members],
                               moved / columns.unit[members])  # fmt: skip
            n_steps = np.where(np.abs(moved) > 1e-9, counted, 0.0) / step
            if not np.allclose(n_steps, np.round(n_steps), atol=1e-6):
                return False
    return True
