"""One word that says which linear recommender is meant: fitted here, or a file of weights."""

import numpy as np
import scipy.sparse as sp

from recsys_ops.arrow import Array
from recsys_ops.errors import ConfigError
from recsys_ops.models.ease import RIDGE, FloatType, fit_ease
from recsys_ops.models.knn import fit_item_knn
from recsys_ops.models.linear import LinearRecommender, load_weights
from recsys_ops.models.slim import fit_slim
from recsys_ops.models.weights import WEIGHT_SUFFIXES

FITTED = ("ease", "knn", "slim")
"""Recommenders that are fitted here; all others are files of weights."""


def make_recommender(
    name: str, histories: sp.csr_array, *, ridge: float = RIDGE, dtype: FloatType = np.float32, item_ids: Array
) -> LinearRecommender:
    """Fit or load the recommender of that name.

    Parameters
    ----------
    name : str
        ``ease``, ``knn``, ``slim``, or the URL of a file of weights.
    histories : csr_array, shape (n_users, n_items)
        Ones or scaled ratings of the users to learn from.
    ridge : float
        Penalty of EASE.
    dtype : float32 or float64
        Of the weights of EASE.
    item_ids : pyarrow.Array, shape (n_items,)
        Ids that a file of weights belongs to.

    Returns
    -------
    LinearRecommender

    Raises
    ------
    ConfigError
        ``name`` is neither, or the settings cannot be honoured.
    InputError
        The file of weights does not hold what it should.
    """
    check_recommender(name)
    if name == "ease":
        return fit_ease(histories, ridge=ridge, dtype=dtype)
    if name == "knn":
        return fit_item_knn(histories)
    return fit_slim(histories) if name == "slim" else load_weights(name, item_ids)


def check_recommender(name: str) -> None:
    """Refuse a name that is no recommender, before any data are read.

    Parameters
    ----------
    name : str

    Raises
    ------
    ConfigError
        ``name`` is neither a recommender nor a file of weights.
    """
    if name not in FITTED and not name.endswith(WEIGHT_SUFFIXES):
        raise ConfigError(
            f"recommender {name}: expected {', '.join(FITTED)}, or a file of weights that ends in one of "
            f"{', '.join(WEIGHT_SUFFIXES)}."
        )
