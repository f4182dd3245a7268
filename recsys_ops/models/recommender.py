"""One word that says which recommender is meant: fitted here, a file of weights, or an ONNX file."""

import numpy as np
import scipy.sparse as sp

from recsys_ops.arrow import Array
from recsys_ops.errors import ConfigError
from recsys_ops.models.als import fit_als
from recsys_ops.models.ease import RIDGE, FloatType, fit_ease
from recsys_ops.models.fold_in import FoldInRecommender
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.linear import LinearRecommender, load_weights
from recsys_ops.models.onnx_model import PREFIX as ONNX
from recsys_ops.models.onnx_model import OnnxRecommender, load_onnx
from recsys_ops.models.slim import fit_slim
from recsys_ops.models.weights import WEIGHT_SUFFIXES

FITTED = ("ease", "knn", "slim", "als")
"""Recommenders that are fitted here; all others are files."""

Recommender = LinearRecommender | FoldInRecommender | OnnxRecommender


def make_recommender(
    name: str, histories: sp.csr_array, *, ridge: float = RIDGE, dtype: FloatType = np.float32, item_ids: Array
) -> Recommender:
    """Fit or load the recommender of that name.

    Parameters
    ----------
    name : str
        ``ease``, ``knn``, ``slim``, ``als``, the URL of a file of weights, or ``onnx:`` and the URL of an ONNX file.
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings of the users to learn from.
    ridge : float
        Penalty of EASE.
    dtype : float32 or float64
        Of the weights of EASE.
    item_ids : pyarrow.Array, shape (n_items,)
        Ids that a file belongs to.

    Returns
    -------
    Recommender

    Raises
    ------
    ConfigError
        ``name`` is neither, or the settings cannot be honoured.
    InputError
        The file does not hold what it should.
    """
    check_recommender(name)
    if name == "ease":
        return fit_ease(histories, ridge=ridge, dtype=dtype)
    if name == "knn":
        return fit_item_knn(histories)
    if name == "als":
        return fit_als(histories)
    if name.startswith(ONNX):
        return load_onnx(name, item_ids)
    return fit_slim(histories) if name == "slim" else load_weights(name, item_ids)


def check_recommender(name: str) -> None:
    """Refuse a name that is no recommender, before any data are read.

    Parameters
    ----------
    name : str

    Raises
    ------
    ConfigError
        ``name`` is neither a recommender nor a file of one.
    """
    if name not in FITTED and not name.startswith(ONNX) and not name.endswith(WEIGHT_SUFFIXES):
        raise ConfigError(
            f"recommender {name}: expected {', '.join(FITTED)}, a file of weights that ends in one of "
            f"{', '.join(WEIGHT_SUFFIXES)}, or {ONNX}FILE."
        )


def is_linear(name: str) -> bool:
    """Whether the recommender of that name is linear in the history, so that all that is about it can be proven."""
    return name != "als" and not name.startswith(ONNX)
