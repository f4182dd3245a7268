"""The tables of the recourse job, row by row as the contract has them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.features.changes import Change
from recsys_ops.recourse.solve import Recourse
from recsys_ops.tables import frontier_schema, recourse_schema


def recourse_table(
    items: pa.Table,
    outcomes: Sequence[Recourse],
    groups: Sequence[str],
    rank_before: NDArray[np.float64],
    method: str,
) -> pa.Table:
    """One row per case and option; measures are null where there is nothing to measure.

    Parameters
    ----------
    items : pyarrow.Table
        item_id, seller_id and title of all items.
    outcomes : sequence of Recourse
    groups : sequence of str
        Label of each row's group.
    rank_before : ndarray, shape (n_rows,)
        Mean rank of the item in the group, NaN where no user may be shown it.
    method : str
        That found them.
    """
    named = _named(items, outcomes)
    rows = [
        {
            **ids,
            "group": group,
            "option": outcome.option,
            "status": str(outcome.status),
            "reason": outcome.reason,
            "since": outcome.since,
            "n_targets": outcome.n_targets,
            "rank_before": outcome.rank_before if np.isnan(rank) else float(rank),
            "success_before": outcome.success_before,
            "success_after": outcome.success_after,
            "acting": outcome.acting,
            **_for_new_users(outcome),
            "by_group": _by_group(outcome),
            "rank_after": outcome.rank_after,
            "rank_bound": outcome.rank_bound,
            "success_if_others_act": None,
            "others_before": None,
            "others_after": None,
            "success_unthresholded": outcome.success_unthresholded,
            "success_any_change": outcome.success_any_change,
            "success_bound": outcome.success_bound,
            "changes": _as_dicts(outcome),
            "n_changes": None if outcome.features is None else len(outcome.changes),
            "share_changed": outcome.share_changed,
            "cost": outcome.cost,
            "l1": outcome.l1,
            "rbo": outcome.rbo,
            "lower_bound": outcome.lower_bound,
            "gap": outcome.gap,
            "sparsity": outcome.sparsity,
            "proximity": outcome.proximity,
            "method": method,
        }
        for ids, outcome, group, rank in zip(named, outcomes, groups, rank_before, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=recourse_schema(*_id_types(items)))


def frontier_table(items: pa.Table, outcomes: Sequence[Recourse], groups: Sequence[str]) -> pa.Table:
    """One row per case and number of changes; the path of the search stands beside option 0, whichever came first."""
    rows = [
        {
            "item_id": ids["item_id"],
            "seller_id": ids["seller_id"],
            "group": group,
            "option": 0,
            "n_changes": point.n_changes,
            "success": point.success,
            "rank": point.rank,
            "text": point.text,
        }
        for ids, outcome, group in zip(_named(items, outcomes), outcomes, groups, strict=True)
        for point in outcome.frontier
    ]
    return pa.Table.from_pylist(rows, schema=frontier_schema(*_id_types(items)))


def _named(items: pa.Table, outcomes: Sequence[Recourse]) -> list[dict[str, Any]]:
    positions = pa.array([outcome.item for outcome in outcomes], pa.int64())
    named: list[dict[str, Any]] = items.select(["item_id", "seller_id", "title"]).take(positions).to_pylist()
    return named


def _id_types(items: pa.Table) -> tuple[pa.DataType, pa.DataType]:
    return items.schema.field("item_id").type, items.schema.field("seller_id").type


def _for_new_users(outcome: Recourse) -> dict[str, float | None]:
    found = outcome.new_users
    return {
        "success_new_users": None if found is None else found.success,
        "new_users_lower": None if found is None else found.lower,
        "new_users_upper": None if found is None else found.upper,
    }


def _by_group(outcome: Recourse) -> list[dict[str, Any]] | None:
    if outcome.of_groups is None:
        return None
    return [
        {"group": one.label, "n_targets": one.n_targets, "success_before": one.before, "success_after": one.after}
        for one in outcome.of_groups
    ]


def _as_dicts(outcome: Recourse) -> list[dict[str, Any]] | None:
    if outcome.features is None:
        return None
    return [_as_dict(change, outcome.features) for change in outcome.changes]


def _as_dict(change: Change, features: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "feature": change.feature,
        "before": change.before,
        "after": change.after,
        "text": change.text,
        "support": change.support,
        "column": change.column,
        "encoded": float(features[change.column]),
    }
