"""A change of an item's features in the provider's terms."""

import math
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.features.encode import EncodedItems, FeatureColumns
from recsys_ops.features.rules import FeatureRule
from recsys_ops.features.sentences import DEFAULT, quantity, say

TOLERANCE = 1e-9
"""Encoded differences below it are rounding, not changes."""


@dataclass(frozen=True)
class Change:
    """One thing for the provider to do; ``text`` is the sentence, the rest its parts.

    ``column`` of the encoded features, for a category that of its new value; ``support``, where plausibility counts,
    how likely a real item like this one is as the change leaves it.
    """

    feature: str
    before: str
    after: str
    text: str
    column: int = field(default=-1, compare=False)
    support: float | None = None


def changed_columns(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of the columns in which two encoded rows differ."""
    return np.flatnonzero(np.abs(after - before) > TOLERANCE)


def describe_changes(
    items: EncodedItems, item: int, after: NDArray[np.float64], language: str = DEFAULT
) -> list[Change]:
    """Say what to do to an item to turn its encoded row into another.

    Parameters
    ----------
    items : EncodedItems
    item : int
        Position of the item.
    after : ndarray, shape (n_features,)
        Encoded features after the change.
    language : str
        Of the sentences.

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
        change = _change(items, item, (rule, column), (old, new), language)
        if change is not None:
            changes.append(replace(change, column=int(column)))
    return changes


def _change(
    items: EncodedItems, item: int, where: tuple[FeatureRule, int], values: tuple[float, float], language: str
) -> Change | None:
    """One column's change; None for the value that a category loses, which its new value's change tells of."""
    (rule, column), (old, new) = where, values
    value, written = items.columns.value[column], None if rule.kind in ("text", "tags") else _written(items, item, rule)
    if rule.kind == "text":
        return _word_change(rule.name, value, values, language)
    if rule.kind == "tags":
        return _tag_change(rule, value, added=new > old, language=language)
    if rule.kind == "number":
        decimals = _decimals(float(items.columns.step[column] / items.columns.unit[column]))
        return _number_change(rule, old if _is_number(written) else None, (new, decimals), language)
    if rule.kind == "ordinal":
        return _value_change(rule.name, written, rule.values[round(new) - 1], language)
    return _value_change(rule.name, written, value, language) if new > old else None


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


def _word_change(feature: str, word: str, counts: tuple[float, float], language: str) -> Change:
    (old, new), (before, after) = counts, (_in_digits(counts[0]), _in_digits(counts[1]))
    kind = "word removed" if new == 0 else "word repeated"
    if old == 0:
        kind = "word added" if new == 1 else "word added several times"
    text = say(language, kind, feature=feature, value=word, before=before, after=after)
    return Change(feature, f"'{word}' x {before}", f"'{word}' x {after}", text)


def _tag_change(rule: FeatureRule, tag: str, *, added: bool, language: str) -> Change:
    before, after = ("absent", "present") if added else ("present", "absent")
    text = say(language, "tag added" if added else "tag removed", feature=rule.name, value=tag)
    return Change(rule.name_of(tag), before, after, text)


def _number_change(rule: FeatureRule, old: float | None, wanted: tuple[float, int], language: str) -> Change:
    new, decimals = wanted
    after = _in_digits(new, decimals)
    to = quantity(language, after, rule.unit)
    if old is None:
        return Change(rule.name, "none", after, say(language, "number set", feature=rule.name, after=to))
    before = _in_digits(old, decimals)
    text = say(
        language, "number raised" if new > old else "number lowered", feature=rule.name,
        before=quantity(language, before, None), after=to,
    )  # fmt: skip
    return Change(rule.name, before, after, text)


def _value_change(feature: str, written: Any, after: str, language: str) -> Change:
    if written is None:
        return Change(feature, "none", after, say(language, "value set", feature=feature, after=after))
    text = say(language, "value changed", feature=feature, before=str(written), after=after)
    return Change(feature, str(written), after, text)
