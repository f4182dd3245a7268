"""Item-to-item weights of a recommender that was fitted elsewhere, read from a file and checked."""

import zipfile
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Array, Column
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.datasets.interpret import cast_ids
from recsys_ops.datasets.table_file import SUFFIXES, read_table
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.storage import is_bad_content, is_missing_file, open_file, storage_errors

MATRIX_SUFFIXES = (".npz", ".npy")
WEIGHT_SUFFIXES = (*MATRIX_SUFFIXES, *SUFFIXES)
"""What files of weights may end in: a SciPy sparse matrix, a NumPy array, or a table of the columns below."""

COLUMNS = ("source_item", "target_item", "weight")

_SHOWN = 3


def read_weights(url: str, item_ids: Array) -> NDArray[Any] | sp.csr_array:
    """Read the weights, row = what an interaction adds, column = the item it adds to.

    Parameters
    ----------
    url : str
        Any fsspec URL, ending in one of ``WEIGHT_SUFFIXES``. Matrices have rows and columns in the order of
        ``item_ids``; a table has one row per pair of items with a weight other than 0.
    item_ids : pyarrow.Array, shape (n_items,)
        Ids of the catalogue in its order.

    Returns
    -------
    ndarray of float32 or float64, or csr_array of float64 with sorted indices, shape (n_items, n_items)
        Dense from a NumPy array, sparse from the other files.

    Raises
    ------
    InputError
        The file is missing, cannot be read, does not belong to the catalogue, or holds weights that are not finite
        or that an item gives to itself.
    """
    file = url.rpartition("/")[2]
    weights = _read_matrix(url, file) if url.endswith(MATRIX_SUFFIXES) else _read_pairs(url, file, item_ids)
    check_weights(weights, file, item_ids)
    return weights


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
        They are not of shape (n_items, n_items), not finite, or an item gives one to itself.
    """
    n_items = len(item_ids)
    if weights.shape != (n_items, n_items):
        raise InputError(
            f"{source}: the weights have shape {weights.shape}, but the catalogue has {n_items} items. Give a row and "
            "a column for each item, in the order of the ids."
        )
    _check_finite(weights, source, item_ids)
    itself = np.flatnonzero(weights.diagonal())
    if len(itself):
        shown = ", ".join(f"item {_id(item_ids, item)} = {weights[item, item]:g}" for item in itself[:_SHOWN])
        raise InputError(
            f"{source}: {len(itself)} items have a weight on themselves (first: {shown}). Set the diagonal to 0: only "
            "other items may recommend an item."
        )


def _read_matrix(url: str, file: str) -> NDArray[Any] | sp.csr_array:
    with storage_errors(url, "reading"):
        try:
            with open_file(url) as stream:
                loaded: Any = sp.load_npz(stream) if url.endswith(".npz") else np.load(stream, allow_pickle=False)
        except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            if is_missing_file(error):
                raise InputError(f"{file}: there is no such file ({url}).") from error
            if isinstance(error, ConfigError) or not is_bad_content(error):
                raise
            raise InputError(
                f"{file}: cannot be read ({' '.join(str(error).split())}). Write it with scipy.sparse.save_npz or "
                "numpy.save."
            ) from error
    if loaded.dtype.kind not in "fiub":
        raise InputError(f"{file}: the weights are {loaded.dtype}, expected numbers.")
    if not isinstance(loaded, np.ndarray):
        return _in_order(sp.csr_array(loaded, dtype=np.float64))
    return loaded if loaded.dtype in (np.float32, np.float64) else loaded.astype(np.float64)


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
