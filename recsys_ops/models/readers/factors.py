"""Arrays as recommenders in factored form, by the kind of the model that they come from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_ops.errors import InputError
from recsys_ops.models.factored import FactoredRecommender
from recsys_ops.models.readers.catalogue import Catalogue
from recsys_ops.models.readers.numpy_files import Arrays
from recsys_ops.models.readers.placed import placed, placed_offsets
from recsys_ops.models.readers.spec import TENSORS


def elsa(matrix: NDArray[Any], catalogue: Catalogue, source: str) -> FactoredRecommender:
    """ELSA: ``s = x (A A' - I)`` with the rows of A scaled to length 1 (Vancura et al., RecSys 2022, eq. 3 and 5).

    What is subtracted is the history itself, which is not recommended.
    """
    rows, is_known = placed(matrix, catalogue, source, "the matrix A of ELSA, a row of numbers for each item")
    dense = np.asarray(rows)
    lengths = np.linalg.norm(dense, axis=1, keepdims=True)
    unit = dense / np.where(lengths > 0, lengths, 1.0).astype(dense.dtype)
    return FactoredRecommender(unit, unit, placed_offsets(None, is_known, catalogue, source))


def embeddings(
    matrix: NDArray[Any], bias: NDArray[Any] | None, catalogue: Catalogue, source: str
) -> FactoredRecommender:
    """A history is the mean, or the sum, of the vectors of its items; the score is the scalar product plus the bias."""
    if bias is not None:
        # With a bias the mean and the sum of a history rank items differently: the formula has the sum.
        bias = np.asarray(bias)
    rows, is_known = placed(matrix, catalogue, source, "a vector for each item")
    return FactoredRecommender(rows, rows, placed_offsets(bias, is_known, catalogue, source))


def sansa(parts: Sequence[sp.csr_array], catalogue: Catalogue, sources: Sequence[str]) -> FactoredRecommender:
    """SANSA: ``s = x W1 W2`` with two sparse matrices, weights[0] and weights[1] of the fitted model."""
    first, second = parts
    if first.shape[1] != second.shape[0]:
        raise InputError(
            f"{sources[0]} and {sources[1]}: cannot be multiplied (found shapes {first.shape} and {second.shape}). "
            "Give weights[0] and weights[1] of SANSA in this order."
        )
    history, is_known = placed(first, catalogue, sources[0], "weights[0] of SANSA, a row for each item")
    items, _ = placed(sp.csr_array(second.T), catalogue, sources[1], "the transpose of weights[1], a row for each item")
    return FactoredRecommender(history, items, placed_offsets(None, is_known, catalogue, sources[0]))


def factors(arrays: Arrays, names: dict[str, str], catalogue: Catalogue, source: str) -> FactoredRecommender:
    """``s = (x P + h) (Q + c)' + b`` from named arrays: the linear autoencoders, two matrices or one.

    Parameters
    ----------
    arrays : dict of str to ndarray
    names : dict of str to str
        Role -> name; without names the shapes tell: (d, n_items) is P' as torch keeps an encoder, (n_items, d) is Q,
        (n_items,) is b and (d,) is h.
    catalogue : Catalogue
    source : str
        Where they come from, for messages.

    Returns
    -------
    FactoredRecommender

    Raises
    ------
    InputError
        The shapes do not tell, or do not fit together.
    """
    roles = _named(arrays, names, source) if names else _by_shape(arrays, catalogue, source)
    n_rows = catalogue.n_items if catalogue.model_ids is None else len(catalogue.model_ids)
    items, is_known = placed(_upright(roles["items"], n_rows), catalogue, source, "a vector for each item")
    history = items
    if "history" in roles:
        history, _ = placed(
            _upright(roles["history"], n_rows), catalogue, source, "a vector for each item of a history"
        )
    if history.shape[1] != items.shape[1]:
        raise InputError(
            f"{source}: vectors of the history have length {history.shape[1]}, those of the items {items.shape[1]}. "
            f"Name the two that belong together: {_example(arrays)}."
        )
    d = items.shape[1]
    shift, start = (_vector(roles.get(role), d, role, source) for role in ("item_bias", "history_bias"))
    shifted = items if shift is None else np.asarray(items) + shift.astype(items.dtype)
    offsets = placed_offsets(roles.get("bias"), is_known, catalogue, source)
    if start is not None:
        added = np.asarray(shifted, dtype=np.float64) @ start
        offsets = added if offsets is None else added + offsets
    return FactoredRecommender(history if "history" in roles else shifted, shifted, offsets)


def _named(arrays: Arrays, names: dict[str, str], source: str) -> Arrays:
    missing = [name for name in names.values() if name not in arrays]
    if missing or "items" not in names:
        what = f"there is no array '{missing[0]}'" if missing else "the items must be named"
        raise InputError(f"{source}: {what} (found {_listed(arrays)}). Name them as in {_example(arrays)}.")
    return {role: arrays[name] for role, name in names.items()}


def _by_shape(arrays: Arrays, catalogue: Catalogue, source: str) -> Arrays:
    if "items" in arrays and arrays.keys() <= set(TENSORS):
        return arrays
    n = catalogue.n_items if catalogue.model_ids is None else len(catalogue.model_ids)
    matrices = {name: array for name, array in arrays.items() if array.ndim == 2}
    upright = [name for name, array in matrices.items() if array.shape[0] == n]
    lying = [name for name, array in matrices.items() if array.shape[0] != n and array.shape[1] == n]
    vectors = {name: array for name, array in arrays.items() if array.ndim == 1}
    if len(upright) != 1 or len(lying) > 1 or len(matrices) != len(upright) + len(lying):
        raise InputError(
            f"{source}: expected one matrix (n_items, d) of items, and perhaps one (d, n_items) of the history, for "
            f"{n} items (found {_listed(arrays)}). Name them: {_example(arrays)}."
        )
    d = matrices[upright[0]].shape[1]
    roles = {"items": upright[0]} | ({"history": lying[0]} if lying else {})
    for role, length in (("bias", n), ("history_bias", d)):
        fitting = [name for name, array in vectors.items() if len(array) == length]
        if len(fitting) > 1 or (fitting and n == d):
            raise InputError(f"{source}: which of {', '.join(fitting)} is the {role}? Name it: {_example(arrays)}.")
        roles |= {role: fitting[0]} if fitting else {}
    return {role: arrays[name] for role, name in roles.items()}


def _upright(matrix: NDArray[Any], n_rows: int) -> NDArray[Any]:
    """With a row for each item: torch keeps the weights of a layer that reads items the other way round."""
    is_lying = matrix.ndim == 2 and matrix.shape[0] != n_rows and matrix.shape[1] == n_rows
    return np.ascontiguousarray(matrix.T) if is_lying else matrix


def _vector(vector: NDArray[Any] | None, d: int, role: str, source: str) -> NDArray[np.float64] | None:
    if vector is None:
        return None
    flat = np.asarray(vector, dtype=np.float64).reshape(-1)
    if len(flat) != d or not np.isfinite(flat).all():
        raise InputError(f"{source}: expected {d} finite numbers as {role} (found shape {np.shape(vector)}).")
    return flat


def _listed(arrays: Arrays) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"


def _example(arrays: Arrays) -> str:
    name = next(iter(arrays), "NAME")
    return f"factors:FILE,items={name},history=...,bias=..."


def with_ids(model: FactoredRecommender, catalogue: Catalogue) -> FactoredRecommender:
    """The model with the ids of its items, for callers in Python."""
    return replace(model, item_ids=catalogue.item_ids)
