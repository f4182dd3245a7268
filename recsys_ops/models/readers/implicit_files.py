"""Files of implicit: ALS, BPR and LMF keep ``item_factors`` and ``user_factors``, each with columns of its own.

BPR has the bias in the last column, against 1 in the user's; LMF has 1 for the user's bias in the last but one, and its
own bias in the last. A user's vector of BPR and LMF is learned and cannot be had for a changed history: they are used
as embeddings, where a history is the sum of the vectors of its items.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_ops.errors import InputError
from recsys_ops.models.readers.numpy_files import Arrays

FACTORS = "item_factors"


@dataclass(frozen=True)
class ImplicitFactors:
    """``factors (n, d)``, ``bias (n,)`` or None, and what ALS was fitted with; ``folds_in`` for ALS."""

    factors: NDArray[Any]
    bias: NDArray[Any] | None
    regularization: float | None
    alpha: float | None
    folds_in: bool


def is_implicit(arrays: Arrays) -> bool:
    """Whether the arrays of a ``.npz`` file are those of a factor model of implicit."""
    return {FACTORS, "user_factors"} <= arrays.keys()


def implicit_factors(arrays: Arrays, source: str) -> ImplicitFactors:
    """Split the item factors of implicit into vectors and bias.

    Parameters
    ----------
    arrays : dict of str to ndarray
    source : str
        The file, for messages.

    Returns
    -------
    ImplicitFactors

    Raises
    ------
    InputError
        The columns are not those of ALS, BPR or LMF.
    """
    factors, users = arrays[FACTORS], arrays["user_factors"]
    if factors.ndim != 2 or users.ndim != 2 or factors.shape[1] != users.shape[1]:
        raise InputError(
            f"{source}: expected item_factors (n_items, d) and user_factors (n_users, d) as implicit saves them (found "
            f"shapes {factors.shape} and {users.shape})."
        )
    d = int(arrays["factors"]) if "factors" in arrays and arrays["factors"].size == 1 else factors.shape[1]
    extra = factors.shape[1] - d
    if extra not in (0, 1, 2) or d < 1:
        raise InputError(
            f"{source}: says factors {d}, but item_factors has {factors.shape[1]} columns. ALS has as many, BPR one "
            "and LMF two more."
        )
    settings = (_number(arrays, name) for name in ("regularization", "alpha"))
    regularization, alpha = settings if not extra else (None, None)
    bias = factors[:, -1] if extra else None
    return ImplicitFactors(np.ascontiguousarray(factors[:, :d]), bias, regularization, alpha, not extra)


def _number(arrays: Arrays, name: str) -> float | None:
    return float(arrays[name]) if name in arrays and arrays[name].size == 1 else None
