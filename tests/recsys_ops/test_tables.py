"""The schemas of the data contract."""

import pyarrow as pa
import pytest

from recsys_ops import tables

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
