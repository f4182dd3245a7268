"""Factors of a recommender that was fitted elsewhere, for recourse: LightFM, or two towers with a linear item tower."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import Array
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import Dataset, positions_of
from recsys_ops.datasets.interpret import cast_ids
from recsys_ops.errors import InputError
from recsys_ops.features.encode import EncodedItems, feature_names
from recsys_ops.models.arrays import Arrays, read_arrays

_IDS = ("user_ids", "item_ids", "feature_names")
LIGHTFM = ("user_embeddings", "item_embeddings", "item_biases", *_IDS)
TOWERS = ("user_vectors", "item_vectors", "feature_map", "item_biases", *_IDS)
"""Arrays of each format; biases, ids and names are optional."""

_GREATEST, _LEAST = 1e100, 1e-100
"""Range of the greatest absolute value of an array: products of two stay numbers."""

_SHOWN = 3


@dataclass(frozen=True)
class Factors:
    """``score(u, z) = users_u . (own_z + feature_map' f_z)``.

    ``users (n_users, d)``, ``own (n_items, d)`` and ``feature_map (n_features, d)``, in the order of the catalogue.
    """

    users: NDArray[np.float64]
    own: NDArray[np.float64]
    feature_map: NDArray[np.float64]


def read_lightfm(url: str, dataset: Dataset, items: EncodedItems) -> Factors:
    """Factors as the attributes of a fitted LightFM model have them.

    Parameters
    ----------
    url : str
        As in ``read_arrays``, with ``user_embeddings (n_users, d)``, ``item_embeddings (n_items + n_features, d)`` (an
        embedding of its own for each item, then the features, as LightFM has them where item identities are features)
        or ``(n_features, d)``, and ``item_biases`` with a value for each row of these. Users' biases change no list.
        Features are the columns of ``items.matrix``, not normalised by row. ``user_ids``, ``item_ids`` and
        ``feature_names`` say the order of the rows; without them it is that of the catalogue.
    dataset : Dataset
    items : EncodedItems

    Returns
    -------
    Factors

    Raises
    ------
    InputError
        An array is missing, of another shape, or not of finite numbers of a usual size; or an id has no row.
    """
    brought = _Brought(url, read_arrays(url, LIGHTFM), dataset, items)
    n_items, n_features = items.matrix.shape
    users = brought.users("user_embeddings")
    name = "item_embeddings"
    embeddings = brought.matrix(name)
    if len(embeddings) == n_items != n_features:
        raise InputError(
            f"{url}: '{name}' has a row for each of the {n_items} items and none for their {n_features} features, so "
            "that nothing can be said about changing them. Fit LightFM with item_features."
        )
    with_identity = len(embeddings) != n_features
    brought.check_rows(name, embeddings, (n_items if with_identity else 0) + n_features, "items and features")
    biases = brought.biases(len(embeddings))
    rows = embeddings if biases is None else np.column_stack([embeddings, biases])
    brought.check_width(name, embeddings, users)
    own, of_features = rows[: len(rows) - n_features], rows[len(rows) - n_features :]
    own = brought.of_items(own) if with_identity else np.zeros((n_items, rows.shape[1]))
    return Factors(_with_one(users, biases), own, brought.of_features(of_features))


def read_towers(url: str, dataset: Dataset, items: EncodedItems) -> Factors:
    """Factors of two towers, the item's being linear in its features.

    Parameters
    ----------
    url : str
        As in ``read_arrays``, with ``user_vectors (n_users, d)``, ``item_vectors (n_items, d)`` as the tower gives
        them, ``feature_map (n_features, d)``, what one unit of each column of ``items.matrix`` adds to an item's
        vector, and perhaps ``item_biases (n_items,)``. Ids and names as in ``read_lightfm``.
    dataset : Dataset
    items : EncodedItems

    Returns
    -------
    Factors

    Raises
    ------
    InputError
        As ``read_lightfm``.
    """
    brought = _Brought(url, read_arrays(url, TOWERS), dataset, items)
    n_items, n_features = items.matrix.shape
    users, vectors = brought.users("user_vectors"), brought.matrix("item_vectors")
    feature_map = brought.matrix("feature_map")
    brought.check_rows("item_vectors", vectors, n_items, "items")
    brought.check_rows("feature_map", feature_map, n_features, "features")
    brought.check_width("item_vectors", vectors, users)
    brought.check_width("feature_map", feature_map, users)
    biases = brought.biases(n_items)
    if biases is not None:
        vectors = np.column_stack([vectors, biases])
        feature_map = np.column_stack([feature_map, np.zeros(n_features)])
    feature_map = brought.of_features(feature_map)
    return Factors(_with_one(users, biases), brought.of_items(vectors) - items.matrix @ feature_map, feature_map)


def _with_one(users: NDArray[np.float64], biases: NDArray[np.float64] | None) -> NDArray[np.float64]:
    return users if biases is None else np.column_stack([users, np.ones(len(users))])


@dataclass(frozen=True)
class _Brought:
    """The arrays of a file, and the catalogue that they must fit."""

    url: str
    arrays: Arrays
    dataset: Dataset
    items: EncodedItems

    def matrix(self, name: str) -> NDArray[np.float64]:
        """One array of numbers with rows and columns."""
        if name not in self.arrays:
            raise InputError(
                f"{self.url}: there is no array '{name}' (of those that are read it has {', '.join(self.arrays)}). Add "
                "it, or name the format that the file has (lightfm: or towers:)."
            )
        array = self.arrays[name]
        if array.ndim != 2 or not array.shape[1]:
            raise InputError(f"{self.url}: '{name}' has shape {array.shape}, expected rows of vectors.")
        return self._numbers(name, array)

    def users(self, name: str) -> NDArray[np.float64]:
        """The users' vectors in the order of the catalogue."""
        matrix, ids = self.matrix(name), self.dataset.user_ids
        if "user_ids" not in self.arrays:
            self.check_rows(name, matrix, len(ids), "users")
        return matrix[self._order("user_ids", len(matrix), ids, "users")]

    def biases(self, n: int) -> NDArray[np.float64] | None:
        """``item_biases``, if there are any."""
        if "item_biases" not in self.arrays:
            return None
        array = self.arrays["item_biases"]
        if array.shape != (n,):
            raise InputError(f"{self.url}: 'item_biases' has shape {array.shape}, expected ({n},).")
        return self._numbers("item_biases", array)

    def of_items(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows of items in the order of the catalogue."""
        return rows[self._order("item_ids", len(rows), self.dataset.item_ids, "items")]

    def of_features(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows of features in the order of the encoded columns."""
        return rows[self._order("feature_names", len(rows), pa.array(feature_names(self.items)), "features")]

    def check_rows(self, name: str, matrix: NDArray[np.float64], n: int, what: str) -> None:
        """Refuse another number of rows."""
        if len(matrix) == n:
            return
        hint = " It may be transposed." if matrix.shape[1] == n else ""
        raise InputError(
            f"{self.url}: '{name}' has shape {matrix.shape}, expected a row for each of {n} {what}.{hint} "
            f"The catalogue has {self.dataset.n_users} users, {self.dataset.n_items} items and "
            f"{len(self.items.columns)} features."
        )

    def check_width(self, name: str, matrix: NDArray[np.float64], users: NDArray[np.float64]) -> None:
        """Refuse vectors that are not as long as those of the users."""
        if matrix.shape[1] != users.shape[1]:
            raise InputError(
                f"{self.url}: '{name}' has vectors of length {matrix.shape[1]}, those of the users are of length "
                f"{users.shape[1]}. Give both of one model."
            )

    def _numbers(self, name: str, array: NDArray[Any]) -> NDArray[np.float64]:
        if array.dtype.kind not in "fiu":
            raise InputError(f"{self.url}: '{name}' is of {array.dtype}, expected numbers.")
        numbers = array.astype(np.float64)
        bad = ~np.isfinite(numbers)
        if bad.any():
            first = np.unravel_index(int(np.argmax(bad)), bad.shape)[0]
            raise InputError(f"{self.url}: '{name}' has {bad.sum()} values that are not finite (first: row {first}).")
        greatest = np.abs(numbers).max(initial=0.0)
        if greatest and not _LEAST <= greatest <= _GREATEST:
            raise InputError(
                f"{self.url}: the greatest value of '{name}' is {greatest:g}, too far from 1 to compute with. Scale it."
            )
        return numbers

    def _order(self, name: str, n: int, known: Array, what: str) -> NDArray[np.int64]:
        """Row of each known id."""
        if name not in self.arrays:
            return np.arange(n)
        ids = self._ids(name, known)
        if len(ids) != n:
            raise InputError(f"{self.url}: '{name}' has {len(ids)} values for {n} rows of {what}. Give one for each.")
        if len(pc.unique(ids)) < n:
            raise InputError(f"{self.url}: '{name}' has values that repeat. Give each row one of its own.")
        rows = positions_of(known, ids)
        self._check_known(name, known, rows, what)
        if what == "features":
            self._check_known(name, ids, positions_of(ids, known), "features of the file", "in the catalogue")
        return rows

    def _ids(self, name: str, known: Array) -> Array:
        try:
            ids: Any = cast_ids(pa.array(self.arrays[name]), known.type)
            return cast("Array", ids)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise InputError(
                f"{self.url}: '{name}' is of {self.arrays[name].dtype}, those of the catalogue are {known.type} "
                f"(first: {_shown(known)})."
            ) from error

    def _check_known(
        self, name: str, wanted: Array, rows: NDArray[np.int64], what: str, where: str | None = None
    ) -> None:
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            raise InputError(
                f"{self.url}: {len(missing)} of {len(wanted)} {what} are not {where or repr(name)} (first: "
                f"{_shown(wanted.take(missing[:_SHOWN]))}). Fit the model on the same data and feature rules."
            )


def _shown(ids: Array | Sequence[Any]) -> str:
    return ", ".join(repr(one.as_py()) for one in ids[:_SHOWN])
