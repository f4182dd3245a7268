"""Which row of a model belongs to which item: ids, orientation, and users mistaken for items."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import Array, in_one_chunk
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.datasets.interpret import cast_ids
from recsys_ops.datasets.table_file import SUFFIXES, SUFFIXES_IN_WORDS, read_table
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.readers.numpy_files import read_npy
from recsys_ops.models.readers.opened import name_of

LEAST_KNOWN = 0.5
"""Part of the smaller of two vocabularies that must be in the other, for the two to be of one world."""


@dataclass(frozen=True)
class Catalogue:
    """``item_ids`` in the order of positions, the number of users, and the model's own ids if a file names them."""

    item_ids: Array
    n_users: int
    model_ids: Array | None = None

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)


def read_ids(url: str) -> Array:
    """Ids of a model's rows: a ``.npy`` file, or a table with the column item_id (or id) or one column only.

    Raises
    ------
    InputError
        The file cannot be read, or holds no such column.
    ConfigError
        It is of another kind.
    """
    file = name_of(url)
    if url.endswith(".npy"):
        array = read_npy(url)
        if array.ndim != 1 or array.dtype.kind not in "iuU":
            raise InputError(f"{file}: expected one id per row (found {array.dtype} of shape {array.shape}).")
        ids: Array = pa.array(array.tolist() if array.dtype.kind == "U" else array)
        return ids
    if not url.endswith(SUFFIXES):
        raise ConfigError(f"--model-ids {url}: expected a file that ends in one of .npy, {SUFFIXES_IN_WORDS}.")
    table = read_table(url, file, kinds={"item_id": "id", "id": "id"})
    names = [name for name in ("item_id", "id") if name in table.column_names] or table.column_names[:2]
    if len(names) != 1:
        raise InputError(f"{file}: expected the column item_id (found {', '.join(table.column_names)}).")
    return in_one_chunk(table.column(names[0]))


def rows_of_items(shape: tuple[int, ...], catalogue: Catalogue, source: str, expected: str) -> NDArray[np.int64]:
    """The row of a model's matrix that belongs to each item of the catalogue.

    Parameters
    ----------
    shape : tuple of int
        Of the matrix.
    catalogue : Catalogue
        With the ids of the rows, or without, where rows are in the order of the catalogue.
    source, expected : str
        Where the matrix comes from and what it should be, for messages.

    Returns
    -------
    ndarray, shape (n_items,)
        -1 for items that the model does not know.

    Raises
    ------
    InputError
        The matrix is transposed, of users, or of other items.
    """
    n_items = catalogue.n_items
    n_rows = shape[0] if len(shape) == 2 else -1
    wanted = n_items if catalogue.model_ids is None else len(catalogue.model_ids)
    if n_rows == wanted:
        if catalogue.model_ids is not None:
            return _rows_by_id(catalogue.model_ids, catalogue, source)
        if n_items == catalogue.n_users:
            raise InputError(
                f"{source}: has a row for each of {n_items} items, or for each of as many users: the shape cannot "
                "tell. Say which items they are with --model-ids."
            )
        return np.arange(n_items)
    whose = f"the catalogue has {n_items} items" if catalogue.model_ids is None else f"there are {wanted} model ids"
    hint = "Bring the items of the model into the order of the catalogue, or name them with --model-ids."
    if len(shape) == 2 and shape[1] == wanted:
        hint = "It looks transposed: write its transpose."
    elif n_rows == catalogue.n_users:
        hint = f"There are {catalogue.n_users} users: these look like user vectors. Write those of the items."
    raise InputError(f"{source}: expected {expected}, and {whose} (found shape {shape}). {hint}")


def _rows_by_id(model_ids: Array, catalogue: Catalogue, source: str) -> NDArray[np.int64]:
    try:
        ids: Any = cast_ids(model_ids, catalogue.item_ids.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _other_world(model_ids, catalogue, source, 0) from error
    positions = positions_of(ids, catalogue.item_ids)
    known = positions >= 0
    if known.sum() < LEAST_KNOWN * min(len(positions), catalogue.n_items) or not known.any():
        raise _other_world(model_ids, catalogue, source, int(known.sum()))
    unique, counts = np.unique(positions[known], return_counts=True)
    if len(unique) < known.sum():
        twice = catalogue.item_ids[int(unique[counts > 1][0])].as_py()
        raise InputError(
            f"{source}: {int(known.sum()) - len(unique)} ids are repeated (first: {twice!r}). Keep one row each."
        )
    rows = np.full(catalogue.n_items, -1, dtype=np.int64)
    rows[positions[known]] = np.flatnonzero(known)
    return rows


def _other_world(model_ids: Array, catalogue: Catalogue, source: str, n_known: int) -> InputError:
    theirs, ours = (", ".join(map(repr, ids[:3].to_pylist())) for ids in (model_ids, catalogue.item_ids))
    return InputError(
        f"{source}: only {n_known} of {len(model_ids)} ids of the model are items of the catalogue (model: {theirs}; "
        f"catalogue: {ours}). Use the model that was fitted on these items, or the ids of the catalogue."
    )
