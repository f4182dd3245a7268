"""How a result table is described: each column with its type and its meaning, from which its Arrow schema is made."""

import base64
from collections.abc import Mapping

import pyarrow as pa

SCHEMA_VERSION = 3
"""Raised whenever a table, a column, or a field of the manifest changes its name, type or meaning; see ``manifest``."""

Columns = Mapping[str, tuple[pa.DataType, str]]
"""The columns of a table in their order: name to type and meaning. The meaning is for people and is not stored."""


def table_schema(columns: Columns) -> pa.Schema:
    """A schema of these columns, each of which may be null."""
    return pa.schema({name: kind for name, (kind, _) in columns.items()})


def schema_text(schema: pa.Schema) -> str:
    """``schema`` as text for JSON: Arrow's own serialisation in base 64."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def parse_schema(text: str) -> pa.Schema:
    """Inverse of ``schema_text``."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
