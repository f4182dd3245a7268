"""Every kind of bad input is named by file, column, count and rows, or set aside."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recsys_ops.datasets.columns import normalise
from recsys_ops.datasets.validate import Clean, OnBadRows, validate
from recsys_ops.errors import InputError
from recsys_ops.features.rules import FeatureRule
from recsys_ops.tables import ITEMS

RULES = (FeatureRule(column="description", kind="text"), FeatureRule(column="price", kind="number"))
SOURCES = {"interactions": "interactions.parquet", "items": "items.parquet", "users": "users.parquet"}
Tables = dict[str, pa.Table]


def check(tables: Tables, on_bad_rows: OnBadRows = "stop") -> Clean:
    return validate(
        tables["interactions"],
        tables["items"],
        tables.get("users"),
        sources=SOURCES,
        rating_range=(1, 5),
        rules=RULES,
        on_bad_rows=on_bad_rows,
    )


def with_cells(table: pa.Table, column: str, cells: dict[int, Any], kind: pa.DataType | None = None) -> pa.Table:
    values = table.column(column).to_pylist()
    for row, value in cells.items():
        values[row] = value
    position = table.schema.get_field_index(column)
    return table.set_column(position, column, pa.array(values, kind or table.schema.field(column).type))


def test_tables_that_keep_the_contract_pass_unchanged(tables: Tables) -> None:
    clean = check(tables)
    assert clean.interactions.equals(tables["interactions"])
    assert clean.items.num_rows == 3
    assert clean.rejected.num_rows == 0


def test_ratings_outside_the_range_are_named_by_row_and_value(tables: Tables) -> None:
    tables["interactions"] = with_cells(tables["interactions"], "rating", {0: 0.0, 1: 9.0, 2: -1.0, 4: 5.5})
    with pytest.raises(InputError) as caught:
        check(tables)
    assert str(caught.value) == (
        "interactions.parquet: column 'rating' has 4 values outside [1, 5] (first: row 0 = 0, row 1 = 9, row 2 = -1). "
        "Correct them, set rating_range, or pass --on-bad-rows quarantine."
    )


ROW_PROBLEMS = [
    (
        "interactions",
        "rating",
        {1: float("nan")},
        r"column 'rating' has 1 value of NaN or infinity \(first: row 1 = nan\)",
    ),
    (
        "interactions",
        "rating",
        {1: float("inf"), 3: -float("inf")},
        r"2 values of NaN or infinity \(first: row 1 = inf",
    ),
    ("interactions", "rating", {1: None}, r"'rating' has 1 value missing \(first: row 1 = null\)"),
    ("interactions", "rating", {3: 6.0}, r"'rating' has 1 value outside \[1, 5\] \(first: row 3 = 6\)"),
    ("interactions", "user_id", {0: None}, r"'user_id' has 1 value missing"),
    ("interactions", "item_id", {2: None}, r"'item_id' has 1 value missing"),
    (
        "interactions",
        "item_id",
        {2: "zebra"},
        r"'item_id' has 1 value that items.parquet does not have \(first: row 2 = zebra",
    ),
    ("interactions", "user_id", {3: 77}, r"'user_id' has 1 value that users.parquet does not have \(first: row 3 = 77"),
    ("interactions", "item_id", {4: "b"}, r"'item_id' has 1 value rated before by the same user \(first: row 4 = 9, b"),
    (
        "items",
        "item_id",
        {2: "c"},
        r"items.parquet: column 'item_id' has 1 value that an earlier row has \(first: row 2 = c",
    ),
    ("items", "item_id", {0: None}, r"items.parquet: column 'item_id' has 1 value missing"),
    ("items", "seller_id", {1: None}, r"'seller_id' has 1 value missing .* Name the seller of each item"),
    ("items", "price", {0: float("inf")}, r"'price' has 1 value of infinity \(first: row 0 = inf\)\. Correct them"),
    ("items", "price", {2: -1e301}, r"'price' has 1 value beyond 1e\+100 \(first: row 2 = -1e\+301"),
    ("items", "title", {1: None}, r"'title' has 1 value missing .* Give each item a title"),
    (
        "users",
        "user_id",
        {1: 2},
        r"users.parquet: column 'user_id' has 1 value that an earlier row has \(first: row 1 = 2",
    ),
    ("users", "user_id", {1: None}, r"users.parquet: column 'user_id' has 1 value missing"),
]


@pytest.mark.parametrize(("table", "column", "cells", "message"), ROW_PROBLEMS)
def test_bad_rows_stop_with_their_number_and_value(
    tables: Tables, table: str, column: str, cells: dict[int, Any], message: str
) -> None:
    tables[table] = with_cells(tables[table], column, cells)
    with pytest.raises(InputError, match=message):
        check(tables)


@pytest.mark.parametrize(("table", "column", "cells", "message"), ROW_PROBLEMS)
def test_quarantine_sets_bad_rows_aside_and_keeps_the_contract(
    tables: Tables, table: str, column: str, cells: dict[int, Any], message: str
) -> None:
    tables[table] = with_cells(tables[table], column, cells)
    clean = check(tables, "quarantine")
    rejected = clean.rejected.filter(pa.array([name == table for name in clean.rejected.column("table").to_pylist()]))
    assert rejected.column("row").to_pylist() == sorted(cells)
    assert set(rejected.column("column").to_pylist()) == {column}
    kept = {"interactions": clean.interactions, "items": clean.items, "users": clean.users}
    again = check({name: part for name, part in kept.items() if part is not None})
    assert again.rejected.num_rows == 0
    assert again.interactions.num_rows == clean.interactions.num_rows


def test_the_interactions_of_a_quarantined_item_are_rejected_too(tables: Tables) -> None:
    tables["items"] = with_cells(tables["items"], "seller_id", {1: None})
    clean = check(tables, "quarantine")
    assert clean.interactions.column("item_id").to_pylist() == ["b", "c"]
    assert clean.rejected.column("row").to_pylist() == [1, 1, 3, 4]
    assert clean.rejected.column("value").to_pylist() == ["null", "a", "a", "a"]


def test_of_duplicates_the_first_row_is_kept(tables: Tables) -> None:
    first = tables["interactions"]
    tables["interactions"] = pa.concat_tables([first, first])
    clean = check(tables, "quarantine")
    assert clean.interactions.equals(first)
    assert clean.rejected.column("row").to_pylist() == [5, 6, 7, 8, 9]


def test_a_duplicate_of_a_rejected_row_is_kept(tables: Tables) -> None:
    tables["interactions"] = pa.table({"user_id": [2, 2], "item_id": ["a", "a"], "rating": [9.0, 4.0]})
    assert check(tables, "quarantine").interactions.column("rating").to_pylist() == [4.0]


def test_a_table_of_bad_rows_only_stops_even_in_quarantine(tables: Tables) -> None:
    tables["interactions"] = with_cells(tables["interactions"], "rating", dict.fromkeys(range(5), 9.0))
    with pytest.raises(InputError, match=r"interactions.parquet: every row was rejected \(5 of 5\)"):
        check(tables, "quarantine")


@pytest.mark.parametrize("table", ["interactions", "items", "users"])
@pytest.mark.parametrize("on_bad_rows", ["stop", "quarantine"])
def test_an_empty_table_stops(tables: Tables, table: str, on_bad_rows: OnBadRows) -> None:
    tables[table] = tables[table].slice(0, 0)
    with pytest.raises(InputError, match=f"{table}.parquet: the table has no rows"):
        check(tables, on_bad_rows)


@pytest.mark.parametrize(
    ("table", "column"),
    [("interactions", "rating"), ("items", "seller_id"), ("items", "title"), ("items", "price"), ("users", "user_id")],
)
def test_a_missing_column_is_named_with_those_found_and_the_mapping(tables: Tables, table: str, column: str) -> None:
    tables[table] = tables[table].drop_columns([column])
    remedy = "features in" if column == "price" else f"tables.{table}.columns in"
    hint = rf"{table}.parquet: column '{column}' is missing \(found .*{remedy} features.yaml"
    with pytest.raises(InputError, match=hint):
        check(tables, "quarantine")


@pytest.mark.parametrize(
    ("table", "column", "values", "message"),
    [
        (
            "interactions",
            "rating",
            ["1", "x", "3", "4", "y"],
            r"'rating' is string, expected a number \(2 of 5 values are not",
        ),
        ("interactions", "rating", ["1", "2", "3", "4", "5"], r"\(numbers written as strings\)"),
        ("interactions", "rating", [True] * 5, r"'rating' is bool, expected a number"),
        ("interactions", "item_id", [1.0, 2.0, 3.0, 4.0, 5.0], r"'item_id' is double, expected integers or strings"),
        ("interactions", "item_id", [1, 2, 3, 4, 5], r"'item_id' is int64, but in items.parquet it is string"),
        ("items", "seller_id", [0.5, 1.5, 2.5], r"items.parquet: column 'seller_id' is double"),
        (
            "items",
            "price",
            ["1", "2", "cheap"],
            r"'price' is string, expected a number \(1 of 3 values .*row 2 = 'cheap'",
        ),
        ("items", "description", [1, 2, 3], r"'description' is int64, expected a string"),
        ("items", "description", [{"a": 1}] * 3, r"'description' is struct<a: int64>, expected a string"),
    ],
)
def test_a_column_of_the_wrong_type_stops(
    tables: Tables, table: str, column: str, values: list[Any], message: str
) -> None:
    position = tables[table].schema.get_field_index(column)
    tables[table] = tables[table].set_column(position, column, pa.array(values))
    with pytest.raises(InputError, match=message):
        check(tables, "quarantine")


def test_a_column_that_nobody_names_is_kept_out_of_the_way(tables: Tables) -> None:
    huge = pa.array([2**63, 2**63 + 1, None], pa.uint64())
    odd = {"hash": huge, "photo": pa.array([b"x"] * 3), "deep": pa.array([[[1]]] * 3)}
    for name, values in odd.items():
        tables["items"] = tables["items"].append_column(name, values)
    clean = check(tables)
    assert clean.items.column("hash").to_pylist() == huge.to_pylist()
    assert not {"photo", "deep"} & set(clean.items.column_names)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pa.array([2**53 + 1, 5, 2**53], pa.int64()), 2**53 + 1),
        (pa.array([2**64 - 1, 0, 2**63], pa.uint64()), 2**64 - 1),
    ],
)
def test_integers_that_no_double_holds_are_refused_as_a_number(tables: Tables, values: Any, shown: int) -> None:
    position = tables["items"].schema.get_field_index("price")
    tables["items"] = tables["items"].set_column(position, "price", values)
    message = rf"'price' has 1 integers that no floating-point number holds \(first: row 0 = {shown}\)"
    with pytest.raises(InputError, match=message):
        check(tables)


def test_great_integers_that_a_double_holds_are_numbers(tables: Tables) -> None:
    position = tables["items"].schema.get_field_index("price")
    tables["items"] = tables["items"].set_column(position, "price", pa.array([2**60, None, -(2**62)], pa.int64()))
    assert check(tables).items.column("price").to_pylist() == [2.0**60, None, -(2.0**62)]


def _with_tags(values: list[Any]) -> list[Any]:
    rules = [FeatureRule(column="tags", kind="tags", separator=";")]
    table = pa.table({"item_id": range(len(values)), "seller_id": ["s"] * len(values), "title": ["t"] * len(values)})
    found: list[Any] = normalise(table.append_column("tags", pa.array(values)), ITEMS, "a", rules)["tags"].to_pylist()
    return found


def test_a_json_list_becomes_its_tags() -> None:
    values = ['["vegan", "gift; big"]', "[]", None, "b;a", '["x", null, 7]', "[new]"]
    assert _with_tags(values) == [["vegan", "gift; big"], [], None, ["a", "b"], ["x", "7"], ["[new]"]]


def test_tags_without_a_json_list_stay_as_they_are() -> None:
    assert _with_tags(["a;b", "[new]", None]) == ["a;b", "[new]", None]


@pytest.mark.parametrize("cell", ["['vegan', 'gift']", '["vegan" "gift"]', '["vegan", ["gift"]]'])
def test_a_list_of_tags_in_another_notation_is_refused(cell: str) -> None:
    with pytest.raises(InputError, match=r"^a: column 'tags' has 1 lists of tags that are not JSON \(first: row 1 = "):
        _with_tags(["x", cell])


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_every_string_type_becomes_plain_string(tables: Tables, kind: pa.DataType) -> None:
    items = tables["items"]
    for name in ("item_id", "title", "description"):
        values = items.column(name).combine_chunks()
        cast = values.dictionary_encode() if pa.types.is_dictionary(kind) else values.cast(kind)
        items = items.set_column(items.schema.get_field_index(name), name, cast)
    clean = check(tables | {"items": items})
    assert clean.items.equals(check(tables).items)


def test_integer_ids_of_two_widths_match_and_keep_the_type_of_the_items(tables: Tables) -> None:
    items = tables["items"].set_column(0, "item_id", pa.array([3, 1, 2], pa.int32()))
    interactions = tables["interactions"].set_column(1, "item_id", pa.array([2, 1, 3, 1, 1], pa.int64()))
    clean = check(tables | {"items": items, "interactions": interactions})
    assert clean.items.schema.field("item_id").type == clean.interactions.schema.field("item_id").type == pa.int32()


def test_missing_feature_values_and_extra_columns_are_no_error(tables: Tables) -> None:
    tables["items"] = with_cells(tables["items"], "description", {0: None}).append_column(
        "photo", pa.array([b"x", b"y", b"z"])
    )
    clean = check(tables)
    assert "photo" not in clean.items.column_names
    assert clean.items.column("description").null_count == 1


def test_duplicates_are_found_among_a_million_ratings() -> None:
    rng = np.random.default_rng(5)
    pairs = rng.choice(3_000 * 1_000, 1_000_000, replace=False)
    pairs[-1] = pairs[17]
    tables = {
        "interactions": pa.table(
            {"user_id": pairs // 1_000, "item_id": pairs % 1_000, "rating": rng.integers(1, 6, len(pairs))}
        ),
        "items": pa.table(
            {
                "item_id": np.arange(1_000),
                "seller_id": np.arange(1_000),
                "title": ["t"] * 1_000,
                "description": ["d"] * 1_000,
                "price": np.ones(1_000),
            }
        ),
    }
    with pytest.raises(InputError, match=r"'item_id' has 1 value rated before .*row 999999 = "):
        check(tables)
