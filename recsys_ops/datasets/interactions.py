"""Interactions as a caller in Python has them: a table of ids, a sparse matrix, or an array.

In a table users and items have ids; in a matrix their positions are the ids. Nothing that is given is ever modified.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Array, in_one_chunk
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.errors import ConfigError, InputError

_COLUMNS = ("user_id", "item_id", "rating")
_SHOWN = 3


@dataclass(frozen=True)
class Interactions:
    """``ratings (n_users, n_items)``, float32 with sorted indices, and the ids of its rows and columns.

    What is stored is an interaction. ``has_ratings`` is False for a table without them, whose interactions count 1.
    """

    ratings: sp.csr_array
    user_ids: Array
    item_ids: Array
    has_ratings: bool = True

    def rating_scale(self, *, ratings: bool, greatest_rating: float | None) -> float:
        """The greatest rating possible.

        Parameters
        ----------
        ratings : bool
            Whether the ratings themselves are used, not only that there are interactions.
        greatest_rating : float or None
            None where it is the greatest one given.

        Raises
        ------
        ConfigError
            A setting would be ignored, or contradicts the data.
        """
        found = float(self.ratings.data.max(initial=0.0))
        if not ratings and greatest_rating is not None:
            raise ConfigError(
                f"greatest_rating={greatest_rating:g} is ignored with ratings=False. Leave it out, or set ratings=True."
            )
        if ratings and not self.has_ratings:
            raise ConfigError("ratings=True: the table has no column 'rating'. Add one, or leave ratings out.")
        if greatest_rating is not None and not found <= greatest_rating < np.inf:
            raise ConfigError(f"greatest_rating={greatest_rating:g}: there is a rating of {found:g}. Use that or more.")
        return found if greatest_rating is None else greatest_rating


def read_interactions(given: Any, *, item_ids: Array | None = None) -> Interactions:
    """Interactions of any kind as one sparse matrix.

    Parameters
    ----------
    given : DataFrame or pyarrow.Table, SciPy sparse array or matrix, or array, shape (n_users, n_items)
        A table has the columns user_id, item_id and, if there are ratings, rating; other columns are not read. In a
        sparse matrix what is stored is an interaction, in an array what is not 0.
    item_ids : pyarrow.Array, shape (n_items,), optional
        Ids of the catalogue in its order; by default those of the table, sorted, or the positions of the matrix.

    Returns
    -------
    Interactions

    Raises
    ------
    InputError
        A column is missing, an id is empty or unknown, a pair is repeated, a rating is NaN, infinite or negative, or
        the matrix does not belong to the items.
    """
    if sp.issparse(given):
        return _from_matrix(sp.csr_array(cast("Any", given), copy=True), item_ids)
    if isinstance(given, pa.Table) or hasattr(given, "columns"):
        return _from_table(_as_arrow(given), item_ids)
    array = np.asarray(given)
    if array.ndim != 2 or not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise InputError(
            f"interactions: expected a table with {', '.join(_COLUMNS[:2])}, or numbers of shape (n_users, n_items) "
            f"(found {array.dtype} of shape {array.shape})."
        )
    return _from_matrix(sp.csr_array(array), item_ids)


def position_of(given: Any, ids: Array, what: str) -> int:
    """Position of the id of a user or an item.

    Parameters
    ----------
    given : int or str
    ids : pyarrow.Array
    what : str
        "user" or "item", for the message.

    Raises
    ------
    InputError
        There is no such id.
    """
    found = -1
    try:
        wanted = pa.array([given])
        if pa.types.is_integer(wanted.type) == pa.types.is_integer(ids.type):
            found = int(positions_of(pc.cast(wanted, ids.type), ids)[0])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        pass
    if found < 0:
        shown = ", ".join(repr(known) for known in ids[:_SHOWN].to_pylist())
        raise InputError(
            f"{what} {given!r}: there is no such {what} (found {len(ids)}, ids of type {ids.type}, first: {shown}). "
            "Use one of these ids."
        )
    return found


def _from_matrix(matrix: sp.csr_array, item_ids: Array | None) -> Interactions:
    """``matrix`` is the caller's data in arrays of its own."""
    n_users, n_items = matrix.shape
    positions = pa.array(np.arange(n_items))
    if item_ids is not None and len(item_ids) != n_items:
        raise InputError(
            f"interactions: the matrix has {n_items} columns, but the model knows {len(item_ids)} items. Give a column "
            "for each item of the model, in its order."
        )
    if item_ids is not None and not item_ids.equals(positions):
        raise InputError(
            f"interactions: a matrix names items by their positions, but the model knows them by ids (first: "
            f"{item_ids[0].as_py()!r}). Give a table with {', '.join(_COLUMNS[:2])}, as the model was fitted on."
        )
    matrix.sum_duplicates()
    values = matrix.data.astype(np.float64)
    bad = np.flatnonzero(_is_bad(values))
    if len(bad):
        user = int(np.searchsorted(matrix.indptr, bad[0], side="right")) - 1
        where = f"row {user}, column {matrix.indices[bad[0]]}"
        raise _bad_ratings(values[bad], where)
    ratings = sp.csr_array((values.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
    return Interactions(ratings, pa.array(np.arange(n_users)), positions)


def _as_arrow(table: Any) -> pa.Table:
    """The columns that are read; others may hold anything."""
    columns = list(table.column_names if isinstance(table, pa.Table) else table.columns)
    present = [name for name in _COLUMNS if name in columns]
    missing = [name for name in _COLUMNS[:2] if name not in present]
    if missing:
        raise InputError(
            f"interactions: column '{missing[0]}' is missing (found {', '.join(map(str, columns))}). Name the "
            f"columns {', '.join(_COLUMNS)}; rating may be left out."
        )
    try:
        chosen: pa.Table = table.select(present) if isinstance(table, pa.Table) else pa.table(table[present])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"interactions: a column has values of several types ({error}). Use one.") from error
    return chosen


def _from_table(table: pa.Table, item_ids: Array | None) -> Interactions:
    users, items = (_ids(table, name) for name in _COLUMNS[:2])
    has_ratings = "rating" in table.column_names
    values = _ratings(table) if has_ratings else np.ones(len(table))
    bad = np.flatnonzero(_is_bad(values))
    if len(bad):
        raise _bad_ratings(values[bad], f"row {bad[0]}")
    user_ids = _sorted(users)
    known = _sorted(items) if item_ids is None else item_ids
    user, item = positions_of(users, user_ids), positions_of(_of_type(items, known.type), known)
    unknown = np.flatnonzero(item < 0)
    if len(unknown):
        raise InputError(
            f"interactions: {len(unknown)} rows are of items that the model does not know (first: row {unknown[0]} = "
            f"{items[int(unknown[0])].as_py()!r}). Leave them out, or fit the model on them."
        )
    pairs = user * len(known) + item
    first = np.unique(pairs, return_index=True)[1]
    if len(first) < len(pairs):
        repeated = np.setdiff1d(np.arange(len(pairs)), first)
        raise InputError(
            f"interactions: {len(repeated)} rows repeat a pair of user and item (first: row {repeated[0]}). Keep one "
            "row per pair."
        )
    ratings = sp.csr_array((values.astype(np.float32), (user, item)), shape=(len(user_ids), len(known)))
    ratings.sort_indices()
    return Interactions(ratings, user_ids, known, has_ratings)


def _ids(table: pa.Table, name: str) -> Array:
    column: Any = in_one_chunk(table.column(name))
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if column.null_count:
        raise InputError(f"interactions: {column.null_count} rows have no {name}. Give each row one.")
    if _is_large(column.type):
        column = pc.cast(column, pa.string())
    if not (pa.types.is_integer(column.type) or pa.types.is_string(column.type)):
        raise InputError(f"interactions: column '{name}' is {column.type}, expected integers or strings.")
    ids: Array = column
    return ids


def _is_large(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _of_type(ids: Array, wanted: pa.DataType) -> Array:
    if pa.types.is_integer(ids.type) != pa.types.is_integer(wanted):
        raise InputError(
            f"interactions: column 'item_id' is {ids.type}, but the items of the model are {wanted}. Use the ids that "
            "the model was fitted on; a model without ids knows items by their positions."
        )
    try:
        cast: Array = pc.cast(ids, wanted)
    except pa.ArrowInvalid as error:
        raise InputError(f"interactions: column 'item_id' has ids that the model does not know ({error}).") from error
    return cast


def _sorted(ids: Array) -> Array:
    distinct = pc.unique(ids)
    ordered: Array = distinct.take(pc.sort_indices(distinct))
    return ordered


def _ratings(table: pa.Table) -> NDArray[np.float64]:
    column = table.column("rating")
    try:
        values: NDArray[np.float64] = pc.fill_null(pc.cast(column, pa.float64()), np.nan).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(f"interactions: column 'rating' is {column.type}, expected a number.") from None
    return values


def _is_bad(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ~np.isfinite(values) | (values < 0)


def _bad_ratings(values: NDArray[np.float64], where: str) -> InputError:
    return InputError(
        f"interactions: {len(values)} ratings are NaN, infinite or negative (first: {where} = {values[0]:g}). Correct "
        "or remove them."
    )
