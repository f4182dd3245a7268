"""Do the input tables keep the contract? Stop with one message that says where not, or set the bad rows aside.

Whole tables are checked at once (no Python loop over rows), so tens of millions of interactions take seconds.
Rows are 0-based data rows of the file: the header of a CSV file is not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import compute as pc
from recsys_ops.arrow import in_one_chunk, table_of
from recsys_ops.datasets.checked import QUARANTINE, CheckedRows, check_id, check_null, check_numbers, codes_of, repeats
from recsys_ops.datasets.checked import OnBadRows as OnBadRows
from recsys_ops.datasets.columns import normalise
from recsys_ops.datasets.dataset import Values, positions_of
from recsys_ops.datasets.problems import Problems
from recsys_ops.datasets.repeats import Duplicates, merge_repeats
from recsys_ops.datasets.times import TIMESTAMP, Period, is_within, microseconds
from recsys_ops.errors import InputError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.tables import INTERACTIONS, ITEMS, USERS, TableContract, rejected_schema

ALL_TIME = Period()

_WORTH: Mapping[Values, str] = {"ratings": "rating", "weights": "weight"}
"""The column that says what an interaction is worth, where one does."""


@dataclass(frozen=True)
class Clean:
    """Tables that keep the contract, and the rows that did not (with ``rejected_schema``).

    ``interactions`` has one row per user and item: user_id, item_id and rating, which is what ``values`` says, within
    ``rating_range``.
    """

    interactions: pa.Table
    items: pa.Table
    users: pa.Table | None
    rejected: pa.Table
    values: Values
    rating_range: tuple[float, float]


def validate(
    interactions: pa.Table | None,
    items: pa.Table | None,
    users: pa.Table | None,
    *,
    sources: Mapping[str, str],
    rating_range: tuple[float, float] | None,
    rules: Sequence[FeatureRule],
    on_bad_rows: OnBadRows = "stop",
    duplicates: Duplicates | None = None,
    period: Period = ALL_TIME,
    names: Mapping[str, Mapping[str, str]] | None = None,
    found: Sequence[str] = (),
) -> Clean:
    """Check the three tables against the contract.

    Parameters
    ----------
    interactions, items, users : pyarrow.Table
        With the contract's column names; users may be None: then those who rated are the users. The others are None
        only if they could not be read.
    sources : mapping of str to str
        File name of each table for messages, keys "interactions", "items", "users".
    rating_range : tuple of float or None
        Least and greatest rating allowed; None for interactions without ratings. Those count 1, or what the column
        ``weight`` says.
    rules : sequence of FeatureRule
        Whose columns ``items`` must have.
    on_bad_rows : "stop" or "quarantine"
        Stop with all kinds of bad rows, or set all bad rows aside. Of duplicates the first row is kept; the
        interactions of an item or user set aside are set aside too.
    duplicates : "first", "last", "sum", "max" or "count", optional
        What becomes of several interactions of a user and an item, first and last by ``timestamp`` where there is one.
        By default ratings must not repeat, weights are summed, and interactions without either count once.
    period : Period
        Interactions outside of it are left out, and are no bad rows.
    names : mapping, optional
        Of each table the file's own name for columns of the contract, for messages.
    found : sequence of str
        Problems that reading found; they are said together with those found here.

    Returns
    -------
    Clean

    Raises
    ------
    InputError
        A column is missing or of the wrong type, a table is empty, rows are bad and ``on_bad_rows`` is "stop", or
        no interaction is of the period.

    Notes
    -----
    Time O(n log n) in the interactions, for the search for duplicates. Missing feature values are no error.
    """

    problems = Problems(list(found))

    def checked(name: str, table: pa.Table | None, contract: TableContract) -> CheckedRows | None:
        rows: CheckedRows | None = None
        if table is None:
            return rows
        with problems.noted():
            own = (names or {}).get(name, {})
            whole = normalise(table, contract, sources[name], rules if name == "items" else (), own)
            rows = CheckedRows(name, sources[name], whole, on_bad_rows, problems.found, own)
        return rows

    values: Values = "ones"
    if interactions is not None:
        with problems.noted():
            values = values_of(interactions, rating_range, sources["interactions"])
    item_rows, user_rows = checked("items", items, ITEMS), checked("users", users, USERS)
    rating_rows = checked("interactions", interactions, _contract_of(values))
    if item_rows is not None:
        _check_items(item_rows, rules)
    if user_rows is not None:
        _check_ids(user_rows, "user_id")
    if rating_rows is not None:
        with problems.noted():
            rating_rows.holds &= is_within(rating_rows.table, period, rating_rows.source)
        _check_values(rating_rows, values, rating_range)
        for column, known in (("item_id", item_rows), ("user_id", user_rows)):
            if known is not None:
                with problems.noted():
                    _check_known(rating_rows, column, known)
        if values == "ratings" and duplicates is None:
            _check_pairs(rating_rows)
    problems.stop()
    assert item_rows is not None  # else there is a problem
    assert rating_rows is not None
    tables = [rows for rows in (item_rows, user_rows, rating_rows) if rows is not None]
    rejected = [part for rows in tables for part in rows.rejected]
    merged = _one_per_pair(rating_rows.kept(), values, duplicates, sources["interactions"])
    if values == "ones" and duplicates in ("sum", "count"):
        values = "weights"
    return Clean(
        merged,
        item_rows.kept(),
        None if user_rows is None else user_rows.kept(),
        pa.concat_tables([rejected_schema().empty_table(), *rejected]),
        values,
        _range_of(merged, values) if rating_range is None else rating_range,
    )


def values_of(interactions: pa.Table, rating_range: tuple[float, float] | None, source: str) -> Values:
    """What the interactions of a data set are worth, by the columns that are there.

    Raises
    ------
    InputError
        There are ratings without a range or a range without ratings, or ratings and weights.
    """
    has_rating, has_weight = ("rating" in interactions.column_names, "weight" in interactions.column_names)
    if rating_range is not None:
        if not has_rating:
            raise InputError(
                f"{source}: column 'rating' is missing (found {', '.join(interactions.column_names)}), and "
                "there is a rating_range. Name the column that holds it under tables.interactions.columns in "
                "features.yaml, or leave rating_range out: then every interaction counts 1, or its weight."
            )
        return "ratings"
    if has_rating and not has_weight:
        raise InputError(
            f"{source}: there are ratings, but features.yaml has no rating_range. Give the least and the greatest "
            "rating possible; if the column is a count or another quantity without a scale, name it weight under "
            "tables.interactions.columns."
        )
    return "weights" if has_weight else "ones"


def _contract_of(values: Values) -> TableContract:
    """Columns that are not used may hold anything."""
    read = {name: kind for name, kind in INTERACTIONS.optional.items() if name in (_WORTH.get(values), TIMESTAMP)}
    return replace(INTERACTIONS, optional=read)


def _range_of(interactions: pa.Table, values: Values) -> tuple[float, float]:
    greatest = pc.max(interactions.column("rating")).as_py()
    return (0.0, 1.0 if values == "ones" else float(greatest))


def _one_per_pair(kept: pa.Table, values: Values, duplicates: Duplicates | None, source: str) -> pa.Table:
    """The interactions with what they are worth as ``rating``, one per user and item."""
    worth = _WORTH.get(values)
    rating = pa.array(np.ones(kept.num_rows)) if worth is None else kept.column(worth)
    table = table_of({name: kept.column(name) for name in ("user_id", "item_id")} | {"rating": rating})
    if values == "ratings" and duplicates is None:
        return table
    how = duplicates or ("sum" if values == "weights" else "first")
    is_by_time = how in ("first", "last") and TIMESTAMP in kept.column_names
    return merge_repeats(table, how, microseconds(kept, source) if is_by_time else None)


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


def _check_items(rows: CheckedRows, rules: Sequence[FeatureRule]) -> None:
    _check_ids(rows, "item_id")
    check_id(rows, "seller_id", f"Name the seller of each item, or {QUARANTINE}.")
    check_null(rows, "title", f"Give each item a title, or {QUARANTINE}.")
    check_numbers(rows, rules, f"Correct them, leave them empty, or {QUARANTINE}.")


def _check_ids(rows: CheckedRows, column: str) -> None:
    check_id(rows, column, f"Give each row an id, or {QUARANTINE}.")
    ids = rows.table.column(column)
    if pc.count_distinct(ids, mode="only_valid").as_py() == len(ids) - ids.null_count:
        return
    is_repeated = repeats(codes_of(ids), rows.holds)
    rows.reject(is_repeated, column, "that an earlier row has", f"Keep one row per {column}, or {QUARANTINE}.")


def _check_values(rows: CheckedRows, values: Values, rating_range: tuple[float, float] | None) -> None:
    for column in ("user_id", "item_id"):
        check_id(rows, column, f"Give each row a {column}, or {QUARANTINE}.")
    if values == "ones":
        return
    column = _WORTH[values]
    correct = f"Correct them, or {QUARANTINE}."
    check_null(rows, column, correct)
    found = pc.fill_null(rows.table.column(column), 0.0).to_numpy()
    rows.reject(~np.isfinite(found), column, "of NaN or infinity", correct)
    if rating_range is None:
        rows.reject(found < 0, column, "below 0", correct)
        return
    least, greatest = rating_range
    is_outside = (found < least) | (found > greatest)
    remedy = f"Correct them, set rating_range, or {QUARANTINE}."
    rows.reject(is_outside, "rating", f"outside [{least:g}, {greatest:g}]", remedy)


def _check_known(rows: CheckedRows, column: str, known: CheckedRows) -> None:
    """Reject interactions of ids that are not there; where bad rows stop the check, theirs are said already."""
    rows.table = _with_id_type(rows, known, column)
    ids = in_one_chunk((known.table if rows.on_bad_rows == "stop" else known.kept()).column(column))
    is_unknown = positions_of(rows.table.column(column), ids) < 0
    remedy = f"Add them to {known.source}, remove these rows, or {QUARANTINE}."
    rows.reject(is_unknown, column, f"that {known.source} does not have", remedy)


def _check_pairs(rows: CheckedRows) -> None:
    codes = [codes_of(rows.table.column(column)) for column in ("user_id", "item_id")]
    pairs = codes[0] * (int(codes[1].max(initial=0)) + 1) + codes[1]
    remedy = f"Keep one rating per user and item, or {QUARANTINE}."
    rows.reject(repeats(pairs, rows.holds), "item_id", "rated before by the same user", remedy, shown="user_id")
