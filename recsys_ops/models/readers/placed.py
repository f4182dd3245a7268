"""Matrices and vectors of a model in the order of the catalogue, checked for what no score can be made of."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import InputError
from recsys_ops.models.factored import Factors
from recsys_ops.models.readers.catalogue import Catalogue, rows_of_items

_SHOWN = 3


def placed(matrix: Any, catalogue: Catalogue, source: str, expected: str) -> tuple[Factors, NDArray[np.bool_]]:
    """The rows of a matrix in the order of the catalogue.

    Parameters
    ----------
    matrix : ndarray or csr_array, shape (n_rows, d)
    catalogue : Catalogue
    source, expected : str
        Where it comes from and what it should be, for messages.

    Returns
    -------
    factors : ndarray of float32 or float64, or csr_array of float64, shape (n_items, d)
        Zeros for items that the model does not know.
    is_known : ndarray, shape (n_items,)

    Raises
    ------
    InputError
        As ``rows_of_items``, or the numbers are none or not finite.
    """
    rows = rows_of_items(matrix.shape, catalogue, source, expected)
    if matrix.dtype.kind not in "fiu":
        raise InputError(f"{source}: the numbers are {matrix.dtype}, expected float32 or float64.")
    is_known = rows >= 0
    _check_finite(matrix, source)
    if isinstance(matrix, sp.csr_array):
        if not is_known.all():
            matrix = sp.diags_array(is_known.astype(np.float64)) @ matrix[np.maximum(rows, 0)]
            return sp.csr_array(matrix), is_known
        return (matrix if _is_in_order(rows) else matrix[rows]), is_known
    numbers = matrix if matrix.dtype in (np.float32, np.float64) else matrix.astype(np.float64)
    if _is_in_order(rows):
        return np.ascontiguousarray(numbers), is_known
    ordered: NDArray[Any] = numbers[np.maximum(rows, 0)]
    ordered[~is_known] = 0
    return ordered, is_known


def placed_offsets(
    bias: NDArray[Any] | None, is_known: NDArray[np.bool_], catalogue: Catalogue, source: str
) -> NDArray[np.float64] | None:
    """What is added to the scores, in the order of the catalogue; -inf for items that the model does not know.

    Raises
    ------
    InputError
        It does not have one finite number for each row of the model.
    """
    if bias is None:
        return None if is_known.all() else np.where(is_known, 0.0, -np.inf)
    flat = np.asarray(bias).reshape(-1)
    if flat.dtype.kind not in "fiu":
        raise InputError(f"{source}: the bias is {flat.dtype}, expected a number for each item.")
    rows = rows_of_items((len(flat), 1), catalogue, f"{source} (bias)", "a number for each item")
    _check_finite(flat, f"{source} (bias)")
    return np.where(is_known, flat.astype(np.float64)[np.maximum(rows, 0)], -np.inf)


def _is_in_order(rows: NDArray[np.int64]) -> bool:
    return bool(np.array_equal(rows, np.arange(len(rows))))


def _check_finite(matrix: Any, source: str) -> None:
    values = matrix.data if isinstance(matrix, sp.csr_array) else matrix
    # The extremes are nan or infinite if any value is, and need no memory.
    if values.size == 0 or np.isfinite([values.min(), values.max()]).all():
        return
    if isinstance(matrix, sp.csr_array):
        broken = np.unique(sp.coo_array(matrix).coords[0][~np.isfinite(values)])
    else:
        broken = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    shown = ", ".join(map(str, broken[:_SHOWN]))
    raise InputError(f"{source}: {len(broken)} rows hold NaN or infinity (first: {shown}). Correct them.")
