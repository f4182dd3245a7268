"""Item-to-item weights of a recommender that was fitted elsewhere, read from a file and checked."""

from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Array, Column
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.datasets.interpret import cast_ids
from recsys_ops.datasets.table_file import read_table
from recsys_ops.errors import InputError
from recsys_ops.models.readers.catalogue import Catalogue, rows_of_items
from recsys_ops.models.readers.numpy_files import Arrays, sparse_matrix

COLUMNS = ("source_item", "target_item", "weight")

_SHOWN = 3


def weights_of_items(
    matrix: NDArray[Any], source: str, item_ids: Array, model_ids: Array | None = None
) -> NDArray[Any]:
    """A square matrix as weights, row = what an interaction adds, column = the item it adds to.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    source : str
        Where it comes from, for messages.
    item_ids : pyarrow.Array, shape (n_items,)
        Ids of the catalogue in its order.
    model_ids : pyarrow.Array, shape (n,), optional
        Ids of rows and columns; those of the catalogue without.

    Returns
    -------
    ndarray of float32 or float64, shape (n_items, n_items)

    Raises
    ------
    InputError
        They are no numbers, do not belong to the catalogue, or are not finite.
    """
    if matrix.dtype.kind not in "fiub":
        raise InputError(f"{source}: the weights are {matrix.dtype}, expected numbers.")
    weights = matrix if matrix.dtype in (np.float32, np.float64) else matrix.astype(np.float64)
    if model_ids is not None:
        rows = _rows_of_all(weights.shape, source, item_ids, model_ids)
        weights = weights[np.ix_(rows, rows)]
    check_weights(weights, source, item_ids)
    return weights


def read_sparse_weights(arrays: Arrays, source: str, item_ids: Array, model_ids: Array | None = None) -> sp.csr_array:
    """The arrays of a sparse matrix as weights, those of implicit's item-item models too; as ``weights_of_items``."""
    try:
        weights = sparse_matrix(arrays)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise InputError(
            f"{source}: cannot be read, expected a sparse matrix written with scipy.sparse.save_npz. Write it again."
        ) from error
    if model_ids is not None:
        rows = _rows_of_all(weights.shape, source, item_ids, model_ids)
        weights = sp.csr_array(weights[rows][:, rows])
        weights.sort_indices()
    check_weights(weights, source, item_ids)
    return weights


def _rows_of_all(shape: tuple[int, ...], source: str, item_ids: Array, model_ids: Array) -> NDArray[np.int64]:
    rows = rows_of_items(shape, Catalogue(item_ids, -1, model_ids), source, "a row and a column for each item")
    unknown = np.flatnonzero(rows < 0)
    if len(unknown) or shape[0] != shape[1]:
        raise InputError(
            f"{source}: expected a row and a column for each item (found shape {shape}, and {len(unknown)} items of "
            f"the catalogue without{f', first {_id(item_ids, unknown[0])}' if len(unknown) else ''})."
        )
    return rows


def check_weights(weights: NDArray[Any] | sp.csr_array, source: str, item_ids: Array) -> None:
    """Refuse weights that are not those of a catalogue.

    Parameters
    ----------
    weights : ndarray or csr_array
    source : str
        Where they come from, for messages.
    item_ids : pyarrow.Array, shape (n_items,)

    Raises
    ------
    InputError
        They are not of shape (n_items, n_items), or not finite.
    """
    n_items = len(item_ids)
    if weights.shape != (n_items, n_items):
        raise InputError(
            f"{source}: the weights have shape {weights.shape}, but the catalogue has {n_items} items. Give a row and "
            "a column for each item, in the order of the ids."
        )
    _check_finite(weights, source, item_ids)


def read_pairs(url: str, file: str, item_ids: Array) -> sp.csr_array:
    """Weights from a table with a row per pair of items with a weight other than 0.

    Parameters
    ----------
    url : str
        Any fsspec URL of a table of source_item, target_item and weight.
    file : str
        Its name for messages.
    item_ids : pyarrow.Array, shape (n_items,)

    Returns
    -------
    csr_array of float64 with sorted indices, shape (n_items, n_items)

    Raises
    ------
    InputError
        The file is missing, cannot be read, does not belong to the catalogue, or holds weights that are not finite.
    """
    weights = _read_pairs(url, file, item_ids)
    check_weights(weights, file, item_ids)
    return weights


def _read_pairs(url: str, file: str, item_ids: Array) -> sp.csr_array:
    table = read_table(url, file, kinds=dict(zip(COLUMNS, ("id", "id", "number"), strict=True)))
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(
            f"{file}: column '{missing[0]}' is missing (found {', '.join(table.column_names)}). Weights in a table "
            f"have the columns {', '.join(COLUMNS)}."
        )
    source, target = (_positions(table.column(name), item_ids, name, file) for name in COLUMNS[:2])
    weight = table.column("weight")
    if not (pa.types.is_integer(weight.type) or pa.types.is_floating(weight.type)):
        raise InputError(f"{file}: column 'weight' is {weight.type}, expected a number.")
    values = pc.fill_null(pc.cast(weight, pa.float64()), np.nan).to_numpy()
    n_items = len(item_ids)
    pairs, counts = np.unique(source * n_items + target, return_counts=True)
    if len(pairs) < len(source):
        first = pairs[counts > 1][0]
        raise InputError(
            f"{file}: {len(source) - len(pairs)} rows repeat a pair of items (first: {_id(item_ids, first // n_items)} "
            f"to {_id(item_ids, first % n_items)}). Keep one row per pair."
        )
    return _in_order(sp.csr_array((values, (source, target)), shape=(n_items, n_items)))


def _positions(column: Column, item_ids: Array, name: str, file: str) -> NDArray[np.int64]:
    try:
        positions = positions_of(cast_ids(column, item_ids.type), item_ids)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{file}: column '{name}' is {column.type}, but the ids of the catalogue are {item_ids.type}. Write the "
            "same ids."
        ) from error
    rows = np.flatnonzero(positions < 0)
    if len(rows):
        shown = ", ".join(f"row {row} = {column[int(row)].as_py()!r}" for row in rows[:_SHOWN])
        raise InputError(
            f"{file}: column '{name}' has {len(rows)} values that are no item of the catalogue (first: {shown}). "
            "Leave them out."
        )
    return positions


def _check_finite(weights: NDArray[Any] | sp.csr_array, source: str, item_ids: Array) -> None:
    values = weights.data if isinstance(weights, sp.csr_array) else weights
    # The extremes are nan or infinite if any value is, and need no memory.
    if values.size == 0 or np.isfinite([values.min(), values.max()]).all():
        return
    if isinstance(weights, sp.csr_array):
        places = np.stack(sp.coo_array(weights).coords)[:, ~np.isfinite(values)]
    else:
        places = np.stack(np.nonzero(~np.isfinite(values)))
    pairs = places[:, :_SHOWN].T
    shown = ", ".join(f"{_id(item_ids, source)} to {_id(item_ids, target)}" for source, target in pairs)
    raise InputError(f"{source}: {places.shape[1]} weights are NaN or infinite (first: {shown}). Correct them.")


def _in_order(weights: sp.csr_array) -> sp.csr_array:
    weights.sum_duplicates()
    return weights


def _id(item_ids: Array, position: int) -> str:
    return repr(item_ids[int(position)].as_py())
