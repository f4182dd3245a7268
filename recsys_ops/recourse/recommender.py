"""A recommender for recourse from the data structures of a Python session: tables or a matrix in, no Ray."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from pydantic import ValidationError

from recsys_ops.arrow import Array, in_one_chunk, table_of
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.checked import CheckedRows, check_null, check_numbers, codes_of, repeats
from recsys_ops.datasets.columns import normalise
from recsys_ops.datasets.dataset import Dataset, build_dataset, positions_of
from recsys_ops.errors import ConfigError, InputError
from recsys_ops.features.encode import EncodedItems, encode_items
from recsys_ops.features.rules import FeatureRule, repeated_name
from recsys_ops.models.feature_linear import FeatureLinearModel
from recsys_ops.models.feature_recommender import check_feature_model, histories_of, make_feature_model
from recsys_ops.recourse.plausible import LEAST_SUPPORT, Plausibility, fit_plausibility
from recsys_ops.ridge import ridge_of
from recsys_ops.tables.inputs import TableContract

Features = Mapping[str, str | Mapping[str, Any]] | Sequence[FeatureRule]
"""Feature columns of the items: each with its kind, or with the fields of its ``FeatureRule``."""

_RATINGS = TableContract("interactions", {"user_id": "id", "item_id": "id", "rating": "number"}, is_in_mapping=False)
_ITEMS = TableContract("items", {"item_id": "id", "seller_id": "id", "title": "string"}, is_in_mapping=False)
_USERS = TableContract("users", {"user_id": "id"}, is_in_mapping=False)


@dataclass(frozen=True)
class ItemRecommender:
    """A catalogue with a recommender that knows items by their features, for ``find_recourse``.

    ``user_ids`` are in the order in which the users were given: by that of the table of users or of the rows of a
    matrix, else sorted.
    """

    name: str
    dataset: Dataset = field(repr=False)
    items: EncodedItems = field(repr=False)
    model: FeatureLinearModel = field(repr=False)
    user_ids: Array = field(repr=False)

    @cached_property
    def plausibility(self) -> Plausibility:
        """What real items are like, learned when it is first needed."""
        return fit_plausibility(self.items, self.dataset.sellers, LEAST_SUPPORT)

    def __repr__(self) -> str:
        return (
            f"ItemRecommender({self.name}, {self.dataset.n_users} users, {self.dataset.n_items} items, "
            f"{len(self.items.columns)} features)"
        )


def fit_content(ratings: Any, items: Any, *, features: Features, users: Any = None) -> ItemRecommender:
    """Set up the content recommender: items score by their likeness to what a user rated, weighted by the rating.

    Parameters, result and errors as in ``fit_recommender``.
    """
    return fit_recommender(ratings, items, features=features, users=users, model="content")


def fit_recommender(
    ratings: Any,
    items: Any,
    *,
    features: Features,
    users: Any = None,
    model: str = "hybrid",
    ridge: float | None = None,
) -> ItemRecommender:
    """Fit a recommender that knows items by their features, or read the factors of one that was fitted elsewhere.

    Parameters
    ----------
    ratings : DataFrame or pyarrow.Table, sparse matrix, or array, shape (n_users, n_items)
        A table with user_id, item_id and rating; or a matrix of ratings, a row per user and a column per row of
        ``items``. In a sparse matrix what is stored is a rating, in an array what is not 0.
    items : DataFrame, pyarrow.Table or mapping of columns
        With the feature columns, item_id (with a matrix their positions by default) and, if there is one, title.
    features : mapping or sequence of FeatureRule
        For example ``{"description": "text", "price": {"kind": "number", "direction": "decrease"}}``.
    users : DataFrame, pyarrow.Table or mapping of columns, optional
        With user_id (with a matrix their positions by default) and columns that can name groups; by default the users
        are those who rated.
    model : str
        ``hybrid``, ``content``, ``lightfm:URL`` or ``towers:URL``, as ``recsys-ops recourse --model``; users and items
        of a file are in the order of their ids, unless the file says which they are.
    ridge : float, > 0, optional
        Penalty of the EASE that ``hybrid`` starts from; by default the best one on held-out users.

    Returns
    -------
    ItemRecommender

    Raises
    ------
    InputError
        A column is missing or of a wrong type, an id is missing, repeated or unknown, or a rating is not a finite
        number; or a file's factors do not fit.
    ConfigError
        A feature's rule is wrong, ``model`` is unknown, or does not fit into memory.

    Notes
    -----
    What is given is never modified.
    """
    check_feature_model(model)
    rules = _rules(features)
    item_table = _as_arrow(items, "items", only=[*_ITEMS.columns, *(rule.column for rule in rules)])
    user_table = None if users is None else _as_arrow(users, "users")
    if sp.issparse(ratings) or not _is_table(ratings):
        matrix = _as_matrix(ratings, item_table)
        item_table = _with_positions(item_table, "item_id", matrix.shape[1])
        user_table = _with_positions(user_table, "user_id", matrix.shape[0])
        rating_table = _pairs(matrix, user_table, item_table)
    else:
        rating_table = _as_arrow(ratings, "ratings", only=[*_RATINGS.columns])
    clean_items = _checked_items(item_table, rules)
    clean_users = None if user_table is None else _checked_ids(normalise(user_table, _USERS, "users"), "users")
    clean_ratings = _checked_ratings(normalise(rating_table, _RATINGS, "ratings"), clean_items, clean_users)
    values = clean_ratings.column("rating").to_numpy()
    dataset = build_dataset(
        "catalogue", clean_ratings, clean_items, clean_users,
        rules=rules, rating_range=(float(values.min()), float(values.max())),
    )  # fmt: skip
    encoded = encode_items(dataset.items, dataset.rules)
    penalty = ridge_of(model, ridge, histories_of(dataset), seed=0)
    linear = make_feature_model(model, dataset, encoded, ridge=penalty)
    user_ids = dataset.user_ids if clean_users is None else in_one_chunk(clean_users.column("user_id"))
    return ItemRecommender(model, dataset, encoded, linear, user_ids)


def _rules(features: Features) -> tuple[FeatureRule, ...]:
    if not isinstance(features, Mapping):
        rules = tuple(features)
    else:
        given = {name: {"kind": rule} if isinstance(rule, str) else dict(rule) for name, rule in features.items()}
        try:
            rules = tuple(FeatureRule.model_validate({"column": name, **rule}) for name, rule in given.items())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"features: {where}: {first['msg']} (found {first['input']!r}).") from error
    if not rules:
        raise ConfigError('features: none is named. Name at least one, as in features={"description": "text"}.')
    repeated = repeated_name(rules)
    if repeated is not None:
        raise ConfigError(f"features: {repeated}")
    return rules


def _is_table(given: Any) -> bool:
    return isinstance(given, pa.Table | Mapping) or hasattr(given, "columns")


def _as_arrow(given: Any, name: str, *, only: Sequence[str] | None = None) -> pa.Table:
    """The caller's columns, of ``only`` those that there are, as an Arrow table without the index of a DataFrame."""
    if not _is_table(given):
        raise InputError(f"{name}: expected a table of named columns (found {type(given).__name__}).")
    columns = given.column_names if isinstance(given, pa.Table) else getattr(given, "columns", given)
    names = [column for column in columns if isinstance(column, str) and (only is None or column in only)]
    try:
        if isinstance(given, pa.Table):
            return given.select(names)
        table: Any = pa.table({name: given[name] for name in names} if isinstance(given, Mapping) else given[names])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"{name}: a column has values of several types ({error}). Use one type.") from error
    chosen: pa.Table = table.select(names)
    return chosen


def _as_matrix(ratings: Any, items: pa.Table) -> sp.coo_array:
    if not sp.issparse(ratings):
        ratings = np.asarray(ratings)
        if ratings.ndim != 2 or not np.issubdtype(ratings.dtype, np.number):
            raise InputError(
                f"ratings: expected a table with {', '.join(_RATINGS.columns)} or numbers of shape (n_users, n_items) "
                f"(found {ratings.dtype} of shape {ratings.shape})."
            )
    if ratings.shape[1] != items.num_rows:
        raise InputError(
            f"ratings: the matrix has {ratings.shape[1]} columns, but there are {items.num_rows} items. Give a column "
            "for each row of items, in its order."
        )
    return sp.coo_array(ratings)


def _with_positions(table: pa.Table | None, column: str, n: int) -> pa.Table:
    """The table with its positions as ids where it has no ids."""
    positions = pa.array(np.arange(n))
    if table is None:
        return table_of({column: positions})
    if table.num_rows != n:
        raise InputError(f"ratings: the matrix has {n} rows, but there are {table.num_rows} users. Give one for each.")
    return table if column in table.column_names else table.append_column(column, positions)


def _pairs(matrix: sp.coo_array, users: pa.Table, items: pa.Table) -> pa.Table:
    return table_of(
        {
            "user_id": in_one_chunk(users.column("user_id")).take(matrix.row.astype(np.int64)),
            "item_id": in_one_chunk(items.column("item_id")).take(matrix.col.astype(np.int64)),
            "rating": matrix.data.astype(np.float64),
        }
    )


def _checked_items(table: pa.Table, rules: Sequence[FeatureRule]) -> pa.Table:
    """Items with a title each, by default their ids; sellers are of no concern to one item."""
    if "item_id" in table.column_names and "title" not in table.column_names:
        table = table.append_column("title", pc.cast(table.column("item_id"), pa.string()))
    if "seller_id" not in table.column_names:
        table = table.append_column("seller_id", pa.array([""] * table.num_rows))
    items = _checked_ids(normalise(table, _ITEMS, "items", rules), "items")
    rows = CheckedRows("items", "items", items, "stop")
    check_null(rows, "title", "Give each item a title, or leave titles out.")
    check_numbers(rows, rules, "Correct them or leave them empty.")
    return items


def _checked_ids(table: pa.Table, name: str) -> pa.Table:
    column = f"{name[:-1]}_id"
    rows = CheckedRows(name, name, table, "stop")
    check_null(rows, column, "Give each row an id.")
    is_repeated = repeats(codes_of(table.column(column)), rows.holds)
    rows.reject(is_repeated, column, "that an earlier row has", f"Keep one row per {column}.")
    return table


def _checked_ratings(table: pa.Table, items: pa.Table, users: pa.Table | None) -> pa.Table:
    rows = CheckedRows("interactions", "ratings", table, "stop")
    for column in _RATINGS.columns:
        check_null(rows, column, "Correct or remove these rows.")
    is_bad = ~np.isfinite(table.column("rating").to_numpy())
    rows.reject(is_bad, "rating", "of NaN or infinity", "Correct or remove these rows.")
    codes = []
    for column, known in (("item_id", items), ("user_id", users)):
        if known is not None:
            rows.table = table = _of_known_type(table, column, known)
        ids = pc.unique(table.column(column)) if known is None else in_one_chunk(known.column(column))
        codes.append(positions_of(table.column(column), ids))
        rows.reject(
            codes[-1] < 0, column, f"that {column[:-3]}s does not have", "Add them there, or remove these rows."
        )
    pairs = codes[1] * (int(codes[0].max(initial=0)) + 1) + codes[0]
    remedy = "Keep one rating per user and item."
    rows.reject(repeats(pairs, rows.holds), "item_id", "rated before by the same user", remedy, shown="user_id")
    return table


def _of_known_type(table: pa.Table, column: str, known: pa.Table) -> pa.Table:
    found, expected = table.schema.field(column).type, known.schema.field(column).type
    if found == expected:
        return table
    if pa.types.is_integer(found) and pa.types.is_integer(expected):
        try:
            cast = pc.cast(table.column(column), expected)
            return table.set_column(table.column_names.index(column), column, cast)
        except pa.ArrowInvalid:  # an id that the other type cannot hold
            pass
    raise InputError(
        f"ratings: column '{column}' is {found}, but that of {column[:-3]}s is {expected}. Use ids of the same type."
    )
