"""All users' histories in the units that an explanation takes away: interactions, or steps of the rating scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Column
from recsys_ops.datasets.dataset import Dataset, positions_of
from recsys_ops.datasets.interpret import cast_ids
from recsys_ops.datasets.table_file import read_table
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.models.linear import history_matrix

STEPS = (1.0, 0.5, 0.25, 0.2, 0.1)
"""Steps that rating scales have, in stars; the first in which all ratings are whole is taken."""


@dataclass(frozen=True)
class Histories:
    """``inputs (n_users, n_items)`` what the recommender reads; ``amounts`` of the same entries in whole units.

    ``scale`` is the greatest amount and ``step`` one unit in stars; both are 1 for interactions without ratings.
    ``costs`` of the same entries, nan where an interaction must stay; None where all cost 1.
    """

    inputs: sp.csr_array
    amounts: sp.csr_array
    scale: float
    step: float
    is_rated: bool
    costs: sp.csr_array | None = None

    def of_user(
        self, user: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None, NDArray[np.bool_] | None]:
        """Items, amounts, costs and whether they may go, of one user's interactions."""
        first, last = self.amounts.indptr[user], self.amounts.indptr[user + 1]
        items = self.amounts.indices[first:last].astype(np.int64)
        amounts = self.amounts.data[first:last].astype(np.int64)
        if self.costs is None:
            return items, amounts, None, None
        costs = self.costs.data[first:last]
        may_go = ~np.isnan(costs)
        return items, amounts, np.where(may_go, costs, 1.0), may_go

    def scaled(self, users: NDArray[np.int64]) -> sp.csr_array:
        """What the recommender reads of some users' units, ``(n, n_items)``."""
        units = self.amounts[users]
        return sp.csr_array((units.data / self.scale, units.indices, units.indptr), shape=units.shape)


def make_histories(dataset: Dataset, *, ratings: bool, costs: sp.csr_array | None = None) -> Histories:
    """Histories of all users.

    Parameters
    ----------
    dataset : Dataset
    ratings : bool
        Take stars from ratings, instead of whole interactions.
    costs : csr_array, optional
        As ``read_removal_costs`` gives them.

    Returns
    -------
    Histories

    Raises
    ------
    ConfigError
        There are no ratings, or they are not steps of any usual scale.
    """
    if ratings and dataset.values != "ratings":
        raise ConfigError(
            f"--ratings: {dataset.name} has interactions without ratings, so that there are no stars to take. Use "
            "--binary."
        )
    return count_units(dataset.ratings, dataset.rating_range[1], ratings=ratings, costs=costs)


def count_units(
    interactions: sp.csr_array, greatest: float, *, ratings: bool, costs: sp.csr_array | None = None
) -> Histories:
    """Histories of all users, from their interactions alone.

    Parameters
    ----------
    interactions : csr_array, shape (n_users, n_items)
        Stars of each interaction; what is stored is an interaction.
    greatest : float
        The greatest rating possible.
    ratings, costs
        As in ``make_histories``.

    Returns
    -------
    Histories

    Raises
    ------
    ConfigError
        The ratings are not steps of any usual scale.
    """
    inputs = history_matrix(interactions, binary=not ratings, scale=greatest)
    step = _step(np.append(interactions.data.astype(np.float64), greatest)) if ratings else 1.0
    units = np.rint(inputs.data * greatest / step) if ratings else inputs.data
    amounts = sp.csr_array((units, inputs.indices, inputs.indptr), shape=inputs.shape)
    return Histories(inputs, amounts, greatest / step if ratings else 1.0, step, ratings, costs)


def _step(stars: NDArray[np.float64]) -> float:
    if stars.min() < 0:
        raise ConfigError(f"--ratings: stars can be taken from ratings of 0 or more (found {stars.min():g}).")
    for step in STEPS:
        if np.allclose(stars / step, np.rint(stars / step), atol=1e-3):
            return step
    odd = stars[np.abs(stars / STEPS[-1] - np.rint(stars / STEPS[-1])) > 1e-3][0]
    raise ConfigError(f"--ratings: ratings are not steps of {STEPS[-1]:g} stars (first: {odd:g}). Use --binary.")


def read_removal_costs(url: str, dataset: Dataset) -> sp.csr_array:
    """What removing each interaction costs, from a table at any fsspec URL.

    Parameters
    ----------
    url : str
        Table of user_id, item_id and cost; no row means 1, an empty cost that the interaction must stay.
    dataset : Dataset

    Returns
    -------
    csr_array, shape (n_users, n_items)
        With the entries of the ratings; nan where an interaction must stay.

    Raises
    ------
    InputError
        A column is missing or of another type, a row belongs to no interaction or repeats one, a cost is not positive.
    """
    table = read_table(url, url, kinds={"user_id": "id", "item_id": "id", "cost": "number"})
    missing = [name for name in ("user_id", "item_id", "cost") if name not in table.column_names]
    if missing:
        raise InputError(f"{url}: column '{missing[0]}' is missing (found {', '.join(table.column_names)}).")
    users = positions_of(_cast(url, table, "user_id", dataset.user_ids.type), dataset.user_ids)
    items = positions_of(_cast(url, table, "item_id", dataset.item_ids.type), dataset.item_ids)
    costs = _cast(url, table, "cost", pa.float64()).to_numpy()
    ratings = dataset.ratings
    keys = np.repeat(np.arange(dataset.n_users), np.diff(ratings.indptr)) * dataset.n_items + ratings.indices
    wanted = users * dataset.n_items + items
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    unknown = (users < 0) | (items < 0) | (keys[place] != wanted)
    _refuse(url, np.flatnonzero(unknown), "are no interactions of the data")
    first_of_each = np.unique(wanted, return_index=True)[1]
    _refuse(url, np.delete(np.arange(len(wanted)), first_of_each), "repeat an interaction")
    _refuse(url, np.flatnonzero((costs <= 0) | np.isinf(costs)), "have a cost that is not positive and finite")
    values = np.ones(ratings.nnz)
    values[place] = costs
    return sp.csr_array((values, ratings.indices, ratings.indptr), shape=ratings.shape)


def _cast(url: str, table: pa.Table, name: str, wanted: pa.DataType) -> Column:
    column = table.column(name)
    try:
        return column.cast(wanted) if name == "cost" else cast_ids(column, wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        expected = "a number" if name == "cost" else f"the {wanted} ids of the data"
        first = next((row for row, cell in enumerate(column) if not _is_castable(cell, wanted)), None)
        where = "" if first is None else f" (first: row {first} = {column[first].as_py()!r})"
        raise InputError(f"{url}: column '{name}' is {column.type}, expected {expected}{where}. Correct it.") from None


def _is_castable(cell: Any, wanted: pa.DataType) -> bool:
    try:
        cell.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _refuse(url: str, rows: NDArray[np.intp], what: str) -> None:
    if len(rows):
        raise InputError(f"{url}: {len(rows)} rows {what} (first: row {rows[0]}). Correct or remove them.")
