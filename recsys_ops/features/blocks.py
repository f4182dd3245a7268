"""The columns of one rule in the provider's units, one encoder for each kind of feature."""

from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import ChunkedArray
from recsys_ops.errors import InputError
from recsys_ops.features.markup import visible_text
from recsys_ops.features.rules import FeatureRule
from recsys_ops.features.words import count_words

FREQUENT = 99.0
"""Percentile of what real items have that limits words and numbers where a rule names no limit."""

RESOLUTION = 1000
"""Least number of values that a number without a step of its own can take over its range."""


GREATEST_SIZE = 1e100
"""Greatest absolute value of a number, and the reciprocal of its least range: squares and products stay finite."""


@dataclass(frozen=True)
class Block:
    """The columns of one rule in the provider's units: ``counts (n_items, n_columns)`` less ``offset``, and limits."""

    counts: sp.csr_array
    values: list[str]
    unit: NDArray[np.float64]
    offset: float
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    step: float


def _encode_text(column: ChunkedArray, rule: FeatureRule) -> Block:
    texts: list[str | None] = column.to_pylist()
    if rule.html == "strip":
        texts = [None if text is None else visible_text(text) for text in texts]
    counts, words = count_words(texts, min_items=rule.min_items, language=rule.language)
    document_frequency = np.bincount(counts.indices, minlength=len(words))
    idf = np.log((1 + counts.shape[0]) / (1 + document_frequency)) + 1
    unit = np.ones(len(words)) if rule.weighting == "count" else idf
    upper = _frequent_count(counts) if rule.upper is None else np.full(len(words), rule.upper)
    lower = np.full(len(words), rule.lower or 0.0)
    if np.any(lower > upper):
        word = int(np.argmax(lower > upper))
        raise InputError(_no_value(rule, f"lower {lower[word]:g}", f"{_usual_limit(upper[word])} of '{words[word]}'"))
    return Block(counts, words, unit, 0.0, lower, upper, 1.0 if rule.step is None else rule.step)


def _frequent_count(counts: sp.csr_array) -> NDArray[np.float64]:
    """Per word, the 99th percentile (lower) of its occurrences in the descriptions that have it."""
    by_word = sp.csc_array(counts)
    order = np.lexsort((by_word.data, np.repeat(np.arange(by_word.shape[1]), np.diff(by_word.indptr))))
    n_with = np.diff(by_word.indptr)
    position = by_word.indptr[:-1] + np.floor((n_with - 1) * FREQUENT / 100).astype(np.int64)
    frequent: NDArray[np.float64] = by_word.data[order][position]
    return frequent


def _encode_tags(column: ChunkedArray, rule: FeatureRule) -> Block:
    rows = [tags_of(cell, rule.separator) for cell in column.to_pylist()]
    counts, names = _indicators(rows, rule.min_items)
    return _binary_block(counts, names, rule)


def _encode_category(column: ChunkedArray, rule: FeatureRule) -> Block:
    rows = [[] if cell is None else [normalize("NFC", str(cell))] for cell in column.to_pylist()]
    counts, names = _indicators(rows, rule.min_items)
    return _binary_block(counts, names, rule)


def _binary_block(counts: sp.csr_array, names: list[str], rule: FeatureRule) -> Block:
    n = len(names)
    lower, upper = np.full(n, rule.lower or 0.0), np.full(n, 1.0 if rule.upper is None else rule.upper)
    return Block(counts, names, np.ones(n), 0.0, lower, upper, 1.0)


def tags_of(cell: str | Iterable[object] | None, separator: str) -> list[str]:
    """The tags of one item, sorted, each once and in one Unicode form: a list's, or those between separators."""
    if cell is None:
        return []
    parts = cell.split(separator) if isinstance(cell, str) else [str(part) for part in cell if part is not None]
    return sorted({normalize("NFC", part).strip() for part in parts} - {""})


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


def _encode_number(column: ChunkedArray, rule: FeatureRule) -> Block:
    values = np.asarray([np.nan if v is None else float(v) for v in column.to_pylist()])
    known = np.isfinite(values)
    _refuse_extremes(values[known], rule)
    least, greatest = (values[known].min(), values[known].max()) if known.any() else (0.0, 1.0)
    spread = float(greatest - least) or 1.0
    shifted = sp.csr_array(np.where(known, values - least, 0.0)[:, None])
    lower = float(least if rule.lower is None else rule.lower)
    frequent = np.percentile(values[known], FREQUENT) if known.any() else greatest
    upper = float(frequent if rule.upper is None else rule.upper)
    if lower > upper and known.any():
        low = f"{lower:g}, the least that items have," if lower == least else f"lower {lower:g}"
        raise InputError(_no_value(rule, low, _usual_limit(upper) if rule.upper is None else f"upper {upper:g}"))
    span = (greatest if rule.upper is None or np.isinf(upper) else upper) - lower
    step = _round_step(span if span > 0 else spread) if rule.step is None else rule.step
    return Block(
        shifted, [rule.column], np.array([1.0 / spread]), float(least), np.array([lower]), np.array([upper]), step
    )


def _refuse_extremes(values: NDArray[np.float64], rule: FeatureRule) -> None:
    """Refuse numbers whose range, square or reciprocal floating-point arithmetic cannot hold."""
    sizes = np.abs(values)
    far = sizes[sizes > GREATEST_SIZE]
    spread = 0.0 if len(far) or not len(values) else float(values.max() - values.min())
    if len(far) or 0 < spread < 1 / GREATEST_SIZE:
        why = f"{far[0]:g} is too large" if len(far) else f"their range of {spread:g} is too small"
        raise InputError(
            f"items: column '{rule.column}' has numbers that cannot be scaled: {why}. Write the column in another unit."
        )


def _round_step(span: float) -> float:
    """The greatest power of ten that is at most a part of ``RESOLUTION`` of a range."""
    return float(f"1e{int(np.floor(np.log10(span / RESOLUTION) + 1e-9))}")


def _usual_limit(upper: float) -> str:
    return f"{upper:g}, the {FREQUENT:g}th percentile of what items have"


def _no_value(rule: FeatureRule, lower: str, upper: str) -> str:
    return (
        f"items: column '{rule.column}': {lower} is above {upper}, so that its rule allows no value. "
        "Name lower and upper in the rule with values of the column between them."
    )


def _encode_ordinal(column: ChunkedArray, rule: FeatureRule) -> Block:
    place = {normalize("NFC", value): position for position, value in enumerate(rule.values)}
    texts = [None if value is None else normalize("NFC", str(value)) for value in column.to_pylist()]
    unknown = [(row, text) for row, text in enumerate(texts) if text is not None and text not in place]
    if unknown:
        row, text = unknown[0]
        raise InputError(
            f"items: column '{rule.column}' has {len(unknown)} values that its rule does not list (first: row {row} = "
            f"{text}; listed: {', '.join(rule.values)}). Add them to values, in their order."
        )
    places = np.array([0.0 if text is None else float(place[text]) for text in texts])
    last = len(rule.values)
    return Block(
        sp.csr_array(places[:, None]),
        [rule.column],
        np.array([1.0 / (last - 1)]),
        1.0,
        np.array([1.0 if rule.lower is None else rule.lower]),
        np.array([float(last) if rule.upper is None else rule.upper]),
        1.0 if rule.step is None else rule.step,
    )


ENCODERS = {
    "text": _encode_text,
    "tags": _encode_tags,
    "category": _encode_category,
    "ordinal": _encode_ordinal,
    "number": _encode_number,
}
