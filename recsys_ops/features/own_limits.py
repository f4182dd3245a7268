"""Limits that depend on what one item has: so much more or less than today, a category at or below its own."""

from dataclasses import replace
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.features.rules import FeatureRule


def own_limits(items: EncodedItems, item: int, columns: FeatureColumns) -> FeatureColumns:
    """Narrow the columns to what the rules let one item become.

    Parameters
    ----------
    items : EncodedItems
    item : int
    columns : FeatureColumns
        Those of the items, or narrower.

    Returns
    -------
    FeatureColumns
        Limits are never wider than before. A number that the item does not have is no start of a change: it stays.
    """
    limited = [number for number, rule in enumerate(items.rules) if _depends_on_the_item(rule)]
    if not limited:
        return columns
    columns = replace(
        columns, lower=columns.lower.copy(), upper=columns.upper.copy(),
        can_rise=columns.can_rise.copy(), can_fall=columns.can_fall.copy(),
    )  # fmt: skip
    for number in limited:
        rule, members = items.rules[number], np.flatnonzero(columns.rule == number)
        if rule.kind == "category":
            _limit_category(items, item, rule, columns, members)
        else:
            _limit_number(items, item, rule, columns, int(members[0]))
    return columns


def _depends_on_the_item(rule: FeatureRule) -> bool:
    if rule.kind == "category":
        return bool(rule.fixed_values or rule.path_separator)
    return bool(rule.max_increase or rule.max_decrease)  # fixed words and tags are the same for all items


def _limit_number(items: EncodedItems, item: int, rule: FeatureRule, columns: FeatureColumns, column: int) -> None:
    written = items.cells[rule.column][item].as_py()
    if rule.kind == "number" and (written is None or not np.isfinite(written)):
        columns.can_rise[column] = columns.can_fall[column] = False
        return
    encoded = float(items.matrix[item, column])
    value = float(written) if rule.kind == "number" else encoded / columns.unit[column] + columns.offset[column]
    if rule.max_increase is not None:
        most = encoded + _amount(rule.max_increase, value) * columns.unit[column]
        columns.upper[column] = min(columns.upper[column], most)
    if rule.max_decrease is not None:
        least = encoded - _amount(rule.max_decrease, value) * columns.unit[column]
        columns.lower[column] = max(columns.lower[column], least)


def _amount(change: str, value: float) -> float:
    """A change in the provider's units."""
    return float(change.removesuffix("%")) / 100 * abs(value) if change.endswith("%") else float(change)


def _limit_category(
    items: EncodedItems, item: int, rule: FeatureRule, columns: FeatureColumns, members: NDArray[np.intp]
) -> None:
    """Close the values that the item may not take, all of them where its own value is fixed."""
    written = items.cells[rule.column][item].as_py()
    values = [columns.value[column] for column in members]
    own = "" if written is None else normalize("NFC", str(written))
    closed = np.array([rule.fixes(own) or rule.fixes(value) for value in values], dtype=bool)
    if rule.path_separator is not None and own:
        above = _levels(own, rule.path_separator)
        closed |= np.array([_levels(value, rule.path_separator)[: len(above)] != above for value in values], dtype=bool)
    has = items.matrix[[item]].toarray()[0, members] > 0
    columns.upper[members[closed & ~has]] = 0.0


def _levels(path: str, separator: str) -> list[str]:
    return [level.strip() for level in path.split(separator)]
