"""A provider of the random worlds who reads nothing but the changes and acts on them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.changes import Change
from recsys_ops.features.encode import EncodedItems
from tests.worlds import World


def row_after(world: World, item: int, changes: Sequence[Change]) -> NDArray[np.float64]:
    """Encoded features of an item whose provider has acted on the changes."""
    columns = world.items.columns
    acted = acted_upon(world.table.slice(item, 1).to_pylist()[0], changes)
    row: NDArray[np.float64] = (raw_values(acted, world.items) - columns.offset) * columns.unit
    return row


def acted_upon(row: dict[str, object], changes: Sequence[Change]) -> dict[str, object]:
    """What the provider of an item makes of it, reading nothing but the changes."""
    words = str(row["plot"] or "").split()
    tags = list(row["genres"])
    acted = dict(row)
    for one in changes:
        feature, _, tag = one.feature.partition(": ")
        if feature == "plot":
            word, _, times = one.after.partition(" x ")
            word = word.strip("'")
            words = [other for other in words if other != word] + [word] * int(times)
        elif feature == "genres":
            tags = [*tags, tag] if one.after == "present" else [other for other in tags if other != tag]
        elif feature == "kind":
            acted["kind"] = one.after
        else:
            acted["price"] = float(one.after)
    return {**acted, "plot": " ".join(words), "genres": tags}


def raw_values(row: dict[str, object], items: EncodedItems) -> NDArray[np.float64]:
    """Values of one item in the provider's units, counted by hand."""
    columns = items.columns
    values = []
    for column, value in enumerate(columns.value):
        kind = items.rules[columns.rule[column]].kind
        if kind == "text":
            values.append(float(str(row["plot"]).split().count(value)))
        elif kind == "tags":
            values.append(float(value in row["genres"]))
        elif kind == "category":
            values.append(float(row["kind"] == value))
        else:
            values.append(float(columns.offset[column]) if row["price"] is None else float(row["price"]))
    return np.array(values)
