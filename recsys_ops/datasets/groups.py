"""Groups of users: the values of a column, or equal parts of a numeric one."""

import numpy as np
import pyarrow as pa

from recsys_ops.arrow import Array, in_one_chunk
from recsys_ops.arrow import compute as pc
from recsys_ops.datasets.dataset import Dataset
from recsys_ops.errors import ConfigError

N_RATINGS = "n_ratings"
"""Column that every data set has for groups: how many items a user rated."""

MOST_GROUPS = 10
"""Groups to report on by default; more would hide what matters."""


def user_groups(dataset: Dataset, spec: str, *, prefix: str = "") -> tuple[list[str], np.ndarray]:
    """Split the users of a data set into groups.

    Parameters
    ----------
    dataset : Dataset
        Whose users.
    spec : str
        ``COLUMN``: a group per value. ``COLUMN:N``: N groups of equal size along a numeric column; sizes differ by
        at most one, and users of the same value are split in the order of their ids. ``n_ratings`` is always there.
    prefix : str
        What a job wants before it, so that messages show what can be typed.

    Returns
    -------
    labels : list of str
        One per group, for example ``gender F`` or ``age 7-23``.
    group_of_user : ndarray, shape (n_users,), int64
        Position among the labels, -1 for a user without a value.

    Raises
    ------
    ConfigError
        There is no such column, it cannot form groups, no user has a value in it, or N is not between 1 and the number
        of users who have one.
    """
    column, n_groups = _parsed(dataset, spec, prefix)
    values = _values(dataset, column)
    if values.null_count == len(values):
        others = ", ".join(name for name in group_columns(dataset) if name != column)
        raise ConfigError(
            f"--groups {prefix}{spec}: no user has a value in column '{column}'. Name another one (found {others})."
        )
    if n_groups is None:
        return _groups_by_value(values, column)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise ConfigError(
            f"--groups {prefix}{spec}: column '{column}' is {values.type}, not a number. Use --groups {prefix}{column}."
        )
    return _groups_by_size(values, column, n_groups, prefix)


def default_groups(dataset: Dataset) -> str:
    """Target groups where none are given.

    Parameters
    ----------
    dataset : Dataset
        Whose users.

    Returns
    -------
    str
        The first column with 2 to 10 values as it is, or five equal parts (fewer where fewer users have one) of the
        first number.
    """
    for column in group_columns(dataset):
        values = _values(dataset, column)
        if 2 <= len(pc.unique(values).drop_null()) <= MOST_GROUPS:
            return column
        n_known = len(values) - values.null_count
        if n_known and (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
            return f"{column}:{min(5, n_known)}"
    return f"{N_RATINGS}:1"


def group_columns(dataset: Dataset) -> list[str]:
    """Columns that can form groups.

    Parameters
    ----------
    dataset : Dataset
        Whose users.

    Returns
    -------
    list of str
        Columns of the users table that are not ids or lists, then ``n_ratings``.
    """
    usable = [
        field.name for field in dataset.users.schema if field.name != "user_id" and not pa.types.is_nested(field.type)
    ]
    return usable if N_RATINGS in usable else [*usable, N_RATINGS]


def _parsed(dataset: Dataset, spec: str, prefix: str) -> tuple[str, int | None]:
    columns = group_columns(dataset)
    if spec in columns:
        return spec, None
    column, _, count = spec.rpartition(":")
    if column not in columns:
        raise ConfigError(
            f"--groups {prefix}{spec}: users have no column '{column or spec}' that forms groups "
            f"(found {', '.join(columns)})."
        )
    if not count.isdecimal() or int(count) < 1:
        raise ConfigError(
            f"--groups {prefix}{spec}: '{count}' is no number of groups. Use --groups {prefix}{column}:4, for example."
        )
    return column, int(count)


def _values(dataset: Dataset, column: str) -> Array:
    if column == N_RATINGS and column not in dataset.users.column_names:
        return pa.array(np.diff(dataset.ratings.indptr).astype(np.int64))
    values = in_one_chunk(dataset.users.column(column))
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    return values


def _groups_by_value(values: Array, column: str) -> tuple[list[str], np.ndarray]:
    distinct = pc.unique(values).drop_null()
    distinct = distinct.take(pc.sort_indices(distinct))
    group_of_user = pc.fill_null(pc.index_in(values, value_set=distinct), -1).to_numpy().astype(np.int64)
    return [f"{column} {_text(value)}" for value in distinct.to_pylist()], group_of_user


def _groups_by_size(values: Array, column: str, n_groups: int, prefix: str) -> tuple[list[str], np.ndarray]:
    known = np.flatnonzero(pc.is_valid(values).to_numpy(zero_copy_only=False))
    if n_groups > len(known):
        raise ConfigError(
            f"--groups {prefix}{column}:{n_groups}: only {len(known)} users have a value. "
            f"Use --groups {prefix}{column}:{len(known)} or fewer groups."
        )
    numbers = values.take(known).to_numpy(zero_copy_only=False)
    parts = np.array_split(np.argsort(numbers, kind="stable"), n_groups)
    group_of_user = np.full(len(values), -1, dtype=np.int64)
    labels: list[str] = []
    for group, part in enumerate(parts):
        group_of_user[known[part]] = group
        least, greatest = _text(numbers[part[0]].item()), _text(numbers[part[-1]].item())
        label = f"{column} {least}" if least == greatest else f"{column} {least}-{greatest}"
        n_same = sum(other.partition(" (")[0] == label for other in labels)
        labels.append(f"{label} ({n_same + 1})" if n_same else label)
    return labels, group_of_user


def _text(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
