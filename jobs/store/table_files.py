"""Tables as files and back: the same table gives the same bytes, whoever writes it."""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.store.records import TableFormat
from recsys_ops.arrow import compute as pc

MOST_CHARACTERS = 64
"""Longer texts are cut in the statistics, where they are bounds and not values."""

Statistics = dict[str, dict[str, Any]]
"""By column: ``nulls``, and for numbers, texts, times and booleans ``min`` and ``max`` of what is not null."""


def table_bytes(table: pa.Table, format: TableFormat) -> bytes:
    """``table`` as a Parquet or Arrow IPC file; equal tables give equal bytes, however they are chunked.

    In Parquet every column, ids above all, is dictionary-encoded until its dictionary would exceed 8 MB.
    """
    table = table.combine_chunks()
    sink = pa.BufferOutputStream()
    if format == "parquet":
        pq.write_table(
            table, sink, compression="zstd", compression_level=3, row_group_size=128 * 1024,
            use_dictionary=True, dictionary_pagesize_limit=8 * 1024**2,
        )  # fmt: skip
    else:
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        with pa.ipc.new_file(sink, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=64 * 1024)
    return sink.getvalue().to_pybytes()


def read_table_bytes(data: bytes, format: TableFormat, schema: pa.Schema) -> pa.Table:
    """Inverse of ``table_bytes``; Parquet renames what is inside lists, ``schema`` names it back."""
    source = pa.BufferReader(data)
    if format == "arrow":
        return pa.ipc.open_file(source).read_all().cast(schema)
    # For thousands of small files: ParquetFile is faster than read_table, and their pages are not worth a thread.
    return pq.ParquetFile(source).read(use_threads=False).cast(schema)


def column_statistics(table: pa.Table) -> Statistics:
    """Statistics of every column."""
    return {name: _of_column(table.column(name)) for name in table.column_names}


def merged_statistics(parts: Sequence[Mapping[str, Mapping[str, Any]]]) -> Statistics:
    """Statistics of a table from those of its parts."""
    merged: Statistics = {}
    for name in parts[0] if parts else ():
        columns = [part[name] for part in parts]
        merged[name] = {"nulls": sum(column["nulls"] for column in columns)}
        for bound, choose in (("min", min), ("max", max)):
            values = [column[bound] for column in columns if column.get(bound) is not None]
            if any(bound in column for column in columns):
                merged[name][bound] = choose(values) if values else None
    return merged


def _of_column(column: Any) -> dict[str, Any]:
    kind = column.type
    statistics: dict[str, Any] = {"nulls": column.null_count}
    if pa.types.is_primitive(kind) or pa.types.is_string(kind):
        bounds = pc.min_max(column).as_py()
        statistics["min"], statistics["max"] = _plain(bounds["min"], ""), _plain(bounds["max"], "\U0010ffff")
    return statistics


def _plain(value: Any, end: str) -> Any:
    """A bound as JSON has it."""
    if isinstance(value, str) and len(value) > MOST_CHARACTERS:
        return value[:MOST_CHARACTERS] + end
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, date) else value
