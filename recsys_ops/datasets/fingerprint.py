"""A checksum of what a data set says, not of how its files are written.

The same rows in another order, file format or chunking have the same fingerprint; any other value has another one.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.arrow import Column
from recsys_ops.arrow import compute as pc
from recsys_ops.features.rules import FeatureRule

_ROWS = 1024
"""Of a dense matrix, hashed at once."""


def fingerprint_of(
    ratings: sp.csr_array,
    users: pa.Table,
    items: pa.Table,
    rules: Sequence[FeatureRule],
    rating_range: tuple[float, float],
    verb: str | None = None,
) -> str:
    """SHA-256 of a data set in canonical order.

    Parameters
    ----------
    ratings : csr_array, shape (n_users, n_items)
        With sorted indices.
    users, items : pyarrow.Table
        Rows in the order of the ids; the order of the columns does not matter.
    rules : sequence of FeatureRule
        Their order matters: it is the order of the features.
    rating_range : tuple of float
        Least and greatest rating possible.
    verb : str, optional
        What users did with items, as sentences say it.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    settings: dict[str, Any] = {
        "rules": [_said(rule) for rule in rules],
        "rating_range": [float(end) for end in rating_range],
    }
    settings |= {} if verb is None else {"verb": verb}
    digest.update(json.dumps(settings, sort_keys=True).encode())
    for table in (users, items):
        _update_table(digest, table)
    digest.update(f"ratings {ratings.shape[0]} {ratings.shape[1]}".encode())
    for part, kind in ((ratings.indptr, "<i8"), (ratings.indices, "<i4"), (ratings.data, "<f4")):
        digest.update(part.astype(kind).tobytes())
    return digest.hexdigest()


def fingerprint_of_table(table: pa.Table) -> str:
    """SHA-256 of one table, 64 hexadecimal digits; the order of its columns does not matter, that of its rows does."""
    digest = hashlib.sha256()
    _update_table(digest, table)
    return digest.hexdigest()


def fingerprint_of_matrix(matrix: NDArray[Any] | sp.csr_array) -> str:
    """SHA-256 of a matrix, 64 hexadecimal digits; of a sparse one with sorted indices."""
    digest = hashlib.sha256(f"matrix {matrix.shape[0]} {matrix.shape[1]} {matrix.dtype.str} ".encode())
    if isinstance(matrix, sp.csr_array):
        for part, kind in ((matrix.indptr, "<i8"), (matrix.indices, "<i4"), (matrix.data, matrix.dtype)):
            digest.update(np.ascontiguousarray(part, dtype=kind).data)
    else:
        for first in range(0, len(matrix), _ROWS):  # a copy in another order might not fit into memory
            digest.update(np.ascontiguousarray(matrix[first : first + _ROWS]).data)
    return digest.hexdigest()


def _update_table(digest: Any, table: pa.Table) -> None:
    digest.update(f"table {table.num_rows}".encode())
    for name in sorted(table.column_names):
        digest.update(f"column {name} ".encode())
        _update(digest, table.column(name))


def _update(digest: Any, column: Column) -> None:
    """Add type, validity and values; strings and lists as their lengths and what is in them."""
    kind = column.type
    digest.update(f"{'list' if pa.types.is_list(kind) else kind} {len(column)} ".encode())
    digest.update(np.packbits(pc.is_valid(column).to_numpy(zero_copy_only=False)))
    if pa.types.is_string(kind):
        values = pc.fill_null(column, "")
        digest.update(pc.binary_length(values).to_numpy(zero_copy_only=False).astype("<i8"))
        digest.update("".join(values.to_pylist()).encode())
    elif pa.types.is_list(kind):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        digest.update(lengths.to_numpy(zero_copy_only=False).astype("<i8"))
        _update(digest, pc.list_flatten(column))
    else:
        zero = False if pa.types.is_boolean(kind) else 0
        digest.update(np.ascontiguousarray(pc.fill_null(column, zero).to_numpy(zero_copy_only=False)))


def _said(rule: FeatureRule) -> dict[str, object]:
    """What a rule says: fields that came later only where they say something, so that older fingerprints hold."""
    dumped = rule.model_dump()
    for name in ("unit", "max_increase", "max_decrease", "fixed_values", "path_separator", "requires", "excludes"):
        if not dumped[name]:
            del dumped[name]
    if rule.kind == "category" and rule.may_change_category:
        dumped["mutable"] = "declared"  # plausible recourse changes no other category
    return dumped
