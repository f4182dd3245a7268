"""Recourse from examples by trying every real item."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.twins import distances
from tests.twins.feasible import is_feasible
from tests.twins.recourse import success, success_range
from tests.worlds import World


@dataclass(frozen=True)
class Example:
    """A real item, its distances from the target item, and the success of its features in that item's place."""

    item: int
    sparsity: int
    proximity: float
    least: float
    most: float


def seen_share(world: World, item: int) -> float:
    """Share of those who may be shown an item that have it in their top k; all have seen what all have rated."""
    return success(world, item, world.features[item], tie=1e-9) if not world.rated[:, item].all() else 1.0


def allowed_examples(world: World, item: int) -> list[Example]:
    """Every other item whose features the rules allow this one to take."""
    row, columns = world.features[item], world.items.columns
    found = []
    for other, features in enumerate(world.features):
        if other == item or np.allclose(features, row) or not _keeps_categories(world, row, features):
            continue
        if is_feasible(world, item, features, is_real=True):
            sparsity, proximity = distances.between_rows(world.items, row, features)
            found.append(Example(other, sparsity, proximity, *success_range(world, item, features)))
    assert len(columns) == world.features.shape[1]
    return found


def _keeps_categories(world: World, row: NDArray[np.float64], features: NDArray[np.float64]) -> bool:
    """An item that has a category cannot have none."""
    for position, rule in enumerate(world.rules):
        members = world.items.columns.rule == position
        if rule.kind == "category" and row[members].any() and not features[members].any():
            return False
    return True
