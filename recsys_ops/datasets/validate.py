"""Do the input tables keep the contract? Stop with one message that says where not, or set the bad rows aside.

Whole tables are checked at once (no Python loop over rows), so tens of millions of interactions take seconds.
Rows are 0-based data rows of the file: the header of a CSV file is not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import compute as pc
from recsys_ops.arrow import in_one_chunk
from recsys_ops.datasets.checked import QUARANTINE, CheckedRows, check_null, check_numbers, codes_of, repeats
from recsys_ops.datasets.checked import OnBadRows as OnBadRows
from recsys_ops.datasets.columns import normalise
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.errors import InputError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.tables import INTERACTIONS, ITEMS, USERS, rejected_schema


@dataclass(frozen=True)
class Clean:
    """Tables that keep the contract, and the rows that did not (with ``rejected_schema``)."""

    interactions: pa.Table
    items: pa.Table
    users: pa.Table | None
    rejected: pa.Table


def validate(
    interactions: pa.Table,
    items: pa.Table,
    users: pa.Table | None,
    *,
    sources: Mapping[str, str],
    rating_range: tuple[float, float],
    rules: Sequence[FeatureRule],
    on_bad_rows: OnBadRows = "stop",
) -> Clean:
    """Check the three tables against the contract.

    Parameters
    ----------
    interactions, items, users : pyarrow.Table
        With the contract's column names; users may be None: then those who rated are the users.
    sources : mapping of str to str
        File name of each table for messages, keys "interactions", "items", "users".
    rating_range : tuple of float
        Least and greatest rating allowed.
    rules : sequence of FeatureRule
        Whose columns ``items`` must have.
    on_bad_rows : "stop" or "quarantine"
        Stop at the first kind of bad rows, or set all bad rows aside. Of duplicates the first row is kept; the
        interactions of an item or user set aside are set aside too.

    Returns
    -------
    Clean

    Raises
    ------
    InputError
        A column is missing or of the wrong type, a table is empty, or rows are bad and ``on_bad_rows`` is "stop".

    Notes
    -----
    Time O(n log n) in the interactions, for the search for duplicates. Missing feature values are no error.
    """

    def checked(name: str, table: pa.Table) -> CheckedRows:
        return CheckedRows(name, sources[name], table, on_bad_rows)

    item_rows = checked("items", normalise(items, ITEMS, sources["items"], rules))
    rating_rows = checked("interactions", normalise(interactions, INTERACTIONS, sources["interactions"]))
    user_rows = None if users is None else checked("users", normalise(users, USERS, sources["users"]))
    rating_rows.table = _with_id_type(rating_rows, item_rows, "item_id")
    _check_ids(item_rows, "item_id")
    check_null(item_rows, "seller_id", f"Name the seller of each item, or {QUARANTINE}.")
    check_null(item_rows, "title", f"Give each item a title, or {QUARANTINE}.")
    check_numbers(item_rows, rules, f"Correct them, leave them empty, or {QUARANTINE}.")
    clean_items = item_rows.kept()
    clean_users = None
    if user_rows is not None:
        rating_rows.table = _with_id_type(rating_rows, user_rows, "user_id")
        _check_ids(user_rows, "user_id")
        clean_users = user_rows.kept()
    _check_ratings(rating_rows, rating_range)
    _check_known(rating_rows, "item_id", clean_items, sources["items"])
    if clean_users is not None:
        _check_known(rating_rows, "user_id", clean_users, sources["users"])
    _check_pairs(rating_rows)
    tables = [rows for rows in (item_rows, user_rows, rating_rows) if rows is not None]
    rejected = [part for rows in tables for part in rows.rejected]
    return Clean(
        rating_rows.kept(), clean_items, clean_users, pa.concat_tables([rejected_schema().empty_table(), *rejected])
    )


def _with_id_type(ratings: CheckedRows, known: CheckedRows, column: str) -> pa.Table:
    """The interactions with their ids in the type of the table that defines them."""
    found, expected = ratings.table.schema.field(column).type, known.table.schema.field(column).type
    if found == expected:
        return ratings.table
    if pa.types.is_integer(found) and pa.types.is_integer(expected):
        try:
            cast = pc.cast(ratings.table.column(column), expected)
            return ratings.table.set_column(ratings.table.schema.get_field_index(column), column, cast)
        except pa.ArrowInvalid:  # an id that the other type cannot hold
            pass
    raise InputError(
        f"{ratings.source}: column '{column}' is {found}, but in {known.source} it is {expected}. "
        "Write the ids of both in the same type."
    )


def _check_ids(rows: CheckedRows, column: str) -> None:
    check_null(rows, column, f"Give each row an id, or {QUARANTINE}.")
    ids = rows.table.column(column)
    if pc.count_distinct(ids, mode="only_valid").as_py() == len(ids) - ids.null_count:
        return
    is_repeated = repeats(codes_of(ids), rows.holds)
    rows.reject(is_repeated, column, "that an earlier row has", f"Keep one row per {column}, or {QUARANTINE}.")


def _check_ratings(rows: CheckedRows, rating_range: tuple[float, float]) -> None:
    least, greatest = rating_range
    for column in ("user_id", "item_id"):
        check_null(rows, column, f"Give each row a {column}, or {QUARANTINE}.")
    correct = f"Correct them, or {QUARANTINE}."
    check_null(rows, "rating", correct)
    values = pc.fill_null(rows.table.column("rating"), least).to_numpy()
    rows.reject(~np.isfinite(values), "rating", "of NaN or infinity", correct)
    is_outside = (values < least) | (values > greatest)
    remedy = f"Correct them, set rating_range, or {QUARANTINE}."
    rows.reject(is_outside, "rating", f"outside [{least:g}, {greatest:g}]", remedy)


def _check_known(rows: CheckedRows, column: str, known: pa.Table, source: str) -> None:
    ids = in_one_chunk(known.column(column))
    is_unknown = positions_of(rows.table.column(column), ids) < 0
    remedy = f"Add them to {source}, remove these rows, or {QUARANTINE}."
    rows.reject(is_unknown, column, f"that {source} does not have", remedy)


def _check_pairs(rows: CheckedRows) -> None:
    codes = [codes_of(rows.table.column(column)) for column in ("user_id", "item_id")]
    pairs = codes[0] * (int(codes[1].max(initial=0)) + 1) + codes[1]
    remedy = f"Keep one rating per user and item, or {QUARANTINE}."
    rows.reject(repeats(pairs, rows.holds), "item_id", "rated before by the same user", remedy, shown="user_id")
