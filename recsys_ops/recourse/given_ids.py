"""Ids and groups as a caller in Python gives them, as positions in the data of a recommender."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys_ops.arrow import Array
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import positions_of
from recsys_ops.datasets.groups import group_columns, user_groups
from recsys_ops.errors import InputError
from recsys_ops.recourse.recommender import ItemRecommender

_SHOWN = 3


def item_position(model: ItemRecommender, item: int | str) -> int:
    """Position of an item by its id.

    Parameters
    ----------
    model : ItemRecommender
    item : int or str
        Its id.

    Raises
    ------
    InputError
        There is no such item.
    """
    ids = model.dataset.item_ids
    position = int(_positions([item], ids, "item")[0])
    if position < 0:
        raise InputError(f"item {item!r}: there is no such item (found {len(ids)}, first: {_first(ids)}).")
    return position


def members_of(model: ItemRecommender, group: Any) -> tuple[str, NDArray[np.int64]]:
    """Label and ascending positions of the users of a group.

    Parameters
    ----------
    model : ItemRecommender
    group : str, sequence of ids, or array of bool
        As ``find_recourse`` takes it.

    Raises
    ------
    InputError
        An unknown user or label, a mask of another length, or a group without users.
    """
    if isinstance(group, str):
        return group, _labelled(model, group)
    given = np.asarray(group)
    ids = model.dataset.user_ids
    if given.dtype == bool or (len(given) and all(isinstance(one, bool | np.bool_) for one in given)):
        if given.shape != (len(ids),):
            raise InputError(f"group: a mask of {given.shape} values for {len(ids)} users. Give one value per user.")
        users = positions_of(model.user_ids.filter(pa.array(given.astype(bool))), ids)
    else:
        chosen = list(group)
        users = _positions(chosen, ids, "user")
        unknown = [str(one) for one, position in zip(chosen, users, strict=True) if position < 0]
        if unknown:
            raise InputError(
                f"group: {len(unknown)} of {len(chosen)} users do not exist (first: {', '.join(unknown[:_SHOWN])}; "
                f"ids of type {ids.type}, first: {_first(ids)})."
            )
    if not len(users):
        raise InputError("group: it has no users. Select at least one.")
    users = np.unique(users)
    return f"{len(users)} selected users", users


def _labelled(model: ItemRecommender, label: str) -> NDArray[np.int64]:
    named = [column for column in group_columns(model.dataset) if label.startswith(f"{column} ")]
    for column in named:
        labels, group_of_user = user_groups(model.dataset, column)
        if label in labels:
            return np.flatnonzero(group_of_user == labels.index(label))
    shown = ", ".join(named or group_columns(model.dataset))
    raise InputError(
        f"group {label!r}: there is no such group. A label is a column of the users and one of its values, as in "
        f"'gender F' (columns: {shown}); give a mask or ids for any other group."
    )


def _positions(given: list[Any], ids: Array, what: str) -> NDArray[np.int64]:
    """Positions of ids, -1 for what is no id."""
    try:
        column = pa.array(given)
        if pa.types.is_integer(column.type) != pa.types.is_integer(ids.type) and len(given):
            raise InputError(f"{what}: ids are {ids.type} here (found {column.type}). First: {_first(ids)}.")
        return positions_of(pc.cast(column, ids.type), ids)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return np.full(len(given), -1, dtype=np.int64)


def _first(ids: Array) -> str:
    return ", ".join(repr(one) for one in ids[:_SHOWN].to_pylist())
