"""A change of an item's features in the provider's terms."""

from dataclasses import dataclass

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


def describe_changes(items: EncodedItems, before: NDArray[np.float64], after: NDArray[np.float64]) -> list[Change]:
    """Say what to do to an item to turn one encoded row into another.

    Parameters
    ----------
    items : EncodedItems
    before, after : ndarray, shape (n_features,)
        Encoded features of one item.

    Returns
    -------
    list of Change
        One per changed word, tag, number or ordinal and one per changed category, in column order.
    """
    columns = items.columns
    moved = changed_columns(before, after)
    changes = []
    for column in moved:
        rule = items.rules[columns.rule[column]]
        old, new = (_value(columns, column, row[column]) for row in (before, after))
        if rule.kind == "text":
            changes.append(_word_change(rule.name, columns.value[column], old, new))
        elif rule.kind == "tags":
            changes.append(_tag_change(rule, columns.value[column], new > old))
        elif rule.kind == "number":
            old_text, new_text = f"{old:.2f}", f"{new:.2f}"
            changes.append(Change(rule.name, old_text, new_text, f"{rule.name} {old_text} -> {new_text}"))
        elif rule.kind == "ordinal":
            old_text, new_text = (rule.values[round(place) - 1] for place in (old, new))
            changes.append(Change(rule.name, old_text, new_text, f"{rule.name} {new_text} instead of {old_text}"))
        elif new > old:
            lost = [int(c) for c in moved if columns.one_hot[c] == columns.one_hot[column] and after[c] < before[c]]
            changes.append(_category_change(rule.name, columns, int(column), lost))
    return changes


def _value(columns: FeatureColumns, column: int, encoded: float) -> float:
    return round(float(encoded / columns.unit[column] + columns.offset[column]), 6)


def _word_change(feature: str, word: str, old: float, new: float) -> Change:
    before, after = f"'{word}' x {old:g}", f"'{word}' x {new:g}"
    if new == 0:
        text = f"remove the word '{word}'"
    elif old == 0:
        text = f"add the word '{word}'" + ("" if new == 1 else f" ({new:g} times)")
    else:
        text = f"use the word '{word}' {new:g} times instead of {old:g}"
    return Change(feature, before, after, text)


def _tag_change(rule: FeatureRule, tag: str, added: bool) -> Change:
    before, after = ("absent", "present") if added else ("present", "absent")
    return Change(rule.name_of(tag), before, after, f"{'add' if added else 'remove'} the {rule.name} '{tag}'")


def _category_change(feature: str, columns: FeatureColumns, gained: int, lost: list[int]) -> Change:
    before = columns.value[lost[0]] if lost else "none"
    after = columns.value[gained]
    return Change(feature, before, after, f"{feature} {after} instead of {before}")
