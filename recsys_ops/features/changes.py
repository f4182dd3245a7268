"""A change of an item's features in the provider's terms."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.features.rules import FeatureRule

TOLERANCE = 1e-9
"""Encoded differences below it are rounding, not changes."""


@dataclass(frozen=True)
class Change:
    """One thing for the provider to do; ``text`` is the sentence, the rest its parts."""

    feature: str
    before: str
    after: str
    text: str


def changed_columns(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of the columns in which two encoded rows differ."""
    return np.flatnonzero(np.abs(after - before) > TOLERANCE)


def describe_changes(items: EncodedItems, item: int, after: NDArray[np.float64]) -> list[Change]:
    """Say what to do to an item to turn its encoded row into another.

    Parameters
    ----------
    items : EncodedItems
    item : int
        Position of the item.
    after : ndarray, shape (n_features,)
        Encoded features after the change.

    Returns
    -------
    list of Change
        One per changed word, tag, number or ordinal and one per changed category, in column order. ``before``
        is what the provider wrote, ``none`` where that is nothing; numbers in ``after`` have all of their digits.
    """
    columns = items.columns
    before = items.matrix[[item]].toarray()[0]
    changes = []
    for column in changed_columns(before, after):
        rule = items.rules[columns.rule[column]]
        old, new = (_value(columns, column, row[column]) for row in (before, after))
        if rule.kind == "text":
            changes.append(_word_change(rule.name, columns.value[column], old, new))
        elif rule.kind == "tags":
            changes.append(_tag_change(rule, columns.value[column], new > old))
        elif rule.kind == "number":
            decimals = _decimals(float(columns.step[column] / columns.unit[column]))
            is_known = _is_number(_written(items, item, rule))
            changes.append(_number_change(rule.name, old if is_known else None, new, decimals))
        elif rule.kind == "ordinal":
            changes.append(_value_change(rule.name, _written(items, item, rule), rule.values[round(new) - 1]))
        elif new > old:
            changes.append(_value_change(rule.name, _written(items, item, rule), columns.value[column]))
    return changes


def _value(columns: FeatureColumns, column: int, encoded: float) -> float:
    """The provider's value to 14 digits of the range of the feature: what follows is rounding of the encoding."""
    unit, offset = float(columns.unit[column]), float(columns.offset[column])
    value = encoded / unit + offset
    greatest = max(abs(value), abs(offset), float(columns.span[column]) / unit)
    return round(value, 14 - math.ceil(math.log10(greatest)))


def _written(items: EncodedItems, item: int, rule: FeatureRule) -> Any:
    return items.cells[rule.column][item].as_py()


def _is_number(cell: Any) -> bool:
    return cell is not None and math.isfinite(cell)


def _decimals(step: float) -> int:
    """Decimals that multiples of a step have, 0 for no step."""
    exponent = Decimal(f"{step:.12g}").normalize().as_tuple().exponent
    return max(-int(exponent), 0)


def _in_digits(value: float, decimals: int = 0) -> str:
    """A number in so many decimals, or in as many as it has."""
    text = f"{value:.{decimals}f}"
    return text if float(text) == value else np.format_float_positional(value, trim="-")


def _word_change(feature: str, word: str, old: float, new: float) -> Change:
    before, after = _in_digits(old), _in_digits(new)
    if new == 0:
        text = f"remove the word '{word}'"
    elif old == 0:
        text = f"add the word '{word}'" + ("" if new == 1 else f" ({after} times)")
    else:
        text = f"use the word '{word}' {after} times instead of {before}"
    return Change(feature, f"'{word}' x {before}", f"'{word}' x {after}", text)


def _tag_change(rule: FeatureRule, tag: str, added: bool) -> Change:
    before, after = ("absent", "present") if added else ("present", "absent")
    return Change(rule.name_of(tag), before, after, f"{'add' if added else 'remove'} the {rule.name} '{tag}'")


def _number_change(feature: str, old: float | None, new: float, decimals: int) -> Change:
    after = _in_digits(new, decimals)
    if old is None:
        return Change(feature, "none", after, f"set {feature} to {after}")
    before = _in_digits(old, decimals)
    return Change(feature, before, after, f"{feature} {before} -> {after}")


def _value_change(feature: str, written: Any, after: str) -> Change:
    before = "none" if written is None else str(written)
    return Change(feature, before, after, f"{feature} {after} instead of {before}")
