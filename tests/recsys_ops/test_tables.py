"""The schemas of the data contract."""

import inspect
import re

import pyarrow as pa
import pytest

from recsys_ops import tables

NO_RESULT = ("parse_schema", "table_schema")
"""Functions of the package that are about any schema."""

FIXED_RECOURSE_COLUMNS = [
    "item_id",
    "seller_id",
    "group",
    "option",
    "status",
    "reason",
    "n_targets",
    "rank_before",
    "success_before",
    "success_after",
    "changes",
    "n_changes",
    "share_changed",
    "l1",
    "rbo",
    "lower_bound",
    "gap",
]


@pytest.mark.parametrize("id_type", [pa.int64(), pa.int32(), pa.string()])
def test_ids_come_back_in_the_type_of_the_input(id_type: pa.DataType) -> None:
    for schema in (tables.recourse_schema(id_type, pa.string()), tables.frontier_schema(id_type, pa.string())):
        assert schema.field("item_id").type == id_type
        assert schema.field("seller_id").type == pa.string()


def test_the_recourse_table_has_every_column_that_keeps_its_name() -> None:
    names = tables.recourse_schema(pa.int64(), pa.int64()).names
    assert [name for name in names if name in FIXED_RECOURSE_COLUMNS] == FIXED_RECOURSE_COLUMNS
    assert names[:3] == ["item_id", "seller_id", "title"]


def test_a_failed_case_fits_the_recourse_table_with_nulls_for_numbers() -> None:
    schema = tables.recourse_schema(pa.int64(), pa.int64())
    row = {"item_id": 1, "seller_id": 2, "title": "t", "group": "g", "option": 0, "status": "error", "reason": "r"}
    table = pa.Table.from_pylist([row], schema=schema)
    table.validate(full=True)
    assert table.column("success_after").null_count == 1


def test_a_row_of_runs_holds_counts_and_versions() -> None:
    row = {
        "run_id": "a",
        "counts": [{"status": "optimal", "cases": 3}],
        "versions": [{"name": "numpy", "value": "2"}],
        "fingerprints": [],
    }
    assert pa.Table.from_pylist([row], schema=tables.RUNS).to_pylist()[0]["counts"] == row["counts"]


def result_schemas() -> list[pa.Schema]:
    """Every result schema that the package offers, with ids of type null."""
    offered = {name: getattr(tables, name) for name in tables.__all__}
    makers = [make for name, make in offered.items() if name.endswith("_schema") and name not in NO_RESULT]
    made = [make(**dict.fromkeys(inspect.signature(make).parameters, pa.null())) for make in makers]
    return [*(value for value in offered.values() if isinstance(value, pa.Schema)), *made]


def test_every_result_schema_is_described_column_by_column() -> None:
    described = [list(columns) for columns in tables.describe_tables().values()]
    assert len(result_schemas()) == len(described)
    for schema in result_schemas():
        assert schema.names in described


@pytest.mark.parametrize("table", tables.describe_tables())
def test_every_column_has_a_type_and_a_meaning_of_one_line(table: str) -> None:
    for column, (kind, meaning) in tables.describe_tables()[table].items():
        assert kind, column
        assert re.fullmatch(r"\S[^\n]*[.\d]", meaning), column


def test_every_result_table_says_what_a_row_is() -> None:
    assert tables.describe_rows().keys() == tables.describe_tables().keys()
    assert all(row.endswith(".") for row in tables.describe_rows().values())


def test_a_described_id_has_the_type_of_the_input() -> None:
    described = tables.describe_tables()
    assert described["recourse"]["item_id"] == ("id", "The item, as in the input.")
    assert described["counterfactuals"]["removed"][0] == "list<item: id>"
    assert described["runs"]["seconds"][0] == "double"


def test_descriptions_are_not_stored() -> None:
    assert tables.RUNS.metadata is None
    assert all(field.metadata is None for field in tables.recourse_schema(pa.int64(), pa.string()))
