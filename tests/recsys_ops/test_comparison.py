"""What changed between two tables, against the obvious comparison of dictionaries."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_ops.comparison import compare_tables
from recsys_ops.errors import InputError

SCHEMA = pa.schema(
    {
        "item_id": pa.int64(),
        "group": pa.string(),
        "status": pa.string(),
        "success": pa.float64(),
        "changes": pa.list_(pa.struct([pa.field("text", pa.string())])),
    }
)
VALUES = st.tuples(
    st.sampled_from(["optimal", "feasible", None]),
    st.sampled_from([0.0, 0.5, None]),
    st.sampled_from([None, [], [{"text": "add"}]]),
)
ROWS = st.dictionaries(st.tuples(st.integers(0, 3), st.sampled_from("ab")), VALUES, max_size=8)
Rows = dict[tuple[int, str], tuple[object, ...]]


def table_of(rows: Rows) -> pa.Table:
    named = [dict(zip(SCHEMA.names, (*key, *values), strict=True)) for key, values in rows.items()]
    return pa.Table.from_pylist(named, schema=SCHEMA)


@given(ROWS, ROWS)
def test_rows_added_removed_and_changed_are_those_of_the_dictionaries(before: Rows, after: Rows) -> None:
    expected = {key: ("added", None) for key in after.keys() - before.keys()}
    expected |= {key: ("removed", None) for key in before.keys() - after.keys()}
    for key in before.keys() & after.keys():
        names = [
            name for name, one, other in zip(SCHEMA.names[2:], before[key], after[key], strict=True) if one != other
        ]
        if names:
            expected[key] = ("changed", names)
    found = compare_tables(table_of(before), table_of(after), ("item_id", "group")).to_pylist()
    assert {(row["item_id"], row["group"]): (row["change"], row["columns"]) for row in found} == expected
    keys_before, keys_after = list(before), list(after)
    for row in found:
        key = (row["item_id"], row["group"])
        assert row["before_row"] == (keys_before.index(key) if key in before else None)
        assert row["after_row"] == (keys_after.index(key) if key in after else None)
    positions = [row["after_row"] for row in found if row["after_row"] is not None]
    assert positions == sorted(positions)


def test_ids_of_another_type_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="column 'item_id' is int64 in the first run and string in the second"):
        compare_tables(pa.table({"item_id": [1]}), pa.table({"item_id": ["1"]}), ("item_id",))
