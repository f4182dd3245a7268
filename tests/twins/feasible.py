"""Whether the rules allow a change, read from the rules and not from the library's box."""

import numpy as np
from numpy.typing import NDArray

from tests.worlds import World


def is_feasible(world: World, item: int, row: NDArray[np.float64], *, is_real: bool = False) -> bool:
    """Of one item and its changed features; of those of a real item only declared bounds are asked."""
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
        outside = (row[members] > greatest + 1e-9) & (moved > 1e-9)
        outside |= (row[members] < columns.lower[members] - 1e-9) & (moved < -1e-9)
        step = {"text": 1.0, "tags": 1.0, "ordinal": 1.0, "number": 0.0}[rule.kind] if rule.step is None else rule.step
        n_steps = moved / columns.unit[members] / step if step else np.zeros(1)
        if outside.any() or not np.allclose(n_steps, np.round(n_steps), atol=1e-6):
            return False
    return True
