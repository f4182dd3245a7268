"""Statistics of columns, which merge as the tables do."""

import json
from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from jobs.store.table_files import column_statistics, merged_statistics, read_table_bytes, table_bytes

ROWS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(-5, 5)), st.one_of(st.none(), st.text(max_size=70))), max_size=12
)
SCHEMA = pa.schema({"n": pa.int64(), "text": pa.string(), "list": pa.list_(pa.int64())})


def table_of(rows: list[tuple[int | None, str | None]]) -> pa.Table:
    return pa.Table.from_pylist([{"n": n, "text": text, "list": [n]} for n, text in rows], schema=SCHEMA)


@given(ROWS, ROWS)
def test_statistics_of_two_parts_merge_to_those_of_the_whole(
    one: list[tuple[int | None, str | None]], other: list[tuple[int | None, str | None]]
) -> None:
    merged = merged_statistics([column_statistics(table_of(one)), column_statistics(table_of(other))])
    assert merged == column_statistics(table_of(one + other))


@given(ROWS)
def test_statistics_are_bounds_and_counts(rows: list[tuple[int | None, str | None]]) -> None:
    found = column_statistics(table_of(rows))
    numbers = [n for n, _ in rows if n is not None]
    texts = [text for _, text in rows if text is not None]
    assert found["n"] == {
        "nulls": len(rows) - len(numbers), "min": min(numbers, default=None), "max": max(numbers, default=None)
    }  # fmt: skip
    assert found["list"] == {"nulls": 0}
    assert all(found["text"]["min"] <= text <= found["text"]["max"] for text in texts)
    assert all(len(found["text"][bound] or "") <= 65 for bound in ("min", "max"))


def test_statistics_of_times_truths_and_infinities_are_json() -> None:
    table = pa.table(
        {
            "time": pa.array([datetime(2026, 11, 21, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
            "truth": [True],
            "infinite": [float("inf")],
        }
    )
    found = json.loads(json.dumps(column_statistics(table), allow_nan=False))
    assert found["time"]["min"] == "2026-11-21T00:00:00+00:00"
    assert found["truth"] == {"nulls": 0, "min": True, "max": True}
    assert found["infinite"] == {"nulls": 0, "min": None, "max": None}


def test_tables_come_back_as_they_went() -> None:
    table = table_of([(1, "a"), (None, None)])
    for format in ("parquet", "arrow"):
        assert read_table_bytes(table_bytes(table, format), format, table.schema).equals(table)
