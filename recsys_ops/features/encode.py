"""Item features as a sparse matrix, with a description of every column.

Every column is linear in what the provider writes: a word counts as often as it occurs (times its inverse
document frequency), a tag is there or not, a number is scaled by its range, an ordinal is its place among its values.
A description is deliberately not divided by its length: adding a word then changes one column and no other, so that a
recourse found on the matrix is exactly what the recommender sees once the provider has acted on it.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from recsys_ops.datasets.arrow import ChunkedArray
from recsys_ops.errors import InputError
from recsys_ops.features.rules import FeatureRule

FREQUENT = 99.0
"""Percentile of what real items have that bounds words and numbers where a rule names no bound."""


@dataclass(frozen=True)
class FeatureColumns:
    """What each column of the feature matrix means and how it may change; arrays of length n_features.

    Bounds, steps and values are encoded, and never negative; ``encoded = (provider's value - offset) * unit``.
    ``span`` is the range of a feature: between its rule's bounds, or what items have where the rule names none.
    ``greatest`` is what items really have, ``one_hot`` the category that a column is a value of (-1 for none).
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
    cost: NDArray[np.float64]
    can_rise: NDArray[np.bool_]
    can_fall: NDArray[np.bool_]
    one_hot: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True)
class EncodedItems:
    """Features of all items: ``matrix (n_items, n_features)`` and its columns."""

    matrix: sp.csr_array
    columns: FeatureColumns
    rules: tuple[FeatureRule, ...]


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


@dataclass(frozen=True)
class _Block:
    """The columns of one rule; ``counts`` holds the provider's values."""

    counts: sp.csr_array
    values: list[str]
    unit: NDArray[np.float64]
    offset: float
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    step: float


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
        A column is missing, or no feature is left after dropping the rare ones.
    """
    blocks = [_ENCODERS[rule.kind](_column(items, rule), rule) for rule in rules]
    scaled = [_scaled(block, rule) for block, rule in zip(blocks, rules, strict=True)]
    matrix = sp.csr_array(sp.hstack([m for m, _ in scaled], format="csr"))
    if matrix.shape[1] == 0:
        raise InputError("items: no feature is left (each is rarer than its min_items); lower min_items.")
    matrix.sort_indices()
    return EncodedItems(matrix, _describe_columns(blocks, matrix, [u for _, u in scaled], rules), tuple(rules))


def _column(items: pa.Table, rule: FeatureRule) -> ChunkedArray:
    if rule.column not in items.column_names:
        raise InputError(f"items: feature column '{rule.column}' is missing (found {', '.join(items.column_names)}).")
    return items.column(rule.column)


def _scaled(block: _Block, rule: FeatureRule) -> tuple[sp.csr_array, NDArray[np.float64]]:
    encoded = sp.csr_array(block.counts.multiply(block.unit[None, :]))
    lengths = np.sqrt(np.asarray(encoded.multiply(encoded).sum(axis=1)).ravel())
    mean_length = float(lengths[lengths > 0].mean()) if np.any(lengths > 0) else 1.0
    factor = rule.weight / mean_length
    return sp.csr_array(encoded * factor), block.unit * factor


def _describe_columns(
    blocks: Sequence[_Block], matrix: sp.csr_array, units: Sequence[NDArray[np.float64]], rules: Sequence[FeatureRule]
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
    ranges = np.where(is_open, greatest, upper) - lower
    return FeatureColumns(
        rule=spread(range(len(rules))).astype(np.int32),
        value=tuple(value for block in blocks for value in block.values),
        unit=unit,
        offset=offset,
        lower=lower,
        upper=upper,
        greatest=greatest,
        span=np.where(ranges > 0, ranges, unit),  # a feature of but one value: one of the provider's units
        step=spread([block.step for block in blocks]) * unit,
        cost=spread([rule.cost for rule in rules]),
        can_rise=spread([rule.mutable and rule.direction != "decrease" for rule in rules]).astype(bool),
        can_fall=spread([rule.mutable and rule.direction != "increase" for rule in rules]).astype(bool),
        one_hot=np.where(spread([rule.kind == "category" for rule in rules]), spread(range(len(rules))), -1).astype(
            np.int32
        ),
    )


def _encode_text(column: ChunkedArray, rule: FeatureRule) -> _Block:
    texts = [text or "" for text in column.to_pylist()]
    vectoriser = CountVectorizer(stop_words="english", strip_accents="unicode", min_df=rule.min_items)
    try:
        counts = sp.csr_array(vectoriser.fit_transform(texts)).astype(np.float64)
        words = list(vectoriser.get_feature_names_out())
    except ValueError:  # no word is frequent enough
        counts, words = sp.csr_array((len(texts), 0), dtype=np.float64), []
    document_frequency = np.bincount(counts.indices, minlength=len(words))
    idf = np.log((1 + len(texts)) / (1 + document_frequency)) + 1
    unit = np.ones(len(words)) if rule.weighting == "count" else idf
    upper = _frequent_count(counts) if rule.upper is None else np.full(len(words), rule.upper)
    lower = np.full(len(words), rule.lower or 0.0)
    return _Block(counts, words, unit, 0.0, lower, upper, 1.0 if rule.step is None else rule.step)


def _frequent_count(counts: sp.csr_array) -> NDArray[np.float64]:
    """Per word, the 99th percentile (lower) of its occurrences in the descriptions that have it."""
    by_word = sp.csc_array(counts)
    order = np.lexsort((by_word.data, np.repeat(np.arange(by_word.shape[1]), np.diff(by_word.indptr))))
    n_with = np.diff(by_word.indptr)
    position = by_word.indptr[:-1] + np.floor((n_with - 1) * FREQUENT / 100).astype(np.int64)
    frequent: NDArray[np.float64] = by_word.data[order][position]
    return frequent


def _encode_tags(column: ChunkedArray, rule: FeatureRule) -> _Block:
    rows = [_tags_of(cell, rule.separator) for cell in column.to_pylist()]
    counts, names = _indicators(rows, rule.min_items)
    return _binary_block(counts, names)


def _encode_category(column: ChunkedArray, rule: FeatureRule) -> _Block:
    rows = [[] if cell is None else [str(cell)] for cell in column.to_pylist()]
    counts, names = _indicators(rows, rule.min_items)
    return _binary_block(counts, names)


def _binary_block(counts: sp.csr_array, names: list[str]) -> _Block:
    n = len(names)
    return _Block(counts, names, np.ones(n), 0.0, np.zeros(n), np.ones(n), 1.0)


def _tags_of(cell: str | Iterable[object] | None, separator: str) -> list[str]:
    if cell is None:
        return []
    parts = cell.split(separator) if isinstance(cell, str) else [str(part) for part in cell]
    return sorted({part.strip() for part in parts} - {""})


def _indicators(rows: list[list[str]], min_items: int) -> tuple[sp.csr_array, list[str]]:
    flat = np.asarray([value for row in rows for value in row], dtype=object)
    row_of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    names, codes, frequency = np.unique(flat.astype(str), return_inverse=True, return_counts=True)
    kept = np.flatnonzero(frequency >= min_items)
    position = np.full(len(names), -1)
    position[kept] = np.arange(len(kept))
    known = position[codes] >= 0
    entries = (np.ones(int(known.sum())), (row_of[known], position[codes][known]))
    return sp.csr_array(entries, shape=(len(rows), len(kept))), [str(name) for name in names[kept]]


def _encode_number(column: ChunkedArray, rule: FeatureRule) -> _Block:
    values = np.asarray([np.nan if v is None else float(v) for v in column.to_pylist()])
    known = np.isfinite(values)
    least, greatest = (values[known].min(), values[known].max()) if known.any() else (0.0, 1.0)
    spread = float(greatest - least) or 1.0
    shifted = sp.csr_array(np.where(known, values - least, 0.0)[:, None])
    lower = least if rule.lower is None else rule.lower
    frequent = np.percentile(values[known], FREQUENT) if known.any() else greatest
    upper = frequent if rule.upper is None else rule.upper
    return _Block(
        shifted,
        [rule.column],
        np.array([1.0 / spread]),
        float(least),
        np.array([max(lower, least)]),
        np.array([float(upper)]),
        rule.step or 0.0,
    )


def _encode_ordinal(column: ChunkedArray, rule: FeatureRule) -> _Block:
    place = {value: position for position, value in enumerate(rule.values)}
    texts = [None if value is None else str(value) for value in column.to_pylist()]
    unknown = [(row, text) for row, text in enumerate(texts) if text is not None and text not in place]
    if unknown:
        row, text = unknown[0]
        raise InputError(
            f"items: column '{rule.column}' has {len(unknown)} values that its rule does not list (first: row {row} = "
            f"{text}; listed: {', '.join(rule.values)}). Add them to values, in their order."
        )
    places = np.array([0.0 if text is None else float(place[text]) for text in texts])
    last = len(rule.values)
    return _Block(
        sp.csr_array(places[:, None]),
        [rule.column],
        np.array([1.0 / (last - 1)]),
        1.0,
        np.array([1.0 if rule.lower is None else rule.lower]),
        np.array([float(last) if rule.upper is None else rule.upper]),
        1.0 if rule.step is None else rule.step,
    )


_ENCODERS = {
    "text": _encode_text,
    "tags": _encode_tags,
    "category": _encode_category,
    "ordinal": _encode_ordinal,
    "number": _encode_number,
}
