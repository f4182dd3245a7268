"""Interactions that a user and an item have several of: merged into one, as the data set's settings say."""

from typing import Literal

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import compute as pc
from recsys_ops.arrow import table_of

Duplicates = Literal["first", "last", "sum", "max", "count"]

_PAIR = ("user_id", "item_id")


def merge_repeats(table: pa.Table, how: Duplicates, order: np.ndarray | None) -> pa.Table:
    """One interaction per user and item.

    Parameters
    ----------
    table : pyarrow.Table
        Columns user_id, item_id and rating.
    how : "first", "last", "sum", "max" or "count"
        Which rating is kept, their sum, the greatest, or how many there are.
    order : ndarray, shape (n_rows,), or None
        What is earlier has less; None where the rows stand in their order.

    Returns
    -------
    pyarrow.Table
        The same columns, in the order of the ids; the same whatever the order of the rows, unless that is the order.

    Notes
    -----
    Time O(n log n); one thread, so that sums do not depend on the cores.
    """
    keys = [(name, "ascending") for name in (*_PAIR, "order")]
    rank = np.arange(table.num_rows) if order is None else order
    if how == "sum":
        keys = [*keys[:2], ("rating", "ascending")]
    elif order is not None:
        keys = [*keys, ("rating", "ascending")]
    ordered = table.append_column("order", pa.array(rank))
    ordered = ordered.take(pc.sort_indices(ordered, sort_keys=keys))
    merged = ordered.group_by(list(_PAIR), use_threads=False).aggregate([("rating", how)])
    values = pc.cast(merged.column(f"rating_{how}"), pa.float64())
    return table_of({name: merged.column(name) for name in _PAIR} | {"rating": values})
