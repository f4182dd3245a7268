"""JSON lines: one object per line, each a row; text stays text."""

from typing import Any

import pyarrow as pa
import pyarrow.json as pa_json

from recsys_ops.storage import open_file

_BLOCK = 2**24
"""Bytes that are parsed at once; no line may be longer."""


def read_json_lines(url: str) -> pa.Table:
    """Read a file of JSON lines, compressed or not.

    Parameters
    ----------
    url : str
        Any fsspec URL.

    Returns
    -------
    pyarrow.Table
        Numbers, booleans, strings and lists as written; a text that looks like a time stays text, as it may be an id
        or a title. What pyarrow and the store raise is passed on.
    """
    found = _read(url, None)
    texts = [pa.field(field.name, kind) for field in found.schema if (kind := _text_of(field.type)) is not None]
    return _read(url, pa.schema(texts)) if texts else found


def _text_of(kind: pa.DataType) -> pa.DataType | None:
    """The type as it was written, where pyarrow has taken text for times."""
    if pa.types.is_temporal(kind):
        return pa.string()
    return pa.list_(pa.string()) if pa.types.is_list(kind) and pa.types.is_temporal(kind.value_type) else None


def _read(url: str, schema: pa.Schema | None) -> pa.Table:
    with open_file(url, compression="infer") as stream:
        source: Any = pa.PythonFile(stream, mode="r")
        reading = pa_json.ReadOptions(block_size=_BLOCK)
        return pa_json.read_json(source, reading, parse_options=pa_json.ParseOptions(explicit_schema=schema))
