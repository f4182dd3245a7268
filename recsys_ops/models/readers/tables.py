"""Vectors of items in a table: ``id, features`` as Spark ALS writes them, ``id, vector`` and ``bias`` as others do."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from recsys_ops.arrow import Array, in_one_chunk
from recsys_ops.arrow import compute as pc
from recsys_ops.errors import InputError
from recsys_ops.models.readers.opened import name_of, read_file
from recsys_ops.storage import open_store

ID, VECTORS, BIAS = "id", ("vector", "features"), "bias"


@dataclass(frozen=True)
class VectorTable:
    """``ids (n,)``, ``vectors (n, d)``, ``bias (n,)`` or None; ``is_spark`` if the vectors are called features."""

    ids: Array
    vectors: NDArray[Any]
    bias: NDArray[np.float64] | None
    is_spark: bool


def read_vectors(url: str) -> VectorTable:
    """Read a Parquet file, or a folder of Parquet files as Spark writes it.

    Parameters
    ----------
    url : str
        Any fsspec URL.

    Returns
    -------
    VectorTable

    Raises
    ------
    InputError
        The file cannot be read, a column is missing, or the vectors differ in length or hold nulls.
    """
    file = name_of(url)
    expected = "a Parquet table of id, vector (or features, as Spark writes it) and perhaps bias"
    parts = _parts(url)
    table = pa.concat_tables(
        [read_file(part, lambda stream: pa_parquet.ParquetFile(stream).read(), expected) for part in parts]
    )
    column = next((name for name in VECTORS if name in table.column_names), None)
    if ID not in table.column_names or column is None:
        raise InputError(f"{file}: expected {expected} (found the columns {', '.join(table.column_names)}).")
    bias = None
    if BIAS in table.column_names:
        bias = pc.fill_null(_number(table.column(BIAS), file), np.nan).to_numpy()
    ids = in_one_chunk(table.column(ID))
    return VectorTable(ids, _matrix(in_one_chunk(table.column(column)), ids, file, column), bias, column == "features")


def _parts(url: str) -> list[str]:
    if url.endswith(".parquet") and not _is_folder(url):
        return [url]
    filesystem, path = open_store(url)
    names = sorted(filesystem.glob(f"{path}/*.parquet")) if _is_folder(url) else []
    if not names:
        raise InputError(
            f"{name_of(url)}: there is no such Parquet file, nor a folder with Parquet files in it ({url})."
        )
    return [f"{url.rstrip('/')}/{name.rpartition('/')[2]}" for name in names]


def _is_folder(url: str) -> bool:
    filesystem, path = open_store(url)
    return bool(filesystem.isdir(path))


def _matrix(column: Array, ids: Array, file: str, name: str) -> NDArray[Any]:
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_kind(column.type) for is_kind in kinds):
        raise InputError(f"{file}: column '{name}' is {column.type}, expected lists of numbers.")
    lengths = pc.fill_null(pc.list_value_length(column), -1).to_numpy()
    if not len(lengths):
        raise InputError(f"{file}: the table has no rows.")
    odd = np.flatnonzero(lengths != lengths[0])
    if len(odd) or lengths[0] < 1:
        row = int(odd[0]) if len(odd) else 0
        raise InputError(
            f"{file}: the lists of column '{name}' differ in length or are empty (first: id {ids[row].as_py()!r} has "
            f"{max(int(lengths[row]), 0)}, the first row {max(int(lengths[0]), 0)}). Write vectors of one length."
        )
    values = _number(pc.list_flatten(column), file)
    flat: NDArray[Any] = pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False)
    return flat.reshape(len(lengths), -1)


def _number(values: Any, file: str) -> Any:
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise InputError(f"{file}: found {values.type} where numbers are expected.")
    return values if values.type in (pa.float32(), pa.float64()) else pc.cast(values, pa.float64())


def has_vectors(url: str) -> bool:
    """Whether a table holds vectors of items; False for other tables, raises InputError as ``read_vectors``."""
    if not url.rstrip("/").endswith(".parquet") and not _is_folder(url):
        return False
    names = read_file(
        _parts(url)[0], lambda stream: pa_parquet.ParquetFile(stream).schema_arrow.names, "a Parquet table"
    )
    return ID in names and any(name in names for name in VECTORS)
