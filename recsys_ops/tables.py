"""The data contract: what the input tables must have, and the Arrow schemas of the tables that come out.

Ids come back in the type they came in, so result schemas are functions of the id types. In result tables every
number may be null: a case that failed keeps its row and has a status and a reason instead.
"""

import base64
from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 2
"""Raised whenever a column, or a field of the manifest, changes its name, type or meaning; see ``recsys_ops.runs``."""


@dataclass(frozen=True)
class TableContract:
    """What one input table must have: each required column and what may stand in it (id, number, or string)."""

    name: str
    columns: dict[str, str]
    is_in_mapping: bool = True
    """Whether features.yaml can say where it is and what its columns are called."""


INTERACTIONS = TableContract("interactions", {"user_id": "id", "item_id": "id", "rating": "number"})
"""One row per user and item; further columns (a timestamp) are not read."""

ITEMS = TableContract("items", {"item_id": "id", "seller_id": "id", "title": "string"})
"""One row per item, with the feature columns that the rules name."""

USERS = TableContract("users", {"user_id": "id"})
"""One row per user; every other column can form groups."""

FEEDBACK = TableContract(
    "feedback",
    {"case_id": "string", "person_id": "id", "accept": "number", "act": "number", "impossible_features": "tags"},
    is_in_mapping=False,
)
"""One row per recourse shown and person: two ratings 1..7, and the features that the person cannot change."""

CHANGE = pa.struct(
    [
        pa.field("feature", pa.string()),
        pa.field("before", pa.string()),
        pa.field("after", pa.string()),
        pa.field("text", pa.string()),
    ]
)
"""One change of a recourse, in the provider's words."""

_STATUS_COUNT = pa.struct([pa.field("status", pa.string()), pa.field("cases", pa.int64())])
_NAMED_VALUE = pa.struct([pa.field("name", pa.string()), pa.field("value", pa.string())])


def schema_text(schema: pa.Schema) -> str:
    """``schema`` as text for JSON: Arrow's own serialisation in base 64."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def parse_schema(text: str) -> pa.Schema:
    """Inverse of ``schema_text``."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def table_schema(columns: dict[str, pa.DataType]) -> pa.Schema:
    """A schema of these columns, each of which may be null."""
    return pa.schema(columns)


RUNS = table_schema(
    {
        "run_id": pa.string(),
        "job": pa.string(),
        "started": pa.timestamp("us", tz="UTC"),
        "seconds": pa.float64(),
        "cases": pa.int64(),
        "counts": pa.list_(_STATUS_COUNT),
        "versions": pa.list_(_NAMED_VALUE),
        "fingerprints": pa.list_(_NAMED_VALUE),
        "peak_memory_bytes": pa.int64(),
        "committed": pa.timestamp("us", tz="UTC"),
        "shard_seconds": pa.float64(),
        "parts": pa.int64(),
        "shard_retries": pa.int64(),
        "solver_timeouts": pa.int64(),
    }
)
"""One row per job and run; ``parts`` of all its tables, ``shard_seconds`` of work in all workers together."""


def rejected_schema() -> pa.Schema:
    """Schema of the rows that ``--on-bad-rows quarantine`` set aside.

    Returns
    -------
    pyarrow.Schema
        ``row`` is the 0-based data row in the file (a CSV header is not counted); ``value`` is what stood there.
    """
    return table_schema(
        {
            "table": pa.string(),
            "row": pa.int64(),
            "column": pa.string(),
            "value": pa.string(),
            "reason": pa.string(),
        }
    )


def recourse_schema(item_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``recourse`` table: one row per item, group and option.

    Parameters
    ----------
    item_id, seller_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
        ``option`` counts from 0, the one to show first. ``rank_before`` is the mean over the group; the ``success_*``
        are shares of its users in [0, 1], where ``success_bound`` is what no change within the limits can exceed.
        ``sparsity`` is the number of features changed, ``proximity`` the sum of the changes, each by the range of its
        feature; ``method`` is "recrec" or "examples", whose bounds are over real items: those that the group sees,
        and all where none of them serves. A row with a ``reason`` does
        not do what was asked, whatever its changes; its ``gap`` is ``success_bound`` less ``success_after``, that of
        another row the changes above ``lower_bound``, relative to all.
    """
    return table_schema(
        {
            "item_id": item_id,
            "seller_id": seller_id,
            "title": pa.string(),
            "group": pa.string(),
            "option": pa.int32(),
            "status": pa.string(),
            "reason": pa.string(),
            "n_targets": pa.int32(),
            "rank_before": pa.float64(),
            "success_before": pa.float64(),
            "success_after": pa.float64(),
            "success_unthresholded": pa.float64(),
            "success_bound": pa.float64(),
            "changes": pa.list_(CHANGE),
            "n_changes": pa.int32(),
            "share_changed": pa.float64(),
            "cost": pa.float64(),
            "l1": pa.float64(),
            "rbo": pa.float64(),
            "lower_bound": pa.int32(),
            "gap": pa.float64(),
            "sparsity": pa.int32(),
            "proximity": pa.float64(),
            "method": pa.string(),
        }
    )


def frontier_schema(item_id: pa.DataType, seller_id: pa.DataType) -> pa.Schema:
    """Schema of the ``frontier`` table: what so many changes reach, one row per number of changes.

    Parameters
    ----------
    item_id, seller_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
        ``text`` says which changes these are, each made in full; the recourse makes them no larger than needed. There
        is one path for each case, that of the search, and its ``option`` is 0; of several options none need lie on it.
    """
    return table_schema(
        {
            "item_id": item_id,
            "seller_id": seller_id,
            "group": pa.string(),
            "option": pa.int32(),
            "n_changes": pa.int32(),
            "success": pa.float64(),
            "text": pa.string(),
        }
    )


def counterfactuals_schema(user_id: pa.DataType, item_id: pa.DataType, *, ratings: bool) -> pa.Schema:
    """Schema of the ``counterfactuals`` table: one row per user, recommended item and option.

    Parameters
    ----------
    user_id, item_id : pyarrow.DataType
        Types of the ids in the input.
    ratings : bool
        Histories of ratings: ``removed`` says how many stars go, too.

    Returns
    -------
    pyarrow.Schema
        ``distance`` is the weighted sum of what is removed, in interactions, or in stars over the greatest rating;
        ``objective`` is that less alpha times the log-likelihood where it is optimised, ``bound`` a proven lower bound
        on the objective, ``gap`` their relative difference. ``rank_after`` is that of the recommender on what is left;
        both log-likelihoods are exact.
    """
    removal: pa.DataType = pa.struct([pa.field("item_id", item_id), pa.field("stars", pa.float64())])
    return table_schema(
        {
            "user_id": user_id,
            "item_id": item_id,
            "title": pa.string(),
            "k": pa.int32(),
            "option": pa.int32(),
            "status": pa.string(),
            "reason": pa.string(),
            "rank_before": pa.int32(),
            "rank_after": pa.int32(),
            "removed": pa.list_(removal if ratings else item_id),
            "n_removed": pa.int32(),
            "distance": pa.float64(),
            "objective": pa.float64(),
            "bound": pa.float64(),
            "gap": pa.float64(),
            "log_likelihood_before": pa.float64(),
            "log_likelihood_after": pa.float64(),
            "method": pa.string(),
        }
    )


def case_timings_schema(user_id: pa.DataType, item_id: pa.DataType) -> pa.Schema:
    """Schema of the ``timings`` beside ``counterfactuals``: what depends on the clock, same rows, same order.

    Parameters
    ----------
    user_id, item_id : pyarrow.DataType
        Types of the ids in the input.

    Returns
    -------
    pyarrow.Schema
        ``seconds`` of the search and ``nodes`` of the solver's tree.
    """
    return table_schema(
        {
            "user_id": user_id,
            "item_id": item_id,
            "option": pa.int32(),
            "seconds": pa.float64(),
            "nodes": pa.int64(),
        }
    )
