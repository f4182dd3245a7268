"""Item features as a sparse matrix, with a description of every column.

Every column is linear in what the provider writes: a word counts as often as it occurs (times its inverse
document frequency), a tag is there or not, a number is scaled by its range, an ordinal is its place among its values.
A description is deliberately not divided by its length: adding a word then changes one column and no other, so that a
recourse found on the matrix is exactly what the recommender sees once the provider has acted on it.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import ChunkedArray
from recsys_ops.errors import InputError
from recsys_ops.features.blocks import ENCODERS, Block
from recsys_ops.features.pairs import Pairs, tag_pairs
from recsys_ops.features.rules import FeatureRule


@dataclass(frozen=True)
class FeatureColumns:
    """What each column of the feature matrix means and how it may change; arrays of length n_features.

    Limits, steps and values are encoded, and never negative; ``encoded = (provider's value - offset) * unit``.
    Steps are taken from where an item stands, or ``from_zero`` of the provider's values, so that these are round.
    ``span`` is the range of a feature: between its rule's limits, or what items have where the rule names none.
    ``greatest`` is what items really have, ``one_hot`` the category that a column is a value of (-1 for none). Of
    ``pairs`` of tags, one requires or excludes the other.
    """

    rule: NDArray[np.int32]
    value: tuple[str, ...]
    unit: NDArray[np.float64]
    offset: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    greatest: NDArray[np.float64]
    span: NDArray[np.float64]
    step: NDArray[np.float64]
    from_zero: NDArray[np.bool_]
    cost: NDArray[np.float64]
    can_rise: NDArray[np.bool_]
    can_fall: NDArray[np.bool_]
    one_hot: NDArray[np.int32]
    pairs: Pairs = field(default_factory=Pairs)

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True)
class EncodedItems:
    """Features of all items: ``matrix (n_items, n_features)``, its columns and the rules that they come from.

    ``cells`` are the categories, ordinals and numbers as the providers wrote them: encoding drops what is rare and puts
    the least value where there is none.
    """

    matrix: sp.csr_array
    columns: FeatureColumns
    rules: tuple[FeatureRule, ...]
    cells: pa.Table


def feature_names(items: EncodedItems) -> list[str]:
    """Name of each column, for models that are fitted elsewhere: ``column``, or ``column: value`` of words and such."""
    columns, rules = items.columns, items.rules
    return [
        rule.column if rule.kind in ("number", "ordinal") else f"{rule.column}: {value}"
        for rule, value in zip((rules[number] for number in columns.rule), columns.value, strict=True)
    ]


def fix_features(items: EncodedItems, names: Set[str]) -> EncodedItems:
    """The same items, with features that may not change, named as changes name them or by rule for all of its tags.

    Names that nothing has change nothing.
    """
    if not names:
        return items
    columns = items.columns
    is_free = np.array([rule.name not in names for rule in items.rules], dtype=bool)[columns.rule]
    for tag in np.flatnonzero(np.array([rule.kind == "tags" for rule in items.rules], dtype=bool)[columns.rule]):
        is_free[tag] &= items.rules[columns.rule[tag]].name_of(columns.value[tag]) not in names
    return replace(
        items, columns=replace(columns, can_rise=columns.can_rise & is_free, can_fall=columns.can_fall & is_free)
    )


def encode_items(items: pa.Table, rules: Sequence[FeatureRule]) -> EncodedItems:
    """Encode the feature columns of an items table.

    Parameters
    ----------
    items : pyarrow.Table
        One row per item, with every column that ``rules`` name.
    rules : sequence of FeatureRule
        At least one.

    Returns
    -------
    EncodedItems
        Matrix of shape (n_items, n_features), float64, non-negative. Blocks are scaled so that the mean row of
        each has length ``rule.weight``: no column of the items table outweighs the others by its sheer size.

    Raises
    ------
    InputError
        A column is missing, no feature is left after dropping the rare ones, or a limit that a rule names leaves no
        value to one that follows from the items.
    """
    blocks = [ENCODERS[rule.kind](_column(items, rule), rule) for rule in rules]
    scaled = [_scaled(block, rule) for block, rule in zip(blocks, rules, strict=True)]
    matrix = sp.csr_array(sp.hstack([m for m, _ in scaled], format="csr"))
    if matrix.shape[1] == 0:
        raise InputError("items: no feature is left (each is rarer than its min_items); lower min_items.")
    matrix.sort_indices()
    written = dict.fromkeys(rule.column for rule in rules if rule.kind not in ("text", "tags"))
    columns = _describe_columns(blocks, matrix, [u for _, u in scaled], rules)
    return EncodedItems(matrix, columns, tuple(rules), items.select(list(written)))


def _column(items: pa.Table, rule: FeatureRule) -> ChunkedArray:
    if rule.column not in items.column_names:
        raise InputError(f"items: feature column '{rule.column}' is missing (found {', '.join(items.column_names)}).")
    return items.column(rule.column)


def _scaled(block: Block, rule: FeatureRule) -> tuple[sp.csr_array, NDArray[np.float64]]:
    encoded = sp.csr_array(block.counts.multiply(block.unit[None, :]))
    lengths = np.sqrt(np.asarray(encoded.multiply(encoded).sum(axis=1)).ravel())
    mean_length = float(lengths[lengths > 0].mean()) if np.any(lengths > 0) else 1.0
    factor = rule.weight / mean_length
    return sp.csr_array(encoded * factor), block.unit * factor


def _describe_columns(
    blocks: Sequence[Block], matrix: sp.csr_array, units: Sequence[NDArray[np.float64]], rules: Sequence[FeatureRule]
) -> FeatureColumns:
    sizes = [len(block.values) for block in blocks]

    def spread(values: Sequence[float | bool | int]) -> NDArray[np.float64]:
        return np.repeat(np.asarray(values, dtype=np.float64), sizes)

    offset = spread([block.offset for block in blocks])
    unit = np.concatenate(units)
    lower = (np.concatenate([block.lower for block in blocks]) - offset) * unit
    upper = (np.concatenate([block.upper for block in blocks]) - offset) * unit
    greatest = matrix.max(axis=0).toarray().ravel()
    is_open = (spread([rule.kind != "ordinal" and rule.upper is None for rule in rules]) > 0) | ~np.isfinite(upper)
    is_fixed = np.array(
        [
            rule.kind != "category" and rule.fixes(value)
            for block, rule in zip(blocks, rules, strict=True) for value in block.values
        ],
        dtype=bool,
    )  # fmt: skip
    ranges = np.where(is_open, greatest, upper) - lower
    rule_of = spread(range(len(rules))).astype(np.int32)
    values = tuple(value for block in blocks for value in block.values)
    return FeatureColumns(
        rule=rule_of,
        value=values,
        unit=unit,
        offset=offset,
        lower=lower,
        upper=upper,
        greatest=greatest,
        span=np.where(ranges > 0, ranges, unit),  # a feature of but one value: one of the provider's units
        step=spread([block.step for block in blocks]) * unit,
        from_zero=spread([rule.kind == "number" and rule.step is None for rule in rules]).astype(bool),
        cost=spread([rule.cost for rule in rules]),
        can_rise=spread([rule.mutable and rule.direction != "decrease" for rule in rules]).astype(bool) & ~is_fixed,
        can_fall=spread([rule.mutable and rule.direction != "increase" for rule in rules]).astype(bool) & ~is_fixed,
        one_hot=np.where(spread([rule.kind == "category" for rule in rules]), spread(range(len(rules))), -1).astype(
            np.int32
        ),
        pairs=tag_pairs(rules, rule_of, values),
    )
