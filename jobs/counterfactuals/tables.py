"""The tables of the counterfactuals job, row by row as the contract has them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import ChunkedArray
from recsys_ops.counterfactuals.histories import Histories
from recsys_ops.counterfactuals.question import last_rank_before
from recsys_ops.counterfactuals.sentences import SpokenLanguage, explanation_sentence, lowered_sentence
from recsys_ops.counterfactuals.settings import Settings
from recsys_ops.counterfactuals.solve import Explanation
from recsys_ops.tables import case_timings_schema, counterfactuals_schema

Row = tuple[int, Explanation]
"""Position of the user, and one option of one of the user's cases."""


def result_tables(
    users: pa.Table,
    items: pa.Table,
    histories: Histories,
    settings: Settings,
    rows: Sequence[Row],
    *,
    verb: str = "rated",
    language: SpokenLanguage = "en",
) -> dict[str, pa.Table]:
    """``counterfactuals``, and ``timings`` with the same rows in the same order.

    Parameters
    ----------
    users : pyarrow.Table
        user_id of all users.
    items : pyarrow.Table
        item_id and title of all items.
    histories : Histories
    settings : Settings
        Of the length of the list, or of the drop.
    rows : sequence of (int, Explanation)
    verb : str
        What users did with the items of their histories.
    language : "en" or "de"
        Of the column text.
    """
    types = users.schema.field("user_id").type, items.schema.field("item_id").type
    user_ids = users.column("user_id").take(pa.array([user for user, _ in rows], pa.int64())).to_pylist()
    named = items.take(pa.array([explanation.item for _, explanation in rows], pa.int64())).to_pylist()
    removed = _removed(items.column("item_id"), histories, rows)
    titles = _removed(items.column("title"), histories, rows)
    after_each = _lists_after(items.column("item_id"), rows)
    results, timings = [], []
    spoken: dict[str, Any] = {"language": language} if histories.is_rated else {"language": language, "verb": verb}
    for user_id, item, parts, names, after, (_, found) in zip(
        user_ids, named, removed, titles, after_each, rows, strict=True
    ):
        k = _k(settings, found)
        case = {"user_id": user_id, "item_id": item["item_id"], "option": found.option}
        results.append(
            case
            | {
                "title": item["title"],
                "k": k,
                "status": str(found.status),
                "reason": found.reason,
                "rank_before": found.rank_before,
                "rank_after": found.rank_after,
                "removed": None if found.distance is None else parts,
                "n_removed": None if found.distance is None else found.n_removed,
                "distance": found.distance,
                "objective": found.objective,
                "bound": found.bound,
                "gap": found.gap,
                "log_likelihood_before": found.log_likelihood_before,
                "log_likelihood_after": found.log_likelihood_after,
                "percentile_before": found.percentile_before,
                "percentile_after": found.percentile_after,
                "method": found.method,
                "list_after": after,
                "text": _text(item["title"], names, found, k, lowered=histories.is_rated, spoken=spoken),
            }
        )
        timings.append(case | {"seconds": found.effort.seconds, "nodes": found.effort.nodes})
    return {
        "counterfactuals": pa.Table.from_pylist(
            results, schema=counterfactuals_schema(*types, ratings=histories.is_rated)
        ),
        "timings": pa.Table.from_pylist(timings, schema=case_timings_schema(*types)),
    }


def _k(settings: Settings, found: Explanation) -> int | None:
    """The k of the case: that of the list, or with a drop the last rank that is not low enough."""
    if settings.drop is None:
        return settings.k
    return None if found.rank_before is None else last_rank_before(found.rank_before, settings.drop)


def _text(
    title: str, names: list[Any], found: Explanation, k: int | None, *, lowered: bool, spoken: dict[str, Any]
) -> str | None:
    if found.distance is None or not names or found.rank_before is None or found.rank_after is None or k is None:
        return None
    ranks = found.rank_before, found.rank_after
    if lowered:
        return lowered_sentence(title, [(name["item_id"], name["stars"]) for name in names], ranks, k, **spoken)
    return explanation_sentence(title, names, ranks, k, **spoken)


def _lists_after(item_ids: ChunkedArray, rows: Sequence[Row]) -> list[list[Any] | None]:
    """Ids of the lists without what is removed, None where none is stored."""
    lists = [found.list_after for _, found in rows]
    return [None if one is None else item_ids.take(pa.array(one, pa.int64())).to_pylist() for one in lists]


def _removed(named: ChunkedArray, histories: Histories, rows: Sequence[Row]) -> list[list[Any]]:
    """What each explanation takes away: ids or titles of items, with ratings also how many stars."""
    flat = np.concatenate([np.array([], dtype=np.int64), *(found.removed for _, found in rows)])
    ids = iter(named.take(pa.array(flat, pa.int64())).to_pylist())
    parts: list[list[Any]] = []
    for _, found in rows:
        if histories.is_rated:
            parts.append([{"item_id": next(ids), "stars": float(taken * histories.step)} for taken in found.taken])
        else:
            parts.append([next(ids) for _ in found.taken])
    return parts
