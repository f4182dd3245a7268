"""What became of advice from one run to another: new, changed, withdrawn, or worth more or less.

Advice is what the first option of a case says if it does what was wanted. Advice of two runs is the same if both
have the same targets: features and the values that these are to have. Advice that stands since an earlier run is the
same too, whatever of it is done by now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import compute as pc
from recsys_ops.features.sentences import DEFAULT, plan_in_words

Kind = Literal["new", "changed", "withdrawn", "worth", "stands"]

NEEDED = (
    "item_id", "seller_id", "title", "group", "option", "reason", "n_targets", "success_before", "success_after",
    "n_changes", "changes",
)  # fmt: skip
"""Columns of the table ``recourse`` that are read."""

_LATER = ("since", "rank_before", "rank_after", "rank_bound")
"""The same, where the run has them: earlier versions did not."""

WORTH = 0.01
"""Share of the group by which the success of the same advice must move to be worth a sentence: one point."""

WORTH_OF_RANK = 0.05
"""Share of the mean rank by which that must move, where advice is about it."""


@dataclass(frozen=True)
class AdviceChange:
    """What became of the advice for one item, for all ``groups`` of which the same is to be said.

    ``before`` and ``after`` what to do, ``seen`` the share of their users with the item in the top k: before and after
    the advice of the later run; of kind "worth" after the advice in the earlier and the later run. Where advice
    ``is_of_rank``, these are mean ranks.
    """

    kind: Kind
    seller: Any
    title: str
    groups: tuple[str, ...]
    before: str
    after: str
    seen: tuple[float, float]
    is_of_rank: bool = False


def compare_advice(before: pa.Table, after: pa.Table, language: str = DEFAULT) -> list[AdviceChange]:
    """What became of all advice.

    Parameters
    ----------
    before, after : pyarrow.Table
        ``recourse`` of two runs, with the columns ``NEEDED``.
    language : str
        Of the sentences.

    Returns
    -------
    list of AdviceChange
        By seller and item, in the order of ``after``; items without any last. One entry says the same of several
        groups of an item.
    """
    old, new = _advice(before), _advice(after)
    said: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for case in [*new, *(case for case in old if case not in new)]:
        one, other = old.get(case), new.get(case)
        row = other or one or {}
        kind = _kind(one, other)
        key = (kind, row["seller_id"], case[0], _todo(one, language), _todo(other, language), _is_of_rank(row))
        said.setdefault(key, []).append((row["title"], case[1], row["n_targets"], *_seen(kind, one, other)))
    changes = [_as_change(key, entries) for key, entries in said.items()]
    order = {seller: number for number, seller in enumerate(dict.fromkeys(one.seller for one in changes))}
    return sorted(changes, key=lambda one: order[one.seller])


def count_rows(changes: Iterable[AdviceChange], kind: Kind) -> int:
    """Cases of one kind."""
    return sum(len(one.groups) for one in changes if one.kind == kind)


def _advice(table: pa.Table) -> dict[tuple[Any, str], dict[str, Any]]:
    columns = [*NEEDED, *(name for name in _LATER if name in table.column_names)]
    serves = (pc.field("option") == 0) & (pc.field("n_changes") > 0) & pc.field("reason").is_null()
    rows: list[dict[str, Any]] = table.select(columns).filter(serves).to_pylist()
    return {(row["item_id"], row["group"]): row for row in rows}


def _kind(one: dict[str, Any] | None, other: dict[str, Any] | None) -> Kind:
    if one is None or other is None:
        return "new" if one is None else "withdrawn"
    if other.get("since") is None and _targets(one) != _targets(other):
        return "changed"
    return "worth" if _is_worth_saying(one, other) else "stands"


def _is_worth_saying(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the same advice brings clearly more or less; ranks and shares cannot be compared."""
    if _is_of_rank(one) or _is_of_rank(other):
        return _is_of_rank(one) == _is_of_rank(other) and bool(
            abs(other["rank_after"] - one["rank_after"]) >= WORTH_OF_RANK * one["rank_after"]
        )
    return bool(abs(other["success_after"] - one["success_after"]) >= WORTH)


def _is_of_rank(row: dict[str, Any]) -> bool:
    return row.get("rank_bound") is not None


def _targets(row: dict[str, Any]) -> set[tuple[str, str]]:
    return {(change["feature"], change["after"]) for change in row["changes"]}


def _todo(row: dict[str, Any] | None, language: str) -> str:
    return "" if row is None else plan_in_words(row["changes"], language)


def _seen(kind: Kind, one: dict[str, Any] | None, other: dict[str, Any] | None) -> tuple[float, float]:
    row = other or one or {}
    measure = "rank" if _is_of_rank(row) else "success"
    if kind == "worth" and one is not None and other is not None:
        return one[f"{measure}_after"], other[f"{measure}_after"]
    return row[f"{measure}_before"], row[f"{measure}_after"]


def _as_change(key: tuple[Any, ...], entries: list[tuple[Any, ...]]) -> AdviceChange:
    kind, seller, _, before, after, is_of_rank = key
    titles, groups, n_targets, *seen = zip(*entries, strict=True)
    shares = tuple(float(np.average(of_groups, weights=n_targets)) for of_groups in seen)
    return AdviceChange(kind, seller, titles[0], tuple(groups), before, after, (shares[0], shares[1]), is_of_rank)
