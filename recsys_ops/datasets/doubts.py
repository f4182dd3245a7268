"""What a data set may hold, but seldom means: found by counting, as no check of single rows can refuse it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import ChunkedArray
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.datasets.problems import did_you_mean
from recsys_ops.features.rules import FeatureRule, folded

_STRUCTURE = r"^\s*[\[{]|[\]}]\s*$|^\s*\"|\"\s*$"
_HTML = r"</?[a-zA-Z][^>]*>|&(?:[a-z]+|#\d+);"
_WRONG_ENCODING = r"Ã[\x{80}-\x{bf}]|Ã[¤¶¼ŸœŽ©¨]|â€|\x{fffd}"
_OTHER_SEPARATORS = ("|", ";", ",", "/")
_LEAST_SHARE = 0.01
"""Of the rows; below that it is a slip in a few of them."""
_NEARLY_ALL = 0.9
_MANY = 20
"""Rows from which on shares mean something."""
_SMALL_SHARE_OF_LABELS = 1 / 2


def doubts(dataset: Dataset) -> list[str]:
    """What looks as if it were meant otherwise.

    Parameters
    ----------
    dataset : Dataset

    Returns
    -------
    list of str
        One sentence each: the column, how many rows, an example, and what to do.
    """
    found = [doubt for rule in dataset.rules for doubt in _of_feature(dataset.items.column(rule.column), rule)]
    found += [doubt for rule in dataset.rules for doubt in _of_fixed(dataset.items.column(rule.column), rule)]
    found += _of_text("title", dataset.items.column("title"), "Correct the titles, which sellers and users read.")
    stars = dataset.ratings.data
    if dataset.values == "ratings" and len(stars) >= _MANY and stars.min() == stars.max():
        found.append(
            f"all {len(stars):,} ratings are {stars[0]:g}: that somebody interacted, not how much they liked it? Then "
            "leave rating_range out, and columns.rating too."
        )
    per_user = np.diff(dataset.ratings.indptr)
    if dataset.n_users >= _MANY and (per_user > 0).any() and np.median(per_user[per_user > 0]) < 2:
        found.append(
            f"half of the users have a single interaction ({dataset.n_users:,} users): is user_id an order"
            " or a session?"
        )
    return found


def _of_fixed(column: ChunkedArray, rule: FeatureRule) -> Iterator[str]:
    """Values that the rule fixes, requires or excludes and no item has."""
    filled = column.drop_null()
    named = {
        "fixed_values": rule.fixed_values,
        "requires": [*rule.requires, *(label for labels in rule.requires.values() for label in labels)],
        "excludes": [label for labels in rule.excludes for label in labels],
    }
    if not any(named.values()) or not len(filled):
        return
    if rule.kind == "text":
        values = pc.list_flatten(pc.split_pattern_regex(filled, r"[^\p{L}\p{M}\p{N}_]+"))
    elif rule.kind == "tags":
        values = pc.list_flatten(filled if pa.types.is_list(filled.type) else pc.split_pattern(filled, rule.separator))
    else:
        values = pc.cast(filled, pa.string())
    known = [str(value) for value in pc.unique(values).to_pylist() if value]
    present = {folded(value) for value in known}
    for key, labels in named.items():
        for label in dict.fromkeys(label for label in labels if folded(label) not in present):
            yield f"'{rule.column}': {key} has '{label}', which no item has.{did_you_mean(label, known)}"


def _of_feature(column: ChunkedArray, rule: FeatureRule) -> Iterator[str]:
    filled = column.drop_null()
    if len(filled) < _MANY:
        return
    name = f"'{rule.column}'"
    if rule.kind == "tags":
        yield from _of_tags(name, filled, rule)
        return
    n_values = pc.count_distinct(filled).as_py()
    if n_values == 1:
        yield f"{name} is {_shown(filled[0])} in all {len(filled):,} rows that have a value: it tells no items apart."
    is_whole = pa.types.is_floating(filled.type) and pc.all(pc.equal(pc.round(filled), filled)).as_py()
    if rule.kind == "number" and is_whole and n_values == len(filled):
        yield (
            f"{name} has another whole number in every one of {len(filled):,} rows (such as {_shown(filled[0])}): an "
            "id, not a quantity? Then remove it from features."
        )
    if rule.kind == "category" and n_values > len(filled) / 2:
        yield (
            f"{name} has {n_values:,} values in {len(filled):,} rows (such as {_shown(filled[0])}): names or ids, "
            "not a category? Then remove it from features."
        )
    if rule.kind == "text":
        html = "" if rule.html == "strip" else "Give the feature html: strip, so that tags are not words."
        yield from _of_text(name, filled, html)


def _of_text(name: str, column: ChunkedArray, html_remedy: str) -> Iterator[str]:
    filled = column.drop_null()
    for pattern, what, remedy in (
        (_HTML, "HTML", html_remedy),
        (_WRONG_ENCODING, "what UTF-8 looks like in another encoding", "Export the column again."),
    ):
        is_such = pc.match_substring_regex(filled, pattern)
        n_such = pc.sum(is_such).as_py() or 0
        if remedy and n_such > _LEAST_SHARE * len(filled):
            example = _shown(filled.filter(is_such)[0])
            yield f"{name} holds {what} in {n_such:,} of {len(filled):,} rows (such as {example}). {remedy}"


def _of_tags(name: str, filled: ChunkedArray, rule: FeatureRule) -> Iterator[str]:
    is_list = pa.types.is_list(filled.type)
    labels = pc.list_flatten(filled if is_list else pc.split_pattern(filled, rule.separator))
    labels = labels.filter(pc.fill_null(pc.not_equal(labels, ""), False))
    if not len(labels):
        return
    is_structure = pc.match_substring_regex(labels, _STRUCTURE)
    n_structure = pc.sum(is_structure).as_py() or 0
    if n_structure > _LEAST_SHARE * len(labels):
        example = _shown(labels.filter(is_structure)[0])
        yield (
            f"{name}: {n_structure:,} of {len(labels):,} tags look like a part of JSON or another list (such as "
            f"{example}). Write JSON lists with double quotes, or tags with {rule.separator!r} between them."
        )
        return
    n_labels = pc.count_distinct(labels).as_py()
    other = None if is_list or len(labels) > 1.5 * len(filled) else _other_separator(filled, rule.separator, n_labels)
    if other is not None:
        yield (
            f"{name}: {n_labels:,} tags in {len(filled):,} rows (such as {_shown(labels[0])}), but with separator: "
            f"{other!r} there are far fewer. Give the feature that separator."
        )
    elif n_labels > _NEARLY_ALL * len(labels):
        yield (
            f"{name}: {n_labels:,} of {len(labels):,} tags are there once (such as {_shown(labels[0])}): names or ids, "
            "not tags? Then remove it from features."
        )


def _other_separator(filled: ChunkedArray, separator: str, n_labels: int) -> str | None:
    """A separator that most rows hold, and that makes a few labels out of many."""
    for other in _OTHER_SEPARATORS:
        parts = pc.list_flatten(pc.split_pattern(filled, other))
        n_parts = pc.count_distinct(pc.utf8_trim_whitespace(parts)).as_py()
        if other != separator and len(parts) > 1.5 * len(filled) and n_parts < _SMALL_SHARE_OF_LABELS * n_labels:
            return other
    return None


def _shown(value: Any) -> str:
    text = value.as_py()
    return repr(text[:60]) if isinstance(text, str) else f"{text:.15g}" if isinstance(text, float) else str(text)
