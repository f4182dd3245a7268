"""One catalogue in memory: ratings as a sparse matrix, with the ids, users, items and rules that belong to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Array, Column, in_one_chunk, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.fingerprint import fingerprint_of
from recsys_ops.features.rules import FeatureRule
from recsys_ops.tables import ITEMS, USERS, rejected_schema

Values = Literal["ratings", "weights", "ones"]

Verb = Literal["rated", "chose", "bought", "viewed", "visited", "watched", "read", "listened to"]
"""What users do with items, in the words of sentences."""


@dataclass(frozen=True)
class Dataset:
    """A catalogue, the same whatever the order of the rows it was read from.

    Users and items are ordered by id (integers by value, strings by their bytes); row i of ``users`` and ``items``
    belongs to id i. ``rejected`` holds the rows that quarantine set aside, ``fingerprint`` the SHA-256 of the rest.
    ``values`` says what ``ratings`` are: ratings within ``rating_range``, weights such as counts, or ones;
    ``said_verb`` what users did with items, where the data say it.
    """

    name: str
    ratings: sp.csr_array = field(repr=False)
    """Shape (n_users, n_items), float32, sorted indices; a rating of 0 is stored, not left out."""
    user_ids: Array = field(repr=False)
    item_ids: Array = field(repr=False)
    users: pa.Table = field(repr=False)
    items: pa.Table = field(repr=False)
    rules: tuple[FeatureRule, ...]
    rating_range: tuple[float, float]
    rejected: pa.Table = field(repr=False)
    fingerprint: str
    values: Values = "ratings"
    said_verb: Verb | None = None

    @property
    def verb(self) -> Verb:
        """What users did with the items of their histories: as the data say, else "rated", without ratings "chose"."""
        return self.said_verb or ("rated" if self.values == "ratings" else "chose")

    @property
    def n_users(self) -> int:
        """Number of users, those without ratings included."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items, those without ratings included."""
        return len(self.item_ids)

    @property
    def sellers(self) -> NDArray[np.int64]:
        """The same number for items of one seller, shape (n_items,)."""
        codes: NDArray[np.int64] = in_one_chunk(self.items.column("seller_id")).dictionary_encode().indices.to_numpy()
        return codes.astype(np.int64)


def build_dataset(
    name: str,
    interactions: pa.Table,
    items: pa.Table,
    users: pa.Table | None,
    *,
    rules: Iterable[FeatureRule],
    rating_range: tuple[float, float],
    rejected: pa.Table | None = None,
    values: Values = "ratings",
    verb: Verb | None = None,
) -> Dataset:
    """Put validated tables into their canonical order and the ratings into a matrix.

    Parameters
    ----------
    name : str
        Name of the data in messages and manifests.
    interactions, items, users : pyarrow.Table
        As ``validate`` returns them: unique ids without nulls, every interaction of a known user and item.
        Without users the users are those who rated.
    rules : iterable of FeatureRule
        How the feature columns of ``items`` are read.
    rating_range : tuple of float
        Least and greatest rating possible.
    rejected : pyarrow.Table, optional
        Rows set aside by quarantine.
    values : "ratings", "weights" or "ones"
        What the column rating holds.
    verb : str, optional
        What users did with the items.

    Returns
    -------
    Dataset
    """
    items = _sorted_by(_in_order(items, tuple(ITEMS.columns)), "item_id")
    if users is None:
        users = table_of({"user_id": pc.unique(interactions.column("user_id"))})
    users = _sorted_by(_in_order(users, tuple(USERS.columns)), "user_id")
    user_ids, item_ids = in_one_chunk(users.column("user_id")), in_one_chunk(items.column("item_id"))
    ratings = _rating_matrix(interactions, user_ids, item_ids)
    kept_rules = tuple(rules)
    return Dataset(
        name=name,
        ratings=ratings,
        user_ids=user_ids,
        item_ids=item_ids,
        users=users,
        items=items,
        rules=kept_rules,
        rating_range=rating_range,
        rejected=rejected_schema().empty_table() if rejected is None else rejected,
        fingerprint=fingerprint_of(ratings, users, items, kept_rules, rating_range, verb),
        values=values,
        said_verb=verb,
    )


def positions_of(ids: Column, known: Array) -> np.ndarray:
    """Position of each id among the known ones, -1 for an id that is not there (or null).

    Parameters
    ----------
    ids : pyarrow.Array or ChunkedArray
        Ids to look up, of the type of ``known``.
    known : pyarrow.Array
        Unique ids.

    Returns
    -------
    ndarray, int64
    """
    found = pc.fill_null(pc.index_in(ids, value_set=known), -1)
    positions: np.ndarray = found.to_numpy().astype(np.int64)
    return positions


def _rating_matrix(interactions: pa.Table, user_ids: Array, item_ids: Array) -> sp.csr_array:
    user_positions = positions_of(interactions.column("user_id"), user_ids)
    item_positions = positions_of(interactions.column("item_id"), item_ids)
    values = interactions.column("rating").to_numpy().astype(np.float32)
    shape = (len(user_ids), len(item_ids))
    ratings: sp.csr_array = sp.csr_array((values, (user_positions, item_positions)), shape=shape)
    ratings.sort_indices()
    return ratings


def _in_order(table: pa.Table, contract: tuple[str, ...]) -> pa.Table:
    """Columns of the contract first, the others as they came."""
    others = [name for name in table.column_names if name not in contract]
    return table.select([*contract, *others])


def _sorted_by(table: pa.Table, column: str) -> pa.Table:
    order = pc.sort_indices(table, sort_keys=[(column, "ascending")])
    return table.take(order).combine_chunks()
