"""pyarrow as the type checker should see it: its stubs know neither every overload nor what columns hold."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute

compute: Any = pyarrow.compute

if TYPE_CHECKING:
    Array: TypeAlias = pa.Array[Any]
    ChunkedArray: TypeAlias = pa.ChunkedArray[Any]
else:  # pyarrow's classes take no parameters at run time
    Array, ChunkedArray = pa.Array, pa.ChunkedArray
Column: TypeAlias = Array | ChunkedArray


def table_of(columns: Mapping[str, Any], schema: pa.Schema | None = None) -> pa.Table:
    """A table from arrays of any kind: Arrow, numpy or lists.

    Parameters
    ----------
    columns : mapping of str to array
        All of one length.
    schema : pyarrow.Schema, optional
        Types, where they should not follow the arrays.

    Returns
    -------
    pyarrow.Table
    """
    whole: Any = dict(columns)
    return pa.table(whole, schema=schema)


def in_one_chunk(column: ChunkedArray) -> Array:
    """A table's column as one array.

    Parameters
    ----------
    column : ChunkedArray
        Any.

    Returns
    -------
    Array
    """
    whole: Any = column.combine_chunks()
    array: Any = whole.chunk(0) if hasattr(whole, "chunk") else whole
    return cast("Array", array)
