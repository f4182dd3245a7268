"""What changed between two runs: rows matched by the key of their table, then column by column."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import compute as pc
from recsys_ops.arrow import table_of
from recsys_ops.errors import InputError

KEYS: dict[str, tuple[str, ...]] = {
    "recourse": ("item_id", "group", "option"),
    "together": ("item_id", "group", "share_acting"),
    "counterfactuals": ("user_id", "item_id", "option"),
    "antidote_ratings": ("antidote_user", "item_id"),
    "antidote_effect": ("objective", "algorithm", "budget", "run", "split"),
    "antidote_as_used": ("objective", "algorithm", "budget", "run"),
    "acceptance_fits": ("response", "distance"),
    "acceptance_differences": ("response", "distance", "property", "effect", "level"),
}
"""The columns that name a row, for the tables that can be compared."""

_BEFORE, _AFTER = "_before_row", "_after_row"


def compare_tables(before: pa.Table, after: pa.Table, key: tuple[str, ...]) -> pa.Table:
    """Rows that were added, removed or changed.

    Parameters
    ----------
    before, after : pyarrow.Table
        Of two runs; columns that only one of them has are not compared.
    key : tuple of str
        Columns that together name a row; unique in each table, never null.

    Returns
    -------
    pyarrow.Table
        The key's columns, ``change`` ("added", "removed", "changed"), ``columns`` (which differ), and the positions
        ``before_row`` and ``after_row`` in the two tables (null where there is none). In the order of ``after``, then
        the removed ones in the order of ``before``.

    Raises
    ------
    InputError
        A column of the key is missing or of another type in one of them.
    """
    for name in key:
        kinds = [table.schema.field(name).type if name in table.column_names else None for table in (before, after)]
        if None in kinds or kinds[0] != kinds[1]:
            raise InputError(f"column '{name}' is {kinds[0]} in the first run and {kinds[1]} in the second.")
    rows = _numbered(before, key, _BEFORE).join(_numbered(after, key, _AFTER), list(key), join_type="full outer")
    rows = rows.sort_by([(_AFTER, "ascending"), (_BEFORE, "ascending")])
    is_added, is_removed = pc.is_null(rows[_BEFORE]), pc.is_null(rows[_AFTER])
    in_both = pc.invert(pc.or_(is_added, is_removed)).to_numpy()
    both = rows.filter(pa.array(in_both))
    shared = [name for name in after.column_names if name in before.column_names and name not in key]
    differs = {name: _differ(before[name].take(both[_BEFORE]), after[name].take(both[_AFTER])) for name in shared}
    changed: list[list[str] | None] = [None] * rows.num_rows
    for position, names in zip(np.flatnonzero(in_both), _names_of(differs, both.num_rows), strict=True):
        changed[position] = names
    change = pc.if_else(is_added, "added", pc.if_else(is_removed, "removed", "changed"))
    columns = {
        **{name: rows[name] for name in key},
        "change": change,
        "columns": pa.array(changed, pa.list_(pa.string())),
        "before_row": rows[_BEFORE],
        "after_row": rows[_AFTER],
    }
    is_change = np.array([names is None or len(names) > 0 for names in changed], dtype=bool)
    return table_of(columns).filter(pa.array(is_change))


def _numbered(table: pa.Table, key: tuple[str, ...], name: str) -> pa.Table:
    return table.select(list(key)).append_column(name, pa.array(np.arange(table.num_rows)))


def _differ(before: Any, after: Any) -> NDArray[np.bool_]:
    """Whether two columns differ, row by row; null equals null."""
    if before.type != after.type or pa.types.is_nested(before.type):
        pairs = zip(before.to_pylist(), after.to_pylist(), strict=True)
        return np.array([one != other for one, other in pairs], dtype=bool)
    one_null = pc.xor(pc.is_null(before), pc.is_null(after))
    values = pc.fill_null(pc.not_equal(before, after), False)
    differs: NDArray[np.bool_] = pc.or_(one_null, values).to_numpy()
    return differs


def _names_of(differs: dict[str, NDArray[np.bool_]], n_rows: int) -> list[list[str]]:
    names: list[list[str]] = [[] for _ in range(n_rows)]
    for name, mask in differs.items():
        for row in np.flatnonzero(mask):
            names[row].append(name)
    return names
